//! Feeds on disk: one small file with what its operator said of a feed, one with how far it is.
//!
//! ```text
//! feeds/<id>.feed        what it is
//! feeds/<id>.cursor      how far it is
//! ```
//!
//! A file is written beside and put in the place of the one before, synced, so that one whole file is there at any
//! instant. Without its cursor a feed is read from its beginning: nothing is lost, and what the desk knows changes
//! nothing.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::domain::{Feed, FeedName};
use crate::files::{self, Bad};

use super::codec;
use super::cursor::Cursor;

/// The largest file that is read, bytes: a cursor with the most entries is smaller.
const MOST_FILE: u64 = 64 << 20;

/// Why feeds cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error("cannot {what} {}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// A file was written by a later version.
    #[error("{} is of a later version, {version}", .path.display())]
    LaterVersion {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { what, path, source }
}

/// The folder of feeds.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the folder, which is made if it is not there, and reads the feeds in it; and what could not be read.
    pub(super) fn open(data_dir: &Path) -> Result<(Self, Vec<Feed>, Vec<StoreError>), StoreError> {
        let folder = data_dir.join("feeds");
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(file("make", &folder))?;
        let (mut feeds, mut damaged) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&folder).map_err(file("read", &folder))? {
            let path = entry.map_err(file("read", &folder))?.path();
            if path.extension().is_some_and(|extension| extension == "feed") {
                match read(&path, codec::feed) {
                    Ok(feed) => feeds.extend(feed),
                    Err(error) => damaged.push(error),
                }
            }
        }
        feeds.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((Self { folder }, feeds, damaged))
    }

    /// Keeps a feed. It is on disk when this returns.
    pub(super) fn put(&self, feed: &Feed) -> Result<(), StoreError> {
        replace(&self.path(&feed.name, "feed"), &codec::feed_to_bytes(feed))
    }

    /// Forgets a feed.
    pub(super) fn remove(&self, name: &FeedName) -> Result<(), StoreError> {
        for extension in ["feed", "cursor"] {
            let path = self.path(name, extension);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(file("remove", &path)(error)),
                _ => {}
            }
        }
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(file("sync", &self.folder))
    }

    /// How far a feed is; `None` if that is not known.
    pub(super) fn cursor(&self, name: &FeedName) -> Result<Option<Cursor>, StoreError> {
        read(&self.path(name, "cursor"), codec::cursor)
    }

    /// Keeps how far a feed is. It is on disk when this returns.
    pub(super) fn put_cursor(&self, name: &FeedName, cursor: &Cursor) -> Result<(), StoreError> {
        replace(&self.path(name, "cursor"), &codec::cursor_to_bytes(cursor))
    }

    fn path(&self, name: &FeedName, extension: &str) -> PathBuf {
        self.folder.join(name.id()).with_extension(extension)
    }
}

fn read<T>(path: &Path, decode: impl FnOnce(&[u8]) -> Result<T, Bad>) -> Result<Option<T>, StoreError> {
    let Some(bytes) = files::load(path, MOST_FILE).map_err(file("read", path))? else { return Ok(None) };
    let path = path.to_owned();
    decode(&bytes).map(Some).map_err(|bad| match bad {
        Bad::Damaged(reason) => StoreError::Damaged { path, reason },
        Bad::LaterVersion(version) => StoreError::LaterVersion { path, version },
    })
}

/// Puts a file in the place of any that is there, synced.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    files::replace(path, bytes).map_err(file("write", path))
}
