//! The configuration, checked: `leadgauge.yaml`, `funnel.yaml`, `sla.yaml` and `calendar.yaml` of one folder,
//! and the former definitions in `definitions/`.
//!
//! YAML is read into a tree of values with their places (`yaml`), then one file a section turns the
//! tree into the types below (`reader`) and tells every problem of every file at once. SQL in the
//! YAML is carried as text with its place; whether it plans is for `funnel` and `metrics` to say.

mod address;
mod attach;
mod calendar;
mod channel;
mod conditions;
mod definitions;
mod delivery;
mod examples;
mod funnel;
mod gates;
mod industry;
mod leadgauge;
mod load;
mod oauth;
mod privacy;
mod reader;
mod recipient;
mod report;
mod schedule;
mod scope;
mod score;
mod secret;
mod signatures;
mod sla;
mod source;
mod suppress;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

pub(crate) use self::attach::{Attach, Attachments};
pub(crate) use self::channel::{Channel, ChannelKind};
pub(crate) use self::conditions::{Conditions, ReportGates, SendWhen};
pub(crate) use self::delivery::{Login, Proof, Smtp, Tls, Transport};
pub(crate) use self::examples::{Cell, Entered, Example, Expected, Happening, Scalar};
pub(crate) use self::oauth::{Grant, OAuth};
pub(crate) use self::privacy::Privacy;
pub(crate) use self::recipient::{
    COLUMNS as RECIPIENT_COLUMNS, Cells, Detail, Listed, Locale, Recipient, RecipientQuery, Sees,
    To, unsaid,
};
pub(crate) use self::schedule::Schedule;
pub(crate) use self::scope::Scope;
#[cfg(test)]
pub(crate) use self::score::Vendor;
pub(crate) use self::score::{Basis, Behaviour, Decay, Group, Score, ScoreRule};
pub(crate) use self::secret::Secret;
pub(crate) use self::signatures::{SignOff, Signature};
pub(crate) use self::suppress::Suppressed;
use crate::fs::Location;
use crate::problem::Place;

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) company: String,
    /// The zone in which a day begins and ends.
    pub(crate) time_zone: TimeZone,
    pub(crate) warehouse: Location,
    /// Folders whose files replace the shipped ones of the same relative path; absent ones are fine.
    pub(crate) queries: PathBuf,
    pub(crate) templates: PathBuf,
    pub(crate) sources: Vec<Source>,
    pub(crate) metrics: Metrics,
    pub(crate) reports: Vec<Report>,
    pub(crate) delivery: Delivery,
    pub(crate) retention: Retention,
    /// The newest definition, which may come into force later, or, by `on`, the one in force on a day.
    pub(crate) funnel: Funnel,
    /// The definitions before it, in the order of their coming into force.
    pub(crate) former: Vec<Funnel>,
    pub(crate) sla: Sla,
    pub(crate) calendar: Calendar,
    /// Of `signatures.yaml`; none where there is no such file.
    pub(crate) signatures: Vec<Signature>,
    /// `funnel.yaml` as the user would name it.
    pub(crate) funnel_file: PathBuf,
    /// The files and the deployment's own queries, by name, for the commit log: what is needed to
    /// derive a night's tables again. Never holds a secret.
    pub(crate) texts: BTreeMap<String, String>,
}

/// How long what can be had again, or is no history, stays. Days before the as-of date.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Derived tables of nights as files; those of older nights are derived again when they are asked.
    pub(crate) derived_days: u32,
    /// Pages and mails; for ever unless told.
    pub(crate) archive_days: Option<u32>,
    /// Refused files; for ever unless told.
    pub(crate) quarantine_days: Option<u32>,
}

/// A piece of SQL written in YAML, with the place of its first character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) place: Place,
}

// ---- sources ----

/// One outside system. Its name is the SQL schema of its streams and names its folder in `queries/canonical/`.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) location: Location,
    pub(crate) streams: Vec<Stream>,
}

