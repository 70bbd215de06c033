#!/usr/bin/env python3
"""Python's lxml parsing CAP: a rival of `cargo bench --bench read`, which runs this script by itself.

    python3 benches/read_rivals.py FILE...

Parses each file as often as it takes to be measured and prints what one run over all takes. What is parsed is bytes in
memory; what is made of them is lxml's tree, of which nothing is read. Nothing is installed: `pip install lxml` in an
environment of your own, and `cargo bench --bench read -- --python PATH` if it is not that of `python3`.

With `--serve SECONDS` it is told what to do, a line each: `set` and files with tabs between, `run` and the number of a
set, to which it answers with the seconds that one run took, at least SECONDS of them measured, and `end`.
"""

import sys
import time
from pathlib import Path

try:
    from lxml import etree
except ImportError:
    sys.exit("lxml is not installed")


def parse_all(files):
    for content in files:
        # A parser of its own for each, as the reader has nothing left of the file before either.
        etree.fromstring(content, etree.XMLParser(resolve_entities=False, huge_tree=True))


def seconds(files, shortest):
    """What one run over the files takes, on average of as many as need `shortest` seconds."""
    start, runs = time.perf_counter(), 0
    while True:
        parse_all(files)
        runs += 1
        took = time.perf_counter() - start
        if took >= shortest:
            return took / runs


def serve(shortest):
    version = ".".join(str(part) for part in etree.LXML_VERSION[:3])
    library = ".".join(str(part) for part in etree.LIBXML_VERSION)
    print(f"lxml {version} on libxml2 {library}, Python {sys.version.split()[0]}", flush=True)
    sets = []
    for line in sys.stdin:
        order, _, rest = line.rstrip("\n").partition(" ")
        if order == "set":
            sets.append([Path(path).read_bytes() for path in rest.split("\t")])
        elif order == "run":
            print(repr(seconds(sets[int(rest)], shortest)), flush=True)
        else:
            return


def main():
    if sys.argv[1:2] == ["--serve"]:
        serve(float(sys.argv[2]))
        return
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    files = [Path(path).read_bytes() for path in sys.argv[1:]]
    took = min(seconds(files, 0.01) for _ in range(25))
    size = sum(len(content) for content in files)
    print(f"{len(files)} files, {size / 1e3:.0f} KB: {took * 1e3:.3f} ms, {size / 1e6 / took:.0f} MB/s")


if __name__ == "__main__":
    main()
