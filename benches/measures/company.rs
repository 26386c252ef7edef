//! A deployment whose people enter five stages by stamps; the same ones each time.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CONFIG: &str = r#"
company: Bench
time_zone: UTC
warehouse: ../warehouse
sources:
  - name: crm
    files:
      location: ../exports
      streams:
        - name: lead
          path: "{date}/lead.csv"
          snapshot: { key: Id, created: CreatedAt, modified: ModifiedAt }
        - name: lead_change
          path: "{date}/lead_change.csv"
          field_history: { of: lead, key: Id, record: LeadId, field: Field, old: OldValue, new: NewValue, at: ChangedAt }
metrics: { dimensions: [lead_source, segment, region, owner_id, channel], horizon_days: 90 }
reports:
  - { name: daily, schedule: daily, to: [ops@bench.example] }
delivery: { from: Bench <bench@bench.example>, transport: { folder: ../mail } }
"#;

const FUNNEL: &str = r#"
definition: bench
effective_from: 2023-01-01
stages:
  - { id: known, term: Known, definition: "An address", stamp: known_at_crm }
  - { id: mql, term: MQL, definition: "Handed over", stamp: mql_at }
  - { id: sal, term: SAL, definition: "Accepted", stamp: sal_at }
  - { id: sql, term: SQL, definition: "Qualified", stamp: sql_at }
  - { id: closed, term: Closed, definition: "Won", stamp: won_at }
disqualify: [{ when: "status = 'Junk'", to: known }]
after_close: { to: known, quiet: 30 days }
"#;

const PERSON: &str = "-- Grain: one row per lead and version.
select 'lead' as stream, record_id, lower(email) as email, status, source as lead_source, segment, region,
    owner as owner_id, channel, knownat as known_at_crm, mqlat as mql_at, salat as sal_at, sqlat as sql_at,
    wonat as won_at, createdat as created_at, valid_from, seen_after, known_at, deleted, via, censored, imported
from crm.lead_history
";

/// Minutes of the company's life: from 2024-01-01 to the as-of day's end.
const MINUTES: u32 = 1_054 * 1_440;

/// Configuration and exports of one night, in a folder.
pub(crate) fn write(folder: &Path, people: usize) {
    let put = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("config/leadgauge.yaml", CONFIG);
    put("config/funnel.yaml", FUNNEL);
    put("config/sla.yaml", "");
    put("config/calendar.yaml", "");
    put("queries/canonical/crm/person_version.sql", PERSON);
    let night = folder.join("exports").join(super::AS_OF);
    fs::create_dir_all(&night).unwrap();
    let file = |name: &str| BufWriter::new(File::create(night.join(name)).unwrap());
    exports(people, &mut file("lead.csv"), &mut file("lead_change.csv"));
}

fn exports(people: usize, leads: &mut impl Write, changes: &mut impl Write) {
    let mut dice = ChaCha8Rng::seed_from_u64(11);
    writeln!(leads, "Id,Email,Status,Source,Segment,Region,Owner,Channel,KnownAt,MqlAt,SalAt,SqlAt,WonAt,CreatedAt,ModifiedAt").unwrap();
    writeln!(changes, "Id,LeadId,Field,OldValue,NewValue,ChangedAt").unwrap();
    for person in 0..people {
        let created = dice.random_range(0..MINUTES - 1_440);
        let mut at = created;
        let mut stamps = Vec::new();
        for _ in 0..5 {
            stamps.push(instant(at));
            at += dice.random_range(0..60 * 1_440);
            if at >= MINUTES || dice.random_range(0..100) < 22 {
                break;
            }
        }
        let ended = at.min(MINUTES - 1);
        let junk = stamps.len() < 5 && dice.random_range(0..10) < 4;
        let status = if junk { "Junk" } else { "New" };
        if junk {
            let at = instant(ended);
            writeln!(changes, "C{person},L{person},Status,New,Junk,{at}").unwrap();
        }
        stamps.resize(5, String::new());
        writeln!(
            leads,
            "L{person},p{person}@c.example,{status},{},{},{},U{:03},K{:03},{},{},{}",
            ["Web", "Event", "", "List", "Partner", "Referral"][dice.random_range(0..6)],
            ["Small", "Mid", "Large"][dice.random_range(0..3)],
            ["AMER", "EMEA", "APAC", ""][dice.random_range(0..4)],
            dice.random_range(0..100),
            dice.random_range(0..200),
            stamps.join(","),
            instant(created),
            instant(ended),
        )
        .unwrap();
    }
}

/// Minutes since 2024-01-01 as exports write an instant.
fn instant(minutes: u32) -> String {
    let start = jiff::civil::date(2024, 1, 1).at(0, 0, 0, 0);
    let at = start + jiff::Span::new().minutes(minutes);
    format!("{at}.000Z")
}
