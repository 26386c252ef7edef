//! The command line as typed. Nothing is resolved here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;

/// Lead-to-revenue reporting that marketing and sales both trust.
///
/// Exit codes: 0 all done; 1 ran, but something asked for failed or was withheld; 2 could not
/// start; 75 only passing failures, try again.
#[derive(Debug, Parser)]
#[command(name = "leadgauge", version, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// The deployment's main file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "LEADGAUGE_CONFIG",
        default_value = "config/leadgauge.yaml"
    )]
    pub(super) config: PathBuf,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say more of what is done
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a company, its exports and its configuration in a folder, and run the nightly job on them
    Demo(DemoArgs),
    /// Check everything that can be checked offline: configuration, definitions, queries, templates
    Check,
    /// The nightly job: pull, derive, measure, render, commit, send
    Run(RunArgs),
    /// Load the days of a range that lack exports, and mail only the last
    Backfill(BackfillArgs),
    /// Render one report from what is published, without sending it
    Report(ReportArgs),
    /// What became of mails: list them, try again, send one again on purpose, see what would be sent
    #[command(subcommand)]
    Deliver(DeliverCommand),
    /// Ask the warehouse in SQL: one query, a file, or a prompt
    Sql(SqlArgs),
    /// Freeze, list, show and compare baselines
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Look after what the warehouse keeps
    #[command(subcommand)]
    Warehouse(WarehouseCommand),
    /// What ran, what failed, what was withheld, and why
    Runs(RunsArgs),
    /// The definition as a contract: read it, test it, try a change on the past, sign it
    #[command(subcommand)]
    Funnel(FunnelCommand),
}

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where to make it; a folder made by an earlier demo is made anew
    #[arg(long, value_name = "FOLDER", default_value = "demo")]
    pub(super) dir: PathBuf,
    /// How many people pass through the company's funnel
    #[arg(long, default_value_t = crate::demo::Plan::default().people)]
    pub(super) people: u32,
    /// How many days of past lie before the nights that are run one by one
    #[arg(long, default_value_t = crate::demo::Plan::default().days)]
    pub(super) days: u32,
    /// Another seed makes another company
    #[arg(long, default_value_t = crate::demo::Plan::default().seed)]
    pub(super) seed: u64,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The day the run stands for [default: yesterday in the company's zone]
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<Date>,
    /// Publish, but leave the mails in the outbox
    #[arg(long)]
    pub(super) no_send: bool,
}

#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// The first day
    #[arg(value_name = "DATE")]
    pub(super) from: Date,
    /// The last day [default: yesterday in the company's zone]
    #[arg(value_name = "DATE")]
    pub(super) to: Option<Date>,
    /// Publish, but leave the mails in the outbox
    #[arg(long)]
    pub(super) no_send: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The report's name in the configuration
    pub(super) name: String,
    /// The published day to report on [default: the newest]
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<Date>,
    /// Render what this recipient would get: their rows alone
    #[arg(long = "as", value_name = "EMAIL")]
    pub(super) reader: Option<String>,
    /// Where the page and the mail are written
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum DeliverCommand {
    /// List messages: to whom, what became of each, how often it was tried, why it waits
    ///
    /// queued: to be sent by the next run. sending: a run is handing it over. sent: the mail server took
    /// it. refused: the server will not have it. unknown: it may have arrived or not; nobody sends it
    /// again unless you ask with `leadgauge deliver resend`. superseded: a later day's mail went out in its
    /// place. held: the report waits for data, until its
    /// deadline. skipped: its `send_when` found nothing to say.
    List(MessagesArgs),
    /// Try now what waits; never sends what was sent
    Retry,
    /// Send one message again on purpose: one that is sent, refused, superseded or unknown
    ///
    /// It is the same mail with the same Message-ID, by which a mail program can tell that it has it
    /// already.
    Resend(ResendArgs),
    /// Write messages as they would be sent, and their pages, into a folder; sends and changes nothing
    Preview(PreviewArgs),
}

