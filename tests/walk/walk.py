"""The stage walk a second time: one person's evidence to stage entries, slowly and plainly.

Written from the words that define the walk, not from the program: nothing is kept that can be looked
up in what happened so far, so each rule reads as it is said. Instants are microseconds since 1970,
stages are numbers from 1, signs are rows of `evidence`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

DAY = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# At one instant: who is reinstated may enter, who enters and leaves has entered first.
KINDS = ["reinstate", "enter", "recycle", "disqualify", "deleted"]
TRUST = ["stamp", "history", "snapshot", "event"]


@dataclass
class Rules:
    """What a definition says that the walk needs."""

    stages: list
    skipped_stages: str
    after_close_to: int
    quiet_days: int
    # The stages that an opportunity can trigger.
    of_opportunity: set
    # Whether the last stage has a `won_when`.
    can_lose: bool
    zone: ZoneInfo
    # Whether the entries of the deleted are dropped.
    drops_deleted: bool

    @property
    def last(self):
        return len(self.stages)

    def date(self, instant):
        return (EPOCH + timedelta(microseconds=instant)).astimezone(self.zone).date()

    def day_start(self, instant):
        day = self.date(instant)
        start = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return (start.astimezone(timezone.utc) - EPOCH) // timedelta(microseconds=1)


@dataclass
class Entry:
    sign: dict
    at: int
    opportunity: str
    mark: str  # own, implied, carried
    first: bool
    confirmed_at: int = None


@dataclass
class Cycle:
    lead: bool
    opportunity: str = None
    entries: dict = field(default_factory=dict)
    # None while open, then instant, outcome, reason, and the stage up to which the next is carried.
    end: tuple = None


@dataclass
class Person:
    direct: bool
    cycles: list = field(default_factory=list)
    # The cycle in which each opportunity was last held.
    held: dict = field(default_factory=dict)
    disqualifications: int = 0
    # Lead cycles that had begun when the person was last deleted.
    deleted_after: int = None

    def lead(self):
        return next((c for c in self.cycles if c.lead and c.end is None), None)

    def beginning(self):
        """How the lead's next cycle begins: a word, and the stage up to which it is carried."""
        led = [c for c in self.cycles if c.lead]
        if self.deleted_after == len(led):
            return "deleted", 0
        if not led:
            return "first", 0
        _, outcome, _, to = led[-1].end
        return ("closed" if outcome in ("won", "lost") else "carried"), to

    def entered(self, stage):
        marks = [c.entries[stage].mark for c in self.cycles if stage in c.entries]
        return any(mark != "carried" for mark in marks)


def walk(signs, rules):
    """The rows of `stage_entry` of one person, without what is frozen of the person."""
    person = Person(signs[0]["person_id"].startswith("opportunity:"))
    # Whoever entered before must leave, also when excluded by now.
    counted = [s for s in signs if s["kind"] == "deleted" or not s["excluded"]]
    take = {
        "enter": enter,
        "recycle": recycle,
        "disqualify": disqualify,
        "reinstate": reinstate,
        "deleted": delete,
    }
    for sign in in_order(counted, rules):
        take[sign["kind"]](person, sign, rules)
    return rows(person, signs[0]["person_id"], rules)


# The order of evidence.


def in_order(signs, rules):
    signs = [dict(sign) for sign in signs]
    for sign in signs:
        if sign["date_only"]:
            sign["at"] = rules.day_start(sign["at"])
        sign["turn"] = sign["at"]
        ends = sign["kind"] != "enter" or sign["stage_order"] == rules.last
        if sign["censored"] and ends:
            sign["turn"] = max(sign["at"], sign["known_at"])
    timed = [sign for sign in signs if not sign["date_only"]]
    for sign in signs:
        if sign["date_only"]:
            sign["turn"] = turn_of_date(sign, timed, rules)
    return sorted(signs, key=turn_key)


def turn_of_date(sign, timed, rules):
    """After lower-stage and before higher-stage evidence of its day; if not both, before."""
    day = rules.date(sign["at"])
    that_day = [other for other in timed if rules.date(other["turn"]) == day]
    higher = [o["turn"] for o in that_day if height(o, rules) > sign["stage_order"]]
    if higher:
        return min(higher)
    return max([sign["at"]] + [other["turn"] for other in that_day])


