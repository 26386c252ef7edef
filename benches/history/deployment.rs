//! A deployment in a folder of its own, and what a night of it costs.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use jiff::civil::{Date, date};
use tempfile::TempDir;

use crate::company::Company;

pub(crate) struct Deployment {
    folder: TempDir,
}

/// What a night cost.
pub(crate) struct Night {
    /// Reading the night's file.
    pub(crate) reading: Duration,
    /// Recording it, merges included.
    pub(crate) recording: Duration,
    /// The whole job.
    pub(crate) whole: Duration,
    /// The peak of memory until the history was written, in bytes.
    pub(crate) peak: u64,
}

impl fmt::Display for Night {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "reading {:.2} s, recording {:.2} s, the whole job {:.2} s, peak {} MiB",
            self.reading.as_secs_f64(),
            self.recording.as_secs_f64(),
            self.whole.as_secs_f64(),
            self.peak / (1 << 20)
        )
    }
}

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
          path: "{date}.csv"
          snapshot: { key: Id, created: CreatedDate, modified: SystemModstamp }
metrics: { dimensions: [] }
reports:
  - { name: daily, schedule: daily, to: [ops@bench.example] }
delivery: { from: Bench <bench@bench.example>, transport: { folder: ../mail } }
"#;

const FUNNEL: &str = r#"
definition: bench
effective_from: 2024-01-01
stages:
  - { id: known, term: Known, definition: "An address", when: "email is not null" }
  - { id: mql, term: MQL, definition: "Worked", when: "status in ('Working', 'Qualified')" }
  - { id: closed, term: Closed, definition: "Converted", when: "status = 'Converted'" }
after_close: { to: known, quiet: 30 days }
"#;

impl Deployment {
    /// A deployment whose funnel sees one person in a thousand: what is measured is the history.
    pub(crate) fn new(company: &Company) -> Self {
        Self::with(company, "where record_id like '%000'")
    }

    /// A deployment whose funnel sees everybody.
    pub(crate) fn whole(company: &Company) -> Self {
        Self::with(company, "")
    }

    fn with(_company: &Company, which: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("config/leadgauge.yaml", CONFIG);
        write("config/funnel.yaml", FUNNEL);
        write("config/sla.yaml", "");
        write("config/calendar.yaml", "");
        let person = format!(
            "-- Grain: one row per lead and version.
            select 'lead' as stream, record_id, lower(email) as email, status, leadsource as lead_source,
                ownerid as owner_id, createddate as created_at, valid_from, seen_after, known_at, deleted,
                via, censored, imported
            from crm.lead_history {which}"
        );
        write("queries/canonical/crm/person_version.sql", &person);
        fs::create_dir_all(folder.path().join("exports")).unwrap();
        Self { folder }
    }

    fn export_path(&self, night: usize) -> PathBuf {
        self.folder
            .path()
            .join(format!("exports/{}.csv", day(night)))
    }

    pub(crate) fn export(&self, company: &Company, night: usize) {
        let file = File::create(self.export_path(night)).unwrap();
        company.write(&mut BufWriter::new(file)).unwrap();
    }

    pub(crate) fn forget(&self, night: usize) {
        fs::remove_file(self.export_path(night)).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadgauge"));
        command.args(args).current_dir(self.folder.path());
        command
    }

    /// Runs a night and watches what it says of its steps.
    pub(crate) fn run(&self, night: usize) -> Night {
        let day = day(night).to_string();
        let mut command = self.command(&["run", "-v", "--as-of", &day]);
        let began = Instant::now();
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut pulling, mut reading, mut pulled, mut peak) = (began, Duration::ZERO, None, 0);
        let mut said = String::new();
        for line in lines.map_while(Result::ok) {
            if line.contains("\"name\":\"pulling\"") {
                pulling = Instant::now();
            } else if line.contains("\"name\":\"deriving\"") && pulled.is_none() {
                pulled = Some(pulling.elapsed());
                peak = high_water(child.id());
            } else if let Some((_, rest)) = line.split_once("\"seconds\":")
                && line.contains("\"event\":\"stream\"")
            {
                let digits: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || *c == '.')
                    .collect();
                reading = Duration::from_secs_f64(digits.parse().unwrap());
            }
            said.push_str(&line);
            said.push('\n');
        }
        let status = child.wait().unwrap();
        assert!(status.success(), "{said}");
        let whole = began.elapsed();
        let pulled = pulled.unwrap_or_else(|| panic!("no step is told:\n{said}"));
        Night {
            reading,
            recording: pulled.saturating_sub(reading),
            whole,
            peak,
        }
    }

    /// Makes what was written since `began` so many days old: upkeep goes by the age of files.
    pub(crate) fn age(&self, began: SystemTime, days: usize) {
        let written =
            SystemTime::now() - Duration::from_secs(86_400 * u64::try_from(days).unwrap());
        let mut folders = vec![self.folder.path().join("warehouse")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let metadata = entry.metadata().unwrap();
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else if metadata.modified().unwrap() >= began {
                    let file = File::open(entry.path()).unwrap();
                    file.set_modified(written).unwrap();
                }
            }
        }
    }

    /// Leaves one file of each table.
    pub(crate) fn compact(&self) {
        let status = self.command(&["warehouse", "compact"]).status().unwrap();
        assert!(status.success());
    }

    /// The files that make up the history, by the newest commit.
    pub(crate) fn history_files(&self) -> Vec<PathBuf> {
        let log = self.folder.path().join("warehouse/_log");
        let mut live: Vec<String> = Vec::new();
        let mut entries: Vec<PathBuf> = fs::read_dir(log)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.retain(|path| !path.display().to_string().contains("checkpoint"));
        entries.sort();
        for path in entries {
            let commit: serde_json::Value =
                serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let removed: Vec<&str> = commit["removed"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|p| p.as_str())
                .collect();
            live.retain(|path| !removed.contains(&path.as_str()));
            for file in commit["added"].as_array().unwrap() {
                if file["kind"] == "history" {
                    live.push(file["path"].as_str().unwrap().to_owned());
                }
            }
        }
        let root = self.folder.path().join("warehouse");
        live.into_iter().map(|path| root.join(path)).collect()
    }

    pub(crate) fn history_bytes(&self) -> u64 {
        let files = self.history_files();
        files
            .iter()
            .map(|file| fs::metadata(file).unwrap().len())
            .sum()
    }
}

/// Night 0 imports the past.
fn day(night: usize) -> Date {
    date(2025, 6, 1) + jiff::Span::new().days(i64::try_from(night).unwrap())
}

/// When a night's day begins, in minutes since 2024-01-01.
pub(crate) fn minutes_of(night: usize) -> u32 {
    let days = (day(night) - date(2024, 1, 1)).get_days();
    u32::try_from(days).unwrap() * 1_440
}

/// The most memory that a process ever held, in bytes.
fn high_water(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1_024
}