#[derive(Debug, Args)]
pub(super) struct MessagesArgs {
    /// Of one published day [default: the newest, and what waits from before]
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<Date>,
    /// Of one report
    #[arg(long, value_name = "NAME")]
    pub(super) report: Option<String>,
    /// To one recipient
    #[arg(long, value_name = "ADDRESS")]
    pub(super) to: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ResendArgs {
    /// The message, as `leadgauge deliver list` names it
    pub(super) message: String,
    /// Who asks; the ledger keeps it
    #[arg(long)]
    pub(super) name: String,
}

#[derive(Debug, Args)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    pub(super) messages: MessagesArgs,
    /// Where they are written
    #[arg(long, value_name = "FOLDER", default_value = "preview")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct SqlArgs {
    /// One query; without it, and without a file, a prompt
    pub(super) query: Option<String>,
    /// Read the query from a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "query")]
    pub(super) file: Option<PathBuf>,
    /// How rows are printed [default: table]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Ask the version published for a day [default: the newest]
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<Date>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Csv,
    Json,
    Ndjson,
    Parquet,
}

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Freeze the figures of a window for good
    Freeze(FreezeArgs),
    /// List the baselines there are
    List,
    /// Show what a baseline holds, by stage and member
    Show(ShowArgs),
    /// Compare the newest published night with a baseline
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The baseline's name
    #[arg(value_parser = label)]
    pub(super) name: String,
}

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The baseline's name [default: the one that `metrics` names]
    #[arg(value_parser = label)]
    pub(super) name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct FreezeArgs {
    /// The baseline's name; a name is given once
    #[arg(value_parser = label)]
    pub(super) name: String,
    /// First day of the window [default: twelve full months before the newest published day]
    #[arg(long, value_name = "DATE", requires = "to")]
    pub(super) from: Option<Date>,
    /// Last day of the window
    #[arg(long, value_name = "DATE", requires = "from")]
    pub(super) to: Option<Date>,
    /// Accept months whose stages come from imported history rather than from nightly snapshots
    #[arg(long)]
    pub(super) imported: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum FunnelCommand {
    /// The definition as a reference card
    Show(DefinitionArgs),
    /// The SQL behind each stage's evidence, to be run with `leadgauge sql`
    Sql(StageArgs),
    /// Run the examples of the definition
    Test(DefinitionArgs),
    /// What a change of definition changes: in words, and over the same history
    Diff(DiffArgs),
    /// The history under another definition, beside today's; publishes nothing
    Replay(ReplayArgs),
    /// Walk over evidence in Parquet files, as `leadgauge sql` exports it; the warehouse is not read
    Walk(WalkArgs),
    /// Try several values of a threshold on the history
    Whatif(WhatifArgs),
    /// Record that somebody signed the definition as it stands
    Sign(SignArgs),
}

#[derive(Debug, Args)]
pub(super) struct DefinitionArgs {
    /// Another file than the deployment's `funnel.yaml`
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct StageArgs {
    /// One stage, by its id
    pub(super) stage: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// A file, or the name of a published definition [default: the newest that was published]
    #[arg(value_name = "BEFORE")]
    pub(super) before: Option<String>,
    /// The same [default: the deployment's `funnel.yaml`]
    #[arg(value_name = "AFTER")]
    pub(super) after: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The other definition
    pub(super) file: PathBuf,
    /// The published day whose history is taken [default: the newest]
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<Date>,
    /// Write the stage entries under the other definition here, as `stage_entry.<format>`
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
    /// How they are written
    #[arg(long, value_enum, default_value = "parquet", requires = "out")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct WalkArgs {
    /// Files with the columns of `evidence`, sorted by `person_id` from the first to the last
    #[arg(required = true)]
    pub(super) evidence: Vec<PathBuf>,
    /// Write the stage entries here, as Parquet
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// The day up to which definitions come into force [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<Date>,
}

#[derive(Debug, Args)]
pub(super) struct WhatifArgs {
    /// The stage, by its id
    pub(super) stage: String,
    /// What to try, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub(super) values: Vec<String>,
    /// Which number of the stage's triggers is meant, where they hold several
    #[arg(long, conflicts_with = "when")]
    pub(super) number: Option<String>,
    /// A condition in the place of the stage's triggers, `{}` for the value: `lead_score >= {}`
    #[arg(long, value_name = "CONDITION")]
    pub(super) when: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// One of the roles that `sign_off` names
    #[arg(long)]
    pub(super) role: String,
    /// Who signs
    #[arg(long)]
    pub(super) name: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum WarehouseCommand {
    /// List the commits: what each night, and upkeep between nights, added and removed
    Log(LogArgs),
    /// List the refused files that are kept as they came
    Quarantine,
    /// Record a refused file all the same
    Release(ReleaseArgs),
    /// Take persons out of everything that is kept, for good
    Erase(EraseArgs),
    /// Look through everything that is kept for what is left of the erased
    Erased,
    /// Write the tables' Delta Lake logs anew, by which other tools read them
    Delta,
    /// Read everything that can still be asked for and tell what is not as the log says
    Verify,
    /// Merge all files of each table that grows into one; no answer changes
    Compact,
    /// Delete the files that no version names any more, and what crashes left
    Vacuum(VacuumArgs),
}

#[derive(Debug, Args)]
pub(super) struct VacuumArgs {
    /// Tell what would go, and delete nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How long a file stays after it was let go: longer than the longest run
    #[arg(long, value_name = "DAYS", default_value_t = crate::warehouse::GRACE_DAYS)]
    pub(super) grace: u32,
}

#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// The stream, as `salesforce.lead`
    #[arg(value_name = "SOURCE.STREAM")]
    pub(super) stream: String,
    /// The day of the export
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Date,
}

#[derive(Debug, Args)]
pub(super) struct EraseArgs {
    /// An address that the person ever had; others on the machine may see it: a list is safer
    #[arg(long, value_name = "ADDRESS", required_unless_present = "list")]
    pub(super) email: Option<String>,
    /// A file with an address a line; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "email")]
    pub(super) list: Option<PathBuf>,
    /// Only say what would go
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// How many commits, newest first
    #[arg(long, default_value_t = 20)]
    pub(super) last: usize,
}

#[derive(Debug, Args)]
pub(super) struct RunsArgs {
    /// How many runs, newest first
    #[arg(long, default_value_t = 20)]
    pub(super) last: usize,
}

/// A name that the configuration can name too.
fn label(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if !text.is_empty() && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err("use small letters, digits, `-` and `_` only".to_owned())
}
