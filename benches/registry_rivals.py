#!/usr/bin/env python3
"""Durable updates of places: this server beside Redis and PostGIS, on the same machine, disk and data.

    python3 benches/registry_rivals.py [--devices N] [--updates N] [--rounds N] [--folder DIR]

Nothing is installed. A rival that is not there is left out, and said so. On Debian 12:
`apt-get install redis-server postgresql-15-postgis-3`. PostgreSQL refuses to run as root, so that it then runs as the
user `postgres`.

What is compared: devices that report where they are, each some kilometre from its home, the same reports for all; an
update counts when it is answered, and is answered when it is on disk.

- Redis: `GEOADD` of one member a command, `appendonly yes`, `appendfsync always`, no snapshots; the commands are bytes
  before the clock runs, and as many are unanswered as is said, over one, ten and fifty connections: its best counts.
- PostGIS: a table of `geography(Point)` with a GiST index, `synchronous_commit on`; one transaction updates as many rows
  as may be outstanding, by one prepared statement over arrays: its best way.
- Hazardcast: `ReportPlaces`, whatever of a batch is answered is synced: `cargo bench --bench registry -- places`.

Rounds go in turn through all three, so that all have the same machine. The ratios are of the best rounds.
"""

import argparse
import hashlib
import json
import math
import os
import pwd
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTSTANDING = (5_000, 100)
SEED = 20_261_125


def chance(*numbers):
    """Four numbers from 0 to 1, the same ones for the same arguments."""
    digest = hashlib.blake2b(struct.pack(f"<{len(numbers)}q", *numbers), digest_size=32, key=b"%d" % SEED).digest()
    return [part / 2**64 for part in struct.unpack("<4Q", digest)]


class Population:
    """People round 4,000 cities, of which the n-th has a share in proportion to 1/n."""

    def __init__(self):
        weights = [1 / rank for rank in range(1, 4_001)]
        total, sum_ = 0.0, sum(weights)
        self.up_to, self.at = [], []
        for rank, weight in enumerate(weights, 1):
            total += weight / sum_
            a, b, _, _ = chance(-1, rank)
            self.up_to.append(total)
            self.at.append((-180 + 360 * a, -50 + 115 * b, 0.25 / rank**0.35))

    def home(self, number):
        a, b, c, _ = chance(0, number)
        low, high = 0, len(self.up_to) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.up_to[middle] < a else (low, middle)
        return near(*self.at[low], b, c)

    def report(self, number, devices):
        a, b, c, _ = chance(1, number)
        device = min(int(a * devices), devices - 1)
        return device, near(*self.home(device), 0.01, b, c)


def near(lon, lat, spread, a, b):
    length = math.sqrt(-2 * math.log(max(a, 1e-12))) * spread
    lat_ = max(-85.0, min(85.0, lat + length * math.sin(math.tau * b)))
    lon_ = (lon + length * math.cos(math.tau * b) / math.cos(math.radians(lat_)) + 540) % 360 - 180
    return lon_, lat_


