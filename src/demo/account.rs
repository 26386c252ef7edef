//! What becomes of a company's people together: who converts first makes the account, one
//! opportunity is open on it at a time, and once one is won nobody else of the company converts.
//! So whether somebody was a customer never depends on whose win counts for whom.

use super::calendar::{At, DAY, Day, HOUR, MINUTE, salesforce_instant};
use super::company::{Arrival, Company, World};
use super::deal::{self, Deal, Terms};
use super::dice::{Dice, Purpose};
use super::ids::salesforce_id;
use super::person::{Person, TouchKind};
use super::record::Record;
use super::shapes::{Account, Kind, Lead};
use super::sign::{Sign, Stage, What};
use super::staff::automation;

/// A company with all its people, done.
pub(super) struct Told<'w> {
    pub(super) people: Vec<Person<'w>>,
    pub(super) account: Option<Record>,
    /// An opportunity that names nobody, and what truly became of it.
    pub(super) direct: Option<(Record, Vec<Sign>)>,
    pub(super) won_at: Option<At>,
}

/// Something that needs the account, in its turn.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Converts(usize),
    Met,
    Direct,
}

struct House<'w> {
    world: &'w World,
    company: &'w Company,
    dice: Dice,
    people: Vec<Person<'w>>,
    account: Option<Record>,
    /// Until when an opportunity is open, and which.
    busy: Option<(At, String)>,
    won_at: Option<At>,
    direct: Option<(Record, Vec<Sign>)>,
    turns: Vec<(At, Turn)>,
}

/// Number of a company's own records, beyond those of any person.
const COMPANY_SERIALS: i64 = 1 << 36;

/// Simulates the people of a company, whose numbers begin at `first`.
pub(super) fn simulate<'w>(
    world: &'w World,
    company: &'w Company,
    first: i64,
    count: i64,
) -> Told<'w> {
    let mut house = House {
        world,
        company,
        dice: Dice::new(world.seed, Purpose::Company, company.index),
        people: Vec::new(),
        account: None,
        busy: None,
        won_at: None,
        direct: None,
        turns: Vec::new(),
    };
    for place in 0..count {
        let person = Person::new(world, company, first + place, place);
        house.admit(person);
    }
    if company.direct {
        let day = world.calendar.arrival(&mut house.dice);
        let at = world.calendar.start(company.office.zone, day) + 10 * HOUR;
        house.turns.push((at, Turn::Direct));
    }
    house.live();
    Told {
        people: house.people,
        account: house.account,
        direct: house.direct,
        won_at: house.won_at,
    }
}

impl<'w> House<'w> {
    fn admit(&mut self, mut person: Person<'w>) {
        let number = self.people.len();
        let pursued = person.arrive();
        if person.arrival == Arrival::Met
            && let Some(contact) = &person.contact
        {
            self.turns.push((contact.created, Turn::Met));
        }
        if let Some(at) = pursued.and_then(|from| person.pursue(from)) {
            self.turns.push((at, Turn::Converts(number)));
        }
        self.people.push(person);
    }

    /// Takes the turns in order of time; a turn may add later ones.
    fn live(&mut self) {
        while let Some(next) = (0..self.turns.len()).min_by_key(|turn| self.turns[*turn].0) {
            let (at, turn) = self.turns.swap_remove(next);
            if at > self.world.calendar.end {
                return;
            }
            match turn {
                Turn::Met => self.need_account(at),
                Turn::Direct => self.sell_directly(at),
                Turn::Converts(number) => self.convert(number, at),
            }
        }
    }

    fn need_account(&mut self, at: At) {
        if self.account.is_some() {
            return;
        }
        let company = self.company;
        let owner = company.office.closer(&mut self.dice);
        let account = Record::new(Kind::Account, COMPANY_SERIALS + company.index * 8, at)
            .with(Account::Id, salesforce_id("001", company.index))
            .with(Account::Name, &*company.name)
            .with(Account::Type, "Prospect")
            .with(Account::Industry, company.industry)
            .with(Account::NumberOfEmployees, company.employees.to_string())
            .with(Account::BillingCountry, company.country)
            .with(Account::OwnerId, owner)
            .with(Account::IsDeleted, "false")
            .with(Account::CreatedDate, salesforce_instant(at));
        self.account = Some(account);
    }

