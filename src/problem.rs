//! What every refusal of a user's input looks like: what, where (file, line, column and a caret),
//! why, and what to do. Parsers collect problems and return all of them at once.

use std::fmt;

/// A place in a text that a user wrote. Lines and columns start at 1; the column counts characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file as the user would name it.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The line itself, shown with a caret under `column`.
    pub(crate) text: String,
}

/// One thing that is wrong with a user's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong, in one sentence without a full stop.
    pub(crate) what: String,
    pub(crate) place: Option<Place>,
    /// Why it is refused, when that is not plain from `what`.
    pub(crate) why: Option<String>,
    /// What to do.
    pub(crate) fix: Option<String>,
}

/// All that is wrong with a user's input; never empty.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Place {
    /// The place of `line` and `column` in `text`, the whole content of `file`.
    pub(crate) fn of(file: &str, text: &str, line: usize, column: usize) -> Self {
        let line = line.max(1);
        Self {
            file: file.to_owned(),
            line,
            column: column.max(1),
            text: text.lines().nth(line - 1).unwrap_or_default().to_owned(),
        }
    }
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: None,
            why: None,
            fix: None,
        }
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(place) = &self.place {
            let gutter = " ".repeat(place.line.to_string().len());
            write!(
                f,
                "\n{gutter}--> {}:{}:{}",
                place.file, place.line, place.column
            )?;
            if !place.text.is_empty() {
                let indent = " ".repeat(place.column - 1);
                write!(
                    f,
                    "\n{gutter} |\n{} | {}\n{gutter} | {indent}^",
                    place.line, place.text
                )?;
            }
        }
        if let Some(why) = &self.why {
            write!(f, "\n  why: {why}")?;
        }
        if let Some(fix) = &self.fix {
            write!(f, "\n  fix: {fix}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                write!(f, "\n\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}
