//! The audit: which values are in use and what maps to nothing or to two stages, which triggers
//! fire, where systems differ, and what the rules left out. Counts and record ids, nobody's name.

mod findings;
mod rows;

use self::findings::findings;
use self::rows::{Fired, Kind, Named, Records, Ruled, State, Sync, Used};
use super::grid::{Grid, Sheet};
use super::rows::read;
use super::view::{Cell, Fault, Key};
use super::{Prepared, ReportError, words};
use crate::metrics::MetricSet;

/// The rows of every query of this report.
struct Figures {
    stages: Vec<Named>,
    values: Vec<Used>,
    triggers: Vec<Fired>,
    sync: Vec<Sync>,
    records: Vec<Records>,
    duplicates: Vec<Records>,
    rules: Vec<Ruled>,
    faults: Vec<Fault>,
}

impl Figures {
    fn read(set: &MetricSet) -> Result<Self, ReportError> {
        Ok(Self {
            stages: read(set, "stages", Named::read)?,
            values: read(set, "values", Used::read)?,
            triggers: read(set, "triggers", Fired::read)?,
            sync: read(set, "sync", Sync::read)?,
            records: read(set, "records", Records::differing)?,
            duplicates: read(set, "duplicates", Records::duplicate)?,
            rules: read(set, "rules", Ruled::read)?,
            faults: read(set, "faults", Fault::read)?,
        })
    }

    /// What a value maps to, by short names.
    fn mapped(&self, used: &Used) -> String {
        let label = |id: &String| {
            let stage = self.stages.iter().find(|stage| &stage.id == id);
            stage.map_or_else(|| id.clone(), |stage| stage.label.clone())
        };
        used.maps.iter().map(label).collect::<Vec<_>>().join(", ")
    }

    /// The values that are no blanks.
    fn filled(&self) -> impl Iterator<Item = &Used> {
        self.values.iter().filter(|used| used.value.is_some())
    }
}

pub(super) fn prepare(set: &MetricSet) -> Result<Prepared, ReportError> {
    let figures = Figures::read(set)?;
    let mut sheet = Sheet::new("Audit", set);
    sheet.todo = findings(&figures);
    let n = i64::try_from(sheet.todo.len()).unwrap_or(i64::MAX);
    let counted = words::counted(n, "finding", "findings");
    sheet.subject.clone_from(&counted);
    sheet.lede = match sheet.todo.first() {
        None => "Nothing needs someone: every value in use is mapped, every trigger fires, and the systems agree.".to_owned(),
        Some(first) => format!("{counted}. First: {}.", first.what),
    };
    if figures.values.is_empty() && figures.triggers.is_empty() {
        "Nothing was audited yet.".clone_into(&mut sheet.lede);
    }
    if let Some(say) = values_say(&figures) {
        sheet.say(say);
    }
    sheet.faults.clone_from(&figures.faults);
    sheet.keys = keys(&figures);
    sheet.grids = [
        values(&figures),
        triggers(&figures),
        presence(&figures),
        fields(&figures),
        differing(&figures),
        duplicates(&figures),
        evidence(&figures),
        identity(&figures),
    ]
    .into();
    Ok(sheet.prepared(Vec::new()))
}

/// `41 values of 4 fields are in use: 3 map to nothing, none to two stages at once.`
fn values_say(figures: &Figures) -> Option<String> {
    let all: Vec<&Used> = figures.filled().collect();
    let fields: std::collections::BTreeSet<&str> =
        all.iter().map(|used| used.field.as_str()).collect();
    let n = count(all.len());
    let none = count(all.iter().filter(|used| used.maps.is_empty()).count());
    let twice = count(all.iter().filter(|used| used.at_once > 0).count());
    (n > 0).then(|| {
        format!(
            "{} of {} in use: {} nothing, {} at once.",
            words::counted(n, "value", "values"),
            words::counted(count(fields.len()), "field is", "fields are"),
            words::counted(none, "maps to", "map to"),
            words::counted(twice, "maps to two stages", "map to two stages"),
        )
    })
}

