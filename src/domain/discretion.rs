//! How closely counts of people are told to those who must not find out about one of them (R-S4): [`Discretion`].
//!
//! # What holds
//!
//! A count is told rounded down to a multiple of the least that is told at all, so that nobody hears of fewer than
//! that. Each is rounded by itself; a total is the sum of what is told of its parts, never a count of its own. So an
//! answer says of each count in which interval it is and, since it is made of the intervals alone, no sums and
//! differences say more. (A total that is rounded by itself would: ten counts of none, and a total of ninety, can only
//! be nine each. See Hundepool et al., *Handbook on Statistical Disclosure Control*, Eurostat 2010, chapter 5 on
//! frequency tables: rounding, and why the margins of a table need care.)
//!
//! Rounding alone does not stand up to somebody who asks twice, and whose second question is about one person more: at
//! the edge of an interval the answer gives them away, and the edge can be looked for. Who can choose what is counted
//! is therefore told counts [shifted](Discretion::shifted) by less than an interval first, by a number that only the
//! server knows, and that is another for each question: where the edge is cannot be found out, and to ask the same
//! again gives the same, until the server is started again.

use std::hash::{BuildHasher, Hash, RandomState};

/// How closely counts are told.
#[derive(Debug, Clone)]
pub struct Discretion {
    least: u64,
    secret: RandomState,
}

/// What is told of a count: it is at least so much, and less than so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// It is this or more.
    pub at_least: u64,
    /// It is less than this.
    pub fewer_than: u64,
}

impl Told {
    /// The count itself.
    pub const fn exact(count: u64) -> Self {
        Self { at_least: count, fewer_than: count + 1 }
    }
}

impl Discretion {
    /// Counts under `least` are told as such; `secret` is drawn when the server starts.
    pub fn new(least: u64, secret: RandomState) -> Self {
        Self { least: least.max(1), secret }
    }

    /// The least count that is told.
    pub const fn least(&self) -> u64 {
        self.least
    }

    /// A count of what the caller cannot choose.
    pub const fn floored(&self, count: u64) -> Told {
        let at_least = count / self.least * self.least;
        Told { at_least, fewer_than: at_least + self.least }
    }

    /// A count of what the caller can choose. `question` is what it is a count of, and by whom it was asked.
    pub fn shifted(&self, question: &impl Hash, count: u64) -> Told {
        let shift = self.secret.hash_one(question) % self.least;
        let Told { at_least, fewer_than } = self.floored(count.saturating_sub(shift));
        Told { at_least, fewer_than: fewer_than + self.least - 1 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_told_is_true_and_nothing_is_told_of_few(
            least in 1_u64..50, count in 0_u64..1_000, question in any::<u64>(),
        ) {
            let discretion = Discretion::new(least, RandomState::new());
            for told in [discretion.floored(count), discretion.shifted(&question, count)] {
                prop_assert!((told.at_least..told.fewer_than).contains(&count));
                prop_assert!(told.at_least == 0 || told.at_least >= least);
                prop_assert!(count >= least || told.at_least == 0, "few are told as few, none too");
            }
            prop_assert_eq!(discretion.shifted(&question, count), discretion.shifted(&question, count));
        }

        /// Whatever is told of some cells and of their sum is told of all other counts in the same intervals too: of
        /// none does it say more than its interval.
        #[test]
        fn sums_never_reveal_a_suppressed_cell(
            least in 2_u64..20,
            cells in prop::collection::vec((0_u64..60, any::<prop::sample::Index>()), 1..12),
        ) {
            let discretion = Discretion::new(least, RandomState::new());
            let answer = |cells: &[u64]| {
                let told: Vec<Told> = cells.iter().map(|count| discretion.floored(*count)).collect();
                let total: u64 = told.iter().map(|told| told.at_least).sum();
                (told, total)
            };
            let real: Vec<u64> = cells.iter().map(|(count, _)| *count).collect();
            let other = |(count, pick): &(u64, prop::sample::Index)| {
                let Told { at_least, fewer_than } = discretion.floored(*count);
                at_least + pick.index((fewer_than - at_least) as usize) as u64
            };
            let others: Vec<u64> = cells.iter().map(other).collect();
            prop_assert_eq!(answer(&real), answer(&others));
        }
    }

    #[test]
    fn the_edge_of_an_interval_is_elsewhere_for_each_question() {
        let discretion = Discretion::new(10, RandomState::new());
        let edge = |question: u32| (0..40).find(|count| discretion.shifted(&question, *count).at_least > 0);
        let edges: std::collections::BTreeSet<_> = (0..1_000).map(edge).collect();
        assert_eq!(edges, (10..20).map(Some).collect(), "each of ten, whatever is asked first");
    }
}