    /// An opportunity of the account, with no person on it.
    fn sell_directly(&mut self, at: At) {
        self.need_account(at);
        if self.won_at.is_some() || self.is_busy(at) {
            return;
        }
        let owner = self.company.office.closer(&mut self.dice);
        let terms = Terms {
            serial: COMPANY_SERIALS + self.company.index * 8 + 1,
            created: at,
            owner: &owner,
            business: "New Business",
            source: "",
        };
        let deal = deal::run(self.world, self.company, &mut self.dice, &terms);
        let signs = signs(&deal, true);
        self.keep(&deal);
        self.direct = Some((deal.record, signs));
    }

    fn is_busy(&self, at: At) -> bool {
        self.busy.as_ref().is_some_and(|(until, _)| *until > at)
    }

    /// Remembers what an opportunity means for the account.
    fn keep(&mut self, deal: &Deal) {
        let until = deal.closed.map_or(At::MAX, |closed| closed.at);
        self.busy = Some((until, deal.record.id().to_owned()));
        if let Some(closed) = deal.closed
            && closed.won
        {
            self.won_at = self.won_at.or(Some(closed.at));
            if let Some(account) = &mut self.account {
                account.set(closed.at, Account::Type, "Customer", &automation());
            }
        }
    }

    fn convert(&mut self, number: usize, at: At) {
        if self.company.internal {
            return;
        }
        if self.won_at.is_some_and(|won| won <= at) {
            self.people[number].recycle(at, "Already a customer");
            return;
        }
        self.need_account(at);
        let person = &mut self.people[number];
        let by = person.owner.clone();
        let skips = person.dice.chance(60);
        let lead = person.lead;
        let status = if skips { "Converted" } else { "Qualified" };
        person.leads[lead].set(at, Lead::Status, status, &by);
        if skips {
            person.dirt.push("skipped stage");
        } else {
            person.enter(at, Stage::Sql);
        }
        let waits = if !skips && person.dice.chance(200) {
            let after = person.dice.between(10 * MINUTE, 2 * DAY);
            person.working(at + after)
        } else {
            at
        };
        if waits <= self.world.calendar.end {
            self.make_contact(number, waits, &by);
        }
    }

    fn make_contact(&mut self, number: usize, at: At, by: &str) {
        let (busy, won) = (self.is_busy(at), self.won_at.is_some());
        let owner = self.company.office.closer(&mut self.people[number].dice);
        let date = self.people[number].date(at);
        let person = &mut self.people[number];
        if person.contact.is_none() {
            person.new_contact(at, &owner);
        } else {
            person.dirt.push("converted into an existing contact");
        }
        let contact = person.contact.as_ref().map_or("", Record::id).to_owned();
        let account = salesforce_id("001", self.company.index);
        person.set_lead(at, Lead::IsConverted, "true", by);
        person.set_lead(at, Lead::ConvertedDate, &date, by);
        person.set_lead(at, Lead::ConvertedContactId, &contact, by);
        person.set_lead(at, Lead::ConvertedAccountId, &account, by);
        person.owner.clone_from(&owner);
        if busy || won {
            self.join(number, at, &contact);
        } else if person.dice.chance(900) {
            let serial = person.serial();
            person.set_lead(
                at,
                Lead::ConvertedOpportunityId,
                &salesforce_id("006", serial),
                by,
            );
            self.sell_to(number, serial, at, "New Business");
        }
    }

    /// Has a part in the opportunity that is open on the account. One that names nobody stays so.
    fn join(&mut self, number: usize, at: At, contact: &str) {
        let person = &mut self.people[number];
        let Some((until, opportunity)) = &self.busy else {
            return;
        };
        let direct = self.direct.as_ref();
        let names_nobody = direct.is_some_and(|(record, _)| record.id() == opportunity);
        if *until > at && !names_nobody {
            let serial = person.serial();
            let role = deal::role(serial, at, opportunity, contact, false);
            person.others.push(role);
        }
    }

