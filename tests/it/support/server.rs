//! The real binary as a child process: started, killed, started again on the same port and the same data.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit};
use serde_json::Value;

/// How long anything here may take before the test is given up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A port that nothing listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until a server that is started says that it is ready: where it listens, for gRPC and for its operator.
pub(crate) fn until_ready(stdout: ChildStdout) -> (SocketAddr, SocketAddr) {
    let (mut said, mut lines) = (String::new(), BufReader::new(stdout));
    while !said.contains("\"ready\"") && lines.read_line(&mut said).expect("it can be read") > 0 {}
    assert!(said.contains("\"ready\""), "the server said {said:?}");
    told(&said)
}

/// Where it says that it listens.
fn told(said: &str) -> (SocketAddr, SocketAddr) {
    let told: Value = said.lines().next().and_then(|line| line.parse().ok()).expect("where it listens");
    let address = |key: &str| told[key].as_str().and_then(|address| address.parse().ok()).expect("an address");
    (address("listening"), address("http"))
}

/// The `hazardcast` binary with these arguments.
pub(crate) fn hazardcast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hazardcast"));
    command.args(arguments);
    command
}

/// Asks an operator's listener for a path; status line and body.
pub(crate) fn ask(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.lines().next().expect("a status line").to_owned(), body.to_owned())
}

/// A development server with its own data directory.
pub(crate) struct Server {
    data: PathBuf,
    /// Where it listens: at ports of the system's choice when it is first started, and there whenever it is again.
    address: SocketAddr,
    http_address: SocketAddr,
    extra: Vec<String>,
    log: Option<PathBuf>,
    child: Option<Child>,
}

impl Server {
    /// A server that is not running yet.
    pub(crate) fn new(data: &Path, extra: &[&str]) -> Self {
        let extra = extra.iter().map(|&argument| argument.to_owned()).collect();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { data: data.to_owned(), address: any, http_address: any, extra, log: None, child: None }
    }

    /// Its process, while it runs.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// The same, with its log appended to a file.
    pub(crate) fn logging_to(mut self, file: &Path) -> Self {
        self.log = Some(file.to_owned());
        self
    }

    /// Where gRPC is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics and readiness are served.
    pub(crate) fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Where clients connect.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(&mut self) {
        let mut child = self.spawn();
        let stdout = child.stdout.take().expect("it is piped");
        self.child = Some(child);
        (self.address, self.http_address) = until_ready(stdout);
    }

    /// Starts it; whether it came to be ready. If not it has ended by itself.
    pub(crate) fn try_start(&mut self) -> bool {
        let mut child = self.spawn();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        while !said.contains("\"ready\"") && lines.read_line(&mut said).expect("it can be read") > 0 {}
        let is_ready = said.contains("\"ready\"");
        if is_ready {
            (self.address, self.http_address) = told(&said);
            self.child = Some(child);
        } else {
            assert!(!child.wait().expect("it ends").success(), "it says that something is wrong");
        }
        is_ready
    }

    /// Starts it, and kills it before long, wherever it is.
    pub(crate) fn start_and_kill(&mut self, after: Duration) {
        self.child = Some(self.spawn());
        std::thread::park_timeout(after);
        self.kill();
    }

    fn spawn(&self) -> Child {
        let (data, listen, http) =
            (self.data.display().to_string(), self.address().to_string(), self.http_address().to_string());
        // A write that its limit does not allow is to fail, as on a full disk; as it is, the process would be ended.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_hazardcast")]);
        command.args(["serve", "--dev", "--data-dir", &data, "--listen", &listen]);
        command.args(["--http-listen", &http, "--json"]).args(&self.extra);
        if let Some(log) = &self.log {
            let log = File::options().create(true).append(true).open(log).expect("the log can be written");
            command.stderr(log);
        }
        command.stdout(Stdio::piped()).spawn().expect("the binary starts")
    }

    /// From now on it can write to no file, or to any again.
    pub(crate) fn let_write(&self, may: bool) {
        let child = self.child.as_ref().expect("it runs");
        let before = rustix::process::getrlimit(Resource::Fsize);
        let limit = Rlimit { current: if may { before.current } else { Some(0) }, maximum: before.maximum };
        rustix::process::prlimit(Some(Pid::from_child(child)), Resource::Fsize, limit).expect("its limit can be set");
    }

    /// Asks its operator's listener for a path; status line and body.
    pub(crate) fn ask(&self, path: &str) -> (String, String) {
        ask(self.http_address(), path)
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
        let id = Pid::from_child(&child);
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