def height(sign, rules):
    """Leaving counts as higher than any stage, coming back as lower."""
    return {"enter": sign["stage_order"], "reinstate": 0}.get(sign["kind"], rules.last + 1)


def turn_key(sign):
    def nothing_first(name):
        value = sign[name]
        return (value is not None, 0 if value is None else value)

    trusted = TRUST.index(sign["via"]) if sign["via"] in TRUST else len(TRUST)
    ties = ["opportunity_id", "known_at", "seen_after", "imported"]
    ties += ["customer", "new_business", "won", "amount", "reason"]
    return (
        sign["turn"],
        KINDS.index(sign["kind"]),
        sign["stage_order"],
        sign["censored"],
        sign["date_only"],
        trusted,
        sign["at"],
        *[nothing_first(name) for name in ties],
    )


# Entering.


def enter(person, sign, rules):
    if sign["opportunity_id"] is None:
        found = cycle_of_lead(person, sign, rules)
    else:
        found = cycle_of_opportunity(person, sign, rules)
    if found is None:
        return
    cycle, lead, carried = found
    stage = sign["stage_order"]
    reached = set(cycle.entries) if cycle else set(range(1, carried + 1))
    if rules.skipped_stages == "strict" and not person.direct:
        if not set(range(1, stage)) <= reached:
            return
    if cycle is None:
        cycle = begin(person, sign, sign["at"], lead, carried)
    hold(person, cycle, sign)
    if stage in cycle.entries:
        again(cycle, sign)
    else:
        reach(person, cycle, sign, rules)


def cycle_of_opportunity(person, sign, rules):
    """The open cycle that evidence moves, or of the one to begin, whether the lead begins it and
    up to where it is carried; nothing if the evidence is ignored."""
    held = person.held.get(sign["opportunity_id"])
    if held and held.end is None:
        return held, held.lead, 0
    if held and held.end[1] != "deleted":
        return None
    lead = person.lead()
    if lead and lead.opportunity is None:
        return lead, True, 0
    how, carried = person.beginning() if lead is None else ("further", 0)
    if how in ("first", "carried"):
        return None, True, carried
    # A further one: what no opportunity triggers is carried.
    lowest = min(rules.of_opportunity, default=rules.last)
    return None, False, lowest - 1


def cycle_of_lead(person, sign, rules):
    if person.disqualifications > 0:
        return None
    lead = person.lead()
    if lead:
        ends = sign["stage_order"] == rules.last
        return None if ends and lead.opportunity else (lead, True, 0)
    how, carried = person.beginning()
    if how != "closed":
        return None, True, carried
    closes = [c.end[0] for c in person.cycles if c.end and c.end[1] in ("won", "lost")]
    if sign["at"] < max(closes) + rules.quiet_days * DAY or sign["customer"]:
        return None
    return None, True, rules.after_close_to


def begin(person, sign, at, lead, carried):
    cycle = Cycle(lead)
    hold(person, cycle, sign)
    person.cycles.append(cycle)
    for stage in range(1, carried + 1):
        cycle.entries[stage] = Entry(sign, at, cycle.opportunity, "carried", False)
    return cycle


def hold(person, cycle, sign):
    if cycle.opportunity is None and sign["opportunity_id"] is not None:
        cycle.opportunity = sign["opportunity_id"]
        person.held[cycle.opportunity] = cycle


def reach(person, cycle, sign, rules):
    stage = sign["stage_order"]
    at = instant(cycle, sign)
    if rules.skipped_stages == "reached_or_passed" and not person.direct:
        for earlier in range(1, stage):
            if earlier not in cycle.entries:
                put(person, cycle, earlier, sign, at, "implied")
    put(person, cycle, stage, sign, at, "own")
    if stage == rules.last:
        won = sign["won"] if sign["won"] is not None else not rules.can_lose
        cycle.end = (at, "won" if won else "lost", None, rules.after_close_to)


def put(person, cycle, stage, sign, at, mark):
    first = not person.entered(stage)
    cycle.entries[stage] = Entry(sign, at, cycle.opportunity, mark, first)


