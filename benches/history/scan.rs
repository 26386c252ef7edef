//! The whole history, by the program and by DataFusion's own scan of the same files: each in a process
//! of its own, in turns.

use std::env;
use std::process::Command;
use std::time::Instant;

use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};

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

/// Beside DataFusion as it is by default, with a partition a core, and as the program uses it, with one:
/// so sums come in one order.
pub(crate) fn compare(deployment: &Deployment) {
    let files = deployment.history_files();
    let mut seconds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        let sql = query("crm.lead_history");
        let asked = deployment.command(&["sql", "--format", "csv", &sql]);
        let (answer, took) = timed(asked);
        seconds[0].push(took);
        for (at, partitions) in [(1, "0"), (2, "1")] {
            let mut command = Command::new(env::current_exe().unwrap());
            command.args(["datafusion", partitions]).args(&files);
            let (other, took) = timed(command);
            seconds[at].push(took);
            assert_eq!(answer, other, "the answers differ");
        }
    }
    let [ours, cores, one] = seconds.map(|seconds| super::middle(&seconds));
    println!(
        "scan: {} files, every column: leadgauge sql {ours:.2} s; DataFusion's own scan {cores:.2} s \
         ({:.2} times), with one partition {one:.2} s ({:.2} times)",
        files.len(),
        ours / cores,
        ours / one
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

/// What the process of DataFusion's own scan does. The first word is the number of partitions, 0 for its
/// default.
pub(crate) fn datafusion(words: &[String]) {
    let (partitions, files) = words.split_first().unwrap();
    let partitions: usize = partitions.parse().unwrap();
    let mut config = SessionConfig::new();
    if partitions > 0 {
        config = config.with_target_partitions(partitions);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let context = SessionContext::new_with_config(config);
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
