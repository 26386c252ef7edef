//! Our own side: the reps and queues that own leads, the automation that writes e-mails, and the
//! campaigns and programs that people answer to.

use super::DemoError;
use super::calendar::{Calendar, DAY, Day, Zone, date_text};
use super::dice::Dice;
use super::exports::Exports;
use super::ids::salesforce_id;
use super::record::Record;
use super::shapes::{Campaign, Kind, Program, User};

/// Where a company sits: decides the office, the zone and the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Office {
    pub(super) region: &'static str,
    pub(super) zone: Zone,
    pub(super) currency: &'static str,
    pub(super) countries: &'static [&'static str],
    /// Of a hundred companies, how many are its.
    pub(super) share: i64,
    queue: i64,
    /// Numbers of the users who take new leads, and of those who sell.
    openers: &'static [i64],
    closers: &'static [i64],
}

pub(super) const OFFICES: [Office; 4] = [
    Office {
        region: "AMER",
        zone: Zone::NewYork,
        currency: "USD",
        countries: &["United States", "United States", "United States", "Canada"],
        share: 52,
        queue: 1,
        openers: &[10, 11, 12],
        closers: &[20, 21, 22],
    },
    Office {
        region: "EMEA",
        zone: Zone::London,
        currency: "GBP",
        countries: &["United Kingdom", "United Kingdom", "Ireland"],
        share: 20,
        queue: 2,
        openers: &[13, 14],
        closers: &[23],
    },
    Office {
        region: "EMEA",
        zone: Zone::Berlin,
        currency: "EUR",
        countries: &["Germany", "Germany", "France", "Netherlands", "Spain"],
        share: 18,
        queue: 2,
        openers: &[15],
        closers: &[24],
    },
    Office {
        region: "APAC",
        zone: Zone::Sydney,
        currency: "AUD",
        countries: &["Australia", "Australia", "New Zealand", "Singapore"],
        share: 10,
        queue: 3,
        openers: &[16],
        closers: &[25],
    },
];

/// Number, name, zone, team, manager's number, region.
const PEOPLE: [(i64, &str, Zone, &str, i64, &str); 16] = [
    (5, "Dana Whitfield", Zone::NewYork, "Leadership", 0, ""),
    (6, "Ruth Calder", Zone::NewYork, "Sales", 5, "AMER"),
    (7, "Colin Marsh", Zone::London, "Sales", 5, "EMEA"),
    (10, "Abby Stone", Zone::NewYork, "SDR", 6, "AMER"),
    (11, "Luis Ortega", Zone::NewYork, "SDR", 6, "AMER"),
    (12, "Mina Park", Zone::NewYork, "SDR", 6, "AMER"),
    (13, "Oliver Pike", Zone::London, "SDR", 7, "EMEA"),
    (14, "Saoirse Byrne", Zone::London, "SDR", 7, "EMEA"),
    (15, "Jürgen Lang", Zone::Berlin, "SDR", 7, "EMEA"),
    (16, "Tess Nolan", Zone::Sydney, "SDR", 6, "APAC"),
    (20, "Frank Meyers", Zone::NewYork, "AE", 6, "AMER"),
    (21, "Gail Horton", Zone::NewYork, "AE", 6, "AMER"),
    (22, "Hector Ruiz", Zone::NewYork, "AE", 6, "AMER"),
    (23, "Imogen Hale", Zone::London, "AE", 7, "EMEA"),
    (24, "Katrin Vogt", Zone::Berlin, "AE", 7, "EMEA"),
    (25, "Lachlan Shaw", Zone::Sydney, "AE", 6, "APAC"),
];

const QUEUES: [(i64, &str, &str); 3] = [
    (1, "Inbound AMER", "AMER"),
    (2, "Inbound EMEA", "EMEA"),
    (3, "Inbound APAC", "APAC"),
];

/// The user in whose name workflows change records and send e-mails.
pub(super) fn automation() -> String {
    salesforce_id("005", 9)
}

impl Office {
    /// The queue that new leads wait in.
    pub(super) fn queue(&self) -> String {
        salesforce_id("00G", self.queue)
    }

    /// A rep who takes new leads.
    pub(super) fn opener(&self, dice: &mut Dice) -> String {
        salesforce_id("005", dice.pick(self.openers))
    }

    /// A rep who works opportunities.
    pub(super) fn closer(&self, dice: &mut Dice) -> String {
        salesforce_id("005", dice.pick(self.closers))
    }
}

/// A program that runs on one day: the people of the house are asked to it.
#[derive(Debug)]
pub(super) struct Mailing {
    pub(super) day: Day,
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) webinar: bool,
}

/// Programs that are always on: id, name, type, channel.
const EVERGREEN: [(i64, &str, &str, &str); 4] = [
    (1001, "Website forms", "Default", "Content"),
    (
        1002,
        "Paid search landing pages",
        "Default",
        "Online Advertising",
    ),
    (1003, "Content syndication", "Default", "Content"),
    (1004, "Field events", "Event", "Tradeshow"),
];

