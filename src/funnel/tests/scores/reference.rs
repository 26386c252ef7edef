//! Many random persons, against points reckoned anew from the raw rows for each instant.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::{behaviour, condition, score, scored};
use crate::config::{Decay, Event, Group};
use crate::funnel::tests::{Outcome, World, stage, when, zone};

const END: &str = "2026-11-21T04:59:59.999999Z";

/// What is known of one person, as it was put into the world.
#[derive(Default)]
struct Life {
    /// Of the CRM's record: instant, employees, company, lead source, deleted.
    versions: Vec<(i64, Option<i64>, bool, bool, bool)>,
    /// When the record of the other system began.
    second: Option<i64>,
    /// Instant and kind, `call` and `meeting` being activities.
    events: Vec<(i64, &'static str)>,
}

/// A small generator: the same numbers each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A full second from 2026-10-20 on, now and then at a day's first or last.
    fn instant(&mut self) -> i64 {
        let day = 1_792_468_800 + i64::try_from(self.below(32)).unwrap() * 86_400;
        let second = match self.below(6) {
            // Midnight in New York, before and after the clocks change.
            0 => 4 * 3600,
            1 => 5 * 3600,
            2 => 5 * 3600 - 1,
            _ => i64::try_from(self.below(86_400)).unwrap(),
        };
        (day + second) * 1_000_000
    }
}

fn text(at: i64) -> String {
    Timestamp::from_microsecond(at).unwrap().to_string()
}

fn date_of(at: i64) -> Date {
    let at = Timestamp::from_microsecond(at).unwrap();
    at.to_zoned(zone()).date()
}

fn end() -> i64 {
    END.parse::<Timestamp>().unwrap().as_microsecond()
}

fn life(dice: &mut Dice) -> Life {
    let mut life = Life::default();
    let mut from: BTreeSet<i64> = BTreeSet::new();
    for _ in 0..=dice.below(4) {
        from.insert(dice.instant());
    }
    for at in from {
        let employees =
            [None, Some(20), Some(100), Some(500)][usize::try_from(dice.below(4)).unwrap()];
        let version = (
            at,
            employees,
            dice.below(3) > 0,
            dice.below(3) == 0,
            dice.below(5) == 0,
        );
        life.versions.push(version);
    }
    if dice.below(3) == 0 {
        life.second = Some(dice.instant());
    }
    for _ in 0..dice.below(14) {
        let kinds = ["form", "webinar", "call", "meeting", "web"];
        let kind = kinds[usize::try_from(dice.below(5)).unwrap()];
        life.events.push((dice.instant(), kind));
    }
    life
}

fn world(lives: &[Life]) -> World {
    let mut world = World::default();
    for (number, life) in lives.iter().enumerate() {
        let key = format!("crm.lead:{number}");
        for (at, employees, company, referred, deleted) in &life.versions {
            let fields = json!({
                "employees": employees, "company": company.then_some("Initech"),
                "lead_source": referred.then_some("Referral"), "deleted": deleted,
                "created_at": "2026-10-01T00:00:00Z",
            });
            world = world.record(&key, &text(*at), fields);
        }
        let second = format!("ma.lead:{number}");
        if let Some(at) = life.second {
            let fields =
                json!({ "linked_to": key, "rank": 4, "created_at": "2026-10-02T00:00:00Z" });
            world = world.record(&second, &text(at), fields);
        }
        for (place, (at, kind)) in life.events.iter().enumerate() {
            // Events of both records are the person's.
            let to = if place % 2 == 0 && life.second.is_some() {
                &second
            } else {
                &key
            };
            world = match *kind {
                "call" | "meeting" => world.activity(to, &text(*at), kind),
                _ => world.response(to, &text(*at), kind, None),
            };
        }
    }
    world
}

fn definition() -> crate::config::Funnel {
    let response = |predicate| (Event::Response, predicate);
    let activity = |predicate| (Event::Activity, predicate);
    let mut total = score(
        "score",
        vec![
            condition(Group::Demographic, "large", "employees >= 100", 20),
            condition(Group::Demographic, "no company", "company is null", -15),
            condition(
                Group::Situational,
                "referred",
                "lead_source = 'Referral'",
                7,
            ),
            behaviour(
                "form",
                response("kind = 'form'"),
                11,
                (12, Some(30), Decay::None),
            ),
            behaviour(
                "webinar",
                response("kind = 'webinar'"),
                9,
                (20, None, Decay::HalvesEvery(3)),
            ),
            behaviour(
                "meeting",
                activity("kind = 'meeting'"),
                -4,
                (10, Some(6), Decay::None),
            ),
            behaviour(
                "call",
                activity("kind = 'call'"),
                8,
                (14, None, Decay::Steps(vec![(3, 500_000), (9, 200_000)])),
            ),
        ],
    );
    total.stage = Some(3);
    let fit = score(
        "fit",
        vec![
            condition(Group::Demographic, "large", "employees >= 100", 3),
            behaviour(
                "form while large",
                response("kind = 'form' and person.employees >= 100"),
                2,
                (5, None, Decay::None),
            ),
        ],
    );
    let mut funnel = scored(vec![total, fit]);
    funnel.stages[3] = stage("mql", when("score >= 30 and score_behavioural > 0"));
    funnel
}

