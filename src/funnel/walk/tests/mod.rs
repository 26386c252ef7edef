//! Worked histories: a person's evidence as lines of text, and the entries that must come of it.
//!
//! A line of a history is `<what> <when> <words>`. `what` is a stage, `recycle:<stage>`,
//! `disqualify:<stage>`, `reinstate:<stage>` or `deleted`; `when` is New York time, and a date
//! alone is a date without time. A line `person <id>` begins another person.
//!
//! An entry is written `<cycle> <stage> <entered> .. <exited> <outcome> <next stage> <words>`.

mod changes;
mod knowing;
mod leaving;
mod opportunities;
pub(super) mod properties;
mod stages;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{Walked, walk};
use crate::clock;
use crate::config::{AfterClose, Deleted, Event, Funnel, Skipping, Sql, Stage, Trigger};
use crate::problem::Place;

const STAGES: [&str; 5] = ["known", "mql", "sal", "opportunity", "closed"];
const SOMEBODY: &str = "crm.lead:1";

/// known, mql, sal, opportunity, closed; after a close to known, quiet for 30 days.
pub(super) fn funnel(skipped_stages: Skipping) -> Funnel {
    Funnel {
        definition: "2026-q1".to_owned(),
        effective_from: Date::constant(2026, 1, 1),
        stages: STAGES.map(stage).to_vec(),
        recycle: Vec::new(),
        disqualify: Vec::new(),
        exclude: Vec::new(),
        new_business_types: Vec::new(),
        after_close: AfterClose {
            to: 0,
            quiet_days: 30,
        },
        skipped_stages,
        deleted: Deleted::Stay,
        sign_off: Vec::new(),
        examples: Vec::new(),
        scores: Vec::new(),
        hash: String::new(),
    }
}

fn stage(id: &str) -> Stage {
    let opportunity = matches!(id, "opportunity" | "closed");
    let trigger = if opportunity {
        Trigger::On {
            event: Event::Opportunity,
            predicate: None,
            at: None,
        }
    } else {
        Trigger::When(sql())
    };
    Stage {
        id: id.to_owned(),
        term: id.to_owned(),
        definition: String::new(),
        place: sql().place,
        triggers: vec![trigger],
        enters_on_change: false,
        won_when: (id == "closed").then(sql),
        required_fields: Vec::new(),
    }
}

fn sql() -> Sql {
    Sql {
        text: String::new(),
        place: Place::of("funnel.yaml", "", 1, 1),
    }
}

pub(super) fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

/// One row of evidence.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "as many as columns")]
pub(super) struct Sign {
    pub(super) person: String,
    at: i64,
    stage: Option<String>,
    order: i64,
    kind: String,
    via: String,
    record: String,
    opportunity: Option<String>,
    seen_after: Option<i64>,
    known_at: i64,
    censored: bool,
    imported: bool,
    date_only: bool,
    won: Option<bool>,
    reason: Option<String>,
    customer: Option<bool>,
    new_business: bool,
    amount: Option<i128>,
    excluded: bool,
}

fn local(text: &str) -> Timestamp {
    let local: DateTime = text.parse().unwrap();
    local.to_zoned(zone()).unwrap().timestamp()
}

pub(super) fn signs(history: &str) -> Vec<Sign> {
    let mut person = SOMEBODY.to_owned();
    let mut signs = Vec::new();
    for line in history
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        match line.strip_prefix("person ") {
            Some(id) => id.clone_into(&mut person),
            None => signs.push(sign(&person, line)),
        }
    }
    signs
}

fn sign(person: &str, line: &str) -> Sign {
    let mut words = line.split_whitespace();
    let (what, when) = (words.next().unwrap(), words.next().unwrap());
    let (kind, stage) = match what.split_once(':') {
        Some((kind, stage)) => (kind, Some(stage)),
        None if what == "deleted" => (what, None),
        None => ("enter", Some(what)),
    };
    let place = stage.and_then(|stage| STAGES.iter().position(|id| *id == stage));
    let order = place.map_or(0, |place| place + 1);
    let at = local(when);
    let date = at.to_zoned(zone()).date();
    let mut sign = Sign {
        person: person.to_owned(),
        at: at.as_microsecond(),
        stage: stage.map(str::to_owned),
        order: i64::try_from(order).unwrap(),
        kind: kind.to_owned(),
        via: "stamp".to_owned(),
        record: "1".to_owned(),
        opportunity: None,
        seen_after: None,
        known_at: clock::day_end(date, &zone()).as_microsecond(),
        censored: false,
        imported: false,
        date_only: !when.contains('T'),
        won: None,
        reason: None,
        customer: Some(false),
        new_business: true,
        amount: None,
        excluded: false,
    };
    words.for_each(|word| say(&mut sign, word));
    sign
}

