//! One link's protocol. Pure: time is an argument.
//!
//! After each [`Session::handle`], call [`Session::poll`] until it gives `None`, then sleep until [`Session::deadline`]
//! and handle [`Input::Tick`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::{
    DeliveryKey, DeviceFrame, EncodedNotice, GoodbyeReason, LinkSecret, RegistrationName, ServerFrame, Slot, Timestamp,
};

/// What is the same for all links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a device has for its hello.
    pub hello_within: Duration,
    /// How often a device is to send a heartbeat. A link is lost after two and a half of these in silence.
    pub heartbeat: Duration,
    /// How long a device that the server sends away is to wait, where nothing else is said.
    pub reconnect_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hello_within: Duration::from_secs(10),
            heartbeat: Duration::from_mins(4),
            reconnect_after: Duration::from_secs(1),
        }
    }
}

/// One moment, by the clock that waits are measured with and by the server's clock.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For deadlines.
    pub instant: Instant,
    /// For the device.
    pub server_time: Timestamp,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Input {
    /// The device sent a frame.
    Frame(DeviceFrame),
    /// The device sent what is no frame.
    Garbage,
    /// The answer to [`Output::Authenticate`].
    Authenticated(Option<Slot>),
    /// A notice for the device.
    Notice(EncodedNotice),
    /// The server ends the link.
    End {
        /// Why.
        reason: GoodbyeReason,
        /// How long the device is to wait.
        reconnect_after: Duration,
    },
    /// The deadline may have come.
    Tick,
}

/// What a session wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Find out whose link this is, and answer with [`Input::Authenticated`].
    Authenticate {
        /// Who it says it is.
        registration: RegistrationName,
        /// Its proof.
        secret: LinkSecret,
    },
    /// Make the link known: it can carry notices now.
    Open {
        /// Whose link it is.
        slot: Slot,
        /// The newest key of each alert that the device says it shows.
        shown: Vec<DeliveryKey>,
    },
    /// Send a frame.
    Send(ServerFrame),
    /// The device has these notices.
    Acknowledged(Vec<DeliveryKey>),
    /// Close the stream. Nothing follows.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Greeting { until: Instant },
    Authenticating { until: Instant },
    Open { heard: Instant },
    Closed,
}

