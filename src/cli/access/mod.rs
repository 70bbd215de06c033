//! `hazardcast access`: who may call a server, and as whom.

mod args;
mod shown;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::access::{Access, Limits};
use crate::audit;
use crate::config::Config;
use crate::domain::{Act, AuditEntry, Clock, SignedDuration};
use crate::lifecycle::SystemClock;
use crate::metrics::Metrics;
use crate::wire::convert::time;
use crate::wire::v1;
use crate::wire::v1::access_service_client::AccessServiceClient;
use crate::wire::v1::principal::Kind as PrincipalKind;
use crate::wire::v1::proof::Kind as ProofKind;

use super::connection::Connection;
use super::output::{print_line, refused, table};
use super::{Server, plain};

pub use args::{
    AccessCommand, BootstrapArgs, CreateArgs, ListArgs, OperatorRole, RevokeArgs, RotateArgs, ShowArgs, WhoamiArgs,
};

use shown::{day, id, proof, say, state, to_json, whom};

/// Does what was asked.
pub async fn run(command: &AccessCommand, json: bool) -> Result<ExitCode> {
    match command {
        AccessCommand::Create(args) => create(args, json).await?,
        AccessCommand::List(args) => list(args, json).await?,
        AccessCommand::Show(args) => show(args, json).await?,
        AccessCommand::Revoke(args) => revoke(args, json).await?,
        AccessCommand::RotateIdentityKey(args) => rotate(args, json).await?,
        AccessCommand::Whoami(args) => whoami(args, json).await?,
        AccessCommand::Bootstrap(args) => bootstrap(args, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn client(server: &Server) -> Result<AccessServiceClient<Connection>> {
    Ok(AccessServiceClient::new(server.connect().await?))
}

async fn create(args: &CreateArgs, json: bool) -> Result<()> {
    let credential = asked(args)?;
    let mut client = client(&args.server).await?;
    // Before the call: a token that cannot be put anywhere would be lost.
    let mut file = args.token_out.as_deref().map(new_private).transpose()?;
    let request = v1::CreateCredentialRequest { credential: Some(credential) };
    let answer = client.create_credential(request).await;
    let answer = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            if let Some(path) = &args.token_out {
                let _ = std::fs::remove_file(path);
            }
            return Err(refused(status));
        }
    };
    let credential = answer.credential.context("the server said nothing")?;
    if let Some(file) = &mut file {
        writeln!(file, "{}", answer.token).and_then(|()| file.sync_all()).context("the token could not be written")?;
    }
    let shown = Some(answer.token).filter(|token| file.is_none() && !token.is_empty());
    if json {
        let mut line = to_json(&credential);
        line["token"] = json!(shown);
        line["token_file"] = json!(args.token_out);
        print_line(&line.to_string());
        return Ok(());
    }
    say(&credential);
    match (shown, &args.token_out) {
        (Some(token), _) => print_line(&format!("  token, shown only now:\n{token}")),
        (None, Some(path)) => print_line(&format!("  the token is in {}", path.display())),
        (None, None) => {}
    }
    Ok(())
}

fn asked(args: &CreateArgs) -> Result<v1::Credential> {
    let kind = match (&args.partner, &args.authority, args.operator) {
        (Some(partner), ..) => PrincipalKind::Partner(format!("partners/{partner}")),
        (_, Some(authority), _) => PrincipalKind::Authority(v1::AuthorityPrincipal {
            authority: format!("authorities/{authority}"),
            senders: args.sender.clone(),
        }),
        (.., Some(role)) => PrincipalKind::Operator(to_wire(role).into()),
        (None, None, None) => bail!("say whom it stands for: --partner, --authority or --operator"),
    };
    let proof = match (&args.certificate, &args.certificate_uri) {
        (Some(file), _) => ProofKind::CertificateSha256(fingerprint(file)?.into()),
        (None, Some(uri)) => ProofKind::CertificateUri(uri.clone()),
        (None, None) => ProofKind::Token(v1::TokenProof {}),
    };
    let expires = SystemClock.now().checked_add(SignedDuration::from_hours(i64::from(args.days) * 24))?;
    Ok(v1::Credential {
        display_name: args.name.clone(),
        principal: Some(v1::Principal { kind: Some(kind) }),
        proof: Some(v1::Proof { kind: Some(proof) }),
        expire_time: Some(time::to_wire(expires)),
        ..v1::Credential::default()
    })
}

const fn to_wire(role: OperatorRole) -> v1::OperatorRole {
    match role {
        OperatorRole::View => v1::OperatorRole::View,
        OperatorRole::Operate => v1::OperatorRole::Operate,
        OperatorRole::Approve => v1::OperatorRole::Approve,
        OperatorRole::Administer => v1::OperatorRole::Administer,
    }
}

/// SHA-256 of the first certificate in a file.
fn fingerprint(file: &Path) -> Result<Vec<u8>> {
    let certificate = CertificateDer::from_pem_file(file);
    let certificate = certificate.with_context(|| format!("--certificate {}: no certificate", file.display()))?;
    Ok(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate).as_ref().to_vec())
}

