//! Reading: messages and megabytes a second of each format, CAP beside what its markup alone costs, and the largest
//! alerts with their ground.
//!
//! `cargo bench --bench read` takes a minute or two and ends with its tables; with `-- --test` each case is run once.
//! `-- --python PATH` names the Python whose `lxml` is a rival (`python3` where it is not said;
//! `benches/read_rivals.py` is what it runs): where it lacks it, that is said and the others go on.
//!
//! Messages are the real ones of `tests/data`, and those of `../shared/data/alerts` where that is beside the project;
//! the one of 93,040 points is made from a seed. All of a format are read one after the other, in one thread, and what
//! cannot be read is left out of the clock. Rivals take the same bytes in turn with the reader, round by round, so that
//! all have the same machine; the best round of each counts. They do less: `quick-xml` only splits markup, `roxmltree`
//! and `lxml` build a tree. No time is asserted; what the largest alerts may take is told beside what they took.

#![expect(clippy::print_stdout, reason = "the tables are what the benchmark is for")]

#[path = "read/corpus.rs"]
mod corpus;
#[path = "read/large.rs"]
mod large;
#[path = "read/rivals.rs"]
mod rivals;
#[path = "read/stopwatch.rs"]
mod stopwatch;

use std::hint::black_box;
use std::time::Duration;

use hazardcast::format;

use corpus::{Corpus, File};
use rivals::{Lxml, parse, tokenise};
use stopwatch::{Stopwatch, best, millis};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let smoke = arguments.iter().any(|argument| argument == "--test");
    let python = arguments.iter().position(|argument| argument == "--python").and_then(|at| arguments.get(at + 1));
    let watch = Stopwatch::new(smoke);
    let corpus = Corpus::load();
    println!("{}", corpus.described());
    println!("one thread, the best of {} rounds\n", watch.rounds);
    formats(&corpus, &watch);
    against_rivals(&corpus, &watch, python.map_or("python3", String::as_str));
    large::print(&corpus, &watch);
}

fn read(files: &[File]) {
    for file in files {
        black_box(format::messages(black_box(&file.bytes), None)).expect("it was read before");
    }
}

/// Every format, in turn.
fn formats(corpus: &Corpus, watch: &Stopwatch) {
    let mut times = vec![Duration::MAX; corpus.formats.len()];
    for _ in 0..watch.rounds {
        for (time, (_, files)) in times.iter_mut().zip(&corpus.formats).filter(|(_, (_, files))| !files.is_empty()) {
            best(time, watch.time(|| read(files)));
        }
    }
    println!("| {:<26} | files | messages |      KB | messages/s |   MB/s |", "format");
    println!("| {:-<26} | ----: | -------: | ------: | ---------: | -----: |", "");
    for (time, (name, files)) in times.iter().zip(&corpus.formats) {
        if files.is_empty() {
            println!("| {name:<26} | none beside the project: left out");
            continue;
        }
        let (bytes, messages) = (size(files), files.iter().map(|file| file.messages).sum::<usize>());
        let (seconds, count) = (time.as_secs_f64(), files.len());
        println!(
            "| {name:<26} | {count:>5} | {messages:>8} | {:>7.0} | {:>10.0} | {:>6.0} |",
            bytes as f64 / 1e3,
            messages as f64 / seconds,
            bytes as f64 / 1e6 / seconds
        );
    }
    println!();
}

fn size(files: &[File]) -> usize {
    files.iter().map(|file| file.bytes.len()).sum()
}

/// CAP, each set in turn with its rivals.
fn against_rivals(corpus: &Corpus, watch: &Stopwatch, python: &str) {
    let sets = corpus.cap_sets();
    let mut lxml = Lxml::start(python, &sets, watch.shortest);
    if let Err(why) = &lxml {
        println!("lxml is left out: {why}\n");
    }
    for (number, (name, files)) in sets.iter().enumerate() {
        let [mut ours, mut tokens, mut tree, mut python] = [Duration::MAX; 4];
        for _ in 0..watch.rounds {
            best(&mut ours, watch.time(|| read(files)));
            best(&mut tokens, watch.time(|| files.iter().for_each(|file| tokenise(file.text()))));
            best(&mut tree, watch.time(|| files.iter().for_each(|file| parse(file.text()))));
            if let Ok(lxml) = &mut lxml {
                best(&mut python, lxml.round(number));
            }
        }
        let bytes = size(files);
        println!("{name}: {} in {:.0} KB", counted(files.len()), bytes as f64 / 1e3);
        println!("| {:<34} |       ms |   MB/s | reading takes so many times as long |", "");
        println!("| {:-<34} | -------: | -----: | ----------------------------------: |", "");
        let rows = [
            ("read into an alert", Some(ours)),
            ("quick-xml, tokens alone", Some(tokens)),
            ("roxmltree, a tree alone", Some(tree)),
            ("Python lxml, a tree alone", lxml.is_ok().then_some(python)),
        ];
        for (what, time) in rows.into_iter().filter_map(|(what, time)| Some((what, time?))) {
            let rate = bytes as f64 / 1e6 / time.as_secs_f64();
            let ratio = ours.as_secs_f64() / time.as_secs_f64();
            println!("| {what:<34} | {:>8.3} | {rate:>6.0} | {ratio:>35.2} |", millis(time));
        }
        println!();
    }
}

fn counted(files: usize) -> String {
    if files == 1 { "one file".to_owned() } else { format!("{files} files") }
}
