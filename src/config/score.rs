//! The `scores` of `funnel.yaml`: rules that give a person points for what they are and what they do.

use super::funnel::{read_event, read_to};
use super::reader::{Field, Reader};
use super::yaml::Node;
use super::{Event, Sql};
use crate::problem::Place;

/// Points that a person has by rules, which may be columns of the person in a `when`.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    /// The column that holds the sum; `<name>_<group>` holds that of a group which has rules.
    pub(crate) name: String,
    pub(crate) place: Place,
    /// At least one.
    pub(crate) rules: Vec<ScoreRule>,
    /// The index of the stage whose entries the score explains.
    pub(crate) stage: Option<usize>,
    /// Whether the score makes a qualified lead: a predicate over the person and the scores.
    pub(crate) qualified_when: Option<Sql>,
    /// What the marketing system says instead; only beside `qualified_when`.
    pub(crate) vendor: Option<Vendor>,
}

#[derive(Debug, Clone)]
pub(crate) struct Vendor {
    /// A whole number over `person_version`.
    pub(crate) points: Sql,
    pub(crate) qualified_when: Sql,
}

#[derive(Debug, Clone)]
pub(crate) struct ScoreRule {
    pub(crate) name: String,
    pub(crate) group: Group,
    /// For the person or, below 0, against; of behaviour, for each event.
    pub(crate) points: i64,
    pub(crate) basis: Basis,
}

/// What kind of fact a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Demographic,
    Situational,
    Behavioural,
}

#[derive(Debug, Clone)]
pub(crate) enum Basis {
    /// A predicate over the person's version.
    When(Sql),
    On(Behaviour),
}

/// The person's events of a rolling window.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    /// An activity or a response.
    pub(crate) event: Event,
    pub(crate) predicate: Option<Sql>,
    /// An event counts on its own local day and on so many days less one after it.
    pub(crate) within_days: u32,
    /// The most that all events together give, or take.
    pub(crate) at_most: Option<i64>,
    pub(crate) decay: Decay,
}

/// How an event's points fade with the local days since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decay {
    None,
    /// The days of half-life.
    HalvesEvery(u32),
    /// From so many days on, so many millionths; by days.
    Steps(Vec<(u32, u32)>),
}

const GROUPS: [(&str, Group); 3] = [
    ("demographic", Group::Demographic),
    ("situational", Group::Situational),
    ("behavioural", Group::Behavioural),
];

/// All scores; no two give a column of one name.
pub(super) fn read(reader: &Reader<'_>, list: &Node, stages: &[&str]) -> Option<Vec<Score>> {
    reader.tell_repeated(list.names("name"), "score");
    let columns = list.items().iter().flat_map(columns_of);
    let own: Vec<String> = list.names("name").map(|(name, _)| name).collect();
    for (score, column) in columns.filter(|(_, column)| own.contains(column)) {
        let what = format!("`{column}` is the score of a group, and of a name");
        reader.tell(score, what, "Rename one of the two scores");
    }
    reader.list(list, |item| read_score(reader, item, stages))
}

/// The names of the columns that a score's groups give.
fn columns_of(score: &Node) -> impl Iterator<Item = (&Node, String)> {
    let name = score.get("name").and_then(Node::as_text);
    let groups = GROUPS
        .iter()
        .filter(|(group, _)| score.get(group).is_some());
    groups.filter_map(move |(group, _)| Some((score, format!("{}_{group}", name?))))
}

fn read_score(reader: &Reader<'_>, node: &Node, stages: &[&str]) -> Option<Score> {
    let [
        name,
        stage,
        qualified_when,
        vendor,
        demographic,
        situational,
        behavioural,
    ] = reader.fields(
        node,
        "a score",
        [
            "name",
            "stage",
            "qualified_when",
            "vendor",
            "demographic",
            "situational",
            "behavioural",
        ],
    )?;
    let groups = [demographic, situational, behavioural];
    let rules = read_rules(reader, node, &groups);
    let name = name.required(|node| reader.identifier(node));
    let stage = stage.optional(|node| read_to(reader, node, stages));
    if let (Some(vendor), false) = (vendor.node, qualified_when.is_meant()) {
        let what = "`vendor` is compared with `qualified_when`, which is not here";
        reader.tell(vendor, what, "Remove it, or add `qualified_when: …`");
    }
    let qualified_when = qualified_when.optional(|node| reader.sql(node));
    let vendor = vendor.optional(|node| read_vendor(reader, node));
    Some(Score {
        name: name?,
        place: node.place.clone(),
        rules: rules?,
        stage: stage?,
        qualified_when: qualified_when?,
        vendor: vendor?,
    })
}

