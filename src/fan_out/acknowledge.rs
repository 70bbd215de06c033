//! Acknowledgements, gathered so that many share one journal entry.

use std::collections::HashMap;

use tokio::sync::mpsc;

use crate::domain::{ChannelKind, DeliveryKey, DeviceSlot, Milestone, Slot};
use crate::journal::Entry;
use crate::ledger::count;

use super::FanOuts;

/// How many acknowledgements may wait. One that finds the inbox full is dropped: the notice stays owed, is sent again
/// when the link next opens, and the device drops the repeat.
const WAITING: usize = 1 << 16;

/// The most acknowledgements in one journal entry.
const ENTRY: usize = 4_096;

type Item = (DeviceSlot, DeliveryKey);

/// Where links put what devices acknowledge.
pub(super) struct Inbox(parking_lot::Mutex<Option<mpsc::Sender<Item>>>);

/// Records what devices have acknowledged.
pub struct Recorder {
    house: FanOuts,
    inbox: mpsc::Receiver<Item>,
    items: Vec<Item>,
}

pub(super) fn inbox() -> (Inbox, mpsc::Receiver<Item>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Inbox(parking_lot::Mutex::new(Some(sender))), receiver)
}

impl Inbox {
    pub(super) fn put(&self, device: DeviceSlot, keys: Vec<DeliveryKey>) {
        if let Some(sender) = self.0.lock().as_ref() {
            for key in keys {
                let _ = sender.try_send((device, key));
            }
        }
    }

    pub(super) fn close(&self) {
        self.0.lock().take();
    }
}

impl Recorder {
    pub(super) fn new(house: FanOuts, inbox: mpsc::Receiver<Item>) -> Self {
        Self { house, inbox, items: Vec::with_capacity(ENTRY) }
    }

    /// Runs until no more bulletins come and all is recorded.
    pub(super) async fn run(mut self) {
        while self.inbox.recv_many(&mut self.items, ENTRY).await > 0 {
            self.record_all();
        }
    }

    /// Records what waits, as much as one journal entry holds; false if nothing does.
    pub fn step(&mut self) -> bool {
        while self.items.len() < ENTRY
            && let Ok(item) = self.inbox.try_recv()
        {
            self.items.push(item);
        }
        let any = !self.items.is_empty();
        self.record_all();
        any
    }

    fn record_all(&mut self) {
        let mut by_key: HashMap<DeliveryKey, Vec<DeviceSlot>> = HashMap::new();
        for (device, key) in self.items.drain(..) {
            by_key.entry(key).or_default().push(device);
        }
        for (key, devices) in by_key {
            self.house.record_acknowledged(key, devices);
        }
    }
}

impl FanOuts {
    /// Records devices that had not acknowledged `key`. An acknowledgement may overtake the lane's own mark that it was
    /// sent. Of one that can never have been sent anything in the lineage it counts for nothing.
    fn record_acknowledged(&self, key: DeliveryKey, mut devices: Vec<DeviceSlot>) {
        let Some(reach) = self.ledger().find_reach(key.lineage) else { return };
        let Some(round) = reach.round(key.revision) else { return };
        devices.retain(|&device| round.may_have(device) || reach.may_show(device));
        let devices = reach.acknowledge(key.revision, devices);
        if devices.is_empty() {
            return;
        }
        self.count_devices(ChannelKind::Link, Milestone::Acknowledged, devices.len());
        if let Some(progress) = self.ledger().find_progress(key) {
            progress.acknowledged(devices.len() as u64, self.now());
            progress.by_app.acknowledged(&count(devices.iter().map(|device| self.app_of(Slot(device.0)))));
        }
        self.journal().append_forget(Entry::Acknowledged { key, devices });
    }
}
