//! `hazardcast alert compose`: an alert from a template, as CAP 1.2, with a template for its correction.
//!
//! What a person has typed is sent as typed: it waits for a second person, whatever its authority may send alone.

mod area;
mod cap;
mod template;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::domain::{Clock, SignedDuration, Timestamp};
use crate::format;
use crate::lifecycle::SystemClock;
use crate::wire::v1;
use crate::wire::v1::alert_service_client::AlertServiceClient;

use super::Server;
use super::alert::submit;
use super::answer::{answered, say_preview};
use super::output::{print_line, refused};

use area::AreaArgs;
use template::{SHIPPED, Sent, Template, Texts};

/// What `alert compose` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert compose earthquake --show
  hazardcast alert compose earthquake --sender a@example.org --status test --set place=Lima --circle=-77.0,-12.0,80
  hazardcast alert compose flood --sender a@example.org --status actual --set place=Ulm --box 9.9,48.3,10.1,48.5 \
--correction ulm.toml --submit
  hazardcast alert compose ulm.toml --act cancel --submit

The alert is printed, or written with --out. With --preview a server says who would be told. With --submit it is sent,
and waits for a second person: `alert held`, `alert approve`. A cancel waits for nobody.")]
pub struct ComposeArgs {
    /// A template: earthquake, flood, general, or a file of your own
    #[arg(value_name = "TEMPLATE")]
    pub template: String,
    /// Print the template, so that you may make one of your own of it
    #[arg(long)]
    pub show: bool,
    /// The value of one of the template's fields
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Whether it is for real [default for a correction: as what it corrects]
    #[arg(long, value_enum)]
    pub status: Option<Status>,
    /// Who says so, CAP's sender [default for a correction: as what it corrects]
    #[arg(long, value_name = "SENDER")]
    pub sender: Option<String>,
    /// What names it [default: by the time]
    #[arg(long, value_name = "ID")]
    pub identifier: Option<String>,
    /// What it does [default: alert, and update for a correction]
    #[arg(long, value_enum)]
    pub act: Option<Act>,
    /// Only these of the template's languages
    #[arg(long, value_name = "TAG")]
    pub language: Vec<String>,
    /// How long it holds, minutes [default: as the template says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub minutes: Option<u32>,
    /// Where.
    #[command(flatten)]
    pub area: AreaArgs,
    /// Write the alert to this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write a template for its correction to this file: an update or a cancel, with references
    #[arg(long, value_name = "FILE")]
    pub correction: Option<PathBuf>,
    /// Ask the server who would be told
    #[arg(long)]
    pub preview: bool,
    /// Send it; it waits for a second person
    #[arg(long)]
    pub submit: bool,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// CAP's `status`, as far as anybody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// For real.
    Actual,
    /// An exercise.
    Exercise,
    /// A test.
    Test,
}

