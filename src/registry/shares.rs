//! Who takes how much of what all apps share.

use foldhash::HashMap;

use crate::domain::AppSlot;

/// How much each app has taken of something that there is only so much of.
///
/// # Why
///
/// What a registration says is its app's to choose. If one app could take all that there is, the people of all others
/// would go without.
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<AppSlot, usize>);

impl Shares {
    /// Takes one more for an app, where so many are left, if it may: one that has taken as many as are left takes no
    /// more. So whatever an app does, what is left for others is as much as it has itself.
    pub(super) fn take(&mut self, app: AppSlot, left: usize) -> bool {
        let taken = self.0.entry(app).or_default();
        let may = *taken < left;
        *taken += usize::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_all_they_can_leaves_others_as_much() {
        let (mut shares, mut left) = (Shares::default(), 1_000);
        for (app, taken) in [(1, 500), (2, 250), (1, 0), (3, 125), (2, 0), (4, 63)] {
            let before = left;
            while shares.take(AppSlot(app), left) {
                left -= 1;
            }
            assert_eq!(before - left, taken, "{app}");
        }
        assert!((0..left).all(|other| shares.take(AppSlot(10 + other as u16), left - other)));
        assert!(!shares.take(AppSlot(9), 0), "nothing is left");
    }
}
