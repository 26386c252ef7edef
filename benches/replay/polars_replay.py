"""The stage walk as Polars' best query, over the same evidence.

`polars_replay.py EVIDENCE OUT`: reads, writes, prints and counts on what `duckdb_replay.py` does. The streaming
engine computes the running totals batch by batch, so no column is ever whole in memory.
"""

import resource
import sys
import time

import polars as pl
from polars import col

STAGES = ["anonymous", "known", "responded", "mql", "sal", "sql", "opportunity", "closed"]
ORDERS = range(1, len(STAGES) + 1)
LAST = len(STAGES)
TO = 3
# What an entry takes from its row of evidence, beside the person and the instant.
TAKEN = ["via", "seen_after", "known_at", "customer", "new_business", "imported", "amount", "won", "reason"]


def count(condition):
    """How often it was true so far."""
    return condition.cast(pl.Int64).cum_sum()


def starts():
    return col("person_id").ne_missing(col("person_id").shift())


def highest(rows, number, name):
    """The highest stage before each row among those of the same number; numbers grow."""
    rows = rows.with_columns(top=(col(number) * 16 + col("stage_order")).cum_max())
    before = pl.when("starts").then(0).otherwise(col("top").shift() & 15)
    return rows.with_columns(before.alias(name)).drop("top")


def spans(evidence, taken):
    """Evidence with the highest stage before it in its span: since the latest recycling, effective or not.

    A recycling was effective if its span went above where it leads. `cycle` numbers cycles of all persons;
    what follows a close may get numbers too, but those of no cycle that counts.
    """
    recycles = col("kind") == "recycle"
    rows = (
        pl.scan_parquet(evidence)
        .filter(~col("excluded"))
        .select(
            "person_id", "at", *taken, recycles=recycles, stage_order=pl.when(recycles).then(0).otherwise("stage_order")
        )
        .with_columns(starts=starts())
        .with_columns(span=count(col("starts") | col("recycles")))
    )
    return (
        highest(rows, "span", "highest")
        .with_columns(recycled=col("recycles") & (col("highest") > TO))
        .with_columns(cycle=count(col("starts") | col("recycled")))
        .drop("starts", "recycles", "span")
    )


def reached(evidence):
    """The rows that make entries: those above all before them in their cycle, and effective recyclings.

    The highest of a row's entries, `high`, is left at the person's next such row; the others at once. The
    first cycle may have several spans, but none that counts after it went above the third stage; later
    cycles begin at the third. So the highest stage ever and that of the span tell that of the cycle.
    """
    rows = (
        spans(evidence, TAKEN)
        .filter(col("recycled") | (col("stage_order") > col("highest")))
        .with_columns(starts=starts())
        .with_columns(person=count(col("starts")))
    )
    ever, recycled = col("ever"), col("recycled")
    passed = pl.when(ever <= TO).then(ever).otherwise(pl.max_horizontal(TO, "highest"))
    same = (col("person").shift(-1) == col("person")).fill_null(False)
    return (
        highest(rows, "person", "ever")
        .with_columns(passed=passed)
        .filter((ever < LAST) & (recycled | (col("stage_order") > col("passed"))))
        .with_columns(same=same)
        .select(
            "person_id",
            "at",
            *TAKEN[:-1],
            "recycled",
            "cycle",
            "ever",
            low=pl.when(recycled).then(1).otherwise(col("passed") + 1),
            high=pl.when(recycled).then(TO).otherwise("stage_order"),
            number=col("cycle") - pl.when(ever == 0).then("cycle").forward_fill() + 1,
            left_at=pl.when("same").then(col("at").shift(-1)),
            left_recycled=col("same") & recycled.shift(-1).fill_null(False),
            left_reason=col("reason").shift(-1),
        )
    )


def confirmed(evidence):
    """The first evidence of each stage in each cycle, where it may be later than that of a higher one.

    That is below the highest of its span; below the third also where an ineffective recycling lies between.
    """
    order, before = col("stage_order"), col("highest")
    late = (order < before) | ((order < TO) & (order > before))
    rows = spans(evidence, []).filter((before < LAST) & (order > 0) & late)
    return rows.group_by("cycle", stage="stage_order").agg(first_at=col("at").min())


def entries(evidence):
    at, stage, high, recycled = col("at"), col("stage"), col("high"), col("recycled")
    passed = stage < high
    implied = passed & ~recycled
    progressed = col("left_at").is_not_null() & ~col("left_recycled")
    close = pl.when(col("won").fill_null(True)).then(pl.lit("won")).otherwise(pl.lit("lost"))
    outcome = (
        pl.when(passed)
        .then(pl.lit("progressed"))
        .when(high == LAST)
        .then(close)
        .when(col("left_at").is_null())
        .then(pl.lit("open"))
        .when("left_recycled")
        .then(pl.lit("recycled"))
        .otherwise(pl.lit("progressed"))
    )
    next_stage = stage.replace_strict(ORDERS, [*STAGES[1:], None], return_dtype=pl.String)
    rows = reached(evidence).with_columns(stage=pl.int_ranges("low", high + 1)).explode("stage")
    return rows.join(confirmed(evidence), on=["cycle", "stage"], how="left").select(
        "person_id",
        opportunity_id=pl.lit(None, pl.String),
        cycle="number",
        stage=stage.replace_strict(ORDERS, STAGES, return_dtype=pl.String),
        stage_order=stage,
        entered_at=at,
        entered_on=at.dt.date(),
        entered_after="seen_after",
        exited_at=pl.when(passed | (high == LAST)).then(at).otherwise("left_at"),
        outcome=outcome,
        next_stage=pl.when(passed | progressed).then(next_stage),
        reason=pl.when(~passed & col("left_recycled")).then("left_reason"),
        via="via",
        implied=implied & col("first_at").is_null(),
        confirmed_at=pl.when(implied).then("first_at"),
        carried=recycled,
        censored=pl.lit(False),
        late=(at.dt.date() < col("known_at").dt.date()) & ~col("imported"),
        direct=pl.lit(False),
        net_new=~recycled & (stage > col("ever")) & ~col("customer") & col("new_business"),
        customer="customer",
        amount="amount",
        definition=pl.lit("bench"),
        known_at="known_at",
    )


def main():
    evidence, out = sys.argv[1:3]
    began = time.perf_counter()
    entries(evidence).sink_parquet(out, compression="zstd", maintain_order=False, engine="streaming")
    seconds = time.perf_counter() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


main()
