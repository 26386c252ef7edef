"""Whether two sets of Parquet files hold the same stage entries: the same rows, each as often, in any order.

`compare.py OURS THEIRS`: each names Parquet files, also by a pattern. Prints the number of rows; any
difference is an error that shows up to three rows of either side.
"""

import sys

import duckdb

COLUMNS = """person_id, opportunity_id, cycle, stage, stage_order, entered_at, entered_on, entered_after, exited_at,
    outcome, next_stage, reason, via, implied, confirmed_at, carried, censored, late, direct, net_new, customer,
    amount, definition, known_at"""
EXAMPLES = 3


def only_in(db, one, other):
    found = db.sql(f"select * from ({one} except all {other}) order by all limit {EXAMPLES}")
    return [dict(zip(found.columns, row)) for row in found.fetchall()]


def main():
    ours, theirs = (f"select {COLUMNS} from read_parquet('{files}')" for files in sys.argv[1:3])
    db = duckdb.connect()
    db.sql("set timezone = 'UTC'")
    wrong = only_in(db, ours, theirs), only_in(db, theirs, ours)
    if any(wrong):
        sides = zip(("only in ours", "only in theirs"), wrong)
        lines = [f"{side}: {row}" for side, rows in sides for row in rows]
        sys.exit("\n".join(["the entries differ", *lines]))
    print(db.sql(f"select count(*) from ({ours})").fetchall()[0][0])


main()
