//! The key `gates` of a stream: what an extract may not be without being quarantined.

use std::collections::BTreeMap;

use super::reader::{Reader, instead};
use super::yaml::{Entry, Node};
use super::{Column, Gates, StreamKind};
use crate::problem::Problem;

const MAX_FALL: f64 = 0.2;

/// A batch after midnight may touch every record of a snapshot, which is half of its stamps; that
/// most records were created on a later day is another thing.
const MAX_FUTURE: f64 = 0.75;

type Columns = BTreeMap<String, Column>;

/// The gates of a stream of this kind and with these declared columns; without a kind, which is told
/// already, only what is wrong with the gates themselves.
pub(super) fn read(
    reader: &Reader<'_>,
    node: Option<&Node>,
    kind: Option<&StreamKind>,
    columns: Option<&Columns>,
) -> Option<Gates> {
    let usual = usual(kind);
    let Some(node) = node else {
        return Some(usual);
    };
    let [max_fall, max_age, max_future, max_null] = reader.fields(
        node,
        "`gates`",
        ["max_fall", "max_age", "max_future", "max_null"],
    )?;
    let stamped = |node: &Node| needs_stamps(reader, node, kind);
    let fall = max_fall.or(usual.max_fall, |node| {
        needs_snapshot(reader, node, kind)?;
        reader.share(node).map(Some)
    });
    let age = max_age.or(usual.max_age_days, |node| {
        stamped(node)?;
        reader.days(node).map(Some)
    });
    let future = max_future.or(usual.max_future, |node| {
        stamped(node)?;
        reader.share(node).map(Some)
    });
    let null = max_null.or(usual.max_null, |node| read_nulls(reader, node, columns?));
    Some(Gates {
        max_fall: fall?,
        max_age_days: age?,
        max_future: future?,
        max_null: null?,
    })
}

/// What is judged where nothing is said: only what no sound export does.
fn usual(kind: Option<&StreamKind>) -> Gates {
    let (max_fall, max_future) = match kind {
        Some(StreamKind::Snapshot { created, .. }) => {
            (Some(MAX_FALL), created.as_ref().map(|_| MAX_FUTURE))
        }
        _ => (None, None),
    };
    Gates {
        max_fall,
        max_age_days: None,
        max_future,
        max_null: BTreeMap::new(),
    }
}

fn needs_snapshot(reader: &Reader<'_>, node: &Node, kind: Option<&StreamKind>) -> Option<()> {
    if matches!(kind, None | Some(StreamKind::Snapshot { .. })) {
        return Some(());
    }
    let what = "Only a snapshot holds all rows, so that fewer may be told";
    reader.refuse(node, what, "Remove `max_fall`")
}

fn needs_stamps(reader: &Reader<'_>, node: &Node, kind: Option<&StreamKind>) -> Option<()> {
    let fix = match kind {
        Some(StreamKind::Snapshot {
            created: None,
            modified: None,
            ..
        }) => "Name `modified`, `created` or both in `snapshot`",
        Some(StreamKind::Events { at: None, .. }) => "Name `at` in `events`",
        _ => return Some(()),
    };
    reader.refuse(node, "The stream names no stamps to judge", fix)
}

/// `{ Email: 0.2 }`. A column must be declared, or nobody could tell a misspelt one.
fn read_nulls(
    reader: &Reader<'_>,
    node: &Node,
    columns: &Columns,
) -> Option<BTreeMap<String, f64>> {
    let entries = reader.entries(node, "column names and shares")?;
    reader.tell_repeated(entries.iter().map(Entry::named), "column");
    let shares: Vec<_> = entries
        .iter()
        .map(|entry| {
            let share = reader.share(&entry.node);
            declared(reader, entry, columns)?;
            Some((entry.key.clone(), share?))
        })
        .collect();
    shares.into_iter().collect()
}

fn declared(reader: &Reader<'_>, entry: &Entry, columns: &Columns) -> Option<()> {
    if columns.contains_key(&entry.key) {
        return Some(());
    }
    let what = format!("The stream's `columns` have no `{}`", entry.key);
    let names: Vec<&str> = columns.keys().map(String::as_str).collect();
    let fix = if names.is_empty() {
        format!(
            "Add `columns: {{ {}: string }}`, or the type it has",
            entry.key
        )
    } else {
        instead(&entry.key, &names)
    };
    reader.tell_problem(Problem::new(what).at(entry.place.clone()).fix(fix));
    None
}
