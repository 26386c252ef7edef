"""What an entry freezes: attributes as at the end of the day of entry, looked up one by one."""

FROZEN = ["lead_source", "channel", "segment", "region", "owner_id"]


class Frozen:
    def __init__(self, night, rules):
        self.rules = rules
        self.persons = grouped(night, "person_version", "person_id")
        self.opportunities = grouped(night, "opportunity_version", "opportunity_id")
        # The latest response that names a campaign, of those at one instant the last told.
        responses = "(select * from response where person_id is not null and campaign_id is not null)"
        self.responses = grouped(night, responses, "person_id", "occurred_at, response_id")

    def at(self, entry):
        rules, person_id = self.rules, entry["person_id"]
        versions = self.persons.get(person_id)
        if entry["direct"]:
            versions = self.opportunities[person_id.removeprefix("opportunity:")]
        passed = [v for v in versions if not self.after(v["valid_from"], entry)]
        version = passed[-1] if passed else versions[0]
        frozen = {name: version.get(name) for name in FROZEN}
        touches = [r for r in self.responses.get(person_id, []) if not self.after(r["occurred_at"], entry)]
        frozen["campaign_id"] = touches[-1]["campaign_id"] if touches else None
        return frozen

    def after(self, instant, entry):
        return self.rules.date(instant).isoformat() > entry["entered_on"]


def grouped(night, table, key, order="valid_from"):
    rows = night.rows(f"select * from {table} order by {key}, {order}")
    groups = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups
