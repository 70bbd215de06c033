//! Going on after a stop or a crash (R-E8).

use std::collections::BTreeMap;

use crate::decide::{Bulletin, Content};
use crate::domain::LineageId;
use crate::journal::Entry;

use super::FanOuts;

/// What the journal says stood and what was still being swept when the server ended.
#[derive(Debug, Default)]
pub struct Recovered {
    lineages: BTreeMap<LineageId, Lineage>,
}

#[derive(Debug)]
struct Lineage {
    newest: Bulletin,
    before: Option<Bulletin>,
    finished: bool,
}

impl Recovered {
    /// Takes up the journal's entries one by one, in the order in which they were written.
    pub fn replay(&mut self, entry: &Entry) {
        match entry {
            Entry::Admitted(admitted) => {
                let newest = admitted.bulletin.clone();
                for absorbed in &newest.parts().absorbs {
                    self.lineages.remove(absorbed);
                }
                let before =
                    self.lineages.remove(&newest.key().lineage).and_then(|known| match known.newest.parts().content {
                        Content::Warn(_) => Some(known.newest),
                        Content::Cancel(_) => known.before,
                    });
                self.lineages.insert(newest.key().lineage, Lineage { newest, before, finished: false });
            }
            Entry::Finished { key } => {
                if let Some(lineage) = self.lineages.get_mut(&key.lineage)
                    && lineage.newest.key() == *key
                {
                    lineage.finished = true;
                }
            }
            Entry::Sent { .. } | Entry::Acknowledged { .. } | Entry::Noted(_) => {}
        }
    }

    /// How many bulletins are still to be swept.
    pub fn unfinished(&self) -> usize {
        self.lineages.values().filter(|lineage| !lineage.finished).count()
    }
}

impl FanOuts {
    /// Everything that stood stands again, so that arrivals and returning links are told; then what was not finished is
    /// swept again, leaving out the devices that were sent it.
    pub fn recover(&self, recovered: Recovered) {
        let mut unfinished = Vec::new();
        for (_, lineage) in recovered.lineages {
            let finished = lineage.finished;
            let fan_out = self.stand(lineage.newest, lineage.before);
            if finished {
                fan_out.progress.finish();
                fan_out.finishes();
            } else {
                unfinished.push(fan_out);
            }
        }
        for fan_out in unfinished {
            self.sweep(fan_out);
        }
    }
}
