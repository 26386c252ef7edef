//! The baseline report: the funnel of now against the frozen baseline, every stage and every member
//! of a dimension, with how many it rests on and how sure it is.

mod cohorts;
mod grids;
mod moved;
mod rows;

use jiff::civil::Date;

use self::grids::{member, members, plain, totals, volume};
use self::rows::{Measured, Member, Stage, Summary};
use super::chart::{self, Bar, Bullet};
use super::grid::{Panel, Sheet};
use super::rows::{Verdict, read, read_one};
use super::view::{Cell, Drawing, Fault, Figure, Key, Wait};
use super::{Prepared, ReportError, words};
use crate::metrics::MetricSet;

struct Figures {
    summary: Option<Summary>,
    stages: Vec<Stage>,
    members: Vec<Member>,
    cohorts: Vec<cohorts::Entered>,
    faults: Vec<Fault>,
}

pub(super) fn prepare(set: &MetricSet) -> Result<Prepared, ReportError> {
    let mut figures = Figures {
        summary: read_one(set, "summary", Summary::read)?,
        stages: read(set, "stages", Stage::read)?,
        members: read(set, "members", Member::read)?,
        cohorts: read(set, "cohorts", cohorts::Entered::read)?,
        faults: read(set, "faults", Fault::read)?,
    };
    rows::short_next(&mut figures.stages, &mut figures.members);
    let mut drawings = Vec::new();
    let mut sheet = Sheet::new("Baseline", set);
    let changes = changes(&figures);
    sheet.subject = subject(&figures, &changes);
    sheet.lede = lede(&figures, &changes);
    for say in says(&figures) {
        sheet.say(say);
    }
    sheet.faults.clone_from(&figures.faults);
    sheet.consequence = "Counts that depend on it are lower bounds, and so are the comparisons.";
    sheet.keys = keys(&figures);
    sheet.todo_title = "What changed by more than chance";
    sheet.todo = changes.into_iter().map(|change| change.wait).collect();
    sheet.panels = panels(&figures, set.as_of, &mut drawings);
    sheet.grids.extend([totals(&figures)]);
    sheet.grids.push(cohorts::grid(&figures, set.as_of));
    sheet.grids.extend(members(&figures));
    sheet.foot = foot(&figures);
    Ok(sheet.prepared(drawings))
}

/// A difference from the baseline that is more than chance.
struct Change {
    good: bool,
    wait: Wait,
}

fn changes(figures: &Figures) -> Vec<Change> {
    let mut all = Vec::new();
    for stage in &figures.stages {
        all.extend(volume_change(stage));
        let next = stage.next.as_deref().unwrap_or_default();
        let rate = change(
            &stage.rate,
            true,
            words::percent,
            ("converts better", "converts worse"),
        );
        all.extend(rate.map(|it| it.named(&format!("{} to {next}", stage.label))));
        let days = change(
            &stage.days,
            false,
            words::days,
            ("got slower", "got faster"),
        );
        all.extend(days.map(|it| it.named(&format!("{} to {next}", stage.label))));
    }
    all.extend(figures.members.iter().filter_map(|it| {
        let stage = &it.stage;
        let next = stage.next.as_deref().unwrap_or_default();
        let rate = change(
            &stage.rate,
            true,
            words::percent,
            ("converts better", "converts worse"),
        )?;
        let of = format!(
            "{} to {next}, {} {}",
            stage.label,
            plain(&it.dimension),
            member(it)
        );
        Some(rate.named(&of))
    }));
    all.sort_by_key(|change| change.good);
    all
}

impl Change {
    fn named(mut self, name: &str) -> Self {
        self.wait.what = format!("{name} {}", self.wait.what);
        self
    }
}

