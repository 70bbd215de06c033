//! Acknowledgements, gathered so that many share one journal entry.

use std::collections::HashMap;

use tokio::sync::mpsc;

use crate::domain::{DeliveryKey, DeviceSlot};
use crate::journal::Entry;

use super::FanOuts;

/// How many acknowledgements may wait. One that finds the inbox full is dropped: the notice stays owed, is sent again
/// when the link next opens, and the device drops the repeat.
const WAITING: usize = 1 << 16;

/// The most acknowledgements in one journal entry.
const ENTRY: usize = 4_096;

type Item = (DeviceSlot, DeliveryKey);

/// Where links put what devices acknowledge.
pub(super) struct Inbox(parking_lot::Mutex<Option<mpsc::Sender<Item>>>);

/// The task that records them.
pub(super) struct Recorder(mpsc::Receiver<Item>);

pub(super) fn inbox() -> (Inbox, Recorder) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Inbox(parking_lot::Mutex::new(Some(sender))), Recorder(receiver))
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
    pub(super) async fn run(mut self, house: FanOuts) {
        let mut items = Vec::with_capacity(ENTRY);
        while self.0.recv_many(&mut items, ENTRY).await > 0 {
            let mut by_key: HashMap<DeliveryKey, Vec<DeviceSlot>> = HashMap::new();
            for (device, key) in items.drain(..) {
                by_key.entry(key).or_default().push(device);
            }
            for (key, devices) in by_key {
                record(&house, key, devices);
            }
        }
    }
}

/// Records devices that had not acknowledged `key`. An acknowledgement may overtake the lane's own mark that it was
/// sent; one that was never sent anything can only leave itself out.
fn record(house: &FanOuts, key: DeliveryKey, mut devices: Vec<DeviceSlot>) {
    let Some(reach) = house.0.around.ledger.find_reach(key.lineage) else { return };
    devices.sort_unstable();
    devices.dedup();
    let Some(round) = reach.round(key.revision) else { return };
    devices.retain(|&device| !round.is_acknowledged(device));
    if devices.is_empty() {
        return;
    }
    reach.mark_acknowledged(key.revision, &devices);
    if let Some(progress) = house.0.around.ledger.find_progress(key) {
        progress.acknowledged(devices.len() as u64, Some(house.now()));
    }
    house.journal().append_forget(Entry::Acknowledged { key, devices });
}
