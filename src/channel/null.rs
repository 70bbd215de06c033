//! A channel that reaches nobody: benches, tests, and trying a server without a vendor's account.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::domain::{ChannelKind, Fault, Outcome, Slot};

use super::{Channel, Parcel};

/// Accepts everything at once. With a file, each parcel is appended to it before it is accepted, as one line:
/// `{delivery key} {slot},{slot},...;`; the file survives this process.
#[derive(Debug, Default)]
pub struct NullChannel {
    file: Option<Mutex<File>>,
    accepted: AtomicU64,
}

/// One line of a null channel's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NullRecord {
    /// The delivery key, as written.
    pub key: String,
    /// To whom.
    pub slots: Vec<Slot>,
}

impl NullChannel {
    /// Counts only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends to the file at `path`, which is made if it is not there. A line that was cut off is closed, and stays
    /// one that [`NullRecord::parse`] refuses.
    pub fn with_file(path: &Path) -> std::io::Result<Self> {
        let mut file = File::options().create(true).append(true).read(true).open(path)?;
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(-1)).is_ok() {
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        Ok(Self { file: Some(Mutex::new(file)), accepted: AtomicU64::new(0) })
    }

    /// How many endpoints it has accepted since it was made.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    fn append(&self, parcel: &Parcel) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut line = String::with_capacity(parcel.endpoints.len() * 8 + 32);
        line.push_str(&parcel.content.notice.key.to_string());
        for (position, to) in parcel.endpoints.iter().enumerate() {
            line.push(if position == 0 { ' ' } else { ',' });
            line.push_str(&to.slot.0.to_string());
        }
        line.push_str(";\n");
        // One write of the whole line: a killed process leaves whole lines but for the last.
        file.lock().write_all(line.as_bytes())
    }
}

impl Channel for NullChannel {
    const KIND: ChannelKind = ChannelKind::Null;
    const BATCH: usize = 1_024;
    const NEEDS_TOKEN: bool = false;

    async fn send(&self, parcel: &Parcel) -> Vec<Outcome> {
        let outcome = match self.append(parcel) {
            Ok(()) => Outcome::Accepted { vendor_id: None },
            Err(_) => Outcome::Refused(Fault("the null channel's file could not be written".into())),
        };
        self.accepted.fetch_add(parcel.endpoints.len() as u64, Ordering::Relaxed);
        vec![outcome; parcel.endpoints.len()]
    }
}

impl NullRecord {
    /// Reads one line of the file; `None` for a line that was cut off.
    pub fn parse(line: &str) -> Option<Self> {
        let (key, slots) = line.strip_suffix(';')?.split_once(' ')?;
        let slots = slots.split(',').map(|slot| slot.parse().ok().map(Slot)).collect::<Option<_>>()?;
        Some(Self { key: key.to_owned(), slots })
    }
}