def instant(cycle, sign):
    """Without a time of its own, no earlier than the lower stages."""
    if not sign["date_only"] and not sign["censored"]:
        return sign["at"]
    lower = [e.at for stage, e in cycle.entries.items() if stage < sign["stage_order"]]
    return max([sign["at"]] + lower)


def again(cycle, sign):
    """Evidence for a stage that is reached: it may tell when, or confirm."""
    stage = sign["stage_order"]
    entry = cycle.entries[stage]
    if sign["censored"] or entry.mark == "carried":
        return
    higher = [e for other, e in cycle.entries.items() if other > stage]
    undated = entry.sign["censored"] and all(e.sign["censored"] for e in higher)
    if undated and sign["at"] <= entry.sign["known_at"]:
        entry.at = instant(cycle, sign)
        entry.sign = sign
        entry.mark = "own"
        for above in higher:
            above.at = max(above.at, entry.at)
    elif entry.mark == "implied":
        entry.mark = "own"
        entry.confirmed_at = sign["at"]


# Leaving.


def recycle(person, sign, rules):
    lead = person.lead()
    if lead is None or lead.opportunity or max(lead.entries) <= sign["stage_order"]:
        return
    lead.end = (sign["turn"], "recycled", sign["reason"], sign["stage_order"])
    begin(person, sign, sign["turn"], True, sign["stage_order"])


def disqualify(person, sign, rules):
    person.disqualifications += 1
    lead = person.lead()
    if lead is None or lead.opportunity:
        return
    to = min(sign["stage_order"], max(lead.entries))
    lead.end = (sign["turn"], "disqualified", sign["reason"], to)


def reinstate(person, sign, rules):
    if person.disqualifications == 0:
        return
    person.disqualifications -= 1
    if person.disqualifications or person.lead():
        return
    how, to = person.beginning()
    if how == "carried":
        begin(person, sign, sign["turn"], True, to)


def delete(person, sign, rules):
    opportunity = sign["opportunity_id"]
    end = (sign["turn"], "deleted", None, rules.after_close_to)
    if opportunity is None:
        gone = [cycle for cycle in person.cycles if cycle.end is None]
        person.disqualifications = 0
        person.deleted_after = sum(cycle.lead for cycle in person.cycles)
    else:
        held = person.held.get(opportunity)
        gone = [held] if held and held.end is None else []
    for cycle in gone:
        cycle.end = end


# What came of it.


def rows(person, person_id, rules):
    return [
        row(person, person_id, number, cycle, stage, rules)
        for number, cycle in enumerate(person.cycles, 1)
        for stage in sorted(cycle.entries)
    ]


def row(person, person_id, number, cycle, stage, rules):
    entry = cycle.entries[stage]
    sign = entry.sign
    entered_on = rules.date(entry.at)
    exited_at, outcome, next_stage, reason = left(cycle, stage, rules)
    new_business = stage not in rules.of_opportunity or sign["new_business"]
    return {
        "person_id": person_id,
        "opportunity_id": entry.opportunity,
        "cycle": number,
        "stage": rules.stages[stage - 1],
        "stage_order": stage,
        "entered_at": entry.at,
        "entered_on": entered_on.isoformat(),
        "entered_after": sign["seen_after"],
        "exited_at": exited_at,
        "outcome": outcome,
        "next_stage": next_stage,
        "reason": reason,
        "via": sign["via"],
        "implied": entry.mark == "implied",
        "confirmed_at": entry.confirmed_at,
        "carried": entry.mark == "carried",
        "censored": sign["censored"],
        # What came with the import could not be known earlier.
        "late": entered_on < rules.date(sign["known_at"]) and not sign["imported"],
        "direct": person.direct,
        "net_new": entry.mark != "carried"
        and entry.first
        and not sign["customer"]
        and new_business,
        "customer": sign["customer"],
        "amount": sign["amount"],
        "known_at": sign["known_at"],
    }


def left(cycle, stage, rules):
    """At the next entry into a higher stage of the cycle, else at its end, with its outcome."""
    since = cycle.entries[stage].at
    later = [(e.at, other) for other, e in cycle.entries.items() if other > stage and e.at >= since]
    if later:
        at, other = min(later)
        return at, "progressed", rules.stages[other - 1], None
    if cycle.end is None:
        return None, "open", None, None
    at, outcome, reason, _ = cycle.end
    return at, outcome, None, reason
