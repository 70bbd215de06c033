//! A device with a link, both ends of it: the server's session as a door drives it, and what the device makes of it.

use std::collections::VecDeque;
use std::time::Instant;

use hazardcast::device::{Delivery, Seen, Shown};
use hazardcast::domain::{
    Clock, DeliveryKey, DeviceFrame, EncodedNotice, LinkSecret, RegistrationName, ServerFrame, Slot, Timestamp,
};
use hazardcast::link::{Input, LiveLink, Moment, Output, Session, Settings};
use hazardcast::registry::Registered;
use hazardcast::wire::link_frame::{Frame, LinkFrame};

use crate::house::House;

/// A device that can open a link.
pub(crate) struct Phone {
    pub(crate) name: RegistrationName,
    pub(crate) slot: Slot,
    secret: LinkSecret,
    pub(crate) seen: Seen,
    link: Option<OpenLink>,
    /// What came.
    pub(crate) received: Vec<Received>,
}

/// A notice that came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) delivery: Delivery,
    /// What became of it.
    pub(crate) shown: Shown,
    /// When it came.
    pub(crate) at: Timestamp,
}

struct OpenLink {
    session: Session,
    live: Option<LiveLink>,
    /// What the device said that it shows, from when it is in the hub until it is told of what is owed.
    opening: Option<Vec<DeliveryKey>>,
    /// On the way to the device.
    notices: VecDeque<EncodedNotice>,
    /// On the way to the server.
    acknowledged: VecDeque<DeliveryKey>,
}

impl Phone {
    pub(crate) fn of(registered: Registered) -> Self {
        let Registered { registration, link_secret: secret, .. } = registered;
        let (name, slot) = (registration.name, registration.slot);
        Self { name, slot, secret, seen: Seen::default(), link: None, received: Vec::new() }
    }

    /// A notice comes by another way than the link: its app makes the same of it.
    pub(crate) fn push(&mut self, pushed: &crate::lane::Delivery, now: Timestamp) {
        let &crate::lane::Delivery { key, kind, priority, expires, .. } = pushed;
        let delivery = Delivery { key, replaces: pushed.replaces.clone(), kind, priority, expires };
        self.take(delivery, now);
    }

    fn take(&mut self, delivery: Delivery, at: Timestamp) {
        let shown = self.seen.take(&delivery, at);
        self.received.push(Received { delivery, shown, at });
    }

    pub(crate) fn is_open(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.live.is_some())
    }

    /// Opens a link as far as the hub: it is live, and nothing is owed to it yet.
    pub(crate) fn open(&mut self, house: &House) {
        let now = moment(house);
        let mut session = Session::new(Settings::default(), now.instant);
        let (registration, secret, shown) = (self.name.clone(), self.secret, self.seen.keys_shown(house.clock_now()));
        session.handle(now, Input::Frame(DeviceFrame::Hello { registration, secret, shown }));
        let (notices, acknowledged) = (VecDeque::new(), VecDeque::new());
        self.link = Some(OpenLink { session, live: None, opening: None, notices, acknowledged });
        self.act(house);
    }

    /// The second half of opening: what the device is owed sets out.
    pub(crate) fn opened(&mut self, house: &House) {
        if let Some(link) = &mut self.link
            && let Some(shown) = link.opening.take()
        {
            for owed in house.fan_outs.link_opened(self.slot, &shown) {
                link.session.handle(moment(house), Input::Notice(owed));
            }
        }
        self.act(house);
    }

    /// The link is lost, with all that is on its way.
    pub(crate) fn cut(&mut self) {
        self.link = None;
    }

    /// The server's side takes what the hub has for the device.
    pub(crate) fn carry(&mut self, house: &House) -> bool {
        let Some(link) = &mut self.link else { return false };
        let Some(live) = &mut link.live else { return false };
        let mut any = false;
        while let Ok(notice) = live.inbox.try_recv() {
            link.session.handle(moment(house), Input::Notice(notice));
            any = true;
        }
        if let Ok(ending) = live.ending.try_recv() {
            let input = Input::End { reason: ending.reason, reconnect_after: ending.reconnect_after };
            link.session.handle(moment(house), input);
        }
        self.act(house);
        any
    }

    /// One notice comes to the device.
    pub(crate) fn receive(&mut self, house: &House) -> bool {
        let Some(link) = &mut self.link else { return false };
        let Some(encoded) = link.notices.pop_front() else { return false };
        let Some(Frame::Notice(notice)) = LinkFrame::Encoded(encoded.bytes).into_frame() else { panic!("no notice") };
        let delivery = Delivery::of(&notice).expect("it is whole");
        assert_eq!(delivery.key, encoded.key);
        link.acknowledged.push_back(delivery.key);
        self.take(delivery, house.clock_now());
        true
    }

    /// What the device has acknowledged comes to the server.
    pub(crate) fn acknowledge(&mut self, house: &House) -> bool {
        let Some(link) = &mut self.link else { return false };
        let keys: Vec<DeliveryKey> = link.acknowledged.drain(..).collect();
        if keys.is_empty() {
            return false;
        }
        link.session.handle(moment(house), Input::Frame(DeviceFrame::Acknowledge { keys, presented: true }));
        self.act(house);
        true
    }

    /// Opens the link, if it is not, and lets everything that is on its way come.
    pub(crate) fn catch_up(&mut self, house: &House) -> bool {
        let mut any = false;
        if !self.is_open() {
            self.open(house);
            any = true;
        }
        self.opened(house);
        any |= self.carry(house);
        while self.receive(house) {
            any = true;
        }
        any | self.acknowledge(house)
    }

    /// Keeps what the device has over the server's end.
    fn act(&mut self, house: &House) {
        let Some(link) = &mut self.link else { return };
        while let Some(output) = link.session.poll() {
            match output {
                Output::Authenticate { registration, secret } => {
                    let slot = house.registry().authenticate(&registration, &secret).expect("it can be read");
                    link.session.handle(moment(house), Input::Authenticated(slot));
                }
                Output::Open { slot, shown } => {
                    assert_eq!(slot, self.slot);
                    link.live = house.hub.open(slot);
                    link.opening = Some(shown);
                }
                Output::Send(ServerFrame::Notice(notice)) => link.notices.push_back(notice),
                Output::Send(_) => {}
                Output::Acknowledged(keys) => house.fan_outs.acknowledged(self.slot, keys),
                // What was sent before it still comes.
                Output::Close => link.live = None,
            }
        }
    }
}

fn moment(house: &House) -> Moment {
    Moment { instant: Instant::now(), server_time: house.clock.now() }
}
