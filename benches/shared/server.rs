//! The real binary as a child: started on a data directory, watched, stopped.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use tonic::transport::{Channel, Endpoint};

/// How long anything may take before the bench is given up.
const PATIENCE: Duration = Duration::from_mins(10);

/// A running server.
pub(crate) struct Server {
    child: Child,
    started: Instant,
    grpc: SocketAddr,
    http: SocketAddr,
}

/// Memory of a process, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Result<Self> {
        let (grpc, http) = (free_address()?, free_address()?);
        let mut command = Command::new(env!("CARGO_BIN_EXE_hazardcast"));
        command.args(["serve", "--dev", "--json", "--log", "warn", "--data-dir"]).arg(data);
        command.args(["--listen", &grpc.to_string(), "--http-listen", &http.to_string()]);
        let child = command.stdout(Stdio::null()).spawn().context("the server cannot be started")?;
        Ok(Self { child, started: Instant::now(), grpc, http })
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc))?.tcp_nodelay(true);
        let endpoint = endpoint.initial_stream_window_size(1 << 20).initial_connection_window_size(4 << 20);
        Ok(endpoint.connect().await?)
    }

    /// Waits until the alert door answers; how long that took from the start on.
    pub(crate) async fn alert_door(&mut self) -> Result<Duration> {
        loop {
            if let Ok(channel) = self.connect().await {
                let asked = AlertServiceClient::new(channel).list_alerts(v1::ListAlertsRequest::default()).await;
                if asked.is_ok() {
                    return Ok(self.started.elapsed());
                }
            }
            self.wait_a_little().await?;
        }
    }

    /// Waits until every part is ready; how long that took from the start on.
    pub(crate) async fn ready(&mut self) -> Result<Duration> {
        while !self.get("/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            self.wait_a_little().await?;
        }
        Ok(self.started.elapsed())
    }

    async fn wait_a_little(&mut self) -> Result<()> {
        ensure!(self.started.elapsed() < PATIENCE, "the server is not there after {PATIENCE:?}");
        ensure!(self.child.try_wait()?.is_none(), "the server has ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(())
    }

    /// What its page for the operator says.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.http)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// What it holds in memory now, and the most that it held.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line of status")?;
            let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
            anyhow::Ok(kib << 10)
        };
        Ok(Memory { resident: line("VmRSS:")?, peak: line("VmHWM:")? })
    }

    /// Processor time that it has used.
    pub(crate) fn processor(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        // Hundredths of a second: user and system time are fields 14 and 15 of the whole line.
        Ok(Duration::from_millis(10 * (ticks(11) + ticks(12))))
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        let started = Instant::now();
        while started.elapsed() < Duration::from_mins(1) {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        anyhow::bail!("the server does not stop")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes of disk that a folder takes, in whole blocks.
pub(crate) fn disk_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A running store removes files while they are counted.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