impl Life {
    fn version(&self, at: i64) -> Option<&(i64, Option<i64>, bool, bool, bool)> {
        self.versions.iter().rev().find(|version| version.0 <= at)
    }

    /// Whether the person is there and not deleted.
    fn lives(&self, at: i64) -> bool {
        let second = self.second.is_some_and(|from| from <= at);
        second || self.version(at).is_some_and(|version| !version.4)
    }

    fn is_large(&self, at: i64) -> bool {
        self.version(at)
            .and_then(|version| version.1)
            .is_some_and(|n| n >= 100)
    }

    /// Millionths of the events of a kind that count: share by age in days.
    fn events(
        &self,
        kind: &str,
        at: i64,
        share: impl Fn(i32) -> i64,
        that: impl Fn(i64) -> bool,
    ) -> i64 {
        let mut sum = 0;
        for (happened, of) in &self.events {
            if *of == kind && *happened <= at && that(*happened) {
                sum += share((date_of(at) - date_of(*happened)).get_days());
            }
        }
        sum
    }

    /// Demographic, situational and behavioural points of `score`, and those of `fit`.
    #[expect(clippy::cast_possible_truncation, reason = "0 to a million")]
    fn points(&self, at: i64) -> [[i64; 3]; 2] {
        let large = self.is_large(at);
        let version = self.version(at);
        let company = version.is_some_and(|version| version.2);
        let referred = version.is_some_and(|version| version.3);
        let rounded = |millionths: i64| {
            let size = (millionths.abs() + 500_000) / 1_000_000;
            size * millionths.signum()
        };
        let all = |_| true;
        let whole = |days: i32| move |age: i32| if age < days { 1_000_000 } else { 0 };
        let halving = |age: i32| match age {
            0..20 => (0.5_f64.powf(f64::from(age) / 3.0) * 1e6).round() as i64,
            _ => 0,
        };
        let stepping = |age: i32| match age {
            0..3 => 1_000_000,
            3..9 => 500_000,
            9..14 => 200_000,
            _ => 0,
        };
        let form = rounded(11 * self.events("form", at, whole(12), all)).min(30);
        let webinar = rounded(9 * self.events("webinar", at, halving, all));
        let meeting = rounded(-4 * self.events("meeting", at, whole(10), all)).max(-6);
        let call = rounded(8 * self.events("call", at, stepping, all));
        let large_then = |happened| self.is_large(happened);
        let fit = rounded(2 * self.events("form", at, whole(5), large_then));
        [
            [
                if large { 20 } else { 0 } - if company { 0 } else { 15 },
                if referred { 7 } else { 0 },
                form + webinar + meeting + call,
            ],
            [if large { 3 } else { 0 }, 0, fit],
        ]
    }

    /// Every instant at which anything may change, with those just before and after.
    fn instants(&self) -> BTreeSet<i64> {
        let mut instants: BTreeSet<i64> = BTreeSet::new();
        instants.extend(self.versions.iter().map(|version| version.0));
        instants.extend(self.second);
        instants.extend(self.events.iter().map(|event| event.0));
        let mut day = date_of(1_792_468_800_000_000);
        while day <= date_of(end()) {
            let start = day.to_zoned(zone()).unwrap().timestamp();
            instants.insert(start.as_microsecond());
            day = day.tomorrow().unwrap();
        }
        let near: Vec<i64> = instants.iter().flat_map(|at| [at - 1, at + 1]).collect();
        instants.extend(near);
        instants.retain(|at| *at <= end());
        instants
    }
}

type Stretch = (i64, Option<i64>, [i64; 3], i64);

/// The rows of `person_score` by person and score.
async fn stretches(outcome: &Outcome) -> BTreeMap<(usize, String), Vec<Stretch>> {
    let lines = outcome
        .rows(
            "select a.former_id, s.score, cast(s.valid_from as bigint), cast(s.valid_to as bigint),
                s.demographic, s.situational, s.behavioural, s.points
             from person_score s
             join (select person_id as former_id, person_id from person) a using (person_id)
             union all
             select person_id, score, cast(valid_from as bigint), cast(valid_to as bigint),
                demographic, situational, behavioural, points
             from person_score where person_id not in (select person_id from person)",
        )
        .await;
    let mut stretches: BTreeMap<_, Vec<Stretch>> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split('|').collect();
        let whole = |place: usize| cells[place].parse::<i64>().unwrap();
        let person = cells[0].rsplit_once(':').unwrap().1.parse().unwrap();
        let groups = [whole(4), whole(5), whole(6)];
        let stretch = (whole(2), cells[3].parse().ok(), groups, whole(7));
        stretches
            .entry((person, cells[1].to_owned()))
            .or_default()
            .push(stretch);
    }
    stretches
}

