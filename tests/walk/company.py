"""A company whose people live through anything, as nightly exports of its CRM.

Everything happens on few instants, so that much happens at once, and days without time abound. A
record's life is a list of changes; each night exports what stands at the end of its day.
"""

import csv
import json
import random
from datetime import date, datetime, time, timedelta, timezone

from funnels import ZONE

# Days apart, so that a close has become quiet and several changes hide behind one snapshot; the
# clocks change on 9 March.
NIGHTS = [date(2025, 3, 3), date(2025, 3, 8), date(2025, 3, 9), date(2025, 4, 2), date(2025, 4, 20)]
FIRST = date(2025, 2, 1)
HOURS = [0, 4, 9, 9, 12, 17, 23]

LEAD = "Id Email Source Region Status Reason Score MqlAt DemoOn Owner AccountId CreatedAt ModifiedAt"
DEAL = "Id LeadId AccountId Stage Amount Type Owner CloseDate CreatedAt ModifiedAt"
TRACKED = ["Status", "Score", "Email", "MqlAt", "Region"]
STATUSES = ["New", "Working", "Working", "Qualified", "Recycled", "Nurture", "Junk"]


def end_of(day):
    """The last second of a local day."""
    start = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(timezone.utc)
    return start - timedelta(seconds=1)


class Company:
    def __init__(self, seed, people):
        self.dice = random.Random(seed)
        # Of each record: when it is there, and what changed when.
        self.leads, self.deals, self.calls, self.forms = [], [], [], []
        for number in range(people):
            self.person(f"L{number}")

    def instant(self, after=None):
        """Some full hour of the nights' span, in whole days and few hours of the company's zone."""
        first = after.astimezone(ZONE).date() if after else FIRST
        days = max((NIGHTS[-1] - first).days, 0)
        # Soon after rather than long after.
        day = first + timedelta(days=min(int(self.dice.expovariate(0.12)), days))
        local = datetime.combine(day, time(self.dice.choice(HOURS)), ZONE)
        return local.astimezone(timezone.utc)

    def chance(self, share):
        return self.dice.random() < share

    def person(self, lead):
        created = self.instant() if self.chance(0.7) else datetime(2025, 1, 20, 15, tzinfo=timezone.utc)
        changes = [(created, field, value) for field, value in self.first_values(lead).items()]
        instant = created
        for _ in range(self.dice.randrange(9)):
            instant = self.instant(instant)
            for _ in range(self.dice.choice([1, 1, 2])):
                changes += [(instant, *change) for change in self.change(lead, instant).items()]
        gone = self.instant(created) if self.chance(0.12) else None
        back = self.instant(gone) if gone and self.chance(0.5) else None
        record = {"id": lead, "created": created, "changes": changes, "gone": gone, "back": back}
        # Some records' history is tracked, and most of its rows are kept.
        record["tracked"] = self.chance(0.6)
        self.leads.append(record)
        for number in range(self.dice.choice([0, 0, 1, 1, 2, 3])):
            self.deal(f"D{lead}-{number}", lead, created)
        for stream, share in [(self.forms, 0.5), (self.calls, 0.4)]:
            while self.chance(share):
                self.event(stream, lead)

    def first_values(self, lead):
        values = {"Email": f"{lead.lower()}@them.example", "Status": "New", "Score": 10}
        if self.chance(0.15):
            values["Email"] = None
        values |= {"Source": self.dice.choice(["Web", "Fair"]), "Owner": "queue"}
        values["AccountId"] = f"A{self.dice.randrange(40)}" if self.chance(0.15) else None
        return values

    def change(self, lead, instant):
        """A field's next value, and with a status its reason."""
        field = self.dice.choice(["Status"] * 4 + ["Score", "Email", "MqlAt", "MqlAt", "DemoOn", "Owner", "Region"])
        near = instant + timedelta(hours=self.dice.choice([0, 0, 0, -24, -26, -200, 30, 400]))
        day = near.astimezone(ZONE).date()
        domain = self.dice.choice(["us", "them", "them"])
        value = {
            "Status": lambda: self.dice.choice(STATUSES),
            "Score": lambda: self.dice.choice([10, 64, 65, 90]),
            "Email": lambda: self.dice.choice([None, f"{lead.lower()}@{domain}.example"]),
            "MqlAt": lambda: None if self.chance(0.2) else near,
            "DemoOn": lambda: None if self.chance(0.2) else day,
            "Owner": lambda: self.dice.choice(["ann", "bob", None]),
            "Region": lambda: self.dice.choice(["EMEA", "APAC", "Rival"]),
        }[field]()
        reason = {"Reason": self.dice.choice([None, "timing", "budget"])}
        return {field: value} | (reason if field == "Status" else {})

    def deal(self, deal, lead, since):
        created = self.instant(since)
        stage = self.dice.choice(["Draft", "Offer", "Offer", "Won", "Lost"])
        kind = self.dice.choice(["New", "New", "Upsell", "Renewal", None])
        owner = None if self.chance(0.15) else lead
        values = {"LeadId": owner, "Stage": stage, "Type": kind, "Owner": "ann"}
        values["Amount"] = self.dice.choice([None, "100.50", "2500"])
        values["AccountId"] = f"A{self.dice.randrange(40)}" if self.chance(0.15) else None
        changes = [(created, field, value) for field, value in values.items()]
        instant = created
        for _ in range(self.dice.randrange(5)):
            instant = self.instant(instant)
            stage = self.dice.choice(["Draft", "Offer", "Won", "Won", "Lost"])
            changes.append((instant, "Stage", stage))
            if self.chance(0.6):
                near = instant + timedelta(days=self.dice.choice([0, 0, -1, -9, 6]))
                changes.append((instant, "CloseDate", near.astimezone(ZONE).date()))
            if self.chance(0.15):
                # Linked at last, or to somebody else.
                other = self.dice.choice(self.leads)["id"] if self.chance(0.3) else lead
                changes.append((instant, "LeadId", other))
        gone = self.instant(created) if self.chance(0.1) else None
        back = self.instant(gone) if gone and self.chance(0.5) else None
        self.deals.append({"id": deal, "created": created, "changes": changes, "gone": gone, "back": back})

    def event(self, stream, lead):
        at = self.instant()
        # Some are told late.
        told = at + timedelta(days=self.dice.choice([0, 0, 0, 6, 25]))
        number = f"{len(stream)}"
        kind = self.dice.choice(["meeting", "call"])
        campaign = self.dice.choice([None, "P1", "P2"])
        stream.append({"id": number, "lead": lead, "at": at, "told": told, "kind": kind, "campaign": campaign})

    def export(self, folder):
        """Writes the exports of every night."""
        before = datetime(2000, 1, 1, tzinfo=timezone.utc)
        for night in NIGHTS:
            end = end_of(night)
            target = folder / night.isoformat()
            target.mkdir(parents=True)
            write(target / "lead.csv", LEAD, standing(self.leads, end))
            write(target / "deal.csv", DEAL, standing(self.deals, end))
            write(target / "lead_change.csv", "Id LeadId Field OldValue NewValue ChangedAt", self.tracked(end))
            told = lambda events: [e for e in events if before < e["told"] <= end]
            calls = [{"Id": e["id"], "LeadId": e["lead"], "Kind": e["kind"], "At": e["at"]} for e in told(self.calls)]
            write(target / "call.csv", "Id LeadId Kind At", calls)
            forms = [
                {
                    "id": e["id"],
                    "leadId": e["lead"],
                    "campaign": e["campaign"],
                    "success": e["kind"] == "meeting",
                    "at": cell(e["at"]),
                }
                for e in told(self.forms)
            ]
            (target / "form.json").write_text(json.dumps(forms))
            before = end

    def tracked(self, end):
        rows = []
        for lead in self.leads:
            values = {}
            for number, (at, field, value) in enumerate(sorted_changes(lead)):
                old, values[field] = values.get(field), value
                untold = not lead["tracked"] or field not in TRACKED or at == lead["created"]
                if untold or at > end or old == value:
                    continue
                rows.append(
                    {
                        "Id": f"C{lead['id']}-{number}",
                        "LeadId": lead["id"],
                        "Field": field,
                        "OldValue": old,
                        "NewValue": value,
                        "ChangedAt": at,
                    }
                )
        return rows


def sorted_changes(record):
    # Stable: what changes twice at one instant ends as it was told last.
    return sorted(record["changes"], key=lambda change: change[0])


def standing(records, end):
    """The records that an export at `end` holds."""
    rows = []
    for record in records:
        there = record["created"] <= end
        gone = record["gone"] and record["gone"] <= end
        back = record["back"] and record["back"] <= end
        if not there or (gone and not back):
            continue
        passed = [change for change in sorted_changes(record) if change[0] <= end]
        row = {field: value for _, field, value in passed}
        row |= {"Id": record["id"], "CreatedAt": record["created"], "ModifiedAt": passed[-1][0]}
        rows.append(row)
    return rows


def cell(value):
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def write(path, columns, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split())
        for row in rows:
            writer.writerow([cell(row.get(column)) for column in columns.split()])
