use std::fs::{self, File};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::funnel::walk::tests::properties::{any_history, any_policy};
use crate::funnel::walk::tests::{Sign, batch, funnel, told, zone};
use crate::funnel::walk::{Walked, walk};

const SMALL: Sizes = Sizes {
    range: 3,
    chunk: 2,
    batch: 2,
    workers: 1,
};

/// Writes evidence with a row group for each of `groups` rows, in turn.
fn write_evidence(path: &Path, rows: &RecordBatch, groups: &[usize]) {
    let file = File::options().write(true).create_new(true).open(path);
    let mut writer = ArrowWriter::try_new(file.unwrap(), rows.schema(), None).unwrap();
    let mut start = 0;
    for group in groups.iter().cycle() {
        let length = (*group).min(rows.num_rows() - start);
        writer.write(&rows.slice(start, length)).unwrap();
        writer.flush().unwrap();
        start += length;
        if start == rows.num_rows() {
            break;
        }
    }
    writer.close().unwrap();
}

fn read(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = reader.schema().clone();
    let batches: Result<Vec<_>, _> = reader.build().unwrap().collect();
    concat_batches(&schema, &batches.unwrap()).unwrap()
}

/// Histories as those of persons `a`, `b` and so on.
fn company(histories: Vec<Vec<Sign>>) -> Vec<Sign> {
    let named = histories
        .into_iter()
        .zip('a'..)
        .flat_map(|(mut signs, name)| {
            let name = format!("crm.lead:{name}");
            for sign in &mut signs {
                sign.person.clone_from(&name);
            }
            signs
        });
    named.collect()
}

fn lines(history: &str) -> RecordBatch {
    batch(&crate::funnel::walk::tests::signs(history))
}

/// What the walk says to evidence in these files, and what `out` holds then.
fn refusal(files: &[&RecordBatch]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("stage_entry.parquet");
    crate::fs::write(&out, b"what was there").unwrap();
    let mut paths = Vec::new();
    for (number, rows) in files.iter().enumerate() {
        paths.push(folder.path().join(format!("{number}.parquet")));
        write_evidence(&paths[number], rows, &[1]);
    }
    let funnel = funnel(crate::config::Skipping::ReachedOrPassed);
    let refused = walk_sized(SMALL, &paths, &out, &[&funnel], &zone()).unwrap_err();
    let text = refused
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "");
    (text, fs::read_to_string(&out).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    // Wherever row groups, ranges, chunks and files end, the entries and the fates are those of the
    // evidence in one piece, and the bytes those of any other number of processors.
    #[test]
    fn borders_change_nothing(
        histories in prop::collection::vec(any_history(), 1..7),
        groups in prop::collection::vec(1..9_usize, 1..5),
        second in 0..7_usize,
        policy in any_policy(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let second = second.min(histories.len());
        let signs = company(histories.clone());
        prop_assume!(!signs.is_empty());
        let first: usize = histories[..second].iter().map(Vec::len).sum();
        let rows = batch(&signs);
        let parts = [rows.slice(0, first), rows.slice(first, rows.num_rows() - first)];
        let mut files = Vec::new();
        for (part, name) in parts.iter().zip(["1.parquet", "2.parquet"]) {
            if part.num_rows() > 0 {
                write_evidence(&at(name), part, &groups);
                files.push(at(name));
            }
        }
        let funnel = funnel(policy);
        let whole = walk(&[rows], &[&funnel], &zone()).unwrap();
        let stored = walk_sized(SMALL, &files, &at("out"), &[&funnel], &zone()).unwrap();
        let entries = read(&at("out"));
        prop_assert_eq!(stored.entries, entries.num_rows() as u64);
        prop_assert_eq!(&stored.counts, &whole.counts);
        let walked = Walked { entries, counts: stored.counts };
        prop_assert_eq!(told(&walked), told(&whole));
        let several = Sizes { workers: 3, ..SMALL };
        walk_sized(several, &files, &at("again"), &[&funnel], &zone()).unwrap();
        prop_assert_eq!(fs::read(at("out")).unwrap(), fs::read(at("again")).unwrap());
    }
}

// Evidence out of order is refused, in a file and from one file to the next, and what stood in the
// place of the entries stays.
#[test]
fn evidence_out_of_order_is_refused() {
    let unsorted = lines(
        "person b\nknown 2026-01-02T09:00\nperson c\nknown 2026-01-02T09:00\nperson a\nmql 2026-01-03T09:00",
    );
    let said = "`0.parquet` is no evidence that can be walked: Evidence is not sorted by `person_id`\n  fix: export it with `order by person_id`";
    let kept = "what was there".to_owned();
    assert_eq!(refusal(&[&unsorted]), (said.to_owned(), kept.clone()));
    let (a, b) = (
        lines("person a\nknown 2026-01-02T09:00"),
        lines("person b\nknown 2026-01-02T09:00"),
    );
    let said = said.replace("`0.parquet`", "`1.parquet`");
    assert_eq!(refusal(&[&b, &a]), (said.clone(), kept.clone()));
    // Nobody may lie in two files.
    assert_eq!(refusal(&[&a, &a]), (said, kept));
}

// A file without a column that the walk reads is told with the column.
#[test]
fn a_missing_column_is_told() {
    let rows = lines("person a\nknown 2026-01-02T09:00");
    let at = rows.schema().index_of("known_at").unwrap();
    let others: Vec<usize> = (0..rows.num_columns())
        .filter(|column| *column != at)
        .collect();
    let (text, _) = refusal(&[&rows.project(&others).unwrap()]);
    assert_eq!(
        text,
        "`0.parquet` is no evidence that can be walked: Evidence column `known_at` is absent, expected without nulls"
    );
}
