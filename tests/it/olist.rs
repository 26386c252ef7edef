//! Olist's qualified leads and the deals won with them, deployed by configuration and SQL alone: what
//! the program counts and times is what the raw files say.
//!
//! The reference reads the files by itself and asks no zone database: São Paulo's offsets of these
//! years stand below. One deal was won before its lead's first contact. The program takes the lead as
//! passed at the instant of the win (`implied`), which is no observed entry, and so leaves it out of
//! volume, conversion and days; the reference sets it apart by its dates.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::support::{Project, shared_data};

const LEADS: &str = "olist_marketing_qualified_leads_dataset.csv";
const DEALS: &str = "olist_closed_deals_dataset.csv";
const DAY: f64 = 86_400.0;

/// Observed entries of the funnel's first stage, with the win of the same cycle, if any.
const JOURNEY: &str = "
    with journey as (
        select m.person_id, m.entered_on, c.entered_on as won_on,
            cast(c.entered_at as bigint) - cast(m.entered_at as bigint) as us
        from stage_entry m
        left join stage_entry c
            on c.person_id = m.person_id and c.cycle = m.cycle and c.stage = 'closed' and c.outcome = 'won'
        where m.stage = 'mql' and not m.implied and not m.carried and not m.censored
    )";

/// One lead as the files tell it.
struct Lead {
    id: String,
    contact: Date,
    origin: String,
    won: Option<Won>,
}

struct Won {
    month: String,
    /// Since the first instant of the day of first contact.
    seconds: i64,
}

// Leads, won deals, conversion and days to won come out of `stage_entry` and `metric` as they do of
// the raw files.
#[test]
fn leads_and_won_deals() {
    let Some(data) = shared_data("olist") else {
        return;
    };
    let (reversed, leads): (Vec<Lead>, Vec<Lead>) = read_leads(&data)
        .into_iter()
        .partition(|lead| lead.won.as_ref().is_some_and(|won| won.seconds < 0));
    assert_eq!((leads.len(), reversed.len()), (7_999, 1));

    let project = Project::from("olist");
    for file in [LEADS, DEALS] {
        let bytes = fs::read(data.join(file)).unwrap();
        project.write(&format!("exports/{file}"), bytes);
    }
    project.ok(&["check"]);
    project.ok(&["run", "--as-of", "2018-11-30", "--no-send"]);

    counts_by_month(&project, &leads);
    measures_by_month(&project, &leads);
    members(&project, &leads);
    days_to_won(&project, &leads);
    won_before_first_contact(&project, &reversed[0]);
    velocity_by_month_of_arrival(&project, &leads);
}

/// Leads and won deals by month of first contact, from the stage entries.
fn counts_by_month(project: &Project, leads: &[Lead]) {
    let query = |n: &str| {
        let month = "cast(date_trunc('month', entered_on) as date)";
        format!("{JOURNEY} select {month} as key, {n} as n from journey group by 1")
    };
    assert_eq!(
        counts(project, &query("count(*)")),
        tally(leads, |lead| Some(month_of(lead.contact)))
    );
    let won = counts(project, &query("count(us)"));
    let expected = tally(leads, |lead| {
        lead.won.as_ref().map(|_| month_of(lead.contact))
    });
    assert_eq!(without_zeros(won), expected);
    assert_eq!(expected.values().sum::<i64>(), 841);
}

/// The same from the measures, and the conversion of each month.
fn measures_by_month(project: &Project, leads: &[Lead]) {
    let entered = tally(leads, |lead| Some(month_of(lead.contact)));
    let won = tally(leads, |lead| {
        lead.won.as_ref().map(|_| month_of(lead.contact))
    });
    let volume = counts(
        project,
        "select period_start as key, n from metric
         where measure = 'volume' and period = 'month' and stage = 'mql' and dimension is null",
    );
    assert_eq!(without_zeros(volume), entered);
    let rows = project.sql(
        "select period_start, n, value, detail from metric
         where measure = 'conversion' and period = 'month' and stage = 'mql' and to_stage = 'closed'
             and dimension is null",
    );
    assert_eq!(rows.len(), entered.len());
    for row in rows {
        let month = row["period_start"].as_str().unwrap();
        let detail: Value = serde_json::from_str(row["detail"].as_str().unwrap()).unwrap();
        let won = won.get(month).copied().unwrap_or(0);
        assert_eq!(row["n"].as_i64(), Some(entered[month]), "{month}");
        assert_eq!(detail["converted"].as_i64(), Some(won), "{month}");
        let rate = ratio(won, entered[month]);
        close_to(row["value"].as_f64().unwrap(), rate, month);
    }
}

