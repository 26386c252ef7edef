//! `leadgauge funnel walk`: the published evidence, exported, gives the published entries.

use std::fs::File;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::small::{SECOND, THIRD, published};
use crate::support::Project;

fn read(project: &Project, file: &str) -> RecordBatch {
    let file = File::open(project.path(file)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = reader.schema().clone();
    let batches: Result<Vec<_>, _> = reader.build().unwrap().collect();
    concat_batches(&schema, &batches.unwrap()).unwrap()
}

fn export(project: &Project, sql: &str, file: &str) {
    project.ok(&["sql", "--format", "parquet", "--out", file, sql]);
}

fn three_nights() -> Project {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    project.ok(&["run", "--as-of", THIRD]);
    export(&project, "select * from evidence", "evidence.parquet");
    project
}

// Whoever doubts an entry can walk over the evidence: every column that the walk makes comes out as it
// was published, and each row of evidence has its fate.
#[test]
fn evidence_gives_the_entries_that_were_published() {
    let project = three_nights();
    let args = ["evidence.parquet", "--out", "out/walked.parquet"];
    let said = project.ok(&[
        &["--json", "funnel", "walk"],
        &args[..],
        &["--as-of", THIRD],
    ]
    .concat());
    let said: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let walked = read(&project, "out/walked.parquet");
    let schema = walked.schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|it| it.name().as_str())
        .collect();
    assert_eq!(names.len(), 24);
    let same = format!("select {} from stage_entry", names.join(", "));
    export(&project, &same, "published.parquet");
    let published = read(&project, "published.parquet");
    assert_eq!(walked.columns(), published.columns());
    let evidence = read(&project, "evidence.parquet").num_rows();
    assert_eq!(said["evidence"], evidence);
    assert_eq!(said["entries"], published.num_rows());
    let fates = said["fates"].as_object().unwrap().values();
    let fates: u64 = fates.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(fates, evidence as u64);
}

// What cannot be walked is said, and nothing is written.
#[test]
fn what_is_no_evidence_is_refused() {
    let project = three_nights();
    let backwards = "select * from evidence order by person_id desc";
    export(&project, backwards, "backwards.parquet");
    let walk = |file: &str, as_of: &str| {
        let ran = project.run(&[
            "funnel",
            "walk",
            file,
            "--out",
            "out.parquet",
            "--as-of",
            as_of,
        ]);
        assert!(!project.path("out.parquet").exists());
        (ran.code, ran.stderr)
    };
    let said = |text: &str| format!("error: {text}\n");
    assert_eq!(
        walk("backwards.parquet", THIRD),
        (
            1,
            said(
                "`backwards.parquet` is no evidence that can be walked: Evidence is not sorted by `person_id`\n  fix: export it with `order by person_id`"
            )
        )
    );
    assert_eq!(
        walk("none.parquet", THIRD),
        (1, said("`none.parquet` is not there"))
    );
    let (code, stderr) = walk("config/funnel.yaml", THIRD);
    assert_eq!(code, 1);
    assert!(
        stderr
            .starts_with("error: Cannot read `config/funnel.yaml`: it is damaged, or no Parquet\n"),
        "{stderr}"
    );
    assert_eq!(
        walk("evidence.parquet", "2024-12-31"),
        (
            2,
            said(
                "Definition `2025-q1` comes into force on 2025-01-01, after 2024-12-31\n  fix: run with the definition that is in force on that day"
            )
        )
    );
}
