//! Who was a customer when: a person is one once an opportunity credited to them, or one of their
//! account's, was won.

use std::collections::HashMap;

use super::history::{History, filled, text};
use super::identity::Persons;
use super::opportunity::{Opportunities, Win};

#[derive(Debug)]
pub(super) struct Customers {
    /// Wins credited to each person.
    credited: HashMap<usize, Vec<Win>>,
    /// Wins of each account that has any.
    by_account: Vec<Vec<Win>>,
    /// For persons who were ever of such an account: from when on, of which (none: another).
    accounts: HashMap<usize, Vec<(i64, Option<usize>)>>,
}

impl Customers {
    pub(super) fn new(
        wins: &[Win],
        opportunities: &Opportunities,
        records: &History,
        persons: &Persons,
    ) -> Self {
        let mut credited: HashMap<usize, Vec<Win>> = HashMap::new();
        let mut by_account: Vec<Vec<Win>> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let account = text(&opportunities.history.rows, "account_id");
        for win in wins {
            if let Some(person) = opportunities.credited(win.opportunity) {
                credited.entry(person).or_default().push(win.clone());
            }
            let latest = opportunities.history.spans[win.opportunity].end - 1;
            if let Some(account) = filled(account, latest) {
                let next = numbers.len();
                let number = *numbers.entry(account).or_insert(next);
                by_account.resize(numbers.len(), Vec::new());
                by_account[number].push(win.clone());
            }
        }
        let accounts = accounts(&numbers, records, persons);
        Self {
            credited,
            by_account,
            accounts,
        }
    }

    /// Whether `person` was a customer just before `instant`, by another opportunity than `except`.
    pub(super) fn is(&self, person: usize, instant: i64, except: Option<usize>) -> bool {
        let before = |win: &Win| win.won_at < instant && Some(win.opportunity) != except;
        let own = self.credited.get(&person);
        own.is_some_and(|wins| wins.iter().any(before))
            || self
                .account(person, instant)
                .is_some_and(|account| self.by_account[account].iter().any(before))
    }

    /// The instants at which `person` may have become a customer, sorted.
    pub(super) fn turns(&self, person: usize) -> Vec<i64> {
        let own = self.credited.get(&person).into_iter().flatten();
        let account = self.accounts.get(&person).into_iter().flatten();
        let accounts = account.filter_map(|(_, account)| *account);
        let through = accounts.flat_map(|account| &self.by_account[account]);
        let mut turns: Vec<i64> = own.chain(through).map(|win| win.won_at).collect();
        turns.sort_unstable();
        turns.dedup();
        turns
    }

    /// The account at an instant; before the first is known, that one.
    fn account(&self, person: usize, instant: i64) -> Option<usize> {
        let known = self.accounts.get(&person)?;
        let passed = known.partition_point(|(from, _)| *from <= instant);
        known.get(passed.saturating_sub(1))?.1
    }
}

fn accounts(
    numbers: &HashMap<&str, usize>,
    records: &History,
    persons: &Persons,
) -> HashMap<usize, Vec<(i64, Option<usize>)>> {
    let column = text(&records.rows, "account_id");
    let mut accounts: HashMap<usize, Vec<(i64, Option<usize>)>> = HashMap::new();
    for (person, members) in persons.records.iter().enumerate() {
        let mut known: Vec<(i64, Option<usize>)> = members
            .iter()
            .flat_map(|record| records.spans[*record].clone())
            .filter_map(|row| {
                let account = filled(column, row)?;
                Some((records.from[row], numbers.get(account).copied()))
            })
            .collect();
        if known.iter().any(|(_, account)| account.is_some()) {
            known.sort_unstable();
            accounts.insert(person, known);
        }
    }
    accounts
}