/// A blank origin is a member of its own, apart from the origin that the source calls `unknown`.
fn members(project: &Project, leads: &[Lead]) {
    let members = counts(
        project,
        "select member as key, sum(n) as n from metric
         where measure = 'volume' and period = 'month' and stage = 'mql' and dimension = 'lead_source'
         group by member",
    );
    let named = |lead: &Lead| match lead.origin.as_str() {
        "" => "blank".to_owned(),
        origin => origin.to_owned(),
    };
    assert_eq!(members, tally(leads, |lead| Some(named(lead))));
    assert_eq!((members["blank"], members["unknown"]), (60, 1_099));
}

/// The time from first contact to the win: of every deal, and mean, median and ninth decile of all.
fn days_to_won(project: &Project, leads: &[Lead]) {
    let each = counts(
        project,
        &format!("{JOURNEY} select person_id as key, us as n from journey where us is not null"),
    );
    let expected: BTreeMap<String, i64> = leads
        .iter()
        .filter_map(|lead| Some((person_of(lead), lead.won.as_ref()?.seconds * 1_000_000)))
        .collect();
    assert_eq!(each, expected);

    let all = project.sql(&format!(
        "{JOURNEY} select avg(us) / 86400000000 as mean,
            percentile_cont(0.5) within group (order by cast(us as double)) / 86400000000 as median,
            percentile_cont(0.9) within group (order by cast(us as double)) / 86400000000 as p90
         from journey where us is not null"
    ));
    let days: Vec<f64> = sorted_days(leads, |_| true);
    for (name, expected) in summary(&days) {
        close_to(all[0][name].as_f64().unwrap(), expected, name);
    }
}

/// The measured velocity, by the local month of the win.
fn velocity_by_month_of_arrival(project: &Project, leads: &[Lead]) {
    let rows = project.sql(
        "select measure, period_start, n, value from metric
         where measure in ('velocity_mean', 'velocity_median', 'velocity_p90') and period = 'month'
             and stage = 'mql' and to_stage = 'closed' and dimension is null",
    );
    let months = tally(leads, |lead| Some(lead.won.as_ref()?.month.clone()));
    assert_eq!(rows.len(), 3 * months.len());
    for row in rows {
        let month = row["period_start"].as_str().unwrap();
        let days = sorted_days(leads, |won| won.month == month);
        let measure = row["measure"].as_str().unwrap();
        let name = measure.trim_start_matches("velocity_");
        let expected = summary(&days).into_iter().find(|(known, _)| *known == name);
        assert_eq!(row["n"].as_i64(), Some(months[month]), "{month}");
        close_to(row["value"].as_f64().unwrap(), expected.unwrap().1, month);
    }
}

/// The lead is taken as passed when its deal was won; its later date of first contact enters nothing.
fn won_before_first_contact(project: &Project, lead: &Lead) {
    let entries = project.sql(&format!(
        "select stage, cycle, implied, outcome, confirmed_at, cast(entered_on as varchar) as entered_on
         from stage_entry where person_id = '{}' order by stage_order",
        person_of(lead)
    ));
    let entry = |stage: &str, implied: bool, outcome: &str| {
        serde_json::json!({
            "stage": stage, "cycle": 1, "implied": implied, "outcome": outcome,
            "confirmed_at": null, "entered_on": "2018-03-06",
        })
    };
    assert_eq!(lead.contact, date(2018, 3, 8));
    assert_eq!(
        entries,
        [
            entry("mql", true, "progressed"),
            entry("closed", false, "won")
        ]
    );
}

fn read_leads(data: &Path) -> Vec<Lead> {
    let mut won: BTreeMap<String, DateTime> = rows(data, DEALS, ["mql_id", "won_date"])
        .map(|[id, won_date]| (id, won_date.parse().unwrap()))
        .collect();
    let leads: Vec<Lead> = rows(data, LEADS, ["mql_id", "first_contact_date", "origin"])
        .map(|[id, contact, origin]| {
            let contact = contact.parse().unwrap();
            let won = won.remove(&id).map(|at| Won {
                month: month_of(local_date(at)),
                seconds: seconds(at) - seconds(first_instant(contact)),
            });
            Lead {
                id,
                contact,
                origin,
                won,
            }
        })
        .collect();
    assert!(won.is_empty(), "{} deals have no lead", won.len());
    leads
}

