"""A company whose people live through anything, as nightly exports of its CRM.

A person's life happens on few days and few hours, so that much happens at once, and days without time
meet instants of their day. A record's life is a list of changes; each night exports what stands at
the end of its day.
"""

import csv
import json
import random
from datetime import date, datetime, time, timedelta, timezone

from funnels import ZONE

# Days apart, so that a close has become quiet and several changes hide behind one snapshot; the
# clocks change on 9 March.
NIGHTS = [date(2025, 3, 3), date(2025, 3, 8), date(2025, 3, 9), date(2025, 4, 2), date(2025, 4, 20)]
FIRST = date(2025, 1, 25)
HOURS = [0, 4, 9, 9, 12, 23]
# Between the days of a life. A close is quiet for as many.
STEPS = [0, 1, 1, 5, 5, 10, 15, 20]

PERSON = "Id Email Source Region Status Reason Score MqlAt DemoOn Owner AccountId CreatedAt ModifiedAt"
DEAL = "Id LeadKey AccountId Stage Amount Type Owner CloseDate CreatedAt ModifiedAt"
CHANGE = "Id LeadId Field OldValue NewValue ChangedAt"
CALL = "Id LeadKey Kind At"
# Whose changes the history of fields tells.
TRACKED = ["Status", "Score", "Email", "MqlAt", "Region"]
FIELDS = ["Status"] * 6 + ["Score", "Email", "MqlAt", "MqlAt", "DemoOn", "DemoOn", "Owner", "Region"]
STATUSES = ["New", "Working", "Working", "Qualified", "Recycled", "Nurture", "Junk"]


def end_of(day):
    """The last second of a local day."""
    start = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(timezone.utc)
    return start - timedelta(seconds=1)


def day_of(instant):
    return instant.astimezone(ZONE).date()


class Life:
    """The instants on which things happen to one person."""

    def __init__(self, dice):
        self.dice = dice
        day = FIRST + timedelta(days=dice.randrange(50))
        self.days = [day]
        while len(self.days) < 7:
            day += timedelta(days=dice.choice(STEPS))
            self.days.append(min(day, NIGHTS[-1]))

    def instant(self, since=None):
        later = [day for day in self.days if since is None or day >= day_of(since)]
        # Soon after rather than long after.
        day = self.dice.choice((later or self.days[-1:])[:3])
        local = datetime.combine(day, time(self.dice.choice(HOURS)), ZONE)
        instant = local.astimezone(timezone.utc)
        return max(instant, since) if since else instant


