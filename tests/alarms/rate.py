"""How often the daily report would call a day unusual on which nothing is.

Reads stage entries as CSV (stage, outcome, entered_on) of a simulated company, in which every day is quiet,
judges each stage on each of the last 180 days as queries/metrics/expected.sql does, from what was known then,
and prints the share that is outside what is expected. Standard library only.
"""

import collections
import csv
import datetime
import math
import sys

DAY = datetime.timedelta(1)
Z = 2.576


def read(path):
    counts = collections.Counter()
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["stage"] != "closed" or row["outcome"] == "won":
                counts[row["stage"], datetime.date.fromisoformat(row["entered_on"])] += 1
    return counts


def monday(day):
    return day - day.weekday() * DAY


class Company:
    def __init__(self, counts, holidays):
        self.counts = counts
        self.holidays = holidays
        self.first = min(day for _, day in counts)
        self.last = max(day for _, day in counts)
        self.stages = sorted({stage for stage, _ in counts})

    def works(self, day):
        return day.weekday() < 5 and day not in self.holidays

    def ends_month(self, day):
        """One of the last three worked days of its month."""
        later, other = 0, day + DAY
        while other.month == day.month:
            later += self.works(other)
            other += DAY
        return self.works(day) and later < 3

    def past(self, day):
        """The days of the 26 complete weeks before a day's own, since the first entry."""
        days = (monday(day) - number * DAY for number in range(1, 183))
        return [other for other in days if monday(other) >= self.first]

    def expected(self, stage, day, past):
        """The lowest and highest count that is not unusual; none where too little is known."""
        plain = [other for other in past if not self.ends_month(other)]
        kind = lambda other: (other.weekday(), self.works(other))
        alike = [self.counts[stage, other] for other in plain if kind(other) == kind(day)]
        n = len(alike)
        if n < 8:
            return None
        factor = self.factor(stage, past, plain, kind) if self.ends_month(day) else 1
        mean = sum(alike) / n
        variance = (n * sum(x * x for x in alike) - sum(alike) ** 2) / n / (n - 1)
        spread = Z * math.sqrt(max(mean, variance) * factor * (1 + 1 / n))
        return max(math.floor(mean * factor - spread), 0), math.ceil(mean * factor + spread)

    def factor(self, stage, past, plain, kind):
        """What month ends bring over what their weekdays bring otherwise."""
        usual = collections.defaultdict(list)
        for other in plain:
            usual[kind(other)].append(self.counts[stage, other])
        ends = [other for other in past if self.ends_month(other) and usual[kind(other)]]
        brought = sum(self.counts[stage, other] for other in ends)
        otherwise = sum(sum(usual[kind(other)]) / len(usual[kind(other)]) for other in ends)
        return (brought + 10) / (otherwise + 10)


def holidays(path):
    """The dates that a line of calendar.yaml begins with."""
    with open(path, encoding="utf-8") as file:
        starts = (line.strip()[:10] for line in file)
        return {datetime.date.fromisoformat(it) for it in starts if it[:2] == "20"}


def main(calendar, *paths):
    for path in paths:
        company = Company(read(path), holidays(calendar))
        judged = more = fewer = noisy = 0
        days = [company.last - number * DAY for number in range(1, 181)]
        for day in days:
            past, before = company.past(day), more + fewer
            for stage in company.stages:
                bounds = company.expected(stage, day, past)
                if bounds:
                    judged += 1
                    more += company.counts[stage, day] > bounds[1]
                    fewer += company.counts[stage, day] < bounds[0]
            noisy += more + fewer > before
        rate = (more + fewer) / judged
        print(
            f"{path}: {more} more and {fewer} fewer than expected of {judged} stages and days, "
            f"{rate:.2%}; {noisy} of {len(days)} days have any"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
