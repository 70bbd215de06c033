//! Many devices in one process: load tests, and the demo.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::domain::{Clock, DeliveryKey, NoticeKind, Priority, Timestamp};
use crate::tasks::Tasks;
use crate::wire::convert::time;
use crate::wire::v1;

use super::{Credentials, Delivery, Event, Link, Seen, Shown};

/// How a fleet is run.
#[derive(Default)]
pub struct FleetOptions {
    /// Each notice that is shown is appended to this file before it is acknowledged: `{delivery key} {device}`, one a
    /// line.
    pub record: Option<File>,
    /// The server's own clock, where it runs in the same process: times are then exact, and not what each device makes
    /// of the server's time.
    pub clock: Option<Arc<dyn Clock>>,
}

/// Devices with live links.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    open: AtomicU64,
    opened: AtomicU64,
    received: AtomicU64,
    dropped: AtomicU64,
    shown: Vec<AtomicU32>,
    told_twice: AtomicU64,
    receipts: Mutex<Times>,
    record: Mutex<Option<File>>,
    clock: Option<Arc<dyn Clock>>,
    stop: CancellationToken,
}

/// One device.
#[derive(Default)]
struct Phone {
    number: usize,
    seen: Seen,
    is_open: bool,
    /// What it was shown.
    shown: HashSet<(DeliveryKey, NoticeKind, Priority)>,
    /// Whether it was shown any of that more than once.
    twice: bool,
}

struct Times {
    latency_us: Histogram<u64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// What a fleet has had so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipts {
    /// Links that are open.
    pub open: u64,
    /// Times that a link was opened.
    pub opened: u64,
    /// Notices that came.
    pub received: u64,
    /// Notices that were dropped as repeats.
    pub dropped: u64,
    /// Devices that were shown something.
    pub told: u64,
    /// Devices that were shown the same notice more than once.
    pub told_twice: u64,
    /// From the server's encoding to the device's handling: median, 99th percentile and most, milliseconds.
    pub latency_ms: [f64; 3],
    /// The server's time when the first notice came.
    pub first: Option<Timestamp>,
    /// And the last.
    pub last: Option<Timestamp>,
}

impl Fleet {
    /// Starts a task for each device; `channels` are shared among them in turn.
    pub fn start(channels: &[Channel], devices: Vec<Credentials>, options: FleetOptions, tasks: &Tasks) -> Self {
        let latency_us = Histogram::new(3).expect("three digits are allowed");
        let fleet = Self(Arc::new(Inner {
            open: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            received: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            shown: devices.iter().map(|_| AtomicU32::new(0)).collect(),
            told_twice: AtomicU64::new(0),
            receipts: Mutex::new(Times { latency_us, first: None, last: None }),
            record: Mutex::new(options.record),
            clock: options.clock,
            stop: CancellationToken::new(),
        }));
        for (number, (credentials, channel)) in devices.into_iter().zip(channels.iter().cycle()).enumerate() {
            let link = Link::new(channel.clone(), credentials);
            let device = fleet.clone();
            let stop = fleet.0.stop.clone();
            tasks.spawn("device", async move {
                let mut phone = Phone { number, ..Phone::default() };
                let running = link.run(|event| device.handle(&mut phone, event));
                tokio::select! {
                    _ = running => {}
                    () = stop.cancelled() => {}
                }
                if phone.is_open {
                    device.0.open.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
        fleet
    }

    /// Closes every link.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// How many links are open.
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// How many things each device was shown, in the order in which the devices were given.
    pub fn shown(&self) -> Vec<u32> {
        self.0.shown.iter().map(|shown| shown.load(Ordering::Acquire)).collect()
    }

    /// What came so far.
    pub fn receipts(&self) -> Receipts {
        let shown = self.shown();
        let times = self.0.receipts.lock();
        let at = |quantile: f64| times.latency_us.value_at_quantile(quantile) as f64 / 1000.0;
        Receipts {
            open: self.open(),
            opened: self.0.opened.load(Ordering::Relaxed),
            received: self.0.received.load(Ordering::Relaxed),
            dropped: self.0.dropped.load(Ordering::Relaxed),
            told: shown.iter().filter(|&&times| times > 0).count() as u64,
            told_twice: self.0.told_twice.load(Ordering::Relaxed),
            latency_ms: [at(0.5), at(0.99), at(1.0)],
            first: times.first,
            last: times.last,
        }
    }

    fn handle(&self, phone: &mut Phone, event: Event<'_>) {
        match event {
            Event::Opening { shown, server_time } => *shown = phone.seen.keys_shown(server_time),
            Event::Opened => {
                phone.is_open = true;
                self.0.open.fetch_add(1, Ordering::Relaxed);
                self.0.opened.fetch_add(1, Ordering::Relaxed);
            }
            Event::Closed { .. } => {
                if std::mem::take(&mut phone.is_open) {
                    self.0.open.fetch_sub(1, Ordering::Relaxed);
                }
            }
            Event::Notice { notice, key, server_time } => self.receive(phone, &notice, key, server_time),
        }
    }

    fn receive(&self, phone: &mut Phone, notice: &v1::Notice, key: DeliveryKey, now: Timestamp) {
        self.0.received.fetch_add(1, Ordering::Relaxed);
        // What a device does not know it must not show.
        let Some(delivery) = Delivery::of(notice) else { return };
        if phone.seen.take(&delivery, now) == Shown::Dropped {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if let Some(record) = self.0.record.lock().as_mut() {
            // One write, before the acknowledgement: whoever reads the file sees whole lines.
            let _ = record.write_all(format!("{key} {}\n", phone.number).as_bytes());
        }
        // What decides what is shown is not asked whether it was right.
        if !phone.shown.insert((key, delivery.kind, delivery.priority)) && !std::mem::replace(&mut phone.twice, true) {
            self.0.told_twice.fetch_add(1, Ordering::Relaxed);
        }
        self.0.shown[phone.number].fetch_add(1, Ordering::AcqRel);
        let now = self.0.clock.as_ref().map_or(now, |clock| clock.now());
        let encoded = time::required(notice.server_time, "server_time").unwrap_or(now);
        let latency = u64::try_from(now.duration_since(encoded).as_micros()).unwrap_or(0);
        let mut times = self.0.receipts.lock();
        times.latency_us.saturating_record(latency);
        times.first = Some(times.first.map_or(now, |first| first.min(now)));
        times.last = Some(times.last.map_or(now, |last| last.max(now)));
    }
}
