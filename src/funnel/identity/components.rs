//! Joining numbers by edges: a union-find with path halving, and the edge by which each was reached.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Tie;

/// Two numbers that stand for one person, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) tie: Tie,
}

/// The sets that edges make of numbers. Circles are harmless, and nothing recurses.
#[derive(Debug)]
pub(super) struct Components {
    /// The numbers below this are records; those from it on are only named.
    records: usize,
    parent: Vec<usize>,
    neighbours: Vec<Vec<(Tie, usize)>>,
}

impl Components {
    pub(super) fn new(records: usize, edges: Vec<Edge>) -> Self {
        let size = edges
            .iter()
            .map(|edge| edge.from.max(edge.to) + 1)
            .max()
            .unwrap_or_default()
            .max(records);
        let mut components = Self {
            records,
            parent: (0..size).collect(),
            neighbours: vec![Vec::new(); size],
        };
        for edge in edges {
            components.join(edge);
        }
        for neighbours in &mut components.neighbours {
            neighbours.sort_unstable();
        }
        components
    }

    fn join(&mut self, edge: Edge) {
        self.neighbours[edge.from].push((edge.tie, edge.to));
        self.neighbours[edge.to].push((edge.tie, edge.from));
        let (from, to) = (self.root(edge.from), self.root(edge.to));
        // The smaller number leads, so that the result does not hang on the order of the edges.
        self.parent[from.max(to)] = from.min(to);
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.parent[number] != number {
            self.parent[number] = self.parent[self.parent[number]];
            number = self.parent[number];
        }
        number
    }

    /// The records of each set, sorted.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for record in 0..self.records {
            let mut root = record;
            while self.parent[root] != root {
                root = self.parent[root];
            }
            sets.entry(root).or_default().push(record);
        }
        sets.into_values().collect()
    }

    /// Says of every record of `first`'s set by which edge it is reached from there soonest. An
    /// address is asked only where nothing else ties.
    pub(super) fn spread(&self, first: usize, ties: &mut [Option<Tie>]) {
        if self.neighbours[first].is_empty() {
            return;
        }
        let mut seen = BTreeSet::from([first]);
        let mut waiting = VecDeque::from([first]);
        let mut by_address = VecDeque::new();
        loop {
            let Some(number) = waiting.pop_front() else {
                let Some(next) = by_address.pop_front() else {
                    return;
                };
                if seen.insert(next) {
                    note(ties, next, Tie::Email);
                    waiting.push_back(next);
                }
                continue;
            };
            for (tie, next) in &self.neighbours[number] {
                if *tie == Tie::Email {
                    by_address.push_back(*next);
                } else if seen.insert(*next) {
                    note(ties, *next, *tie);
                    waiting.push_back(*next);
                }
            }
        }
    }
}

/// What is only named has no place in `ties`.
fn note(ties: &mut [Option<Tie>], number: usize, tie: Tie) {
    if let Some(slot) = ties.get_mut(number) {
        *slot = Some(tie);
    }
}
