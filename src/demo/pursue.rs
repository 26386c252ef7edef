//! What marketing and sales make of a lead, until it converts, is sent back, or is left lying.

use super::calendar::{At, DAY, HOUR, MINUTE, salesforce_instant};
use super::company::Arrival;
use super::names::{DISQUALIFY, FORMS, RECYCLE};
use super::person::{ActivityKind, Person, TouchKind};
use super::shapes::Lead;
use super::sign::{Stage, What};
use super::staff::{WEBSITE, automation};

/// From known to qualified, for those who do not ask for a call at once.
const TO_MQL: [i64; 5] = [DAY, 4 * DAY, 9 * DAY, 25 * DAY, 100 * DAY];
/// From qualified until a rep owns the lead.
const TO_REP: [i64; 5] = [30, 90, 3 * MINUTE, 14 * MINUTE, 4 * HOUR];
/// From owned until a rep first calls or writes.
const TO_TOUCH: [i64; 5] = [MINUTE, 5 * MINUTE, 14 * MINUTE, HOUR, 30 * HOUR];
/// From the first touch until the rep takes the lead on.
const TO_SAL: [i64; 5] = [MINUTE, 20 * MINUTE, 4 * HOUR, DAY, 6 * DAY];
/// From taken on until it is agreed that there is something to sell.
const TO_SQL: [i64; 5] = [2 * HOUR, 3 * DAY, 9 * DAY, 20 * DAY, 60 * DAY];
/// From taken on until it is agreed that there is not.
const TO_NO: [i64; 5] = [2 * DAY, 6 * DAY, 12 * DAY, 20 * DAY, 45 * DAY];

/// How the work on a lead ended.
enum Verdict {
    Convert(At),
    Recycled(At),
    Disqualified(At),
    Nothing,
}

/// A lead that sales takes up.
#[derive(Clone, Copy)]
struct Handed {
    at: At,
    /// A rep took it before marketing thought it ready.
    picked: bool,
}

