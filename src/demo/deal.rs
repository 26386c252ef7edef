//! An opportunity from its first day to its close.

use super::calendar::{At, DAY, Day, HOUR, MINUTE, date_text, month_end, salesforce_instant};
use super::company::{Company, World};
use super::dice::Dice;
use super::ids::salesforce_id;
use super::record::Record;
use super::shapes::{Kind, Opportunity, Role};

/// What is known of an opportunity before it begins.
pub(super) struct Terms<'a> {
    pub(super) serial: i64,
    pub(super) created: At,
    pub(super) owner: &'a str,
    /// `New Business` or `Existing Business`.
    pub(super) business: &'static str,
    pub(super) source: &'static str,
}

/// An opportunity with what truly became of it.
#[derive(Debug)]
pub(super) struct Deal {
    pub(super) record: Record,
    /// When it left `Prospecting`.
    pub(super) worked: Option<At>,
    pub(super) closed: Option<Closed>,
    pub(super) backdated: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Closed {
    /// When the rep said so.
    pub(super) at: At,
    /// The date that the rep gave.
    pub(super) on: Day,
    pub(super) won: bool,
}

/// A stage, its probability, its forecast category, the time spent in it, and of a thousand how
/// many are lost from it.
type Step = (&'static str, &'static str, &'static str, [i64; 5], i64);

const STEPS: [Step; 4] = [
    (
        "Prospecting",
        "10",
        "Pipeline",
        [30 * MINUTE, DAY, 3 * DAY, 7 * DAY, 20 * DAY],
        60,
    ),
    (
        "Discovery",
        "25",
        "Pipeline",
        [2 * DAY, 6 * DAY, 12 * DAY, 20 * DAY, 45 * DAY],
        220,
    ),
    (
        "Proposal",
        "50",
        "Best Case",
        [2 * DAY, 5 * DAY, 10 * DAY, 18 * DAY, 40 * DAY],
        250,
    ),
    (
        "Negotiation",
        "75",
        "Commit",
        [DAY, 5 * DAY, 10 * DAY, 20 * DAY, 45 * DAY],
        270,
    ),
];

const NEXT_STEPS: [&str; 5] = [
    "Send proposal",
    "Call with finance, legal",
    "Security questionnaire",
    "Waiting for \"go\" from the board",
    "Reference call",
];

struct Making<'a> {
    world: &'a World,
    company: &'a Company,
    dice: &'a mut Dice,
    owner: &'a str,
    record: Record,
}

/// Lets an opportunity run its course.
pub(super) fn run(world: &World, company: &Company, dice: &mut Dice, terms: &Terms<'_>) -> Deal {
    let from = usize::from(dice.chance(50));
    let record = opening(world, company, dice, terms, from);
    let mut making = Making {
        world,
        company,
        dice,
        owner: terms.owner,
        record,
    };
    let mut worked = (from > 0).then_some(terms.created);
    let mut at = terms.created;
    for (place, (_, _, _, stay, lost)) in STEPS.iter().enumerate().skip(from) {
        let wait = making.dice.spread(stay);
        at = making.working(at + wait);
        if at > world.calendar.end || making.dice.chance(30) {
            return making.left(worked);
        }
        if making.dice.chance(*lost) {
            return making.close(at, worked, false);
        }
        if let Some((stage, probability, forecast, _, _)) = STEPS.get(place + 1) {
            worked = worked.or(Some(at));
            making.step(at, stage, probability, forecast);
        }
    }
    making.close_won(at, worked)
}

/// The record of an opportunity's first moment.
fn opening(
    world: &World,
    company: &Company,
    dice: &mut Dice,
    terms: &Terms<'_>,
    from: usize,
) -> Record {
    let (stage, probability, forecast, _, _) = STEPS[from];
    let amount = match company.segment {
        "Enterprise" => dice.between(60, 240),
        "Mid-Market" => dice.between(18, 80),
        _ => dice.between(4, 24),
    };
    let close = world.calendar.company_day(terms.created) + dice.between(45, 110);
    let kind = if terms.business == "New Business" {
        "New"
    } else {
        "Expansion"
    };
    Record::new(Kind::Opportunity, terms.serial, terms.created)
        .with(Opportunity::Id, salesforce_id("006", terms.serial))
        .with(Opportunity::AccountId, salesforce_id("001", company.index))
        .with(Opportunity::Name, format!("{} - {kind}", company.name))
        .with(Opportunity::StageName, stage)
        .with(Opportunity::Amount, format!("{}.00", amount * 500))
        .with(Opportunity::CurrencyIsoCode, company.office.currency)
        .with(Opportunity::Probability, probability)
        .with(Opportunity::ForecastCategoryName, forecast)
        .with(Opportunity::Type, terms.business)
        .with(Opportunity::OwnerId, terms.owner)
        .with(Opportunity::LeadSource, terms.source)
        .with(Opportunity::CreatedDate, salesforce_instant(terms.created))
        .with(Opportunity::CloseDate, date_text(close))
        .with(Opportunity::IsClosed, "false")
        .with(Opportunity::IsWon, "false")
        .with(Opportunity::IsDeleted, "false")
}

impl Making<'_> {
    fn working(&mut self, at: At) -> At {
        let zone = self.company.office.zone;
        self.world.calendar.working(zone, at, self.dice)
    }

