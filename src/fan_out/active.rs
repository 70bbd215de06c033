//! One bulletin on its way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::channel::{Content, told};
use crate::decide::{Bulletin, Content as BulletinContent, TierIndex};
use crate::domain::{DeviceSlot, Language, LineageId, NoticeKind, Priority, Timestamp};
use crate::ledger::{Progress, Reach, Round};
use crate::plan::TierFacts;
use crate::wire;

/// One bulletin on its way: what is sent, to whom it went, how far it has come. Shared by the sweep, arrivals and
/// lanes.
#[derive(Debug)]
pub struct FanOut {
    /// What is sent.
    pub bulletin: Bulletin,
    /// The bulletin that this one revises: what those were told who are now told that it is over.
    pub before: Option<Bulletin>,
    /// Who was told what in this lineage.
    pub reach: Arc<Reach>,
    /// Who was claimed for and sent this bulletin.
    pub round: Arc<Round>,
    /// Counts for this bulletin.
    pub progress: Arc<Progress>,
    successor: OnceLock<LineageId>,
    finished: AtomicBool,
    contents: Mutex<HashMap<ContentKey, Arc<Content>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ContentKey {
    tier: TierIndex,
    info: usize,
    kind: NoticeKind,
}

impl FanOut {
    /// A bulletin that sets out.
    pub fn new(bulletin: Bulletin, before: Option<Bulletin>, reach: Arc<Reach>, progress: Arc<Progress>) -> Self {
        let round = reach.begin(bulletin.key().revision, bulletin.tiers().len());
        Self {
            bulletin,
            before,
            reach,
            round,
            progress,
            successor: OnceLock::new(),
            finished: AtomicBool::new(false),
            contents: Mutex::default(),
        }
    }

    /// A newer bulletin, of `lineage`, has taken over: what waits in lanes is dropped there.
    pub fn supersede(&self, lineage: LineageId) {
        let _ = self.successor.set(lineage);
    }

    /// The lineage whose newest bulletin has taken over from this one, if any has.
    pub fn successor(&self) -> Option<LineageId> {
        self.successor.get().copied()
    }

    /// What a plan needs to know of a tier; of the whole bulletin for a release.
    pub fn tier_facts(&self, tier: TierIndex, kind: NoticeKind) -> TierFacts {
        let parts = self.bulletin.parts();
        match self.bulletin.tiers().get(usize::from(tier.0)) {
            Some(found) if kind != NoticeKind::Release => {
                TierFacts { mode: parts.mode, priority: found.priority, expires: found.expires() }
            }
            _ => TierFacts { mode: parts.mode, priority: Priority::Information, expires: parts.expires },
        }
    }

    /// The priority that the whole fan-out has among others: its highest tier's, and a cancel's is as high as any.
    pub fn priority(&self) -> Priority {
        self.bulletin.tiers().first().map_or(Priority::LifeThreat, |tier| tier.priority)
    }

    /// Whether it ends its lineage.
    pub fn is_cancel(&self) -> bool {
        matches!(self.bulletin.parts().content, BulletinContent::Cancel(_))
    }

    /// Whether `device` has had this bulletin: at this priority or a higher one, or the word that it is over.
    pub fn has_had(&self, device: DeviceSlot, kind: NoticeKind, priority: Priority) -> bool {
        self.round.is_sent(device)
            && match kind {
                NoticeKind::Release => self.reach.is_released(device),
                NoticeKind::Alert | NoticeKind::Update => {
                    self.reach.sounded(device).is_some_and(|sounded| sounded >= priority)
                }
            }
    }

    /// True once, when the sweep is over and no lane has any of it left.
    pub fn finishes(&self) -> bool {
        self.progress.is_complete() && !self.finished.swap(true, Ordering::AcqRel)
    }

    /// Which of the bulletin's languages is told to one who reads `languages`; `None` where there is nothing to say.
    pub fn best_info<'l>(
        &self,
        tier: TierIndex,
        kind: NoticeKind,
        languages: impl Iterator<Item = &'l Language> + Clone,
    ) -> Option<usize> {
        told(&self.bulletin, self.before.as_ref(), tier, kind).map(|told| told.best_for(languages))
    }

    /// The content for one tier, language and kind: made once, then shared.
    pub fn content(&self, tier: TierIndex, info: usize, kind: NoticeKind, now: Timestamp) -> Option<Arc<Content>> {
        let key = ContentKey { tier, info, kind };
        let mut contents = self.contents.lock();
        if let Some(content) = contents.get(&key) {
            return Some(Arc::clone(content));
        }
        let told = told(&self.bulletin, self.before.as_ref(), tier, kind)?;
        let notice = told.notice(&self.bulletin, info, kind, now)?;
        let encoded = wire::encode::notice(&notice);
        let content = Arc::new(Content { notice, encoded });
        contents.insert(key, Arc::clone(&content));
        Some(content)
    }
}
