//! Reads the project and fails where the rules of the house are broken: the import order, the pure core, the length of
//! files and functions, docs, names and the map (`tidy/rules.rs`); the top level, protos, benches and the README
//! (`tidy/project.rs`). Here they are tried on small strings too, so that they are known to fail when they should.

#[path = "tidy/project.rs"]
mod project;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::fs;
use std::path::Path;

use project::{File, README_COMMANDS};
use rules::{IMPORT_ORDER, LAST_ROOM, check};
use source::Source;

#[test]
fn the_house_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    read(&root, &root, &mut sources);
    assert!(sources.len() > 20, "src/ was not found");
    assert_none(&check(&mut sources));
}

#[test]
fn the_project_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (ci, readme, commands) = (text(".ci/run"), text("README.md"), text("src/cli/args.rs"));
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    let benches: Vec<String> =
        names("benches").iter().filter_map(|name| name.strip_suffix(".rs")).map(str::to_owned).collect();

    let mut failures = project::top_level(&names("."), &text(".gitignore"));
    failures.extend(project::benches(&benches, &text("Cargo.toml"), &ci));
    failures.extend(project::readme(&readme, &ci, &commands));
    for file in written(root, &text(".gitignore")) {
        failures.extend(project::machine_paths(&file));
        let (path, ends_with) = (file.0.as_str(), |end| Path::new(&file.0).extension().is_some_and(|it| it == end));
        if ends_with("proto") {
            failures.extend(project::proto_comments(&file));
        }
        if ends_with("rs") {
            failures.extend(project::allows(&file));
        }
        if ends_with("rs") && !path.starts_with("src/") {
            failures.extend(project::lengths(&file));
        }
    }
    assert_none(&failures);
}

/// Every file that people wrote: all but what git ignores and the data of tests.
fn written(root: &Path, gitignore: &str) -> Vec<File> {
    let not_written = [project::ignored(gitignore), vec![".git", "tests/data", "Cargo.lock", "LICENSE"]].concat();
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            if not_written.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((name, fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    files
}

fn assert_none(failures: &[impl ToString]) {
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} rules broken:\n{}", lines.len(), lines.join("\n"));
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
fn names_that_say_nothing_are_found() {
    for text in ["fn user_count() {}", "struct LinkManager;", "const COMMON: u8 = 1;", "mod helper {}"] {
        assert_eq!(failures_of("plan/a.rs", text).len(), 1, "{text}");
    }
    for text in ["fn cores() {}", "struct Corner;", "fn f() { let user = 1; }"] {
        assert_eq!(failures_of("plan/a.rs", text), [""; 0], "{text}");
    }
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

#[test]
fn what_does_not_belong_to_the_top_level_is_found() {
    let entries = ["src", "target", "notes.txt"].map(str::to_owned);
    assert_eq!(project::top_level(&entries, "/target\n"), ["notes.txt: does not belong to the top level"]);
}

#[test]
fn protos_without_comments_are_found() {
    let good = "\
syntax = \"proto3\";
package a;

// A place.
message Place {
  // Degrees.
  double lon = 1
      [deprecated = true];
  reserved 2;
}
// An enum.
enum E {
  // Not told.
  E_UNSPECIFIED = 0;
}
";
    assert_eq!(project::proto_comments(&("a.proto".to_owned(), good.to_owned())), [""; 0]);
    for comment in ["// A place.\n", "  // Degrees.\n", "// An enum.\n", "  // Not told.\n"] {
        let bad = good.replacen(comment, "", 1);
        assert_eq!(project::proto_comments(&("a.proto".to_owned(), bad)).len(), 1, "{comment}");
    }
}

#[test]
fn machine_paths_and_allows_are_found() {
    let found = |text: &str| {
        let file = ("a.rs".to_owned(), text.to_owned());
        project::machine_paths(&file).len() + project::allows(&file).len() + project::lengths(&file).len()
    };
    let folder = ["", "root", ".cargo"].join("/");
    assert_eq!((found(&format!("let a = \"{folder}\";")), found("let a = \"src/root/a\";")), (1, 0));
    let allow = ["#[al", "low(dead_code)]"].concat();
    assert_eq!((found(&allow), found("// not allowed")), (1, 0));
    assert_eq!((found(&"a\n".repeat(600)), found(&"a\n".repeat(601)), found(&"é".repeat(121))), (0, 1, 1));
}

#[test]
fn benches_that_nobody_runs_and_commands_that_nobody_shows_are_found() {
    let names = ["locate".to_owned()];
    let manifest = "[package]\n\n[[bench]]\nname = \"locate\"\nharness = false\n";
    let ci = "for bench in benches/*.rs; do cargo test --locked; cargo run -- demo --json";
    assert_eq!(project::benches(&names, manifest, ci), [""; 0]);
    assert_eq!(project::benches(&names, "[package]\n", "").len(), 2);
    assert_eq!(project::benches(&names, &manifest.replace("harness = false", ""), ci).len(), 1);
    let shown = README_COMMANDS.map(|command| format!("$ {command}")).join("\n");
    assert_eq!(project::readme(&shown, ci, "    Demo(DemoArgs),"), [""; 0]);
    assert_eq!(project::readme("", "", "").len(), 5);
}
