//! Small files that are always whole: what a room keeps that is neither a log nor a store of its own.

mod framed;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub use framed::{Bad, load, seal, unseal};

/// Puts a file that this account alone can read in the place of any that is there. It is on disk when this returns, and
/// whatever happens meanwhile, the one or the other is there whole: it is written beside, synced and renamed, and then
/// the folder is synced.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    // One that was left by a crash may have any mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_and_of_what_a_crash_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("small.file");
        fs::write(path.with_extension("new"), "half").expect("written");
        fs::set_permissions(path.with_extension("new"), fs::Permissions::from_mode(0o644)).expect("set");
        for text in ["one", "another"] {
            replace(&path, text.as_bytes()).expect("replaced");
            assert_eq!(fs::read_to_string(&path).expect("there"), text);
        }
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(!path.with_extension("new").exists());
        assert!(replace(&folder.path().join("none/small.file"), b"").is_err());
    }
}
