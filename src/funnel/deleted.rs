//! What becomes of the entries of persons who are deleted, and not merged into another: they stay,
//! unless the definition in force at the deletion drops them.

use std::collections::HashSet;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use super::FunnelError;
use super::evidence::Definition;
use super::history::{History, holds, text, truths};
use crate::config::Deleted;

/// The entries without those of dropped persons. Of `versions`, one thing is one person; whoever was
/// deleted and came back is no deleted person. `definitions` are in the order of their coming into
/// force, at least one.
pub(super) fn drop_deleted(
    entries: RecordBatch,
    versions: &History,
    definitions: &[Definition<'_>],
) -> Result<RecordBatch, FunnelError> {
    let drops = |it: &Definition<'_>| it.funnel.deleted == Deleted::Drop;
    if !definitions.iter().any(drops) {
        return Ok(entries);
    }
    let in_force = |at: i64| definitions.iter().rfind(|it| it.from <= at);
    let dropped = deletions(versions).filter(|(_, at)| in_force(*at).is_some_and(drops));
    let dropped: HashSet<&str> = dropped.map(|(person, _)| person).collect();
    let persons = text(&entries, "person_id").iter().flatten();
    let stay: BooleanArray = persons.map(|id| Some(!dropped.contains(id))).collect();
    filter_record_batch(&entries, &stay).map_err(FunnelError::arrow("dropping the deleted"))
}

/// The persons who are deleted now, and since when.
fn deletions(versions: &History) -> impl Iterator<Item = (&str, i64)> {
    let deleted = truths(&versions.rows, "deleted");
    let spans = versions.keys.iter().zip(&versions.spans);
    spans.filter_map(move |(person, span)| {
        let since = span.clone().rev().take_while(|row| holds(deleted, *row));
        since
            .last()
            .map(|row| (person.as_str(), versions.from[row]))
    })
}