fn volume_change(stage: &Stage) -> Option<Change> {
    let good = up(stage.volume?)?;
    let (n, baseline) = (stage.entered?, stage.baseline_entered?);
    let what = format!(
        "{} {} than in the baseline",
        words::entries_title(&stage.label),
        if good { "are more" } else { "are fewer" }
    );
    let detail = format!(
        "{} in 28 days, {} in the baseline",
        words::integer(n),
        words::rounded(baseline)
    );
    Some(Change {
        good,
        wait: Wait { what, detail },
    })
}

fn change(
    it: &Measured,
    more_is_good: bool,
    write: fn(f64) -> String,
    says: (&str, &str),
) -> Option<Change> {
    let more = up(it.verdict?)?;
    let (value, baseline) = (it.value?, it.baseline?);
    let n =
        it.n.map_or_else(String::new, |n| format!(", n\u{a0}{}", words::integer(n)));
    Some(Change {
        good: more == more_is_good,
        wait: Wait {
            what: if more { says.0 } else { says.1 }.to_owned(),
            detail: format!("{}, {} in the baseline{n}", write(value), write(baseline)),
        },
    })
}

fn up(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Up => Some(true),
        Verdict::Down => Some(false),
        Verdict::Same | Verdict::Few => None,
    }
}

/// `2 worse, 1 better`.
fn subject(figures: &Figures, changes: &[Change]) -> String {
    if baseline(figures).is_none() {
        return "no baseline yet".to_owned();
    }
    match count(changes) {
        (0, 0) => "no change by more than chance".to_owned(),
        (worse, better) => format!(
            "{} worse, {} better",
            words::integer(worse),
            words::integer(better)
        ),
    }
}

fn lede(figures: &Figures, changes: &[Change]) -> String {
    if figures.stages.is_empty() {
        return "Nothing is known of the funnel yet.".to_owned();
    }
    if baseline(figures).is_none() {
        return "There is no baseline yet to compare with. Freeze one: leadgauge baseline freeze NAME.".to_owned();
    }
    let (worse, better) = count(changes);
    let first = |good| {
        changes
            .iter()
            .find(|change| change.good == good)
            .map(|it| it.wait.what.clone())
    };
    match (first(false), first(true)) {
        (None, None) => "Nothing differs from the baseline by more than chance.".to_owned(),
        (Some(bad), _) => format!(
            "{} worse than the baseline, {} better. {bad}.",
            words::counted(worse, "figure is", "figures are"),
            words::integer(better)
        ),
        (None, Some(good)) => format!(
            "Nothing is worse than the baseline; {} better. {good}.",
            words::counted(better, "figure is", "figures are")
        ),
    }
}

fn count(changes: &[Change]) -> (i64, i64) {
    changes.iter().fold((0, 0), |(worse, better), change| {
        let good = i64::from(change.good);
        (worse + 1 - good, better + good)
    })
}

fn baseline(figures: &Figures) -> Option<&rows::Baseline> {
    figures.summary.as_ref()?.baseline.as_ref()
}

fn says(figures: &Figures) -> Vec<String> {
    let Some(baseline) = baseline(figures) else {
        return Vec::new();
    };
    let imported = if baseline.imported {
        ", from imported history"
    } else {
        ""
    };
    vec![format!(
        "The baseline {} holds {} to {}{imported}.",
        baseline.name,
        words::date(baseline.from),
        words::date(baseline.to)
    )]
}

fn keys(figures: &Figures) -> Vec<Key> {
    let all = || {
        figures
            .stages
            .iter()
            .chain(figures.members.iter().map(|it| &it.stage))
    };
    let verdicts = || {
        all()
            .flat_map(|stage| [stage.volume, stage.rate.verdict, stage.days.verdict])
            .flatten()
    };
    let n = |is: &[Verdict]| {
        words::integer(
            i64::try_from(verdicts().filter(|it| is.contains(it)).count()).unwrap_or(i64::MAX),
        )
    };
    if verdicts().next().is_none() {
        return Vec::new();
    }
    let key = |name: &str, shown, note: &str| Key {
        cell: Cell::figure(shown, note),
        name: name.to_owned(),
    };
    vec![
        key(
            "differ by more than chance",
            n(&[Verdict::Up, Verdict::Down]),
            "of all comparisons",
        ),
        key("do not differ", n(&[Verdict::Same]), "by more than chance"),
        key("are too few to say", n(&[Verdict::Few]), &floor(figures)),
    ]
}