fn say(sign: &mut Sign, word: &str) {
    match word.split_once('=').unwrap_or((word, "")) {
        ("stamp" | "history" | "snapshot" | "event", _) => word.clone_into(&mut sign.via),
        ("opp", id) => sign.opportunity = Some(id.to_owned()),
        ("won", _) => sign.won = Some(true),
        ("lost", _) => sign.won = Some(false),
        ("reason", why) => sign.reason = Some(why.to_owned()),
        ("customer", _) => sign.customer = Some(true),
        ("unsaid", _) => sign.customer = None,
        ("renewal", _) => sign.new_business = false,
        ("amount", amount) => sign.amount = Some(amount.parse::<i128>().unwrap() * 10_000),
        ("after", when) => sign.seen_after = Some(local(when).as_microsecond()),
        ("known", day) => {
            let day = clock::day_end(day.parse().unwrap(), &zone());
            sign.known_at = day.as_microsecond();
        }
        ("censored", _) => sign.censored = true,
        ("imported", _) => sign.imported = true,
        ("excluded", _) => sign.excluded = true,
        _ => panic!("no such word: {word}"),
    }
}

pub(super) fn batch(signs: &[Sign]) -> RecordBatch {
    fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }
    fn instants(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
        let array: TimestampMicrosecondArray = values.collect();
        Arc::new(array.with_timezone("UTC"))
    }
    let flags = |of: fn(&Sign) -> Option<bool>| -> ArrayRef {
        Arc::new(signs.iter().map(of).collect::<BooleanArray>())
    };
    let amount: Decimal128Array = signs.iter().map(|sign| sign.amount).collect();
    let orders: Int64Array = signs.iter().map(|sign| Some(sign.order)).collect();
    let of = || signs.iter();
    RecordBatch::try_from_iter_with_nullable([
        (
            "person_id",
            texts(of().map(|s| Some(s.person.as_str()))),
            false,
        ),
        ("at", instants(of().map(|s| Some(s.at))), false),
        ("stage", texts(of().map(|s| s.stage.as_deref())), true),
        ("stage_order", Arc::new(orders), false),
        ("kind", texts(of().map(|s| Some(s.kind.as_str()))), false),
        ("via", texts(of().map(|s| Some(s.via.as_str()))), false),
        ("source", texts(of().map(|_| Some("crm"))), false),
        (
            "record_id",
            texts(of().map(|s| Some(s.record.as_str()))),
            false,
        ),
        (
            "opportunity_id",
            texts(of().map(|s| s.opportunity.as_deref())),
            true,
        ),
        ("seen_after", instants(of().map(|s| s.seen_after)), true),
        ("known_at", instants(of().map(|s| Some(s.known_at))), false),
        ("censored", flags(|s| Some(s.censored)), false),
        ("imported", flags(|s| Some(s.imported)), false),
        ("date_only", flags(|s| Some(s.date_only)), false),
        ("won", flags(|s| s.won), true),
        ("reason", texts(of().map(|s| s.reason.as_deref())), true),
        ("customer", flags(|s| s.customer), true),
        ("new_business", flags(|s| Some(s.new_business)), false),
        (
            "amount",
            Arc::new(amount.with_precision_and_scale(18, 4).unwrap()),
            true,
        ),
        ("excluded", flags(|s| Some(s.excluded)), false),
    ])
    .unwrap()
}

/// One stage entry, as read back from the columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    person: String,
    opportunity: Option<String>,
    cycle: i64,
    stage: String,
    order: i64,
    entered_at: i64,
    exited_at: Option<i64>,
    outcome: String,
    next: Option<String>,
    confirmed_at: Option<i64>,
    /// What else is true of it, in words.
    words: Vec<String>,
}

