//! The rules for what is not below `src/`: the top level, protos, benches, CI and the README. Each takes texts and
//! gives failures, so that it can be tried on small ones.

/// A file: its path from the project's root, with `/`, and its text.
pub(crate) type File = (String, String);

/// What may stand at the top level. A new entry needs a reason for not being inside one of these.
pub(crate) const TOP_LEVEL: [&str; 18] = [
    ".ci",
    ".clippy.toml",
    ".editorconfig",
    ".git",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "build.rs",
    "deny.toml",
    "proto",
    "rustfmt.toml",
    "src",
    "tests",
];

/// A newcomer types these.
pub(crate) const README_COMMANDS: [&str; 2] = ["cargo run --release -- demo", "cargo test"];

const MAX_FILE_LINES: usize = 600;
const MAX_COLUMNS: usize = 120;

/// Entries of the top level that git ignores.
pub(crate) fn ignored(gitignore: &str) -> Vec<&str> {
    gitignore.lines().filter_map(|line| line.trim().strip_prefix('/')).collect()
}

/// Entries of the top level that are neither allowed nor ignored by git.
pub(crate) fn top_level(entries: &[String], gitignore: &str) -> Vec<String> {
    let ignored = ignored(gitignore);
    let known = |name: &str| TOP_LEVEL.contains(&name) || ignored.contains(&name);
    entries.iter().filter(|name| !known(name)).map(|name| format!("{name}: does not belong to the top level")).collect()
}

/// Messages, fields, enums and their values, services and RPCs without a comment above.
pub(crate) fn proto_comments((path, text): &File) -> Vec<String> {
    let mut failures = Vec::new();
    let (mut commented, mut statement_goes_on) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("").trim();
        if line.trim().starts_with("//") {
            commented = true;
        } else if code.is_empty() {
            commented = false;
        } else {
            if !commented && !statement_goes_on && needs_comment(code) {
                failures.push(format!("{path}:{}: no comment above `{code}`", index + 1));
            }
            commented = false;
            statement_goes_on = !code.ends_with([';', '{', '}']);
        }
    }
    failures
}

fn needs_comment(code: &str) -> bool {
    const NOT: [&str; 8] = ["syntax", "package", "import", "option", "reserved", "extensions", "}", "]"];
    !NOT.iter().any(|word| code.starts_with(word))
}

/// Names of folders that only the machine of whoever wrote the file has.
pub(crate) fn machine_paths((path, text): &File) -> Vec<String> {
    // In two parts, so that this file does not name them.
    let folders = ["work", "root", "home", "Users", "tmp"].map(|name| format!("/{name}/"));
    let begins = |line: &str, at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}>".contains(c));
    let on = |line: &str| folders.iter().any(|folder| line.match_indices(folder).any(|(at, _)| begins(line, at)));
    let lines = text.lines().enumerate().filter(|(_, line)| on(line));
    lines.map(|(index, line)| format!("{path}:{}: a path of one machine: {}", index + 1, line.trim())).collect()
}

/// Lints that are switched off in Rust code: `#[expect]` tells when it is not needed any more.
pub(crate) fn allows((path, text): &File) -> Vec<String> {
    let starts = |line: &str| ["#[allow", "#![allow"].iter().any(|word| line.trim_start().starts_with(word));
    let lines = text.lines().enumerate().filter(|(_, line)| starts(line));
    lines.map(|(index, _)| format!("{path}:{}: `#[allow]`, not `#[expect(.., reason = ..)]`", index + 1)).collect()
}

/// Tests and benches that are too long to be read.
pub(crate) fn lengths((path, text): &File) -> Vec<String> {
    let mut failures = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_FILE_LINES {
        failures.push(format!("{path}: {lines} lines, at most {MAX_FILE_LINES}"));
    }
    let wide = text.lines().enumerate().filter(|(_, line)| line.chars().count() > MAX_COLUMNS);
    failures.extend(wide.map(|(index, _)| format!("{path}:{}: more than {MAX_COLUMNS} columns", index + 1)));
    failures
}

/// Benches that `Cargo.toml` or `.ci/run` would not run.
pub(crate) fn benches(names: &[String], manifest: &str, ci: &str) -> Vec<String> {
    let sections: Vec<&str> = manifest.split("\n[").filter(|section| section.starts_with("[bench]]")).collect();
    let mut failures = Vec::new();
    for name in names {
        let line = format!("name = \"{name}\"");
        let listed =
            |section: &&str| section.lines().any(|it| it.trim() == line) && section.contains("harness = false");
        if !sections.iter().any(listed) {
            failures.push(format!("Cargo.toml: benches/{name}.rs has no [[bench]] without a harness"));
        }
        if !ci.contains("for bench in benches/*.rs") && !ci.contains(&format!("--bench {name} ")) {
            failures.push(format!(".ci/run: benches/{name}.rs is not tried"));
        }
    }
    failures
}

/// Commands of the README that are missing there, and those that CI does not run.
pub(crate) fn readme(readme: &str, ci: &str, commands: &str) -> Vec<String> {
    let shown = |command: &str| readme.lines().take(24).any(|line| line.trim() == format!("$ {command}"));
    let missing = README_COMMANDS.iter().filter(|command| !shown(command));
    let mut failures: Vec<String> =
        missing.map(|command| format!("README.md: its first screen lacks `$ {command}`")).collect();
    if !commands.contains("    Demo(") {
        failures.push("README.md: there is no command `demo`".to_owned());
    }
    for run in ["cargo test --locked", " -- demo "] {
        if !ci.contains(run) {
            failures.push(format!(".ci/run: does not run `{}`", run.trim()));
        }
    }
    failures
}
