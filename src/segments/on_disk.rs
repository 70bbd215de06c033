//! What tests of logs see on disk, and copy to damage it.

use std::fs;
use std::path::{Path, PathBuf};

/// A log's files, oldest first, without its lock.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(dir).expect("the folder is there");
    let mut files: Vec<PathBuf> = names.map(|entry| entry.expect("a name").path()).collect();
    files.retain(|file| file.extension().is_some());
    files.sort();
    files
}

/// Copies a log's files to a new folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for file in files(from) {
        fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("a copy");
    }
}