class Company:
    def __init__(self, seed, people):
        self.dice = random.Random(seed)
        self.leads, self.prospects, self.deals, self.calls, self.forms = [], [], [], [], []
        self.keys = []
        for number in range(people):
            self.person(number)

    def chance(self, share):
        return self.dice.random() < share

    def maybe(self, share, value):
        return value if self.chance(share) else None

    def person(self, number):
        life = Life(self.dice)
        tracked = self.chance(0.6)
        key = f"crm.lead:L{number}" if tracked else f"crm.prospect:P{number}"
        self.keys.append(key)
        created = life.instant()
        changes = [(created, *first) for first in self.first_values(number).items()]
        instant = created
        for _ in range(self.dice.randrange(10)):
            instant = life.instant(instant)
            changes += [(instant, *change) for change in self.change(number, instant).items()]
        streams = self.leads if tracked else self.prospects
        streams.append(self.record(key.split(":")[1], life, created, changes))
        opened = None
        for deal in range(self.dice.choice([0, 0, 1, 1, 2, 3])):
            # Some deals open at one instant.
            opened = opened if opened and self.chance(0.25) else life.instant(created)
            self.deal(f"D{number}-{deal}", key, life, opened)
        for stream, share in [(self.forms, 0.5), (self.calls, 0.4)]:
            while self.chance(share):
                self.event(stream, key, life)

    def record(self, record_id, life, created, changes):
        gone = self.maybe(0.12, life.instant(created))
        back = gone and self.maybe(0.5, life.instant(gone))
        changes = sorted(changes, key=lambda change: change[0])
        return {"id": record_id, "created": created, "changes": changes, "gone": gone, "back": back}

    def first_values(self, number):
        return {
            "Email": self.maybe(0.85, f"p{number}@them.example"),
            "Status": self.dice.choice(["New", "New", "New", "Working"]),
            "Score": self.dice.choice([10, 10, 90]),
            "Source": self.dice.choice(["Web", "Fair"]),
            "Owner": "queue",
            "AccountId": self.account(),
        }

    def account(self):
        return self.maybe(0.15, f"A{self.dice.randrange(40)}")

    def change(self, number, instant):
        """Fields' next values."""
        field = self.dice.choice(FIELDS)
        near = instant + timedelta(hours=self.dice.choice([0, 0, 0, -24, -26, -200, 30, 400]))
        domain = self.dice.choice(["us", "them"])
        if field == "Status":
            reason = self.dice.choice([None, "timing", "budget"])
            return {"Status": self.dice.choice(STATUSES), "Reason": reason}
        if field == "MqlAt":
            # Often together with what else makes a lead qualified.
            score = {"Score": 90} if self.chance(0.3) else {}
            return {"MqlAt": self.maybe(0.8, near)} | score
        return {
            "Score": {"Score": self.dice.choice([10, 64, 65, 90])},
            "Email": {"Email": self.maybe(0.8, f"p{number}@{domain}.example")},
            "DemoOn": {"DemoOn": self.maybe(0.85, day_of(near))},
            "Owner": {"Owner": self.dice.choice(["ann", "bob", None])},
            "Region": {"Region": self.dice.choice(["EMEA", "APAC", "Rival"])},
        }[field]

    def deal(self, deal_id, key, life, created):
        first = {
            "LeadKey": self.maybe(0.85, key),
            "Stage": self.dice.choice(["Draft", "Offer", "Offer", "Won", "Lost"]),
            "Type": self.dice.choice(["New", "New", "Upsell", "Renewal", None]),
            "Amount": self.dice.choice([None, "100.50", "2500"]),
            "Owner": "ann",
            "AccountId": self.account(),
        }
        changes = [(created, field, value) for field, value in first.items()]
        instant = created
        for _ in range(self.dice.randrange(5)):
            instant = life.instant(instant)
            changes.append((instant, "Stage", self.dice.choice(["Draft", "Offer", "Won", "Lost"])))
            if self.chance(0.6):
                near = instant + timedelta(days=self.dice.choice([0, 0, -1, -9, 6]))
                changes.append((instant, "CloseDate", day_of(near)))
            if self.chance(0.15):
                # Linked at last, or to somebody else.
                other = self.dice.choice(self.keys) if self.chance(0.3) else key
                changes.append((instant, "LeadKey", other))
        self.deals.append(self.record(deal_id, life, created, changes))

    def event(self, stream, key, life):
        at = life.instant()
        stream.append(
            {
                "id": str(len(stream)),
                "key": key,
                "at": at,
                # Some are told late.
                "told": at + timedelta(days=self.dice.choice([0, 0, 0, 6, 25])),
                "kind": self.dice.choice(["meeting", "call"]),
                "campaign": self.dice.choice([None, "P1", "P2"]),
            }
        )

    def export(self, folder):
        """Writes the exports of every night."""
        before = datetime(2000, 1, 1, tzinfo=timezone.utc)
        for night in NIGHTS:
            end = end_of(night)
            target = folder / night.isoformat()
            target.mkdir(parents=True)
            write(target / "lead.csv", PERSON, standing(self.leads, end))
            write(target / "prospect.csv", PERSON, standing(self.prospects, end))
            write(target / "lead_change.csv", CHANGE, changed(self.leads, end))
            write(target / "deal.csv", DEAL, standing(self.deals, end))
            calls, forms = told(self.calls, before, end), told(self.forms, before, end)
            write(target / "call.csv", CALL, map(call, calls))
            (target / "form.json").write_text(json.dumps([form(event) for event in forms]))
            before = end


def standing(records, end):
    """The records that an export at `end` holds."""
    for record in records:
        gone = record["gone"] and record["gone"] <= end
        back = record["back"] and record["back"] <= end
        if record["created"] > end or (gone and not back):
            continue
        passed = [change for change in record["changes"] if change[0] <= end]
        row = {field: value for _, field, value in passed}
        modified = passed[-1][0]
        yield row | {"Id": record["id"], "CreatedAt": record["created"], "ModifiedAt": modified}


def changed(leads, end):
    """The history of fields as told until `end`; what a lead began with is no change."""
    for lead in leads:
        values = {}
        for number, (at, field, value) in enumerate(lead["changes"]):
            old, values[field] = values.get(field), value
            told = field in TRACKED and lead["created"] < at <= end
            if told and old != value:
                names = CHANGE.split()
                cells = [f"{lead['id']}-{number}", lead["id"], field, old, value, at]
                yield dict(zip(names, cells))


def told(events, before, end):
    return [event for event in events if before < event["told"] <= end]


def call(event):
    names = CALL.split()
    return dict(zip(names, [event["id"], event["key"], event["kind"], event["at"]]))


def form(event):
    success = event["kind"] == "meeting"
    one = {"id": event["id"], "leadKey": event["key"], "campaign": event["campaign"]}
    return one | {"success": success, "at": cell(event["at"])}


def cell(value):
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def write(path, columns, rows):
    names = columns.split()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([cell(row.get(name)) for name in names] for row in rows)
