//! Members against the baseline, against statsmodels' figures.

use jiff::civil::{Date, date};
use serde::Deserialize;

use super::fixture::{Entry, config, entry, session};
use crate::config::Config;
use crate::metrics::{Freeze, figures, freeze};

const AS_OF: Date = date(2026, 11, 30);

/// Of each member: entries into known in October 2026, and how many became an mql. Each stands against
/// 50 of 200 in the baseline. Then what statsmodels 0.15.0 says:
/// `proportions_ztest([converted, 50], [n, 200])`, and of these eight p-values
/// `multipletests(p, alpha = 0.05, method = "fdr_bh")`: which are rejected.
const MEMBERS: [(&str, u32, u32, f64, bool); 8] = [
    ("Ads", 80, 38, 0.000_248_518_732_313_278_8, true),
    ("Blog", 90, 40, 0.000_928_736_937_524_262_9, true),
    ("Call", 75, 29, 0.025_703_789_368_646_167, false),
    ("Event", 100, 36, 0.047_016_592_910_261_945, false),
    ("Mail", 60, 23, 0.043_827_517_109_034_195, false),
    ("Partner", 70, 10, 0.063_486_530_560_767_46, false),
    ("Search", 50, 13, 0.884_179_573_350_445_3, false),
    ("Web", 40, 8, 0.500_103_063_254_875_9, false),
];

/// So many entries of a member on a day, of whom some convert after three days.
fn cohort(member: &str, day: Date, n: u32, converted: u32) -> Vec<Entry> {
    let then = day.saturating_add(jiff::Span::new().days(3)).to_string();
    let each = (0..n).flat_map(|number| {
        let person = format!("{member}-{day}-{number}");
        let known = entry(&person, "known", &day.to_string()).with("lead_source", member);
        if number >= converted {
            return vec![known];
        }
        let mql = entry(&person, "mql", &then).with("lead_source", member);
        vec![known.left(&then, "progressed"), mql]
    });
    each.collect()
}

fn history(members: &[(&str, u32, u32, f64, bool)]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (member, n, converted, ..) in members {
        entries.extend(cohort(member, date(2025, 6, 2), 200, 50));
        entries.extend(cohort(member, date(2026, 10, 1), *n, *converted));
    }
    let old = |stage, day| entry("old", stage, day).with("lead_source", "Old");
    entries.push(old("known", "2024-12-20").left("2024-12-21", "progressed"));
    entries.push(old("mql", "2024-12-21").left("2024-12-22", "progressed"));
    entries.push(old("sal", "2024-12-22").left("2024-12-23", "progressed"));
    entries.push(old("closed", "2024-12-23").left("2024-12-23", "won"));
    entries
}

#[derive(Deserialize)]
struct Told {
    member: String,
    rate_n: i64,
    baseline_rate_n: Option<i64>,
    rate: Option<f64>,
    baseline_rate: Option<f64>,
    rate_p: Option<f64>,
    rate_verdict: Option<String>,
}

/// What the baseline report says of each member's way from known to mql; the baseline was frozen with
/// a horizon of `frozen_with` days.
async fn told(members: &[(&str, u32, u32, f64, bool)], frozen_with: u32) -> Vec<Told> {
    let mut config = config();
    config.metrics.dimensions = vec!["lead_source".to_owned()];
    let session = session(&config, AS_OF, &history(members));
    let asked = Freeze {
        name: "year",
        window: Some((date(2025, 1, 1), date(2025, 12, 31))),
        commit_no: 7,
        imported: false,
    };
    let then = Config {
        metrics: crate::config::Metrics {
            horizon_days: Some(frozen_with),
            ..config.metrics.clone()
        },
        ..config.clone()
    };
    let frozen = freeze(&session, &then, &asked).await.unwrap();
    session
        .register("baseline", frozen.schema, frozen.batches)
        .unwrap();
    crate::metrics::measure(&session, &config).await.unwrap();
    let set = figures(&session, &config, "baseline", AS_OF).await.unwrap();
    assert!(set.tables["members"].len() >= members.len());
    let sql = "select s.member, s.rate_n, s.baseline_rate_n, ratio(s.converted, s.rate_n) as rate,
                   ratio(s.baseline_converted, s.baseline_rate_n) as baseline_rate, v.rate_p, v.rate_verdict
               from member_side s
               join member_comparison v on v.dimension = s.dimension and v.member = s.member and v.stage = s.stage
               where s.stage = 'known' and s.member <> 'Old' order by s.member";
    let told: Vec<Told> = session.query("told", sql).await.unwrap().rows().unwrap();
    let shown = set.tables["members"].iter();
    let shown = shown.filter(|row| row["stage"] == "known" && row["member"] != "Old");
    for (row, told) in shown.zip(&told) {
        assert_eq!(row["rate_verdict"].as_str(), told.rate_verdict.as_deref());
    }
    told
}

/// Of eight members five differ at 0.05 each by itself; over all together two do, by Benjamini and
/// Hochberg's procedure, though the baseline was frozen with another horizon.
#[tokio::test]
async fn members_share_one_false_discovery_rate() {
    let all = told(&MEMBERS, 90).await;
    assert_eq!(all.len(), MEMBERS.len());
    for (told, (member, n, converted, p, stands)) in all.iter().zip(MEMBERS) {
        let found = (told.member.as_str(), told.rate_n, told.baseline_rate_n);
        assert_eq!(found, (member, i64::from(n), Some(200)));
        assert_eq!(told.rate, Some(f64::from(converted) / f64::from(n)));
        assert_eq!(told.baseline_rate, Some(0.25));
        let error = told.rate_p.unwrap() - p;
        assert!(error.abs() < 1e-8, "{member}: {error}");
        let verdict = if stands { "up" } else { "same" };
        assert_eq!(told.rate_verdict.as_deref(), Some(verdict), "{member}");
    }
}

/// Alone, a member that differs at 0.05 does so by more than chance; one of few entries says nothing.
#[tokio::test]
async fn a_member_alone_is_one_test() {
    let alone = [MEMBERS[2], ("Rare", 4, 4, 1.0, false)];
    let all = told(&alone, 30).await;
    let verdicts: Vec<Option<&str>> = all.iter().map(|it| it.rate_verdict.as_deref()).collect();
    assert_eq!(verdicts, [Some("up"), Some("few")]);
    assert_eq!(all[1].rate_p, None);
}
