//! `hazardcast alert verify`: whether a file's alert is signed by somebody who is trusted.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::format::signature::{Seal, SignaturePolicy, Signed, Trust, TrustedBy, verify};

use super::output::print_line;
use super::plain;

/// What `alert verify` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert verify warning.xml --certificates ipaws.pem
  hazardcast alert verify warning.xml --roots roots.pem --subject CN=Warnings,O=Agency,C=GB --json
  hazardcast alert verify archive/2016.xml --certificates naads.pem --at 2016-03-01T00:00:00Z --allow-sha1

The file is verified as it is: a message that was indented after it was signed is another message.

Exit status: 0 signed by somebody who is trusted, 1 not so, 2 a file could not be read or cannot be trusted.")]
pub struct VerifyArgs {
    /// A file with one alert, as its authority sent it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// PEM of certificates that are trusted themselves
    #[arg(long, value_name = "PEM", required_unless_present = "roots")]
    pub certificates: Option<PathBuf>,
    /// PEM of roots: trusted is whom --subject names, if the certificate leads to one of them
    #[arg(long, value_name = "PEM", requires = "subject")]
    pub roots: Option<PathBuf>,
    /// The name in the signer's certificate, whole, as `alert check` shows it; may be given more than once
    #[arg(long, value_name = "NAME", requires = "roots")]
    pub subject: Vec<String>,
    /// When certificates must have been valid [default: when the alert says that it was sent]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Let SHA-1 count, as in old files; a server never does
    #[arg(long)]
    pub allow_sha1: bool,
}

/// Verifies and tells how it went.
pub(super) fn run(args: &VerifyArgs, json: bool) -> ExitCode {
    let read = |file: &Path| std::fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    let pem = |file: &Option<PathBuf>| file.as_deref().map(read).transpose().map(Option::unwrap_or_default);
    let checked = pem(&args.certificates).and_then(|certificates| {
        let trust = Trust::new(&certificates, &pem(&args.roots)?, &args.subject)?;
        Ok((trust, read(&args.file)?))
    });
    let (trust, message) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            super::say_error(&error, json);
            return ExitCode::from(2);
        }
    };
    let policy = SignaturePolicy { at: args.at, live: None, sha1: args.allow_sha1 };
    let verified = verify(&message, None, &trust, &policy);
    let file = args.file.display().to_string();
    match (&verified, json) {
        (Ok(signed), true) => {
            let signatures: Vec<Value> = signed.seals.iter().map(seal).collect();
            let line = json!({ "file": file, "verified": true, "at": signed.at.to_string(), "signatures": signatures,
                "others": signed.others, "field": null, "reason": null });
            print_line(&line.to_string());
        }
        (Err(fault), true) => {
            let line = json!({ "file": file, "verified": false, "at": null, "signatures": [], "others": null,
                "field": fault.field(), "reason": fault.to_string() });
            print_line(&line.to_string());
        }
        (Ok(signed), false) => told(&file, signed).iter().for_each(|line| print_line(&plain(line))),
        (Err(fault), false) => {
            print_line(&plain(&format!("✗ {file}")));
            print_line(&plain(&format!("  {}: {fault}", fault.field())));
        }
    }
    ExitCode::from(u8::from(verified.is_err()))
}

fn seal(seal: &Seal) -> Value {
    let (from, until) = seal.certificate.validity();
    json!({
        "signer": seal.certificate.subject(), "fingerprint": seal.certificate.fingerprint().to_string(),
        "valid": [from.to_string(), until.to_string()], "trusted_by": trusted_by(seal.trusted_by),
        "algorithm": seal.algorithm, "digest": seal.digest, "canonicalization": seal.canonicalization,
    })
}

fn trusted_by(trusted_by: TrustedBy) -> &'static str {
    match trusted_by {
        TrustedBy::Certificate => "certificate",
        TrustedBy::Root => "root",
    }
}

fn told(file: &str, signed: &Signed) -> Vec<String> {
    let mut lines = vec![format!("✓ {file}")];
    for seal in &signed.seals {
        let (from, until) = seal.certificate.validity();
        lines.push(format!("  signed by {}", seal.certificate.subject()));
        lines.push(format!("    {}, {}, {}", seal.algorithm, seal.digest, seal.canonicalization));
        lines.push(format!("    certificate {}", seal.certificate.fingerprint()));
        lines.push(format!("    valid from {from} until {until}, trusted by {}", trusted_by(seal.trusted_by)));
    }
    if signed.others > 0 {
        lines.push(format!("  {} more of which nothing is known here", signed.others));
    }
    lines.push(format!("  at {}", signed.at));
    lines
}