/// The cells of some columns of a raw file.
fn rows<const N: usize>(
    data: &Path,
    file: &str,
    columns: [&str; N],
) -> impl Iterator<Item = [String; N]> {
    let mut reader = csv::Reader::from_path(data.join(file)).unwrap();
    let header = reader.headers().unwrap().clone();
    let places = columns.map(|column| header.iter().position(|name| name == column).unwrap());
    let records = reader.into_records().map(Result::unwrap);
    records.map(move |record| places.map(|place| record[place].to_owned()))
}

/// A day's first instant in São Paulo, in UTC. The day on which summer time began had no midnight:
/// its first instant was 01:00, which is the hour in UTC at which winter's days begin.
fn first_instant(day: Date) -> DateTime {
    let summer = date(2017, 10, 16)..=date(2018, 2, 17);
    day.at(if summer.contains(&day) { 2 } else { 3 }, 0, 0, 0)
}

/// The day in São Paulo of an instant in UTC.
fn local_date(at: DateTime) -> Date {
    let first_summer = date(2017, 10, 15).at(3, 0, 0, 0)..date(2018, 2, 18).at(2, 0, 0, 0);
    let second_summer = date(2018, 11, 4).at(3, 0, 0, 0)..date(2019, 2, 17).at(2, 0, 0, 0);
    let summer = first_summer.contains(&at) || second_summer.contains(&at);
    let offset = if summer { 2 } else { 3 };
    at.checked_sub(jiff::Span::new().hours(offset))
        .unwrap()
        .date()
}

fn seconds(at: DateTime) -> i64 {
    let zoned = at.to_zoned(TimeZone::UTC).unwrap();
    zoned.timestamp().as_second()
}

fn month_of(day: Date) -> String {
    day.first_of_month().to_string()
}

fn person_of(lead: &Lead) -> String {
    format!("olist.qualified_lead:{}", lead.id)
}

fn tally(leads: &[Lead], key: impl Fn(&Lead) -> Option<String>) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for key in leads.iter().filter_map(key) {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
}

fn without_zeros(mut counts: BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    counts.retain(|_, n| *n != 0);
    counts
}

/// The rows of a query that gives `key` and `n`.
fn counts(project: &Project, query: &str) -> BTreeMap<String, i64> {
    let rows = project.sql(query);
    let count = rows.len();
    let counts: BTreeMap<String, i64> = rows
        .iter()
        .map(|row| {
            let key = row["key"].as_str().unwrap();
            (key.to_owned(), row["n"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(counts.len(), count, "a key comes twice");
    counts
}

fn sorted_days(leads: &[Lead], which: impl Fn(&Won) -> bool) -> Vec<f64> {
    let won = leads.iter().filter_map(|lead| lead.won.as_ref());
    let mut seconds: Vec<i64> = won
        .filter(|won| which(won))
        .map(|won| won.seconds)
        .collect();
    seconds.sort_unstable();
    seconds.into_iter().map(|s| float(s) / DAY).collect()
}

fn summary(days: &[f64]) -> [(&'static str, f64); 3] {
    let mean = days.iter().sum::<f64>() / float(i64::try_from(days.len()).unwrap());
    [
        ("mean", mean),
        ("median", quantile(days, 0.5)),
        ("p90", quantile(days, 0.9)),
    ]
}

/// Of type 7: linear between the values around place `(n - 1) p`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list of some hundred"
)]
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = float(i64::try_from(sorted.len() - 1).unwrap()) * p;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

fn ratio(part: i64, whole: i64) -> f64 {
    float(part) / float(whole)
}

#[expect(clippy::cast_precision_loss, reason = "all numbers here are small")]
fn float(number: i64) -> f64 {
    number as f64
}

fn close_to(found: f64, expected: f64, what: &str) {
    let off = (found - expected).abs();
    assert!(
        off < 1e-9,
        "{what}: {found} is not {expected} (off by {off:e})"
    );
}
