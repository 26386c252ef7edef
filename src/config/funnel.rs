//! `funnel.yaml`: the stages, what enters and leaves them, and who is left out.

use sha2::{Digest, Sha256};

use super::reader::{Field, Reader};
use super::score;
use super::yaml::{Node, Value};
use super::{
    AfterClose, Deleted, Event, Exclusion, Exit, Funnel, Skipping, Sql, Stage, Trigger, examples,
};

const EVENTS: [(&str, Event); 3] = [
    ("activity", Event::Activity),
    ("response", Event::Response),
    ("opportunity", Event::Opportunity),
];

const SKIPPING: [(&str, Skipping); 3] = [
    ("reached_or_passed", Skipping::ReachedOrPassed),
    ("strict", Skipping::Strict),
    ("any", Skipping::Any),
];

const DELETED: [(&str, Deleted); 2] = [("stay", Deleted::Stay), ("drop", Deleted::Drop)];

/// The ids of the stages, in order, whatever else is wrong with them.
pub(super) fn stage_ids(root: &Node) -> Vec<&str> {
    let stages = root.get("stages").map_or(&[][..], Node::items);
    stages
        .iter()
        .filter_map(|stage| stage.get("id")?.as_text())
        .collect()
}

pub(super) fn read(reader: &Reader<'_>, root: &Node) -> Option<Funnel> {
    let [
        definition,
        effective_from,
        stages,
        recycle,
        disqualify,
        exclude,
        new_business_types,
        after_close,
        skipped_stages,
        deleted,
        sign_off,
        tests,
        scores,
    ] = reader.fields(
        root,
        "funnel.yaml",
        [
            "definition",
            "effective_from",
            "stages",
            "recycle",
            "disqualify",
            "exclude",
            "new_business_types",
            "after_close",
            "skipped_stages",
            "deleted",
            "sign_off",
            "tests",
            "scores",
        ],
    )?;
    let ids = stage_ids(root);
    let exits = |node| reader.list(node, |item| read_exit(reader, item, &ids));
    let definition = definition.required(|node| reader.label(node));
    let effective_from = effective_from.required(|node| reader.date(node));
    let stages = stages.required(|node| read_stages(reader, node));
    let recycle = recycle.or(Vec::new(), exits);
    let disqualify = disqualify.or(Vec::new(), exits);
    let exclude = exclude.or(Vec::new(), |node| {
        reader.tell_repeated(node.names("name"), "exclusion");
        reader.list(node, |item| read_exclusion(reader, item))
    });
    let new_business_types = new_business_types.or(Vec::new(), |node| {
        reader.list(node, |item| reader.text(item))
    });
    let after_close = after_close.required(|node| read_after_close(reader, node, &ids));
    let skipped_stages = skipped_stages.or(Skipping::ReachedOrPassed, |node| {
        reader.choice(node, "rule for skipped stages", &SKIPPING)
    });
    let deleted = deleted.or(Deleted::Stay, |node| {
        reader.choice(node, "rule for deleted persons", &DELETED)
    });
    let sign_off = sign_off.or(Vec::new(), |node| {
        reader.tell_repeated(node.items().iter().filter_map(Node::named), "role");
        reader.list(node, |item| reader.text(item))
    });
    let examples = tests.or(Vec::new(), |node| examples::read(reader, node, &ids));
    let scores = scores.or(Vec::new(), |node| score::read(reader, node, &ids));
    Some(Funnel {
        definition: definition?,
        effective_from: effective_from?,
        stages: stages?,
        recycle: recycle?,
        disqualify: disqualify?,
        exclude: exclude?,
        new_business_types: new_business_types?,
        after_close: after_close?,
        skipped_stages: skipped_stages?,
        deleted: deleted?,
        sign_off: sign_off?,
        examples: examples?,
        scores: scores?,
        hash: format!("{:x}", Sha256::digest(reader.file.text())),
    })
}

