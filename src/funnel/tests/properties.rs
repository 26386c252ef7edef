//! What holds for every company, from canonical rows to stage entries.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{World, funnel, on, stage, when};
use crate::config::{Event, Funnel, Skipping};

const ENTRIES: &str = "select * exclude (late, known_at) from stage_entry";
const EVERYTHING: &str = "select * from stage_entry";
const PEOPLE: usize = 4;

/// Something that happens to one of few people, or to the deal that each of them has.
#[derive(Debug, Clone)]
enum Happening {
    Lead(Value),
    Deal(Value),
    Form,
    Meeting,
}

type Story = Vec<(usize, Happening)>;

fn any_lead() -> impl Strategy<Value = Happening> {
    let statuses = vec!["New", "Working", "Qualified", "Recycled", "Junk"];
    let parts = (prop::sample::select(statuses), 0..100_i64, any::<bool>());
    parts.prop_map(|(status, score, named)| {
        let email = named.then_some("somebody");
        Happening::Lead(json!({"status": status, "lead_score": score, "title": email}))
    })
}

fn any_deal() -> impl Strategy<Value = Happening> {
    prop::sample::select(vec!["Prospecting", "Proposal", "Won", "Lost"]).prop_map(|stage| {
        let closed = stage == "Won" || stage == "Lost";
        Happening::Deal(json!({"stage": stage, "is_closed": closed, "is_won": stage == "Won"}))
    })
}

fn any_story() -> impl Strategy<Value = Story> {
    let happening = prop_oneof![
        5 => any_lead(),
        2 => any_deal(),
        1 => Just(Happening::Form),
        1 => Just(Happening::Meeting),
    ];
    prop::collection::vec((0..PEOPLE, happening), 1..30)
}

/// Tells a story to field history, one thing after another, seven hours apart.
fn world(story: &Story) -> World {
    // Everybody is there before anything happens.
    let mut world = (0..PEOPLE).fold(World::default(), |world, who| {
        world.record(
            &format!("crm.lead:{who}"),
            "2026-10-31T12:00:00Z",
            json!({"via": "history"}),
        )
    });
    let first: jiff::Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
    for (hours, (who, happening)) in (0..).step_by(7).zip(story) {
        let at = first + jiff::SignedDuration::from_hours(hours);
        let (at, key) = (at.to_string(), format!("crm.lead:{who}"));
        world = match happening {
            Happening::Lead(fields) => {
                let mut fields = fields.clone();
                fields["via"] = json!("history");
                fields["email"] =
                    json!(fields["title"].as_str().map(|_| format!("{who}@x.example")));
                world.record(&key, &at, fields)
            }
            Happening::Deal(fields) => world.opportunity(&format!("O{who}"), &at, fields.clone()),
            Happening::Form => world.response(&key, &at, "form", Some("P")),
            Happening::Meeting => world.activity(&key, &at, "meeting"),
        };
    }
    for who in 0..PEOPLE {
        world = world.link(&format!("O{who}"), &format!("crm.lead:{who}"), json!({}));
    }
    world
}

impl World {
    fn tables(&mut self) -> impl Iterator<Item = &mut Vec<Value>> {
        let tables = [
            &mut self.opportunities,
            &mut self.links,
            &mut self.activities,
            &mut self.responses,
        ];
        self.people.values_mut().chain(tables)
    }

    /// The same rows, in another order.
    fn shuffled(mut self, keys: &[u32]) -> Self {
        for rows in self.tables() {
            let mut keyed: Vec<(u32, Value)> =
                keys.iter().copied().cycle().zip(rows.drain(..)).collect();
            keyed.sort_by_key(|(key, _)| *key);
            rows.extend(keyed.into_iter().map(|(_, row)| row));
        }
        self
    }

    /// The same rows, all told by one night at the end.
    fn told_at_once(mut self) -> Self {
        for row in self.tables().flatten() {
            if row.get("known_at").is_some() {
                row["known_at"] = json!("2026-11-21T04:59:59.999999Z");
            }
        }
        self
    }
}

fn rows(world: &World, funnel: &Funnel, sql: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { world.derive(funnel).await.unwrap().rows(sql).await })
}

/// Stages over which a predicate can be wider or narrower; nothing ends the cycle.
fn scored(least: i64, skipped_stages: Skipping) -> Funnel {
    Funnel {
        stages: vec![
            stage("known", when("email is not null")),
            stage("mql", when(&format!("lead_score >= {least}"))),
            stage("sal", when("status = 'Working'")),
            stage("met", on(Event::Activity, "kind = 'meeting'", None)),
        ],
        recycle: Vec::new(),
        disqualify: Vec::new(),
        exclude: Vec::new(),
        skipped_stages,
        ..funnel()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    // The order in which rows arrive changes nothing.
    #[test]
    fn order_of_rows_is_free(story in any_story(), keys in prop::collection::vec(any::<u32>(), 30)) {
        let shuffled = world(&story).shuffled(&keys);
        prop_assert_eq!(
            rows(&shuffled, &funnel(), EVERYTHING),
            rows(&world(&story), &funnel(), EVERYTHING)
        );
    }

    // A person's entries are the same whoever else is there.
    #[test]
    fn others_change_nothing(story in any_story()) {
        let (one, rest): (Story, Story) = story.into_iter().enumerate().map(|(place, (who, it))| {
            // Alone, the person lives through the same on the same instants.
            let nobody = Happening::Lead(json!({"title": null}));
            let alone = if who == 0 { (0, it.clone()) } else { (PEOPLE + place, nobody) };
            (alone, (who, it))
        }).unzip();
        let theirs = format!("{EVERYTHING} where person_id = 'crm.lead:0'");
        prop_assert_eq!(rows(&world(&rest), &funnel(), &theirs), rows(&world(&one), &funnel(), &theirs));
    }

    // Over however many nights a history is told, only what is late and when it was known differ.
    #[test]
    fn nights_change_nothing(story in any_story()) {
        let at_once = world(&story).told_at_once();
        prop_assert_eq!(rows(&at_once, &funnel(), ENTRIES), rows(&world(&story), &funnel(), ENTRIES));
    }

    // Whom a narrower predicate lets into a stage a wider one lets in, too. (Not so under `strict`:
    // there a sign that comes too early is ignored.)
    #[test]
    fn a_wider_predicate_loses_nobody(
        story in any_story(),
        skipping in prop_oneof![Just(Skipping::ReachedOrPassed), Just(Skipping::Any)],
        narrow in 0..100_i64,
        wider_by in 0..50_i64,
    ) {
        let persons = "select distinct person_id from stage_entry where stage = 'mql' order by 1";
        let narrow_in = rows(&world(&story), &scored(narrow, skipping), persons);
        let wide_in = rows(&world(&story), &scored(narrow - wider_by, skipping), persons);
        prop_assert!(narrow_in.iter().all(|person| wide_in.contains(person)));
    }
}
