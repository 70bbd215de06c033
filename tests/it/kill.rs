//! `kill -9` at any instant: every acknowledged alert is fanned out, every device is told, none twice (R-E5, R-E8,
//! R-L6).
//!
//! The instants are chosen at random, in turn among those until the alert is acknowledged, those right after, when its
//! area is matched, and those at which some of its devices were handed to the null channel and others were not. What
//! the next process will know is read from a copy of the journal: who is in it must not be told again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hazardcast::channel::NullRecord;
use hazardcast::domain::{DeviceSlot, SignedDuration, Timestamp};
use hazardcast::journal::{self, Entry, Journal};
use hazardcast::metrics::Metrics;
use serde_json::Value;

use crate::support::alert::TestAlert;
use crate::support::server::{PATIENCE, Server, hazardcast};

/// How much of it to do: `HAZARDCAST_KILLS` and `HAZARDCAST_KILL_DEVICES` set the full size.
struct Size {
    kills: u32,
    devices: u32,
    links: u32,
}

impl Size {
    fn from_environment() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test is told its size by the environment")]
        let number =
            |name: &str, default: u32| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
        let devices = number("HAZARDCAST_KILL_DEVICES", 5_000);
        Self { kills: number("HAZARDCAST_KILLS", 4), devices, links: devices / 25 }
    }
}

const PLACE: [f64; 2] = [-92.6, 16.7];

/// The devices' own process, which survives the server.
struct Devices {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Devices {
    fn start(url: &str, size: &Size, record: &Path) -> Self {
        let [lon, lat] = PLACE;
        let mut command = hazardcast(&["device", "simulate", "--server", url, "--json"]);
        command.args(["--count", &size.devices.to_string(), "--links", &size.links.to_string()]);
        command.arg(format!("--place={lon},{lat}")).arg("--record").arg(record);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut devices = Self { child, lines };
        devices.wait_for("linked");
        devices
    }

    /// Reads its lines until one has this field.
    fn wait_for(&mut self, field: &str) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("it can be read") > 0 {
            if line.contains(&format!("\"{field}\"")) {
                return;
            }
            line.clear();
        }
        panic!("the devices' process ended before it said {field:?}");
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends an alert by the command line; the delivery key if it was acknowledged.
fn send(url: &str, file: &Path) -> Command {
    let mut command = hazardcast(&["alert", "send", "--server", url, "--json"]);
    command.arg(file).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn key(stdout: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(stdout).ok()?;
    Some(answer["key"].as_str()?.to_owned())
}

/// Numbers between 0 and 1, the same ones for the same seed: so that a run which failed can be looked at again.
fn chances(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::from_fn(move || {
        // Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some((mixed >> 40) as f64 / f64::from(1 << 24))
    })
}

/// What devices on links were shown: how often each, by key.
fn shown(record: &Path) -> BTreeMap<String, BTreeMap<u32, u32>> {
    let mut by_key: BTreeMap<String, BTreeMap<u32, u32>> = BTreeMap::new();
    for line in fs::read_to_string(record).unwrap_or_default().lines() {
        let (key, device) = line.split_once(' ').expect("each line has two words");
        let device = device.parse().expect("a device's number");
        *by_key.entry(key.to_owned()).or_default().entry(device).or_default() += 1;
    }
    by_key
}

/// The most devices that one process may have handed to the null channel without having it on disk that it did: eight
/// batches that are not yet known to be there, and the one that is sent.
const IN_FLIGHT: usize = 9 * 1_024;

/// What the null channel was handed, followed as its file grows.
struct Handed {
    file: PathBuf,
    read: u64,
    /// How often each registration was handed over, by key.
    times: HashMap<String, HashMap<u32, u32>>,
    /// What the process that runs knew to be handed over when it started.
    known: HashSet<(String, u32)>,
    /// How many processes have ended, and how often one handed over again what another had.
    ended: usize,
    repeats: usize,
    cut: usize,
}

impl Handed {
    fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            read: 0,
            times: HashMap::new(),
            known: HashSet::new(),
            ended: 0,
            repeats: 0,
            cut: 0,
        }
    }

    fn len(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |file| file.len())
    }