/// One link's protocol.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    state: State,
    /// What the device said that it shows, until the link is open.
    shown: Vec<DeliveryKey>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A stream that was just opened.
    pub fn new(settings: Settings, now: Instant) -> Self {
        let state = State::Greeting { until: now + settings.hello_within };
        Self { settings, state, shown: Vec::new(), outputs: VecDeque::new() }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Moment, input: Input) {
        match (self.state, input) {
            (State::Closed, _) => {}
            (_, Input::End { reason, reconnect_after }) => self.end(reason, reconnect_after),
            (_, Input::Frame(DeviceFrame::Goodbye)) => self.close(),
            (State::Greeting { until }, Input::Frame(DeviceFrame::Hello { registration, secret, shown })) => {
                self.shown = shown;
                self.state = State::Authenticating { until };
                self.outputs.push_back(Output::Authenticate { registration, secret });
            }
            (State::Authenticating { .. }, Input::Authenticated(Some(slot))) => self.open(now, slot),
            (State::Authenticating { .. }, Input::Authenticated(None)) => self.leave(GoodbyeReason::Unauthenticated),
            (State::Open { .. }, Input::Frame(frame)) => self.hear(now, frame),
            (State::Open { .. }, Input::Notice(notice)) => self.send(ServerFrame::Notice(notice)),
            (_, Input::Frame(_) | Input::Garbage) => self.leave(GoodbyeReason::ProtocolError),
            // Before the link is open there is nobody to carry a notice to: it stays owed.
            (_, Input::Notice(_) | Input::Authenticated(_)) => {}
            (_, Input::Tick) => {
                if self.deadline().is_some_and(|deadline| deadline <= now.instant) {
                    self.leave(GoodbyeReason::TimedOut);
                }
            }
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to look again if nothing else happens; `None` when closed.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Greeting { until } | State::Authenticating { until } => Some(until),
            State::Open { heard } => Some(heard + self.settings.heartbeat * 5 / 2),
            State::Closed => None,
        }
    }

    fn open(&mut self, now: Moment, slot: Slot) {
        self.state = State::Open { heard: now.instant };
        let heartbeat = self.settings.heartbeat;
        self.send(ServerFrame::Welcome { server_time: now.server_time, heartbeat });
        self.outputs.push_back(Output::Open { slot, shown: std::mem::take(&mut self.shown) });
    }

    fn hear(&mut self, now: Moment, frame: DeviceFrame) {
        self.state = State::Open { heard: now.instant };
        match frame {
            DeviceFrame::Heartbeat => self.send(ServerFrame::Heartbeat { server_time: now.server_time }),
            DeviceFrame::Acknowledge { keys, .. } => self.outputs.push_back(Output::Acknowledged(keys)),
            DeviceFrame::Hello { .. } => self.leave(GoodbyeReason::ProtocolError),
            DeviceFrame::Goodbye => self.close(),
        }
    }

    fn leave(&mut self, reason: GoodbyeReason) {
        self.end(reason, self.settings.reconnect_after);
    }

    fn end(&mut self, reason: GoodbyeReason, reconnect_after: Duration) {
        self.send(ServerFrame::Goodbye { reason, reconnect_after });
        self.close();
    }

    fn send(&mut self, frame: ServerFrame) {
        self.outputs.push_back(Output::Send(frame));
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.outputs.push_back(Output::Close);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Cid, LineageId, Private, Revision};

    fn hello() -> DeviceFrame {
        let app = "partners/dev/apps/news".parse().expect("an app's name");
        let registration = RegistrationName { app, cid: Cid([1; 16]), installation: None };
        DeviceFrame::Hello { registration, secret: LinkSecret(Private::new([2; 32])), shown: Vec::new() }
    }

    fn notice() -> EncodedNotice {
        let key = DeliveryKey { lineage: LineageId(1), revision: Revision::FIRST };
        EncodedNotice { key, bytes: bytes::Bytes::from_static(b"notice") }
    }

    fn acknowledge() -> Input {
        Input::Frame(DeviceFrame::Acknowledge { keys: vec![notice().key], presented: true })
    }

    fn drain() -> Input {
        Input::End { reason: GoodbyeReason::Draining, reconnect_after: Duration::ZERO }
    }

    fn input() -> impl Strategy<Value = Input> {
        prop_oneof![
            3 => Just(()).prop_map(|()| Input::Frame(hello())),
            3 => prop::option::of(Just(Slot(7))).prop_map(Input::Authenticated),
            2 => Just(()).prop_map(|()| Input::Frame(DeviceFrame::Heartbeat)),
            2 => Just(()).prop_map(|()| acknowledge()),
            3 => Just(()).prop_map(|()| Input::Notice(notice())),
            2 => Just(()).prop_map(|()| Input::Tick),
            1 => Just(()).prop_map(|()| Input::Garbage),
            1 => Just(()).prop_map(|()| Input::Frame(DeviceFrame::Goodbye)),
            1 => Just(()).prop_map(|()| drain()),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_the_order_of_frames_holds(inputs in prop::collection::vec((0..200_u64, input()), 0..40)) {
            let start = Instant::now();
            let mut session = Session::new(Settings::default(), start);
            let mut elapsed = Duration::ZERO;
            let (mut welcomed, mut ended, mut closed) = (false, false, false);
            for (seconds, input) in inputs {
                elapsed += Duration::from_secs(seconds);
                session.handle(Moment { instant: start + elapsed, server_time: Timestamp::UNIX_EPOCH }, input);
                while let Some(output) = session.poll() {
                    prop_assert!(!closed, "nothing follows the close");
                    match output {
                        Output::Send(frame) => {
                            prop_assert!(!ended, "no frame follows a goodbye");
                            match frame {
                                ServerFrame::Welcome { .. } => prop_assert!(!std::mem::replace(&mut welcomed, true)),
                                ServerFrame::Goodbye { .. } => ended = true,
                                ServerFrame::Notice(_) | ServerFrame::Heartbeat { .. } => prop_assert!(welcomed),
                            }
                        }
                        Output::Open { .. } | Output::Acknowledged(_) => prop_assert!(welcomed),
                        Output::Authenticate { .. } => prop_assert!(!welcomed),
                        Output::Close => closed = true,
                    }
                }
                prop_assert_eq!(closed, session.deadline().is_none());
            }
        }
    }

    #[test]
    fn a_device_that_is_silent_for_two_and_a_half_heartbeats_is_lost() {
        let start = Instant::now();
        let settings = Settings::default();
        let mut session = Session::new(settings, start);
        let at = |instant| Moment { instant, server_time: Timestamp::UNIX_EPOCH };
        session.handle(at(start), Input::Frame(hello()));
        session.handle(at(start), Input::Authenticated(Some(Slot(1))));
        session.handle(at(start + settings.heartbeat * 2), Input::Tick);
        assert!(session.deadline().is_some(), "it may still come");
        session.handle(at(start + settings.heartbeat * 5 / 2), Input::Tick);
        let last: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
        let timed_out = GoodbyeReason::TimedOut;
        assert!(
            last.iter().any(|o| matches!(o, Output::Send(ServerFrame::Goodbye { reason, .. }) if *reason == timed_out))
        );
    }
}
