//! The rules of the house that a machine can check. Each takes sources and gives failures.

use std::collections::BTreeSet;
use std::fmt;

use crate::source::{Source, closing, name_at};

/// A room imports only rooms that stand before it.
pub(crate) const IMPORT_ORDER: [&str; 33] = [
    "domain",
    "metrics",
    "tasks",
    "listen",
    "dial",
    "wire",
    "format",
    "locate",
    "decide",
    "plan",
    "files",
    "regions",
    "segments",
    "journal",
    "audit",
    "access",
    "registry",
    "webhook",
    "ledger",
    "outbox",
    "link",
    "channel",
    "fan_out",
    "privacy",
    "intake",
    "feed",
    "grpc",
    "http",
    "config",
    "lifecycle",
    "app",
    "device",
    "sandbox",
];

/// The last room: it may import all others.
pub(crate) const LAST_ROOM: &str = "cli";

/// Time, chance, tasks and I/O are arguments of these.
const PURE: [&str; 12] = [
    "domain/",
    "format/",
    "locate/",
    "decide/",
    "plan/",
    "link/session",
    "link/merge",
    "fan_out/schedule",
    "fan_out/retry",
    "feed/cursor",
    "feed/frame",
    "feed/schedule",
];
const IMPURE_WORDS: [&str; 5] = ["tokio::", "tonic::", "std::fs", "rand::", "::now()"];

/// Only `tasks.rs` may write these, so that every task is counted and awaited.
const SPAWNING_WORDS: [&str; 6] =
    ["tokio::spawn", "task::spawn", "thread::spawn", "thread::Builder", "TaskTracker", "JoinSet"];

const MAX_FILE_LINES: usize = 600;
const MAX_CODE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_MAIN_LINES: usize = 60;
const MAX_COLUMNS: usize = 120;

/// They say nothing of what is inside.
const EMPTY_WORDS: [&str; 10] =
    ["core", "common", "util", "utils", "helper", "helpers", "manager", "misc", "notification", "user"];

/// Where a rule is broken, and which.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Failure {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Everything that is wrong, in the order of files and lines.
pub(crate) fn check(sources: &mut [Source]) -> Vec<Failure> {
    mark_test_files(sources);
    let mut failures = Vec::new();
    for source in sources.iter() {
        imports(source, &mut failures);
        words(source, &mut failures);
        lengths(source, &mut failures);
        module_doc(source, &mut failures);
        names(source, &mut failures);
    }
    folders(sources, &mut failures);
    map(sources, &mut failures);
    failures.sort();
    failures
}

fn fail(failures: &mut Vec<Failure>, source: &Source, line: usize, what: String) {
    failures.push(Failure { path: source.path.clone(), line, what });
}

/// A file that is declared under `#[cfg(test)]` is a test, whatever its name.
fn mark_test_files(sources: &mut [Source]) {
    let only_tests: BTreeSet<String> = sources.iter().flat_map(|source| children(source, true)).collect();
    for source in sources {
        if only_tests.contains(&source.module().join("/")) {
            source.tests = std::iter::once(0..source.text.len()).collect();
        }
    }
}

/// Paths of the modules that `source` declares in other files; those that only tests have, or all.
fn children(source: &Source, tests_only: bool) -> Vec<String> {
    let module = source.module().join("/");
    let declared = source.declared_modules().into_iter().filter(|(_, test)| *test || !tests_only);
    declared.map(|(name, _)| if module.is_empty() { name.to_owned() } else { format!("{module}/{name}") }).collect()
}

fn rank(room: &str) -> Option<usize> {
    let last = (room == LAST_ROOM).then_some(IMPORT_ORDER.len());
    IMPORT_ORDER.iter().position(|name| *name == room).or(last)
}

/// Rule 1: no arrow points back.
fn imports(source: &Source, failures: &mut Vec<Failure>) {
    let module = source.module();
    let Some(room) = module.first() else { return };
    let Some(own) = rank(room) else {
        return fail(failures, source, 1, format!("room `{room}` has no place in the import order"));
    };
    let inline = source.inline_modules();
    let mut arrows: Vec<(usize, usize)> = source.find("crate::").into_iter().map(|at| (at, at + 7)).collect();
    for at in source.find("super::") {
        let ups = source.code[at..].split("super::").take_while(|between| between.is_empty()).count();
        let continues = source.code[..at].ends_with("super::");
        let depth = module.len() + inline.iter().filter(|range| range.contains(&at)).count();
        if !continues && ups >= depth {
            arrows.push((at, at + 7 * ups));
        }
    }
    for (at, target) in arrows {
        for name in roots(&source.code, target) {
            let line = source.line_of(at);
            match rank(name) {
                Some(other) if other <= own => {}
                Some(_) => fail(failures, source, line, format!("`{room}` imports `{name}`, which stands after it")),
                None => fail(failures, source, line, format!("`{name}` has no place in the import order")),
            }
        }
    }
}

