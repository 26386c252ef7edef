//! The section `delivery.privacy`: to which domains mail goes, and what no mail may hold.

use super::reader::Reader;
use super::yaml::Node;
use super::{Report, To};
use crate::problem::Problem;

/// What may reach whom, whatever a report says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Privacy {
    /// Lower case. Addresses of other domains get nothing; empty: any domain.
    pub(crate) domains: Vec<String>,
    /// In a scope, fewer persons than this are no figure for who gets figures of many alone.
    pub(crate) min_group: u32,
    /// Columns of a report's rows, by name in lower case, that no mail and no page holds.
    pub(crate) never_mail: Vec<String>,
    /// Columns whose texts are told by their first character alone.
    pub(crate) masked: Vec<String>,
}

/// Fewer persons than this are a small group unless told otherwise.
const MIN_GROUP: u32 = 5;

/// What holds without the section.
pub(super) fn usual() -> Privacy {
    Privacy {
        min_group: MIN_GROUP,
        ..Privacy::default()
    }
}

pub(super) fn read(reader: &Reader<'_>, node: &Node) -> Option<Privacy> {
    let keys = ["domains", "min_group", "never_mail", "masked"];
    let [domains, min_group, never_mail, masked] = reader.fields(node, "`privacy`", keys)?;
    let domains = domains.or(Vec::new(), |list| {
        reader.some(list, |item| read_domain(reader, item))
    });
    let min_group = min_group.or(MIN_GROUP, |node| reader.whole(node, 1..=1000));
    let columns = |list| reader.list(list, |item| Some(reader.text(item)?.to_lowercase()));
    let never_mail = never_mail.or(Vec::new(), columns);
    let masked = masked.or(Vec::new(), columns);
    Some(Privacy {
        domains: domains?,
        min_group: min_group?,
        never_mail: never_mail?,
        masked: masked?,
    })
}

fn read_domain(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let domain = reader.text(node)?;
    if super::address::is_domain(&domain) {
        return Some(domain.to_ascii_lowercase());
    }
    let fix = "Write what stands behind `@`, as `example.com`";
    reader.refuse(node, format!("`{domain}` is no domain"), fix)
}

impl Privacy {
    /// Whether mail may go to an address.
    pub(crate) fn admits(&self, address: &str) -> bool {
        let domain = address.rsplit('@').next().unwrap_or_default();
        self.domains.is_empty()
            || self
                .domains
                .iter()
                .any(|it| it.eq_ignore_ascii_case(domain))
    }
}

/// Tells every recipient that is written here and to whom no mail may go.
pub(super) fn tell_strangers(reader: &Reader<'_>, reports: &[Report], privacy: &Privacy) {
    let all = reports.iter().flat_map(|report| &report.recipients);
    let is_strange = |to: &To| match to {
        To::Person(person) => !privacy.admits(&person.address),
        // Who names a channel in `delivery.channels` lets reports go there.
        To::Channel(_) => false,
    };
    for listed in all.filter(|it| is_strange(&it.recipient)) {
        let problem = Problem::new("Mail may not go to this recipient's domain")
            .why("`delivery.privacy.domains` does not name it")
            .fix("Name the domain there, or remove the recipient");
        reader.tell_problem(match &listed.place {
            Some(place) => problem.at(place.clone()),
            None => problem,
        });
    }
}