fn keys(figures: &Figures) -> Vec<Key> {
    let key = |name: &str, shown: String, note: String| Key {
        cell: Cell::figure(shown, note),
        name: name.to_owned(),
    };
    let filled = count(figures.filled().count());
    let none = figures.filled().filter(|used| used.maps.is_empty());
    let quiet = figures
        .triggers
        .iter()
        .filter(|it| it.state != State::Fires);
    let differ: i64 = figures.records.iter().map(|it| it.n).sum();
    let lag = figures.sync.iter().filter(|it| it.field.is_some());
    let slowest = lag
        .filter_map(|it| Some((it.p90?, it)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let mut keys = vec![
        key(
            "values map to nothing",
            words::integer(count(none.count())),
            format!("of {}", words::integer(filled)),
        ),
        key(
            "triggers and exits are silent",
            words::integer(count(quiet.count())),
            format!("of {}", words::integer(count(figures.triggers.len()))),
        ),
        key(
            "records disagree or stand alone",
            words::integer(differ),
            String::new(),
        ),
    ];
    keys.extend(slowest.map(|(p90, sync)| {
        key(
            "for nine of ten changes to arrive",
            words::lag(p90),
            format!(
                "{}, {} to {}",
                sync.field.as_deref().unwrap_or_default(),
                sync.source,
                sync.other
            ),
        )
    }));
    if filled == 0 && figures.triggers.is_empty() {
        keys.clear();
    }
    keys
}

fn values(figures: &Figures) -> Grid {
    let rows = figures.values.iter().map(|used| {
        let mapped = figures.mapped(used);
        let maps = match (used.maps.is_empty(), used.value.is_some()) {
            (false, _) => Cell::figure(mapped, ""),
            (true, true) => Cell::words("nothing", ""),
            (true, false) => Cell::words(words::NONE, ""),
        };
        let since = used
            .first_on
            .map_or_else(|| words::NONE.to_owned(), words::date);
        let fresh = if used.fresh { "new" } else { "" };
        (
            used.value.clone().unwrap_or_else(|| "(blank)".to_owned()),
            used.field.clone(),
            vec![
                maps,
                Cell::figure(
                    words::integer(used.now),
                    format!("{} ever", words::integer(used.ever)),
                ),
                Cell::figure(since, fresh),
            ],
        )
    });
    let say = "Every value of the columns that stages and exits read, and the stages and exits whose condition it meets. Of an event, now means in 28 days.";
    Grid::new(
        "values",
        "Values in use",
        say,
        &["Value", "Maps to", "Now", "Since"],
        rows,
    )
}

fn triggers(figures: &Figures) -> Grid {
    let rows = figures.triggers.iter().map(|fired| {
        let name = match fired.kind {
            Kind::Trigger => fired.label.clone(),
            Kind::Recycle => format!("Recycled to {}", fired.label),
            Kind::Disqualify => format!("Disqualified to {}", fired.label),
        };
        let last = fired
            .last_on
            .map_or_else(String::new, |day| format!("last on {}", words::date(day)));
        let state = match fired.state {
            State::Never => Cell::words("never", ""),
            State::Silent => Cell::words("silent", last),
            State::Fires => Cell::figure(words::integer(fired.recent), last),
        };
        let backwards = if fired.ordered == 0 {
            Cell::words(words::NONE, "")
        } else {
            Cell::figure(
                share(fired.backwards, fired.ordered),
                format!(
                    "{} of {}",
                    words::integer(fired.backwards),
                    words::integer(fired.ordered)
                ),
            )
        };
        let implied = fired.implied.map_or_else(
            || Cell::words(words::NONE, ""),
            |n| Cell::figure(words::integer(n), ""),
        );
        (
            name,
            fired.what.clone(),
            vec![
                state,
                Cell::figure(words::integer(fired.n), ""),
                backwards,
                implied,
            ],
        )
    });
    let say = "The signs each trigger gave. Backwards: its first sign for a person came after that of a higher stage. Implied: entries that rest on a later stage alone.";
    let heads = ["Trigger", "In 28 days", "Ever", "Backwards", "Implied"];
    Grid::new("triggers", "Triggers", say, &heads, rows)
}

fn presence(figures: &Figures) -> Grid {
    let persons = figures.sync.iter().filter(|sync| sync.field.is_none());
    let rows = persons.map(|sync| {
        let alone = sync.here_only.unwrap_or(0);
        (
            format!("{} to {}", sync.source, sync.other),
            String::new(),
            vec![
                Cell::figure(words::integer(sync.both), ""),
                Cell::figure(words::integer(alone), format!("in {}", sync.source)),
                lag(sync),
            ],
        )
    });
    let say = "Persons whom both sources have, and who stands in the first alone; how long it took those whom it had first, of the last 90 days, to be created in the other: half, and nine of ten, within.";
    Grid::new(
        "presence",
        "Who is where",
        say,
        &["From", "In both", "Only", "Half arrive within"],
        rows,
    )
}

fn fields(figures: &Figures) -> Grid {
    let rows = figures.sync.iter().filter_map(|sync| {
        let field = sync.field.as_ref()?;
        let differ = sync.differ.unwrap_or(0);
        let waiting = sync
            .oldest_days
            .map_or_else(String::new, |days| format!("oldest {}", words::days(days)));
        Some((
            field.clone(),
            format!("{} to {}", sync.source, sync.other),
            vec![
                Cell::figure(
                    words::integer(differ),
                    format!("of {}", words::integer(sync.both)),
                ),
                lag(sync),
                Cell::figure(words::integer(sync.waiting), waiting),
            ],
        ))
    });
    let say = "Persons with another value on each side now; how long changes of the last 90 days took from where they were made first; and those that are not there yet.";
    Grid::new(
        "sync",
        "What they say",
        say,
        &["Field", "Differ", "Half arrive within", "Waiting"],
        rows,
    )
}

/// How long half of the changes took, and nine of ten.
fn lag(sync: &Sync) -> Cell {
    match (sync.p50, sync.p90, sync.most) {
        (Some(half), Some(most), Some(longest)) => Cell::figure(
            words::lag(half),
            format!(
                "nine of ten {}, longest {}, n\u{a0}{}",
                words::lag(most),
                words::lag(longest),
                words::integer(sync.arrived)
            ),
        ),
        _ => Cell::words(
            words::NONE,
            format!("n\u{a0}{}", words::integer(sync.changes)),
        ),
    }
}

fn differing(figures: &Figures) -> Grid {
    let rows = figures.records.iter().map(|it| {
        let pair = it.other.as_deref().unwrap_or_default();
        let name = match &it.field {
            Some(field) => format!("Another {field}"),
            None => format!("Not in {pair}"),
        };
        let place = match &it.field {
            Some(_) => format!("{} and {pair}", it.source),
            None => format!("only in {}", it.source),
        };
        let oldest = it.oldest_days.map_or_else(
            || "longer than 90 days".to_owned(),
            |days| format!("longest {}", words::days(days)),
        );
        (
            name,
            place,
            vec![
                Cell::figure(words::integer(it.n), oldest),
                Cell::words(it.examples.clone(), ""),
            ],
        )
    });
    let say = "Record ids of three of each, those that differ the longest; all are in the table audit_sync_record.";
    Grid::new(
        "records",
        "Records to look at",
        say,
        &["What", "Records", "For example"],
        rows,
    )
}

fn duplicates(figures: &Figures) -> Grid {
    let rows = figures.duplicates.iter().map(|it| {
        let groups = it.groups.unwrap_or(0);
        let (name, of) = if it.kind == "same_person" {
            (
                "Twice in one stream",
                words::counted(groups, "person", "persons"),
            )
        } else {
            (
                "One address, several persons",
                words::counted(groups, "address", "addresses"),
            )
        };
        (
            name.to_owned(),
            it.source.clone(),
            vec![
                Cell::figure(words::integer(it.n), of),
                Cell::words(it.examples.clone(), ""),
            ],
        )
    });
    let say = "Live records only. An address that several persons share joins nobody. All are in the table audit_duplicate.";
    Grid::new(
        "duplicates",
        "Duplicates and shared addresses",
        say,
        &["What", "Records", "For example"],
        rows,
    )
}

fn evidence(figures: &Figures) -> Grid {
    let rows = figures
        .rules
        .iter()
        .filter(|rule| rule.kind != "identity")
        .map(ruled);
    let say = "What became of every sign; each has one fate.";
    Grid::new(
        "evidence",
        "What the rules did with evidence",
        say,
        &["Rule", "Signs", "Share"],
        rows,
    )
}

fn identity(figures: &Figures) -> Grid {
    let rows = figures
        .rules
        .iter()
        .filter(|rule| rule.kind == "identity")
        .map(ruled);
    let say = "How records became persons, and what names a record that is not there.";
    Grid::new(
        "identity",
        "Records and persons",
        say,
        &["What", "Number", "Of records"],
        rows,
    )
}

fn ruled(rule: &Ruled) -> (String, String, Vec<Cell>) {
    let (name, small) = findings::rule(rule);
    let share = match rule.total.filter(|total| *total > 0) {
        Some(total) => Cell::figure(share(rule.n, total), ""),
        None => Cell::words(words::NONE, ""),
    };
    (
        name,
        small,
        vec![Cell::figure(words::integer(rule.n), ""), share],
    )
}

fn share(part: i64, whole: i64) -> String {
    words::percent(words::real(part) / words::real(whole))
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