    /// Takes in what was handed over since the last time, by one process: what was handed over before may be so again
    /// only if it was in flight. A line that is not whole is left until the next process has closed it.
    fn take_in(&mut self, seed: u64) {
        let mut text = String::new();
        let mut file = File::open(&self.file).expect("it is there");
        file.seek(SeekFrom::Start(self.read)).expect("it can be read");
        file.read_to_string(&mut text).expect("it can be read");
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        for line in text[..whole].lines() {
            let Some(NullRecord { key, slots }) = NullRecord::parse(line) else {
                self.cut += usize::from(!line.is_empty());
                continue;
            };
            let times = self.times.entry(key.clone()).or_default();
            for slot in slots {
                let times = times.entry(slot.0).or_default();
                *times += 1;
                if *times > 1 {
                    self.repeats += 1;
                    let known = self.known.contains(&(key.clone(), slot.0));
                    assert!(!known, "{key} was handed over again though the journal had it (seed {seed})");
                }
            }
        }
        let most = IN_FLIGHT * self.ended;
        assert!(self.repeats <= most, "{} of at most {most} were handed over again (seed {seed})", self.repeats);
        self.ended += 1;
    }

    /// What the next process will know: read from a copy of the journal, since reading makes it whole.
    fn learn(&mut self, journal: &Path) {
        let copy = tempfile::tempdir().expect("a folder can be made");
        for file in fs::read_dir(journal).expect("the journal is there") {
            let file = file.expect("it can be listed");
            fs::copy(file.path(), copy.path().join(file.file_name())).expect("it can be copied");
        }
        let keep = SignedDuration::from_hours(24);
        let config = journal::Config { dir: copy.path().to_owned(), segment_bytes: 64 << 20, keep };
        let opened = Journal::open(&config, Timestamp::UNIX_EPOCH, &Metrics::new());
        let (_, replay, _) = opened.expect("a killed server leaves a journal that can be read");
        for entry in replay {
            if let Entry::Sent { key, devices, .. } = entry.expect("each entry can be read") {
                self.known.extend(devices.into_iter().map(|DeviceSlot(slot)| (key.to_string(), slot)));
            }
        }
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// While what the server is killed.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Accept,
    Match,
    FanOut,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Accept, Self::Match, Self::FanOut];
}

/// How an alert goes that is left alone.
struct Alone {
    /// Until it is acknowledged.
    acknowledged: Duration,
    /// By how much the null channel's file grows.
    bytes: u64,
}

struct Story {
    server: Server,
    folder: PathBuf,
    handed: Handed,
    acknowledged: BTreeMap<PathBuf, String>,
    files: Vec<PathBuf>,
    seed: u64,
}

impl Story {
    /// An alert that is left alone.
    fn leave_alone(&mut self) -> Alone {
        let file = TestAlert { identifier: "quake-alone".to_owned(), place: PLACE, reach: 0.5 }.write(&self.folder);
        self.files.push(file);
        let before = self.handed.len();
        let started = Instant::now();
        self.send_the_rest();
        let acknowledged = started.elapsed();
        wait_until("the first alert has reached all", || self.all_complete());
        Alone { acknowledged, bytes: self.handed.len() - before }
    }

    /// Sends a new alert, and kills the server at an instant of this phase, which `chance` chooses.
    fn kill_while_sending(&mut self, number: u32, phase: Phase, chance: f64, alone: &Alone) {
        let alert = TestAlert { identifier: format!("quake-{number}"), place: PLACE, reach: 0.5 };
        let file = alert.write(&self.folder);
        let before = self.handed.len();
        let mut child = send(&self.server.url(), &file).spawn().expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut answer = String::new();
        match phase {
            Phase::Accept => std::thread::park_timeout(alone.acknowledged.mul_f64(chance)),
            Phase::Match => {
                stdout.read_line(&mut answer).expect("it can be read");
                std::thread::park_timeout(Duration::from_millis(2).mul_f64(chance));
            }
            Phase::FanOut => {
                // At least one batch, and seldom the last.
                let enough = before + 1 + (alone.bytes as f64 * chance) as u64;
                let started = Instant::now();
                while self.handed.len() < enough && started.elapsed() < PATIENCE {
                    std::hint::spin_loop();
                }
            }
        }
        self.server.kill();
        stdout.read_to_string(&mut answer).expect("it can be read");
        child.wait().expect("it ends");
        if let Some(key) = key(answer.as_bytes()) {
            self.acknowledged.insert(file.clone(), key);
        }
        self.files.push(file);
        self.restart();
    }

