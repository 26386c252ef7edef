"""Compares what other tools read in a warehouse with what the program itself answers.

Every derived and every append table is read through its Delta Lake log by Python's `deltalake`, by
Polars and by DuckDB (its `delta` extension), at the newest version and, by their numbers, at those of
earlier nights: of the days named, or of the one in the middle. Column names, types, and all rows must be
the program's.

    python readers.py EXECUTABLE DEPLOYMENT [DAY...]   # the folder with config/leadgauge.yaml and warehouse/
"""

import json
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import deltalake
import duckdb
import polars
import pyarrow


class Program:
    """The program's own answers. As NDJSON, since CSV tells no null from an empty text."""

    def __init__(self, executable, deployment):
        self.command = [executable, "--config", str(deployment / "config/leadgauge.yaml")]

    def run(self, *args):
        done = subprocess.run([*self.command, *args], check=True, capture_output=True, text=True)
        return done.stdout

    def ask(self, query, as_of):
        lines = self.run("sql", "--format", "ndjson", "--as-of", as_of, query).splitlines()
        return [json.loads(line, parse_float=Decimal) for line in lines]

    def commits(self):
        return json.loads(self.run("--json", "warehouse", "log", "--last", "1000"))

    def tables(self, as_of):
        """Each table's columns, name and type, in order."""
        rows = self.ask(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'public' order by table_name, ordinal_position",
            as_of,
        )
        tables = {}
        for row in rows:
            column = (row["column_name"], kind_of(row["data_type"]))
            tables.setdefault(row["table_name"], []).append(column)
        return tables

    def rows(self, table, columns, as_of):
        answers = self.ask(f"select * from {table}", as_of)
        return Counter(
            tuple(value_of(row[name], kind) for name, kind in columns) for row in answers
        )


def kind_of(type_name):
    """One word for a type, from any tool's name of it."""
    name = str(type_name).lower()
    words = {
        "string": ("utf8", "string", "large_string", "string_view"),
        "bigint": ("int64",),
        "double": ("float64", "double"),
        "date": ("date32", "date32[day]", "date"),
        "boolean": ("boolean", "bool"),
    }
    for word, names in words.items():
        if name in names:
            return word
    if name.startswith("decimal"):
        precision, scale = (int("".join(filter(str.isdigit, part))) for part in digits(name))
        return f"decimal({precision},{scale})"
    if name.startswith(("timestamp", "datetime")) and "utc" in name:
        assert "us" in name or "µs" in name or "'us'" in name, f"{type_name} is no instant in µs"
        return "timestamp"
    raise AssertionError(f"{type_name} is no type of a table")


def digits(decimal):
    """`(precision, scale)` as texts, of `decimal128(18, 4)` or `decimal(precision=18, scale=4)`."""
    return decimal.split("(", 1)[1].rstrip(")").split(",")


def value_of(value, kind):
    """A value of the program's answer as the other tools give it."""
    if value is None:
        return None
    if kind == "date":
        return date.fromisoformat(value)
    if kind == "timestamp":
        return datetime.fromisoformat(value)
    if kind == "double":
        return float(value)
    if kind.startswith("decimal"):
        return Decimal(value)
    return value


def with_deltalake(path, version):
    table = deltalake.DeltaTable(str(path), version=version)
    columns, rows = from_arrow(table.to_pyarrow_table())
    files = pyarrow.table(table.get_add_actions(flatten=True)).to_pylist()
    counted = sum(file["num_records"] for file in files)
    assert counted == rows.total(), f"{path}: the log counts {counted} rows, not {rows.total()}"
    return columns, rows


def with_polars(path, version):
    frame = polars.read_delta(str(path), version=version)
    columns = [(name, kind_of(kind)) for name, kind in frame.schema.items()]
    return columns, Counter(frame.rows())


def with_duckdb(path, version):
    database = duckdb.connect()
    load_delta(database)
    database.execute("set timezone = 'UTC'")
    database.execute(f"attach '{path}' as other (type delta, version {version})")
    return from_arrow(database.sql("from other").to_arrow_table())


def load_delta(database):
    """From the package that carries it, so that nothing is fetched while the test runs."""
    for folder in sys.path:
        for found in Path(folder).glob("duckdb_ext/extensions/*/*/delta.duckdb_extension"):
            return database.execute(f"load '{found}'")
    return database.execute("install delta; load delta")


def from_arrow(table):
    columns = [(field.name, kind_of(field.type)) for field in table.schema]
    values = [column.to_pylist() for column in table.columns]
    return columns, Counter(zip(*values)) if table.num_rows else Counter()


READERS = {"deltalake": with_deltalake, "polars": with_polars, "duckdb": with_duckdb}


def compare(program, warehouse, version, as_of):
    """The number of tables that every reader reads alike, of those without a row, and of rows."""
    known = program.tables(as_of)
    logs = sorted(warehouse.glob("*/*/_delta_log"))
    there = [log.parent for log in logs if log.parent.name in known]
    missing = known.keys() - {path.name for path in there}
    # The ledger lies beside the versions and is no file of theirs.
    assert missing == {"job_delivery"}, f"without a Delta log: {missing}"
    empty = total = 0
    for path in there:
        columns = known[path.name]
        rows = program.rows(path.name, columns, as_of)
        for name, reader in READERS.items():
            where = f"{path.name} at version {version} in {name}"
            their_columns, their_rows = reader(path, version)
            assert their_columns == columns, f"{where}: {their_columns}, not {columns}"
            lacking, surplus = rows - their_rows, their_rows - rows
            counts = f"{lacking.total()} rows lacking, {surplus.total()} too many"
            example = f"{list(lacking)[:1]} {list(surplus)[:1]}"
            assert not lacking and not surplus, f"{where}: {counts}: {example}"
        empty += not rows
        total += rows.total()
    return len(there), empty, total


def begins(log):
    """The first version that a log has an entry of: 0, or one with a checkpoint."""
    first = min(int(entry.stem) for entry in log.glob("*.json"))
    checkpoints = sorted(int(name.name.split(".")[0]) for name in log.glob("*.checkpoint.parquet"))
    assert first in (0, *checkpoints[:1]), f"{log} begins with version {first}"
    hint = log / "_last_checkpoint"
    named = [json.loads(hint.read_text())["version"]] if hint.exists() else []
    assert named == checkpoints[-1:], f"{hint} names {named}, not {checkpoints[-1:]}"
    return first


def main(executable, deployment, *days):
    deployment = Path(deployment).resolve()
    program = Program(executable, deployment)
    warehouse = deployment / "warehouse"
    commits = program.commits()
    newest = commits[0]
    published = sorted({commit["as_of"] for commit in commits})
    # Of an earlier night the last commit: upkeep after it belongs to its answers.
    earlier = [
        next(commit for commit in commits if commit["as_of"] == day)
        for day in days or [published[len(published) // 2]]
    ]
    firsts = set()
    for path in warehouse.glob("*/*/_delta_log"):
        latest = deltalake.DeltaTable(str(path.parent)).version()
        assert latest == newest["commit_no"], f"{path} ends with version {latest}"
        firsts.add(begins(path))
    print(f"the logs begin with version {', '.join(map(str, sorted(firsts)))}")
    for commit in (newest, *earlier):
        version, as_of = commit["commit_no"], commit["as_of"]
        tables, empty, rows = compare(program, warehouse, version, as_of)
        print(
            f"version {version} of {as_of}: {tables} tables ({empty} of them empty) with {rows} rows"
            f" are the same in leadgauge, {', '.join(READERS)}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
