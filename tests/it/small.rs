//! The small deployment of `tests/it/small`: one source, five streams, three nights.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::{Project, Ran};

pub(crate) const FIRST: &str = "2025-03-06";
pub(crate) const SECOND: &str = "2025-03-07";
/// A Saturday, after which a week ends here: the weekly report is due.
pub(crate) const THIRD: &str = "2025-03-08";

pub(crate) fn fresh() -> Project {
    Project::from("small")
}

/// With the first night published, its mails sent. The night is run once for all tests.
pub(crate) fn published() -> Project {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        remove_old(kept);
        let folder = kept.join(format!("small-{}", std::process::id()));
        let project = fresh();
        project.ok(&["run", "--as-of", FIRST]);
        let _earlier = fs::remove_dir_all(&folder);
        for file in project.files("") {
            let target = folder.join(&file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(project.path(&file), target).unwrap();
        }
        folder
    });
    Project::from(&folder.display().to_string())
}

/// Removes what earlier test runs left behind; one of this hour may still be at work.
fn remove_old(folder: &Path) {
    let hour = Duration::from_hours(1);
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with("small-");
        let changed = entry.metadata().and_then(|found| found.modified());
        let age = changed.ok().and_then(|changed| changed.elapsed().ok());
        if ours && age.is_some_and(|age| age > hour) {
            let _gone = fs::remove_dir_all(entry.path());
        }
    }
}

/// Runs one night.
pub(crate) fn night(project: &Project, day: &str) -> Ran {
    project.run(&["run", "--as-of", day])
}

/// What a run says in words: without the log's lines of JSON and without seconds.
pub(crate) fn told(ran: &Ran) -> String {
    let lines = ran.stderr.lines().filter(|line| !line.starts_with('{'));
    let timeless = lines.map(|line| match line.rsplit_once(", ") {
        Some((before, seconds)) if is_seconds(seconds) => format!("{before}, … s"),
        _ => line.to_owned(),
    });
    timeless.collect::<Vec<_>>().join("\n")
}

fn is_seconds(text: &str) -> bool {
    let number = text.strip_suffix(" s");
    number.is_some_and(|number| number.parse::<f64>().is_ok())
}

/// All that a run can change: versions, everything they are made of, the ledger, the mails.
pub(crate) fn state(project: &Project) -> Vec<String> {
    let files = [project.files("warehouse"), project.files("mail")].concat();
    let lock = |file: &String| file.ends_with("writer.lock");
    files.into_iter().filter(|file| !lock(file)).collect()
}

/// The files by which versions become visible.
pub(crate) fn commits(project: &Project) -> usize {
    project.files("warehouse/_log").len()
}

/// Runs the program with something to read on its standard input.
pub(crate) fn piped(project: &Project, args: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_leadgauge"))
        .args(args)
        .current_dir(project.root())
        .env_remove("LEADGAUGE_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
