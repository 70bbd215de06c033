//! Counts of one bulletin by app (R-S4): [`ByApp`].
//!
//! Whoever counts does so a batch at a time. Of what the journal tells at start it is not known which apps it was sent
//! to before the registry is loaded: that is kept, 4 bytes a device, until it is [attributed](ByApp::attribute).

use foldhash::HashMap;
use parking_lot::Mutex;

use crate::domain::{AppSlot, ChannelKind, DeviceSlot};
use crate::plan::Skipped;

/// What became of the devices of one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Devices not told, by the number of the rule.
    pub skipped: [u64; Skipped::ALL.len()],
    /// Devices sent to, by the number of the channel.
    pub sent: [u64; ChannelKind::ALL.len()],
    /// Devices that have acknowledged.
    pub acknowledged: u64,
}

impl Tally {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.skipped.iter_mut().zip(other.skipped).for_each(|(sum, count)| *sum += count);
        self.sent.iter_mut().zip(other.sent).for_each(|(sum, count)| *sum += count);
        self.acknowledged += other.acknowledged;
    }
}

/// How many devices of each app; `None`: of registrations that are deleted.
pub type AppCounts = HashMap<Option<AppSlot>, u64>;

/// Counts by app. Of registrations that were deleted before they were counted nobody knows the app.
#[derive(Debug, Default)]
pub struct ByApp {
    tallies: Mutex<HashMap<Option<AppSlot>, Tally>>,
    /// What the journal told, yet to be attributed.
    replayed: Mutex<Vec<Replayed>>,
}

#[derive(Debug)]
enum Replayed {
    Sent(ChannelKind, Vec<DeviceSlot>),
    Acknowledged(Vec<DeviceSlot>),
}

impl ByApp {
    /// A rule kept devices of an app from being told.
    pub fn skipped(&self, app: Option<AppSlot>, reason: Skipped, count: u64) {
        self.tallies.lock().entry(app).or_default().skipped[reason as usize] += count;
    }

    /// A channel has taken devices.
    pub fn sent(&self, channel: ChannelKind, counts: &AppCounts) {
        let mut tallies = self.tallies.lock();
        for (app, count) in counts {
            tallies.entry(*app).or_default().sent[channel as usize] += count;
        }
    }

    /// Devices have acknowledged.
    pub fn acknowledged(&self, counts: &AppCounts) {
        let mut tallies = self.tallies.lock();
        for (app, count) in counts {
            tallies.entry(*app).or_default().acknowledged += count;
        }
    }

    /// A channel had taken devices before the server was started.
    pub(super) fn sent_before(&self, channel: ChannelKind, devices: &[DeviceSlot]) {
        self.replayed.lock().push(Replayed::Sent(channel, devices.to_vec()));
    }

    /// Devices had acknowledged before the server was started.
    pub(super) fn acknowledged_before(&self, devices: &[DeviceSlot]) {
        self.replayed.lock().push(Replayed::Acknowledged(devices.to_vec()));
    }

    /// Says of which app each device is that the journal told of.
    pub(super) fn attribute(&self, app_of: impl Fn(DeviceSlot) -> Option<AppSlot>) {
        for replayed in std::mem::take(&mut *self.replayed.lock()) {
            match replayed {
                Replayed::Sent(channel, devices) => self.sent(channel, &count(devices.into_iter().map(&app_of))),
                Replayed::Acknowledged(devices) => self.acknowledged(&count(devices.into_iter().map(&app_of))),
            }
        }
    }

    /// The counts now.
    pub fn tallies(&self) -> Vec<(Option<AppSlot>, Tally)> {
        self.tallies.lock().iter().map(|(app, tally)| (*app, *tally)).collect()
    }
}

/// How often each app is there. Neighbours are often of the same one: it is looked up once for them all.
pub fn count(apps: impl Iterator<Item = Option<AppSlot>>) -> AppCounts {
    let mut counts = AppCounts::default();
    let mut run = (None, 0);
    for app in apps {
        if app != run.0 {
            add(&mut counts, run);
            run = (app, 0);
        }
        run.1 += 1;
    }
    add(&mut counts, run);
    counts
}

fn add(counts: &mut AppCounts, (app, count): (Option<AppSlot>, u64)) {
    if count > 0 {
        *counts.entry(app).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_app_is_counted_wherever_it_is_in_a_batch() {
        let apps = [None, Some(1), Some(1), None, Some(2), Some(1)].map(|app| app.map(AppSlot));
        let expected = [(None, 2), (Some(AppSlot(1)), 3), (Some(AppSlot(2)), 1)];
        assert_eq!(count(apps.into_iter()), AppCounts::from_iter(expected));
        assert!(count(std::iter::empty()).is_empty());
    }

    #[test]
    fn what_was_sent_before_the_start_is_counted_by_app_when_the_apps_are_known() {
        let by_app = ByApp::default();
        by_app.sent_before(ChannelKind::Link, &[1, 2, 3].map(DeviceSlot));
        by_app.acknowledged_before(&[2].map(DeviceSlot));
        assert!(by_app.tallies().is_empty());
        by_app.attribute(|device| (device.0 != 3).then_some(AppSlot(7)));
        by_app.attribute(|_| None);
        let mut tallies = by_app.tallies();
        tallies.sort_unstable_by_key(|(app, _)| *app);
        let sent = |tally: &Tally| (tally.sent[ChannelKind::Link as usize], tally.acknowledged);
        let found: Vec<_> = tallies.iter().map(|(app, tally)| (*app, sent(tally))).collect();
        assert_eq!(found, [(None, (1, 0)), (Some(AppSlot(7)), (2, 1))]);
    }
}
