//! Processes run to their end, with the time and the memory that they took.
#![allow(dead_code, reason = "a benchmark takes what it needs of this")]

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Ran {
    pub(crate) seconds: f64,
    /// The most memory that it ever held.
    pub(crate) peak_mib: u64,
    pub(crate) stdout: String,
}

/// The release executable, in a folder.
pub(crate) fn leadgauge(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadgauge"));
    command.args(args).current_dir(folder);
    command
}

/// Runs a process to its end; one that fails ends the benchmark.
pub(crate) fn run(mut command: Command) -> Ran {
    let began = Instant::now();
    let mut out = tempfile::tempfile().unwrap();
    let mut child = command
        .stdout(Stdio::from(out.try_clone().unwrap()))
        .spawn()
        .unwrap();
    let mut peak_mib = 0;
    let status = loop {
        peak_mib = peak_mib.max(high_water(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?} failed");
    let mut stdout = String::new();
    out.rewind().unwrap();
    out.read_to_string(&mut stdout).unwrap();
    Ran {
        seconds,
        peak_mib,
        stdout,
    }
}

/// The most memory that a process ever held, in MiB; 0 once it is gone.
fn high_water(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.map_or(0, |text| text.parse::<u64>().unwrap() / 1_024)
}

/// A Python of its own under `target` that has these packages from PyPI.
pub(crate) fn python(venv: &str, packages: &[&str]) -> PathBuf {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(venv);
    let python = venv.join("bin/python");
    if !python.is_file() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&venv);
        run(make);
    }
    let mut install = Command::new(&python);
    install
        .args(["-m", "pip", "install", "-q", "--disable-pip-version-check"])
        .args(packages);
    run(install);
    python
}

pub(crate) fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
