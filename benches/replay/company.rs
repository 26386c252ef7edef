//! Evidence of a company whose people come back, skip stages, are recycled and close; the same each time.
//!
//! It is as the warehouse stores `evidence`: sorted by person and time, compressed with zstd. Each person
//! has instants of their own, and nothing after a close but what lies within its quiet days.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Decimal128Builder, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) const FUNNEL: &str = r#"
definition: bench
effective_from: 2023-01-01
stages:
  - { id: anonymous, term: Anonymous, definition: "Seen", on: "response where kind = 'web'" }
  - { id: known, term: Known, definition: "An address", when: "email is not null" }
  - { id: responded, term: Responded, definition: "Answered", on: "response where success" }
  - { id: mql, term: MQL, definition: "Handed over", when: "status = 'MQL'" }
  - { id: sal, term: SAL, definition: "Accepted", when: "status = 'Working'" }
  - { id: sql, term: SQL, definition: "Qualified", when: "status = 'Qualified'" }
  - { id: opportunity, term: Opportunity, definition: "On the table", when: "status = 'Open'" }
  - { id: closed, term: Closed, definition: "Decided", when: "status = 'Closed'" }
recycle: [{ when: "status = 'Recycled'", to: responded, reason: status }]
after_close: { to: known, quiet: 30 days }
"#;

const STAGES: [&str; 8] = [
    "anonymous",
    "known",
    "responded",
    "mql",
    "sal",
    "sql",
    "opportunity",
    "closed",
];
const RESPONDED: usize = 3;
const CLOSED: usize = 8;
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// A row group is closed once it has so many rows.
const GROUP: usize = 65_536;

/// Writes the evidence and says how many rows it has.
pub(crate) fn write(path: &Path, people: usize) -> usize {
    let mut dice = ChaCha8Rng::seed_from_u64(17);
    let mut rows = Rows::default();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
        .set_max_row_group_row_count(None)
        .build();
    let schema = Rows::default().finish().schema();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
    let mut written = 0;
    for person in 0..people {
        history(person, &mut dice, &mut rows);
        if rows.order.len() >= GROUP || person + 1 == people {
            let batch = std::mem::take(&mut rows).finish();
            written += batch.num_rows();
            writer.write(&batch).unwrap();
            writer.flush().unwrap();
        }
    }
    writer.close().unwrap();
    written
}

/// One person's evidence.
fn history(person: usize, dice: &mut ChaCha8Rng, rows: &mut Rows) {
    let customer = dice.random_range(0..100) < 3;
    let mut at = START + dice.random_range(0..700 * DAY);
    let mut level = dice.random_range(1..=2);
    for step in 0..dice.random_range(10..36) {
        let throw = if step == 0 {
            0
        } else {
            dice.random_range(0..100)
        };
        let mut sign = Sign {
            person,
            at,
            customer,
            order: level,
            recycles: false,
        };
        match throw {
            0 => {}
            1..=84 => sign.order = RESPONDED,
            85..=89 => sign.order = dice.random_range(1..=level),
            90..=96 => sign.order = (level + dice.random_range(1..=2)).min(CLOSED - 1),
            97 => (sign.order, sign.recycles) = (RESPONDED, true),
            _ => sign.order = if level >= 6 { CLOSED } else { RESPONDED },
        }
        level = if sign.recycles {
            RESPONDED
        } else {
            level.max(sign.order)
        };
        rows.push(&sign, dice);
        if sign.order == CLOSED {
            for _ in 0..dice.random_range(0..3) {
                at += dice.random_range(HOUR..9 * DAY);
                let order = dice.random_range(2..CLOSED);
                rows.push(&Sign { at, order, ..sign }, dice);
            }
            return;
        }
        at += dice.random_range(HOUR..20 * DAY);
    }
}

#[derive(Clone, Copy)]
struct Sign {
    person: usize,
    at: i64,
    customer: bool,
    order: usize,
    recycles: bool,
}

