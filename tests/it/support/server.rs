//! The real binary as a child process: started, killed, started again on the same port and the same data.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything here may take before the test is given up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A port that nothing listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// The `hazardcast` binary with these arguments.
pub(crate) fn hazardcast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hazardcast"));
    command.args(arguments);
    command
}

/// A development server with its own data directory.
pub(crate) struct Server {
    data: PathBuf,
    port: u16,
    http_port: u16,
    extra: Vec<String>,
    log: Option<PathBuf>,
    child: Option<Child>,
}

impl Server {
    /// A server that is not running yet.
    pub(crate) fn new(data: &Path, extra: &[&str]) -> Self {
        let extra = extra.iter().map(|&argument| argument.to_owned()).collect();
        Self { data: data.to_owned(), port: free_port(), http_port: free_port(), extra, log: None, child: None }
    }

    /// The same, with its log appended to a file.
    pub(crate) fn logging_to(mut self, file: &Path) -> Self {
        self.log = Some(file.to_owned());
        self
    }

    /// Where gRPC is served.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where metrics and readiness are served.
    pub(crate) fn http_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http_port).into()
    }

    /// Where clients connect.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Starts it and waits until it says that it listens.
    pub(crate) fn start(&mut self) {
        let (data, listen, http) =
            (self.data.display().to_string(), self.address().to_string(), self.http_address().to_string());
        let mut command = hazardcast(&["serve", "--dev", "--data-dir", &data, "--listen", &listen]);
        command.args(["--http-listen", &http, "--json"]).args(&self.extra);
        if let Some(log) = &self.log {
            let log = File::options().create(true).append(true).open(log).expect("the log can be written");
            command.stderr(log);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it can be read");
        self.child = Some(child);
        assert!(line.contains("\"listening\""), "the server said {line:?}");
    }

    /// Kills it with SIGKILL, wherever it is.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
        }
    }

    /// Asks it to stop with SIGTERM and waits until it has; returns whether it ended well.
    pub(crate) fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it can be asked to stop");
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = child.try_wait().expect("it is our child") {
                return status.success();
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        child.kill().expect("it can be killed");
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