    /// Starts the server after it was killed; what it did is taken in, and what the next will know.
    fn restart(&mut self) {
        self.server.kill();
        self.handed.take_in(self.seed);
        self.handed.learn(&self.folder.join("data").join("journal"));
        self.server.start();
    }

    /// Sends again what was not acknowledged, as an authority would. What was is answered with the same key.
    fn send_the_rest(&mut self) {
        for file in &self.files {
            let output = send(&self.server.url(), file).output().expect("the binary starts");
            let key = key(&output.stdout).expect("the server is up");
            let first = self.acknowledged.entry(file.clone()).or_insert_with(|| key.clone());
            assert_eq!(*first, key, "an acknowledged alert is still known");
        }
    }

    /// Every alert that the server lists.
    fn alerts(&self) -> Vec<Value> {
        let output = hazardcast(&["alert", "list", "--server", &self.server.url(), "--json"]).output();
        let output = output.expect("the binary starts").stdout;
        output.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    fn all_complete(&self) -> bool {
        let alerts = self.alerts();
        let complete: BTreeSet<&str> =
            alerts.iter().filter(|alert| alert["complete"] == true).filter_map(|alert| alert["key"].as_str()).collect();
        self.acknowledged.values().all(|key| complete.contains(key.as_str()))
    }

    /// Whether every area has been searched by the process that runs, and nothing waits.
    fn all_searched(&self, devices: u32) -> bool {
        let searched = |alert: &Value| alert["complete"] == true && alert["fan_out"]["found"] == devices;
        self.alerts().iter().all(searched)
    }
}

#[test]
fn after_kills_at_any_instant_every_device_is_told_and_none_twice() {
    let size = Size::from_environment();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (record, null) = (folder.path().join("shown"), folder.path().join("handed"));
    let server = Server::new(&folder.path().join("data"), &["--null-channel", &null.display().to_string()]);
    let (acknowledged, files, seed) = (BTreeMap::new(), Vec::new(), 20_261_124);
    let folder = folder.path().to_owned();
    let mut story = Story { server, folder, handed: Handed::new(&null), acknowledged, files, seed };
    story.server.start();
    let devices = Devices::start(&story.server.url(), &size, &record);
    let alone = story.leave_alone();
    for ((number, chance), phase) in (0..size.kills).zip(chances(seed)).zip(Phase::ALL.into_iter().cycle()) {
        story.kill_while_sending(number, phase, chance, &alone);
    }
    story.send_the_rest();
    wait_until("every alert has reached all", || story.all_complete());
    let keys: BTreeSet<String> = story.acknowledged.values().cloned().collect();
    assert_eq!(keys.len(), story.files.len(), "each alert has its own key");
    let on_links = |key: &String| shown(&record).get(key).map_or(0, BTreeMap::len);
    wait_until("every link was shown every alert", || keys.iter().all(|key| on_links(key) == size.links as usize));

    // Once more, with nothing on its way: all areas are searched again, and nobody is told.
    story.restart();
    let before = story.handed.len();
    wait_until("every area is searched again", || story.all_searched(size.devices));
    assert_eq!(story.handed.len(), before, "somebody was told again (seed {seed})");
    drop(devices);

    for (key, devices) in shown(&record) {
        assert!(keys.contains(&key), "an alert was shown under a key that nobody was told of (seed {seed})");
        assert!(devices.values().all(|&times| times == 1), "a device was shown {key} twice (seed {seed})");
    }
    story.handed.take_in(seed);
    let handed = &story.handed;
    assert!(handed.cut <= size.kills as usize, "at most one line a kill is cut off");
    assert!(handed.times.keys().all(|key| keys.contains(key)), "a key that nobody was told of (seed {seed})");
    for key in &keys {
        let told = handed.times.get(key).map_or(0, HashMap::len);
        assert_eq!(told, (size.devices - size.links) as usize, "{key} missed somebody (seed {seed})");
    }
}