/// One object of a source, found in files.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    /// Lower case; the SQL table name.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) kind: StreamKind,
    /// Relative to the source's location. `{date}` stands for the as-of date as `YYYY-MM-DD`;
    /// `{date:%Y%m%d}` for any strftime form of it.
    pub(crate) path: String,
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    /// WHATWG label; `utf-8` unless told.
    pub(crate) encoding: String,
    pub(crate) delimiter: u8,
    /// Spellings of null, besides the empty field.
    pub(crate) nulls: Vec<String>,
    /// What the user declared of columns, by the name in the file.
    pub(crate) columns: BTreeMap<String, Column>,
    pub(crate) gates: Gates,
}

/// What an extract of a stream may not be without being quarantined. Shares are 0..=1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gates {
    /// The share of the last complete snapshot's rows that the next one may lose.
    pub(crate) max_fall: Option<f64>,
    /// How many days the newest stamp may lie before the as-of day's end.
    pub(crate) max_age_days: Option<u32>,
    /// The share of the stamps that may lie after the as-of day's end.
    pub(crate) max_future: Option<f64>,
    /// The share of the rows in which a column may be null, by its name in the file.
    pub(crate) max_null: BTreeMap<String, f64>,
}

/// Column names here are as in the file.
#[derive(Debug, Clone)]
pub(crate) enum StreamKind {
    /// All records as they stand; one row a record.
    Snapshot {
        key: String,
        created: Option<String>,
        modified: Option<String>,
    },
    /// The records that changed since the last extract, as they stand; one row a record.
    Changes {
        key: String,
        created: Option<String>,
        modified: Option<String>,
        /// A column that is true for a record that is gone.
        deleted: Option<String>,
    },
    /// Things that happened; a row never changes. A key seen before is dropped. `at` is when.
    Events { key: String, at: Option<String> },
    /// One row per changed field of a record of the snapshot stream `of`, same source.
    FieldHistory {
        key: String,
        of: String,
        record: String,
        field: String,
        old: String,
        new: String,
        at: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Tsv,
    Ndjson,
    Json,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) kind: Option<ColumnType>,
    /// strptime form of a date or timestamp.
    pub(crate) format: Option<String>,
    /// The zone of timestamps written without an offset; UTC unless told.
    pub(crate) zone: Option<TimeZone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnType {
    String,
    Boolean,
    Bigint,
    Double,
    Decimal,
    Date,
    Timestamp,
}

// ---- measures ----

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    /// Columns of `stage_entry` by which every measure is split, besides the total.
    pub(crate) dimensions: Vec<String>,
    /// A conversion counts when it comes within so many days; none: ever.
    pub(crate) horizon_days: Option<u32>,
    /// The baseline to compare with; none: no comparison.
    pub(crate) baseline: Option<String>,
    /// Under this many entries a rate or a comparison is "too few to say".
    pub(crate) floor: u32,
    pub(crate) industry_averages: Vec<IndustryAverage>,
}

/// What others report of the way from one stage to another.
#[derive(Debug, Clone)]
pub(crate) struct IndustryAverage {
    /// A stage's id, as `to` is; whether there is such a stage, whoever measures judges.
    pub(crate) from: String,
    pub(crate) to: String,
    /// 0 to 1.
    pub(crate) conversion: Option<f64>,
    pub(crate) median_days: Option<f64>,
    /// Who says so.
    pub(crate) source: String,
    pub(crate) place: Place,
}

// ---- reports and delivery ----

#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// Names its folder in `queries/reports/` and its templates.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) schedule: Schedule,
    pub(crate) conditions: Conditions,
    pub(crate) recipients: Vec<Listed>,
    pub(crate) recipient_queries: Vec<RecipientQuery>,
    /// What goes with its mails.
    pub(crate) attach: Vec<Attach>,
}

#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) from: Recipient,
    pub(crate) transport: Transport,
    /// Where reports are posted, beside the mail.
    pub(crate) channels: Vec<Channel>,
    pub(crate) attachments: Attachments,
    pub(crate) privacy: Privacy,
    /// Told when the job fails or withholds something.
    pub(crate) owner: Option<To>,
    /// A URL that is called when the job starts, succeeds and fails. Whoever knows it can call it.
    pub(crate) heartbeat: Option<Secret>,
    /// How long a run tries again what the server put off.
    pub(crate) keep_trying: Duration,
    /// The file of the addresses that get no mail, whatever a report says.
    pub(crate) suppress: Option<PathBuf>,
}

// ---- funnel.yaml ----

