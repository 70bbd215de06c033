//! From registrations to a file, page by page.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, StdoutLock, Write};
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
    let mut out = Out::open(args.out.as_deref(), !args.page_token.is_empty())?;
    let bar = Steps::new(json).count("exporting");
    let mut request =
        v1::ListRegistrationsRequest { parent: args.app.clone(), page_size: PAGE, page_token: args.page_token.clone() };
    loop {
        let page = match client.list_registrations(request.clone()).await.map_err(refused) {
            Ok(page) => page.into_inner(),
            Err(error) => return Err(error).context(out.broke_off(&request.page_token, bar.position())),
        };
        match out.add(&page.registrations) {
            Ok(()) => {}
            // A reader that has gone away has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe && args.out.is_none() => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error).context(out.broke_off(&request.page_token, bar.position())),
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

/// Where registrations are written.
enum Out<'a> {
    /// A file: of a page that could not be written nothing is left in it.
    File {
        path: &'a Path,
        file: File,
        /// How long it is with its whole pages.
        whole: u64,
        /// Whether it is of this export alone.
        is_new: bool,
    },
    /// Standard output: what went there cannot be taken back.
    Standard(StdoutLock<'static>),
}

impl<'a> Out<'a> {
    /// A new file, or one that is gone on with.
    fn open(path: Option<&'a Path>, goes_on: bool) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Standard(std::io::stdout().lock())) };
        let at = || format!("--out {}", path.display());
        let mut options = OpenOptions::new();
        options.append(true).create(true).create_new(!goes_on).mode(0o600);
        let file = options.open(path).with_context(at)?;
        let whole = file.metadata().with_context(at)?.len();
        Ok(Self::File { path, file, whole, is_new: !goes_on })
    }

    /// Writes a page.
    fn add(&mut self, registrations: &[v1::Registration]) -> std::io::Result<()> {
        let mut lines = Vec::new();
        for registration in registrations {
            serde_json::to_writer(&mut lines, &write_registration(registration))?;
            lines.push(b'\n');
        }
        match self {
            Self::File { file, whole, .. } => {
                file.write_all(&lines)?;
                *whole += lines.len() as u64;
                Ok(())
            }
            Self::Standard(out) => out.write_all(&lines).and_then(|()| out.flush()),
        }
    }

    /// Takes back what there is of a page that is not whole, and says how the export is gone on with. So many
    /// registrations are written.
    fn broke_off(&self, page_token: &str, count: u64) -> String {
        let goes_on = match page_token {
            "" => "the export broke off; the same again begins anew".to_owned(),
            token => format!("the export broke off; --page-token {token} goes on with it"),
        };
        match self {
            Self::File { path, whole: 0, is_new: true, .. } => match std::fs::remove_file(path) {
                Ok(()) => goes_on,
                Err(_) => format!("{goes_on}, once {} is removed", path.display()),
            },
            Self::File { file, whole, .. } if file.set_len(*whole).is_ok() => goes_on,
            Self::File { path, whole, .. } => {
                format!("{goes_on}, once {} is cut to its first {whole} bytes", path.display())
            }
            Self::Standard(_) if page_token.is_empty() => goes_on,
            Self::Standard(_) => format!("{goes_on}, behind the {count} lines that are whole"),
        }
    }
}
