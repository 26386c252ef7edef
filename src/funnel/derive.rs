//! From the streams' histories to stage entries, in the order of the tables below.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use jiff::tz::TimeZone;

use super::canonical::{LeftOut, Reader};
use super::customer::Customers;
use super::events::Events;
use super::evidence::{self, Columns, Definition, Facts};
use super::history::{History, Marks};
use super::identity::{Persons, record_key};
use super::opportunity::Opportunities;
use super::person::{self, Versions};
use super::score::{Happened, Scores};
use super::{FunnelError, attributes, now, shape, walk};
use crate::config::Funnel;
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

/// Works out every derived table of the funnel from the streams registered in the session.
/// `canonical` holds each source's canonical queries.
///
/// # Errors
/// `Definition` tells every wrong expression of `funnel.yaml`; over empty streams that is all that
/// can go wrong besides canonical SQL itself, which is how a definition is checked.
pub(crate) async fn derive(
    session: &Session,
    canonical: &BTreeMap<String, Vec<Relation>>,
    funnel: &Funnel,
    zone: &TimeZone,
) -> Result<Derived, FunnelError> {
    let mut reader = Reader::new(session, canonical);
    let tables = Canonical::read(&mut reader).await?;
    let mut derivation = Derivation {
        session,
        tables: Vec::new(),
        counts: BTreeMap::new(),
    };
    let done = derivation.all(&tables, funnel, zone);
    match (done, reader.left_out.first()) {
        // What looks like a wrong name may be a column of the query that was left out.
        (Err(FunnelError::Definition(problems)), Some(left_out)) => {
            return Err(FunnelError::Incomplete {
                left_out: left_out.clone(),
                problems,
            });
        }
        (done, _) => done?,
    }
    Ok(Derived {
        tables: derivation.tables,
        counts: derivation.counts,
        left_out: reader.left_out,
    })
}

struct Derivation<'a> {
    session: &'a Session,
    tables: Vec<String>,
    counts: BTreeMap<String, u64>,
}

impl Derivation<'_> {
    fn all(
        &mut self,
        tables: &Canonical,
        funnel: &Funnel,
        zone: &TimeZone,
    ) -> Result<(), FunnelError> {
        let definition = self.definition(tables, funnel, zone)?;
        let company = Company::new(tables, zone)?;
        let versions = person::merge(
            &company.records,
            &company.persons,
            &company.customers,
            &definition.watched(),
        )?;
        self.publish_company(tables, &company, &versions)?;
        let happened = Happened {
            history: &versions.history,
            activity: &company.activity,
            response: &company.response,
            zone,
            end: self.session.as_of_end(),
        };
        let scores = Scores::new(&definition.scores, happened)?;
        let facts = Facts {
            funnel,
            zone,
            end: happened.end,
            records: &company.records,
            marks: Marks::of(&company.records.rows),
            person_of_record: &company.persons.of_record,
            versions: &versions,
            opportunities: &company.opportunities,
            opportunity_marks: Marks::of(&company.opportunities.history.rows),
            opportunity_versions: &company.opportunity_versions,
            customers: &company.customers,
            activity: &company.activity,
            response: &company.response,
            scores: &scores,
        };
        let signs = evidence::gather(&facts, &definition)?;
        self.count("evidence_waiting", signs.waiting);
        let evidence = evidence::table(&facts, &definition, signs)?;
        let walked = walk::walk(std::slice::from_ref(&evidence), funnel, zone)?;
        for (fate, count) in walked.counts {
            self.count(fate, count);
        }
        self.publish("evidence", evidence)?;
        self.publish("person_score", scores.table(funnel)?)?;
        let reasons = scores.reasons(funnel, &walked.entries)?;
        self.publish("person_score_reason", reasons)?;
        self.publish("person_qualified", scores.qualified(funnel)?)?;
        let entries = attributes::freeze(
            &walked.entries,
            &versions.history,
            &company.opportunities.history,
            &company.response,
            zone,
        )?;
        self.publish("stage_entry", entries)
    }

    /// The definition, planned against the columns that these tables have.
    fn definition(
        &self,
        tables: &Canonical,
        funnel: &Funnel,
        zone: &TimeZone,
    ) -> Result<Definition, FunnelError> {
        let none = Company::new(&tables.without_rows(), zone)?;
        let versions = person::merge(
            &none.records,
            &none.persons,
            &none.customers,
            &std::collections::BTreeSet::new(),
        )?;
        let person = versions.history.rows.schema();
        let columns = Columns {
            record: person::of_records(&person, &tables.persons.schema()),
            person,
            activity: none.activity.table.schema(),
            response: none.response.table.schema(),
            opportunity: none.opportunity_versions.schema(),
        };
        let state = self.session.context().state();
        Definition::read(&state, &columns, funnel).map_err(FunnelError::Definition)
    }

    fn publish_company(
        &mut self,
        tables: &Canonical,
        company: &Company,
        versions: &Versions,
    ) -> Result<(), FunnelError> {
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
        let history = &versions.history;
        self.publish("person_version", history.rows.clone())?;
        self.publish("person", now(history, &history.rows)?)?;
        self.publish("person_record", persons.record_table(records)?)?;
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
