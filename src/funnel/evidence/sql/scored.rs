//! The SQL behind a `when` that reads scores: over the instants at which a version begins or a score
//! changes, with the published `person_score`.

use std::collections::BTreeSet;

use super::excluded::Excluded;
use super::{OF_RECORD, bare, quoted};
use crate::config::{Basis, Group, Score};

/// A column of a score that a condition reads.
pub(super) struct Read<'a> {
    score: &'a Score,
    column: String,
    /// The group whose points it holds; none for the sum.
    group: Option<Group>,
}

impl Read<'_> {
    /// The column of `person_score` that holds the points.
    fn points(&self) -> &'static str {
        self.group.map_or("points", word)
    }
}

fn word(group: Group) -> &'static str {
    match group {
        Group::Demographic => "demographic",
        Group::Situational => "situational",
        Group::Behavioural => "behavioural",
    }
}

/// The scores among the columns that a condition names.
pub(super) fn read<'a>(scores: &'a [Score], columns: &[String]) -> Vec<Read<'a>> {
    let groups = [
        None,
        Some(Group::Demographic),
        Some(Group::Situational),
        Some(Group::Behavioural),
    ];
    let all = scores.iter().flat_map(|score| {
        groups.map(|group| Read {
            score,
            column: match group {
                None => score.name.clone(),
                Some(group) => format!("{}_{}", score.name, word(group)),
            },
            group,
        })
    });
    all.filter(|read| columns.contains(&read.column)).collect()
}

/// The columns of the person that a condition hangs on: its own, and those that the rules of its
/// scores read.
pub(super) fn behind(read: &[Read<'_>], columns: &[String]) -> Vec<String> {
    let own = columns
        .iter()
        .filter(|name| read.iter().all(|it| it.column != **name));
    let mut all: BTreeSet<String> = own.cloned().collect();
    for read in read {
        for rule in &read.score.rules {
            if let (Basis::When(sql), true) = (
                &rule.basis,
                read.group.is_none_or(|group| group == rule.group),
            ) {
                all.extend(bare(&sql.text, None).1);
            }
        }
    }
    all.into_iter().collect()
}

/// The query; `record` is the expression of that name, `new` the condition under which a record's
/// version begins with another value in a column of `behind`.
pub(super) fn when(
    record: &str,
    new: &str,
    condition: &str,
    read: &[Read<'_>],
    behind: &[String],
    excluded: &Excluded,
) -> String {
    let (step, unless) = excluded.beside("t.person_id", "t.at");
    let names: BTreeSet<&str> = read.iter().map(|it| it.score.name.as_str()).collect();
    let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    let names = names.join(", ");
    let columns = read.iter().map(|it| {
        let (name, points) = (&it.score.name, it.points());
        format!(
            "max(case when s.score = '{name}' then s.{points} end) as {}",
            quoted(&it.column)
        )
    });
    let points = columns.collect::<Vec<_>>().join(",\n        ");
    let over = "over (partition by t.person_id order by t.at)";
    let own = behind.iter().map(|name| {
        let name = quoted(name);
        format!("(v.{name} is distinct from lag(v.{name}) {over})")
    });
    let own: Vec<String> = own.collect();
    let other = if own.is_empty() {
        "false".to_owned()
    } else {
        own.join(" or ")
    };
    let scored = read.iter().map(|it| {
        let name = quoted(&it.column);
        format!("(p.{name} is distinct from lag(p.{name}) {over})")
    });
    let scored = scored.collect::<Vec<_>>().join(" or ");
    format!(
        "-- The instants at which it turns true over a person's versions and scores, by a change of one of their
-- records or by behaviour that changes a score. The scores are those of the definition in force.
with {record},
at as (
    select person_id, valid_from as at from person_version
    union
    select person_id, valid_from as at from person_score where score in ({names})
),
points as (
    select
        t.person_id, t.at,
        {points}
    from at t
    join person_score s on s.person_id = t.person_id and s.score in ({names})
        and s.valid_from <= t.at and (s.valid_to is null or s.valid_to > t.at)
    group by t.person_id, t.at
),
judged as (
    select
        t.person_id, t.at, coalesce(({condition}), false) and not v.deleted as met,
        ({scored}) and not ({other}) as behaved
    from at t
    join person_version v on v.person_id = t.person_id
        and v.valid_from <= t.at and (v.valid_to is null or v.valid_to > t.at)
    left join points p on p.person_id = t.person_id and p.at = t.at
),
turned as (
    select person_id, at, met, behaved, lag(met) over (partition by person_id order by at) as before
    from judged
),
changed as (
    select distinct p.person_id, r.valid_from as at
    from (select source, stream, record_id, valid_from, {new} as new from record) r
    join person_record p on {OF_RECORD}
    where r.new
){step}
select t.person_id, t.at
from turned t
left join changed c on c.person_id = t.person_id and c.at = t.at
where t.met and not coalesce(t.before, false) and t.at <= $as_of_end
    and (c.at is not null or t.behaved){unless}
order by t.person_id, t.at"
    )
}