fn read_stages(reader: &Reader<'_>, list: &Node) -> Option<Vec<Stage>> {
    reader.tell_repeated(list.names("id"), "stage");
    let count = list.items().len();
    if matches!(list.value, Value::List(_)) && count < 2 {
        let fix = "Add the stages, from the first contact to the close";
        reader.tell(list, "A funnel has at least two stages", fix);
    }
    let mut index = 0;
    reader.list(list, |item| {
        index += 1;
        read_stage(reader, item, index == count)
    })
}

fn read_stage(reader: &Reader<'_>, node: &Node, last: bool) -> Option<Stage> {
    let [
        id,
        term,
        definition,
        stamp,
        when,
        on,
        at,
        won_when,
        required_fields,
        on_change,
    ] = reader.fields(
        node,
        "a stage",
        [
            "id",
            "term",
            "definition",
            "stamp",
            "when",
            "on",
            "at",
            "won_when",
            "required_fields",
            "on_change",
        ],
    )?;
    let id = id.required(|node| reader.identifier(node));
    let term = term.required(|node| reader.text(node));
    let definition = definition.required(|node| reader.text(node));
    let triggers = read_triggers(reader, node, [&stamp, &when, &on, &at]);
    let of_opportunity = triggers.iter().flatten().any(Trigger::is_of_opportunity);
    let won_when = match (last, won_when.node) {
        (true, Some(node)) if triggers.is_some() && !of_opportunity => {
            let fix = "Take `won_when` out: whoever reaches this stage has won";
            reader.refuse(node, "Only a stage `on: opportunity` can be lost", fix)
        }
        (true, Some(_)) => won_when.required(|node| reader.sql(node).map(Some)),
        (true, None) if of_opportunity => won_when.required(|node| reader.sql(node).map(Some)),
        (_, None) => Some(None),
        (false, Some(node)) => {
            let fix = "Move `won_when` to the last stage";
            reader.refuse(node, "Only the last stage is won or lost", fix)
        }
    };
    let enters_on_change = on_change.or(false, |node| {
        let conditions = triggers
            .as_ref()
            .is_none_or(|all| all.iter().any(is_condition));
        read_on_change(reader, node, conditions)
    });
    let required_fields = required_fields.or(Vec::new(), |node| {
        reader.list(node, |item| reader.identifier(item))
    });
    Some(Stage {
        id: id?,
        term: term?,
        definition: definition?,
        place: node.place.clone(),
        triggers: triggers?,
        enters_on_change: enters_on_change?,
        won_when: won_when?,
        required_fields: required_fields?,
    })
}

/// Whether a trigger can be met already when its definition takes effect.
fn is_condition(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::When(_)) || trigger.is_of_opportunity()
}

fn read_on_change(reader: &Reader<'_>, node: &Node, conditions: bool) -> Option<bool> {
    let words = [("carry", false), ("enter", true)];
    let enters = reader.choice(node, "rule for a change of definition", &words)?;
    if conditions {
        return Some(enters);
    }
    let what = "`on_change` belongs to `when` or `on: opportunity`, and neither is here";
    let fix = "Take `on_change` out: a stamp or an activity counts by its own instant";
    reader.refuse(node, what, fix)
}

