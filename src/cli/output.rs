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

    /// One that counts, where nobody knows how many there are.
    pub(super) fn count(&self, name: &'static str) -> ProgressBar {
        self.styled(name, None, "{msg:>14} {human_pos} {per_sec} {elapsed}")
    }

    /// One of bytes, if it is known how many there are.
    pub(super) fn bytes(&self, name: &'static str, total: Option<u64>) -> ProgressBar {
        match total {
            Some(_) => self.styled(name, total, "{msg:>14} [{bar:40}] {bytes}/{total_bytes} {elapsed} {eta}"),
            None => self.styled(name, None, "{msg:>14} {bytes} {bytes_per_sec} {elapsed}"),
        }
    }

    pub(super) fn bar(&self, name: &'static str, total: u64) -> ProgressBar {
        self.styled(name, Some(total), "{msg:>14} [{bar:40}] {human_pos}/{human_len} {elapsed}")
    }

    fn styled(&self, name: &'static str, total: Option<u64>, template: &str) -> ProgressBar {
        let target = if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target).with_message(name);
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style.progress_chars("=> ")),
            Err(_) => bar,
        }
    }
}
