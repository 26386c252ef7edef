//! How somebody comes to us: from the first visit to the lead in the CRM.

use super::calendar::{At, DAY, HOUR, MINUTE, salesforce_instant};
use super::company::Arrival;
use super::ids::salesforce_id;
use super::names::{FORMS, PAGES};
use super::person::{ActivityKind, Person};
use super::record::Record;
use super::shapes::{Contact, Kind, Lead, Marketo};
use super::sign::Stage;
use super::staff::{WEBSITE, automation};

/// From a visitor's first visit until a form is filled in.
const TO_FORM: [i64; 5] = [2 * MINUTE, 15 * MINUTE, 3 * DAY, 14 * DAY, 90 * DAY];
/// From the form until the lead is in the CRM.
const SYNC: [i64; 5] = [60, 100, 150, 260, 540];

impl Person<'_> {
    /// Comes to us. Returns the instant from which the lead in the CRM may be pursued, if there
    /// ever is one.
    pub(super) fn arrive(&mut self) -> Option<At> {
        let zone = self.zone();
        let day = self.world.calendar.arrival(&mut self.dice);
        let at = self.world.calendar.visiting(zone, day, &mut self.dice);
        let created = match self.arrival {
            Arrival::Web => self.visit(at)?,
            Arrival::Listed => self.be_listed(at),
            Arrival::TradeShow => self.be_scanned(at),
            Arrival::Outbound => self.be_found(at),
            Arrival::Met => self.be_met(at),
        };
        if created > self.end() {
            return None;
        }
        let late = self.leads[self.lead].shown_from.is_some();
        let solid = !self.unlinked && self.arrival != Arrival::Met && !late;
        if solid && !self.dirt.contains(&"shared mailbox") && self.dice.chance(45) {
            return Some(self.be_doubled(created));
        }
        Some(created)
    }

    /// Visits without a name, and perhaps one day with one.
    fn visit(&mut self, at: At) -> Option<At> {
        self.new_marketo(at, false);
        let first = at + self.dice.between(1, 3);
        let known = self.dice.chance(self.source.known);
        let form = first + self.dice.spread(&TO_FORM);
        self.browse(first, first + HOUR / 2, form);
        let mut day = 0;
        for _ in 0..self.dice.below(4) {
            day += self.dice.between(1, 12);
            let again = self.visiting(first, day);
            self.browse(
                again,
                again + HOUR / 2,
                if known { form } else { self.end() },
            );
        }
        self.enter(first, Stage::Anonymous);
        (known && form <= self.end()).then(|| self.fill_in(form))
    }

    /// Views a few pages, all of them before `until`.
    fn browse(&mut self, from: At, to: At, until: At) {
        let mut at = from;
        while at < to.min(until - 30) {
            let page = self.dice.pick(&PAGES);
            self.act(at, ActivityKind::VisitWebpage, page, 0);
            at += self.dice.between(20, 900);
        }
    }

    /// Tells a form who it is. Marketo notes the answer with the form, or a moment later.
    fn fill_in(&mut self, at: At) -> At {
        let slow = if self.dice.chance(100) { 2 } else { 0 };
        let values = self.identity();
        if let Some(marketo) = &mut self.marketo {
            for (column, value) in values {
                marketo.set(at + slow, column, value, "");
            }
        }
        self.enter(at + slow, Stage::Known);
        let form = self.dice.pick(&FORMS);
        self.act(at, ActivityKind::FillOutForm, form, WEBSITE);
        self.set_score(at + 20, 25);
        let created = at + self.dice.spread(&SYNC);
        let queue = self.company.office.queue();
        self.new_lead(created, &queue);
        created
    }

    /// Comes with an address from the first moment: a webinar's registration, a partner's form.
    fn be_listed(&mut self, at: At) -> At {
        self.new_marketo(at, true);
        self.enter(at, Stage::Known);
        let webinar = self.source.name == "Webinar";
        let kind = if webinar {
            ActivityKind::AttendWebinar
        } else {
            ActivityKind::FillOutForm
        };
        let after = if webinar {
            self.dice.between(DAY, 4 * DAY)
        } else {
            self.dice.between(1, 3)
        };
        self.act(at + after, kind, self.source.name, WEBSITE);
        if webinar {
            self.report_attendance_late();
        }
        self.set_score(at + 30, 20);
        let created = at + self.dice.spread(&SYNC);
        let queue = self.company.office.queue();
        self.new_lead(created, &queue);
        created
    }

    /// The webinar's own system sometimes takes two days to tell who was there.
    fn report_attendance_late(&mut self) {
        let (import, last) = (self.world.calendar.import(), self.world.calendar.last());
        let late = self.dice.chance(500);
        if let Some(activity) = self.activities.last_mut() {
            let day = self.world.calendar.company_day(activity.at);
            if late && day > import && day + 2 < last {
                activity.arrived = Some(day + 2);
                self.dirt.push("late response");
            }
        }
    }

    /// Is on a trade show's list. The list's dates are the show's, even if it came days later: in
    /// the past that makes no difference, in the nights it comes late.
    fn be_scanned(&mut self, at: At) -> At {
        let created = self.working(at);
        let queue = self.company.office.queue();
        self.enter(created, Stage::Known);
        let day = self.world.calendar.company_day(created);
        let (import, last) = (self.world.calendar.import(), self.world.calendar.last());
        let late = day > import && day + 4 < last;
        if late {
            let shown = day + self.dice.between(2, 4);
            let zone = self.zone();
            let synced = self.world.calendar.start(zone, shown) + 12 * HOUR;
            self.new_marketo(synced, true);
            self.new_lead(created, &queue);
            self.leads[self.lead].shown_from = Some(shown);
            self.dirt.push("late record");
        } else {
            let synced = created + self.dice.spread(&SYNC);
            self.new_marketo(synced, true);
            self.new_lead(created, &queue);
        }
        created
    }

    /// Is entered by a rep; half of these never reach marketing automation.
    fn be_found(&mut self, at: At) -> At {
        let created = self.working(at);
        let owner = self.company.office.opener(&mut self.dice);
        if self.dice.chance(500) {
            let synced = created + self.dice.spread(&SYNC);
            self.new_marketo(synced, true);
        }
        self.new_lead(created, &owner);
        self.enter(created, Stage::Known);
        created
    }

    /// Is a contact first, and fills in a form weeks later.
    fn be_met(&mut self, at: At) -> At {
        let met = self.working(at);
        let owner = self.company.office.closer(&mut self.dice);
        self.new_contact(met, &owner);
        self.enter(met, Stage::Known);
        let days = self.dice.between(5, 60);
        let form = self.visiting(met, days);
        self.new_marketo(form, true);
        let after = self.dice.between(1, 3);
        self.act(form + after, ActivityKind::FillOutForm, FORMS[1], WEBSITE);
        let created = form + self.dice.spread(&SYNC);
        let queue = self.company.office.queue();
        self.new_lead(created, &queue);
        created
    }

    /// Makes the contact, never to change again: then its one version is as old as it is.
    pub(super) fn new_contact(&mut self, created: At, owner: &str) {
        let serial = self.serial();
        let contact = Record::new(Kind::Contact, serial, created)
            .with(Contact::Id, salesforce_id("003", serial))
            .with(Contact::AccountId, salesforce_id("001", self.company.index))
            .with(Contact::FirstName, self.first)
            .with(Contact::LastName, self.last)
            .with(Contact::Email, &*self.email)
            .with(Contact::Title, self.title)
            .with(Contact::OwnerId, owner)
            .with(Contact::MailingCountry, self.company.country)
            .with(Contact::LeadSource, self.source.name)
            .with(Contact::IsDeleted, "false")
            .with(Contact::CreatedDate, salesforce_instant(created));
        let id = contact.id().to_owned();
        self.contact = Some(contact);
        if let Some(marketo) = &mut self.marketo
            && !self.unlinked
        {
            marketo.set(created + 40, Marketo::sfdcContactId, id, "");
        }
    }

    /// Is entered a second time by somebody else, and merged days later. Returns when. The older
    /// lead only ever loses where Marketo has shown the person before it: of a lead that was deleted
    /// before the first export nobody can tell that it once stood for anybody.
    fn be_doubled(&mut self, created: At) -> At {
        let after = self.dice.between(DAY, 6 * DAY);
        let entered = self.working(created + after);
        if entered > self.end() {
            return created;
        }
        let owner = self.leads[0].cells[usize::from(Lead::OwnerId)].clone();
        self.unlinked = true;
        let second = self.new_lead(entered, &owner);
        self.unlinked = false;
        let after = self.dice.between(HOUR, 4 * DAY);
        let merged = self.working(entered + after);
        let marketo_first = matches!(self.arrival, Arrival::Web | Arrival::Listed);
        let newer_wins = marketo_first && self.dice.chance(400);
        let (winner, loser) = if newer_wins { (second, 0) } else { (0, second) };
        let (winner_id, by) = (self.leads[winner].id().to_owned(), automation());
        self.leads[loser].set(merged, Lead::IsDeleted, "true", &by);
        self.leads[loser].set(merged, Lead::MasterRecordId, &*winner_id, &by);
        self.lead = winner;
        if let Some(marketo) = &mut self.marketo {
            marketo.set(merged + 30, Marketo::sfdcLeadId, winner_id, "");
        }
        self.dirt.push("merged lead");
        merged
    }
}
