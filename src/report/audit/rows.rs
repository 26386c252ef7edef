//! The rows of the audit's queries, typed.

use jiff::civil::Date;

use crate::report::ReportError;
use crate::report::rows::Row;
use crate::report::{plain, words};

/// `values.sql`: one value in use.
pub(super) struct Used {
    /// `status`, or `opportunity stage` where the column is no person's.
    pub(super) field: String,
    /// None for a blank.
    pub(super) value: Option<String>,
    pub(super) ever: i64,
    pub(super) now: i64,
    pub(super) first_on: Option<Date>,
    /// The ids of the stages and exits it maps to.
    pub(super) maps: Vec<String>,
    pub(super) at_once: i64,
    /// First seen in the last 28 days.
    pub(super) fresh: bool,
}

/// `triggers.sql`: one trigger or exit.
pub(super) struct Fired {
    pub(super) label: String,
    /// `mql at`, or `response where kind is web`.
    pub(super) what: String,
    pub(super) kind: Kind,
    pub(super) n: i64,
    pub(super) recent: i64,
    pub(super) before: i64,
    pub(super) last_on: Option<Date>,
    pub(super) state: State,
    pub(super) ordered: i64,
    pub(super) backwards: i64,
    pub(super) backwards_days: Option<f64>,
    pub(super) implied: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Trigger,
    Recycle,
    Disqualify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Never,
    Silent,
    Fires,
}

/// `sync.sql`: how two sources hold the same persons.
pub(super) struct Sync {
    pub(super) source: String,
    pub(super) other: String,
    /// None for the persons themselves.
    pub(super) field: Option<String>,
    pub(super) both: i64,
    pub(super) here_only: Option<i64>,
    pub(super) differ: Option<i64>,
    pub(super) changes: i64,
    pub(super) arrived: i64,
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) most: Option<f64>,
    pub(super) waiting: i64,
    pub(super) oldest_days: Option<f64>,
}

/// `records.sql` and `duplicates.sql`: records that somebody should look at, and some of their ids.
pub(super) struct Records {
    pub(super) kind: String,
    pub(super) field: Option<String>,
    pub(super) source: String,
    pub(super) other: Option<String>,
    pub(super) n: i64,
    pub(super) groups: Option<i64>,
    pub(super) oldest_days: Option<f64>,
    pub(super) examples: String,
}

/// `rules.sql`: what one rule did.
pub(super) struct Ruled {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) n: i64,
    pub(super) total: Option<i64>,
}

/// `stages.sql`: a stage's short name.
pub(super) struct Named {
    pub(super) id: String,
    pub(super) label: String,
}

impl Used {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let (table, field) = (row.text("source_table")?, row.text("field")?);
        let list = |text: Option<String>| -> Vec<String> {
            let text = text.unwrap_or_default();
            let names = text.split(", ").filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        let mut maps = list(row.maybe_text("stages")?);
        maps.extend(list(row.maybe_text("exits")?));
        Ok(Self {
            field: match table.as_str() {
                "person_version" => field,
                other => format!("{} {field}", other.trim_end_matches("_version")),
            },
            value: row.maybe_text("value")?,
            ever: row.integer("ever")?,
            now: row.integer("now")?,
            first_on: row.maybe_date("first_on")?,
            maps,
            at_once: row.integer("at_once")?,
            fresh: row.boolean("fresh")?,
        })
    }
}

impl Fired {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let kind = row.text("kind")?;
        let expression = row.maybe_text("expression")?;
        let expression = expression.map(|it| plain::plain(&it).unwrap_or(it));
        let expression = expression.map(|it| it.trim_end_matches(" holds").to_owned());
        let what = match (row.maybe_text("event")?, expression) {
            (None, expression) => expression.unwrap_or_default(),
            (Some(event), None) => event,
            (Some(event), Some(expression)) => format!("{event} where {expression}"),
        };
        Ok(Self {
            label: words::label(&row.text("stage")?, &row.text("term")?),
            what,
            kind: match kind.as_str() {
                "stamp" | "when" | "on" => Kind::Trigger,
                "recycle" => Kind::Recycle,
                "disqualify" => Kind::Disqualify,
                _ => return Err(row.refuse("kind", "a trigger or an exit")),
            },
            n: row.integer("n")?,
            recent: row.integer("n_28")?,
            before: row.integer("n_before")?,
            last_on: row.maybe_date("last_on")?,
            state: match row.text("state")?.as_str() {
                "never" => State::Never,
                "silent" => State::Silent,
                "fires" => State::Fires,
                _ => return Err(row.refuse("state", "one of `never`, `silent`, `fires`")),
            },
            ordered: row.integer("ordered")?,
            backwards: row.integer("backwards")?,
            backwards_days: row.maybe_number("backwards_days")?,
            implied: row.maybe_integer("implied")?,
        })
    }
}

impl Sync {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            source: row.text("source")?,
            other: row.text("other_source")?,
            field: row.maybe_text("field")?,
            both: row.integer("both")?,
            here_only: row.maybe_integer("here_only")?,
            differ: row.maybe_integer("differ")?,
            changes: row.integer("changes")?,
            arrived: row.integer("arrived")?,
            p50: row.maybe_number("minutes_p50")?,
            p90: row.maybe_number("minutes_p90")?,
            most: row.maybe_number("minutes_max")?,
            waiting: row.integer("waiting")?,
            oldest_days: row.maybe_number("oldest_days")?,
        })
    }
}

impl Records {
    pub(super) fn differing(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            kind: row.text("kind")?,
            field: row.maybe_text("field")?,
            source: row.text("source")?,
            other: row.maybe_text("other_source")?,
            n: row.integer("n")?,
            groups: None,
            oldest_days: row.maybe_number("oldest_days")?,
            examples: row.text("examples")?,
        })
    }

    pub(super) fn duplicate(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            kind: row.text("cause")?,
            field: None,
            source: row.text("stream")?,
            other: None,
            n: row.integer("n")?,
            groups: Some(row.integer("groups")?),
            oldest_days: None,
            examples: row.text("examples")?,
        })
    }
}

impl Ruled {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            kind: row.text("kind")?,
            name: row.text("name")?,
            n: row.integer("n")?,
            total: row.maybe_integer("total")?,
        })
    }
}

impl Named {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let id = row.text("stage")?;
        Ok(Self {
            label: words::label(&id, &row.text("term")?),
            id,
        })
    }
}
