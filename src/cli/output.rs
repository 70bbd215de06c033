//! What commands print: answers on standard output, progress on standard error.

use std::io::{IsTerminal, Write};

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Prints one line of an answer. A reader that has gone away is no fault.
pub(super) fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// What a server said to a call that it did not answer.
#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
pub(super) fn refused(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("the server refused it: {}", super::plain(status.message()))
}

/// An empty table, drawn with a line under its head alone.
pub(super) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table
}

/// Progress bars of the steps of a command; hidden for machines and where nobody looks.
pub(super) struct Steps {
    hidden: bool,
}

impl Steps {
    pub(super) fn new(json: bool) -> Self {
        Self { hidden: json || !std::io::stderr().is_terminal() }
    }

    pub(super) fn bar(&self, name: &'static str, total: u64) -> ProgressBar {
        let target = if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{msg:>14} [{bar:40}] {human_pos}/{human_len} {elapsed}");
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(name);
        match style {
            Ok(style) => bar.with_style(style.progress_chars("=> ")),
            Err(_) => bar,
        }
    }
}
