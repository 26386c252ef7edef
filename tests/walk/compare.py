"""Compares the program's stage entries with those of a second walk, person by person.

    python3 -B tests/walk/compare.py --executable target/debug/leadgauge --seed 1 --people 600

For each definition of `funnels.py` a company lives through anything (`company.py`), its nights are
run, and the program's own `evidence` is walked again (`walk.py`). Every column that the walk decides
must agree in every row, and so must what is frozen of the person at entry. Exits with 1 at the first
person who differs, whose evidence and both answers it prints.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path

import funnels
from company import NIGHTS, Company
from frozen import Frozen
from walk import EPOCH, walk

HERE = Path(__file__).parent
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--executable", required=True, type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=600, help="for each definition")
    parser.add_argument("--funnel", choices=funnels.FUNNELS, help="only this definition")
    parser.add_argument("--keep", type=Path, help="where to leave the deployments")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        for number, name in enumerate(funnels.FUNNELS):
            if args.funnel in (None, name):
                seed = 1000 * args.seed + number
                night = Deployment(args.executable.resolve(), folder / name, name)
                night.run(seed, args.people)
                compare(night, name)


class Deployment:
    def __init__(self, executable, folder, name):
        self.executable, self.folder, self.name = executable, folder, name

    def run(self, seed, people):
        shutil.copytree(HERE / "deployment", self.folder)
        text = funnels.text(funnels.FUNNELS[self.name])
        (self.folder / "config" / "funnel.yaml").write_text(text)
        Company(seed, people).export(self.folder / "exports")
        for night in NIGHTS:
            self.command("run", "--as-of", night.isoformat(), "--no-send")

    def command(self, *args):
        env = {name: value for name, value in os.environ.items() if name != "LEADGAUGE_CONFIG"}
        ran = subprocess.run(
            [self.executable, "--config", "config/leadgauge.yaml", *args],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
        )
        if ran.returncode != 0:
            sys.exit(f"{self.name}: {args} failed:\n{ran.stderr}")
        return ran.stdout

    def rows(self, query):
        told = self.command("sql", "--format", "ndjson", query)
        return [{k: read(v) for k, v in json.loads(line).items()} for line in told.splitlines()]


def read(value):
    """Instants as microseconds since 1970; all else as it is told."""
    if isinstance(value, str) and INSTANT.fullmatch(value):
        return (datetime.fromisoformat(value) - EPOCH) // timedelta(microseconds=1)
    return value


def compare(night, name):
    rules = funnels.rules(funnels.FUNNELS[name])
    evidence = by_person(night.rows("select * from evidence order by person_id"))
    told = by_person(night.rows("select * from stage_entry order by person_id, cycle, stage_order"))
    frozen = Frozen(night, rules)
    entries, dropped = 0, gone(night) if rules.drops_deleted else set()
    for person_id in sorted(evidence.keys() | told.keys()):
        signs = evidence.get(person_id, [])
        walked = walk(signs, rules) if signs and person_id not in dropped else []
        expected = [row | frozen.at(row) for row in walked]
        found = [{k: v for k, v in row.items() if k != "definition"} for row in told.get(person_id, [])]
        if expected != found:
            differ(name, person_id, signs, expected, found)
        entries += len(found)
    signs = sum(map(len, evidence.values()))
    print(f"{name}: {len(evidence)} persons, {signs} signs, {entries} entries agree")


def gone(night):
    """Persons who were there, and are there no more."""
    then = night.rows("select distinct person_id from person_version")
    now = night.rows("select person_id from person")
    return {row["person_id"] for row in then} - {row["person_id"] for row in now}


def by_person(rows):
    return {person: list(of) for person, of in groupby(rows, lambda row: row["person_id"])}


def differ(name, person_id, signs, expected, found):
    print(f"{name}: {person_id} differs\nevidence:")
    for sign in signs:
        print(" ", line(sign))
    for what, rows in [("the second walk", expected), ("the program", found)]:
        print(f"{what}:")
        for row in rows:
            print(" ", line(row))
    for one, other in zip(expected, found):
        for column in one.keys() | other.keys():
            if one.get(column) != other.get(column):
                where = f"cycle {one['cycle']} {one['stage']}"
                print(f"{where}: {column} is {one.get(column)}, the program says {other.get(column)}")
    sys.exit(1)


def line(row):
    """What is neither null nor false, with instants in words."""
    words = []
    for name, value in row.items():
        if value in (None, False) or name in ("person_id", "source"):
            continue
        if isinstance(value, int) and value > 10**12:
            value = (EPOCH + timedelta(microseconds=value)).astimezone(funnels.ZONE).isoformat(" ")
        words.append(name if value is True else f"{name}={value}")
    return " ".join(words)


if __name__ == "__main__":
    main()
