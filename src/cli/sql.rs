//! `leadgauge sql`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use super::args::{Format, SqlArgs};
use super::output::Output;
use super::prompt::{Prompt, Typed};
use super::{Failure, Outcome, erase};
use crate::config::Config;
use crate::fs;
use crate::pipeline::{self, PipelineError, Reader};
use crate::warehouse::{Frame, FrameFormat, QueryError};

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
    let format = format(args, output);
    if format == Format::Parquet && args.out.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::start(
            "Parquet is no text\n  fix: name a file with `--out`",
        ));
    }
    let mut reader = pipeline::reader(config, args.as_of).await?;
    let frame = reader.query(&name, &text).await?;
    output.finish();
    erase::warn(reader.erased_since(), output);
    let bytes = written(&frame, format).map_err(Failure::run)?;
    match &args.out {
        Some(file) => fs::write(file, &bytes).map_err(Failure::run)?,
        None => output.data(&bytes),
    }
    Ok(Outcome::Done)
}

/// `--json` asks for JSON unless a format is named.
fn format(args: &SqlArgs, output: &Output) -> Format {
    let usual = if output.wants_json() {
        Format::Json
    } else {
        Format::Table
    };
    args.format.unwrap_or(usual)
}

/// Rows as they are printed; text ends with a line break.
pub(super) fn written(frame: &Frame, format: Format) -> Result<Vec<u8>, QueryError> {
    let format = match format {
        Format::Table => FrameFormat::Table,
        Format::Csv => FrameFormat::Csv,
        Format::Json => FrameFormat::Json,
        Format::Ndjson => FrameFormat::Ndjson,
        Format::Parquet => FrameFormat::Parquet,
    };
    let mut bytes = frame.bytes(format)?;
    if format == FrameFormat::Json {
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Asks until the end of input. A query that fails is said and the next is read; what is piped in is
/// done only if every query was.
async fn prompt(config: &Config, args: &SqlArgs, output: &Output) -> Result<Outcome, Failure> {
    let format = format(args, output);
    if args.out.is_some() || format == Format::Parquet {
        let what = "The prompt prints its answers\n  fix: name a query, or a file with `--file`, for `--out` and Parquet";
        return Err(Failure::start(what));
    }
    let mut reader = pipeline::reader(config, args.as_of).await?;
    output.finish();
    let tables: Vec<String> = reader.tables().into_iter().collect();
    erase::warn(reader.erased_since(), output);
    let mut prompt = Prompt::new(tables.clone(), history).map_err(Failure::start)?;
    output.say(&format!(
        "Version {} of {}. {HELP}",
        reader.commit_no(),
        reader.as_of()
    ));
    let mut failed = false;
    while let Some(typed) = prompt.next().map_err(Failure::run)? {
        let answered = match typed {
            Typed::Quit => break,
            Typed::Help => {
                output.say(HELP);
                Ok(())
            }
            Typed::Tables => {
                output.data(format!("{}\n", tables.join("\n")).as_bytes());
                Ok(())
            }
            Typed::Columns(table) => columns(&mut reader, &table, output).await,
            Typed::Query(query) => ask(&mut reader, &query, format, output).await,
        };
        if let Err(error) = answered {
            failed = true;
            output.error(&error, error.fix().as_deref());
        }
    }
    Ok(if failed && prompt.is_piped() {
        Outcome::Incomplete
    } else {
        Outcome::Done
    })
}

async fn columns(reader: &mut Reader, table: &str, output: &Output) -> Result<(), PipelineError> {
    let frame = reader.columns(table).await?;
    Ok(output.rows(&frame)?)
}

async fn ask(
    reader: &mut Reader,
    query: &str,
    format: Format,
    output: &Output,
) -> Result<(), PipelineError> {
    let began = Instant::now();
    let frame = reader.query("the query", query).await?;
    output.data(&written(&frame, format)?);
    let rows = if frame.len() == 1 { "row" } else { "rows" };
    let seconds = began.elapsed().as_secs_f64();
    output.say(&format!("{} {rows}, {seconds:.2} s", frame.len()));
    Ok(())
}

/// Kept beside other programs' state, as the XDG base directory specification has it.
fn history() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = state.or_else(home)?.join("leadgauge");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql_history"))
}
