use std::collections::BTreeSet;

/// Numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub(crate) fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// Some of these, at least one.
    pub(crate) fn some(&mut self, words: &[&'static str]) -> BTreeSet<&'static str> {
        let mut some = BTreeSet::from([self.of(words)]);
        some.extend(words.iter().filter(|_| self.below(3) == 0));
        some
    }
}
