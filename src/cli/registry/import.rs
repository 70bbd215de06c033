//! From a file to registrations: several calls under way at a time, each of which can be made again.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::io::BufReader;
use tonic::{Code, Status};

use crate::cli::connection::Connection;
use crate::cli::output::{Steps, print_line, refused};
use crate::cli::plain;
use crate::wire::v1;
use crate::wire::v1::batch_create_registrations_response::Result as Answer;
use crate::wire::v1::batch_create_registrations_response::result::Result as Outcome;
use crate::wire::v1::device_service_client::DeviceServiceClient;

use super::ImportArgs;
use super::lines::{Batch, Batches};
use super::secrets::{Line, Secrets, Told, hex};

/// How much of the file is read at a time.
const READ: usize = 1 << 20;

/// How often a call is made in all before the import breaks off.
const TRIES: u32 = 7;

/// How long is waited before a call is made again; twice as long each time.
const WAIT: Duration = Duration::from_millis(200);

/// What an answer of 1,000 registrations may be at most.
const ANSWER: usize = 64 << 20;

type Client = DeviceServiceClient<Connection>;

/// Imports a file.
pub(super) async fn run(args: &ImportArgs, json: bool) -> Result<ExitCode> {
    // Before anything is registered: what cannot be written down would be lost.
    let (secrets, told) = Secrets::open(&args.secrets)?;
    let rejects = args.rejects.as_deref().map(new_rejects).transpose()?;
    let (file, size) = open(&args.file)?;
    let client = DeviceServiceClient::new(args.server.connect().await?).max_decoding_message_size(ANSWER);
    let bar = Steps::new(json).bytes("importing", size);
    let batches = Batches::new(BufReader::with_capacity(READ, tokio::fs::File::from_std(file)), &args.app, args.strict);
    let mut import = Import { args, secrets, rejects, counts: Counts::default(), bar };
    let ended = import.all(client, batches, &told).await;
    import.bar.finish_and_clear();
    import.secrets.sync()?;
    import.counts.say(json);
    ended.context("the import broke off; the same again goes on with it")?;
    Ok(if import.counts.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(path: &Path) -> Result<(File, Option<u64>)> {
    if path == Path::new("-") {
        let input = std::io::stdin().as_fd().try_clone_to_owned().context("standard input")?;
        return Ok((File::from(input), None));
    }
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let size = file.metadata().with_context(|| path.display().to_string())?;
    Ok((file, size.is_file().then_some(size.len())))
}

fn new_rejects(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.with_context(|| format!("--rejects {}", path.display()))
}

/// An import under way.
struct Import<'a> {
    args: &'a ImportArgs,
    secrets: Secrets,
    rejects: Option<File>,
    counts: Counts,
    bar: indicatif::ProgressBar,
}

/// What became of lines.
#[derive(Debug, Default)]
struct Counts {
    lines: u64,
    created: u64,
    /// Registered before under the same name: by an import that broke off, or by what their devices offer.
    known: u64,
    passed: u64,
    refused: u64,
}

impl Counts {
    fn say(&self, json: bool) {
        let Self { lines, created, known, passed, refused } = self;
        if json {
            let line = json!({
                "lines": lines, "created": created, "known": known, "passed_over": passed, "refused": refused,
            });
            return print_line(&line.to_string());
        }
        print_line(&format!(
            "{lines} lines: {created} registered, {known} known before, {passed} passed over, {refused} refused"
        ));
    }
}

impl Import<'_> {
    async fn all<R>(&mut self, client: Client, mut batches: Batches<R>, told: &Told) -> Result<()>
    where
        R: tokio::io::AsyncBufRead + Unpin,
    {
        let (mut calls, mut read_all) = (FuturesUnordered::new(), false);
        // What comes: the next lines, as long as there is room for another call; and the answers.
        loop {
            let room = !read_all && calls.len() < usize::from(self.args.in_flight);
            tokio::select! {
                read = batches.next(told), if room => match read? {
                    Some(batch) => {
                        self.seen(&batch)?;
                        if !batch.lines.is_empty() {
                            calls.push(call(client.clone(), self.args.app.clone(), batch));
                        }
                    }
                    None => read_all = true,
                },
                Some((batch, answers)) = calls.next() => {
                    let refused_before = self.counts.refused;
                    self.answered(&batch, answers.map_err(refused)?)?;
                    if self.args.strict && self.counts.refused > refused_before {
                        batches.stop();
                    }
                }
                else => break,
            }
            self.counts.lines = batches.lines();
            self.bar.set_position(batches.bytes());
        }
        Ok(())
    }

    fn seen(&mut self, batch: &Batch) -> Result<()> {
        self.counts.passed += batch.passed;
        batch.faults.iter().try_for_each(|(line, fault)| self.reject(*line, &fault.field, &fault.reason))
    }

    fn answered(&mut self, batch: &Batch, answers: Vec<Answer>) -> Result<()> {
        let mut told = Vec::with_capacity(answers.len());
        for ((line, request), answer) in batch.lines.iter().zip(answers) {
            match answer.result {
                Some(Outcome::Registered(registered)) => {
                    *(if registered.created { &mut self.counts.created } else { &mut self.counts.known }) += 1;
                    let name = registered.registration.unwrap_or_default().name;
                    told.push((&request.request_id, name, hex(&registered.link_secret)));
                }
                Some(Outcome::Refused(problem)) => self.reject(*line, &problem.field, &problem.message)?,
                None => self.reject(*line, "", "the server did not answer it")?,
            }
        }
        self.secrets.add(told.iter().map(|(request_id, name, link_secret)| Line {
            request_id: request_id.as_str().into(),
            name: name.into(),
            link_secret: link_secret.into(),
        }))
    }

    fn reject(&mut self, line: u64, field: &str, reason: &str) -> Result<()> {
        self.counts.refused += 1;
        let (field, reason) = (plain(field), plain(reason));
        let told = match &mut self.rejects {
            Some(file) => {
                let text = json!({ "line": line, "field": field, "reason": reason });
                writeln!(file, "{text}")
            }
            None => self.bar.suspend(|| {
                // A server's words name the field already.
                let said =
                    if field.is_empty() || reason.starts_with(&field) { reason } else { format!("{field}: {reason}") };
                writeln!(std::io::stderr().lock(), "line {line}: {said}")
            }),
        };
        told.context("what was refused could not be told")
    }
}

