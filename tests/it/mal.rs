//! The example `config/examples/mal` over the demo's exports: a score is the trigger, and a lead that
//! sales returns is an MQL again. What it finds is compared with plain SQL over versions and responses.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use crate::demo::demo;
use crate::support::Project;

const CONFIG: &str = "demo/config/examples/mal/leadgauge.yaml";

/// The demo's import night, by the example.
fn mal() -> &'static Project {
    static RAN: OnceLock<()> = OnceLock::new();
    let project = demo();
    RAN.get_or_init(|| {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/mal");
        for file in ["leadgauge.yaml", "funnel.yaml", "sla.yaml", "calendar.yaml"] {
            let text = fs::read_to_string(shipped.join(file)).unwrap();
            project.write(&format!("demo/config/examples/mal/{file}"), text);
        }
        project.ok(&[
            "--config",
            CONFIG,
            "run",
            "--as-of",
            "2026-11-05",
            "--no-send",
        ]);
    });
    project
}

fn sql(query: &str) -> Vec<Value> {
    let ran = mal().ok(&["--config", CONFIG, "sql", "--format", "json", query]);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn count(query: &str) -> i64 {
    sql(query)[0]["n"].as_i64().unwrap()
}

/// At each instant at which a person's score may change, whether the MQL's condition holds; from the
/// rules as they stand in the example, one by one.
const RECKONED: &str = "
with happened as (
    select person_id, kind, occurred_at, local_date(occurred_at) as day,
        case when kind = 'web' then 7 else 30 end as days
    from response
    where kind in ('form', 'webinar', 'web') and person_id is not null and occurred_at <= day_end($as_of)
),
instant as (
    select person_id, valid_from as at from person_version
    union
    select person_id, occurred_at from happened
    union
    select person_id, day_start(day + days) from happened where day + days <= $as_of
),
standing as (
    select i.person_id, i.at, v.deleted,
        case when v.employees > 250 then 25 when v.employees >= 50 then 15 else 0 end
        + case when v.title like 'VP%' or v.title like 'Head%' or v.title like '%Director%' then 10 else 0 end
            as demographic,
        case when v.lead_source in ('Referral', 'Partner') then 10 else 0 end
        - case when v.is_customer then 30 else 0 end as situational
    from instant i
    join person_version v
        on v.person_id = i.person_id and v.valid_from <= i.at and (v.valid_to is null or v.valid_to > i.at)
),
behaving as (
    select i.person_id, i.at,
        least(30, 15 * count(*) filter (where h.kind = 'form'))
        + 15 * count(*) filter (where h.kind = 'webinar')
        + least(10, 2 * count(*) filter (where h.kind = 'web')) as behavioural
    from instant i
    join happened h
        on h.person_id = i.person_id and h.occurred_at <= i.at and h.day + h.days > local_date(i.at)
    group by i.person_id, i.at
),
reckoned as (
    select s.person_id, s.at, demographic, situational, coalesce(behavioural, 0) as behavioural, deleted,
        not deleted and demographic >= 15 and coalesce(behavioural, 0) >= 15
            and demographic + situational + coalesce(behavioural, 0) >= 35 as met
    from standing s
    left join behaving b on b.person_id = s.person_id and b.at = s.at
)";

/// The example is accepted as it lies in the repository.
#[test]
fn the_example_checks() {
    let ran = mal().ok(&["--config", CONFIG, "check"]);
    assert!(ran.stdout.contains("4 stages") || ran.stderr.contains("4 stages"));
}

/// At each of these instants, the points are those that the rules give one by one.
#[test]
fn points_are_the_sum_of_the_rules() {
    let differing = format!(
        "{RECKONED}
         select count(*) as n from reckoned r
         left join person_score s
            on s.person_id = r.person_id and s.valid_from <= r.at and (s.valid_to is null or s.valid_to > r.at)
         where not deleted and (s.points is null or s.demographic <> r.demographic
            or s.situational <> r.situational or s.behavioural <> r.behavioural
            or s.points <> r.demographic + r.situational + r.behavioural)"
    );
    assert_eq!(count(&differing), 0);
    assert!(count(&format!("{RECKONED} select count(*) as n from reckoned")) > 5000);
}

/// The evidence of an MQL stands exactly where the condition turns true.
#[test]
fn an_mql_is_where_the_score_crosses() {
    let turning = format!(
        "{RECKONED},
         before as (
            select *, coalesce(lag(met) over (partition by person_id order by at), false) as was from reckoned
         ),
         turned as (select person_id, at from before where met and not was),
         found as (select person_id, at from evidence where stage = 'mql' and kind = 'enter')"
    );
    let one_way = format!(
        "{turning} select count(*) as n from turned t full join found f
            on f.person_id = t.person_id and f.at = t.at
         where t.at is null or f.at is null"
    );
    assert_eq!(count(&one_way), 0);
    assert!(count(&format!("{turning} select count(*) as n from turned")) > 200);
}

/// The first MQL is at the first sign of an MQL or of what comes after it, and it is implied unless the
/// score has crossed in the same cycle.
#[test]
fn entries_follow_from_the_signs() {
    let wrong = "
        with first as (
            select person_id, min(at) as at, min(at) filter (where stage = 'mql') as own
            from evidence where kind = 'enter' and stage in ('mql', 'sal', 'sql') group by person_id
        ),
        out as (select person_id, min(at) as at from evidence where kind = 'disqualify' group by person_id),
        entry as (select * from stage_entry where stage = 'mql' and cycle = 1 and not carried)
        select count(*) as n from first f
        left join out o on o.person_id = f.person_id
        full join entry e on e.person_id = f.person_id
        where f.at is null or e.entered_at <> f.at or (e.implied and f.own = f.at)
            or e.stage is null and (o.at is null or o.at > f.at)";
    assert_eq!(count(wrong), 0);
}

/// A lead that sales returns begins the next cycle as an MQL that is not counted again.
#[test]
fn what_sales_returns_is_an_mql_again() {
    let recycled = "select count(*) as n from stage_entry where outcome = 'recycled'";
    let carried = "
        select count(*) as n from stage_entry before
        join stage_entry mal on mal.person_id = before.person_id and mal.cycle = before.cycle + 1
            and mal.stage = 'mal' and mal.carried
        join stage_entry mql on mql.person_id = before.person_id and mql.cycle = before.cycle + 1
            and mql.stage = 'mql' and mql.carried and mql.entered_at = before.exited_at
        where before.outcome = 'recycled' and before.stage in ('sal', 'sql')";
    let returned = count(recycled);
    assert!(returned > 20, "{returned}");
    assert_eq!(count(carried), returned);
}

/// How far the score and the vendor's agree is what a count person by person gives.
#[test]
fn the_difference_is_counted() {
    let total = &sql("select * from score_difference where band is null")[0];
    let people =
        sql("select points, qualified, vendor_points, vendor_qualified from person_qualified");
    let counted = |own: bool, vendor: bool| {
        let of = |row: &&Value| row["qualified"] == own && row["vendor_qualified"] == vendor;
        people.iter().filter(of).count()
    };
    let expected = [
        ("persons", people.len()),
        ("both", counted(true, true)),
        ("own_only", counted(true, false)),
        ("vendor_only", counted(false, true)),
        ("neither", counted(false, false)),
    ];
    for (column, expected) in expected {
        assert_eq!(total[column], expected, "{column}");
    }
    let pairs: Vec<(f64, f64)> = people
        .iter()
        .filter_map(|row| Some((row["points"].as_f64()?, row["vendor_points"].as_f64()?)))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let product = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let together = product(&|pair| (pair.0 - x) * (pair.1 - y));
    let spread = product(&|pair| (pair.0 - x).powi(2)) * product(&|pair| (pair.1 - y).powi(2));
    let found = total["correlation"].as_f64().unwrap();
    assert!((found - together / spread.sqrt()).abs() < 1e-9, "{found}");
    let bands = "select sum(persons) as n from score_difference where band is not null";
    assert_eq!(usize::try_from(count(bands)).unwrap(), people.len());
}

// The SQL behind a `when` that reads scores gives the persons and instants of the program's evidence.
#[test]
fn the_sql_of_a_scored_stage_gives_its_evidence() {
    for stage in ["mal", "mql"] {
        let printed = mal().ok(&["--config", CONFIG, "funnel", "sql", stage, "--json"]);
        let queries: Value = serde_json::from_str(&printed.stdout).unwrap();
        let of_stage = queries[0]["sql"].as_str().unwrap();
        assert!(of_stage.contains("person_score"), "{of_stage}");
        let found = sql(&format!(
            "select person_id, at from ({of_stage}) order by 1, 2"
        ));
        let program = sql(&format!(
            "select person_id, at from evidence where stage = '{stage}' and kind = 'enter' order by 1, 2"
        ));
        assert!(found.len() > 100, "{stage}: {}", found.len());
        assert!(
            found == program,
            "{stage}: {} and {}",
            found.len(),
            program.len()
        );
    }
}

// The examples in the file hold, with scores as triggers.
#[test]
fn the_examples_hold() {
    let ran = mal().ok(&["--config", CONFIG, "funnel", "test"]);
    assert_eq!(
        ran.stderr.trim_end(),
        "2 examples of definition `mal-2025` as expected"
    );
}

// A changed rule of a score is told in words.
#[test]
fn a_changed_score_is_told() {
    let project = mal();
    let text = project.read("demo/config/examples/mal/funnel.yaml");
    let other = text.replace("points: 15, at_most: 30", "points: 20, at_most: 40");
    project.write("demo/config/examples/mal/other.yaml", &other);
    let file = "demo/config/examples/mal/other.yaml";
    let ran = project.ok(&["--config", CONFIG, "funnel", "diff", file]);
    let words: Vec<&str> = (ran.stdout.lines())
        .map(str::trim_start)
        .filter(|line| line.starts_with("Score"))
        .collect();
    let rule = "Score `score`: behavioural rule `filled in a form`,";
    let form = "for each response where `kind = 'form'`, within 30 days, at most";
    assert_eq!(
        words,
        [
            format!("{rule} +20 {form} 40 is taken out"),
            format!("{rule} +15 {form} 30 is new"),
        ]
    );
}
