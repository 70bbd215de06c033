//! What parts of the work cost by themselves, and another language's reader.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::corpus::File;

/// `quick-xml`: every event of the markup, looked at no further.
pub(super) fn tokenise(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().expect("it is well-formed") {
            quick_xml::events::Event::Eof => return,
            event => drop(black_box(event)),
        }
    }
}

/// `roxmltree`: a tree, looked at no further.
pub(super) fn parse(text: &str) {
    black_box(roxmltree::Document::parse(text)).expect("it is well-formed");
}

/// `benches/read_rivals.py`, which waits to be told which set to parse.
pub(super) struct Lxml {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Lxml {
    /// Starts it on the files of each set; says why not if it cannot be.
    pub(super) fn start(python: &str, sets: &[(String, Vec<File>)], shortest: Duration) -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/read_rivals.py");
        let mut command = Command::new(python);
        command.arg(script).arg("--serve").arg(shortest.as_secs_f64().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("{python} cannot be started: {error}"))?;
        let mut orders = child.stdin.take().expect("it is piped");
        let mut answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut hello = String::new();
        let said = answers.read_line(&mut hello);
        if said.is_err() || !hello.starts_with("lxml ") {
            let _ = child.wait();
            return Err(format!("{python} has no lxml"));
        }
        println!("lxml is {}", hello.trim_end());
        for (_, files) in sets {
            let paths: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
            writeln!(orders, "set {}", paths.join("\t")).expect("it listens");
        }
        Ok(Self { child, orders, answers })
    }

    /// What one run over a set takes.
    pub(super) fn round(&mut self, set: usize) -> Duration {
        writeln!(self.orders, "run {set}").expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        Duration::from_secs_f64(answer.trim_end().parse().expect("seconds"))
    }
}

impl Drop for Lxml {
    fn drop(&mut self) {
        let _ = writeln!(self.orders, "end");
        let _ = self.child.wait();
    }
}
