//! From registrations to a file, page by page.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::output::{Steps, print_line, refused};
use crate::wire::v1;
use crate::wire::v1::device_service_client::DeviceServiceClient;

use super::ExportArgs;
use super::json::write_registration;

/// The most registrations in one page.
const PAGE: i32 = 1_000;

/// What a page may be at most.
const ANSWER: usize = 64 << 20;

/// Exports an app's registrations.
pub(super) async fn run(args: &ExportArgs, json: bool) -> Result<ExitCode> {
    let mut client = DeviceServiceClient::new(args.server.connect().await?).max_decoding_message_size(ANSWER);
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => Box::new(open(path, !args.page_token.is_empty())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let bar = Steps::new(json).count("exporting");
    let mut request =
        v1::ListRegistrationsRequest { parent: args.app.clone(), page_size: PAGE, page_token: args.page_token.clone() };
    loop {
        let page = client.list_registrations(request.clone()).await.map_err(refused);
        let page = page.with_context(|| go_on(&request.page_token))?.into_inner();
        match write(&mut out, &page.registrations) {
            Ok(()) => {}
            // A reader that has gone away has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe && args.out.is_none() => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error).with_context(|| go_on(&request.page_token)),
        }
        bar.inc(page.registrations.len() as u64);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    bar.finish_and_clear();
    if let Some(path) = &args.out {
        let count = bar.position();
        print_line(&if json {
            serde_json::json!({ "registrations": count, "file": path }).to_string()
        } else {
            format!("{count} registrations are in {}", path.display())
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// A new file; or one that is gone on with.
fn open(path: &Path, goes_on: bool) -> Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).create_new(!goes_on).mode(0o600);
    options.open(path).with_context(|| format!("--out {}", path.display()))
}

/// A page at a time, so that what is there when it breaks off is whole.
fn write(out: &mut dyn Write, registrations: &[v1::Registration]) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for registration in registrations {
        serde_json::to_writer(&mut lines, &write_registration(registration))?;
        lines.push(b'\n');
    }
    out.write_all(&lines)?;
    out.flush()
}

fn go_on(page_token: &str) -> String {
    match page_token {
        "" => "nothing was exported".to_owned(),
        token => format!("the export broke off; --page-token {token} goes on with it"),
    }
}
