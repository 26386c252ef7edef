//! The only printing: data to standard output, everything else to standard error. On a terminal a
//! spinner tells the step; elsewhere each event is one line of JSON, for cron's log.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::{Event, StreamResult};

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

    /// A line for a person, on standard error.
    pub(super) fn say(&self, line: &str) {
        self.put(
            &mut std::io::stderr().lock(),
            format!("{line}\n").as_bytes(),
        );
    }

    /// A failure with everything below it.
    pub(super) fn error(&self, error: &dyn std::error::Error) {
        let mut text = format!("error: {error}");
        let mut below = error.source();
        while let Some(source) = below {
            let part = source.to_string();
            if !text.contains(&part) {
                text.push_str("\n  caused by: ");
                text.push_str(&part);
            }
            below = source.source();
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
            (None, Event::Step { .. }) if !self.verbose => {}
            (Some(_), Event::Stream(result)) if result.message.is_none() && !self.verbose => {}
            (Some(_), Event::Stream(result)) => self.say(&stream_line(result)),
            (Some(_), Event::Problem { message }) => self.say(&format!("warning: {message}")),
            (None, event) => {
                let line = serde_json::to_string(event).unwrap_or_else(|error| error.to_string());
                self.say(&line);
            }
        }
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

fn stream_line(result: &StreamResult) -> String {
    let name = format!("{}.{}", result.source, result.stream);
    match &result.message {
        Some(message) => format!(
            "warning: `{name}` is {}\n  {}",
            result.outcome,
            message.replace('\n', "\n  ")
        ),
        None => format!(
            "{name}: {} rows, {} new, {} changed",
            result.recorded.rows, result.recorded.new, result.recorded.changed
        ),
    }
}
