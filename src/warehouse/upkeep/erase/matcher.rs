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
/// Shorter ids, and those of digits alone, may count other things too.
const TELLING: usize = 8;
/// What stands in the names of columns that hold ids of people.
const PEOPLE: [&str; 10] = [
    "contact",
    "customer",
    "lead",
    "member",
    "people",
    "person",
    "prospect",
    "record",
    "subscriber",
    "who",
];

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

    /// Whether a cell names an erased person: by an address, or by an id. A row's own id may be that of
    /// a person of another stream, so it is not looked at (`own`).
    pub(super) fn names(&self, of: Option<&str>, column: &str, text: &str, own: bool) -> bool {
        self.names_address(text) || !own && self.names_id(of, column, text)
    }

    /// Whether a text that is no cell names an erased person.
    pub(super) fn names_in_text(&self, text: &str) -> bool {
        self.names_address(text) || self.names_id(None, "", text)
    }

    /// Whether an erased address stands in a text.
    pub(super) fn names_address(&self, text: &str) -> bool {
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

    /// Ids that tell are known anywhere. Others are a source's own, and stand for somebody only in a
    /// column that is about people; in our own tables they stand behind their stream.
    fn names_id(&self, source: Option<&str>, column: &str, text: &str) -> bool {
        if self.lengths.first().is_none_or(|least| text.len() < *least) {
            return false;
        }
        let inside = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let source = source.filter(|_| is_about_people(column));
        let is = |part: &str| self.is_id(source, part);
        match text.split_once(':') {
            Some((table, id)) if self.is_record(table, id) => true,
            _ => is(text.trim()) || text.split(|c| !inside(c)).any(is),
        }
    }

    fn is_id(&self, source: Option<&str>, text: &str) -> bool {
        if !self.lengths.contains(&text.len()) {
            return false;
        }
        let is = |source: &str| self.ids.contains(&id(&self.key, source, text));
        match source {
            _ if is_telling(text) => self.sources.iter().any(|source| is(source)),
            Some(source) => is(source),
            None => false,
        }
    }
}

/// Whether a column is said to hold ids of people.
pub(super) fn is_about_people(column: &str) -> bool {
    let name = column.to_ascii_lowercase();
    let ids = name.ends_with("id") || name.ends_with("ids");
    ids && (name == "id" || PEOPLE.iter().any(|word| name.contains(word)))
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
            tombstone.records.insert(record(&key, "crm.lead", one));
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
            assert!(matcher.names(Some("crm"), "note", text, true), "{text}");
            assert!(matcher.names_in_text(text), "{text}");
        }
        for text in ["mary-jane@x.example", "jane@x.example.org", "jane", "@"] {
            assert!(!matcher.names(Some("crm"), "note", text, false), "{text}");
        }
    }

    // A long id is found anywhere; a short one, or one of digits, only in its source where ids of
    // people stand, and in our own tables behind its stream.
    #[test]
    fn ids_are_found_where_they_mean_somebody() {
        let matcher = matcher();
        let long = "00Q000000000001AAA";
        let link = format!("https://crm.example/lightning/r/Lead/{long}/view");
        for text in [long, link.as_str()] {
            assert!(matcher.names(Some("shop"), "note", text, false), "{text}");
            assert!(matcher.names_in_text(text), "{text}");
        }
        let names = |of, column, text| matcher.names(of, column, text, false);
        assert!(names(Some("crm"), "leadId", "42"));
        assert!(names(Some("crm"), "contact_ids", "41;42"));
        assert!(names(None, "person_id", "crm.lead:42"));
        assert!(!names(None, "person_id", "crm.deal:42"));
        assert!(!names(None, "leadid", "42"));
        assert!(!names(Some("crm"), "employees", "42"));
        assert!(!names(Some("crm"), "activitytypeid", "42"));
        assert!(!names(Some("shop"), "leadid", "42"));
        assert!(!matcher.names(Some("crm"), "id", "42", true));
        assert!(!matcher.names_in_text("42 leads"));
    }
}
