//! What was measured, as a table in Markdown.

#![expect(clippy::print_stdout, reason = "the table is what the benchmark is for")]

use std::time::Duration;

use super::world::{DEVICES, SEED};

/// The most that a place may cost, bytes.
const BOUND: f64 = 24.0;

/// What was measured.
pub(super) struct Table {
    devices: usize,
    times: Vec<Row>,
    copies: Vec<Row>,
    weights: Vec<(&'static str, f64)>,
}

/// The best times of one case.
struct Row {
    name: String,
    places: usize,
    ours: Option<Duration>,
    rival: Option<Duration>,
}

impl Table {
    pub(super) fn new(devices: usize) -> Self {
        Self { devices, times: Vec::new(), copies: Vec::new(), weights: Vec::new() }
    }

    /// The best times of a case; none where it was left out.
    pub(super) fn time(&mut self, name: &str, places: usize, ours: Option<Duration>, rival: Option<Duration>) {
        self.times.push(Row { name: name.to_owned(), places, ours, rival });
    }

    /// The same where the rival is a plain copy of what is found.
    pub(super) fn copy(&mut self, name: &str, places: usize, ours: Option<Duration>, rival: Option<Duration>) {
        self.copies.push(Row { name: name.to_owned(), places, ours, rival });
    }

    /// Memory in all. That of the index has a bound, which fixed costs break where devices are few.
    pub(super) fn weight(&mut self, what: &'static str, bytes: usize) {
        let each = bytes as f64 / self.devices as f64;
        assert!(each <= BOUND || self.devices < DEVICES || what.starts_with("rstar"), "{what}: {each} bytes a place");
        self.weights.push((what, each));
    }

    pub(super) fn print(&self) {
        println!("\n{} devices, seed {SEED}, one thread, best of several runs\n", self.devices);
        heading("case", ["index, ms", "rival, ms", "times"]);
        self.times.iter().for_each(|row| row.print(|ours, rival| rival / ours));
        println!();
        heading("found, unordered, against a copy of what was found", ["search, ms", "copy, ms", "copies"]);
        self.copies.iter().for_each(|row| row.print(|ours, copy| ours / copy));
        println!(
            "\n| {:<54} | {:>14} |\n| {:-<54} | {:->14} |",
            "memory, as the allocator counts", "bytes a place", "", ""
        );
        self.weights.iter().for_each(|(what, each)| println!("| {what:<54} | {each:>14.2} |"));
    }
}

fn heading(name: &str, [ours, rival, ratio]: [&str; 3]) {
    println!("| {name:<54} | {:>9} | {ours:>10} | {rival:>10} | {ratio:>7} |", "places");
    println!("| {:-<54} | {:->9} | {:->10} | {:->10} | {:->7} |", "", "", "", "", "");
}

impl Row {
    fn print(&self, ratio: impl Fn(f64, f64) -> f64) {
        let [ours, rival] = [self.ours, self.rival].map(|time| time.map(|time| time.as_secs_f64() * 1e3));
        let column =
            |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        let ratio = ours.zip(rival).map(|(ours, rival)| ratio(ours, rival));
        let (name, places) = (&self.name, self.places);
        let [ours, rival, ratio] = [column(ours, 3), column(rival, 3), column(ratio, 1)];
        println!("| {name:<54} | {places:>9} | {ours:>10} | {rival:>10} | {ratio:>7} |");
    }
}
