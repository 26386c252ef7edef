"""Reads the workbooks and CSV files of mails as others do, and compares each cell with the program's
own answer to the same query.

Every mail in the deployment's folder `mail` is parsed by Python's `email`; its XLSX is read by openpyxl,
its CSV by Python's `csv`. A workbook must hold every query of its report, and all rows: numbers, dates
and truth values as such, instants in the company's zone. A query over what only a night computes cannot
be asked again; of it, the workbook and CSV are held to each other's shape alone. What `published_metric`
says of the stages must stand in the daily workbook.

    python readers.py EXECUTABLE DEPLOYMENT QUERIES...   # folders of queries, a later one's files win
"""

import csv
import email
import email.policy
import io
import json
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
from openpyxl.utils.escape import unescape

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Program:
    def __init__(self, executable, deployment, folders):
        self.command = [executable, "--config", str(deployment / "config/leadgauge.yaml"), "sql"]
        self.folders = folders
        self.known = {}

    def ask(self, as_of, *query):
        done = subprocess.run(
            [*self.command, "--format", "ndjson", "--as-of", as_of, *query],
            capture_output=True,
            text=True,
        )
        if done.returncode == 2 and "There is no table" in done.stderr:
            return None
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def queries(self, report):
        """The files of a report's queries, by name; those in `reports/` itself are every report's."""
        shared = [file for folder in self.folders for file in (folder / "reports").glob("*.sql")]
        files = shared + [file for folder in self.folders for file in (folder / "reports" / report).glob("*.sql")]
        return {file.stem: file for file in files}

    def rows(self, report, query, as_of):
        key = (report, query, as_of)
        if key not in self.known:
            self.known[key] = self.ask(as_of, "--file", str(self.queries(report)[query]))
        return self.known[key]


def is_zoned(heading):
    return heading.endswith(")") and " (" in heading


def expected(value, heading, other):
    """A value of the program's own as another reader's cell holds it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value if abs(value) < 1e15 else str(value)
    if is_zoned(heading):
        zone = ZoneInfo(heading.rsplit("(", 1)[1][:-1])
        local = datetime.fromisoformat(value).astimezone(zone)
        return local.replace(tzinfo=None, microsecond=0)
    if isinstance(other, (date, datetime)):
        return datetime.fromisoformat(value)
    return value


def content(cell):
    """A control character stands in a workbook as Excel writes it, which openpyxl leaves to its user."""
    return unescape(cell.value) if isinstance(cell.value, str) else cell.value


def sheets_of(book):
    """Headings and rows of each sheet, which must be fit to be worked with."""
    sheets = {}
    for sheet in book.worksheets:
        lines = [[cell for cell in row] for row in sheet.iter_rows()]
        headings = [cell.value for cell in lines[0]]
        assert sheet.freeze_panes == "A2", sheet.title
        assert sheet.auto_filter.ref.startswith("A1:"), sheet.title
        assert not any(cell.data_type == "f" for line in lines for cell in line), sheet.title
        sheets[sheet.title] = (headings, [[content(cell) for cell in line] for line in lines[1:]])
    return sheets


def same(one, other):
    if isinstance(one, float) or isinstance(other, float):
        return one == other or abs(one - other) <= 1e-12 * abs(other)
    return one == other and type(one) is type(other)


def compare_workbook(program, report, as_of, payload):
    book = openpyxl.load_workbook(io.BytesIO(payload))
    sheets = sheets_of(book)
    assert set(sheets) == set(program.queries(report)), (report, sorted(sheets))
    cells = 0
    for query, (headings, lines) in sheets.items():
        rows = program.rows(report, query, as_of)
        if rows is None:
            continue
        assert len(lines) == len(rows), (report, query, len(lines), len(rows))
        for line, row in zip(lines, rows):
            assert [heading.split(" (")[0] for heading in headings] == list(row), (report, query)
            for heading, cell, value in zip(headings, line, row.values()):
                want = expected(value, heading, cell)
                assert same(cell, want), (report, query, heading, cell, want)
                cells += 1
    return sheets, cells


def compare_csv(program, report, as_of, query, payload):
    assert payload.startswith(b"\xef\xbb\xbf"), query
    assert payload.count(b"\n") == payload.count(b"\r\n") or b'"' in payload
    lines = list(csv.reader(io.StringIO(payload.decode("utf-8-sig"), newline="")))
    rows = program.rows(report, query, as_of)
    if rows is None:
        return 0
    assert len(lines) == len(rows) + 1, (report, query)
    for line, row in zip(lines[1:], rows):
        for heading, cell, value in zip(lines[0], line, row.values()):
            assert heading.lstrip("'").split(" (")[0] in row, heading
            if value is None:
                assert cell == "", (query, heading, cell)
            elif isinstance(value, bool):
                assert cell == str(value).lower(), (query, heading, cell)
            elif isinstance(value, (int, float)):
                assert type(value)(cell) == value, (query, heading, cell)
            elif is_zoned(heading):
                assert datetime.fromisoformat(cell) == expected(value, heading, None)
            else:
                guarded = value.lstrip(" ").startswith(FORMULA)
                assert cell == ("'" + value if guarded else value), (query, heading, cell)
    return len(rows)


def compare_published(program, as_of, stages):
    """What the report is said to have told stands in its workbook."""
    headings, lines = stages
    rows = [dict(zip(headings, line)) for line in lines]
    told = program.ask(
        as_of,
        "select stage, measure, period, n, value from published_metric where report = 'daily'"
        " and period_end = $as_of and period in ('day', '28_days', '90_days')",
    )
    columns = {
        ("stock", "day"): "stock",
        ("volume_counted", "day"): "entered",
        ("volume_counted", "28_days"): "entered_28",
        ("conversion", "90_days"): "rate",
        ("velocity_median", "90_days"): "median_days",
    }
    for figure in told:
        row = next(row for row in rows if row["stage"] == figure["stage"])
        cell = row[columns[figure["measure"], figure["period"]]]
        assert same(cell, figure["value"]) or float(cell) == figure["value"], (figure, cell)
    assert told, "nothing was told"
    return len(told)


def main(executable, deployment, *folders):
    program = Program(executable, Path(deployment), [Path(folder) for folder in folders])
    seen, cells, rows, told = set(), 0, 0, 0
    for path in sorted((Path(deployment) / "mail").glob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for part in mail.iter_attachments():
            name = part.get_filename() or ""
            payload = part.get_content()
            payload = payload.encode() if isinstance(payload, str) else payload
            stem, *rest = name.split(".")
            report, as_of = stem[:-11], stem[-10:]
            # Each recipient has the same files.
            if (name, payload) in seen:
                continue
            seen.add((name, payload))
            if name.endswith(".xlsx"):
                sheets, more = compare_workbook(program, report, as_of, payload)
                cells += more
                if report == "daily":
                    told += compare_published(program, as_of, sheets["stages"])
            elif name.endswith(".csv"):
                raw = part.get_payload(decode=True)
                rows += compare_csv(program, report, as_of, rest[0], raw)
    assert cells and told, "no workbook was found"
    print(f"{cells} cells of workbooks, {rows} rows of CSV and {told} published figures agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