    fn set(&mut self, at: At, column: Opportunity, value: impl Into<String>) {
        self.record.set(at, column, value, self.owner);
    }

    fn step(&mut self, at: At, stage: &str, probability: &str, forecast: &str) {
        self.set(at, Opportunity::StageName, stage);
        self.set(at, Opportunity::Probability, probability);
        self.set(at, Opportunity::ForecastCategoryName, forecast);
        if self.dice.chance(500) {
            let next = self.dice.pick(&NEXT_STEPS);
            self.set(at, Opportunity::NextStep, next);
        }
        if self.dice.chance(350) {
            let amount = self.dice.between(8, 300) * 500;
            self.set(at, Opportunity::Amount, format!("{amount}.00"));
        }
        if self.dice.chance(300) {
            let day = self.world.calendar.company_day(at) + self.dice.between(20, 70);
            self.set(at, Opportunity::CloseDate, date_text(day));
        }
    }

    /// Wins are signed at the end of the month more often than chance would have it.
    fn close_won(self, at: At, worked: Option<At>) -> Deal {
        let calendar = &self.world.calendar;
        let day = calendar.company_day(at);
        let last = month_end(day);
        let waits = (day..day + 10).contains(&last) && self.dice.chance(450);
        let at = if waits {
            let noon = calendar.start(self.company.office.zone, last) + 11 * HOUR;
            at.max(noon + self.dice.below(5 * HOUR))
        } else {
            at
        };
        self.close(at, worked, true)
    }

    fn close(mut self, at: At, worked: Option<At>, won: bool) -> Deal {
        if at > self.world.calendar.end {
            return self.left(worked);
        }
        let worked = worked.unwrap_or(at);
        let today = self.world.calendar.company_day(at);
        let backdated = at - worked > 6 * DAY && self.dice.chance(40);
        let on = if backdated {
            today - self.dice.between(1, 3)
        } else {
            today
        };
        let (stage, probability, forecast) = if won {
            ("Closed Won", "100", "Closed")
        } else {
            ("Closed Lost", "0", "Omitted")
        };
        self.step(at, stage, probability, forecast);
        self.record.changes.retain(|change| {
            change.at < at || change.column != usize::from(Opportunity::CloseDate)
        });
        self.set(at, Opportunity::CloseDate, date_text(on));
        self.set(at, Opportunity::IsClosed, "true");
        self.set(at, Opportunity::IsWon, if won { "true" } else { "false" });
        Deal {
            record: self.record,
            worked: Some(worked),
            closed: Some(Closed { at, on, won }),
            backdated,
        }
    }

    /// Nobody closes it within the simulated time.
    fn left(self, worked: Option<At>) -> Deal {
        Deal {
            record: self.record,
            worked,
            closed: None,
            backdated: false,
        }
    }
}

/// The contact's part in an opportunity.
pub(super) fn role(
    serial: i64,
    created: At,
    opportunity: &str,
    contact: &str,
    primary: bool,
) -> Record {
    let part = if primary {
        "Decision Maker"
    } else {
        "Influencer"
    };
    Record::new(Kind::Role, serial, created)
        .with(Role::Id, salesforce_id("00K", serial))
        .with(Role::OpportunityId, opportunity)
        .with(Role::ContactId, contact)
        .with(Role::Role, part)
        .with(Role::IsPrimary, if primary { "true" } else { "false" })
        .with(Role::IsDeleted, "false")
        .with(Role::CreatedDate, salesforce_instant(created))
}
