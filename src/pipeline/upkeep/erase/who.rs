//! Who is meant: from addresses to persons, all their records and all their addresses.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::config::Config;
use crate::pipeline::ready::Ready;
use crate::pipeline::{PipelineError, open_session};
use crate::problem::{Problem, Problems};
use crate::warehouse::{Erased, Found, Session, Version, Warehouse};

/// Canonical tables whose records are no people: one that gives a person's address stays without it.
const NO_PEOPLE: [&str; 5] = [
    "account",
    "campaign",
    "crm_user",
    "opportunity_person",
    "opportunity_version",
];

/// An address that was asked for, in lower case, and where it stands in the list.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) address: String,
    /// The line; none where it was the only one.
    pub(crate) line: Option<usize>,
}

/// Where to look.
pub(super) struct Look<'a> {
    pub(super) config: &'a Config,
    pub(super) warehouse: &'a Warehouse,
    pub(super) version: &'a Version,
    pub(super) ready: &'a Ready,
}

/// `<source>.<stream>` and the record's id.
type Record = (String, String);

/// What the canonical queries say of one record, at some time.
#[derive(Deserialize)]
struct Said {
    stream: String,
    record_id: String,
    email: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Standing {
    source: String,
    stream: String,
    record_id: String,
    person_id: String,
}

/// What is known of people's records.
#[derive(Default)]
struct People {
    person_of: BTreeMap<Record, String>,
    records_of: BTreeMap<String, BTreeSet<Record>>,
    addresses_of: BTreeMap<Record, BTreeSet<String>>,
    records_at: BTreeMap<String, BTreeSet<Record>>,
    names_of: BTreeMap<Record, BTreeSet<String>>,
    streams: BTreeSet<String>,
}

impl Look<'_> {
    /// Everybody who ever had one of the addresses. None where all of them were erased before.
    pub(super) async fn who(&self, asked: &[Asked]) -> Result<Option<Erased>, PipelineError> {
        let addresses: BTreeSet<String> = asked.iter().map(|one| one.address.clone()).collect();
        let people = self.people().await?;
        let streams = self.streams_of_people(&people);
        let mut seen = self.find(&streams, &addresses).await?;
        let of_people = addresses
            .iter()
            .filter_map(|one| people.records_at.get(one));
        seen.records.extend(of_people.flatten().cloned());
        let known = people
            .records_at
            .keys()
            .filter(|one| addresses.contains(*one));
        seen.addresses.extend(known.cloned());
        self.refuse_unknown(asked, &seen.addresses).await?;
        if seen.addresses.is_empty() {
            return Ok(None);
        }
        let (persons, mut records) = people.all_of(&seen.records);
        let mut theirs = people.addresses_only_of(&records);
        theirs.extend(addresses);
        records.extend(self.find(&streams, &theirs).await?.records);
        let nobodys = seen
            .addresses
            .iter()
            .filter(|one| !people.records_at.contains_key(*one));
        Ok(Some(Erased {
            persons: persons.len() + nobodys.count(),
            names: people.full_names(&records),
            addresses: theirs,
            records,
            streams,
        }))
    }

    async fn find(
        &self,
        streams: &BTreeSet<String>,
        addresses: &BTreeSet<String>,
    ) -> Result<Found, PipelineError> {
        let found = self.warehouse.find(self.version, streams, addresses);
        Ok(found.await?)
    }

    /// What every source's canonical query says of its people, in all versions.
    async fn people(&self) -> Result<People, PipelineError> {
        let Self {
            config,
            warehouse,
            version,
            ready,
        } = *self;
        let canonical = &ready.canonical;
        let session =
            open_session(warehouse, Some(version), config, version.as_of, canonical).await?;
        let mut people = People::default();
        for (source, relations) in canonical {
            for relation in relations.iter().filter(|one| one.name == "person_version") {
                let frame = session.run(relation).await?;
                session.register("said", frame.schema.clone(), frame.batches)?;
                let has = |column| frame.schema.column_with_name(column).is_some();
                for said in said(&session, has("email"), has("name")).await? {
                    people.hear(source, said);
                }
            }
        }
        let standing = warehouse.table(version, "person_record").await?;
        session.register_table("standing", &standing)?;
        let sql = "select source, stream, record_id, person_id from standing";
        for one in session.query("person_record", sql).await?.rows()? {
            people.join(one);
        }
        Ok(people)
    }

    /// Streams whose records are people, or may be: all but those that give another canonical table.
    fn streams_of_people(&self, people: &People) -> BTreeSet<String> {
        let relations = self.ready.canonical.values().flatten();
        let others = relations.filter(|one| NO_PEOPLE.contains(&one.name.as_str()));
        let others: BTreeSet<&str> = others
            .flat_map(|one| &one.needs)
            .map(|table| table.strip_suffix("_history").unwrap_or(table))
            .collect();
        let versioned = |table: &&String| {
            let stream = self.version.stream(table);
            stream.is_some_and(|stream| stream.form.has_versions())
        };
        let tables = self.version.tables();
        let may = tables
            .iter()
            .filter(versioned)
            .filter(|table| !others.contains(table.as_str()));
        may.chain(&people.streams).cloned().collect()
    }

