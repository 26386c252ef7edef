//! People whose records change a little every day; the same ones each time.

use std::io::{self, Write};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STATUS: [&str; 6] = [
    "New",
    "Working",
    "Nurture",
    "Qualified",
    "Converted",
    "Recycled",
];
const FIRST: [&str; 16] = [
    "Ada", "Ben", "Chidi", "Dana", "Eli", "Fatima", "Gus", "Hana", "Ivo", "June", "Kofi", "Lena",
    "Mio", "Nora", "Omar", "Pia",
];
const LAST: [&str; 16] = [
    "Archer", "Bauer", "Cole", "Diaz", "Evans", "Fischer", "Gupta", "Hale", "Ito", "Jones", "Kaya",
    "Lopez", "Moreau", "Novak", "Okoro", "Silva",
];
const INDUSTRY: [&str; 8] = [
    "Software",
    "Retail",
    "Banking",
    "Health",
    "Energy",
    "Media",
    "Logistics",
    "Education",
];

pub(crate) struct Company {
    people: Vec<Person>,
    dice: ChaCha8Rng,
}

#[derive(Clone, Copy)]
struct Person {
    status: u8,
    score: u16,
    owner: u16,
    /// Minutes since 2024-01-01.
    created: u32,
    modified: u32,
}

impl Company {
    pub(crate) fn new(people: usize) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(7);
        let person = |_| {
            let created = dice.random_range(0..500_000);
            Person {
                status: dice.random_range(0..6),
                score: dice.random_range(0..100),
                owner: dice.random_range(0..400),
                created,
                modified: created + dice.random_range(0..20_000),
            }
        };
        Self {
            people: (0..people).map(person).collect(),
            dice,
        }
    }

    pub(crate) fn people(&self) -> usize {
        self.people.len()
    }

    /// One day: 0.5 % of the people change.
    pub(crate) fn live(&mut self, night: usize) {
        let minute = super::deployment::minutes_of(night);
        for _ in 0..self.people.len() / 200 {
            let at = self.dice.random_range(0..self.people.len());
            let person = &mut self.people[at];
            person.status = (person.status + self.dice.random_range(1..6)) % 6;
            person.score = self.dice.random_range(0..100);
            person.modified = minute + self.dice.random_range(0..1_400);
        }
    }

    /// The export of a night, in the order in which the system keeps its records.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "Id,FirstName,LastName,Email,Company,Title,Country,Region,Segment,Industry,Employees,LeadSource,Channel,Status,OwnerId,Score,Phone,IsConverted,CreatedDate,SystemModstamp"
        )?;
        for (index, person) in self.people.iter().enumerate() {
            let mixed = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let pick = |shift: u32, of: usize| usize::try_from(mixed >> shift).unwrap_or(0) % of;
            let (first, last) = (FIRST[pick(8, 16)], LAST[pick(16, 16)]);
            writeln!(
                out,
                "00Q5e{:010},{first},{last},{first}.{last}{index}@c{}.example,Company {},{} manager,{},{},{},{},{},{},{},{},005{:06},{},+1 555 {:07},{},{},{}",
                mixed % 10_000_000_000,
                pick(20, 90_000),
                pick(20, 90_000),
                INDUSTRY[pick(24, 8)],
                ["US", "DE", "FR", "GB", "JP"][pick(30, 5)],
                ["AMER", "EMEA", "APAC"][pick(33, 3)],
                ["Small", "Mid", "Large"][pick(36, 3)],
                INDUSTRY[pick(24, 8)],
                pick(40, 20_000) + 1,
                ["Web", "Event", "Partner", "List"][pick(44, 4)],
                ["Paid", "Organic", "Direct"][pick(46, 3)],
                STATUS[person.status as usize],
                person.owner,
                person.score,
                mixed % 10_000_000,
                person.status == 4,
                instant(person.created),
                instant(person.modified),
            )?;
        }
        Ok(())
    }
}

/// Minutes since 2024-01-01 as exports write an instant.
fn instant(minutes: u32) -> String {
    let start = jiff::civil::date(2024, 1, 1).at(0, 0, 0, 0);
    let at = start + jiff::Span::new().minutes(minutes);
    format!("{at}.000Z")
}