// At every instant at which something may change, and just before and after, the points are those
// reckoned from the raw rows: windows and days with 25 hours, decay, caps, points against, null,
// deleted and merged persons.
#[tokio::test]
async fn every_instant_is_the_reference() {
    let mut dice = Dice(7);
    let lives: Vec<Life> = (0..80).map(|_| life(&mut dice)).collect();
    let outcome = world(&lives).derive(&definition()).await.unwrap();
    let stretches = stretches(&outcome).await;
    let (mut compared, mut seen) = (0, BTreeSet::new());
    for (number, life) in lives.iter().enumerate() {
        for at in life.instants() {
            let expected = life.points(at);
            for (score, groups) in ["score", "fit"].iter().zip(expected) {
                let rows = stretches.get(&(number, (*score).to_owned()));
                let mut holding = rows
                    .into_iter()
                    .flatten()
                    .filter(|row| row.0 <= at && row.1.is_none_or(|to| to > at));
                let found = holding.next().map(|row| (row.2, row.3));
                let sum = groups.iter().sum::<i64>();
                let expected = life.lives(at).then_some((groups, sum));
                assert_eq!(found, expected, "{score} of {number} at {}", text(at));
                assert!(holding.next().is_none(), "two rows at {}", text(at));
                compared += 1;
                seen.insert(sum);
            }
        }
    }
    assert!(
        compared > 10_000 && seen.len() > 60,
        "{compared} {}",
        seen.len()
    );
}

// A stage is entered at the very instant at which its score crosses, and what explains it adds up.
#[tokio::test]
async fn the_stage_is_entered_where_the_score_crosses() {
    let mut dice = Dice(11);
    let lives: Vec<Life> = (0..80).map(|_| life(&mut dice)).collect();
    let outcome = world(&lives).derive(&definition()).await.unwrap();
    let mut expected: Vec<String> = Vec::new();
    for (number, life) in lives.iter().enumerate() {
        let mut before = false;
        for at in life.instants() {
            let [groups, _] = life.points(at);
            let met = life.lives(at) && groups.iter().sum::<i64>() >= 30 && groups[2] > 0;
            if met && !before {
                expected.push(format!("{number}|{at}"));
            }
            before = met;
        }
    }
    let mut found = outcome
        .rows(
            "select split_part(person_id, ':', 2), cast(at as bigint) from evidence
             where stage = 'mql' and kind = 'enter'",
        )
        .await;
    expected.sort();
    found.sort();
    assert!(expected.len() > 40, "{}", expected.len());
    assert_eq!(found, expected);
    let explained = outcome
        .rows(
            "select split_part(person_id, ':', 2), cast(at as bigint), sum(points), min(stage)
             from person_score_reason where score = 'score' and stage = 'mql' group by person_id, at",
        )
        .await;
    let entries = outcome
        .rows("select person_id from stage_entry where stage = 'mql' and not carried")
        .await;
    assert_eq!(explained.len(), entries.len());
    for line in explained {
        let cells: Vec<i64> = line
            .split('|')
            .take(3)
            .map(|cell| cell.parse().unwrap())
            .collect();
        let life = &lives[usize::try_from(cells[0]).unwrap()];
        assert_eq!(
            life.points(cells[1])[0].iter().sum::<i64>(),
            cells[2],
            "{line}"
        );
    }
}

// What explains the score of today adds up to it, for everyone who is there.
#[tokio::test]
async fn reasons_add_up() {
    let mut dice = Dice(13);
    let lives: Vec<Life> = (0..60).map(|_| life(&mut dice)).collect();
    let outcome = world(&lives).derive(&definition()).await.unwrap();
    let wrong = outcome
        .rows(
            "with because as (
                select person_id, score, sum(points) as points from person_score_reason
                where stage is null group by person_id, score
             )
             select * from person_score s full join because b using (person_id, score)
             where s.valid_to is null and coalesce(s.points, 0) <> coalesce(b.points, 0)",
        )
        .await;
    assert_eq!(wrong, Vec::<String>::new());
    let some = outcome
        .rows("select rule from person_score_reason group by rule order by rule")
        .await;
    assert_eq!(some.len(), 8, "{some:?}");
}
