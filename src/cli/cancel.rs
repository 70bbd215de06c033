//! `hazardcast alert cancel`: ends an alert for those who were told.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::wire::convert::terms;
use crate::wire::v1;
use crate::wire::v1::alert_service_client::AlertServiceClient;
use crate::wire::v1::cancel_alert_response::Outcome;

use super::Server;
use super::output::{print_line, refused};

/// What `alert cancel` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert cancel alerts/6611759158242
  hazardcast alert cancel alerts/6611759158242 --text=Mistake
  hazardcast alert cancel alerts/6611759158242 --text=Entwarnung --language de --json

Those who were told are told that it is over, and nobody else is. A second call changes nothing.")]
pub struct CancelArgs {
    /// The alert's name, as `alert send` and `alert list` tell it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What those who were told are told now [default: in the words of the alert, that it is over]
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// The language of the text [default: the first that the alert is told in]
    #[arg(long, value_name = "TAG", requires = "text")]
    pub language: Option<String>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

pub(super) async fn run(args: &CancelArgs, json: bool) -> Result<ExitCode> {
    let mut client = AlertServiceClient::new(args.server.connect().await?);
    let (headline, language) = (args.text.clone().unwrap_or_default(), args.language.clone().unwrap_or_default());
    let request = v1::CancelAlertRequest { name: args.name.clone(), headline, language };
    let answer = client.cancel_alert(request).await.map_err(refused)?.into_inner();
    let (outcome, key) = match answer.outcome.context("the server said nothing")? {
        Outcome::Admitted(admitted) => ("cancelled", admitted.key),
        Outcome::Ignored(ignored) => ("over already", ignored.key),
    };
    let key = key.map(|key| terms::key_from_wire(key).to_string()).unwrap_or_default();
    if json {
        print_line(&json!({ "outcome": outcome, "key": key }).to_string());
    } else {
        print_line(&format!("{outcome}, by {key}"));
    }
    Ok(ExitCode::SUCCESS)
}
