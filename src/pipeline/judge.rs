//! Whether an extract may stand: beside the queries, which need its columns, and by its gates.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::once;

use jiff::tz::TimeZone;

use crate::config::{Source, Stream};
use crate::problem::{Place, Problem};
use crate::sources::{self, Extract, Known};
use crate::warehouse::{Check, Drift, Judged, Relation, Version, gate};

/// What extracts are judged by.
pub(super) struct Judge<'a> {
    /// The newest published version; none on the first night.
    pub(super) base: Option<&'a Version>,
    /// The canonical queries, by source: they say which columns matter.
    pub(super) canonical: &'a BTreeMap<String, Vec<Relation>>,
    pub(super) zone: &'a TimeZone,
}

/// All that was judged, and what is wrong.
pub(super) struct Verdict {
    pub(super) checks: Vec<Check>,
    pub(super) problems: Vec<Problem>,
}

/// A column that is not there and that a query reads.
struct Lost {
    original: String,
    /// Where the query reads it.
    place: Place,
    renamed: Option<Renamed>,
}

/// As what a lost column may go on.
struct Renamed {
    /// Its new name in the file.
    new: String,
    /// Both names in SQL.
    to: String,
    from: String,
}

impl Judge<'_> {
    /// What is known of a stream's columns.
    pub(super) fn known(&self, table: &str) -> Known {
        let schema = self.base.and_then(|version| version.pinned(table));
        let fields = schema.iter().flat_map(|schema| schema.fields().iter());
        let names = fields.map(|field| field.name().clone());
        let held: BTreeSet<String> = names
            .filter(|name| self.mention(table, name).is_some())
            .collect();
        Known { schema, held }
    }

    /// Judges an extract whose file could be read.
    pub(super) fn judge(&self, source: &Source, stream: &Stream, extract: &Extract) -> Verdict {
        let table = format!("{}.{}", source.name, stream.name);
        let before = self.base.filter(|base| base.stream(&table).is_some());
        let drift = before.map(|base| Drift::of(extract, base));
        let lost = match &drift {
            Some(drift) => self.vanished(drift, &table),
            None => self.undelivered(stream, extract, &table),
        };
        let Judged { checks, faults } = gate(extract, self.base, &stream.gates, self.zone);
        let mut all = vec![Check::judged("columns", lost.len() as u64, 0)];
        all.extend(checks);
        all.extend(drift.iter().flat_map(Drift::checks));
        let file = format!(
            "{}/{}",
            source.location.to_string().trim_end_matches('/'),
            extract.file.path
        );
        let lacks = lacks(&lost, &file, drift.is_some());
        let mut problems: Vec<Problem> = lacks.into_iter().collect();
        problems.extend(faults.iter().map(|fault| {
            Problem::new(fault.to_string())
                .at(stream.place.clone())
                .fix(fault.fix())
        }));
        Verdict {
            checks: all,
            problems,
        }
    }

    /// The columns that queries read, that the last complete extract had and that this one lacks.
    /// One that is read under its new name as well is no loss.
    fn vanished(&self, drift: &Drift, table: &str) -> Vec<Lost> {
        let lost = drift.vanished.iter().filter_map(|column| {
            let renamed = drift.renamed(column);
            if renamed.is_some_and(|new| self.mention(table, &new.name).is_some()) {
                return None;
            }
            Some(Lost {
                original: column.original().to_owned(),
                place: self.mention(table, &column.name)?,
                renamed: renamed.map(|new| Renamed {
                    new: new.original().to_owned(),
                    to: new.name.clone(),
                    from: column.name.clone(),
                }),
            })
        });
        lost.collect()
    }

    /// The columns that queries read, that the stream declares and that its first extract lacks.
    fn undelivered(&self, stream: &Stream, extract: &Extract, table: &str) -> Vec<Lost> {
        let declared = sources::declared_schema(stream);
        let there = |name: &str, original: &str| {
            extract.schema.fields().iter().any(|field| {
                field.name() == name || field.metadata().values().any(|known| known == original)
            })
        };
        let columns = declared.fields().iter().zip(stream.columns.keys());
        let lost = columns.filter(|(field, original)| !there(field.name(), original));
        lost.filter_map(|(field, original)| {
            Some(Lost {
                original: original.clone(),
                place: self.mention(table, field.name())?,
                renamed: None,
            })
        })
        .collect()
    }

    /// Where a canonical query that reads the table mentions a column.
    fn mention(&self, table: &str, column: &str) -> Option<Place> {
        let history = format!("{table}_history");
        let mut readers =
            self.canonical.values().flatten().filter(|relation| {
                relation.needs.contains(table) || relation.needs.contains(&history)
            });
        readers.find_map(|relation| relation.mention(column))
    }
}

/// The problem that columns are not there, if some are not.
fn lacks(lost: &[Lost], file: &str, any_more: bool) -> Option<Problem> {
    let first = lost.first()?;
    let names: Vec<&str> = lost.iter().map(|lost| lost.original.as_str()).collect();
    let what = format!(
        "`{file}` has no column `{}`{}",
        names.join("`, `"),
        if any_more { " any more" } else { "" }
    );
    let renamed = || {
        let pairs = lost.iter().map(|lost| (&lost.original, &lost.renamed));
        pairs.filter_map(|(gone, renamed)| Some((gone, renamed.as_ref()?)))
    };
    let questions = renamed().map(|(gone, Renamed { new, .. })| {
        format!("`{gone}` is gone and `{new}` is new: was it renamed?")
    });
    let why: Vec<String> = once("this query reads it".to_owned())
        .chain(questions)
        .collect();
    let answers = renamed().map(|(_, Renamed { to, from, .. })| {
        format!("if it was, write `coalesce({to}, {from})` in the query; else ")
    });
    let fix = answers.collect::<String>()
        + "have it exported, or take it out of the query and out of the stream's `columns`";
    Some(
        Problem::new(what)
            .at(first.place.clone())
            .why(why.join("; "))
            .fix(fix),
    )
}