/// The program that a form on the website belongs to.
pub(super) const WEBSITE: i64 = 1001;

/// A newsletter every three weeks, and a webinar every fifth of them.
pub(super) fn mailings(calendar: &Calendar) -> Vec<Mailing> {
    let mut mailings = Vec::new();
    let mut day = calendar.first + 7 - super::calendar::weekday(calendar.first) + 1;
    let mut number = 0;
    while day <= calendar.last() {
        let webinar = number % 5 == 2;
        let kind = if webinar { "Webinar" } else { "Newsletter" };
        mailings.push(Mailing {
            day,
            id: 2001 + number,
            name: format!("{kind} {}", date_text(day)),
            webinar,
        });
        number += 1;
        day += 21;
    }
    mailings
}

/// Writes users, campaigns and programs.
pub(super) fn export(
    calendar: &Calendar,
    mailings: &[Mailing],
    exports: &mut Exports<'_>,
) -> Result<(), DemoError> {
    let hired = calendar.start(Zone::NewYork, calendar.first) - DAY;
    for user in users(hired) {
        exports.record(&user)?;
    }
    for (id, name, kind, channel) in EVERGREEN {
        exports.record(&program(id, name, kind, channel, calendar.first, hired))?;
        exports.record(&campaign(id, name, kind, calendar.first, hired))?;
    }
    for mailing in mailings {
        let planned = calendar.start(Zone::NewYork, mailing.day) - 6 * DAY;
        let (kind, channel) = if mailing.webinar {
            ("Event", "Webinar")
        } else {
            ("Email", "Email Send")
        };
        let created = planned.max(hired);
        exports.record(&program(
            mailing.id,
            &mailing.name,
            kind,
            channel,
            mailing.day,
            created,
        ))?;
        exports.record(&campaign(
            mailing.id,
            &mailing.name,
            channel,
            mailing.day,
            created,
        ))?;
    }
    Ok(())
}

fn users(hired: i64) -> Vec<Record> {
    let user = |id: String, serial: i64| {
        let record = Record::new(Kind::User, serial, hired)
            .with(User::Id, id)
            .with(User::IsActive, "true");
        let created = record.instant(hired);
        record.with(User::CreatedDate, created)
    };
    let person =
        |(number, name, zone, team, manager, region): (i64, &str, Zone, &str, i64, &str)| {
            let address = super::names::ascii(name.split(' ').next().unwrap_or(name));
            let manager = if manager == 0 {
                String::new()
            } else {
                salesforce_id("005", manager)
            };
            user(salesforce_id("005", number), number)
                .with(User::Name, name)
                .with(User::Email, format!("{address}@acme.example"))
                .with(User::UserType, "Standard")
                .with(User::TimeZoneSidKey, zone.name())
                .with(User::Team__c, team)
                .with(User::ManagerId, manager)
                .with(User::Region__c, region)
        };
    let queue = |(number, name, region): (i64, &str, &str)| {
        user(salesforce_id("00G", number), number)
            .with(User::Name, name)
            .with(User::UserType, "Queue")
            .with(User::TimeZoneSidKey, Zone::NewYork.name())
            .with(User::Region__c, region)
    };
    let automated = user(automation(), 9)
        .with(User::Name, "Automated Process")
        .with(User::Email, "autoproc@acme.example")
        .with(User::UserType, "AutomatedProcess")
        .with(User::TimeZoneSidKey, Zone::NewYork.name());
    let mut all: Vec<Record> = QUEUES.into_iter().map(queue).collect();
    all.push(automated);
    all.extend(PEOPLE.into_iter().map(person));
    all
}

fn program(id: i64, name: &str, kind: &str, channel: &str, starts: Day, created: i64) -> Record {
    let record = Record::new(Kind::Program, id, created);
    let instant = record.instant(created);
    record
        .with(Program::id, id.to_string())
        .with(Program::name, name)
        .with(Program::kind, kind)
        .with(Program::channel, channel)
        .with(Program::status, "on")
        .with(Program::startDate, date_text(starts))
        .with(Program::createdAt, instant)
}

fn campaign(id: i64, name: &str, kind: &str, starts: Day, created: i64) -> Record {
    let record = Record::new(Kind::Campaign, id, created);
    let instant = record.instant(created);
    record
        .with(Campaign::Id, salesforce_id("701", id))
        .with(Campaign::Name, name)
        .with(Campaign::Type, kind)
        .with(Campaign::Status, "In Progress")
        .with(Campaign::StartDate, date_text(starts))
        .with(Campaign::ActualCost, (id % 7 * 450 + 800).to_string())
        .with(Campaign::CreatedDate, instant)
}
