//! The real messages that are read, by format.

use std::fs;
use std::path::{Path, PathBuf};

use hazardcast::format;

/// Formats as they are told, and what the reader calls those of their messages that are a whole file. CAP in something
/// else is called CAP too, and is told from it by its place.
const FORMATS: [(&str, &str); 15] = [
    ("CAP", "CAP 1."),
    ("JMA XML", "JMA XML "),
    ("USGS GeoJSON", "USGS GeoJSON"),
    (IN_SOMETHING, "CAP 1."),
    ("GeoJSON of the NWS", "NWS GeoJSON"),
    ("MeteoAlarm JSON", "MeteoAlarm JSON"),
    ("NINA JSON", "NINA JSON"),
    ("CMA JSON", "CMA JSON"),
    ("weather.cn JSON", "weather.cn JSON"),
    ("Alertswiss JSON", "Alertswiss JSON"),
    ("QuakeML", "QuakeML"),
    ("ShakeAlert event messages", "ShakeAlert event message"),
    ("ShakeMap grids", "ShakeMap grid"),
    ("P2PQuake JSON", "P2PQuake "),
    ("Wolfx JSON", "Wolfx "),
];

const IN_SOMETHING: &str = "CAP in Atom, EDXL or lists";

/// A file that can be read.
#[derive(Clone)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// How many messages are in it, whether or not each is in order.
    pub(super) messages: usize,
}

impl File {
    /// The bytes of a file that is known to be UTF-8.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("only such files are compared")
    }
}

/// Every file, by format in the order of the reader's list.
pub(super) struct Corpus {
    pub(super) formats: Vec<(&'static str, Vec<File>)>,
    /// Whether the collection beside the project is among them.
    shared: bool,
}

impl Corpus {
    pub(super) fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let shared = root.join("../shared/data/alerts");
        let mut paths = Vec::new();
        // The project's selection is of the collection: each file is read once.
        let folder = if shared.is_dir() { shared.clone() } else { root.join("tests/data") };
        walk(&folder, &mut paths);
        let mut formats: Vec<(&str, Vec<File>)> = FORMATS.iter().map(|(name, _)| (*name, Vec::new())).collect();
        for path in paths {
            let bytes = fs::read(&path).expect("it can be read");
            let Ok(messages) = format::messages(&bytes, None) else { continue };
            let Some((place, first)) =
                messages.iter().find_map(|message| Some((&message.place, message.outline.as_ref().ok()?)))
            else {
                continue;
            };
            let is_of = |&(name, begin): &(&str, &str)| {
                let whole = begin != "CAP 1." || place.is_empty() == (name != IN_SOMETHING);
                whole && first.written.format.starts_with(begin)
            };
            let of = FORMATS.iter().position(is_of).expect("each format has a name here");
            let messages = messages.len();
            formats[of].1.push(File { path, bytes, messages });
        }
        Self { formats, shared: shared.is_dir() }
    }

    /// What was found.
    pub(super) fn described(&self) -> String {
        let files: usize = self.formats.iter().map(|(_, files)| files.len()).sum();
        if self.shared {
            format!("{files} files of ../shared/data/alerts")
        } else {
            format!("{files} files of tests/data; left out: ../shared/data is not beside the project")
        }
    }

    /// CAP that is compared with rivals, by name: all of it, and its largest file. A rival is given text, so that only
    /// UTF-8 counts.
    pub(super) fn cap_sets(&self) -> Vec<(String, Vec<File>)> {
        let (_, files) = &self.formats[0];
        let all: Vec<File> = files.iter().filter(|file| std::str::from_utf8(&file.bytes).is_ok()).cloned().collect();
        let small = all.iter().filter(|file| file.bytes.len() < 100_000).cloned().collect();
        let largest = all.iter().max_by_key(|file| file.bytes.len()).expect("there is CAP in the project").clone();
        let name = largest.path.file_name().expect("a file").to_string_lossy().into_owned();
        vec![
            ("CAP, all files".to_owned(), all),
            ("CAP, files below 100 KB".to_owned(), small),
            (format!("CAP, the largest file ({name})"), vec![largest]),
        ]
    }

    /// The largest file of any format.
    pub(super) fn largest(&self) -> &File {
        let files = self.formats.iter().flat_map(|(_, files)| files);
        files.max_by_key(|file| file.bytes.len()).expect("there are files")
    }
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, paths);
        } else {
            paths.push(path);
        }
    }
}
