//! A company that our people work at, and the lead sources that bring them.

use super::calendar::Calendar;
use super::dice::{Dice, Purpose};
use super::names::{BUSINESS, COMPANY, ascii};
use super::staff::{Mailing, OFFICES, Office};

/// What everybody shares: the plan's seed, the days, and the mailings.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) calendar: Calendar,
    pub(super) mailings: Vec<Mailing>,
}

#[derive(Debug)]
pub(super) struct Company {
    pub(super) index: i64,
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) office: &'static Office,
    pub(super) country: &'static str,
    pub(super) industry: &'static str,
    pub(super) segment: &'static str,
    pub(super) employees: i64,
    /// How many people of it we will ever hear of.
    pub(super) size: i64,
    /// Ourselves, trying out the website: excluded from the funnel.
    pub(super) internal: bool,
    /// Two of its people write from the same `info@` address.
    pub(super) shared_mailbox: bool,
    /// A rep sells to it without naming any person.
    pub(super) direct: bool,
}

const SIZES: [i64; 9] = [45, 20, 13, 9, 6, 3, 2, 1, 1];

impl Company {
    pub(super) fn new(seed: u64, index: i64) -> Self {
        let mut dice = Dice::new(seed, Purpose::Company, index);
        let office = &OFFICES[dice.weighted(OFFICES.iter().map(|office| office.share))];
        let size = 1 + i64::try_from(dice.weighted(SIZES.into_iter())).unwrap_or(0);
        let (segment, employees) = segment(&mut dice);
        let internal = size == 1 && dice.chance(22);
        let business = BUSINESS[slot(index * 7, BUSINESS.len())];
        let first = COMPANY[slot(index, COMPANY.len())];
        let again = index / 400;
        let name = match (internal, again) {
            (true, _) => "Acme".to_owned(),
            (false, 0) => format!("{first} {}", business.0),
            (false, _) => format!("{first} {} {again}", business.0),
        };
        let domain = if internal {
            "acme.example".to_owned()
        } else {
            format!("{}{index}.example", ascii(first))
        };
        Self {
            index,
            name,
            domain,
            office,
            country: dice.pick(office.countries),
            industry: business.1,
            segment: if dice.chance(35) { "" } else { segment },
            employees,
            size,
            internal,
            shared_mailbox: size > 1 && dice.chance(35),
            direct: !internal && dice.chance(30),
        }
    }

    /// Whether what befalls its one person depends on nobody else.
    pub(super) fn is_solitary(&self) -> bool {
        self.size == 1 && !self.direct && !self.internal
    }
}

fn segment(dice: &mut Dice) -> (&'static str, i64) {
    match dice.weighted([55, 30, 15].into_iter()) {
        0 => ("SMB", dice.between(8, 199)),
        1 => ("Mid-Market", dice.between(200, 1999)),
        _ => ("Enterprise", dice.between(2000, 40_000)),
    }
}

fn slot(index: i64, count: usize) -> usize {
    usize::try_from(index).unwrap_or(0) % count
}

/// How somebody comes to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Visits the website, and may one day fill in a form.
    Web,
    /// Known with an e-mail address from the first moment.
    Listed,
    /// On a list of a trade show, entered into the CRM by hand.
    TradeShow,
    /// Found by a rep; marketing has never heard of them.
    Outbound,
    /// A contact of the CRM before anything else.
    Met,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeadSource {
    pub(super) name: &'static str,
    pub(super) channel: &'static str,
    pub(super) arrival: Arrival,
    /// Of a hundred people, how many come through it.
    share: i64,
    /// Of a thousand: visitors who become known, leads that qualify, and those that sales accepts.
    pub(super) known: i64,
    pub(super) qualifies: i64,
    pub(super) accepted: i64,
}

const fn source(
    name: &'static str,
    channel: &'static str,
    arrival: Arrival,
    rates: [i64; 4],
) -> LeadSource {
    LeadSource {
        name,
        channel,
        arrival,
        share: rates[0],
        known: rates[1],
        qualifies: rates[2],
        accepted: rates[3],
    }
}

pub(super) const SOURCES: [LeadSource; 10] = [
    source(
        "Organic Search",
        "Organic",
        Arrival::Web,
        [24, 470, 470, 740],
    ),
    source("Paid Search", "Paid", Arrival::Web, [18, 430, 430, 660]),
    source("Paid Social", "Paid", Arrival::Web, [9, 340, 300, 580]),
    source("Direct", "Direct", Arrival::Web, [12, 470, 520, 780]),
    source("Referral", "Referral", Arrival::Web, [6, 620, 620, 840]),
    source("Webinar", "Event", Arrival::Listed, [9, 1000, 450, 700]),
    source(
        "Content Syndication",
        "Content",
        Arrival::Listed,
        [7, 1000, 240, 480],
    ),
    source(
        "Trade Show",
        "Event",
        Arrival::TradeShow,
        [6, 1000, 430, 690],
    ),
    source("Outbound", "Sales", Arrival::Outbound, [6, 1000, 300, 760]),
    source("Partner", "Partner", Arrival::Listed, [3, 1000, 640, 850]),
];

/// The lead source of a person of that company, and how they come. Only a solitary person is met
/// first: a contact's account would tie what befalls them to their colleagues.
pub(super) fn lead_source(company: &Company, dice: &mut Dice) -> (&'static LeadSource, Arrival) {
    let source = &SOURCES[dice.weighted(SOURCES.iter().map(|source| source.share))];
    let listed = company.internal || company.shared_mailbox;
    let arrival = match source.arrival {
        _ if listed => Arrival::Listed,
        _ if company.is_solitary() && dice.chance(80) => Arrival::Met,
        arrival => arrival,
    };
    (source, arrival)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A company is the same whatever was asked before, and all kinds occur.
    #[test]
    fn companies_are_their_own() {
        let all: Vec<Company> = (0..500).map(|index| Company::new(1, index)).collect();
        assert_eq!(all[77].name, Company::new(1, 77).name);
        assert!(all.iter().any(|company| company.internal));
        assert!(all.iter().any(|company| company.shared_mailbox));
        assert!(all.iter().any(|company| company.direct));
        let sizes: i64 = all.iter().map(|company| company.size).sum();
        assert!((900..1500).contains(&sizes), "{sizes}");
    }
}