fn floor(figures: &Figures) -> String {
    let floor = figures.summary.as_ref().map(|it| it.floor);
    floor.map_or_else(String::new, |floor| {
        format!("under {}", words::integer(floor))
    })
}

fn panels(figures: &Figures, as_of: Date, drawings: &mut Vec<Drawing>) -> Vec<Panel> {
    let mut panels = Vec::new();
    let bars: Vec<Bar> = figures.stages.iter().filter_map(bar).collect();
    if !bars.is_empty() {
        panels.push(Panel {
            id: "volume",
            title: "Volume".to_owned(),
            say: "Net-new entries in 28 days; the mark across a bar is what 28 days of the baseline brought. Bars grow with the square root.".to_owned(),
            figure: Figure::draw("funnel", |room| chart::funnel(&bars, room), drawings),
        });
    }
    panels.extend(moved::panel(figures, drawings));
    let rates = bullets(figures, |stage| (&stage.rate, stage.range), words::percent);
    if !rates.is_empty() {
        panels.push(Panel {
            id: "conversion",
            title: "Conversion".to_owned(),
            say: format!(
                "{}; the pale band is the 95% interval, the mark the baseline.",
                within(figures)
            ),
            figure: Figure::draw(
                "conversion",
                |room| chart::bullets("conversion", "Conversion by stage", &rates, room),
                drawings,
            ),
        });
    }
    panels.extend(cohorts::panel(figures, as_of, &within(figures), drawings));
    let days = bullets(figures, |stage| (&stage.days, None), words::days);
    if !days.is_empty() {
        panels.push(Panel {
            id: "velocity",
            title: "Velocity".to_owned(),
            say: "Median days to the next stage, of the transitions completed in 90 days; the mark is the baseline.".to_owned(),
            figure: Figure::draw("velocity", |room| chart::bullets("velocity", "Median days by stage", &days, room), drawings),
        });
    }
    panels
}

fn within(figures: &Figures) -> String {
    let horizon = figures.summary.as_ref().and_then(|it| it.horizon_days);
    horizon.map_or_else(
        || "The share that goes on to the next stage".to_owned(),
        |days| {
            format!(
                "The share that goes on to the next stage within {}",
                words::counted(days, "day", "days")
            )
        },
    )
}

fn bar(stage: &Stage) -> Option<Bar> {
    let n = stage.entered?;
    let few = stage.volume == Some(Verdict::Few);
    let baseline = stage.baseline_entered.filter(|baseline| *baseline > 0.0);
    let change = baseline.map(|baseline| words::change(words::real(n) / baseline - 1.0));
    Some(Bar {
        label: stage.label.clone(),
        n,
        baseline: stage.baseline_entered,
        change: change.map(|change| if few { "too few".to_owned() } else { change }),
        mark: volume(stage).mark,
        rate: None,
    })
}

/// The stages that have a figure which says something.
fn bullets(
    figures: &Figures,
    of: impl Fn(&Stage) -> (&Measured, Option<(f64, f64)>),
    write: fn(f64) -> String,
) -> Vec<Bullet> {
    let each = figures.stages.iter().filter_map(|stage| {
        let (it, range) = of(stage);
        let few = it.verdict == Some(Verdict::Few);
        let value = it.value.filter(|_| !few)?;
        Some(Bullet {
            label: stage.label.clone(),
            value,
            range,
            baseline: it.baseline,
            shown: write(value),
        })
    });
    each.collect()
}

fn foot(figures: &Figures) -> String {
    baseline(figures).map_or_else(String::new, |it| {
        format!(
            "Baseline {} was frozen with definition {}. ",
            it.name, it.definition
        )
    })
}
