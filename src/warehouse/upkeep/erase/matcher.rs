//! Whether a text names somebody who was erased, told by keyed hashes alone.

use std::collections::BTreeSet;

use ring::hmac;

use super::tombstone::{Tombstone, hex};

/// What parts an address from what stands around it, at first sight and on a closer look.
const AROUND: [&[char]; 2] = [
    &['<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\''],
    &[
        '<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\'', '=', '&', '?', '/', '|', '\\',
    ],
];
/// Shorter ids, and those of digits alone, stand for somebody only where a column is said to hold ids.
const TELLING: usize = 8;

/// Who was erased, in hashes.
#[derive(Debug, Clone)]
pub(in crate::warehouse) struct Matcher {
    key: hmac::Key,
    addresses: BTreeSet<String>,
    records: BTreeSet<String>,
    ids: BTreeSet<String>,
    lengths: BTreeSet<usize>,
    sources: BTreeSet<String>,
    streams: BTreeSet<String>,
}

impl Matcher {
    pub(super) fn new(key: hmac::Key, tombstones: &[Tombstone]) -> Self {
        let of = |part: fn(&Tombstone) -> &BTreeSet<String>| {
            tombstones.iter().flat_map(part).cloned().collect()
        };
        Self {
            key,
            addresses: of(|it| &it.addresses),
            records: of(|it| &it.records),
            ids: of(|it| &it.ids),
            lengths: tombstones
                .iter()
                .flat_map(|it| &it.lengths)
                .copied()
                .collect(),
            sources: of(|it| &it.sources),
            streams: of(|it| &it.streams),
        }
    }

    /// Whether records of this stream are people.
    pub(super) fn is_of_people(&self, table: &str) -> bool {
        self.streams.contains(table)
    }

    /// Whether the record `id` of the stream `<source>.<stream>` is an erased one.
    pub(super) fn is_record(&self, table: &str, id: &str) -> bool {
        self.lengths.contains(&id.len()) && self.records.contains(&record(&self.key, table, id))
    }

    /// Whether a cell is an erased address and nothing else.
    pub(super) fn is_address(&self, text: &str) -> bool {
        text.contains('@') && self.addresses.contains(&address(&self.key, text))
    }

    /// Whether a cell names an erased person. Without a source, ids of all sources count.
    pub(super) fn names(&self, source: Option<&str>, column: &str, text: &str) -> bool {
        self.names_address(text) || self.names_id(source, holds_ids(column), text)
    }

    /// Whether a text that is no cell names an erased person.
    pub(super) fn names_in_text(&self, text: &str) -> bool {
        self.names_address(text) || self.names_id(None, false, text)
    }

    fn names_address(&self, text: &str) -> bool {
        if !text.contains('@') && !text.contains("%40") {
            return false;
        }
        let text = text.replace("%40", "@");
        self.is_address(&text)
            || AROUND.iter().any(|around| {
                let parts = text.split(|c: char| c.is_whitespace() || around.contains(&c));
                let mut parts = parts.map(|part| part.trim_matches('.'));
                parts.any(|part| self.is_address(part))
            })
    }

    fn names_id(&self, source: Option<&str>, any: bool, text: &str) -> bool {
        if self.lengths.first().is_none_or(|least| text.len() < *least) {
            return false;
        }
        let inside = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let mut parts = text.split(|c| !inside(c));
        self.is_id(source, any, text.trim()) || parts.any(|part| self.is_id(source, any, part))
    }

    fn is_id(&self, source: Option<&str>, any: bool, text: &str) -> bool {
        if !self.lengths.contains(&text.len()) || !(any || is_telling(text)) {
            return false;
        }
        let is = |source: &str| self.ids.contains(&id(&self.key, source, text));
        match source {
            Some(source) => is(source),
            None => self.sources.iter().any(|source| is(source)),
        }
    }
}

/// Whether a column is said to hold ids: its name ends so.
pub(super) fn holds_ids(column: &str) -> bool {
    let name = column.to_ascii_lowercase();
    name.ends_with("id") || name.ends_with("ids")
}

/// Whether a column is said to hold the address of the row's own person.
pub(super) fn holds_address(column: &str) -> bool {
    let name = column.to_ascii_lowercase();
    name.contains("mail") && !name.contains("owner")
}

fn is_telling(id: &str) -> bool {
    id.len() >= TELLING && id.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// An address as it is compared.
pub(crate) fn plain_address(text: &str) -> String {
    text.trim().to_lowercase()
}

pub(super) fn address(key: &hmac::Key, text: &str) -> String {
    hash(key, &["address", &plain_address(text)])
}

pub(super) fn record(key: &hmac::Key, table: &str, id: &str) -> String {
    hash(key, &["record", table, id])
}

pub(super) fn id(key: &hmac::Key, source: &str, id: &str) -> String {
    hash(key, &["id", source, id])
}

fn hash(key: &hmac::Key, parts: &[&str]) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    hex(context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::clock::RunId;

    fn matcher() -> Matcher {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let day = date(2026, 11, 5);
        let mut tombstone = Tombstone::new(&RunId::new(day), 1, day);
        tombstone.sources.insert("crm".to_owned());
        tombstone.addresses.insert(address(&key, "jane@x.example"));
        for one in ["42", "00Q000000000001AAA"] {
            tombstone.lengths.insert(one.len());
            tombstone.ids.insert(id(&key, "crm", one));
        }
        Matcher::new(key, &[tombstone])
    }

    // An address is found however it is written, and in the middle of a text; another is not.
    #[test]
    fn addresses_are_found() {
        let matcher = matcher();
        for text in [
            "jane@x.example",
            " Jane@X.example ",
            "Jane Doe <jane@x.example>",
            "ask jane@x.example.",
            "mailto:jane@x.example?subject=a",
            "https://a.example/?email=jane%40x.example&b=1",
        ] {
            assert!(matcher.names(Some("crm"), "note", text), "{text}");
            assert!(matcher.names_in_text(text), "{text}");
        }
        for text in ["mary-jane@x.example", "jane@x.example.org", "jane", "@"] {
            assert!(!matcher.names(Some("crm"), "note", text), "{text}");
        }
    }

    // A long id is found anywhere; a short one, or one of digits, only where ids stand.
    #[test]
    fn ids_are_found_where_they_mean_somebody() {
        let matcher = matcher();
        let long = "00Q000000000001AAA";
        let link = format!("https://crm.example/lightning/r/Lead/{long}/view");
        for text in [long, link.as_str()] {
            assert!(matcher.names(Some("crm"), "note", text), "{text}");
            assert!(matcher.names_in_text(text), "{text}");
        }
        assert!(matcher.names(Some("crm"), "leadId", "42"));
        assert!(matcher.names(None, "person_id", "crm.lead:42"));
        assert!(matcher.names(Some("crm"), "contact_ids", "41;42"));
        assert!(!matcher.names(Some("crm"), "employees", "42"));
        assert!(!matcher.names(Some("shop"), "leadid", "42"));
        assert!(!matcher.names_in_text("42 leads"));
    }
}
