//! The command line: arguments in, one command run, an exit code out.

mod args;
mod backfill;
mod baseline;
mod check;
mod compared;
mod deliver;
mod demo;
mod erase;
mod funnel;
mod output;
mod prompt;
mod report;
mod run;
mod runs;
mod sql;
mod table;
mod warehouse;

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::config::Config;
use crate::pipeline::PipelineError;
use crate::problem::Problems;
use args::{Cli, Command, Global};
use output::Output;

/// How a command ended; the numbers are the program's contract with cron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Everything asked for was done.
    Done = 0,
    /// It ran, and something asked for failed or was withheld.
    Incomplete = 1,
    /// Nothing but passing failures: try again.
    TryAgain = 75,
}

impl Outcome {
    /// Of several runs, what is left to do: something failed, or trying again may help.
    fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Incomplete, _) | (_, Self::Incomplete) => Self::Incomplete,
            (Self::TryAgain, _) | (_, Self::TryAgain) => Self::TryAgain,
            (Self::Done, Self::Done) => Self::Done,
        }
    }
}

/// Why a command could not do its work at all.
struct Failure {
    code: u8,
    error: Box<dyn Error>,
    /// What to do, where the error's own text does not say.
    fix: Option<String>,
}

const CANNOT_START: u8 = 2;

impl Failure {
    /// Usage, configuration or environment is at fault.
    fn start(error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            code: CANNOT_START,
            error: error.into(),
            fix: None,
        }
    }

    /// It ran and failed.
    fn run(error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            code: Outcome::Incomplete as u8,
            error: error.into(),
            fix: None,
        }
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        let code = if error.is_transient() {
            Outcome::TryAgain as u8
        } else if error.is_the_users() {
            CANNOT_START
        } else {
            Outcome::Incomplete as u8
        };
        Self {
            code,
            fix: error.fix(),
            error: error.into(),
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::start(problems)
    }
}

/// Runs the program with the given arguments, the first of which is its own name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output and is no failure; clap knows which is which.
            let _printed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(CANNOT_START));
        }
    };
    let output = Output::new(cli.global.json, cli.global.verbose);
    let ended = start(cli, &output);
    output.finish();
    match ended {
        Ok(outcome) => ExitCode::from(outcome as u8),
        Err(failure) => {
            output.error(failure.error.as_ref(), failure.fix.as_deref());
            ExitCode::from(failure.code)
        }
    }
}

fn start(cli: Cli, output: &Output) -> Result<Outcome, Failure> {
    // With one provider compiled in this never fails; naming it keeps a second one from panicking.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::start)?;
    runtime.block_on(Box::pin(dispatch(cli, output)))
}

async fn dispatch(cli: Cli, output: &Output) -> Result<Outcome, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Demo(args) => demo::demo(&args, output).await,
        Command::Check => check::check(&load(&global)?, output).await,
        Command::Run(args) => run::run(&load(&global)?, &args, output).await,
        Command::Backfill(args) => backfill::backfill(&load(&global)?, &args, output).await,
        Command::Report(args) => report::report(&load(&global)?, &args, output).await,
        Command::Deliver(command) => deliver::deliver(&load(&global)?, &command, output).await,
        Command::Sql(args) => sql::sql(&load(&global)?, &args, output).await,
        Command::Baseline(command) => baseline::baseline(&load(&global)?, &command, output).await,
        Command::Warehouse(command) => {
            warehouse::warehouse(&load(&global)?, &command, output).await
        }
        Command::Funnel(command) => funnel::funnel(&load(&global)?, &command, output).await,
        Command::Runs(args) => runs::runs(&load(&global)?, &args, output).await,
    }
}

fn load(global: &Global) -> Result<Config, Failure> {
    Ok(Config::load(&global.config)?)
}
