//! Reads checked values out of a YAML tree and tells every problem, not only the first.
//!
//! A reading function returns `None` after it has told a problem. So a caller first reads all that
//! it needs and then takes the values with `?`. `fields` binds every known key of a map to a name:
//! a key that nobody reads is an unused variable, which the compiler tells.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::Sql;
use super::yaml::{Entry, File, Node, Value};
use crate::problem::{Place, Problem, nearest};

pub(super) struct Reader<'a> {
    pub(super) file: &'a File,
    problems: RefCell<Vec<Problem>>,
}

/// One known key of a map, present or not.
pub(super) struct Field<'a> {
    reader: &'a Reader<'a>,
    key: &'static str,
    /// The map it belongs to, as `a source`, and its place.
    of: &'static str,
    map: &'a Place,
    pub(super) node: Option<&'a Node>,
    /// Absent, but an unknown key that was told is likely meant for it.
    misspelt: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        Self {
            file,
            problems: RefCell::default(),
        }
    }

    /// All that was told, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.place.as_ref().map(|at| (at.line, at.column)));
        problems
    }

    pub(super) fn tell_problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Tells what is wrong with a value and what to do.
    pub(super) fn tell(&self, node: &Node, what: impl Into<String>, fix: &str) {
        self.tell_problem(Problem::new(what).at(node.place.clone()).fix(fix));
    }

    /// The same where a value is asked for: there is none.
    pub(super) fn refuse<T>(&self, node: &Node, what: impl Into<String>, fix: &str) -> Option<T> {
        self.tell(node, what, fix);
        None
    }

    /// Tells that a value is of another kind.
    fn expected<T>(&self, what: &str, node: &Node) -> Option<T> {
        let found = match &node.value {
            Value::Null => "nothing",
            Value::Boolean(_) => "`true` or `false`",
            Value::Integer(_) | Value::Decimal(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "keys and values",
        };
        let problem = Problem::new(format!("Expected {what}, found {found}"));
        let fix = match (what, &node.value) {
            ("text", Value::List(_) | Value::Map(_)) => None,
            ("text", _) => Some("Put it in quotes"),
            ("a list", _) => Some("Put it in brackets, as `[one, two]`"),
            _ => None,
        };
        let problem = problem.at(node.place.clone());
        self.tell_problem(match fix {
            Some(fix) => problem.fix(fix),
            None => problem,
        });
        None
    }

    /// The known keys of a map, in the order given. Other keys and repeated ones are problems.
    pub(super) fn fields<'n, const N: usize>(
        &'n self,
        node: &'n Node,
        of: &'static str,
        keys: [&'static str; N],
    ) -> Option<[Field<'n>; N]> {
        let misspelt = match &node.value {
            Value::Map(entries) => self.tell_strange_keys(entries, of, &keys),
            // A key with nothing behind it, or an empty file.
            Value::Null => Vec::new(),
            _ => return self.expected("keys and values", node),
        };
        Some(keys.map(|key| {
            Field {
                reader: self,
                key,
                of,
                map: &node.place,
                node: node
                    .get(key)
                    .filter(|node| !matches!(node.value, Value::Null)),
                misspelt: misspelt.contains(&key),
            }
        }))
    }

    /// Gives the known keys that were likely meant by unknown ones.
    fn tell_strange_keys<'k>(&self, entries: &[Entry], of: &str, keys: &[&'k str]) -> Vec<&'k str> {
        self.tell_repeated(entries.iter().map(Entry::named), "key");
        let known = |entry: &&Entry| keys.contains(&entry.key.as_str());
        let mut misspelt = Vec::new();
        for entry in entries.iter().filter(|entry| !known(entry)) {
            let problem = Problem::new(format!("Unknown key `{}` in {of}", entry.key));
            let fix = instead(&entry.key, keys);
            self.tell_problem(problem.at(entry.place.clone()).fix(fix));
            misspelt.extend(nearest(&entry.key, keys.iter().copied()));
        }
        misspelt
    }

    /// Tells every name that an earlier thing of its kind has too.
    pub(super) fn tell_repeated<'n>(
        &self,
        named: impl Iterator<Item = (String, &'n Place)>,
        what: &str,
    ) {
        let mut first = BTreeMap::new();
        for (name, place) in named {
            let Some(line) = first.get(&name) else {
                first.insert(name, place.line);
                continue;
            };
            let problem = Problem::new(format!("The {what} `{name}` is there twice"))
                .at(place.clone())
                .why(format!("it is in line {line} already"));
            self.tell_problem(problem.fix("Remove or rename one of them"));
        }
    }

    /// The entries of a map whose keys are the user's own.
    pub(super) fn entries<'n>(&self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => self.expected(what, node),
        }
    }

    /// Every item of a list. All are read, also behind one that is refused.
    pub(super) fn list<'n, T>(
        &self,
        node: &'n Node,
        read: impl FnMut(&'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            return self.expected("a list", node);
        };
        let read: Vec<Option<T>> = items.iter().map(read).collect();
        read.into_iter().collect()
    }

    /// A list of at least one.
    pub(super) fn some<'n, T>(
        &self,
        node: &'n Node,
        read: impl FnMut(&'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.list(node, read)?;
        if items.is_empty() {
            return self.refuse(node, "This list is empty", "Add at least one");
        }
        Some(items)
    }

    /// A text of one line, without control characters, not blank.
    pub(super) fn text(&self, node: &Node) -> Option<String> {
        let text = self.any_text(node)?;
        if text.trim().is_empty() {
            return self.refuse(node, "This text is empty", "Write it, or remove the key");
        }
        if text.chars().any(char::is_control) {
            let what = "This text holds a line break or a control character";
            return self.refuse(node, what, "Write it in one line");
        }
        Some(text.trim().to_owned())
    }

    /// Any text at all, the empty one too.
    pub(super) fn any_text<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            _ => self.expected("text", node),
        }
    }

    /// A number with its unit, as it was written. Without one it is a number in YAML, and what is wrong
    /// with it is that.
    pub(super) fn quantity(&self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.trim().to_owned()),
            Value::Integer(number) => Some(number.to_string()),
            _ => self.expected("a number with its unit", node),
        }
    }

    /// A name that can stand bare in SQL.
    pub(super) fn identifier(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
        if first && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Some(text);
        }
        let what = format!("`{text}` cannot be a name in SQL");
        let fix = "Begin with a small letter and use small letters, digits and `_` only";
        self.refuse(node, what, fix)
    }

    /// A name of a thing that is no SQL name: `first-year`, `2026-q4`.
    pub(super) fn label(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if text.bytes().all(plain) {
            return Some(text);
        }
        let what = format!("`{text}` cannot be a name here");
        self.refuse(node, what, "Use small letters, digits, `-` and `_` only")
    }

    /// A whole number within bounds.
    pub(super) fn whole<T: TryFrom<i64>>(
        &self,
        node: &Node,
        bounds: RangeInclusive<i64>,
    ) -> Option<T> {
        let Value::Integer(value) = node.value else {
            return self.expected("a whole number", node);
        };
        let read = T::try_from(value).ok().filter(|_| bounds.contains(&value));
        read.or_else(|| {
            let (low, high) = bounds.into_inner();
            let fix = format!("Write a number from {low} to {high}");
            self.refuse(node, format!("{value} is out of bounds"), &fix)
        })
    }

    /// A share: a number from 0 to 1.
    pub(super) fn share(&self, node: &Node) -> Option<f64> {
        match node.value {
            Value::Integer(0) => Some(0.0),
            Value::Integer(1) => Some(1.0),
            Value::Decimal(value) if (0.0..=1.0).contains(&value) => Some(value),
            Value::Integer(_) | Value::Decimal(_) => {
                let what = "A share is a number from 0 to 1";
                self.refuse(node, what, "Write 30 % as `0.3`")
            }
            _ => self.expected("a number from 0 to 1", node),
        }
    }

    /// `30 days`.
    pub(super) fn days(&self, node: &Node) -> Option<u32> {
        let text = self.quantity(node)?;
        let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
        let days = number.parse().ok().filter(|days| *days <= 3660);
        days.filter(|_| matches!(unit.trim(), "day" | "days"))
            .or_else(|| {
                let what = format!("`{text}` is no number of days");
                self.refuse(node, what, "Write it as `30 days`")
            })
    }

    /// `3 minutes`.
    pub(super) fn minutes(&self, node: &Node) -> Option<u32> {
        let text = self.quantity(node)?;
        let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
        let minutes = number.parse().ok().filter(|minutes| *minutes <= 600);
        minutes
            .filter(|_| matches!(unit.trim(), "minute" | "minutes"))
            .or_else(|| {
                let what = format!("`{text}` is no number of minutes up to 600");
                self.refuse(node, what, "Write it as `3 minutes`")
            })
    }

    pub(super) fn boolean(&self, node: &Node) -> Option<bool> {
        match node.value {
            Value::Boolean(value) => Some(value),
            _ => self.expected("`true` or `false`", node),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        node: &Node,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.word(node, self.any_text(node)?, what, words)
    }

    /// The meaning of a word that stands in a text.
    pub(super) fn word<T: Copy>(
        &self,
        node: &Node,
        text: &str,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let fix = instead(text, &words);
        self.refuse(node, format!("`{text}` is no {what}"), &fix)
    }

    /// One of the names given.
    pub(super) fn one_of(&self, node: &Node, what: &str, names: &[&str]) -> Option<String> {
        let names: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
        self.choice(node, what, &names).map(str::to_owned)
    }

    /// A day as `2026-10-01`.
    pub(super) fn date(&self, node: &Node) -> Option<Date> {
        let text = self.any_text(node)?;
        self.day(text, &node.place)
    }

    pub(super) fn day(&self, text: &str, place: &Place) -> Option<Date> {
        let date = text.parse::<Date>().ok();
        date.filter(|date| date.to_string() == text).or_else(|| {
            let problem = Problem::new(format!("`{text}` is no date")).at(place.clone());
            self.tell_problem(problem.fix("Write year-month-day, as `2026-10-01`"));
            None
        })
    }

    /// A piece of SQL, of any number of lines.
    pub(super) fn sql(&self, node: &Node) -> Option<Sql> {
        let text = self.any_text(node)?;
        if text.trim().is_empty() {
            let fix = "Write an expression over the columns";
            return self.refuse(node, "SQL is missing here", fix);
        }
        Some(Sql {
            text: text.to_owned(),
            place: self.file.content(&node.place),
        })
    }

    /// The name of a column, where an expression will not do.
    pub(super) fn column(&self, node: &Node) -> Option<Sql> {
        Some(Sql {
            text: self.identifier(node)?,
            place: self.file.content(&node.place),
        })
    }
}

