//! What became of an alert, in numbers (R-S4).

use std::collections::BTreeMap;

use crate::domain::{AppSlot, DeliveryKey, LineageId, Revision};
use crate::ledger::Tally;

use super::FanOuts;

impl FanOuts {
    /// What became of an alert by app, over all its bulletins; `None`: of registrations that are deleted.
    pub fn tallies(&self, lineage: LineageId) -> BTreeMap<Option<AppSlot>, Tally> {
        let newest = self.newest(lineage).map_or(0, |newest| newest.bulletin.key().revision.0);
        let mut sums: BTreeMap<Option<AppSlot>, Tally> = BTreeMap::new();
        for revision in (1..=newest).map(Revision) {
            let Some(progress) = self.ledger().find_progress(DeliveryKey { lineage, revision }) else { continue };
            for (app, tally) in progress.by_app.tallies() {
                sums.entry(app).or_default().add(&tally);
            }
        }
        sums
    }
}
