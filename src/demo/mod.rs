//! The demo's company: people who find us, are sold to and buy, simulated one by one, and the
//! exports that a CRM and a marketing-automation system would have made of them night by night.
//!
//! Guarantees: the same plan writes the same bytes; a person's life does not depend on how many
//! others there are; memory does not grow with the company. What truly happened is written beside
//! the exports, from the simulation itself.

mod account;
mod arrive;
mod calendar;
mod company;
mod deal;
mod dice;
mod exports;
mod faults;
mod ids;
mod names;
mod nurture;
mod passage;
mod person;
mod publish;
mod pursue;
mod record;
mod row;
mod shapes;
mod sign;
mod staff;
#[cfg(test)]
mod tests;
mod truth;

use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};

use self::calendar::{Calendar, to_date};
use self::company::{Company, World};
use self::exports::Exports;
pub(crate) use self::faults::Fault;
use self::faults::Faults;
use self::truth::Truth;
use crate::fs::StoreError;

/// What to simulate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Plan {
    pub(crate) people: u32,
    /// Days of the past that the import holds.
    pub(crate) days: u32,
    /// Nights after the import.
    pub(crate) nights: u32,
    pub(crate) seed: u64,
    /// The as-of date of the last night.
    pub(crate) last_night: Date,
}

/// What was written.
#[derive(Debug)]
pub(crate) struct Told {
    /// The as-of dates to run for: the import's, then each night's.
    pub(crate) nights: Vec<Date>,
    pub(crate) people: u64,
    pub(crate) companies: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// What is wrong with the exports, on purpose.
    pub(crate) faults: Vec<Fault>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("Time zone `{zone}` is not known")]
    Zone {
        zone: &'static str,
        #[source]
        source: jiff::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Cannot write `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            people: 2500,
            // Twelve full months, and some weeks before them for the funnel to fill.
            days: 460,
            nights: 14,
            seed: 1,
            last_night: date(2026, 11, 19),
        }
    }
}

/// Writes the exports of all nights, `truth.json` and `truth.csv` into a folder, replacing files
/// of the same name.
///
/// # Errors
/// The folder cannot be written, or the zone database lacks a zone of the company's offices.
pub(crate) fn write(plan: &Plan, folder: &Path) -> Result<Told, DemoError> {
    let calendar = Calendar::new(plan)?;
    let mailings = staff::mailings(&calendar);
    let world = World {
        seed: plan.seed,
        calendar,
        mailings,
    };
    let faults = Faults::new(plan.nights);
    let mut exports = Exports::create(folder, &world.calendar, &faults)?;
    let mut truth = Truth::create(folder, &world)?;
    staff::export(&world.calendar, &world.mailings, &mut exports)?;
    let (mut people, mut companies) = (0, 0);
    while people < i64::from(plan.people) {
        let company = Company::new(plan.seed, companies);
        let count = company.size.min(i64::from(plan.people) - people);
        tell(&world, &company, people, count, &mut exports, &mut truth)?;
        people += count;
        companies += 1;
    }
    let faults = faults.list(&world.calendar);
    truth.finish(folder, plan, &faults)?;
    let (rows, bytes) = exports.finish()?;
    Ok(Told {
        nights: world.calendar.nights.iter().copied().map(to_date).collect(),
        people: people.unsigned_abs(),
        companies: companies.unsigned_abs(),
        rows,
        bytes,
        faults,
    })
}

/// Simulates one company and writes it down.
fn tell(
    world: &World,
    company: &Company,
    first: i64,
    count: i64,
    exports: &mut Exports<'_>,
    truth: &mut Truth<'_>,
) -> Result<(), DemoError> {
    let mut told = account::simulate(world, company, first, count);
    for person in &mut told.people {
        person.nurture(told.won_at);
        person.settle();
        person.publish(exports)?;
        truth.person(person)?;
    }
    if let Some((record, signs)) = &mut told.direct {
        record.settle(world.calendar.end);
        exports.record(record)?;
        truth.direct(record.id(), signs)?;
    }
    if let Some(account) = &mut told.account {
        account.settle(world.calendar.end);
        exports.record(account)?;
    }
    Ok(())
}