impl Person<'_> {
    /// Works the lead until it is to be converted; returns when, if it ever is.
    pub(super) fn pursue(&mut self, from: At) -> Option<At> {
        if let Some(at) = self.be_junk(from) {
            let back = self.reinstate(at)?;
            return self.sell_again(back);
        }
        let handed = self.hand_over(from)?;
        let verdict = self.sell(handed);
        self.after(verdict)
    }

    fn after(&mut self, verdict: Verdict) -> Option<At> {
        let mut verdict = verdict;
        for _ in 0..3 {
            let back = match verdict {
                Verdict::Convert(at) => return (at <= self.end()).then_some(at),
                Verdict::Recycled(at) => self.come_back(at)?,
                Verdict::Disqualified(at) => self.reinstate(at)?,
                Verdict::Nothing => return None,
            };
            verdict = self.sell(Handed {
                at: back,
                picked: false,
            });
        }
        None
    }

    fn sell_again(&mut self, at: At) -> Option<At> {
        let verdict = self.sell(Handed { at, picked: false });
        self.after(verdict)
    }

    /// Some answers to forms are nonsense, which a rep sees before anything comes of them.
    fn be_junk(&mut self, from: At) -> Option<At> {
        let answered = matches!(self.arrival, Arrival::Web)
            || (self.arrival == Arrival::Listed && self.source.name != "Webinar");
        if !answered || !self.dice.chance(45) {
            return None;
        }
        let after = self.dice.between(20 * MINUTE, 2 * DAY);
        let at = self.working(from + after);
        self.owner = self.company.office.opener(&mut self.dice);
        self.disqualify(at, "Junk", "Spam");
        (at <= self.end()).then_some(at)
    }

    /// Qualifies, or is picked by a rep who does not wait for it.
    fn hand_over(&mut self, from: At) -> Option<Handed> {
        let picked = if self.arrival == Arrival::Outbound {
            450
        } else {
            40
        };
        if self.dice.chance(picked) {
            let after = self.dice.between(HOUR, 5 * DAY);
            let at = self.working(from + after);
            self.dirt.push("skipped stage");
            return (at <= self.end()).then_some(Handed { at, picked: true });
        }
        if !self.dice.chance(self.source.qualifies) {
            return None;
        }
        let at = if self.dice.chance(300) {
            from + self.dice.between(40, 5 * MINUTE)
        } else {
            let at = from + self.dice.spread(&TO_MQL);
            self.answer(at - 60);
            at
        };
        self.qualify(at);
        (at <= self.end()).then_some(Handed { at, picked: false })
    }

    fn answer(&mut self, at: At) {
        let form = self.dice.pick(&FORMS);
        self.act(at, ActivityKind::FillOutForm, form, WEBSITE);
    }

    /// The score passes the threshold and the workflow stamps the lead.
    fn qualify(&mut self, at: At) {
        let score = self.dice.between(65, 95);
        self.set_score(at, score);
        let stamp = salesforce_instant(at);
        self.set_lead(at, Lead::MQL_Date__c, &stamp, &automation());
        if at <= self.end() {
            self.stamps.push(at);
        }
        self.enter(at, Stage::Mql);
    }

    /// Sales takes the lead up: a rep owns it, touches it, and comes to a verdict.
    fn sell(&mut self, handed: Handed) -> Verdict {
        let assigned = if handed.picked {
            handed.at
        } else {
            if self.dice.chance(45) {
                return Verdict::Nothing;
            }
            handed.at + self.dice.spread(&TO_REP)
        };
        let rep = self.company.office.opener(&mut self.dice);
        self.set_lead(assigned, Lead::OwnerId, &rep, &automation());
        self.owner = rep;
        if self.dice.chance(500) {
            let after = self.dice.between(90, 200);
            self.touch(handed.at + after, TouchKind::Automated);
        }
        if !handed.picked && self.dice.chance(50) {
            let at = self.working(assigned + MINUTE);
            let reason = self.dice.pick(&DISQUALIFY);
            return self.reject(at, reason);
        }
        if !handed.picked && self.dice.chance(90) {
            return Verdict::Nothing;
        }
        let first = self.first_touch(assigned);
        self.judge(handed, first)
    }

    /// Reps have been slower for three weeks.
    fn first_touch(&mut self, assigned: At) -> At {
        let wait = self.dice.spread(&TO_TOUCH);
        let slow = assigned > self.end() - 21 * DAY;
        let first = self.working(assigned + if slow { wait * 8 / 5 } else { wait });
        let kind = if self.dice.chance(550) {
            self.call()
        } else {
            TouchKind::Email
        };
        self.touch(first, kind);
        first
    }

    fn call(&mut self) -> TouchKind {
        TouchKind::Call {
            reached: self.dice.chance(380),
        }
    }

    fn judge(&mut self, handed: Handed, first: At) -> Verdict {
        let lately = handed.at > self.end() - 35 * DAY;
        let accepted = self.source.accepted * if lately { 85 } else { 100 } / 100;
        if !handed.picked && !self.dice.chance(accepted) {
            let after = self.dice.spread(&TO_NO);
            let at = self.working(first + after);
            self.keep_touching(first, at);
            return match self.dice.below(100) {
                0..50 => self.give_back(at),
                50..75 => {
                    let reason = self.dice.pick(&DISQUALIFY);
                    self.reject(at, reason)
                }
                _ => Verdict::Nothing,
            };
        }
        let after = self.dice.spread(&TO_SAL);
        let taken = self.working(first + after);
        let odd = !handed.picked && self.dice.chance(25);
        let taken = self.take_on(taken, odd);
        let verdict = self.decide(taken);
        if handed.picked && self.dice.chance(300) {
            let after = self.dice.between(2 * HOUR, 6 * DAY);
            self.qualify_before(taken + after, &verdict);
        }
        verdict
    }

    /// The score of a lead that a rep picked passes the threshold after all.
    fn qualify_before(&mut self, at: At, verdict: &Verdict) {
        let until = match verdict {
            Verdict::Convert(at) | Verdict::Recycled(at) | Verdict::Disqualified(at) => *at,
            Verdict::Nothing => self.end(),
        };
        if at < until {
            self.qualify(at);
        }
    }

    /// The rep sets the status that says so; a few use one that nobody mapped, and a few let the
    /// lead fall back and take it up again. Returns when the work goes on.
    fn take_on(&mut self, at: At, odd: bool) -> At {
        let by = self.owner.clone();
        if odd {
            self.set_lead(at, Lead::Status, "Working 2", &by);
            self.dirt.push("unmapped status");
            return at;
        }
        self.set_lead(at, Lead::Status, "Working", &by);
        self.enter(at, Stage::Sal);
        if !self.dice.chance(60) {
            return at;
        }
        let (idle, again) = (self.dice.between(1, 5), self.dice.between(1, 6));
        let open = self.working(at + idle * DAY);
        self.set_lead(open, Lead::Status, "Open", &by);
        let taken = self.working(open + again * DAY);
        self.set_lead(taken, Lead::Status, "Working", &by);
        self.dirt.push("backward move");
        taken
    }

    fn decide(&mut self, taken: At) -> Verdict {
        let roll = self.dice.below(100);
        let wait = if roll < 50 { &TO_SQL } else { &TO_NO };
        let after = self.dice.spread(wait);
        let at = self.working(taken + after);
        self.keep_touching(taken, at);
        match roll {
            0..50 => Verdict::Convert(at),
            50..78 => self.give_back(at),
            78..84 => {
                let reason = self.dice.pick(&DISQUALIFY);
                self.reject(at, reason)
            }
            _ => Verdict::Nothing,
        }
    }

    /// Calls, e-mails and a meeting while the verdict is out.
    fn keep_touching(&mut self, from: At, until: At) {
        let mut at = from;
        for number in 0..self.dice.between(1, 7) {
            let after = self.dice.between(5 * HOUR, 4 * DAY);
            at = self.working(at + after);
            if at >= until {
                return;
            }
            let kind = match self.dice.below(100) {
                0..40 => self.call(),
                40..75 => TouchKind::Email,
                75..80 => TouchKind::Note,
                _ if number > 0 => TouchKind::Meeting,
                _ => TouchKind::Email,
            };
            self.touch(at, kind);
        }
    }

    fn give_back(&mut self, at: At) -> Verdict {
        let reason = if self.dice.chance(150) {
            ""
        } else {
            self.dice.pick(&RECYCLE)
        };
        self.recycle(at, reason);
        Verdict::Recycled(at)
    }

    pub(super) fn recycle(&mut self, at: At, reason: &str) {
        let (by, queue) = (self.owner.clone(), self.company.office.queue());
        self.set_lead(at, Lead::Status, "Recycled", &by);
        self.set_lead(at, Lead::Recycle_Reason__c, reason, &by);
        self.set_lead(at + 5, Lead::OwnerId, &queue, &automation());
        if self.dice.chance(200) {
            self.set_lead(at + 5, Lead::MQL_Date__c, "", &automation());
        }
        self.set_score(at + 60, 20);
        self.sign(at, What::Recycle);
        self.dirt.push("recycled lead");
    }

    fn reject(&mut self, at: At, reason: &str) -> Verdict {
        self.disqualify(at, "Disqualified", reason);
        Verdict::Disqualified(at)
    }

    fn disqualify(&mut self, at: At, status: &str, reason: &str) {
        let by = self.owner.clone();
        self.set_lead(at, Lead::Status, status, &by);
        self.set_lead(at, Lead::Status_Reason__c, reason, &by);
        self.set_score(at + 60, 0);
        self.sign(at, What::Disqualify);
        self.dirt.push("disqualified lead");
    }

    /// Qualifies again: some are handed in again the very next day, some answer months later.
    fn come_back(&mut self, recycled: At) -> Option<At> {
        let roll = self.dice.below(100);
        if roll < 25 {
            let at = self.working(recycled + DAY);
            self.dirt.push("resubmitted next day");
            if roll < 12 {
                self.answer(at - 45);
            }
            return self.reopen_qualified(at);
        }
        if roll < 52 {
            let days = self.dice.between(20, 110);
            let answered = self.visiting(recycled, days);
            self.answer(answered);
            let after = self.dice.between(2 * MINUTE, 6 * DAY);
            return self.reopen_qualified(answered + after);
        }
        None
    }

    /// Is taken back from among the disqualified, and then answers and qualifies.
    fn reinstate(&mut self, disqualified: At) -> Option<At> {
        if !self.dice.chance(160) {
            return None;
        }
        let days = self.dice.between(15, 60);
        let at = self.working(disqualified + days * DAY);
        let by = self.owner.clone();
        self.set_lead(at, Lead::Status, "Open", &by);
        self.set_lead(at, Lead::Status_Reason__c, "", &by);
        self.sign(at, What::Reinstate);
        self.dirt.push("reinstated lead");
        let after = self.dice.between(HOUR, 4 * DAY);
        self.answer(at + after);
        let qualified = at + after + self.dice.between(2 * MINUTE, 3 * DAY);
        self.qualify(qualified);
        (qualified <= self.end()).then_some(qualified)
    }

    /// The workflow opens the lead again in the same moment.
    fn reopen_qualified(&mut self, at: At) -> Option<At> {
        self.set_lead(at, Lead::Status, "Open", &automation());
        self.qualify(at);
        (at <= self.end()).then_some(at)
    }
}