/// CAP's `msgType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Act {
    /// A first message.
    Alert,
    /// It takes the place of another.
    Update,
    /// It ends another.
    Cancel,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Actual => "Actual",
            Self::Exercise => "Exercise",
            Self::Test => "Test",
        }
    }
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::Alert => "Alert",
            Self::Update => "Update",
            Self::Cancel => "Cancel",
        }
    }

    fn headline(self, texts: &Texts) -> &str {
        match self {
            Self::Alert => &texts.headline,
            Self::Update => &texts.update,
            Self::Cancel => &texts.cancel,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("is not NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// An alert that was made, and the template that corrects it.
struct Composed {
    xml: String,
    identifier: String,
    correction: Template,
}

pub(super) async fn run(args: &ComposeArgs, json: bool) -> Result<ExitCode> {
    let text = text(&args.template)?;
    if args.show {
        print_line(text.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let template = Template::read(&text).with_context(|| format!("the template {}", args.template))?;
    let composed = compose(args, &template, SystemClock.now())?;
    if let Some(file) = &args.correction {
        let text = toml::to_string(&composed.correction).context("the correction")?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    match &args.out {
        Some(file) => {
            std::fs::write(file, &composed.xml).with_context(|| format!("cannot write {}", file.display()))?;
        }
        None if json => print_line(&json!({ "identifier": composed.identifier, "cap": composed.xml }).to_string()),
        None => print_line(composed.xml.trim_end()),
    }
    if !args.preview && !args.submit {
        return Ok(ExitCode::SUCCESS);
    }
    let channel = args.server.connect().await?;
    let raw = v1::RawAlert { content: composed.xml.into(), media_type: "application/cap+xml".to_owned() };
    if args.preview {
        let alert = Some(v1::preview_alert_request::Alert::Raw(raw.clone()));
        let answer = AlertServiceClient::new(channel.clone()).preview_alert(v1::PreviewAlertRequest { alert }).await;
        say_preview(&answer.map_err(refused)?.into_inner(), json);
    }
    if args.submit {
        answered(submit(channel, raw, true).await?, json)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A template that comes with the program, or a file.
fn text(name: &str) -> Result<String> {
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return Ok((*text).to_owned());
    }
    let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
    std::fs::read_to_string(name)
        .with_context(|| format!("{name} is no file, and no template of ours: {} are", names.join(", ")))
}

fn compose(args: &ComposeArgs, template: &Template, now: Timestamp) -> Result<Composed> {
    let set: BTreeMap<String, String> = args.set.iter().cloned().collect();
    let mut filled = template.filled(&set)?;
    if !args.language.is_empty() {
        filled.info.retain(|texts| args.language.contains(&texts.language));
        ensure!(filled.info.len() == args.language.len(), "--language: the template has not all of these languages");
    }
    let act = args.act.unwrap_or(if template.references.is_some() { Act::Update } else { Act::Alert });
    let references = template.references.as_deref().filter(|_| act != Act::Alert);
    if act != Act::Alert && references.is_none() {
        bail!("--act: an update or a cancel is made of the template that --correction wrote");
    }
    let status = args.status.map(Status::name).or(template.status.as_deref());
    let status = status.context("--status: say whether it is actual, exercise or test")?;
    let sender = args.sender.as_deref().or(template.sender.as_deref()).context("--sender: say who says so")?;
    let area = args.area.ground(template.area.as_ref(), filled.defaults.get("place").map(String::as_str))?;
    ensure!(act == Act::Cancel || !area.is_empty(), "say where: --box, --circle, --geojson or --geocode");
    let minutes = args.minutes.unwrap_or(filled.minutes);
    let named = || format!("hazardcast-{}", now.strftime("%Y%m%dT%H%M%S%3fZ"));
    let identifier = args.identifier.clone().unwrap_or_else(named);
    let head = cap::Head {
        identifier: &identifier,
        sender,
        sender_name: filled.defaults.get("sender_name").map(String::as_str).unwrap_or_default(),
        sent: now,
        status,
        act,
        references,
        expires: now.checked_add(SignedDuration::from_mins(i64::from(minutes)))?,
    };
    let xml = cap::write(&head, &filled, &area);
    check(&xml)?;
    let reference = format!("{sender},{identifier},{}", cap::time(now));
    let reference = references.map_or_else(|| reference.clone(), |before| format!("{before} {reference}"));
    let of = Sent { sender: sender.to_owned(), status: status.to_owned(), reference };
    let mut correction = template.correction(&set, of, area);
    correction.info.retain(|texts| args.language.is_empty() || args.language.contains(&texts.language));
    Ok(Composed { xml, identifier, correction })
}

/// It is read as any server would: what cannot be read, or only in part, is told before anybody sees it.
fn check(xml: &str) -> Result<()> {
    let read = format::read(xml.as_bytes(), Some("application/cap+xml"))
        .map_err(|error| anyhow::anyhow!("{}: {error}", error.field()))?;
    if let Some(refusal) = read.refusals.first() {
        bail!("{}: {}", refusal.field, refusal.reason);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::domain::{Alert, Body, Ground as Place, Mode};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ComposeArgs,
    }

    fn args(line: &str) -> ComposeArgs {
        Line::parse_from(std::iter::once("compose").chain(line.split_whitespace())).args
    }

    fn made(line: &str, template: Option<&Template>) -> Result<(Alert, Template)> {
        let args = args(line);
        let shipped = Template::read(&text(&args.template).unwrap_or_else(|_| SHIPPED[0].1.to_owned()))?;
        let composed = compose(&args, template.unwrap_or(&shipped), Timestamp::constant(1_900_000_000, 0))?;
        let alert = format::read(composed.xml.as_bytes(), None).expect("it can be read").alert;
        Ok((alert, composed.correction))
    }

    #[test]
    fn what_is_composed_is_read_as_it_was_meant_and_so_is_its_correction() {
        let line = "earthquake --sender a@example.org --status exercise --set place=<Lima>&Callao --circle=-77,-12,80";
        let (alert, correction) = made(line, None).expect("made");
        assert_eq!((alert.mode, alert.id.sender.as_str()), (Mode::Exercise, "a@example.org"));
        let Body::Issue(infos) = &alert.body else { panic!("{alert:?}") };
        assert_eq!(infos.iter().map(|info| info.language.as_str()).collect::<Vec<_>>(), ["en", "es", "de"]);
        assert_eq!(infos[0].texts.headline.as_deref(), Some("Strong earthquake: <Lima>&Callao"));
        let Place::Areas(areas) = &infos[0].ground else { panic!("{alert:?}") };
        let circle = &areas.first().circles[0];
        assert!((circle.lon() + 77.0).abs() < 1e-6 && (circle.radius_m() - 80_000.0).abs() < 1.0);

        let (update, second) = made("x --identifier u --set place=Callao", Some(&correction)).expect("made");
        assert_eq!(update.subject.references[0].id, alert.id);
        let Body::Update(infos) = &update.body else { panic!("{update:?}") };
        assert_eq!(infos[0].texts.headline.as_deref(), Some("Corrected: earthquake in Callao"));
        assert_eq!(update.mode, Mode::Exercise);
        let (cancel, _) = made("x --identifier c --act cancel", Some(&second)).expect("made");
        assert!(matches!(cancel.body, Body::Cancel(_)));
        let named: Vec<_> = cancel.subject.references.iter().map(|reference| &reference.id).collect();
        assert_eq!(named, [&alert.id, &update.id]);
    }

    #[test]
    fn what_is_missing_or_cannot_be_is_told_by_the_name_of_its_argument_or_field() {
        let whole = "earthquake --sender a@example.org --status test --set place=Lima --box 1,2,3,4";
        made(whole, None).expect("made");
        for (line, said) in [
            ("earthquake --sender a --status test --set place=Lima", "--box"),
            ("earthquake --status test --set place=Lima --box 1,2,3,4", "--sender"),
            ("earthquake --sender a --set place=Lima --box 1,2,3,4", "--status"),
            ("earthquake --sender a --status test --box 1,2,3,4", "place"),
            (&format!("{whole} --act cancel"), "--act"),
            (&format!("{whole} --set severity=Bad"), "severity"),
            (&format!("{whole} --language fr"), "--language"),
            (&format!("{whole} --identifier a,b"), "identifier"),
            (&format!("{whole} --geojson /nowhere"), "/nowhere"),
        ] {
            let error = made(line, None).map(|_| ()).expect_err(line);
            assert!(format!("{error:#}").contains(said), "{line}: {error:#}");
        }
    }

    #[test]
    fn whoever_is_asked_for_a_template_that_is_not_there_is_told_which_are() {
        let error = text("storm").expect_err("none").to_string();
        assert!(error.contains("earthquake, flood, general"), "{error}");
    }
}