pub(super) fn told(walked: &Walked) -> Vec<Told> {
    let entries = &walked.entries;
    (0..entries.num_rows())
        .map(|row| one(entries, row))
        .collect()
}

fn one(entries: &RecordBatch, row: usize) -> Told {
    let column = |name: &str| entries.column_by_name(name).unwrap();
    let text = |name: &str| {
        let texts = column(name).as_string::<i32>();
        (!column(name).is_null(row)).then(|| texts.value(row).to_owned())
    };
    let instant = |name: &str| {
        let instants = column(name).as_primitive::<TimestampMicrosecondType>();
        (!column(name).is_null(row)).then(|| instants.value(row))
    };
    let number = |name: &str| column(name).as_primitive::<Int64Type>().value(row);
    let flags = [
        "net_new", "implied", "carried", "censored", "late", "direct", "customer",
    ];
    let set = flags
        .into_iter()
        .filter(|name| column(name).as_boolean().value(row));
    let mut words: Vec<String> = set.map(str::to_owned).collect();
    for (word, value) in [("opp", text("opportunity_id")), ("reason", text("reason"))] {
        words.extend(value.map(|value| format!("{word}={value}")));
    }
    for (word, value) in [
        ("after", instant("entered_after")),
        ("confirmed", instant("confirmed_at")),
    ] {
        words.extend(value.map(|value| format!("{word}={}", written(value))));
    }
    words.extend(text("definition").filter(|name| name != "2026-q1"));
    if !column("amount").is_null(row) {
        let amount = column("amount").as_primitive::<Decimal128Type>().value(row);
        words.push(format!("amount={}", amount / 10_000));
    }
    Told {
        person: text("person_id").unwrap(),
        opportunity: text("opportunity_id"),
        cycle: number("cycle"),
        stage: text("stage").unwrap(),
        order: number("stage_order"),
        entered_at: instant("entered_at").unwrap(),
        exited_at: instant("exited_at"),
        outcome: text("outcome").unwrap(),
        next: text("next_stage"),
        confirmed_at: instant("confirmed_at"),
        words,
    }
}

fn written(micros: i64) -> String {
    let at = Timestamp::from_microsecond(micros).unwrap();
    at.to_zoned(zone()).strftime("%Y-%m-%dT%H:%M").to_string()
}

fn write(told: &[Told]) -> String {
    let mut text = String::new();
    let mut person = SOMEBODY;
    for entry in told {
        if entry.person != person {
            writeln!(text, "person {}", entry.person).unwrap();
            person = &entry.person;
        }
        let exited = entry.exited_at.map(written);
        let mut words = vec![entry.cycle.to_string(), entry.stage.clone()];
        words.extend([written(entry.entered_at), "..".to_owned()]);
        words.extend(exited);
        words.push(entry.outcome.clone());
        words.extend(entry.next.clone());
        words.extend(entry.words.iter().cloned());
        writeln!(text, "{}", words.join(" ")).unwrap();
    }
    text
}

fn plain(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn run(skipping: Skipping, history: &str) -> Walked {
    walk(&[batch(&signs(history))], &[&funnel(skipping)], &zone()).unwrap()
}

/// Asserts what comes of a history under a policy for skipped stages, and what became of its rows:
/// `fates` names those that did something else than enter, as `recycled, ignored_quiet 2`.
#[track_caller]
fn expect_under(skipping: Skipping, history: &str, entries: &str, fates: &str) {
    let walked = run(skipping, history);
    assert_eq!(write(&told(&walked)), plain(entries));
    assert_eq!(other_fates(&walked.counts), fates);
}

#[track_caller]
fn expect(history: &str, entries: &str, fates: &str) {
    expect_under(Skipping::ReachedOrPassed, history, entries, fates);
}

fn other_fates(counts: &BTreeMap<&'static str, u64>) -> String {
    let happened = counts
        .iter()
        .filter(|(name, n)| **n > 0 && **name != "entered");
    let words = happened.map(|(name, n)| match n {
        1 => (*name).to_owned(),
        n => format!("{name} {n}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