#[derive(Debug, Clone)]
pub(crate) struct Funnel {
    /// The name of this version of the definition, as `2026-q4`.
    pub(crate) definition: String,
    pub(crate) effective_from: Date,
    /// In funnel order; at least two.
    pub(crate) stages: Vec<Stage>,
    pub(crate) recycle: Vec<Exit>,
    pub(crate) disqualify: Vec<Exit>,
    pub(crate) exclude: Vec<Exclusion>,
    /// Opportunity types that count as new business; empty: every type.
    pub(crate) new_business_types: Vec<String>,
    pub(crate) after_close: AfterClose,
    pub(crate) skipped_stages: Skipping,
    pub(crate) deleted: Deleted,
    /// The roles that must sign it.
    pub(crate) sign_off: Vec<String>,
    pub(crate) examples: Vec<Example>,
    pub(crate) scores: Vec<Score>,
    /// SHA-256 of the definition's file, lower-case hex.
    pub(crate) hash: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) id: String,
    pub(crate) term: String,
    pub(crate) definition: String,
    pub(crate) place: Place,
    pub(crate) triggers: Vec<Trigger>,
    /// Whoever meets the condition as the definition takes effect enters the stage, instead of only
    /// standing in it.
    pub(crate) enters_on_change: bool,
    /// For a last stage `on: opportunity`: whether it was won, over `opportunity_version`.
    /// Without it, whoever reaches the last stage has won.
    pub(crate) won_when: Option<Sql>,
    pub(crate) required_fields: Vec<String>,
}

impl Stage {
    /// Whether an opportunity can trigger it.
    pub(crate) fn is_of_opportunity(&self) -> bool {
        self.triggers.iter().any(Trigger::is_of_opportunity)
    }
}

impl Trigger {
    pub(crate) fn is_of_opportunity(&self) -> bool {
        matches!(self, Self::On { event, .. } if *event == Event::Opportunity)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Trigger {
    /// A column of `person_version` that holds an instant or a date.
    Stamp(Sql),
    /// A predicate over a person's versions.
    When(Sql),
    /// An event. Over `opportunity`, the version at which the predicate turns true, at the instant
    /// in the column `at` if one is named.
    On {
        event: Event,
        predicate: Option<Sql>,
        at: Option<Sql>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Activity,
    Response,
    Opportunity,
}

/// A way out of a cycle that is no close.
#[derive(Debug, Clone)]
pub(crate) struct Exit {
    pub(crate) when: Sql,
    /// The index of the stage up to which the next cycle starts carried.
    pub(crate) to: usize,
    /// A column or expression over `person_version`.
    pub(crate) reason: Option<Sql>,
}

#[derive(Debug, Clone)]
pub(crate) struct Exclusion {
    pub(crate) name: String,
    pub(crate) when: Sql,
    /// Judged over all of a person's versions rather than at the evidence's instant.
    pub(crate) ever: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AfterClose {
    /// A stage's index.
    pub(crate) to: usize,
    pub(crate) quiet_days: u32,
}

/// What becomes of the entries of a person who is deleted, and not merged into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// They stay in the figures of their days, and the open ones exit as `deleted`.
    Stay,
    /// There are none, as if the person had never been.
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skipping {
    ReachedOrPassed,
    Strict,
    Any,
}

// ---- sla.yaml ----

#[derive(Debug, Clone)]
pub(crate) struct Sla {
    pub(crate) commitments: Vec<Commitment>,
}

/// Marketing's promise for one fiscal quarter.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "the key of sla.yaml")]
pub(crate) struct Commitment {
    /// As written, `2026-Q4`: fiscal year and quarter.
    pub(crate) quarter: String,
    pub(crate) first_day: Date,
    pub(crate) last_day: Date,
    pub(crate) stage: String,
    pub(crate) commitment: u32,
    pub(crate) split: Split,
    /// Entries of one person closer together than this count once.
    pub(crate) minimum_days_before_resubmission: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    WorkingDays,
    Even,
}

// ---- calendar.yaml ----

#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    /// 1..=12; a fiscal year is named for the calendar year in which it ends.
    pub(crate) fiscal_year_starts: i8,
    pub(crate) week_starts: Weekday,
    pub(crate) working_days: Vec<Weekday>,
    pub(crate) holidays: BTreeMap<Date, String>,
}
