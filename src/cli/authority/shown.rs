//! An authority, for machines and for people.

use serde_json::{Value, json};

use crate::cli::output::{hex, instant, print_line};
use crate::cli::plain;
use crate::domain::{Mode, Severity};
use crate::wire::convert::terms;
use crate::wire::v1;

/// All that is known of it but the ground's points.
pub(super) fn to_json(authority: &v1::Authority) -> Value {
    let certificate = |certificate: &v1::TrustedCertificate| {
        json!({
            "subject": certificate.subject, "sha256": hex(&certificate.sha256),
            "not_before": at(certificate.not_before_time), "not_after": at(certificate.not_after_time),
        })
    };
    let signature = authority.signature.as_ref().map(|rule| {
        json!({
            "certificates": rule.certificates.iter().map(certificate).collect::<Vec<_>>(),
            "roots": rule.roots.iter().map(certificate).collect::<Vec<_>>(),
            "subjects": rule.subjects,
        })
    });
    let area = ground(authority);
    json!({
        "name": authority.name,
        "display_name": authority.display_name,
        "senders": authority.senders,
        "whole_world": area.is_none(),
        "polygons": area.map(|area| area.polygons.len()),
        "points": area.map(points),
        "categories": authority.categories,
        "events": authority.events,
        "formats": authority.formats,
        "statuses": modes(authority),
        "scopes": authority.scopes,
        "highest_severity": severity(authority),
        "rate_per_minute": authority.rate.map(|rate| rate.per_minute),
        "rate_burst": authority.rate.map(|rate| rate.burst),
        "reach_limit": authority.reach_limit,
        "signature": signature,
        "state": state(authority),
        "created": at(authority.create_time),
        "updated": at(authority.update_time),
        "revoked": at(authority.revoke_time),
        "etag": authority.etag,
    })
}

/// The same in lines.
pub(super) fn say(authority: &v1::Authority) {
    print_line(&plain(&format!("{} ({}), {}", authority.name, authority.display_name, state(authority))));
    let line = |what: &str, value: String| {
        if !value.is_empty() {
            print_line(&plain(&format!("  {what:<17} {value}")));
        }
    };
    line("senders", authority.senders.join(", "));
    line("jurisdiction", jurisdiction(authority));
    line("hazards", authority.categories.join(", "));
    line("events", authority.events.join(", "));
    line("formats", authority.formats.join(", "));
    line("statuses", modes(authority).join(", "));
    line("scopes", authority.scopes.join(", "));
    line("highest severity", severity(authority).unwrap_or_default().to_owned());
    line("rate", authority.rate.map(rate).unwrap_or_default());
    line("second person", authority.reach_limit.map(|limit| format!("above {limit} people")).unwrap_or_default());
    if let Some(rule) = &authority.signature {
        for (what, certificates) in [("signed by", &rule.certificates), ("signed under", &rule.roots)] {
            for certificate in certificates {
                let [from, until] = [certificate.not_before_time, certificate.not_after_time].map(at);
                let [from, until] = [&from, &until].map(|at| at.as_str().unwrap_or_default());
                let sha256 = hex(&certificate.sha256);
                line(what, format!("{}, {from} to {until}, SHA-256 {sha256}", certificate.subject));
            }
        }
        line("signer", rule.subjects.join(" or "));
    }
    line("etag", authority.etag.clone());
}

/// Its limits that are no ground, in a few words.
pub(super) fn limits(authority: &v1::Authority) -> String {
    let mut all = [authority.categories.clone(), authority.events.clone(), authority.formats.clone()].concat();
    all.extend(modes(authority).iter().map(|mode| (*mode).to_owned()));
    all.extend(severity(authority).map(|severity| format!("up to {severity}")));
    all.extend(authority.rate.map(rate));
    all.extend(authority.signature.as_ref().map(|_| "signed".to_owned()));
    plain(&all.join(", "))
}

pub(super) fn jurisdiction(authority: &v1::Authority) -> String {
    match ground(authority) {
        None => "the whole world".to_owned(),
        Some(area) => format!("{} polygons of {} points", area.polygons.len(), points(area)),
    }
}

pub(super) fn state(authority: &v1::Authority) -> &'static str {
    if authority.revoke_time.is_some() { "revoked" } else { "admitted" }
}

fn ground(authority: &v1::Authority) -> Option<&v1::Area> {
    match authority.jurisdiction.as_ref().and_then(|jurisdiction| jurisdiction.ground.as_ref()) {
        Some(v1::jurisdiction::Ground::Area(area)) => Some(area),
        Some(v1::jurisdiction::Ground::WholeWorld(_)) | None => None,
    }
}

fn points(area: &v1::Area) -> usize {
    let rings = area.polygons.iter().flat_map(|polygon| polygon.outer.iter().chain(&polygon.holes));
    rings.map(|ring| ring.coordinates.len() / 2).sum()
}

fn rate(rate: v1::AlertRate) -> String {
    format!("{} a minute, {} at once", rate.per_minute, rate.burst)
}

fn modes(authority: &v1::Authority) -> Vec<&'static str> {
    authority.modes.iter().filter_map(|mode| terms::mode::from_wire(*mode)).map(Mode::name).collect()
}

fn severity(authority: &v1::Authority) -> Option<&'static str> {
    terms::severity::from_wire(authority.highest_severity).map(Severity::as_str)
}

fn at(at: Option<prost_types::Timestamp>) -> Value {
    instant(at).map_or(Value::Null, |at| at.to_string().into())
}
