//! The regions of a data folder: sets that were imported, each in a file of its own, and the [`Gazetteer`] of them.
//!
//! ```text
//! regions/lock                           held by the server that uses the folder
//! regions/<id>.regions                   one set; the id is made of scheme, name and date of validity
//! ```
//!
//! A file is written beside and put in the place of the one before, synced, so that one whole file is there at any
//! instant; it ends with a checksum. A file that is torn or damaged is named ([`RegionStore::open`] gives it beside
//! what could be read) and nothing of it is used: its codes are not known, which each alert that names them tells. The
//! others are used, since an alert with polygons needs none of them and must not wait for an operator.

pub mod answer;
mod codec;
mod error;
mod geojson;

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::Timestamp;
use crate::files;
use crate::locate::{Gazetteer, RegionSet};

pub use error::{ImportError, RegionError};
pub use geojson::{Import, MOST_BYTES, read};

/// The most sets of one data folder.
const MOST_SETS: usize = 256;

/// The largest file that is read, bytes: one with the most regions and points is smaller.
const MOST_FILE: u64 = 256 << 20;

/// How the name of a set's file ends.
const EXTENSION: &str = "regions";

/// The sets of one data folder, held for this process.
#[derive(Debug)]
pub struct RegionStore {
    folder: PathBuf,
    sets: Mutex<Vec<Arc<RegionSet>>>,
    _lock: File,
}

/// What was read of a data folder.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The sets.
    pub sets: Vec<Arc<RegionSet>>,
    /// The files that could not be read, each named. Nothing of them is among the sets.
    pub damaged: Vec<RegionError>,
}

impl RegionStore {
    /// Takes the regions of a data folder for this process and reads them; gives what could not be read beside.
    pub fn open(data_dir: &Path) -> Result<(Self, Vec<RegionError>), RegionError> {
        let folder = folder(data_dir);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(RegionError::file("make", &folder))?;
        let lock = lock(&folder)?;
        let Loaded { sets, damaged } = load(data_dir)?;
        Ok((Self { folder, sets: Mutex::new(sets), _lock: lock }, damaged))
    }

    /// A gazetteer of all sets.
    pub fn gazetteer(&self) -> Gazetteer {
        Gazetteer::new(self.sets.lock().iter().cloned())
    }

    /// Puts sets on disk, each in the place of the one of equal scheme, name and date, and tells `changed` after each
    /// what all come to. One call at a time, so that the newest is told last.
    pub fn put(&self, new: Vec<RegionSet>, changed: impl Fn(&Gazetteer)) -> Result<(), RegionError> {
        let mut sets = self.sets.lock();
        for set in new {
            let id = id(&set);
            let before = sets.iter().position(|known| self::id(known) == id);
            if before.is_none() && sets.len() >= MOST_SETS {
                return Err(RegionError::TooManySets { most: MOST_SETS });
            }
            let path = self.folder.join(&id).with_extension(EXTENSION);
            let bytes = codec::write(&set).filter(|bytes| bytes.len() as u64 <= MOST_FILE);
            let too_large = ImportError::TooLarge { most: MOST_FILE as usize };
            files::replace(&path, &bytes.ok_or(too_large)?).map_err(RegionError::file("write", &path))?;
            match before.and_then(|at| sets.get_mut(at)) {
                Some(known) => *known = Arc::new(set),
                None => sets.push(Arc::new(set)),
            }
            changed(&Gazetteer::new(sets.iter().cloned()));
        }
        Ok(())
    }
}

/// Reads the sets of a data folder, without taking it. One that has none is empty.
pub fn load(data_dir: &Path) -> Result<Loaded, RegionError> {
    let folder = folder(data_dir);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Loaded::default()),
        Err(error) => return Err(RegionError::file("read", &folder)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(RegionError::file("read", &folder))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut loaded = Loaded::default();
    for path in paths {
        match read_set(&path) {
            Ok(set) => loaded.sets.push(Arc::new(set)),
            Err(error) => loaded.damaged.push(error),
        }
    }
    Ok(loaded)
}

fn read_set(path: &Path) -> Result<RegionSet, RegionError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(RegionError::file("read", path))?;
    file.take(MOST_FILE + 1).read_to_end(&mut bytes).map_err(RegionError::file("read", path))?;
    let set = codec::read(&bytes).map_err(RegionError::bad(path))?;
    // A file that was given another's name would be used beside the one that takes its place.
    let is_named_so = path.file_stem().is_some_and(|stem| stem == id(&set).as_str());
    let damaged = || RegionError::Damaged { path: path.to_owned(), reason: "it has the name of another set" };
    is_named_so.then_some(set).ok_or_else(damaged)
}

/// What names a set: its scheme, its name and its date, in letters that a file's name may have, and a sum of all three,
/// since what they are made of may not be.
pub fn id(set: &RegionSet) -> String {
    let date = set.valid_from.map(|from| from.as_microsecond().to_string()).unwrap_or_default();
    let whole = format!("{}\n{}\n{date}", set.scheme().as_str(), set.name);
    let day = set.valid_from.map(|from| from.strftime("-%Y-%m-%d").to_string()).unwrap_or_default();
    let words = format!("{}-{}{day}", set.scheme().as_str(), set.name);
    let letters = words.chars().filter_map(|c| match c {
        'a'..='z' | '0'..='9' => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        '-' | '_' | ' ' | ':' | '.' => Some('-'),
        _ => None,
    });
    let letters: String = letters.take(80).collect();
    format!("{letters}-{:08x}", crc32fast::hash(whole.as_bytes()))
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("regions")
}

fn lock(folder: &Path) -> Result<File, RegionError> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(RegionError::file("make", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RegionError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(RegionError::file("lock", &path)(error)),
    }
}

/// When a date begins, in UTC: `2026-03-18`.
pub fn begin_of(date: &str) -> Option<Timestamp> {
    let is_date = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_date.then(|| format!("{date}T00:00:00Z").parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