class Redis:
    """A server of its own on loopback, spoken to in bytes that were made before."""

    name = "redis"

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        arguments += ["--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no"]
        self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        wait_until(lambda: self.connect().close() is None)

    @staticmethod
    def is_there():
        return shutil.which("redis-server") is not None

    def version(self):
        return subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    @staticmethod
    def command(device, lon, lat):
        parts = (b"GEOADD", b"places", b"%.7f" % lon, b"%.7f" % lat, b"%d" % device)
        return b"*5\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)

    def prepare(self, homes):
        commands = [self.command(device, *at) for device, at in enumerate(homes)]
        self.send(commands, 10, 1_000)

    def prepare_reports(self, reports):
        return [self.command(device, *at) for device, at in reports]

    def run(self, commands, outstanding):
        best = (0.0, "")
        for connections in (1, 10, 50):
            if outstanding % connections == 0:
                rate = self.send(commands, connections, outstanding // connections)
                best = max(best, (rate, f"{connections} connections"))
        return best

    def send(self, commands, connections, each):
        """Sends all; each connection has at most `each` unanswered."""
        chunk = max(1, each // 4)
        buffers = [b"".join(commands[at : at + chunk]) for at in range(0, len(commands), chunk)]
        sizes = [min(chunk, len(commands) - at) for at in range(0, len(commands), chunk)]
        waiting = list(zip(buffers, sizes))[::-1]
        selector = selectors.DefaultSelector()
        started = time.perf_counter()
        for _ in range(connections):
            sock = self.connect()
            state = {"unanswered": 0, "sock": sock}
            self.top_up(state, waiting, each)
            selector.register(sock, selectors.EVENT_READ, state)
        answered = 0
        while answered < len(commands):
            for key, _ in selector.select():
                got = key.data["sock"].recv(1 << 20)
                if b"-" in got or not got:
                    raise RuntimeError(f"Redis answered {got[:100]!r}")
                count = got.count(b"\n")
                answered += count
                key.data["unanswered"] -= count
                self.top_up(key.data, waiting, each)
        took = time.perf_counter() - started
        for key in list(selector.get_map().values()):
            key.data["sock"].close()
        return len(commands) / took

    @staticmethod
    def top_up(state, waiting, each):
        while waiting and state["unanswered"] + waiting[-1][1] <= each:
            buffer, size = waiting.pop()
            state["sock"].sendall(buffer)
            state["unanswered"] += size

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class PostGis:
    """A cluster of its own on a socket in its own folder, spoken to by `psql`."""

    name = "postgis"

    def __init__(self, folder):
        self.data = folder / "data"
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self.folder = folder
        self.call([self.tool("initdb"), "-D", str(self.data), "-A", "trust", "-U", "bench"])
        settings = {
            "listen_addresses": "''", "unix_socket_directories": f"'{folder}'", "fsync": "on",
            "synchronous_commit": "on", "shared_buffers": "2GB", "max_wal_size": "8GB", "wal_level": "minimal",
            "max_wal_senders": "0", "checkpoint_timeout": "30min", "jit": "off",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value.strip(chr(39))}")]
        command = [self.tool("postgres"), "-D", str(self.data), *options]
        self.process = subprocess.Popen(command, user=self.user, group=self.user, extra_groups=[] if self.user else None,
                                        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.sql("SELECT 1", "postgres"))
        self.sql("CREATE EXTENSION postgis", "postgres")

    @staticmethod
    def tool(name):
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        return str(found[-1]) if found else shutil.which(name)

    @classmethod
    def is_there(cls):
        shares = Path("/usr/share/postgresql").glob("*/extension/postgis.control")
        return bool(cls.tool("postgres") and shutil.which("psql") and any(shares))

    def version(self):
        return self.sql("SELECT version() || ', PostGIS ' || postgis_lib_version()", "postgres").strip()

    def call(self, command):
        subprocess.run(command, check=True, user=self.user, group=self.user, extra_groups=[] if self.user else None,
                       cwd=self.folder, stdout=subprocess.DEVNULL)

    def sql(self, text, database="postgres"):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "bench", database]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def prepare(self, homes):
        rows = "\n".join(f"{device}\tSRID=4326;POINT({lon:.7f} {lat:.7f})" for device, (lon, lat) in enumerate(homes))
        self.sql("CREATE TABLE places (id int PRIMARY KEY, at geography(Point, 4326) NOT NULL) WITH (fillfactor = 80);\n"
                 f"COPY places FROM STDIN;\n{rows}\n\\.\n"
                 "CREATE INDEX places_at ON places USING gist (at);\nVACUUM ANALYZE places;\nCHECKPOINT;\n")

    def prepare_reports(self, reports):
        return reports

    def run(self, reports, outstanding):
        # It is a tenth as fast as the others: what takes them a second would take it long.
        reports = reports[: 40 * outstanding if outstanding > 1_000 else 400 * outstanding]
        text = ["PREPARE report (int[], float8[], float8[]) AS UPDATE places SET at = ST_MakePoint(v.lon, v.lat)::geography "
                "FROM unnest($1, $2, $3) AS v (id, lon, lat) WHERE places.id = v.id;"]
        for first in range(0, len(reports), outstanding):
            # Of two reports of one device in a transaction the last counts.
            batch = dict(reports[first : first + outstanding])
            ids, lons, lats = (",".join(values) for values in zip(
                *((str(device), f"{lon:.7f}", f"{lat:.7f}") for device, (lon, lat) in batch.items())))
            text.append(f"EXECUTE report ('{{{ids}}}', '{{{lons}}}', '{{{lats}}}');")
        text = "\n".join(text)
        started = time.perf_counter()
        self.sql(text)
        return len(reports) / (time.perf_counter() - started), f"{outstanding} a transaction"

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class Hazardcast:
    """The bench, which starts the real binary."""

    name = "hazardcast"

    def __init__(self, folder, devices):
        self.folder, self.devices = folder, devices
        self.bench([*self.command(), "fill"])

    def command(self):
        return ["cargo", "bench", "--bench", "registry", "--", "--json", "--devices", str(self.devices), "--data",
                str(self.folder), "--rounds", "1"]

    def bench(self, command):
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.strip().splitlines()[-1])

    def run(self, updates):
        said = self.bench([*self.command(), "places", "--updates", str(updates)])
        return {outstanding: said[f"places_{outstanding}_best"] for outstanding in OUTSTANDING}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_until(holds):
    deadline = time.monotonic() + 60
    while True:
        try:
            return holds()
        except (OSError, RuntimeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--updates", type=int, default=1_000_000, help="in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / "target", help="on the disk that is to be measured")
    parser.add_argument("--only", help="of redis, postgis, hazardcast, with commas")
    options = parser.parse_args()
    wanted = set((options.only or "redis,postgis,hazardcast").split(","))
    for rival in (Redis, PostGis):
        if rival.name in wanted and not rival.is_there():
            print(f"{rival.name} is not installed: left out", file=sys.stderr)
            wanted.discard(rival.name)

    population = Population()
    homes = [population.home(device) for device in range(options.devices)]
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="rivals-") as folder:
        os.chmod(folder, 0o755)
        best = compare(options, wanted, population, homes, Path(folder))
    report(best)


