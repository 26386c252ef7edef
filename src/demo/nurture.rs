//! What happens beside the main story: newsletters and webinars, later visits, and in the last
//! nights a stamp that is put right and people who are deleted.

use super::calendar::{At, DAY, HOUR, MINUTE, Zone, salesforce_instant};
use super::dice::{Dice, Purpose};
use super::names::PAGES;
use super::person::{ActivityKind, Person};
use super::record::Record;
use super::shapes::{Contact, Kind, Lead, Marketo};
use super::sign::{Sign, Stage, What};
use super::staff::automation;

/// Answers this close to the end of the quiet after a lost opportunity would tell more of the rule's
/// edge than of people, so nobody gives one.
const EDGE: std::ops::Range<i64> = 27 * DAY..34 * DAY;

impl Person<'_> {
    /// Lives on beside what `pursue` and the account have decided. `won_at` is when the account was
    /// won, by whomever.
    pub(super) fn nurture(&mut self, won_at: Option<At>) {
        self.correct_stamp();
        self.delete();
        let known = self.signs.iter().find_map(|sign| match sign.what {
            What::Enter(Stage::Known) => Some(sign.at),
            _ => None,
        });
        let Some(known) = known else {
            return;
        };
        let mut dice = Dice::new(self.world.seed, Purpose::Nurture, self.index);
        let unsubscribes = dice.chance(60);
        let until = if unsubscribes {
            known + dice.between(20 * DAY, 300 * DAY)
        } else {
            self.end()
        };
        if unsubscribes && let Some(marketo) = &mut self.marketo {
            marketo.set(until, Marketo::unsubscribed, "true", "");
        }
        self.read_mail(known, until, won_at, &mut dice);
        self.visit_again(known, &mut dice);
        self.change_title(&mut dice);
    }

    fn read_mail(&mut self, known: At, until: At, won_at: Option<At>, dice: &mut Dice) {
        let calendar = &self.world.calendar;
        for mailing in &self.world.mailings {
            let start = calendar.start(Zone::NewYork, mailing.day) + 10 * HOUR;
            let sent = start + self.index % 1200;
            if sent < known + DAY || sent > until || self.is_gone(sent) {
                continue;
            }
            self.act(sent, ActivityKind::SendEmail, &mailing.name, mailing.id);
            if !dice.chance(260) {
                continue;
            }
            let opened = sent + dice.spread(&[MINUTE, 20 * MINUTE, 3 * HOUR, 10 * HOUR, 2 * DAY]);
            self.act(opened, ActivityKind::OpenEmail, &mailing.name, mailing.id);
            let kind = match dice.below(100) {
                0..10 => ActivityKind::ClickEmail,
                10..24 if mailing.webinar => ActivityKind::AttendWebinar,
                _ => continue,
            };
            let answered = if kind == ActivityKind::ClickEmail {
                opened + dice.between(5, 90)
            } else {
                start + 2 * DAY + 4 * HOUR + dice.below(10 * MINUTE)
            };
            if self.may_answer(answered, won_at) {
                self.act(answered, kind, &mailing.name, mailing.id);
            }
        }
    }

    fn is_gone(&self, at: At) -> bool {
        self.deleted.is_some_and(|deleted| deleted <= at)
    }

    /// Whether an answer says something plain: not at the very second of something else, not at the
    /// edge of the quiet, and not from a colleague of whoever won the account.
    fn may_answer(&self, at: At, won_at: Option<At>) -> bool {
        let own = self
            .signs
            .iter()
            .any(|sign| matches!(sign.what, What::Closed { won: true, .. }));
        let colleague =
            !own && self.contact.is_some() && won_at.is_some_and(|won| won - 3 * DAY <= at);
        let edge = self.signs.iter().any(|sign| {
            sign.at == at
                || matches!(sign.what, What::Closed { .. }) && EDGE.contains(&(at - sign.at))
        });
        !self.is_gone(at) && !colleague && !edge
    }

    fn visit_again(&mut self, known: At, dice: &mut Dice) {
        for _ in 0..dice.below(4) {
            let at = known + dice.between(HOUR, 60 * DAY);
            if !self.is_gone(at) {
                let page = dice.pick(&PAGES);
                self.act(at, ActivityKind::VisitWebpage, page, 0);
            }
        }
    }

    /// A few contacts are corrected by hand in the last nights: a change without field history.
    fn change_title(&mut self, dice: &mut Dice) {
        let calendar = &self.world.calendar;
        let nights = calendar.last() - calendar.import();
        let corrected = dice.chance(80);
        let at = calendar.close(calendar.import()) + dice.below(nights.max(1) * DAY);
        if corrected
            && let Some(contact) = &mut self.contact
            && contact.created < at
        {
            contact.set(at, Contact::Title, "Chief Marketing Officer", &automation());
        }
    }

    /// A stamp that was three days off is put right in the last nights: it corrects the entry.
    fn correct_stamp(&mut self) {
        let calendar = &self.world.calendar;
        let (import, nights) = (calendar.close(calendar.import()), &calendar.nights);
        let open_case = self.stamps.len() == 1 && !self.signs.iter().any(Sign::ends);
        if !open_case || nights.len() < 4 || !self.dice.chance(60) {
            return;
        }
        let stamp = self.stamps[0];
        let corrected = stamp - 3 * DAY;
        let answered = |sign: &Sign| matches!(sign.what, What::Enter(Stage::Responded));
        let before = |sign: &Sign| answered(sign) && sign.at < corrected;
        let answered_before = self.signs.iter().any(before);
        let between = |sign: &Sign| {
            let harmless =
                answered_before && answered(sign) || matches!(sign.what, What::Enter(Stage::Mql));
            (corrected..=stamp).contains(&sign.at) && !harmless
        };
        let recent = (import - 60 * DAY..import).contains(&stamp);
        let settled = self.leads[self.lead].created < corrected - HOUR
            && self.leads[self.lead].changes.iter().all(|change| {
                change.column != usize::from(Lead::IsConverted)
                    && change.column != usize::from(Lead::IsDeleted)
            });
        if !recent || !settled || self.signs.iter().any(between) {
            return;
        }
        let at = import + DAY + 15 * HOUR;
        let text = salesforce_instant(corrected);
        self.set_lead(at, Lead::MQL_Date__c, &text, &automation());
        self.stamps[0] = corrected;
        for sign in &mut self.signs {
            if sign.at == stamp && matches!(sign.what, What::Enter(Stage::Mql)) {
                sign.at = corrected;
            }
        }
        self.dirt.push("re-dated stamp");
    }

    /// A few people whose story is over are deleted in the last nights, in both systems.
    fn delete(&mut self) {
        let calendar = &self.world.calendar;
        let (import, last) = (calendar.import(), calendar.last());
        if self.contact.is_some()
            || self.leads.is_empty()
            || !self.dirt.is_empty()
            || last - import < 4
            || !self.dice.chance(15)
        {
            return;
        }
        let day = import + self.dice.between(1, last - import - 2);
        let at = calendar.start(Zone::NewYork, day) + 14 * HOUR + self.dice.below(HOUR);
        let over = |record: &Record| {
            record.created < at && record.changes.iter().all(|change| change.at < at)
        };
        let records = self.leads.iter().chain(&self.marketo);
        let still = records.clone().all(over) && self.signs.iter().all(|sign| sign.at < at);
        if !still {
            return;
        }
        let wholly = self.dice.chance(500);
        self.set_lead(at, Lead::IsDeleted, "true", &automation());
        for record in self.leads.iter_mut().chain(&mut self.marketo) {
            if wholly || record.kind == Kind::MarketoLead {
                record.gone_from = Some(day);
            }
        }
        self.deleted = Some(at);
        self.activities.retain(|activity| activity.at < at);
        self.touches.retain(|touch| touch.at < at);
        self.sign(at, What::Deleted);
        self.dirt.push("deleted person");
    }
}
