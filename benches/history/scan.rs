//! The whole history, by the program and by DataFusion's own scan of the same files: each in a process
//! of its own, in turns.

use std::env;
use std::process::Command;
use std::time::Instant;

use datafusion::prelude::{ParquetReadOptions, SessionContext};

use crate::deployment::Deployment;

/// The texts, numbers and instants of a lead: every column is read, and no statistics answer for it.
const TEXTS: [&str; 17] = [
    "id",
    "firstname",
    "lastname",
    "email",
    "company",
    "title",
    "country",
    "region",
    "segment",
    "industry",
    "leadsource",
    "channel",
    "status",
    "ownerid",
    "phone",
    "record_id",
    "via",
];
const NUMBERS: [&str; 2] = ["employees", "score"];
const INSTANTS: [&str; 4] = ["createddate", "systemmodstamp", "valid_from", "known_at"];
const TURNS: usize = 5;

pub(crate) fn compare(deployment: &Deployment) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let sql = query("crm.lead_history");
        let asked = deployment.command(&["sql", "--format", "csv", &sql]);
        let (answer, seconds) = timed(asked);
        ours.push(seconds);
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg("datafusion").args(deployment.history_files());
        let (other, seconds) = timed(command);
        theirs.push(seconds);
        assert_eq!(answer, other, "the answers differ");
    }
    let (ours, theirs) = (super::middle(&ours), super::middle(&theirs));
    println!(
        "scan: {} files, every column: leadgauge sql {ours:.2} s, DataFusion's own scan {theirs:.2} s: {:.2} times",
        deployment.history_files().len(),
        ours / theirs
    );
}

fn query(table: &str) -> String {
    let texts = TEXTS.map(|name| format!("sum(octet_length({name})) as {name}"));
    let numbers = NUMBERS.map(|name| format!("sum({name}) as {name}"));
    let instants = INSTANTS.map(|name| format!("bit_xor(cast({name} as bigint)) as {name}"));
    let asked = [texts.as_slice(), &numbers, &instants].concat();
    format!("select count(*) as n, {} from {table}", asked.join(", "))
}

fn timed(mut command: Command) -> (String, f64) {
    let began = Instant::now();
    let output = command.output().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (String::from_utf8(output.stdout).unwrap(), seconds)
}

/// What the process of DataFusion's own scan does, with its default settings.
pub(crate) fn datafusion(files: &[String]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let context = SessionContext::new();
        let options = ParquetReadOptions::default();
        let table = context.read_parquet(files.to_vec(), options).await.unwrap();
        context
            .register_table("history", table.into_view())
            .unwrap();
        let rows = context
            .sql(&query("history"))
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        let mut bytes = Vec::new();
        let mut writer = arrow::csv::WriterBuilder::new()
            .with_header(true)
            .build(&mut bytes);
        for batch in &rows {
            writer.write(batch).unwrap();
        }
        drop(writer);
        print!("{}", String::from_utf8(bytes).unwrap());
    });
}
