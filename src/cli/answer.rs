//! What commands say of alerts: answers, reasons and names.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::wire::convert::terms;
use crate::wire::v1;
use crate::wire::v1::HoldReason;
use crate::wire::v1::submit_alert_response::Outcome;

use super::output::{instant, print_line};
use super::plain;

/// Who would be told.
pub(super) fn say_preview(answer: &v1::PreviewAlertResponse, json: bool) {
    if json {
        print_line(&preview_json(answer).to_string());
        return;
    }
    for reason in &answer.hold_reasons {
        let HoldReason { reason, field, found } = reason;
        print_line(&plain(&format!("it would wait for a person: {field}: {found} ({reason})")));
    }
    if answer.ignored() == v1::IgnoreReason::Unspecified {
        print_line(&format!("{} devices are in the area{}", answer.found_count, rounded(answer.rounded_to)));
        for told in &answer.told {
            print_line(&format!("  {} would be told over {}", told.count, channel_name(told.channel)));
        }
        for skip in &answer.skipped {
            print_line(&format!("  {} would not: {}", skip.count, skip.reason.replace('_', " ")));
        }
        for held in &answer.withheld {
            let (count, name) = (held.count, channel_name(held.channel));
            print_line(&format!(
                "  {count} not over {name}: it leads out of the region, and they have not agreed to that"
            ));
        }
        for app in &answer.app_counts {
            print_line(&format!("  {} of {}", app.count, app.app));
        }
    } else {
        print_line(&format!("it would not be sent: {}", ignore_name(answer.ignored())));
    }
    say_problems(&answer.problems);
}

/// The same as an object.
pub(super) fn preview_json(answer: &v1::PreviewAlertResponse) -> Value {
    let by_channel = |counts: &[v1::ChannelCount]| -> Map<String, Value> {
        counts.iter().map(|of| (channel_name(of.channel).to_owned(), json!(of.count))).collect()
    };
    let apps: Map<String, Value> = answer.app_counts.iter().map(|of| (of.app.clone(), json!(of.count))).collect();
    let ignored = answer.ignored();
    json!({
        "would_be_sent": ignored == v1::IgnoreReason::Unspecified,
        "ignored": (ignored != v1::IgnoreReason::Unspecified).then(|| ignore_name(ignored)),
        "found": answer.found_count,
        "rounded_to": answer.rounded_to,
        "told": by_channel(&answer.told),
        "skipped": skipped(&answer.skipped),
        "withheld": by_channel(&answer.withheld),
        "apps": apps,
        "held_for": answer.hold_reasons.iter().map(hold_reason).collect::<Vec<_>>(),
        "problems": problems(&answer.problems),
    })
}

/// What became of an alert; the key of what it became.
pub(super) fn answered(answer: v1::SubmitAlertResponse, json: bool) -> Result<Option<String>> {
    let (outcome, key, reason) = match answer.outcome.context("the server said nothing")? {
        Outcome::Admitted(admitted) => ("admitted", admitted.key, None),
        Outcome::Ignored(ignored) => ("ignored", ignored.key, Some(ignore_name(ignored.reason()))),
        Outcome::Held(held) => {
            say_held(&held, &answer.problems, json);
            return Ok(None);
        }
    };
    let key = key.map(|key| terms::key_from_wire(key).to_string());
    if json {
        let problems = problems(&answer.problems);
        let line = json!({ "outcome": outcome, "key": key, "reason": reason, "problems": problems });
        print_line(&line.to_string());
    } else {
        match (&key, reason) {
            (Some(key), None) => print_line(&format!("admitted as {key}: on disk and on its way")),
            (Some(key), Some(reason)) => print_line(&format!("not sent: {reason} of {key}")),
            (None, reason) => print_line(&format!("not sent: {}", reason.unwrap_or("no reason given"))),
        }
        say_problems(&answer.problems);
    }
    Ok(key)
}

fn say_held(held: &v1::submit_alert_response::Held, unused: &[v1::Problem], json: bool) {
    let deadline = instant(held.deadline_time).map(|at| at.to_string()).unwrap_or_default();
    if json {
        let reasons: Vec<Value> = held.reasons.iter().map(hold_reason).collect();
        let line = json!({
            "outcome": "held", "name": held.name, "reasons": reasons, "deadline": deadline,
            "unanswered": unanswered_name(held.unanswered()), "problems": problems(unused),
        });
        print_line(&line.to_string());
        return;
    }
    print_line(&format!("held as {}: it waits for a second person, and nobody is told yet", held.name));
    for reason in &held.reasons {
        print_line(&plain(&format!("  {}: {} ({})", reason.field, reason.found, reason.reason)));
    }
    print_line(&format!("  if nobody answers until {deadline}, it is {}", unanswered_name(held.unanswered())));
    say_problems(unused);
}

pub(super) fn hold_reason(reason: &v1::HoldReason) -> Value {
    json!({ "reason": reason.reason, "field": reason.field, "found": reason.found })
}

pub(super) fn unanswered_name(unanswered: v1::Unanswered) -> &'static str {
    match unanswered {
        v1::Unanswered::Send => "sent",
        v1::Unanswered::Drop | v1::Unanswered::Unspecified => "dropped",
    }
}

/// How closely counts are told, if they are not exact.
pub(super) fn rounded(to: i64) -> String {
    if to == 0 { String::new() } else { format!(" or more: counts are rounded down, to {to}") }
}

pub(super) fn skipped(skipped: &[v1::SkipCount]) -> Value {
    skipped.iter().map(|skip| (skip.reason.clone(), json!(skip.count))).collect::<serde_json::Map<_, _>>().into()
}

fn problems(problems: &[v1::Problem]) -> Value {
    problems.iter().map(|problem| json!({ "field": problem.field, "reason": problem.message })).collect()
}

fn say_problems(problems: &[v1::Problem]) {
    for problem in problems {
        print_line(&plain(&format!("  not used: {}: {}", problem.field, problem.message)));
    }
}

pub(super) fn channel_name(channel: i32) -> &'static str {
    terms::channel::from_wire(channel).map_or("unknown", crate::domain::ChannelKind::name)
}

pub(super) fn priority_name(priority: i32) -> &'static str {
    match v1::Priority::try_from(priority).unwrap_or_default() {
        v1::Priority::Unspecified => "unknown",
        v1::Priority::Information => "information",
        v1::Priority::Advisory => "advisory",
        v1::Priority::Warning => "warning",
        v1::Priority::LifeThreat => "life threat",
    }
}

pub(super) fn ignore_name(reason: v1::IgnoreReason) -> &'static str {
    match reason {
        v1::IgnoreReason::Unspecified => "unknown",
        v1::IgnoreReason::Duplicate => "duplicate",
        v1::IgnoreReason::Expired => "expired",
        v1::IgnoreReason::Superseded => "superseded",
        v1::IgnoreReason::NothingToCancel => "nothing to cancel",
        v1::IgnoreReason::NotForPublic => "not for the public",
        v1::IgnoreReason::Rejected => "rejected",
    }
}