/// Makes one call, again and again if no answer comes: each of its requests is named, so nobody is registered twice.
async fn call(client: Client, app: String, batch: Batch) -> (Batch, Result<Vec<Answer>, Status>) {
    let requests: Vec<_> = batch.lines.iter().map(|(_, request)| request.clone()).collect();
    let mut tried = 0;
    loop {
        let request = v1::BatchCreateRegistrationsRequest { parent: app.clone(), requests: requests.clone() };
        let answer = client
            .clone()
            .batch_create_registrations(request)
            .await
            .and_then(|answer| whole(answer.into_inner(), &batch));
        tried += 1;
        match answer {
            Err(status) if may_pass(status.code()) && tried < TRIES => {
                tokio::time::sleep(WAIT * 2_u32.pow(tried - 1)).await;
            }
            answer => return (batch, answer),
        }
    }
}

/// The answers, if they are of the lines themselves: what the server could not do is as good as not asked.
fn whole(answer: v1::BatchCreateRegistrationsResponse, batch: &Batch) -> Result<Vec<Answer>, Status> {
    if answer.results.len() != batch.lines.len() {
        return Err(Status::internal("the server answered another number of registrations"));
    }
    let stopped = |answer: &&Answer| match &answer.result {
        Some(Outcome::Refused(problem)) => matches!(problem.reason.as_str(), "REGISTRY_STOPPED" | "REGISTRY_LOADING"),
        Some(Outcome::Registered(_)) | None => false,
    };
    if answer.results.iter().any(|answer| stopped(&answer)) {
        return Err(Status::unavailable("the server takes no registrations now"));
    }
    Ok(answer.results)
}

/// Whether the same call may be answered a little later: the server is being started, or it was asked too much.
const fn may_pass(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Unknown | Code::Aborted)
}