/// The columns of `evidence`.
struct Rows {
    person_id: StringBuilder,
    at: TimestampMicrosecondBuilder,
    stage: StringBuilder,
    order: Int64Builder,
    kind: StringBuilder,
    via: StringBuilder,
    source: StringBuilder,
    record_id: StringBuilder,
    opportunity_id: StringBuilder,
    seen_after: TimestampMicrosecondBuilder,
    known_at: TimestampMicrosecondBuilder,
    never: BooleanBuilder,
    won: BooleanBuilder,
    reason: StringBuilder,
    customer: BooleanBuilder,
    new_business: BooleanBuilder,
    amount: Decimal128Builder,
}

impl Default for Rows {
    fn default() -> Self {
        let instants = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            person_id: StringBuilder::new(),
            at: instants(),
            stage: StringBuilder::new(),
            order: Int64Builder::new(),
            kind: StringBuilder::new(),
            via: StringBuilder::new(),
            source: StringBuilder::new(),
            record_id: StringBuilder::new(),
            opportunity_id: StringBuilder::new(),
            seen_after: instants(),
            known_at: instants(),
            never: BooleanBuilder::new(),
            won: BooleanBuilder::new(),
            reason: StringBuilder::new(),
            customer: BooleanBuilder::new(),
            new_business: BooleanBuilder::new(),
            amount: Decimal128Builder::new().with_data_type(DataType::Decimal128(18, 4)),
        }
    }
}

impl Rows {
    fn push(&mut self, sign: &Sign, dice: &mut ChaCha8Rng) {
        let closes = sign.order == CLOSED;
        let answered = sign.order == RESPONDED && !sign.recycles;
        let via = if answered {
            "event"
        } else {
            ["stamp", "history", "snapshot"][sign.order % 3]
        };
        let day_end = (sign.at / DAY + 1) * DAY - 1;
        let late = dice.random_range(0..20) == 0;
        self.person_id
            .append_value(format!("crm.lead:00Q{:012}", sign.person));
        self.at.append_value(sign.at);
        self.stage.append_value(STAGES[sign.order - 1]);
        self.order.append_value(i64::try_from(sign.order).unwrap());
        self.kind
            .append_value(if sign.recycles { "recycle" } else { "enter" });
        self.via.append_value(via);
        self.source
            .append_value(if answered { "marketing" } else { "crm" });
        self.record_id.append_value(if answered {
            format!("R{:010}", dice.random_range(0..10_000_000_000_u64))
        } else {
            format!("00Q{:012}", sign.person)
        });
        self.opportunity_id.append_null();
        self.seen_after
            .append_option((via == "snapshot").then_some(day_end - 2 * DAY));
        self.known_at
            .append_value(if late { day_end + 3 * DAY } else { day_end });
        self.never.append_value(false);
        self.won
            .append_option(closes.then(|| dice.random_range(0..3) > 0));
        let reasons = ["No budget", "No answer", "Later"];
        let reason = sign.recycles.then(|| reasons[dice.random_range(0..3)]);
        self.reason.append_option(reason);
        self.customer.append_value(sign.customer);
        self.new_business.append_value(true);
        let amount = closes.then(|| dice.random_range(1_000..100_000) * 10_000);
        self.amount.append_option(amount);
    }

    fn finish(mut self) -> RecordBatch {
        let never: ArrayRef = Arc::new(self.never.finish());
        let columns: [(&str, ArrayRef); 20] = [
            ("person_id", Arc::new(self.person_id.finish())),
            ("at", Arc::new(self.at.finish())),
            ("stage", Arc::new(self.stage.finish())),
            ("stage_order", Arc::new(self.order.finish())),
            ("kind", Arc::new(self.kind.finish())),
            ("via", Arc::new(self.via.finish())),
            ("source", Arc::new(self.source.finish())),
            ("record_id", Arc::new(self.record_id.finish())),
            ("opportunity_id", Arc::new(self.opportunity_id.finish())),
            ("seen_after", Arc::new(self.seen_after.finish())),
            ("known_at", Arc::new(self.known_at.finish())),
            ("censored", Arc::clone(&never)),
            ("imported", Arc::clone(&never)),
            ("date_only", Arc::clone(&never)),
            ("won", Arc::new(self.won.finish())),
            ("reason", Arc::new(self.reason.finish())),
            ("customer", Arc::new(self.customer.finish())),
            ("new_business", Arc::new(self.new_business.finish())),
            ("amount", Arc::new(self.amount.finish())),
            ("excluded", never),
        ];
        let columns = columns.map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }
}
