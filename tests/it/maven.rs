//! A pipeline of 8,800 opportunities without leads, deployed by configuration and SQL alone: what the
//! program counts, times and sums is what the raw file says. Dates are M/D/YYYY, one product is written
//! in two ways, accounts are blank, a lost deal's value is 0, and prospects have no dates at all.

use std::collections::BTreeMap;
use std::fs;

use jiff::civil::Date;
use serde_json::Value;

use crate::support::{Project, shared_data};

const FILE: &str = "sales_pipeline.csv";

/// One opportunity as the file tells it.
struct Deal {
    stage: String,
    agent: String,
    product: String,
    engaged: Option<Date>,
    closed: Option<Date>,
    value: i64,
}

// Every stage's entries, conversions, win rates, days and amounts are those of the raw file.
#[test]
fn opportunities_without_leads() {
    let Some(data) = shared_data("maven_crm") else {
        return;
    };
    let bytes = fs::read(data.join(FILE)).unwrap();
    let deals = read(&bytes);
    assert_eq!(deals.len(), 8_800);
    let project = Project::from("maven");
    project.write(&format!("exports/{FILE}"), bytes);
    project.ok(&["check"]);
    project.ok(&["run", "--as-of", "2017-12-31", "--no-send"]);

    entries(&project, &deals);
    volumes(&project, &deals);
    conversions(&project, &deals);
    days_to_won(&project, &deals);
    members(&project, &deals);
}

fn read(bytes: &[u8]) -> Vec<Deal> {
    let mut reader = csv::Reader::from_reader(bytes);
    let rows = reader.deserialize::<BTreeMap<String, String>>();
    rows.map(|row| {
        let row = row.unwrap();
        let date = |name: &str| {
            let text = Some(&row[name]).filter(|text| !text.is_empty())?;
            let parts: Vec<i16> = text.split('/').map(|part| part.parse().unwrap()).collect();
            let [month, day] = [parts[0], parts[1]].map(|part| i8::try_from(part).unwrap());
            Some(Date::new(parts[2], month, day).unwrap())
        };
        Deal {
            stage: row["deal_stage"].clone(),
            agent: row["sales_agent"].clone(),
            product: row["product"].replace("GTXPro", "GTX Pro"),
            engaged: date("engage_date"),
            closed: date("close_date"),
            value: row["close_value"].parse().unwrap_or(0),
        }
    })
    .collect()
}

fn is(stage: &'static str) -> impl Fn(&&Deal) -> bool {
    move |deal| deal.stage == stage
}

fn count(deals: &[Deal], of: impl Fn(&&Deal) -> bool) -> i64 {
    i64::try_from(deals.iter().filter(of).count()).unwrap()
}

/// Every opportunity enters under its own name, nothing is implied, and what was won is summed. The
/// stage of prospects is known, their time is not.
fn entries(project: &Project, deals: &[Deal]) {
    let rows = project.sql(
        "select stage, outcome, censored, count(*) as n, cast(sum(amount) as bigint) as amount
         from stage_entry where direct and not implied and not carried and net_new and cycle = 1
         group by 1, 2, 3 order by 1, 2",
    );
    let won = deals
        .iter()
        .filter(is("Won"))
        .map(|deal| deal.value)
        .sum::<i64>();
    let closed = count(deals, |deal| deal.closed.is_some());
    let row = |stage: &str, outcome: &str, censored: bool, n: i64, amount: Option<i64>| serde_json::json!({"stage": stage, "outcome": outcome, "censored": censored, "n": n, "amount": amount});
    assert_eq!(
        rows,
        [
            row("closed", "lost", false, count(deals, is("Lost")), None),
            row("closed", "won", false, count(deals, is("Won")), Some(won)),
            row(
                "engaging",
                "open",
                false,
                count(deals, is("Engaging")),
                None
            ),
            row("engaging", "progressed", false, closed, Some(won)),
            row(
                "prospecting",
                "open",
                true,
                count(deals, is("Prospecting")),
                None
            ),
        ]
    );
    let all = project.sql("select count(*) as n from stage_entry");
    let counted: i64 = rows.iter().map(|row| row["n"].as_i64().unwrap()).sum();
    assert_eq!(all[0]["n"].as_i64(), Some(counted));
}

fn month(date: Date) -> String {
    date.first_of_month().to_string()
}

fn tally<T: Ord>(keys: impl Iterator<Item = T>) -> BTreeMap<T, i64> {
    let mut tally = BTreeMap::new();
    for key in keys {
        *tally.entry(key).or_insert(0) += 1;
    }
    tally
}

