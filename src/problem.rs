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
    pub(crate) place: Option<Box<Place>>,
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

    /// The same place without the line itself, for a line that must not be shown.
    pub(crate) fn unseen(mut self) -> Self {
        self.text.clear();
        self
    }

    /// What stands before the column, made blank; tabs stay, so that the caret stands right.
    fn indent(&self) -> String {
        let before = self.text.chars().chain(std::iter::repeat(' '));
        before
            .take(self.column - 1)
            .map(|char| if char == '\t' { '\t' } else { ' ' })
            .collect()
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
        self.place = Some(Box::new(place));
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

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// The candidate that `word` is likely a misspelling of: at most one edit in three characters away,
/// where swapping two neighbours is one edit, and capitals, `-` and `_` make no difference.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = plain(word);
    let near = candidates
        .into_iter()
        .map(|candidate| (edits(&word, &plain(candidate)), candidate))
        .filter(|(edits, candidate)| *edits <= (candidate.chars().count() / 3).max(1));
    near.min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> Vec<char> {
    let lower = word.chars().flat_map(char::to_lowercase);
    lower.map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn edits(left: &[char], right: &[char]) -> usize {
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b)).min(last[j + 1].min(row[j]) + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
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
                write!(
                    f,
                    "\n{gutter} |\n{} | {}\n{gutter} | {}^",
                    place.line,
                    place.text,
                    place.indent()
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

#[cfg(test)]
mod tests {
    use super::*;

    // A problem shows what, where with a caret, why and the fix; a tab before the place moves the caret.
    #[test]
    fn shows_itself() {
        let problem = Problem::new("Unknown key `b`")
            .at(Place::of("a.yaml", "x: 1\n\tb: 2\n", 2, 2))
            .why("it is not known")
            .fix("Remove it");
        let shown = "Unknown key `b`\n --> a.yaml:2:2\n  |\n2 | \tb: 2\n  | \t^\n  \
                     why: it is not known\n  fix: Remove it";
        assert_eq!(problem.to_string(), shown);
    }

    // A place whose line must not be shown gives file, line and column alone.
    #[test]
    fn hides_a_line() {
        let place = Place::of("a.yaml", "password: hunter2", 1, 11).unseen();
        let shown = Problem::new("A password").at(place).to_string();
        assert_eq!(shown, "A password\n --> a.yaml:1:11");
    }

    // A misspelling finds its word; a different word finds none.
    #[test]
    fn finds_the_nearest_word() {
        let words = ["table", "time_zone", "on", "daily"];
        let found = |word| nearest(word, words);
        assert_eq!(found("tabel"), Some("table"));
        assert_eq!(found("Time-Zone"), Some("time_zone"));
        assert_eq!(found("no"), Some("on"));
        assert_eq!(found("dayly"), Some("daily"));
        assert_eq!(found("recipients"), None);
        assert_eq!(found(""), None);
    }
}