    fn sell_to(&mut self, number: usize, serial: i64, at: At, business: &'static str) {
        let person = &mut self.people[number];
        let owner = person.owner.clone();
        let terms = Terms {
            serial,
            created: at,
            owner: &owner,
            business,
            source: person.source.name,
        };
        let deal = deal::run(self.world, self.company, &mut person.dice, &terms);
        let role = person.serial();
        let contact = person.contact.as_ref().map_or("", Record::id).to_owned();
        let role = deal::role(role, at, deal.record.id(), &contact, true);
        person.others.push(role);
        person
            .signs
            .extend(signs(&deal, business == "New Business"));
        if deal.backdated {
            person.dirt.push("backdated close");
        }
        person.talk(&deal);
        self.keep(&deal);
        let closed = deal.closed;
        self.people[number].others.push(deal.record);
        if let Some(closed) = closed {
            self.after_close(number, closed.on, closed.won);
        }
    }

    /// A customer may buy more; a lost one who depends on nobody else may begin anew.
    fn after_close(&mut self, number: usize, on: Day, won: bool) {
        let person = &mut self.people[number];
        let closed = self.world.calendar.start(person.zone(), on);
        if won {
            let days = person.dice.between(120, 300);
            let at = person.working(closed + days * DAY);
            if person.dice.chance(500) && at <= person.end() {
                person.dirt.push("further opportunity");
                let serial = person.serial();
                self.sell_to(number, serial, at, "Existing Business");
            }
            return;
        }
        let first_time = person.leads.len() < 3;
        if self.company.is_solitary() && first_time && person.dice.chance(800) {
            let days = person.dice.between(36, 120);
            let from = person.visiting(closed, days);
            if let Some(at) = person.begin_anew(from) {
                self.turns.push((at, Turn::Converts(number)));
            }
        }
    }
}

fn signs(deal: &Deal, new_business: bool) -> Vec<Sign> {
    let opportunity = || deal.record.id().to_owned();
    let mut signs = Vec::new();
    if let Some(at) = deal.worked {
        let what = What::Worked {
            opportunity: opportunity(),
            new_business,
        };
        signs.push(Sign { at, what });
    }
    if let Some(closed) = deal.closed {
        let what = What::Closed {
            opportunity: opportunity(),
            new_business,
            on: closed.on,
            won: closed.won,
        };
        signs.push(Sign {
            at: closed.at,
            what,
        });
    }
    signs
}

impl Person<'_> {
    /// Answers again, weeks after a lost opportunity, and becomes a new lead.
    fn begin_anew(&mut self, at: At) -> Option<At> {
        self.marketo.as_ref()?;
        self.act(
            at,
            super::person::ActivityKind::FillOutForm,
            "Request a demo",
            super::staff::WEBSITE,
        );
        if at > self.end() {
            return None;
        }
        self.score = 30;
        let created = at + self.dice.between(60, 540);
        let queue = self.company.office.queue();
        self.lead = self.new_lead(created, &queue);
        self.dirt.push("new lead of an old contact");
        self.pursue(created)
    }

    /// The talks about an opportunity.
    fn talk(&mut self, deal: &Deal) {
        let until = deal.closed.map_or(self.end(), |closed| closed.at);
        let mut at = deal.record.created;
        for number in 0..self.dice.between(2, 6) {
            let after = self.dice.between(DAY, 12 * DAY);
            at = self.working(at + after);
            if at >= until {
                return;
            }
            let kind = if number % 2 == 0 {
                TouchKind::Meeting
            } else {
                TouchKind::Email
            };
            self.touch(at, kind);
            if let Some(touch) = self.touches.last_mut()
                && touch.at == at
            {
                deal.record.id().clone_into(&mut touch.what);
            }
        }
    }
}