/// The first names of the path at `at`: one, or each of a group.
fn roots(code: &str, at: usize) -> Vec<&str> {
    if !code[at..].starts_with('{') {
        return name_at(code, at).into_iter().collect();
    }
    let end = closing(code, at) - 1;
    let (mut names, mut depth, mut expects_name) = (Vec::new(), 0_i32, true);
    for (index, byte) in code.bytes().enumerate().take(end).skip(at + 1) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => expects_name = true,
            _ if expects_name && !byte.is_ascii_whitespace() => {
                names.extend(name_at(code, index));
                expects_name = false;
            }
            _ => {}
        }
    }
    names
}

/// Rule 2, and the lint that only `tasks.rs` spawns.
fn words(source: &Source, failures: &mut Vec<Failure>) {
    let is_pure = PURE.iter().any(|room| {
        let rest = source.path.strip_prefix(room);
        rest.is_some_and(|rest| room.ends_with('/') || rest.starts_with(['.', '/']))
            || room.strip_suffix('/').is_some_and(|file| source.path == format!("{file}.rs"))
    });
    if is_pure {
        for word in IMPURE_WORDS {
            for at in source.find(word) {
                fail(failures, source, source.line_of(at), format!("`{word}` in the pure core"));
            }
        }
    }
    if source.path != "tasks.rs" {
        for word in SPAWNING_WORDS {
            for at in source.find(word) {
                fail(failures, source, source.line_of(at), format!("`{word}` outside tasks.rs"));
            }
        }
    }
}

fn lengths(source: &Source, failures: &mut Vec<Failure>) {
    let lines = source.text.lines().count();
    let most = if source.path == "main.rs" { MAX_MAIN_LINES } else { MAX_FILE_LINES };
    if lines > most {
        fail(failures, source, most + 1, format!("{lines} lines, at most {most}"));
    }
    let code = source.code_lines(0..source.code.len());
    if code > MAX_CODE_LINES {
        fail(failures, source, 1, format!("{code} lines of code without the tests, at most {MAX_CODE_LINES}"));
    }
    for (name, range) in source.functions() {
        let line = source.line_of(range.start);
        let length = source.code_lines(range);
        if length > MAX_FUNCTION_LINES {
            fail(failures, source, line, format!("`{name}` has {length} lines, at most {MAX_FUNCTION_LINES}"));
        }
    }
    for (index, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > MAX_COLUMNS {
            fail(failures, source, index + 1, format!("{columns} columns, at most {MAX_COLUMNS}"));
        }
    }
}

fn module_doc(source: &Source, failures: &mut Vec<Failure>) {
    let is_tests = source.tests.first().is_some_and(|range| range.len() == source.text.len());
    let first = source.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    let says = first.and_then(|line| line.strip_prefix("//!")).is_some_and(|doc| !doc.trim().is_empty());
    if !says && !is_tests {
        fail(failures, source, 1, "does not begin with what it is for: `//!`".to_owned());
    }
}

/// Modules, types and functions that are named for nothing.
fn names(source: &Source, failures: &mut Vec<Failure>) {
    for word in source.module().iter().flat_map(|name| name.split('_')) {
        if EMPTY_WORDS.contains(&word) {
            fail(failures, source, 1, format!("`{word}` is not a name for a module"));
        }
    }
    for keyword in ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "static ", "mod "] {
        for at in source.find(keyword) {
            let name = name_at(&source.code, at + keyword.len()).unwrap_or("");
            if let Some(word) = words_of(name).into_iter().find(|word| EMPTY_WORDS.contains(&word.as_str())) {
                fail(failures, source, source.line_of(at), format!("`{word}` in `{name}` says nothing"));
            }
        }
    }
}

/// The words of a name in any case, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for letter in name.chars() {
        if letter == '_' || (letter.is_uppercase() && before_is_lower) {
            words.push(String::new());
        }
        before_is_lower = letter.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| letter != '_') {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

/// Each folder has a `mod.rs`, and each file is declared: the compiler is silent about one that is not.
fn folders(sources: &[Source], failures: &mut Vec<Failure>) {
    let paths: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let declared: BTreeSet<String> = sources.iter().flat_map(|source| children(source, false)).collect();
    for source in sources {
        for (end, _) in source.path.match_indices('/') {
            let folder = &source.path[..end];
            if !paths.contains(format!("{folder}/mod.rs").as_str()) {
                fail(failures, source, 1, format!("folder `{folder}` has no mod.rs"));
            }
        }
        let module = source.module();
        if !module.is_empty() && !declared.contains(&module.join("/")) {
            fail(failures, source, 1, "no module declares this file".to_owned());
        }
    }
}

/// `lib.rs` names every room in its prose.
fn map(sources: &[Source], failures: &mut Vec<Failure>) {
    let Some(lib) = sources.iter().find(|source| source.path == "lib.rs") else { return };
    let prose: String = lib.text.lines().filter(|line| line.starts_with("//!")).collect();
    for (room, _) in lib.declared_modules() {
        if !prose.contains(&format!("[`{room}`]")) {
            let at = lib.code.find(&format!("mod {room};")).unwrap_or(0);
            fail(failures, lib, lib.line_of(at), format!("the map in lib.rs does not name [`{room}`]"));
        }
    }
}
