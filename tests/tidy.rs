//! Reads `src/` and fails where the rules of the house are broken: the import order, the pure core, the length of files
//! and functions, docs, names and the map. `tidy/rules.rs` has the rules; here they are tried on small strings first,
//! so that they are known to fail when they should.

#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rules::{IMPORT_ORDER, LAST_ROOM, check};
use source::Source;

#[test]
fn the_house_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    read(&root, &root, &mut sources);
    assert!(sources.len() > 20, "src/ was not found");
    let failures = check(&mut sources);
    let mut list = String::new();
    for failure in &failures {
        writeln!(list, "{failure}").expect("a string can be written");
    }
    assert!(failures.is_empty(), "{} rules broken:\n{list}", failures.len());
}

fn read(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("below src").to_string_lossy().replace('\\', "/");
            sources.push(Source::new(&name, &fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}

/// The failures of one file, as written, without those about files that a whole crate would have.
fn failures_of(path: &str, text: &str) -> Vec<String> {
    let text = format!("//! What it is for.\n{text}");
    let failures = check(&mut [Source::new(path, &text)]);
    let alone = ["no module declares", "has no mod.rs"];
    failures.iter().map(ToString::to_string).filter(|line| !alone.iter().any(|what| line.contains(what))).collect()
}

#[test]
fn an_import_that_points_back_is_found() {
    let points_back = [
        "use crate::link::Hub;",
        "use crate::{domain::Alert, link::{Hub, Session}};",
        "fn f() -> crate::link::Hub { todo() }",
        "use super::super::link::Hub;",
        "use super::super::{domain, link};",
        "pub use crate::link;",
    ];
    for text in points_back {
        let failures = failures_of("plan/facts.rs", text);
        assert_eq!(failures, ["src/plan/facts.rs:2: `plan` imports `link`, which stands after it"], "{text}");
    }
    assert_eq!(failures_of("plan/mod.rs", "use super::link;").len(), 1);
    assert_eq!(failures_of("plan/mod.rs", "mod inside {\n    use super::super::link;\n}").len(), 1);
    assert_eq!(failures_of("plan/mod.rs", "use crate::nowhere;").len(), 1);
    assert_eq!(failures_of("nowhere.rs", "").len(), 1);
}

#[test]
fn an_import_that_points_forward_is_not() {
    let fine = [
        "use crate::domain::Alert;",
        "use crate::plan::Policy;",
        "use super::Policy;",
        "use super::super::domain::Alert;",
        "use super::{link, Policy};",
        "/// See [`crate::link`].\nstruct A;",
        "#[cfg(test)]\nmod tests {\n    use crate::link::Hub;\n}",
        "#[cfg(test)]\nuse crate::link::Hub;",
    ];
    for text in fine {
        assert_eq!(failures_of("plan/facts.rs", text), [""; 0], "{text}");
    }
}

#[test]
fn time_chance_tasks_and_io_are_found_in_the_pure_core() {
    for text in
        ["use tokio::sync::mpsc;", "fn f() { std::fs::read(p); }", "let a = rand::random();", "let t = Instant::now();"]
    {
        for path in ["plan/facts.rs", "format/mod.rs", "link/session.rs", "link/session/frames.rs", "fan_out/retry.rs"]
        {
            assert_eq!(failures_of(path, text).len(), 1, "{path}: {text}");
        }
        assert_eq!(failures_of("link/hub.rs", text), [""; 0]);
    }
    assert_eq!(failures_of("plan/facts.rs", "let a = operand::b(); // tokio::"), [""; 0]);
    assert_eq!(failures_of("plan/facts.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}"), [""; 0]);
}

#[test]
fn only_tasks_spawns() {
    assert_eq!(failures_of("link/hub.rs", "fn f() { std::thread::spawn(g); }").len(), 1);
    assert_eq!(failures_of("tasks.rs", "fn f() { std::thread::spawn(g); }"), [""; 0]);
}

#[test]
fn long_files_functions_and_lines_are_found() {
    let code = "const A: u8 = 1;\n";
    assert_eq!(failures_of("plan/a.rs", &code.repeat(400)), [""; 0]);
    assert_eq!(failures_of("plan/a.rs", &code.repeat(401)).len(), 1);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code.repeat(150));
    assert_eq!(failures_of("plan/a.rs", &(code.repeat(400) + &tests)), [""; 0]);
    assert_eq!(failures_of("plan/tests.rs", &code.repeat(599)), [""; 0]);
    assert_eq!(failures_of("plan/tests.rs", &code.repeat(600)).len(), 1);
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines));
    assert_eq!(failures_of("plan/a.rs", &function(68)), [""; 0]);
    assert_eq!(failures_of("plan/a.rs", &function(69)), ["src/plan/a.rs:2: `f` has 71 lines, at most 70"]);
    assert_eq!(failures_of("plan/a.rs", &format!("// {}", "é".repeat(117))), [""; 0]);
    assert_eq!(failures_of("plan/a.rs", &format!("// {}", "é".repeat(118))).len(), 1);
    assert_eq!(failures_of("main.rs", &code.repeat(60)).len(), 1);
}

#[test]
fn missing_docs_files_and_rooms_are_found() {
    let lib = "//! The map: [`plan`].\npub mod plan;\npub mod locate;\n";
    let mut sources = [
        Source::new("lib.rs", lib),
        Source::new("plan/mod.rs", "use std::fmt;\n#[cfg(test)]\nmod oracle;\n"),
        Source::new("plan/oracle.rs", "use crate::link;\n"),
        Source::new("plan/dead.rs", "//! Nobody knows this file.\n"),
        Source::new("locate/area.rs", "//! In a folder without a front door.\n"),
        Source::new("plan/http_utils.rs", "//! A name that says nothing.\n"),
    ];
    let failures: Vec<String> = check(&mut sources).iter().map(ToString::to_string).collect();
    let expected = [
        "src/lib.rs:3: the map in lib.rs does not name [`locate`]",
        "src/locate/area.rs:1: folder `locate` has no mod.rs",
        "src/locate/area.rs:1: no module declares this file",
        "src/plan/dead.rs:1: no module declares this file",
        "src/plan/http_utils.rs:1: `utils` is not a name for a module",
        "src/plan/http_utils.rs:1: no module declares this file",
        "src/plan/mod.rs:1: does not begin with what it is for: `//!`",
    ];
    assert_eq!(failures, expected);
}

#[test]
fn the_import_order_names_each_room_once() {
    let mut rooms: Vec<&str> = IMPORT_ORDER.into_iter().chain([LAST_ROOM]).collect();
    rooms.sort_unstable();
    let all = rooms.len();
    rooms.dedup();
    assert_eq!(rooms.len(), all);
}
