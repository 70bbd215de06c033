//! One bulletin on its way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::channel::{Content, Told, told};
use crate::decide::{Bulletin, Content as BulletinContent, TierIndex};
use crate::domain::{DeliveryKey, DeviceSlot, Language, LineageId, Notice, NoticeKind, Priority, Timestamp};
use crate::ledger::{Claim, Progress, Reach, Round};
use crate::plan::TierFacts;
use crate::wire;

/// One bulletin on its way: what is sent, to whom it went, how far it has come. Shared by the sweep, arrivals and
/// lanes.
#[derive(Debug)]
pub struct FanOut {
    /// What is sent.
    pub bulletin: Bulletin,
    /// What it follows.
    pub past: Past,
    /// Who was told what in this lineage.
    pub reach: Arc<Reach>,
    /// Who was claimed for and sent this bulletin.
    pub round: Arc<Round>,
    /// Counts for this bulletin.
    pub progress: Arc<Progress>,
    successor: OnceLock<LineageId>,
    finished: AtomicBool,
    /// Of each tier of the bulletin.
    tiers: Vec<TierFacts>,
    contents: Mutex<HashMap<ContentKey, Arc<Content>>>,
}

/// What a bulletin follows in its lineage.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The bulletin that it revises: what those were told who are now told that it is over.
    pub before: Option<Bulletin>,
    /// Every lineage that this one has taken over, by this bulletin or an earlier one.
    pub replaces: Vec<LineageId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ContentKey {
    tier: TierIndex,
    info: usize,
    kind: NoticeKind,
}

impl FanOut {
    /// A bulletin that sets out.
    pub fn new(bulletin: Bulletin, past: Past, reach: Arc<Reach>, progress: Arc<Progress>) -> Self {
        let round = reach.begin(bulletin.key().revision);
        progress.start(bulletin.parts().admitted);
        let tiers = bulletin.tiers().iter().map(|tier| TierFacts::of(bulletin.parts().mode, tier)).collect();
        Self {
            bulletin,
            tiers,
            past,
            reach,
            round,
            progress,
            successor: OnceLock::new(),
            finished: AtomicBool::new(false),
            contents: Mutex::default(),
        }
    }

    /// Its lineage.
    pub fn lineage(&self) -> LineageId {
        self.bulletin.key().lineage
    }

    /// What the bulletin that comes after this one in `lineage` follows.
    pub(super) fn as_past(&self) -> Past {
        Past::of(&self.bulletin, &self.past)
    }

    /// A newer bulletin, of `lineage`, has taken over: what waits in lanes is dropped there.
    pub fn supersede(&self, lineage: LineageId) {
        let _ = self.successor.set(lineage);
    }

    /// The lineage whose newest bulletin has taken over from this one, if any has.
    pub fn successor(&self) -> Option<LineageId> {
        self.successor.get().copied()
    }

    /// Whether it holds no more at `now`: nothing of it is sent then.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.bulletin.parts().expires <= now
    }

    /// How long ago it was admitted, seconds.
    pub(super) fn age(&self, now: Timestamp) -> f64 {
        now.duration_since(self.bulletin.parts().admitted).as_secs_f64()
    }

    /// What a plan needs to know of a tier; of the whole bulletin for a release.
    pub fn tier_facts(&self, tier: TierIndex, kind: NoticeKind) -> TierFacts {
        match self.tiers.get(usize::from(tier.0)) {
            Some(&found) if kind != NoticeKind::Release => found,
            _ => TierFacts::release(self.bulletin.parts().mode, self.bulletin.parts().expires),
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

    /// Whether `device` has had of this bulletin what the claim is for: something at this priority or above; or
    /// anything at all, for one that was told of it is not told that it is over by it.
    pub fn has_had(&self, device: DeviceSlot, claim: Claim) -> bool {
        self.round.is_sent(device)
            && match claim {
                Claim::Release => true,
                Claim::Tell(priority) => self.reach.shown(device).is_some_and(|shown| shown >= priority),
            }
    }

    /// Whether the device shows something as pressing as this tier: then it is told of a change of text alone.
    pub fn has_heard(&self, device: DeviceSlot, tier: TierIndex) -> bool {
        let priority = self.tier_facts(tier, NoticeKind::Alert).priority;
        self.reach.shown(device).is_some_and(|shown| shown >= priority)
    }

    /// Whether one who is not in the area is to be told that it is over: who was told by an earlier bulletin alone.
    pub fn is_release_due(&self, device: DeviceSlot) -> bool {
        let ends = self.is_cancel() || self.past.before.is_some();
        ends && self.reach.shown(device).is_some() && !self.round.is_sent(device)
    }

    /// Whether one who is not in the area, and who need not be told so by a lane, is told over its link that it is
    /// over: who was told so and has not acknowledged it, and who shows what the server does not know that it sent,
    /// since it ended before that was on disk.
    pub fn is_release_owed(&self, device: DeviceSlot, shown: &[DeliveryKey]) -> bool {
        if self.reach.may_show(device) {
            return self.reach.is_over(device) && !self.round.is_acknowledged(device);
        }
        shown.iter().any(|key| self.follows(*key))
    }

    /// Whether this bulletin, or one before it, took the place of what has this key.
    pub fn follows(&self, key: DeliveryKey) -> bool {
        let own = self.bulletin.key();
        (key.lineage == own.lineage && key.revision < own.revision) || self.past.replaces.contains(&key.lineage)
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
        self.told(tier, kind).map(|told| told.best_for(languages))
    }

    /// The content for one tier, language and kind: made once, then shared.
    pub fn content(&self, tier: TierIndex, info: usize, kind: NoticeKind, now: Timestamp) -> Option<Arc<Content>> {
        let key = ContentKey { tier, info, kind };
        let mut contents = self.contents.lock();
        if let Some(content) = contents.get(&key) {
            return Some(Arc::clone(content));
        }
        let mut notice = self.told(tier, kind)?.notice(&self.bulletin, info, kind, now)?;
        let newest = self.past.replaces.len().saturating_sub(Notice::MAX_REPLACES);
        notice.replaces = self.past.replaces[newest..].to_vec();
        let encoded = wire::encode::notice(&notice);
        let content = Arc::new(Content { notice, encoded });
        contents.insert(key, Arc::clone(&content));
        Some(content)
    }

    fn told(&self, tier: TierIndex, kind: NoticeKind) -> Option<Told<'_>> {
        told(&self.bulletin, self.past.before.as_ref(), tier, kind)
    }
}

impl Past {
    /// What follows `bulletin`, which itself followed `past`.
    pub(super) fn of(bulletin: &Bulletin, past: &Self) -> Self {
        let before = match bulletin.parts().content {
            BulletinContent::Warn(_) => Some(bulletin.clone()),
            BulletinContent::Cancel(_) => past.before.clone(),
        };
        Self { before, replaces: past.replaces.clone() }
    }

    /// Another lineage is taken over, and all that it had taken over itself.
    pub(super) fn absorb(&mut self, lineage: LineageId, past: Option<Self>) {
        let inherited = past.unwrap_or_default().replaces;
        for replaced in std::iter::once(lineage).chain(inherited) {
            if !self.replaces.contains(&replaced) {
                self.replaces.push(replaced);
            }
        }
    }
}