    /// An address that nobody has is a mistake, unless it was erased before.
    async fn refuse_unknown(
        &self,
        asked: &[Asked],
        seen: &BTreeSet<String>,
    ) -> Result<(), PipelineError> {
        let unknown = asked.iter().filter(|one| !seen.contains(&one.address));
        let addresses: BTreeSet<String> = unknown.clone().map(|one| one.address.clone()).collect();
        let before = self.warehouse.erased_before(&addresses).await?;
        let problems: Vec<Problem> = unknown
            .filter(|one| !before.contains(&one.address))
            .map(nobody)
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(Problems(problems).into())
    }
}

/// The address itself is not said.
fn nobody(asked: &Asked) -> Problem {
    let what = match asked.line {
        Some(line) => format!("Nobody ever had the address in line {line} of the list"),
        None => "Nobody ever had the address".to_owned(),
    };
    Problem::new(what).fix("see that it is written as the source has it")
}

async fn said(session: &Session, email: bool, name: bool) -> Result<Vec<Said>, PipelineError> {
    let column = |has, column| if has { column } else { "null" };
    let sql = format!(
        "select distinct stream, record_id, lower(trim({})) as email, {} as name from said",
        column(email, "email"),
        column(name, "name"),
    );
    Ok(session.query("person_version", &sql).await?.rows()?)
}

impl People {
    fn hear(&mut self, source: &str, said: Said) {
        let table = format!("{source}.{}", said.stream);
        self.streams.insert(table.clone());
        let record = (table, said.record_id);
        if let Some(email) = said.email.filter(|email| email.contains('@')) {
            let addresses = self.addresses_of.entry(record.clone()).or_default();
            addresses.insert(email.clone());
            self.records_at
                .entry(email)
                .or_default()
                .insert(record.clone());
        }
        if let Some(name) = said.name {
            self.names_of.entry(record).or_default().insert(name);
        }
    }

    fn join(&mut self, one: Standing) {
        let record = (format!("{}.{}", one.source, one.stream), one.record_id);
        let records = self.records_of.entry(one.person_id.clone()).or_default();
        records.insert(record.clone());
        self.person_of.insert(record, one.person_id);
    }

    /// The persons of these records, and all records that stand for them.
    fn all_of(&self, records: &BTreeSet<Record>) -> (BTreeSet<&String>, BTreeSet<Record>) {
        let persons: BTreeSet<&String> = records
            .iter()
            .filter_map(|one| self.person_of.get(one))
            .collect();
        let mut all = records.clone();
        let theirs = persons
            .iter()
            .filter_map(|person| self.records_of.get(*person));
        all.extend(theirs.flatten().cloned());
        (persons, all)
    }

    /// The addresses that these records ever had, and no other: an address that people share is
    /// nobody's alone.
    fn addresses_only_of(&self, records: &BTreeSet<Record>) -> BTreeSet<String> {
        let had = records
            .iter()
            .filter_map(|one| self.addresses_of.get(one))
            .flatten();
        let alone = |address: &&String| {
            let at = self.records_at.get(*address);
            at.is_none_or(|at| at.is_subset(records))
        };
        had.filter(alone).cloned().collect()
    }

    /// Names of one word are others' too.
    fn full_names(&self, records: &BTreeSet<Record>) -> BTreeSet<String> {
        let names = records
            .iter()
            .filter_map(|one| self.names_of.get(one))
            .flatten();
        let full = names.filter(|name| name.split_whitespace().count() > 1);
        full.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> People {
        let mut people = People::default();
        let records = [
            ("lead", "1", "p1", "jane@x.example", "Jane Doe"),
            ("lead", "1", "p1", "info@x.example", "Jane"),
            ("contact", "1", "p1", "doe@home.example", "Jane Doe-Roe"),
            ("lead", "2", "p2", "info@x.example", "Mary Major"),
        ];
        for (stream, record_id, person_id, email, name) in records {
            let [stream, record_id] = [stream, record_id].map(str::to_owned);
            people.join(Standing {
                source: "crm".to_owned(),
                stream: stream.clone(),
                record_id: record_id.clone(),
                person_id: person_id.to_owned(),
            });
            let said = Said {
                stream,
                record_id,
                email: Some(email.to_owned()),
                name: Some(name.to_owned()),
            };
            people.hear("crm", said);
        }
        people
    }

    // Who has an address is meant with all records of that person and all addresses that are theirs
    // alone; an address that another person has too stays that person's.
    #[test]
    fn a_person_is_all_their_records() {
        let people = people();
        let lead = ("crm.lead".to_owned(), "1".to_owned());
        let contact = ("crm.contact".to_owned(), "1".to_owned());
        let (persons, records) = people.all_of(&BTreeSet::from([lead.clone()]));
        assert_eq!(persons.len(), 1);
        assert_eq!(records, BTreeSet::from([lead, contact]));
        let theirs = people.addresses_only_of(&records);
        assert_eq!(
            Vec::from_iter(theirs),
            ["doe@home.example", "jane@x.example"]
        );
        let names = people.full_names(&records);
        assert_eq!(Vec::from_iter(names), ["Jane Doe", "Jane Doe-Roe"]);
    }
}
