//! The reference card: what each stage is called and means, what enters it, which fields it needs,
//! how it is left, and what it was called before.

mod rows;
mod signatures;

use jiff::civil::Date;
use serde::Serialize;

use self::rows::{Former, Head, Rule, Stage};
use super::grid::Grid;
use super::rows::{read, read_one};
use super::view::{Cell, Key, Signing};
use super::{Prepared, ReportError, plain, words};
use crate::metrics::MetricSet;

/// What the templates of the reference card see.
#[derive(Serialize)]
struct View {
    title: &'static str,
    company: String,
    as_of: Date,
    zone: String,
    #[serde(flatten)]
    signing: Signing,
    subject: String,
    lede: String,
    says: Vec<Said>,
    keys: Vec<Key>,
    cards: Vec<Card>,
    grids: Vec<Grid>,
    hash: String,
}

#[derive(Serialize)]
struct Said {
    say: String,
}

/// One stage.
#[derive(Serialize)]
struct Card {
    number: i64,
    label: String,
    /// The whole term where the label is an acronym of it; else empty.
    term: String,
    words: String,
    /// What is said of it, each beside its name.
    facts: Vec<Fact>,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    says: String,
    /// The condition as the definition has it; empty where there is none.
    code: String,
}

struct Figures {
    head: Option<Head>,
    stages: Vec<Stage>,
    rules: Vec<Rule>,
    former: Vec<Former>,
}

pub(super) fn prepare(set: &MetricSet) -> Result<Prepared, ReportError> {
    let figures = Figures {
        head: read_one(set, "definition", Head::read)?,
        stages: read(set, "stages", Stage::read)?,
        rules: read(set, "rules", Rule::read)?,
        former: read(set, "former", Former::read)?,
    };
    let mut grids = vec![
        signatures::grid(&set.sign_off),
        exits(&figures),
        exclusions(&figures),
        former(&figures),
    ];
    grids.retain(|grid| !grid.rows.is_empty());
    let view = View {
        title: "Definitions",
        company: words::clean(&set.company),
        as_of: set.as_of,
        zone: set.zone.clone(),
        signing: Signing::of(set),
        subject: subject(&figures),
        lede: lede(&figures),
        says: says(&figures),
        keys: keys(&figures),
        cards: (1..)
            .zip(&figures.stages)
            .map(|(number, stage)| card(number, stage, &figures))
            .collect(),
        grids,
        hash: figures
            .head
            .as_ref()
            .map_or_else(String::new, |head| head.hash.clone()),
    };
    Ok(Prepared::new(&view, Vec::new()))
}

fn subject(figures: &Figures) -> String {
    let head = figures.head.as_ref();
    head.map_or_else(
        || "none in force".to_owned(),
        |head| {
            format!(
                "{} in force since {}",
                head.name,
                words::date(head.effective_from)
            )
        },
    )
}

fn lede(figures: &Figures) -> String {
    let Some(head) = &figures.head else {
        return "No definition is in force.".to_owned();
    };
    let stages = words::counted(len(&figures.stages), "stage", "stages");
    format!(
        "{stages}, as agreed in {} and in force since {}.",
        head.name,
        words::long_date(head.effective_from)
    )
}

fn says(figures: &Figures) -> Vec<Said> {
    let Some(head) = &figures.head else {
        return Vec::new();
    };
    let skipped = match head.skipped_stages.as_str() {
        "strict" => {
            "Whoever skips a stage does not enter the later one until the skipped one is reached."
        }
        "any" => "Whoever skips a stage enters the later one alone.",
        _ => "Whoever skips a stage has passed it: the skipped one counts as implied.",
    };
    let close = format!(
        "After a close, the next cycle starts no sooner than {} later, from {}.",
        words::counted(head.quiet_days, "day", "days"),
        head.after_close
    );
    let dropped = "Whoever is deleted counts nowhere, also in the figures of days before.";
    let dropped = (head.deleted == "drop").then(|| dropped.to_owned());
    [skipped.to_owned(), close]
        .into_iter()
        .chain(dropped)
        .map(|say| Said { say })
        .collect()
}

fn keys(figures: &Figures) -> Vec<Key> {
    let Some(head) = &figures.head else {
        return Vec::new();
    };
    let key = |name: &str, shown: String, note: String| Key {
        cell: Cell::figure(shown, note),
        name: name.to_owned(),
    };
    let is_exit = |rule: &&Rule| rule.kind == "recycle" || rule.kind == "disqualify";
    let exits = figures.rules.iter().filter(is_exit).count();
    let former: std::collections::BTreeSet<&str> = figures
        .former
        .iter()
        .map(|it| it.definition.as_str())
        .collect();
    vec![
        key(
            "stages",
            words::integer(len(&figures.stages)),
            String::new(),
        ),
        key(
            "ways back",
            words::integer(i64::try_from(exits).unwrap_or(i64::MAX)),
            "recycling and disqualification".to_owned(),
        ),
        key(
            "former definitions that differ",
            words::integer(i64::try_from(former.len()).unwrap_or(i64::MAX)),
            String::new(),
        ),
        key(
            "is its fingerprint",
            words::shortened(&head.hash, 9).replace('…', ""),
            "SHA-256, its beginning".to_owned(),
        ),
    ]
}

