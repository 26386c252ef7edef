//! `leadgauge sql`.

use std::path::PathBuf;
use std::time::Instant;

use super::args::{Format, SqlArgs};
use super::output::Output;
use super::prompt::{Prompt, Typed};
use super::{Failure, Outcome};
use crate::config::Config;
use crate::fs;
use crate::pipeline::{self, Reader};
use crate::warehouse::FrameFormat;

const HELP: &str =
    "A query ends with `;`. \\d lists the tables, \\d NAME a table's columns, \\q leaves.";

pub(super) async fn sql(
    config: &Config,
    args: &SqlArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let (name, text) = match (&args.query, &args.file) {
        (Some(query), _) => ("the query".to_owned(), query.clone()),
        (None, Some(file)) => (
            file.display().to_string(),
            fs::read_text(file).map_err(Failure::start)?,
        ),
        (None, None) => return prompt(config, args, output).await,
    };
    let mut reader = pipeline::reader(config, args.as_of).await?;
    let frame = reader.query(&name, &text).await?;
    output.finish();
    let bytes = frame
        .bytes(frame_format(args.format))
        .map_err(Failure::run)?;
    put(args, output, &bytes)?;
    Ok(Outcome::Done)
}

fn put(args: &SqlArgs, output: &Output, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(file) = &args.out {
        return fs::write(file, bytes).map_err(Failure::run);
    }
    output.data(bytes);
    if args.format == Format::Json {
        output.data(b"\n");
    }
    Ok(())
}

fn frame_format(format: Format) -> FrameFormat {
    match format {
        Format::Table => FrameFormat::Table,
        Format::Csv => FrameFormat::Csv,
        Format::Json => FrameFormat::Json,
        Format::Ndjson => FrameFormat::Ndjson,
        Format::Parquet => FrameFormat::Parquet,
    }
}

/// Asks until the end of input. A query that fails is said and the prompt goes on.
async fn prompt(config: &Config, args: &SqlArgs, output: &Output) -> Result<Outcome, Failure> {
    let mut reader = pipeline::reader(config, args.as_of).await?;
    output.finish();
    let tables: Vec<String> = reader.tables().into_iter().collect();
    let mut prompt = Prompt::new(tables.clone(), history()).map_err(Failure::start)?;
    output.say(&format!(
        "Version {} of {}. {HELP}",
        reader.commit_no(),
        reader.as_of()
    ));
    while let Some(typed) = prompt.next().map_err(Failure::run)? {
        match typed {
            Typed::Quit => break,
            Typed::Help => output.say(HELP),
            Typed::Tables => output.data(format!("{}\n", tables.join("\n")).as_bytes()),
            Typed::Columns(table) => {
                let text = format!("describe {table}");
                let columns = reader.columns(&table).await;
                match columns {
                    Ok(frame) => show(
                        &frame.bytes(FrameFormat::Table).map_err(Failure::run)?,
                        output,
                    ),
                    Err(error) => output.say(&format!("{text}: {error}")),
                }
            }
            Typed::Query(query) => ask(&mut reader, &query, args, output).await,
        }
    }
    Ok(Outcome::Done)
}

async fn ask(reader: &mut Reader, query: &str, args: &SqlArgs, output: &Output) {
    let began = Instant::now();
    let answered = reader.query("the query", query).await;
    match answered.map(|frame| (frame.len(), frame.bytes(frame_format(args.format)))) {
        Ok((rows, Ok(bytes))) => {
            show(&bytes, output);
            output.say(&format!(
                "{rows} rows, {:.2} s",
                began.elapsed().as_secs_f64()
            ));
        }
        Ok((_, Err(error))) => output.error(&error),
        Err(error) => output.error(&error),
    }
}

fn show(bytes: &[u8], output: &Output) {
    output.data(bytes);
}

/// Kept beside other programs' state, as the XDG base directory specification has it.
fn history() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = state.or_else(home)?.join("leadgauge");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql_history"))
}
