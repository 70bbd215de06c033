//! The log: text or JSON, on standard error.
//!
//! What names or locates a person is [`Private`](crate::domain::Private) and prints as `[redacted]` (R-P9). The
//! libraries below do not know that: at `debug` some log the headers and frames that they carry. So of theirs only
//! warnings and errors are logged, whatever the level.

use std::io::{self, IsTerminal};

use tracing::{Dispatch, Level, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Log, LogFormat, LogLevel};

/// Starts the process's log. A process has one: a second call changes nothing.
pub fn start(log: &Log) {
    let colour = io::stderr().is_terminal();
    drop(tracing::dispatcher::set_global_default(dispatch(log, colour, io::stderr)));
}

fn dispatch<W>(log: &Log, colour: bool, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(colour);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        LogFormat::Text => Box::new(lines),
        LogFormat::Json => Box::new(lines.json().flatten_event(true)),
    };
    let level = level(log.level);
    let others = level.min(Level::WARN);
    let targets = Targets::new().with_default(LevelFilter::from_level(others)).with_target("hazardcast", level);
    Dispatch::new(Registry::default().with(lines.with_filter(targets)))
}

const fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::Value;

    use crate::domain::{LinkSecret, Private};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: LogLevel, work: impl FnOnce()) -> String {
        let paper = Paper::default();
        let writer = paper.clone();
        let dispatch = dispatch(&Log { format, level }, false, move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, work);
        let bytes = paper.0.lock().clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn what_is_private_is_not_in_the_log() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, LogLevel::Trace, || {
                let secret = LinkSecret(Private::new([0xAB; 32]));
                tracing::info!(?secret, token = ?Private::new("fcm-123"), "a link was refused");
            });
            assert!(text.contains("a link was refused") && text.contains("[redacted]"), "{text}");
            assert!(!text.contains("171") && !text.contains("fcm-123"), "{text}");
        }
    }

    #[test]
    fn libraries_do_not_log_what_they_carry() {
        let text = logged(LogFormat::Text, LogLevel::Trace, || {
            tracing::debug!(target: "h2::codec", "frame with a token");
            tracing::warn!(target: "h2::codec", "a reset");
            tracing::trace!("a batch was planned");
        });
        assert!(text.contains("a reset") && text.contains("a batch was planned"), "{text}");
        assert!(!text.contains("token"), "{text}");
        let text = logged(LogFormat::Text, LogLevel::Error, || tracing::warn!(target: "h2", "a reset"));
        assert_eq!(text, "");
    }

    #[test]
    fn json_is_one_object_a_line_and_text_has_no_colours_in_a_file() {
        let work = || {
            tracing::info!(devices = 5, "one");
            tracing::error!("two");
        };
        let text = logged(LogFormat::Json, LogLevel::Info, work);
        let lines: Vec<Value> = text.lines().map(|line| line.parse().expect("JSON")).collect();
        assert_eq!(
            (lines.len(), &lines[0]["devices"], &lines[1]["message"]),
            (2, &Value::from(5), &Value::from("two"))
        );
        assert!(!logged(LogFormat::Text, LogLevel::Info, work).contains('\u{1b}'));
    }
}
