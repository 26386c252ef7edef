//! A report's page as a browser prints it: an installed Chromium, without a window, for one page, with
//! a profile of its own that is gone afterwards. It runs no script and asks no network for anything.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::fs;

/// A page of a report takes about two seconds.
const PATIENCE: Duration = Duration::from_mins(1);
const GLANCE: Duration = Duration::from_millis(50);

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Comes before the page. The doctype and the head of the page itself then count for nothing, but
/// all that stands in it does.
const NOTHING_ELSE: &str = "<!doctype html><meta http-equiv=\"Content-Security-Policy\" \
    content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">";

const SWITCHES: [&str; 9] = [
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",
];

/// A browser that prints.
pub(super) struct Printer {
    chromium: PathBuf,
    patience: Duration,
}

impl Printer {
    /// The configured browser, else one in the program's path; what to do where there is none.
    pub(super) fn find(configured: Option<&Path>) -> Result<Self, String> {
        let path = env::var_os("PATH").unwrap_or_default();
        let places = env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
        let found = match configured {
            Some(chromium) => Some(chromium.to_owned()),
            None => places.into_iter().find(|place| place.is_file()),
        };
        let chromium = found.ok_or(
            "no Chromium is in the path\n  fix: install one, or name it: \
             `pdf: { chromium: /usr/bin/chromium }` in `delivery`",
        )?;
        Ok(Self {
            chromium,
            patience: PATIENCE,
        })
    }

    /// The page as PDF, dated as its mails are; why not, in words.
    pub(super) async fn print(&self, page: &str, dated: Timestamp) -> Result<Vec<u8>, String> {
        let folder = fs::scratch().map_err(|error| error.to_string())?;
        let (html, pdf) = (
            folder.path().join("page.html"),
            folder.path().join("page.pdf"),
        );
        let page = format!("{NOTHING_ELSE}{page}");
        fs::write(&html, page.as_bytes()).map_err(|error| error.to_string())?;
        let shown = self.chromium.display();
        let started = self.command(folder.path(), &html, &pdf).spawn();
        let child = started.map_err(|error| format!("`{shown}` does not start: {error}"))?;
        let ended = self.ended(child).await?;
        let bytes = std::fs::read(&pdf).unwrap_or_default();
        if !bytes.starts_with(b"%PDF") {
            return Err(format!("`{shown}` made none and ended with {ended}"));
        }
        Ok(dated_at(bytes, dated))
    }

    fn command(&self, folder: &Path, html: &Path, pdf: &Path) -> Command {
        let mut command = Command::new(&self.chromium);
        let of = |switch: &str, path: &Path| format!("--{switch}={}", path.display());
        command.args(SWITCHES);
        // A sandbox of its own is not to be had for root.
        if is_root() {
            command.arg("--no-sandbox");
        }
        command.arg(of("user-data-dir", &folder.join("profile")));
        command.arg(of("print-to-pdf", pdf)).arg(html);
        // The program's variables may hold secrets.
        command.env_clear().env("HOME", folder);
        command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }

    async fn ended(&self, mut child: Child) -> Result<ExitStatus, String> {
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if began.elapsed() < self.patience => tokio::time::sleep(GLANCE).await,
                outcome => {
                    kill(&mut child);
                    let shown = self.chromium.display();
                    let seconds = self.patience.as_secs();
                    return Err(match outcome {
                        Err(error) => format!("`{shown}` was lost sight of: {error}"),
                        Ok(_) => format!("`{shown}` did not end within {seconds} seconds"),
                    });
                }
            }
        }
    }
}

/// Ends the browser and what it started, which are one group.
fn kill(child: &mut Child) {
    let group = format!("-{}", child.id());
    let mut command = Command::new("kill");
    command.args(["-KILL", "--", &group]).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok();
    child.kill().ok();
    child.wait().ok();
}

fn is_root() -> bool {
    #[cfg(unix)]
    return std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    #[cfg(not(unix))]
    false
}

/// Puts the date in place of the wall clock's, digit for digit.
fn dated_at(mut pdf: Vec<u8>, dated: Timestamp) -> Vec<u8> {
    let date = dated.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S");
    let date = date.to_string().into_bytes();
    for key in [&b"/CreationDate (D:"[..], b"/ModDate (D:"] {
        let place = pdf.windows(key.len()).rposition(|part| part == key);
        let digits = place.map(|at| at + key.len());
        if let Some(digits) = digits.and_then(|at| pdf.get_mut(at..at + date.len())) {
            digits.copy_from_slice(&date);
        }
    }
    pdf
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<!doctype html><html lang=en><head><title>T</title></head><h1>31 MQLs</h1>";

    fn dated() -> Timestamp {
        "2026-11-20T04:59:59.999999Z".parse().unwrap()
    }

    /// A stand-in for a browser, in the shell's words.
    #[cfg(unix)]
    fn stand_in(folder: &Path, script: &str, patience: Duration) -> Printer {
        use std::os::unix::fs::PermissionsExt;
        let chromium = folder.join("chromium");
        fs::write(&chromium, format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&chromium, executable).unwrap();
        Printer { chromium, patience }
    }

    // A browser that hangs is killed, with what it started, and it is said.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_browser_that_hangs_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let printer = stand_in(folder.path(), &script, Duration::from_secs(1));
        let why = printer.print(PAGE, dated()).await.unwrap_err();
        let shown = printer.chromium.display();
        assert_eq!(why, format!("`{shown}` did not end within 1 seconds"));
        let pid = std::fs::read_to_string(pid).unwrap();
        // Gone, or a zombie that its new parent has not looked after yet; a signal takes its time.
        let lives = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            state.is_ok_and(|state| !state.contains(") Z "))
        };
        let began = Instant::now();
        while lives() {
            assert!(began.elapsed() < PATIENCE, "it lives");
            tokio::time::sleep(GLANCE).await;
        }
    }

    // A browser that makes nothing is told, and so is one that is not there; none sees the program's
    // variables.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_browser_that_fails_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let script = "[ -z \"$CARGO_MANIFEST_DIR\" ] && exit 7";
        let printer = stand_in(folder.path(), script, PATIENCE);
        let why = printer.print(PAGE, dated()).await.unwrap_err();
        let shown = printer.chromium.display().to_string();
        assert_eq!(
            why,
            format!("`{shown}` made none and ended with exit status: 7")
        );
        let none = Printer::find(Some(Path::new("/nowhere/chromium"))).unwrap();
        let why = none.print(PAGE, dated()).await.unwrap_err();
        assert!(
            why.starts_with("`/nowhere/chromium` does not start: "),
            "{why}"
        );
    }

    // An installed Chromium prints the same bytes twice, dated as it is told.
    #[tokio::test]
    async fn the_same_page_is_the_same_pdf() {
        let Ok(printer) = Printer::find(None) else {
            return;
        };
        let first = printer.print(PAGE, dated()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let second = printer.print(PAGE, dated()).await.unwrap();
        assert!(first == second);
        let text = String::from_utf8_lossy(&first);
        assert!(text.contains("/CreationDate (D:20261120045959"));
    }
}
