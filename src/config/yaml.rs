//! YAML text as a tree whose every key and value knows its place.
//!
//! `serde_saphyr` parses; reading the tree rather than deserialising into structs is what lets one
//! file tell all its problems at once. Duplicate keys are kept, for the reader to tell.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Spanned};

use crate::problem::{Place, Problem, nearest};

#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Of the key.
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// The value under a key, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let found = self.entries().iter().find(|entry| entry.key == key);
        found.map(|entry| &entry.node)
    }

    /// The entries, where this is a map.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items, where this is a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, where this is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text under `key` of every item that has it, with its place.
    pub(super) fn names<'n>(&'n self, key: &str) -> impl Iterator<Item = (String, &'n Place)> {
        let values = self.items().iter().filter_map(move |item| item.get(key));
        values.filter_map(Self::named)
    }

    /// The text, where this is one, with its place.
    pub(super) fn named(&self) -> Option<(String, &Place)> {
        Some((self.as_text()?.to_owned(), &self.place))
    }
}

impl Entry {
    pub(super) fn named(&self) -> (String, &Place) {
        (self.key.clone(), &self.place)
    }
}

/// One YAML file that a user wrote.
#[derive(Debug)]
pub(super) struct File {
    /// As the user would name it.
    name: String,
    text: String,
    /// The text, line for line, with the values of secrets cut out.
    shown: String,
}

