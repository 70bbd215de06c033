//! Going on after a stop or a crash (R-E8).

use std::collections::BTreeMap;

use crate::decide::Bulletin;
use crate::domain::{LineageId, Priority};
use crate::journal::Entry;

use super::{FanOuts, Past};

/// What the journal says stood and what was still being swept when the server ended.
#[derive(Debug, Default)]
pub struct Recovered {
    lineages: BTreeMap<LineageId, Lineage>,
}

#[derive(Debug)]
struct Lineage {
    newest: Bulletin,
    past: Past,
    finished: bool,
}

impl Recovered {
    /// Takes up the journal's entries one by one, in the order in which they were written.
    pub fn replay(&mut self, entry: &Entry) {
        match entry {
            Entry::Admitted(admitted) => {
                let newest = admitted.bulletin.clone();
                let known = self.lineages.remove(&newest.key().lineage);
                let mut past = known.map(|known| Past::of(&known.newest, &known.past)).unwrap_or_default();
                for absorbed in &newest.parts().absorbs {
                    past.absorb(*absorbed, self.lineages.remove(absorbed).map(|known| known.past));
                }
                self.lineages.insert(newest.key().lineage, Lineage { newest, past, finished: false });
            }
            Entry::Finished { key } => {
                if let Some(lineage) = self.lineages.get_mut(&key.lineage)
                    && lineage.newest.key() == *key
                {
                    lineage.finished = true;
                }
            }
            Entry::Sent { .. } | Entry::Acknowledged { .. } | Entry::Noted(_) | Entry::Held(_) | Entry::Settled(_) => {}
        }
    }

    /// How many bulletins are still to be swept.
    pub fn unfinished(&self) -> usize {
        self.lineages.values().filter(|lineage| !lineage.finished).count()
    }
}

impl FanOuts {
    /// Everything that stood stands again, so that arrivals and returning links are told. Then what was not finished is
    /// swept again, leaving out the devices that were sent it; and after that, at leisure, what was finished too: who
    /// arrived just before the server ended may have been in a lane still, and nobody else would find it.
    pub fn recover(&self, recovered: Recovered) {
        let now = self.now();
        let mut sweeps = Vec::new();
        for (_, Lineage { newest, past, finished }) in recovered.lineages {
            let fan_out = self.stand(newest, past, &[]);
            if finished || fan_out.is_expired(now) {
                fan_out.progress.finish();
                fan_out.finishes();
            }
            if !fan_out.is_expired(now) {
                let priority = if finished { Priority::Information } else { fan_out.priority() };
                sweeps.push((fan_out, priority));
            }
        }
        for (fan_out, priority) in sweeps {
            self.sweep(fan_out, priority);
        }
    }
}
