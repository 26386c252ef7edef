//! Ties by e-mail address, and the addresses that tie nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::Tie;
use super::components::Edge;
use crate::funnel::history::{History, filled, text};

/// The part before the `@` of addresses that belong to a role, not to a person.
const ROLES: [&str; 40] = [
    "abuse",
    "accounting",
    "accounts",
    "admin",
    "administrator",
    "all",
    "billing",
    "contact",
    "customerservice",
    "do-not-reply",
    "donotreply",
    "enquiries",
    "everyone",
    "feedback",
    "finance",
    "hello",
    "help",
    "helpdesk",
    "hr",
    "info",
    "inquiries",
    "invoice",
    "it",
    "jobs",
    "mail",
    "marketing",
    "media",
    "no-reply",
    "noreply",
    "office",
    "orders",
    "postmaster",
    "press",
    "purchasing",
    "reception",
    "sales",
    "security",
    "support",
    "team",
    "webmaster",
];

/// The ties between records whose latest address is the same, and the number of addresses that are
/// shared by several records and tie none of them.
pub(super) fn ties(records: &History) -> (Vec<Edge>, u64) {
    let email = text(&records.rows, "email");
    let mut by_address: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (record, span) in records.spans.iter().enumerate() {
        let address = latest(records, span.clone(), email).map(normalised);
        if let Some(address) = address {
            by_address.entry(address).or_default().push(record);
        }
    }
    let mut edges = Vec::new();
    let mut shared = 0;
    for (address, owners) in by_address.iter().filter(|(_, owners)| owners.len() > 1) {
        if is_role(address) || two_last_names(records, owners) {
            shared += 1;
            continue;
        }
        edges.extend(owners.iter().skip(1).map(|owner| Edge {
            from: owners[0],
            to: *owner,
            tie: Tie::Email,
        }));
    }
    (edges, shared)
}

fn normalised(address: &str) -> String {
    address.trim().to_lowercase()
}

fn is_role(address: &str) -> bool {
    let name = address.split('@').next().unwrap_or_default();
    let name = name.split('+').next().unwrap_or_default();
    ROLES.binary_search(&name).is_ok()
}

/// The value of the latest version that was not deleted; of a record deleted all along, the latest.
fn latest<'a>(
    records: &History,
    span: std::ops::Range<usize>,
    column: &'a arrow::array::StringArray,
) -> Option<&'a str> {
    let deleted = crate::funnel::history::truths(&records.rows, "deleted");
    let alive = span
        .clone()
        .rev()
        .find(|row| !crate::funnel::history::holds(deleted, *row));
    filled(column, alive.unwrap_or(span.end - 1))
}

/// Whether the records of one stream carry two last names. Those merged away do not count: what was
/// merged is one person, whatever the names.
fn two_last_names(records: &History, owners: &[usize]) -> bool {
    let name = text(&records.rows, "last_name");
    let merged = text(&records.rows, "merged_into");
    let mut by_stream: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for owner in owners {
        let span = records.spans[*owner].clone();
        if filled(merged, span.end - 1).is_some() {
            continue;
        }
        let stream = records.keys[*owner].split(':').next().unwrap_or_default();
        if let Some(name) = latest(records, span, name) {
            by_stream
                .entry(stream)
                .or_default()
                .insert(normalised(name));
        }
    }
    by_stream.values().any(|names| names.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Roles are found by binary search, whatever stands after a plus sign or the at sign.
    #[test]
    fn roles() {
        assert!(ROLES.is_sorted());
        assert!(is_role("info@x.example"));
        assert!(is_role("sales+fair@x.example"));
        assert!(!is_role("infoline@x.example"));
    }
}