def compare(options, wanted, population, homes, folder):
    rivals, best = [], {}
    house = None
    try:
        for rival in (Redis, PostGis):
            if rival.name in wanted:
                (folder / rival.name).mkdir()
                rivals.append(rival(folder / rival.name))
                rivals[-1].prepare(homes)
                print(rivals[-1].version())
        if "hazardcast" in wanted:
            house = Hazardcast(folder, options.devices)
        for round_ in range(options.rounds):
            numbers = range(round_ * options.updates, (round_ + 1) * options.updates)
            reports = [population.report(number, options.devices) for number in numbers]
            for rival in rivals:
                ready = rival.prepare_reports(reports)
                for outstanding in OUTSTANDING:
                    note(best, rival.name, outstanding, *rival.run(ready, outstanding), round_)
            if house:
                for outstanding, rate in house.run(options.updates).items():
                    note(best, house.name, outstanding, rate, "ReportPlaces", round_)
    finally:
        for rival in rivals:
            rival.stop()
    return best


def note(best, name, outstanding, rate, how, round_):
    print(f"round {round_}: {name:<10} {outstanding:>5} outstanding {rate:>12,.0f} places/s ({how})", flush=True)
    best[name, outstanding] = max(best.get((name, outstanding), 0.0), rate)


def report(best):
    for outstanding in OUTSTANDING:
        own = best.get(("hazardcast", outstanding))
        for name in ("redis", "postgis"):
            rival = best.get((name, outstanding))
            if own and rival:
                print(f"{outstanding:>5} outstanding: {own:,.0f}/s, {own / rival:.2f} times {name} ({rival:,.0f}/s)")


if __name__ == "__main__":
    main()