fn read_triggers(
    reader: &Reader<'_>,
    stage: &Node,
    fields: [&Field<'_>; 4],
) -> Option<Vec<Trigger>> {
    let [stamp, when, on, at] = fields;
    if ![stamp, when, on].iter().any(|trigger| trigger.is_meant()) {
        let fix = "Add one of `stamp`, `when` and `on`, or several";
        reader.tell(stage, "A stage has no trigger", fix);
    }
    if let (Some(at), false) = (at.node, on.is_meant()) {
        let what = "`at` belongs to `on: opportunity`, which is not here";
        reader.tell(at, what, "Remove it, or add `on: opportunity …`");
    }
    let stamp = stamp.optional(|node| reader.column(node).map(Trigger::Stamp));
    let when = when.optional(|node| reader.sql(node).map(Trigger::When));
    let on = on.optional(|node| read_on(reader, node, at.node));
    Some([stamp?, when?, on?].into_iter().flatten().collect())
}

fn read_on(reader: &Reader<'_>, node: &Node, at: Option<&Node>) -> Option<Trigger> {
    let (event, predicate) = read_event(reader, node)?;
    let at = match at {
        Some(at) if event != Event::Opportunity => {
            let named = EVENTS.iter().find(|(_, known)| *known == event);
            let word = named.map_or("event", |(word, _)| word);
            let what = format!("`{word}` takes no `at`: it has one instant, its own");
            reader.refuse(at, what, "Remove `at`")
        }
        Some(at) => reader.column(at).map(Some),
        None => Some(None),
    };
    Some(Trigger::On {
        event,
        predicate: predicate?,
        at: at?,
    })
}

/// `<event>`, or `<event> where <predicate>`: the event, and the predicate unless it was refused.
#[expect(clippy::option_option, reason = "told and absent are two things")]
pub(super) fn read_event(reader: &Reader<'_>, node: &Node) -> Option<(Event, Option<Option<Sql>>)> {
    let text = reader.sql(node)?.text;
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let event = reader.word(node, word, "event", &EVENTS)?;
    Some((event, read_predicate(reader, node, rest.trim())))
}

/// What follows the event of an `on`.
#[expect(clippy::option_option, reason = "told and absent are two things")]
fn read_predicate(reader: &Reader<'_>, on: &Node, rest: &str) -> Option<Option<Sql>> {
    if rest.is_empty() {
        return Some(None);
    }
    let (word, predicate) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let predicate = predicate.trim();
    if !word.eq_ignore_ascii_case("where") || predicate.is_empty() {
        let what = "An event is followed by `where` and a condition, or by nothing";
        return reader.refuse(on, what, "Write it as `activity where kind = 'meeting'`");
    }
    Some(Some(Sql {
        text: predicate.to_owned(),
        place: reader.file.after(&on.place, "where"),
    }))
}

fn read_exit(reader: &Reader<'_>, node: &Node, stages: &[&str]) -> Option<Exit> {
    let [when, to, reason] =
        reader.fields(node, "a way out of the funnel", ["when", "to", "reason"])?;
    let when = when.required(|node| reader.sql(node));
    let to = to.required(|node| read_to(reader, node, stages));
    let reason = reason.optional(|node| reader.sql(node));
    Some(Exit {
        when: when?,
        to: to?,
        reason: reason?,
    })
}

/// The index of a stage named by its id.
pub(super) fn read_to(reader: &Reader<'_>, node: &Node, stages: &[&str]) -> Option<usize> {
    let indexed = stages.iter().enumerate();
    let stages: Vec<_> = indexed.map(|(index, stage)| (*stage, index)).collect();
    reader.choice(node, "stage", &stages)
}

fn read_exclusion(reader: &Reader<'_>, node: &Node) -> Option<Exclusion> {
    let [name, when, ever] = reader.fields(node, "an exclusion", ["name", "when", "ever"])?;
    let name = name.required(|node| reader.label(node));
    let when = when.required(|node| reader.sql(node));
    let ever = ever.or(false, |node| reader.boolean(node));
    Some(Exclusion {
        name: name?,
        when: when?,
        ever: ever?,
    })
}

fn read_after_close(reader: &Reader<'_>, node: &Node, stages: &[&str]) -> Option<AfterClose> {
    let [to, quiet] = reader.fields(node, "`after_close`", ["to", "quiet"])?;
    let to = to.required(|node| read_to(reader, node, stages));
    let quiet_days = quiet.required(|node| reader.days(node));
    Some(AfterClose {
        to: to?,
        quiet_days: quiet_days?,
    })
}
