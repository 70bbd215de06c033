//! Credentials, as people and machines are shown them. There is no secret in one.

use serde_json::{Value, json};

use crate::cli::output::{hex, instant, print_line};
use crate::cli::plain;
use crate::domain::Clock;
use crate::lifecycle::SystemClock;
use crate::wire::v1;
use crate::wire::v1::principal::Kind as PrincipalKind;
use crate::wire::v1::proof::Kind as ProofKind;

pub(super) fn id(credential: &v1::Credential) -> &str {
    credential.name.strip_prefix("credentials/").unwrap_or(&credential.name)
}

pub(super) fn say(credential: &v1::Credential) {
    print_line(&format!("{}  {}", credential.name, plain(&credential.display_name)));
    print_line(&format!("  stands for {}", plain(&whom(credential))));
    print_line(&format!("  proven by {}", plain(&proof(credential))));
    print_line(&format!("  {}, ends {}", state(credential), day(credential.revoke_time.or(credential.expire_time))));
}

pub(super) fn to_json(credential: &v1::Credential) -> Value {
    let at = |at| instant(at).map(|at| at.to_string());
    json!({
        "name": credential.name,
        "display_name": credential.display_name,
        "stands_for": whom(credential),
        "proven_by": proof(credential),
        "state": state(credential),
        "created": at(credential.create_time),
        "creator": credential.creator,
        "expires": at(credential.expire_time),
        "revoked": at(credential.revoke_time),
        "used": at(credential.use_time),
    })
}

pub(super) fn whom(credential: &v1::Credential) -> String {
    match credential.principal.as_ref().and_then(|principal| principal.kind.as_ref()) {
        Some(PrincipalKind::Partner(partner)) => partner.clone(),
        Some(PrincipalKind::Authority(authority)) => {
            format!("{} for {}", authority.authority, authority.senders.join(", "))
        }
        Some(PrincipalKind::Operator(role)) => {
            let role = v1::OperatorRole::try_from(*role).unwrap_or_default();
            format!("operator: {}", role.as_str_name().trim_start_matches("OPERATOR_ROLE_").to_lowercase())
        }
        Some(PrincipalKind::Bootstrap(_)) => "bootstrap".to_owned(),
        None => "unknown".to_owned(),
    }
}

pub(super) fn proof(credential: &v1::Credential) -> String {
    match credential.proof.as_ref().and_then(|proof| proof.kind.as_ref()) {
        Some(ProofKind::Token(_)) => "token".to_owned(),
        Some(ProofKind::CertificateSha256(sha256)) => format!("certificate {}", hex(sha256)),
        Some(ProofKind::CertificateUri(uri)) => format!("certificate of {uri}"),
        None => "unknown".to_owned(),
    }
}

pub(super) fn state(credential: &v1::Credential) -> &'static str {
    if credential.revoke_time.is_some() {
        "revoked"
    } else if instant(credential.expire_time).is_some_and(|at| at <= SystemClock.now()) {
        "expired"
    } else {
        "in force"
    }
}

pub(super) fn day(at: Option<prost_types::Timestamp>) -> String {
    instant(at).map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}
