//! From the streams' histories to stage entries, in the order of the tables below.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use jiff::tz::TimeZone;

use super::canonical::{LeftOut, Reader};
use super::customer::Customers;
use super::deleted::drop_deleted;
use super::events::Events;
use super::evidence::{self, Columns, Definition, Facts};
use super::history::{History, Marks};
use super::identity::{Persons, record_key};
use super::opportunity::Opportunities;
use super::person::{self, Versions};
use super::score::Scores;
use super::shape::Shape;
use super::{FunnelError, attributes, now, record, shape, walk};
use crate::config::Funnel;
use crate::problem::Problems;
use crate::warehouse::{Relation, Session};

/// What was derived; every table is registered in the session under its name.
#[derive(Debug)]
pub(crate) struct Derived {
    pub(crate) tables: Vec<String>,
    /// What was counted on the way: `persons`, `evidence`, `evidence_waiting`, `ignored_strict` …
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// The canonical tables, united over all sources.
struct Canonical {
    persons: RecordBatch,
    opportunities: RecordBatch,
    links: RecordBatch,
    activities: RecordBatch,
    responses: RecordBatch,
    accounts: RecordBatch,
    campaigns: RecordBatch,
    users: RecordBatch,
}

/// Everything known of persons and what happened to them, before the funnel is looked at.
struct Company {
    records: History,
    persons: Persons,
    opportunities: Opportunities,
    customers: Customers,
    activity: Events,
    response: Events,
    /// The rows of `opportunity_version`.
    opportunity_versions: RecordBatch,
}

/// The company as its streams tell it: what every definition is derived over, worked out once.
pub(crate) struct Past {
    tables: Canonical,
    company: Company,
    versions: Versions,
    columns: Columns,
    left_out: Vec<LeftOut>,
}

/// Works out every derived table of the funnel from the streams registered in the session.
/// `canonical` holds each source's canonical queries; `funnels` the definitions in the order of their
/// coming into force, at least one. Those that come into force after the as-of date are only planned.
///
/// # Errors
/// `Definition` tells every wrong expression of the definitions; over empty streams that is all that
/// can go wrong besides canonical SQL itself, which is how a definition is checked.
pub(crate) async fn derive(
    session: &Session,
    canonical: &BTreeMap<String, Vec<Relation>>,
    funnels: &[&Funnel],
    zone: &TimeZone,
) -> Result<Derived, FunnelError> {
    let past = Past::read(session, canonical, &[funnels], zone).await?;
    let mut derivation = Derivation::new(session);
    derivation.publish_company(&past)?;
    derivation.walk(&past, funnels, zone)?;
    Ok(derivation.done(past.left_out))
}

impl Past {
    /// Reads the streams registered in the session, to be walked under each of several lists of
    /// definitions; each list is in the order of their coming into force.
    ///
    /// # Errors
    /// As `derive`, for the first list that is wrong.
    pub(crate) async fn read(
        session: &Session,
        canonical: &BTreeMap<String, Vec<Relation>>,
        lists: &[&[&Funnel]],
        zone: &TimeZone,
    ) -> Result<Self, FunnelError> {
        let mut reader = Reader::new(session, canonical);
        let tables = Canonical::read(&mut reader).await?;
        let columns = columns(&tables, zone)?;
        let mut watched = BTreeSet::new();
        for funnels in lists {
            let definitions = definitions(session, &columns, funnels, zone);
            let definitions = definitions.map_err(|it| wrong(it, &reader.left_out))?;
            watched.extend(definitions.iter().flat_map(Definition::watched));
        }
        Self::of(tables, columns, reader.left_out, &watched, zone)
    }

    fn of(
        tables: Canonical,
        columns: Columns,
        left_out: Vec<LeftOut>,
        watched: &BTreeSet<String>,
        zone: &TimeZone,
    ) -> Result<Self, FunnelError> {
        let company = Company::new(&tables, zone)?;
        let versions = person::merge(
            &company.records,
            &company.persons,
            &company.customers,
            watched,
        )?;
        Ok(Self {
            tables,
            company,
            versions,
            columns,
            left_out,
        })
    }

    /// Registers `evidence` and `stage_entry` under a list of definitions, which must be one of those
    /// that this was read for.
    pub(crate) fn walk(
        &self,
        session: &Session,
        funnels: &[&Funnel],
        zone: &TimeZone,
    ) -> Result<(), FunnelError> {
        Derivation::new(session).walk(self, funnels, zone)
    }