fn card(number: i64, stage: &Stage, figures: &Figures) -> Card {
    let of_stage = |rule: &&Rule| {
        rule.stage.as_deref() == Some(&stage.id)
            && matches!(rule.kind.as_str(), "stamp" | "when" | "on")
    };
    let mut facts: Vec<Fact> = Vec::new();
    for rule in figures.rules.iter().filter(of_stage) {
        let name = if facts.is_empty() {
            "Entered when"
        } else {
            "or when"
        };
        facts.push(entered(name, rule));
        facts.extend(rule.won.as_deref().map(won));
    }
    let fact = |name, says| Fact {
        name,
        says,
        code: String::new(),
    };
    facts.extend(
        stage
            .required
            .as_ref()
            .map(|it| fact("Fields to fill", it.replace('_', " "))),
    );
    let before = figures
        .former
        .iter()
        .find(|it| it.stage == stage.id && it.label != stage.label);
    facts.extend(before.map(|it| {
        fact(
            "Formerly",
            format!(
                "{} (until {} came)",
                it.label,
                figures.head.as_ref().map_or("this", |head| &head.name)
            ),
        )
    }));
    facts.extend(stage.since.map(|day| fact("So since", words::date(day))));
    let entered = stage
        .entered
        .map_or_else(String::new, |n| format!("{} in 28 days", words::integer(n)));
    let now = match stage.stock {
        Some(stock) => format!("{} in stage, {entered}", words::integer(stock)),
        None => entered,
    };
    facts.push(fact("Now", now));
    Card {
        number,
        label: stage.label.clone(),
        term: if stage.label == stage.term {
            String::new()
        } else {
            stage.term.clone()
        },
        words: stage.words.clone(),
        facts,
    }
}

/// A trigger in plain terms, and as the definition has it.
fn entered(name: &'static str, rule: &Rule) -> Fact {
    let condition = rule.expression.as_deref();
    let told = condition.and_then(plain::plain);
    let says = match (rule.event.as_deref(), condition) {
        (None, Some(column)) if rule.kind == "stamp" => format!(
            "the field {} is stamped; the stamp is the time",
            plain::column(column)
        ),
        (None, _) => told.unwrap_or_else(|| "the condition turns true".to_owned()),
        (Some(event), None) => format!("there is {}", one(event)),
        (Some(event), Some(_)) => match told {
            Some(told) => format!("there is {} whose {told}", one(event)),
            None => format!("there is {} that meets the condition", one(event)),
        },
    };
    let dated = rule.at.as_deref().map_or_else(String::new, |at| {
        format!("; {} is the time", plain::column(at))
    });
    let code = match (rule.event.as_deref(), condition) {
        (Some(event), Some(condition)) => format!("{event} where {condition}"),
        (Some(event), None) => event.to_owned(),
        (None, condition) => condition.unwrap_or_default().to_owned(),
    };
    Fact {
        name,
        says: format!("{says}{dated}"),
        code,
    }
}

fn won(condition: &str) -> Fact {
    Fact {
        name: "Won when",
        says: plain::plain(condition).unwrap_or_else(|| "the condition is true".to_owned()),
        code: condition.to_owned(),
    }
}

fn one(event: &str) -> String {
    match event {
        "activity" | "opportunity" => format!("an {event}"),
        _ => format!("a {event}"),
    }
}

fn exits(figures: &Figures) -> Grid {
    let exits = figures
        .rules
        .iter()
        .filter(|rule| rule.kind == "recycle" || rule.kind == "disqualify");
    let rows = exits.map(|rule| {
        let name = if rule.kind == "recycle" {
            "Recycled"
        } else {
            "Disqualified"
        };
        let reason = rule.reason.as_deref().map_or_else(
            || Cell::words(words::NONE, ""),
            |it| Cell::figure(plain::column(it), ""),
        );
        (
            name.to_owned(),
            condition(rule),
            vec![Cell::figure(rule.label.clone(), ""), reason],
        )
    });
    let say = "The cycle ends, and the next one starts with the stages up to this one carried. Whoever is disqualified is in no stage until the condition no longer holds.";
    Grid::new(
        "exits",
        "Ways back",
        say,
        &["When", "Back to", "Reason in"],
        rows,
    )
}

fn exclusions(figures: &Figures) -> Grid {
    let exclusions = figures.rules.iter().filter(|rule| rule.kind == "exclude");
    let rows = exclusions.map(|rule| {
        let code = rule.expression.clone().unwrap_or_default();
        (
            rule.name.clone().unwrap_or_default(),
            condition(rule),
            vec![Cell::words(code, "")],
        )
    });
    Grid::new(
        "exclusions",
        "Never counted",
        "Who meets one of these is in no figure.",
        &["Who", "Condition"],
        rows,
    )
}

/// A condition in plain terms, or as it is.
fn condition(rule: &Rule) -> String {
    let expression = rule.expression.as_deref().unwrap_or_default();
    plain::plain(expression).unwrap_or_else(|| expression.to_owned())
}

fn former(figures: &Figures) -> Grid {
    let rows = figures.former.iter().map(|it| {
        let gone = if it.gone { "no longer a stage" } else { "" };
        (
            it.label.clone(),
            it.words.clone(),
            vec![
                Cell::figure(it.definition.clone(), gone),
                Cell::figure(words::date(it.from), ""),
            ],
        )
    });
    Grid::new(
        "former",
        "Former terms",
        "What stages were called, or meant, before.",
        &["Term", "Definition", "From"],
        rows,
    )
}

fn len(stages: &[Stage]) -> i64 {
    i64::try_from(stages.len()).unwrap_or(i64::MAX)
}