/// A file that was not there, and that only this account can read.
fn new_private(path: &Path) -> Result<std::fs::File> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.with_context(|| format!("--token-out {}", path.display()))
}

async fn list(args: &ListArgs, json: bool) -> Result<()> {
    let mut client = client(&args.server).await?;
    let mut table = table();
    table.set_header(["credential", "name", "stands for", "proven by", "state", "ends", "last used"]);
    let mut page_token = String::new();
    loop {
        let request = v1::ListCredentialsRequest { page_size: 1_000, page_token };
        let page = client.list_credentials(request).await.map_err(refused)?.into_inner();
        for credential in &page.credentials {
            if json {
                print_line(&to_json(credential).to_string());
            } else {
                table.add_row([
                    id(credential).to_owned(),
                    plain(&credential.display_name),
                    plain(&whom(credential)),
                    plain(&proof(credential)),
                    state(credential).to_owned(),
                    day(credential.revoke_time.or(credential.expire_time)),
                    day(credential.use_time),
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
    let request = v1::GetCredentialRequest { name: name(&args.id) };
    let answer = client(&args.server).await?.get_credential(request).await;
    tell(answer.map_err(refused)?.into_inner().credential, json)
}

async fn revoke(args: &RevokeArgs, json: bool) -> Result<()> {
    let mut client = client(&args.server).await?;
    for id in &args.ids {
        let request = v1::RevokeCredentialRequest { name: name(id) };
        let answer = client.revoke_credential(request).await.map_err(|status| refused(status).context(id.clone()))?;
        tell(answer.into_inner().credential, json)?;
    }
    Ok(())
}

async fn rotate(args: &RotateArgs, json: bool) -> Result<()> {
    let answer = client(&args.server).await?.rotate_identity_key(v1::RotateIdentityKeyRequest {}).await;
    answer.map_err(refused)?;
    if json {
        print_line(&json!({ "rotated": true }).to_string());
    } else {
        print_line("identifiers are hashed with a new key from now on");
    }
    Ok(())
}

async fn whoami(args: &WhoamiArgs, json: bool) -> Result<()> {
    let answer = client(&args.server).await?.who_am_i(v1::WhoAmIRequest {}).await;
    match answer.map_err(refused)?.into_inner().credential {
        Some(credential) => tell(Some(credential), json),
        None if json => {
            print_line(&json!({ "name": Value::Null, "stands_for": "anybody" }).to_string());
            Ok(())
        }
        None => {
            print_line("anybody: the server is a development server, and lets anybody on its machine do anything");
            Ok(())
        }
    }
}

/// Without the server: whoever may write its data folder may.
fn bootstrap(args: &BootstrapArgs, json: bool) -> Result<()> {
    let data_dir = match &args.data_dir {
        Some(data_dir) => data_dir.clone(),
        None => Config::load(args.config.as_deref())?.data_dir,
    };
    if !data_dir.is_dir() {
        bail!("{} is no data folder", data_dir.display());
    }
    let access = Access::open(&data_dir, Limits::default(), Arc::new(SystemClock), Arc::new(Metrics::new()))?;
    // In the log first: whoever can read the data folder may not leave without a trace.
    let offered = AuditEntry::server(Act::BootstrapOffered);
    audit::append_alone(data_dir.join("audit"), Arc::new(SystemClock), &offered).context("the audit log")?;
    let file = access.bootstrap()?;
    if json {
        print_line(&json!({ "token_file": file }).to_string());
    } else {
        print_line(&format!("{} has a token that makes one operator, within a day", file.display()));
    }
    Ok(())
}

/// A credential's name, whether its id alone was given or all of it.
fn name(id: &str) -> String {
    format!("credentials/{}", id.strip_prefix("credentials/").unwrap_or(id))
}

fn tell(credential: Option<v1::Credential>, json: bool) -> Result<()> {
    let credential = credential.context("the server said nothing")?;
    if json {
        print_line(&to_json(&credential).to_string());
    } else {
        say(&credential);
    }
    Ok(())
}