    /// A company of the same columns with these rows alone, by the canonical table's name, for one
    /// definition.
    pub(super) fn with_rows(
        &self,
        session: &Session,
        rows: &mut BTreeMap<&'static str, RecordBatch>,
        funnel: &Funnel,
        zone: &TimeZone,
    ) -> Result<Self, FunnelError> {
        let mut tables = self.tables.without_rows();
        for (shape, table) in tables.named() {
            if let Some(rows) = rows.remove(shape.table) {
                *table = rows;
            }
        }
        let columns = self.columns.clone();
        let definitions = definitions(session, &columns, &[funnel], zone);
        let definitions = definitions.map_err(|it| wrong(it, &self.left_out))?;
        let watched = definitions.iter().flat_map(Definition::watched).collect();
        Self::of(tables, columns, self.left_out.clone(), &watched, zone)
    }

    /// The columns of a canonical table.
    pub(super) fn schema(&self, shape: &Shape) -> SchemaRef {
        let mut tables = self.tables.without_rows();
        let mut named = tables.named().into_iter();
        let found = named.find(|(named, _)| named.table == shape.table);
        found.map_or_else(|| Arc::new(Schema::empty()), |(_, table)| table.schema())
    }
}

/// What looks like a wrong name may be a column of a query that was left out.
fn wrong(problems: Problems, left_out: &[LeftOut]) -> FunnelError {
    match left_out.first() {
        Some(left_out) => FunnelError::Incomplete {
            left_out: left_out.clone(),
            problems,
        },
        None => FunnelError::Definition(problems),
    }
}

/// The columns that triggers may name over these tables.
fn columns(tables: &Canonical, zone: &TimeZone) -> Result<Columns, FunnelError> {
    let none = Company::new(&tables.without_rows(), zone)?;
    let versions = person::merge(
        &none.records,
        &none.persons,
        &none.customers,
        &BTreeSet::new(),
    )?;
    let person = versions.history.rows.schema();
    Ok(Columns {
        record: person::of_records(&person, &tables.persons.schema()),
        person,
        activity: none.activity.table.schema(),
        response: none.response.table.schema(),
        opportunity: none.opportunity_versions.schema(),
    })
}

/// The definitions in force until the as-of date; all are planned against the columns.
fn definitions<'f>(
    session: &Session,
    columns: &Columns,
    funnels: &[&'f Funnel],
    zone: &TimeZone,
) -> Result<Vec<Definition<'f>>, Problems> {
    let state = session.context().state();
    let mut definitions = Definition::read_all(&state, columns, funnels, zone)?;
    definitions.retain(|it| it.from <= session.as_of_end());
    Ok(definitions)
}

struct Derivation<'a> {
    session: &'a Session,
    tables: Vec<String>,
    counts: BTreeMap<String, u64>,
}

impl<'a> Derivation<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            tables: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    fn done(self, left_out: Vec<LeftOut>) -> Derived {
        Derived {
            tables: self.tables,
            counts: self.counts,
            left_out,
        }
    }

    fn walk(
        &mut self,
        past: &Past,
        funnels: &[&Funnel],
        zone: &TimeZone,
    ) -> Result<(), FunnelError> {
        let definitions = definitions(self.session, &past.columns, funnels, zone);
        let definitions = definitions.map_err(|problems| wrong(problems, &past.left_out))?;
        let (company, versions) = (&past.company, &past.versions);
        let facts = Facts {
            zone,
            end: self.session.as_of_end(),
            records: &company.records,
            marks: Marks::of(&company.records.rows),
            person_of_record: &company.persons.of_record,
            versions,
            opportunities: &company.opportunities,
            opportunity_marks: Marks::of(&company.opportunities.history.rows),
            opportunity_versions: &company.opportunity_versions,
            customers: &company.customers,
            activity: &company.activity,
            response: &company.response,
        };
        let (signs, scores) = evidence::gather(&facts, &definitions)?;
        self.count("evidence_waiting", signs.waiting);
        let evidence = evidence::table(&facts, &definitions, signs)?;
        let in_force: Vec<&Funnel> = definitions.iter().map(|it| it.funnel).collect();
        let walked = walk::walk(std::slice::from_ref(&evidence), &in_force, zone)?;
        let made = walked.entries.num_rows();
        let entered = drop_deleted(walked.entries, &versions.history, &definitions)?;
        self.count("entries_dropped", (made - entered.num_rows()) as u64);
        for (fate, count) in walked.counts {
            self.count(fate, count);
        }
        self.publish("evidence", evidence)?;
        if let (Some(scores), Some(funnel)) = (scores, in_force.last()) {
            self.publish_scores(&scores, funnel, &entered)?;
        }
        let entries = attributes::freeze(
            &entered,
            &versions.history,
            &company.opportunities.history,
            &company.response,
            zone,
        )?;
        self.publish("stage_entry", entries)
    }

    /// Scores are told as the definition in force has them.
    fn publish_scores(
        &mut self,
        scores: &Scores<'_>,
        funnel: &Funnel,
        entries: &RecordBatch,
    ) -> Result<(), FunnelError> {
        self.publish("person_score", scores.table(funnel)?)?;
        let reasons = scores.reasons(funnel, entries)?;
        self.publish("person_score_reason", reasons)?;
        self.publish("person_qualified", scores.qualified(funnel)?)
    }

    fn publish_company(&mut self, past: &Past) -> Result<(), FunnelError> {
        let (tables, company) = (&past.tables, &past.company);
        let Company {
            records, persons, ..
        } = company;
        self.count("records", records.keys.len() as u64);
        self.count("persons", persons.ids.len() as u64);
        for (tie, count) in persons.joined() {
            self.count(&format!("records_{tie}"), count);
        }
        self.count("addresses_shared", persons.shared_addresses);
        self.count("links_unknown", company.opportunities.unknown_links);
        self.count(
            "events_unknown",
            company.activity.unknown + company.response.unknown,
        );
        let opportunities = &company.opportunities;
        let opportunity_versions = &company.opportunity_versions;
        let history = &past.versions.history;
        self.publish("person_version", history.rows.clone())?;
        self.publish("person", now(history, &history.rows)?)?;
        self.publish("person_record", persons.record_table(records)?)?;
        let versions = record::versions(records, persons)?;
        self.session
            .register("record_version", versions.schema(), vec![versions])?;
        self.publish("person_alias", persons.alias_table(records)?)?;
        self.publish("account", tables.accounts.clone())?;
        self.publish("campaign", tables.campaigns.clone())?;
        self.publish("crm_user", tables.users.clone())?;
        self.publish("activity", company.activity.table.clone())?;
        self.publish("response", company.response.table.clone())?;
        self.publish("opportunity_version", opportunity_versions.clone())?;
        self.publish(
            "opportunity",
            now(&opportunities.history, opportunity_versions)?,
        )?;
        self.publish(
            "opportunity_person",
            opportunities.person_table(&persons.ids)?,
        )
    }

    fn publish(&mut self, table: &str, rows: RecordBatch) -> Result<(), FunnelError> {
        self.session.register(table, rows.schema(), vec![rows])?;
        self.tables.push(table.to_owned());
        Ok(())
    }

    fn count(&mut self, what: &str, count: u64) {
        self.counts.insert(what.to_owned(), count);
    }
}

