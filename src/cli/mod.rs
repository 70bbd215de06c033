//! The command line: what can be asked ([`Cli`]), and how it is answered to people and, with `--json`, to machines.
//!
//! Each command has a file that holds its arguments and what it does. [`map`] draws an area and who was told;
//! [`cities`] puts devices where people live; [`log`] sets up the log. Nothing else of the crate prints.

pub mod access;
pub mod alert;
mod alert_map;
mod answer;
mod args;
pub mod audit;
mod audit_record;
pub mod authority;
mod cancel;
mod check;
pub mod cities;
mod compose;
mod connection;
pub mod demo;
pub mod device;
pub mod events;
pub mod feed;
mod held;
mod judge;
pub mod log;
pub mod map;
mod output;
pub mod policy;
mod population;
pub mod region;
pub mod registry;
pub mod serve;
mod verify;

pub use args::{Cli, Command};
pub use connection::Server;

use std::process::ExitCode;

/// Does what was asked; the exit code says how it went.
pub fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Alert(alert::AlertCommand::Check(args)) => return check::offline(args, cli.json),
        Command::Alert(alert::AlertCommand::Map(args)) => return alert_map::run(args, cli.json),
        _ => {}
    }
    if let Command::Alert(alert::AlertCommand::Verify(args)) = &cli.command {
        return Ok(verify::run(args, cli.json));
    }
    if let Command::Audit(command) = &cli.command
        && let Some(done) = audit::run_offline(command, cli.json)?
    {
        return Ok(done);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match &cli.command {
            Command::Serve(args) => {
                let config = args.settings()?;
                log::start(&config.log);
                serve::run(args, config, cli.json).await
            }
            Command::Demo(args) => demo::run(args, cli.json).await,
            Command::Alert(command) => alert::run(command, cli.json).await,
            Command::Audit(command) => audit::run(command, cli.json).await,
            Command::Device(device::DeviceCommand::Simulate(args)) => device::simulate(args, cli.json).await,
            Command::Registry(command) => registry::run(command, cli.json).await,
            Command::Access(command) => access::run(command, cli.json).await,
            Command::Authority(command) => authority::run(command, cli.json).await,
            Command::Region(command) => region::run(command, cli.json).await,
            Command::Feed(command) => feed::run(command, cli.json).await,
            Command::Policy(command) => policy::run(command, cli.json).await,
            Command::Events(args) => events::run(args, cli.json).await,
            Command::Webhook(command) => events::run_webhook(command, cli.json).await,
        }
    })
}

/// Metres of a degree of latitude on a sphere of 6,371 km: good enough for pictures and simulated devices.
const METRES_PER_DEGREE: f64 = 6_371_000.0 * std::f64::consts::PI / 180.0;

/// What may be shown of a text from elsewhere: no control characters, and none that turn the direction of what
/// follows (Unicode's bidirectional embeddings, overrides and isolates).
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Tells what went wrong, with its causes. It may repeat what came from elsewhere, a file's name for one.
pub fn say_error(error: &anyhow::Error, json: bool) {
    let reason = plain(&format!("{error:#}"));
    if json {
        output::print_line(&serde_json::json!({ "error": reason }).to_string());
    }
    let mut out = std::io::stderr().lock();
    let _ = std::io::Write::write_all(&mut out, format!("hazardcast: {reason}\n").as_bytes());
}

/// Tells why `arguments` could not be read, or, where that was asked, the help or the version. With `--json` among
/// them a reason is an object too.
pub fn say_usage(error: &clap::Error, arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    if error.use_stderr() && arguments.take_while(|given| given != "--").any(|given| given == "--json") {
        let text = error.to_string();
        let reason = text.lines().next().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        output::print_line(&serde_json::json!({ "error": plain(reason) }).to_string());
    }
    // A reader that has gone away is no fault.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
