//! How often who judged: a judge who is never asked agrees with everybody.

/// Numbers of filters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) by_proc: usize,
    pub(super) by_ss: usize,
    /// Filters that some sockets pass and some do not.
    pub(super) dividing: usize,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Tally) {
        self.by_proc += other.by_proc;
        self.by_ss += other.by_ss;
        self.dividing += other.dividing;
    }

    /// Asserts that of so many filters a good part was judged by everybody and said something.
    #[track_caller]
    pub(super) fn check(&self, filters: usize) {
        let fewest = self.by_proc.min(self.dividing);
        // ss knows the fewest words, and does not tell marks to an ordinary user.
        let enough = fewest > filters / 10 && self.by_ss > filters / 20;
        assert!(enough, "of {filters} filters: {self:?}");
    }
}
