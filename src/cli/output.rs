//! The only printing: data to standard output, everything else to standard error. On a terminal a
//! spinner tells the step; elsewhere each event is one line of JSON, for cron's log.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::{Event, StreamResult};
use crate::warehouse::{Frame, FrameFormat, QueryError};

/// Where words go.
pub(super) struct Output {
    json: bool,
    verbose: bool,
    spinner: Option<ProgressBar>,
    /// Keeps lines whole when several tasks speak.
    lock: Mutex<()>,
}

impl Output {
    pub(super) fn new(json: bool, verbose: bool) -> Self {
        let spinner = (std::io::stderr().is_terminal() && !json).then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let spinner = ProgressBar::new_spinner().with_style(style);
            spinner.enable_steady_tick(Duration::from_millis(120));
            spinner
        });
        Self {
            json,
            verbose,
            spinner,
            lock: Mutex::new(()),
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        self.json
    }

    /// Data, as it is. A reader that went away (`| head`) is no failure.
    pub(super) fn data(&self, bytes: &[u8]) {
        self.put(&mut std::io::stdout().lock(), bytes);
    }

    /// A result as one line of JSON.
    pub(super) fn json(&self, value: &serde_json::Value) {
        self.data(format!("{value}\n").as_bytes());
    }

    /// Rows as a table or, where that is asked for, as a line of JSON.
    pub(super) fn rows(&self, frame: &Frame) -> Result<(), QueryError> {
        if self.json {
            let mut bytes = frame.bytes(FrameFormat::Json)?;
            bytes.push(b'\n');
            self.data(&bytes);
        } else {
            self.data(&frame.bytes(FrameFormat::Table)?);
        }
        Ok(())
    }

    /// A line for a person, on standard error.
    pub(super) fn say(&self, line: &str) {
        self.put(
            &mut std::io::stderr().lock(),
            format!("{line}\n").as_bytes(),
        );
    }

    /// A failure: what, the causes below it, and what to do.
    pub(super) fn error(&self, error: &dyn Error, fix: Option<&str>) {
        let mut text = format!("error: {error}");
        for cause in causes(error) {
            text.push_str("\n  why: ");
            text.push_str(&cause);
        }
        if let Some(fix) = fix {
            text.push_str("\n  fix: ");
            text.push_str(fix);
        }
        self.say(&text);
    }

    /// Follows one of many runs: on a terminal the step, elsewhere nothing.
    pub(super) fn progress(&self, event: &Event) {
        if let (Some(spinner), Event::Step { name, as_of }) = (&self.spinner, event) {
            spinner.set_message(format!("{as_of}  {name}"));
        }
    }

    /// Follows a run.
    pub(super) fn event(&self, event: &Event) {
        match (&self.spinner, event) {
            (Some(_), Event::Step { .. }) => self.progress(event),
            (Some(_), Event::Stream(result)) if self.verbose => self.say(&stream_line(result)),
            (Some(_), Event::Note { what }) => self.say(&format!("note: {what}")),
            (None, Event::Stream(_) | Event::Note { .. }) => self.log(event),
            (None, Event::Step { .. }) if self.verbose => self.log(event),
            _ => {}
        }
    }

    /// One line of JSON for whoever keeps the log.
    fn log(&self, event: &Event) {
        let line = serde_json::to_string(event).unwrap_or_else(|error| error.to_string());
        self.say(&line);
    }

    /// Takes the spinner away, so that what is printed next stands alone.
    pub(super) fn finish(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }

    fn put(&self, to: &mut impl Write, bytes: &[u8]) {
        let _whole = self.lock.lock();
        let mut write = || to.write_all(bytes).and_then(|()| to.flush());
        // Nowhere is left to report a failure to write to.
        let _written = if let Some(spinner) = &self.spinner {
            spinner.suspend(write)
        } else {
            write()
        };
    }
}

/// The causes below an error, outermost first, without those that only repeat what they wrap.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut told = Vec::new();
    let mut below = error.source();
    while let Some(cause) = below {
        told.push(cause.to_string());
        below = cause.source();
    }
    let head = error.to_string();
    let inner = |at: usize| told.get(at + 1..).unwrap_or_default();
    let news = told.iter().enumerate().filter(|(at, cause)| {
        !head.contains(cause.as_str()) && !inner(*at).iter().any(|it| cause.contains(it.as_str()))
    });
    news.map(|(_, cause)| cause.clone()).collect()
}

/// What came of a stream; what is wrong with it is told when the run has ended.
fn stream_line(result: &StreamResult) -> String {
    let name = format!("{}.{}", result.source, result.stream);
    if result.outcome != "ok" {
        return format!("{name}: {}", result.outcome);
    }
    format!(
        "{name}: {} rows, {} new, {} changed",
        result.recorded.rows, result.recorded.new, result.recorded.changed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Link(&'static str, #[source] Option<Box<Link>>);

    fn chain(texts: &[&'static str]) -> Option<Box<Link>> {
        let (first, rest) = texts.split_first()?;
        Some(Box::new(Link(first, chain(rest))))
    }

    // A cause that quotes the one below it, and one that the error itself says, are left out.
    #[test]
    fn causes_are_told_once() {
        let told = |texts: &[&'static str]| causes(&*chain(texts).unwrap());
        let wrapped = ["Cannot read `a`", "IO error for `a`: denied", "denied"];
        assert_eq!(told(&wrapped), ["denied"]);
        assert_eq!(
            told(&["Cannot read `a`", "no key", "denied"]),
            ["no key", "denied"]
        );
        assert!(told(&["Cannot read `a`: denied", "denied"]).is_empty());
    }
}