impl<'a> Field<'a> {
    /// Whether the user meant to write it.
    pub(super) fn is_meant(&self) -> bool {
        self.node.is_some() || self.misspelt
    }

    /// The value; that it is absent is a problem.
    pub(super) fn required<T>(&self, read: impl FnOnce(&'a Node) -> Option<T>) -> Option<T> {
        if !self.is_meant() {
            let problem = Problem::new(format!("`{}` is missing in {}", self.key, self.of));
            let fix = format!("Add `{}:`", self.key);
            self.reader
                .tell_problem(problem.at(self.map.clone()).fix(fix));
        }
        read(self.node?)
    }

    /// The value, if it is there. The outer `None` means that a problem was told.
    #[expect(clippy::option_option, reason = "told and absent are two things")]
    pub(super) fn optional<T>(
        &self,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.node {
            Some(node) => read(node).map(Some),
            None => Some(None),
        }
    }

    /// The value, or another where it is absent.
    pub(super) fn or<T>(&self, absent: T, read: impl FnOnce(&'a Node) -> Option<T>) -> Option<T> {
        self.node.map_or(Some(absent), read)
    }
}

/// What to write instead of an unknown word.
pub(super) fn instead(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("Did you mean `{near}`?"),
        None if known.is_empty() => "None is defined; add it".to_owned(),
        None => format!("Known here: `{}`", known.join("`, `")),
    }
}
