//! The tree of commands, and what several of them share.

use clap::{Parser, Subcommand};

use super::access::AccessCommand;
use super::alert::AlertCommand;
use super::audit::AuditCommand;
use super::authority::AuthorityCommand;
use super::demo::DemoArgs;
use super::device::DeviceCommand;
use super::events::{EventsArgs, WebhookCommand};
use super::feed::FeedCommand;
use super::policy::PolicyCommand;
use super::region::RegionCommand;
use super::registry::RegistryCommand;
use super::serve::ServeArgs;

/// What was asked.
#[derive(Debug, Parser)]
#[command(
    name = "hazardcast",
    version,
    about = "Official earthquake and weather alerts to the consenting devices in their area, each once, at once",
    after_help = EXAMPLES,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Answer in JSON, one object a line, for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hazardcast demo
  hazardcast serve --dev
  hazardcast alert check warning.xml
  hazardcast alert send warning.xml --watch
  hazardcast device simulate --count 1000 --cities
  hazardcast audit verify";

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a server
    Serve(ServeArgs),
    /// Shows it all at once: a server, devices and links of its own, and a real alert
    Demo(DemoArgs),
    /// Checks, previews, sends and lists alerts
    #[command(subcommand)]
    Alert(AlertCommand),
    /// Verifies, lists and exports the log of who did what
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Imports and exports registrations, a file at a time
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Plays devices
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Says who may call a server: partners, authorities and operators
    #[command(subcommand)]
    Access(AccessCommand),
    /// Says which authorities may warn, where, and within which limits
    #[command(subcommand)]
    Authority(Box<AuthorityCommand>),
    /// Imports, shows and lists the regions that alerts' codes name
    #[command(subcommand)]
    Region(RegionCommand),
    /// Gets alerts from feeds, and shows how they are doing
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Retires versions of a partner's privacy policy, and shows how far it is retired
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Shows what happens to a partner's registrations
    Events(EventsArgs),
    /// Says where a partner's events are sent
    #[command(subcommand)]
    Webhook(WebhookCommand),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use crate::cli::alert::AlertCommand;

    use super::*;

    fn parse(line: &str) -> Result<Cli, String> {
        Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())
    }

    /// Each command that does something, by its words.
    fn leaves(command: &clap::Command, words: &str, found: &mut Vec<(String, clap::Command)>) {
        let children: Vec<_> = command.get_subcommands().filter(|child| child.get_name() != "help").collect();
        if children.is_empty() {
            found.push((words.to_owned(), command.clone()));
        }
        for child in children {
            leaves(child, &format!("{words} {}", child.get_name()), found);
        }
    }

    #[test]
    fn the_tree_is_sound_and_whole() {
        Cli::command().debug_assert();
        let mut found = Vec::new();
        leaves(&Cli::command(), "hazardcast", &mut found);
        let words: BTreeSet<&str> = found.iter().map(|(words, _)| words.as_str()).collect();
        let expected = [
            "hazardcast access bootstrap",
            "hazardcast access create",
            "hazardcast access list",
            "hazardcast access revoke",
            "hazardcast access rotate-identity-key",
            "hazardcast access show",
            "hazardcast access whoami",
            "hazardcast alert approve",
            "hazardcast alert cancel",
            "hazardcast alert check",
            "hazardcast alert compose",
            "hazardcast alert held",
            "hazardcast alert list",
            "hazardcast alert map",
            "hazardcast alert preview",
            "hazardcast alert reject",
            "hazardcast alert send",
            "hazardcast alert show",
            "hazardcast alert verify",
            "hazardcast audit export",
            "hazardcast audit head",
            "hazardcast audit list",
            "hazardcast audit verify",
            "hazardcast authority add",
            "hazardcast authority list",
            "hazardcast authority revoke",
            "hazardcast authority show",
            "hazardcast authority update",
            "hazardcast demo",
            "hazardcast device simulate",
            "hazardcast events",
            "hazardcast feed add",
            "hazardcast feed list",
            "hazardcast feed pause",
            "hazardcast feed remove",
            "hazardcast feed resume",
            "hazardcast feed show",
            "hazardcast feed test",
            "hazardcast policy retire",
            "hazardcast policy show",
            "hazardcast region import",
            "hazardcast region list",
            "hazardcast region show",
            "hazardcast registry export",
            "hazardcast registry import",
            "hazardcast serve",
            "hazardcast webhook delete",
            "hazardcast webhook set",
            "hazardcast webhook show",
        ];
        assert_eq!(words, BTreeSet::from(expected));
    }

    #[test]
    fn each_command_has_examples_of_its_own_that_can_be_typed() {
        let mut found = Vec::new();
        leaves(&Cli::command(), "hazardcast", &mut found);
        found.push(("hazardcast".to_owned(), Cli::command()));
        for (words, command) in found {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  ")).collect();
            assert!(!examples.is_empty(), "`{words}` has no examples");
            for example in examples {
                assert!(example.trim().starts_with(&words), "`{words}` shows another command: {example}");
                parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    #[test]
    fn json_can_be_asked_of_any_command_and_anywhere() {
        for line in ["hazardcast --json alert list", "hazardcast alert --json list", "hazardcast alert list --json"] {
            assert!(parse(line).is_ok_and(|cli| cli.json), "{line}");
        }
    }

    #[test]
    fn the_real_clock_cannot_be_left_without_dev() {
        let error = parse("hazardcast serve --clock 2024-10-25T15:10:00Z").expect_err("refused");
        assert!(error.contains("--dev"), "{error}");
        assert!(parse("hazardcast serve --dev --clock yesterday").is_err());
    }

    #[test]
    fn a_place_is_two_numbers_on_the_globe() {
        for bad in ["8.5", "8.5,91", "nan,1", "east,north", "1,2,3", "181,0"] {
            let error = parse(&format!("hazardcast device simulate --count 1 --place={bad}")).expect_err(bad);
            assert!(error.contains("--place"), "{error}");
        }
        assert!(parse("hazardcast device simulate --count 1 --place=-99.1,19.4").is_ok());
        assert!(parse("hazardcast device simulate --count 1 --place -99.1,19.4").is_ok());
        assert!(parse("hazardcast device simulate --count 1 --place 1,2 --cities").is_err());
        assert!(parse("hazardcast device simulate --count 0 --cities").is_err());
    }

    #[test]
    fn check_takes_many_files() {
        let cli = parse("hazardcast alert check a.xml b.json").expect("parsed");
        assert!(matches!(cli.command, Command::Alert(AlertCommand::Check(args)) if args.files.len() == 2));
        assert!(parse("hazardcast alert check").is_err());
    }
}
