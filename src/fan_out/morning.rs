//! When quiet hours end: what holds then is told to those who were not woken for it (R-S2).
//!
//! Who was left asleep is kept nowhere. Everybody whose quiet hours end is looked at, as if they had arrived, and is
//! told what stands at their place and is due: so it is the same after a crash, when what is in force is swept again.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::{Slot, Timestamp};
use crate::ledger::settle;

use super::FanOuts;

/// How long it may take until it is noticed that somewhere quiet hours have ended. A look costs nothing while none has.
const LOOK: Duration = Duration::from_secs(1);

/// How many are looked at between two looks whether the server ends.
const STEP: usize = 1_024;

/// Looks whose quiet hours have ended. It has to be there before the first sweep begins: whoever is left asleep from
/// then on is told when they end.
pub struct Morning {
    house: FanOuts,
    looked: Timestamp,
    bell: Receiver<()>,
}

/// Ends [`Morning`] when it is closed.
pub(super) struct Bell(Mutex<Option<Sender<()>>>);

pub(super) fn bell() -> (Bell, Receiver<()>) {
    let (sender, receiver) = channel();
    (Bell(Mutex::new(Some(sender))), receiver)
}

impl Bell {
    pub(super) fn close(&self) {
        self.0.lock().take();
    }
}

impl Morning {
    pub(super) fn new(house: FanOuts, bell: Receiver<()>) -> Self {
        Self { looked: house.now(), house, bell }
    }

    /// Runs until no more bulletins come.
    pub(super) fn run(mut self) {
        while self.bell.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            self.step();
        }
    }

    /// Tells those whose quiet hours have ended since the last look; false if there is nobody.
    pub fn step(&mut self) -> bool {
        let now = self.house.now();
        let since = std::mem::replace(&mut self.looked, now);
        // Whoever did not tell them because it was quiet read the time before this did, and what they planned stood
        // before that; or they find their claim given back and look once more.
        settle();
        // Also when nothing stands: an alert that comes finds known where it is quiet.
        let rested = self.house.registry().rested(since, now);
        if self.house.standing().is_empty() {
            return false;
        }
        let mut any = false;
        for (number, slot) in rested.enumerate() {
            if number % STEP == 0 && self.bell.try_recv() == Err(TryRecvError::Disconnected) {
                break;
            }
            any = true;
            self.house.rested(slot);
        }
        any
    }
}

impl FanOuts {
    /// The quiet hours of a registration have ended: what stands where it is and was not told is told now. What was
    /// sent over its link before they began, and was not acknowledged, is sent again: a link that opened meanwhile was
    /// not given it.
    fn rested(&self, slot: Slot) {
        for lineage in self.lineages_at(slot, &self.facts(slot)) {
            if let Some(fan_out) = self.newest(lineage) {
                self.send_again(&fan_out, slot);
            }
        }
    }
}
