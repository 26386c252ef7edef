"""Definitions between which every rule of the walk is on once and off once."""

import json
from zoneinfo import ZoneInfo

from walk import Rules

ZONE = ZoneInfo("America/New_York")

KNOWN = {"id": "known", "when": "email is not null"}
RESPONDED = {"id": "responded", "on": "response where success"}
MQL = {"id": "mql", "stamp": "mql_at", "when": "lead_score >= 65"}
DEMO = {"id": "demo", "stamp": "demo_on"}
SAL = {"id": "sal", "when": "status = 'Working'", "on": "activity where kind = 'meeting'"}
OPPORTUNITY = {"id": "opportunity", "on": "opportunity where stage <> 'Draft'"}
CLOSED = {"id": "closed", "on": "opportunity where is_closed", "won_when": "is_won"}
WON = {"id": "won", "when": "status = 'Qualified'"}

FULL = [KNOWN, RESPONDED, MQL, DEMO, SAL, OPPORTUNITY, CLOSED | {"at": "close_date"}]

RECYCLED = {"when": "status = 'Recycled'", "to": "known", "reason": "recycle_reason"}
NURTURED = {"when": "status = 'Nurture'", "to": "mql"}
JUNK = {"when": "status = 'Junk'", "to": "known", "reason": "recycle_reason"}
RIVAL = {"when": "region = 'Rival'", "to": "mql"}
INTERNAL = {"name": "internal", "when": "email like '%@us.example'"}


def funnel(stages, skipped_stages, to, quiet, **rules):
    return {
        "definition": "walked",
        "effective_from": "2024-01-01",
        "stages": [{"term": s["id"], "definition": "As it says."} | s for s in stages],
        "after_close": {"to": to, "quiet": f"{quiet} days"},
        "skipped_stages": skipped_stages,
    } | rules


FUNNELS = {
    "passed": funnel(
        FULL,
        "reached_or_passed",
        "known",
        20,
        recycle=[RECYCLED, NURTURED],
        disqualify=[JUNK, RIVAL],
        exclude=[INTERNAL],
        new_business_types=["New"],
    ),
    "strict": funnel(
        FULL,
        "strict",
        "known",
        0,
        recycle=[RECYCLED],
        disqualify=[JUNK],
        exclude=[INTERNAL | {"ever": True}],
    ),
    "any": funnel(
        FULL,
        "any",
        "mql",
        10,
        recycle=[RECYCLED, NURTURED],
        disqualify=[JUNK],
        new_business_types=["New", "Upsell"],
    ),
    # Nothing leaves but by its deal, whose stages have the version's instant and another column's.
    "deals": funnel(
        [KNOWN, MQL, OPPORTUNITY | {"at": "created_at"}, SAL, CLOSED],
        "reached_or_passed",
        "mql",
        0,
        new_business_types=["New"],
    ),
    # A last stage that a lead may reach without a deal, and never loses.
    "no_deals": funnel(
        [KNOWN, RESPONDED, MQL, SAL, WON],
        "reached_or_passed",
        "responded",
        15,
        recycle=[NURTURED],
        disqualify=[RIVAL],
    ),
    # The deleted are as if they had never been.
    "dropped": funnel(
        FULL,
        "reached_or_passed",
        "known",
        10,
        recycle=[RECYCLED],
        disqualify=[JUNK],
        exclude=[INTERNAL],
        deleted="drop",
    ),
    # Both a deal and a field may close.
    "both": funnel(
        [DEMO, MQL, SAL, OPPORTUNITY, CLOSED | {"when": "status = 'Qualified'"}],
        "any",
        "demo",
        5,
        recycle=[RECYCLED | {"to": "demo"}],
        disqualify=[JUNK | {"to": "mql"}],
    ),
    # Few stages, so that few are skipped.
    "short": funnel(
        [KNOWN, SAL | {"stamp": "demo_on"}, OPPORTUNITY, CLOSED | {"at": "close_date"}],
        "strict",
        "sal",
        1,
        recycle=[RECYCLED],
        disqualify=[RIVAL | {"to": "sal"}],
        exclude=[INTERNAL],
        new_business_types=["New"],
    ),
}


def text(funnel):
    """As funnel.yaml, of which JSON is a part."""
    return json.dumps(funnel, indent=1)


def rules(funnel):
    ids = [stage["id"] for stage in funnel["stages"]]
    of_opportunity = {
        order
        for order, stage in enumerate(funnel["stages"], 1)
        if stage.get("on", "").startswith("opportunity")
    }
    return Rules(
        stages=ids,
        skipped_stages=funnel["skipped_stages"],
        after_close_to=1 + ids.index(funnel["after_close"]["to"]),
        quiet_days=int(funnel["after_close"]["quiet"].split()[0]),
        of_opportunity=of_opportunity,
        can_lose="won_when" in funnel["stages"][-1],
        zone=ZONE,
        drops_deleted=funnel.get("deleted") == "drop",
    )
