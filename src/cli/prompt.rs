//! The prompt of `leadgauge sql`: lines until `;`, a history, completion of table names.

use std::borrow::Cow;
use std::io::{IsTerminal, Lines, StdinLock};
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

pub(super) enum Prompt {
    /// With editing, completion and a history.
    Terminal {
        editor: Box<Editor<Names, DefaultHistory>>,
        history: Option<PathBuf>,
    },
    /// A file or another program's output, read as it is.
    Piped(Lines<StdinLock<'static>>),
}

impl Prompt {
    /// `names` are completed; `history` tells where one is kept, if it can be.
    pub(super) fn new(
        names: Vec<String>,
        history: impl FnOnce() -> Option<PathBuf>,
    ) -> Result<Self, ReadlineError> {
        if !std::io::stdin().is_terminal() {
            return Ok(Self::Piped(std::io::stdin().lines()));
        }
        let mut editor = Editor::new()?;
        editor.set_auto_add_history(true);
        editor.set_helper(Some(Names(names)));
        let history = history();
        if let Some(file) = &history {
            // The first prompt has no history yet.
            let _absent = editor.load_history(file);
        }
        Ok(Self::Terminal {
            editor: Box::new(editor),
            history,
        })
    }

    pub(super) fn is_piped(&self) -> bool {
        matches!(self, Self::Piped(_))
    }

    /// The next thing typed; none at the end of input.
    pub(super) fn next(&mut self) -> Result<Option<Typed>, ReadlineError> {
        loop {
            let text = match self {
                Self::Piped(lines) => piped(lines)?,
                Self::Terminal { editor, .. } => match editor.readline("leadgauge> ") {
                    Ok(text) => Some(text),
                    Err(ReadlineError::Interrupted) => continue,
                    Err(ReadlineError::Eof) => None,
                    Err(error) => return Err(error),
                },
            };
            match text.as_deref().map(understood) {
                Some(None) => {}
                Some(typed) => return Ok(typed),
                None => return Ok(None),
            }
        }
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        if let Self::Terminal {
            editor,
            history: Some(file),
        } = self
        {
            // A history that cannot be kept costs nobody their answer.
            let _kept = editor.save_history(file);
        }
    }
}

/// The lines up to the end of a query or a command. What the input ends with needs no `;`.
fn piped(
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
) -> Result<Option<String>, ReadlineError> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line?);
        if is_whole(&text) {
            return Ok(Some(text));
        }
        text.push('\n');
    }
    Ok((!text.trim().is_empty()).then_some(text))
}

/// A query goes on until its `;`; a command is one line.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    let one_line = text.starts_with('\\') || ["", "quit", "exit", "help"].contains(&text);
    one_line || text.ends_with(';')
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
pub(super) struct Names(Vec<String>);

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
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_whole(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Helper for Names {}