impl Canonical {
    async fn read(reader: &mut Reader<'_>) -> Result<Self, FunnelError> {
        Ok(Self {
            persons: reader.rows(&shape::PERSON).await?,
            opportunities: reader.rows(&shape::OPPORTUNITY).await?,
            links: reader.rows(&shape::OPPORTUNITY_PERSON).await?,
            activities: reader.rows(&shape::ACTIVITY).await?,
            responses: reader.rows(&shape::RESPONSE).await?,
            accounts: reader.rows(&shape::ACCOUNT).await?,
            campaigns: reader.rows(&shape::CAMPAIGN).await?,
            users: reader.rows(&shape::CRM_USER).await?,
        })
    }

    /// The tables, each with its shape.
    fn named(&mut self) -> [(&'static Shape, &mut RecordBatch); 8] {
        [
            (&shape::PERSON, &mut self.persons),
            (&shape::OPPORTUNITY, &mut self.opportunities),
            (&shape::OPPORTUNITY_PERSON, &mut self.links),
            (&shape::ACTIVITY, &mut self.activities),
            (&shape::RESPONSE, &mut self.responses),
            (&shape::ACCOUNT, &mut self.accounts),
            (&shape::CAMPAIGN, &mut self.campaigns),
            (&shape::CRM_USER, &mut self.users),
        ]
    }

    /// The same columns and no rows.
    fn without_rows(&self) -> Self {
        let none = |rows: &RecordBatch| rows.slice(0, 0);
        Self {
            persons: none(&self.persons),
            opportunities: none(&self.opportunities),
            links: none(&self.links),
            activities: none(&self.activities),
            responses: none(&self.responses),
            accounts: none(&self.accounts),
            campaigns: none(&self.campaigns),
            users: none(&self.users),
        }
    }
}

impl Company {
    fn new(tables: &Canonical, zone: &TimeZone) -> Result<Self, FunnelError> {
        let records = History::new(&tables.persons, record_key(&tables.persons))?;
        let persons = Persons::find(&records);
        let person_of = persons.by_key(&records);
        let opportunities = Opportunities::new(&tables.opportunities, &tables.links, &person_of)?;
        let wins = opportunities.wins(zone);
        let customers = Customers::new(&wins, &opportunities, &records, &persons);
        let events = |rows, id| Events::new(rows, id, &person_of, &persons.ids);
        let activity = events(&tables.activities, "activity_id")?;
        let response = events(&tables.responses, "response_id")?;
        drop(person_of);
        Ok(Self {
            activity,
            response,
            customers,
            opportunity_versions: opportunities.version_table()?,
            opportunities,
            persons,
            records,
        })
    }
}
