//! `hazardcast authority`: who may warn, where, and within which limits.

mod args;
mod ground;
mod shown;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::domain::{Mode, Severity};
use crate::wire::convert::terms;
use crate::wire::v1;
use crate::wire::v1::authority_service_client::AuthorityServiceClient;

use super::connection::Connection;
use super::output::{print_line, refused, table};
use super::{Server, plain};

pub(super) use ground::polygons;

pub use args::{
    AddArgs, AuthorityCommand, Limit, LimitArgs, ListArgs, RevokeArgs, ShowArgs, Status, UpdateArgs, Worst,
};

/// The largest answer, bytes: a page of jurisdictions that are finely drawn.
const MOST_ANSWER: usize = 16 << 20;

/// Does what was asked.
pub async fn run(command: &AuthorityCommand, json: bool) -> Result<ExitCode> {
    match command {
        AuthorityCommand::Add(args) => add(args, json).await?,
        AuthorityCommand::List(args) => list(args, json).await?,
        AuthorityCommand::Show(args) => show(args, json).await?,
        AuthorityCommand::Update(args) => update(args, json).await?,
        AuthorityCommand::Revoke(args) => revoke(args, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn client(server: &Server) -> Result<AuthorityServiceClient<Connection>> {
    Ok(AuthorityServiceClient::new(server.connect().await?).max_decoding_message_size(MOST_ANSWER))
}

async fn add(args: &AddArgs, json: bool) -> Result<()> {
    let (authority, _) = asked(&args.limits)?;
    let authority_id = args.id.strip_prefix("authorities/").unwrap_or(&args.id).to_owned();
    let request = v1::CreateAuthorityRequest { authority_id, authority: Some(authority), validate_only: args.check };
    let answer = client(&args.server).await?.create_authority(request).await;
    tell(answer.map_err(refused)?.into_inner().authority, json)
}

async fn update(args: &UpdateArgs, json: bool) -> Result<()> {
    let (authority, mut paths) = asked(&args.limits)?;
    paths.extend(args.clear.iter().map(|limit| path(*limit).to_owned()));
    ensure!(!paths.is_empty(), "say what is to be changed");
    let (name, etag) = (name(&args.id), args.etag.clone().unwrap_or_default());
    let request = v1::UpdateAuthorityRequest {
        authority: Some(v1::Authority { name, etag, ..authority }),
        update_mask: Some(prost_types::FieldMask { paths }),
        validate_only: args.check,
    };
    let answer = client(&args.server).await?.update_authority(request).await;
    tell(answer.map_err(refused)?.into_inner().authority, json)
}

async fn list(args: &ListArgs, json: bool) -> Result<()> {
    let mut client = client(&args.server).await?;
    let mut table = table();
    table.set_header(["authority", "name", "senders", "jurisdiction", "limits", "state"]);
    let mut page_token = String::new();
    loop {
        let request = v1::ListAuthoritiesRequest { page_size: 1_000, page_token };
        let page = client.list_authorities(request).await.map_err(refused)?.into_inner();
        for authority in &page.authorities {
            if json {
                print_line(&shown::to_json(authority).to_string());
            } else {
                table.add_row([
                    authority.name.trim_start_matches("authorities/").to_owned(),
                    plain(&authority.display_name),
                    plain(&authority.senders.join("\n")),
                    shown::jurisdiction(authority),
                    shown::limits(authority),
                    shown::state(authority).to_owned(),
                ]);
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if !json {
        print_line(&table.to_string());
    }
    Ok(())
}

async fn show(args: &ShowArgs, json: bool) -> Result<()> {
    let request = v1::GetAuthorityRequest { name: name(&args.id) };
    let answer = client(&args.server).await?.get_authority(request).await;
    tell(answer.map_err(refused)?.into_inner().authority, json)
}

async fn revoke(args: &RevokeArgs, json: bool) -> Result<()> {
    let mut client = client(&args.server).await?;
    for id in &args.ids {
        let request = v1::RevokeAuthorityRequest { name: name(id), etag: String::new() };
        let answer = client.revoke_authority(request).await.map_err(|status| refused(status).context(id.clone()))?;
        tell(answer.into_inner().authority, json)?;
    }
    Ok(())
}

/// The limits that were given, and the paths of their fields.
fn asked(args: &LimitArgs) -> Result<(v1::Authority, Vec<String>)> {
    let signature = signature(args)?;
    let given = [
        ("display_name", args.name.is_some()),
        ("senders", !args.sender.is_empty()),
        ("jurisdiction", args.whole_world || !args.area.is_empty() || !args.region.is_empty()),
        ("categories", !args.category.is_empty()),
        ("events", !args.event.is_empty()),
        ("formats", !args.format.is_empty()),
        ("modes", !args.status.is_empty()),
        ("scopes", !args.scope.is_empty()),
        ("highest_severity", args.highest_severity.is_some()),
        ("rate", args.rate.is_some()),
        ("reach_limit", args.reach_limit.is_some()),
        ("signature", signature.is_some()),
    ];
    let paths = given.iter().filter(|(_, given)| *given).map(|(path, _)| (*path).to_owned()).collect();
    let authority = v1::Authority {
        display_name: args.name.clone().unwrap_or_default(),
        senders: args.sender.clone(),
        jurisdiction: jurisdiction(args)?,
        categories: args.category.clone(),
        events: args.event.clone(),
        formats: args.format.clone(),
        modes: args.status.iter().map(|status| terms::mode::to_wire(mode(*status)).into()).collect(),
        scopes: args.scope.clone(),
        highest_severity: args.highest_severity.map_or(0, |worst| terms::severity::to_wire(severity(worst)).into()),
        rate: args.rate.map(|per_minute| v1::AlertRate { per_minute, burst: args.burst.unwrap_or_default() }),
        reach_limit: args.reach_limit,
        signature,
        ..v1::Authority::default()
    };
    Ok((authority, paths))
}

fn jurisdiction(args: &LimitArgs) -> Result<Option<v1::Jurisdiction>> {
    use v1::jurisdiction::Ground;

    if args.whole_world {
        return Ok(Some(v1::Jurisdiction { ground: Some(Ground::WholeWorld(true)) }));
    }
    if args.area.is_empty() && args.region.is_empty() {
        return Ok(None);
    }
    let mut area = v1::Area::default();
    for file in &args.area {
        area.polygons.extend(ground::polygons(file)?);
    }
    for region in &args.region {
        let (name, value) =
            region.split_once('=').with_context(|| format!("--region {region}: is not as in SAME=008069"))?;
        area.geocodes.push(v1::Geocode { name: name.to_owned(), value: value.to_owned() });
    }
    Ok(Some(v1::Jurisdiction { ground: Some(Ground::Area(area)) }))
}

fn signature(args: &LimitArgs) -> Result<Option<v1::SignatureRule>> {
    let read = |files: &[PathBuf]| {
        let pem = |file: &PathBuf| std::fs::read_to_string(file).with_context(|| file.display().to_string());
        let all = files.iter().map(|file| Ok(v1::TrustedCertificate { pem: pem(file)?, ..Default::default() }));
        all.collect::<Result<Vec<_>>>()
    };
    let (certificates, roots) = (read(&args.sign_certificate)?, read(&args.sign_root)?);
    let is_given = !certificates.is_empty() || !roots.is_empty();
    Ok(is_given.then(|| v1::SignatureRule { certificates, roots, subjects: args.sign_subject.clone() }))
}

const fn mode(status: Status) -> Mode {
    match status {
        Status::Actual => Mode::Actual,
        Status::Exercise => Mode::Exercise,
        Status::System => Mode::System,
        Status::Test => Mode::Test,
        Status::Draft => Mode::Draft,
    }
}

const fn severity(worst: Worst) -> Severity {
    match worst {
        Worst::Extreme => Severity::Extreme,
        Worst::Severe => Severity::Severe,
        Worst::Moderate => Severity::Moderate,
        Worst::Minor => Severity::Minor,
        Worst::Unknown => Severity::Unknown,
    }
}

const fn path(limit: Limit) -> &'static str {
    match limit {
        Limit::Categories => "categories",
        Limit::Events => "events",
        Limit::Formats => "formats",
        Limit::Modes => "modes",
        Limit::Scopes => "scopes",
        Limit::HighestSeverity => "highest_severity",
        Limit::Rate => "rate",
        Limit::ReachLimit => "reach_limit",
        Limit::Signature => "signature",
    }
}

/// An authority's name, whether its id alone was given or all of it.
fn name(id: &str) -> String {
    format!("authorities/{}", id.strip_prefix("authorities/").unwrap_or(id))
}

fn tell(authority: Option<v1::Authority>, json: bool) -> Result<()> {
    let authority = authority.context("the server said nothing")?;
    if json {
        print_line(&shown::to_json(&authority).to_string());
    } else {
        shown::say(&authority);
    }
    Ok(())
}