impl File {
    pub(super) fn new(name: String, text: String) -> Self {
        let shown = without_secrets(&text);
        Self { name, text, shown }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The tree; null for an empty file.
    pub(super) fn parse(&self) -> Result<Node, Problem> {
        let options = serde_saphyr::options! {
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            // Only `true` and `false` are booleans; `no`, `007` and `1_000` are text.
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            with_snippet: false,
        };
        serde_saphyr::from_str_with_options(&self.text, options)
            .map(|raw| self.node(raw))
            .map_err(|error| self.problem(&error))
    }

    /// The place of a text's first character: behind the quotation mark where there is one.
    pub(super) fn content(&self, place: &Place) -> Place {
        let line = self.text.lines().nth(place.line - 1).unwrap_or_default();
        let quoted = matches!(line.chars().nth(place.column - 1), Some('"' | '\''));
        Place {
            column: place.column + usize::from(quoted),
            ..place.clone()
        }
    }

    /// The place of what follows the first `word` (in lower case) that stands at `place` or later.
    pub(super) fn after(&self, place: &Place, word: &str) -> Place {
        let lower = self.text.to_ascii_lowercase();
        let before = lower.split_inclusive('\n').take(place.line - 1);
        let line_start: usize = before.map(str::len).sum();
        let chars = lower.get(line_start..).unwrap_or_default().char_indices();
        let start = line_start + chars.map(|(at, _)| at).nth(place.column - 1).unwrap_or(0);
        let tail = lower.get(start..).unwrap_or_default();
        let Some((skipped, rest)) = tail.split_once(word) else {
            return place.clone();
        };
        let blanks = rest.len() - rest.trim_start().len();
        self.place_at(start + skipped.len() + word.len() + blanks)
    }

    /// The place of a byte of the text.
    fn place_at(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before
            .chars()
            .rev()
            .take_while(|char| *char != '\n')
            .count()
            + 1;
        Place::of(&self.name, &self.shown, line, column)
    }

    fn place(&self, location: serde_saphyr::Location) -> Place {
        let [line, column] =
            [location.line(), location.column()].map(|at| usize::try_from(at).unwrap_or(1));
        Place::of(&self.name, &self.shown, line, column)
    }

    fn node(&self, raw: Spanned<Raw>) -> Node {
        let entry = |(key, value): (Spanned<String>, _)| Entry {
            key: key.value,
            place: self.place(key.referenced),
            node: self.node(value),
        };
        Node {
            place: self.place(raw.defined),
            value: match raw.value {
                Raw::Scalar(value) => value,
                Raw::List(items) => {
                    Value::List(items.into_iter().map(|item| self.node(item)).collect())
                }
                Raw::Map(entries) => Value::Map(entries.into_iter().map(entry).collect()),
            },
        }
    }

    fn problem(&self, error: &Error) -> Problem {
        let problem = match error {
            Error::MultipleDocuments { .. } => Problem::new("A second YAML document begins here")
                .fix("Keep one document a file: remove the line `---`"),
            other => syntax_problem(&message(other)),
        };
        match error.location() {
            Some(location) => problem.at(self.place(location)),
            None => problem,
        }
    }
}

/// The parsed tree as the parser gives it; the parser tells a place only through `Spanned`.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Boolean(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Integer(
            i64::try_from(value).unwrap_or(i64::MAX),
        )))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Decimal(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// What the parser says, without the place that it adds.
fn message(error: &Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}

fn syntax_problem(message: &str) -> Problem {
    let problem = Problem::new(format!("This is no valid YAML: {message}"));
    let hints = [
        ("tab", "Indent with spaces"),
        (
            "mapping values are not allowed",
            "Put a value that holds `: ` in quotes",
        ),
        (
            "did not find expected",
            "Indent the lines of one block alike",
        ),
        (
            "only valid inside a block",
            "Close the bracket or brace that is open above",
        ),
        ("unexpected character", "Put the value in quotes"),
        (
            "illegal placement of ':'",
            "Close the bracket or brace that is open above",
        ),
        ("quoted scalar", "Close the quotes that are open above"),
        ("unknown escape", "Write `\\\\` for a backslash"),
    ];
    match hints.iter().rev().find(|(sign, _)| message.contains(sign)) {
        Some((_, fix)) => problem.fix(*fix),
        None => problem,
    }
}

/// The text, line by line, where what follows a key that speaks of a secret is cut out, so that a
/// problem on that line, of whatever kind, cannot print a password written there by mistake.
fn without_secrets(text: &str) -> String {
    let mut inside = None;
    let lines = text.lines().map(|line| {
        let indent = line.chars().take_while(|char| *char == ' ').count();
        if inside.is_some_and(|key| indent > key) {
            return String::new();
        }
        let key = secret_key(line);
        inside = key.map(|_| indent);
        key.map_or(line, |key| key).to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The line up to the colon of a key that speaks of a secret, spelt right or not, if it has one.
fn secret_key(line: &str) -> Option<&str> {
    const WORDS: [&str; 8] = [
        "password",
        "passwd",
        "pwd",
        "secret",
        "token",
        "credential",
        "slack",
        "webhook",
    ];
    let mut end = 0;
    for part in line.split_inclusive(':') {
        end += part.len();
        let key = part
            .strip_suffix(':')
            .unwrap_or_default()
            .trim_end_matches(['"', '\'']);
        let words = key
            .rsplit(|c: char| !c.is_alphanumeric() && c != '-')
            .take(2);
        let secret = |word: &str| {
            let lower = word.to_lowercase();
            WORDS.iter().any(|word| lower.contains(word)) || nearest(&lower, WORDS).is_some()
        };
        if words.filter(|word| !word.is_empty()).any(secret) {
            return line.get(..end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::new("a.yaml".to_owned(), text.to_owned())
    }

    // What follows a word is found behind quotes, capitals and line breaks.
    #[test]
    fn finds_what_follows_a_word() {
        let file = file("where: x\non: \"response WHERE  é = 1\"\nb: >\n  task where\n    y\n");
        let after = |line, column| {
            let place = file.after(&Place::of("a.yaml", &file.text, line, column), "where");
            (place.line, place.column)
        };
        assert_eq!(after(1, 1), (1, 6));
        assert_eq!(after(2, 5), (2, 22));
        assert_eq!(after(4, 3), (5, 5));
    }

    // Keys and values keep their places, counted in characters, and scalars their kinds.
    #[test]
    fn places_and_kinds() {
        let node = file("ä: 'x'\nlist: [1, 2.5, true, no, 007, ~]\n")
            .parse()
            .unwrap();
        let Value::Map(entries) = &node.value else {
            panic!("a map")
        };
        let place = &entries[0].node.place;
        assert_eq!((place.line, place.column), (1, 4));
        let Value::List(items) = &entries[1].node.value else {
            panic!("a list")
        };
        let kinds: Vec<String> = items
            .iter()
            .map(|item| format!("{:?}", item.value))
            .collect();
        let expected = [
            "Integer(1)",
            "Decimal(2.5)",
            "Boolean(true)",
            "Text(\"no\")",
            "Text(\"007\")",
            "Null",
        ];
        assert_eq!(kinds, expected);
    }

    // A secret is cut out of every line that could be shown, also from the lines below its key.
    #[test]
    fn secrets_are_not_shown() {
        let text =
            "smtp: { port: x, 'smtp_pasword': hunter2 }\npasswd:\n  hunter2\nuser: me: you\n";
        let shown = without_secrets(text);
        assert_eq!(
            shown,
            "smtp: { port: x, 'smtp_pasword':\npasswd:\n\nuser: me: you"
        );
        let problem = file("a: 1\npassword: \"hunter2\nb: 2\n")
            .parse()
            .unwrap_err();
        assert!(!problem.to_string().contains("hunter2"));
    }
}