fn measured(project: &Project, select: &str) -> BTreeMap<String, i64> {
    let rows = project.sql(select).into_iter();
    let cells = rows.map(|row| {
        let key = row["key"].as_str().unwrap().to_owned();
        (key, row["n"].as_i64().unwrap())
    });
    cells.filter(|(_, n)| *n > 0).collect()
}

fn volumes(project: &Project, deals: &[Deal]) {
    let volume = |stage: &str| {
        measured(
            project,
            &format!(
            "select period_start as key, n from metric where measure = 'volume' and period = 'month'
             and stage = '{stage}' and dimension is null"
        ),
        )
    };
    let engaged = deals.iter().filter_map(|deal| deal.engaged);
    assert_eq!(volume("engaging"), tally(engaged.map(month)));
    let closed = deals.iter().filter_map(|deal| deal.closed);
    assert_eq!(volume("closed"), tally(closed.map(month)));
    // No time is known of those.
    assert_eq!(volume("prospecting"), BTreeMap::new());
}

/// Of those engaged in a month: how many were won, lost, or are open.
fn conversions(project: &Project, deals: &[Deal]) {
    let rows = project.sql(
        "select period_start, n, value, detail from metric where measure = 'conversion'
         and period = 'month' and stage = 'engaging' and to_stage = 'closed' and dimension is null",
    );
    let mut months = tally(deals.iter().filter_map(|deal| deal.engaged).map(month));
    for row in rows.iter().filter(|row| row["n"] != 0) {
        let key = row["period_start"].as_str().unwrap();
        let of = |stage| {
            count(deals, |deal| {
                deal.stage == stage && deal.engaged.map(month).as_deref() == Some(key)
            })
        };
        let detail: Value = serde_json::from_str(row["detail"].as_str().unwrap()).unwrap();
        let found = ["converted", "lost", "open"].map(|name| detail[name].as_i64().unwrap());
        assert_eq!(found, ["Won", "Lost", "Engaging"].map(of), "{key}");
        let n = months.remove(key).unwrap();
        assert_eq!(row["n"].as_i64(), Some(n), "{key}");
        close_to(
            row["value"].as_f64().unwrap(),
            float(of("Won")) / float(n),
            key,
        );
    }
    assert!(months.is_empty(), "{months:?}");
}

/// Mean and median days from the first talk to the win, by the month of the win.
fn days_to_won(project: &Project, deals: &[Deal]) {
    let mut months: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for deal in deals.iter().filter(is("Won")) {
        let (engaged, closed) = (deal.engaged.unwrap(), deal.closed.unwrap());
        let days = i64::from((closed - engaged).get_days());
        months.entry(month(closed)).or_default().push(days);
    }
    let rows = project.sql(
        "select period_start, measure, n, value from metric where period = 'month'
         and measure in ('velocity_mean', 'velocity_median')
         and stage = 'engaging' and to_stage = 'closed' and dimension is null",
    );
    assert_eq!(rows.len(), 2 * months.len());
    for row in rows {
        let key = row["period_start"].as_str().unwrap();
        let days = months.get_mut(key).unwrap();
        days.sort_unstable();
        let n = days.len();
        let expected = if row["measure"] == "velocity_mean" {
            float(days.iter().sum()) / float(i64::try_from(n).unwrap())
        } else {
            float(days[(n - 1) / 2] + days[n / 2]) / 2.0
        };
        assert_eq!(row["n"].as_u64(), u64::try_from(n).ok(), "{key}");
        close_to(row["value"].as_f64().unwrap(), expected, key);
    }
}

/// By agent and by product: how many were closed.
fn members(project: &Project, deals: &[Deal]) {
    let closed = || deals.iter().filter(|deal| deal.closed.is_some());
    let expected = [
        ("owner_id", tally(closed().map(|deal| deal.agent.clone()))),
        (
            "lead_source",
            tally(closed().map(|deal| deal.product.clone())),
        ),
    ];
    for (dimension, expected) in expected {
        let found = measured(project, &format!(
            "select member as key, sum(n) as n from metric where measure = 'volume'
             and period = 'month' and stage = 'closed' and dimension = '{dimension}' group by member"
        ));
        assert_eq!(found, expected, "{dimension}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn float(n: i64) -> f64 {
    n as f64
}

#[track_caller]
fn close_to(found: f64, expected: f64, what: &str) {
    assert!(
        (found - expected).abs() < 1e-9 * expected.max(1.0),
        "{what}: {found} {expected}"
    );
}
