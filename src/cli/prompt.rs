//! The prompt of `leadgauge sql`: lines until `;`, a history, completion of table names.

use std::borrow::Cow;
use std::path::PathBuf;

use rustyline::completion::{Completer, Pair};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};

/// What the user typed.
pub(super) enum Typed {
    Query(String),
    /// `\d`: list the tables.
    Tables,
    /// `\d name`: a table's columns.
    Columns(String),
    Help,
    Quit,
}

pub(super) struct Prompt {
    editor: Editor<Names, DefaultHistory>,
    history: Option<PathBuf>,
}

impl Prompt {
    /// `names` are completed; `history` is read and kept, if it can be.
    pub(super) fn new(names: Vec<String>, history: Option<PathBuf>) -> Result<Self, ReadlineError> {
        let mut editor = Editor::new()?;
        editor.set_auto_add_history(true);
        editor.set_helper(Some(Names(names)));
        if let Some(file) = &history {
            // The first prompt has no history yet.
            let _absent = editor.load_history(file);
        }
        Ok(Self { editor, history })
    }

    /// The next thing typed; none at the end of input.
    pub(super) fn next(&mut self) -> Result<Option<Typed>, ReadlineError> {
        loop {
            return match self.editor.readline("leadgauge> ") {
                Ok(line) => match understood(&line) {
                    Some(typed) => Ok(Some(typed)),
                    None => continue,
                },
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => Ok(None),
                Err(error) => Err(error),
            };
        }
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        if let Some(file) = &self.history {
            // A history that cannot be kept costs nobody their answer.
            let _kept = self.editor.save_history(file);
        }
    }
}

fn understood(line: &str) -> Option<Typed> {
    let line = line.trim().trim_end_matches(';').trim();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [] => None,
        ["\\q" | "quit" | "exit"] => Some(Typed::Quit),
        ["\\d"] => Some(Typed::Tables),
        ["\\d", name] => Some(Typed::Columns((*name).to_owned())),
        ["\\?" | "help"] => Some(Typed::Help),
        _ => Some(Typed::Query(line.to_owned())),
    }
}

/// The names that are completed.
struct Names(Vec<String>);

impl Completer for Names {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..at).unwrap_or(line);
        let start = before
            .rfind(|c: char| c.is_whitespace() || "(,".contains(c))
            .map_or(0, |index| index + 1);
        let word = before.get(start..).unwrap_or_default();
        let pair = |name: &String| Pair {
            display: name.clone(),
            replacement: name.clone(),
        };
        let matching = self
            .0
            .iter()
            .filter(|name| !word.is_empty() && name.starts_with(word));
        Ok((start, matching.map(pair).collect()))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }
}

impl Validator for Names {
    /// A query goes on until its `;`; a command is one line.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input().trim();
        let one_line = text.starts_with('\\') || ["", "quit", "exit", "help"].contains(&text);
        Ok(if one_line || text.ends_with(';') {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Helper for Names {}