/// The rules of all groups, in their order; no two have one name.
fn read_rules(
    reader: &Reader<'_>,
    score: &Node,
    groups: &[Field<'_>; 3],
) -> Option<Vec<ScoreRule>> {
    let lists = || groups.iter().filter_map(|group| group.node);
    reader.tell_repeated(lists().flat_map(|list| list.names("name")), "rule");
    if !groups.iter().any(Field::is_meant) {
        let what = "A score has no rule";
        let fix = "Add rules under `demographic`, `situational` or `behavioural`";
        return reader.refuse(score, what, fix);
    }
    let read = |(field, (_, group)): (&Field<'_>, &(&str, Group))| {
        let list = |node| reader.some(node, |item| read_rule(reader, item, *group));
        field.or(Vec::new(), list)
    };
    let rules: Vec<_> = groups.iter().zip(&GROUPS).map(read).collect();
    let rules: Option<Vec<_>> = rules.into_iter().collect();
    Some(rules?.into_iter().flatten().collect())
}

fn read_vendor(reader: &Reader<'_>, node: &Node) -> Option<Vendor> {
    let [points, qualified_when] =
        reader.fields(node, "the vendor's score", ["points", "qualified_when"])?;
    let points = points.required(|node| reader.sql(node));
    let qualified_when = qualified_when.required(|node| reader.sql(node));
    Some(Vendor {
        points: points?,
        qualified_when: qualified_when?,
    })
}

fn read_rule(reader: &Reader<'_>, node: &Node, group: Group) -> Option<ScoreRule> {
    let [name, points, when, on, within, at_most, halves_every, steps] = reader.fields(
        node,
        "a rule",
        [
            "name",
            "points",
            "when",
            "on",
            "within",
            "at_most",
            "halves_every",
            "steps",
        ],
    )?;
    let name = name.required(|node| reader.text(node));
    let points = points.required(|node| read_points(reader, node));
    let of_events = [within, at_most, halves_every, steps];
    let basis = match (when.node, on.node) {
        (Some(_), Some(on)) => {
            let what = "A rule looks at the person (`when`) or at events (`on`), not at both";
            reader.refuse(on, what, "Make two rules of it")
        }
        (_, Some(on)) => read_behaviour(reader, node, on, &of_events),
        (Some(when), None) => {
            let alone = tell_without_event(reader, &of_events);
            reader
                .sql(when)
                .map(Basis::When)
                .filter(|_| alone.is_some())
        }
        (None, None) if when.is_meant() || on.is_meant() => None,
        (None, None) => {
            let what = "A rule has no condition";
            reader.refuse(node, what, "Add `when: …` or `on: …`")
        }
    };
    Some(ScoreRule {
        name: name?,
        group,
        points: points?,
        basis: basis?,
    })
}

fn read_points(reader: &Reader<'_>, node: &Node) -> Option<i64> {
    let points = reader.whole(node, -1000..=1000)?;
    if points == 0 {
        let what = "A rule of 0 points changes nothing";
        return reader.refuse(node, what, "Give it points, or remove it");
    }
    Some(points)
}

/// Tells what has a meaning for events only.
fn tell_without_event(reader: &Reader<'_>, of_events: &[Field<'_>; 4]) -> Option<()> {
    let keys = ["within", "at_most", "halves_every", "steps"];
    let mut alone = Some(());
    for (key, field) in keys.iter().zip(of_events) {
        if let Some(node) = field.node {
            let what = format!("`{key}` belongs to a rule `on` an event, and this one has `when`");
            alone = reader.refuse(node, what, "Remove it, or write `on: …` instead of `when`");
        }
    }
    alone
}

fn read_behaviour(
    reader: &Reader<'_>,
    rule: &Node,
    on: &Node,
    [within, at_most, halves_every, steps]: &[Field<'_>; 4],
) -> Option<Basis> {
    let event = read_event(reader, on);
    let within_days = within.required(|node| some_days(reader, node));
    let at_most = at_most.optional(|node| reader.whole(node, 1..=100_000));
    let decay = match (halves_every.node, steps.node) {
        (Some(_), Some(steps)) => {
            let what = "`halves_every` and `steps` both say how points fade";
            reader.refuse(steps, what, "Keep one of them")
        }
        (Some(node), None) => some_days(reader, node).map(Decay::HalvesEvery),
        (None, Some(node)) => read_steps(reader, node).map(Decay::Steps),
        (None, None) => Some(Decay::None),
    };
    let (event, predicate) = event?;
    if event == Event::Opportunity {
        let what = "A score counts `activity` or `response`, not `opportunity`";
        let fix = "Count activities or responses, or use `when` over `is_customer`";
        return reader.refuse(rule.get("on").unwrap_or(rule), what, fix);
    }
    Some(Basis::On(Behaviour {
        event,
        predicate: predicate?,
        within_days: within_days?,
        at_most: at_most?,
        decay: decay?,
    }))
}

fn some_days(reader: &Reader<'_>, node: &Node) -> Option<u32> {
    let days = reader.days(node)?;
    if days == 0 {
        return reader.refuse(node, "`0 days` is no time", "Write at least `1 day`");
    }
    Some(days)
}

/// Days and the share of the points that counts from then on, in millionths, by days.
fn read_steps(reader: &Reader<'_>, list: &Node) -> Option<Vec<(u32, u32)>> {
    let steps = reader.some(list, |item| {
        let [after, share] = reader.fields(item, "a step", ["after", "share"])?;
        let after = after.required(|node| some_days(reader, node));
        let share = share.required(|node| reader.share(node));
        Some((after?, millionths(share?)))
    })?;
    if steps.is_sorted_by(|one, next| one.0 < next.0) {
        return Some(steps);
    }
    let what = "These steps are not in the order of their days";
    reader.refuse(list, what, "Begin with the fewest days; name each once")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is 0 to 1"
)]
fn millionths(share: f64) -> u32 {
    (share * 1e6).round() as u32
}
