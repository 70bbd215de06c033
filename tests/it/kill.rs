//! `kill -9` at any instant: every acknowledged alert is fanned out, every device is told, none twice (R-E5, R-E8,
//! R-L6).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hazardcast::channel::NullRecord;
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

/// What the null channel was handed, batch by batch, by key; and how many lines were cut off.
fn handed(file: &Path) -> (BTreeMap<String, Vec<Vec<u32>>>, usize) {
    let mut by_key: BTreeMap<String, Vec<Vec<u32>>> = BTreeMap::new();
    let mut cut = 0;
    for line in fs::read_to_string(file).unwrap_or_default().lines() {
        match NullRecord::parse(line) {
            Some(record) => {
                let slots = record.slots.iter().map(|slot| slot.0).collect();
                by_key.entry(record.key).or_default().push(slots);
            }
            None => cut += 1,
        }
    }
    (by_key, cut)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

struct Story {
    server: Server,
    folder: PathBuf,
    acknowledged: BTreeMap<PathBuf, String>,
    files: Vec<PathBuf>,
}

impl Story {
    /// Sends a new alert, and kills the server `after` it was sent off.
    fn kill_while_sending(&mut self, number: u32, after: Duration) {
        let alert = TestAlert { identifier: format!("quake-{number}"), place: PLACE, reach: 0.5 };
        let file = alert.write(&self.folder);
        let child = send(&self.server.url(), &file).spawn().expect("the binary starts");
        std::thread::park_timeout(after);
        self.server.kill();
        let output = child.wait_with_output().expect("it ends");
        if let Some(key) = key(&output.stdout) {
            self.acknowledged.insert(file.clone(), key);
        }
        self.files.push(file);
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

    fn all_complete(&self) -> bool {
        let output = hazardcast(&["alert", "list", "--server", &self.server.url(), "--json"]).output();
        let output = output.expect("the binary starts").stdout;
        let lines: Vec<Value> =
            output.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let complete: BTreeSet<&str> =
            lines.iter().filter(|line| line["complete"] == true).filter_map(|line| line["key"].as_str()).collect();
        self.acknowledged.values().all(|key| complete.contains(key.as_str()))
    }
}

#[test]
fn after_kills_at_any_instant_every_device_is_told_and_none_twice() {
    let size = Size::from_environment();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (record, null) = (folder.path().join("shown"), folder.path().join("handed"));
    let server = Server::new(&folder.path().join("data"), &["--null-channel", &null.display().to_string()]);
    let mut story =
        Story { server, folder: folder.path().to_owned(), acknowledged: BTreeMap::new(), files: Vec::new() };
    story.server.start();
    let devices = Devices::start(&story.server.url(), &size, &record);

    // One alert that is left alone says how long the way from accept to the last device is.
    let alone = TestAlert { identifier: "quake-alone".to_owned(), place: PLACE, reach: 0.5 }.write(folder.path());
    let started = Instant::now();
    story.files.push(alone);
    story.send_the_rest();
    wait_until("the first alert has reached all", || story.all_complete());
    let whole = started.elapsed();

    let seed = 20_261_124;
    for (number, chance) in (0..size.kills).zip(chances(seed)) {
        story.kill_while_sending(number, whole.mul_f64(chance));
    }
    story.send_the_rest();
    wait_until("every alert has reached all", || story.all_complete());
    let keys: BTreeSet<String> = story.acknowledged.values().cloned().collect();
    assert_eq!(keys.len(), story.files.len(), "each alert has its own key");
    let on_links = |key: &String| shown(&record).get(key).map_or(0, BTreeMap::len);
    wait_until("every link was shown every alert", || keys.iter().all(|key| on_links(key) == size.links as usize));
    drop(devices);

    for (key, devices) in shown(&record) {
        assert!(devices.values().all(|&times| times == 1), "a device was shown {key} twice (seed {seed})");
    }
    let (handed, cut) = handed(&null);
    assert!(cut <= size.kills as usize, "at most one line a kill is cut off");
    for key in &keys {
        let batches = &handed[key];
        let told: BTreeSet<u32> = batches.iter().flatten().copied().collect();
        assert_eq!(told.len(), (size.devices - size.links) as usize, "{key} missed somebody (seed {seed})");
        let repeated = batches.iter().map(Vec::len).sum::<usize>() - told.len();
        // Nine batches of 1,024 may be in flight: eight whose entries are not known to be on disk, and the one that is
        // sent.
        assert!(repeated <= 9 * 1_024 * size.kills as usize, "{key}: {repeated} repeats");
    }
}
