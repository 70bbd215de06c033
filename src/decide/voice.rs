//! What one source says in a lineage.
//!
//! An event may be told of by several feeds, and a source may tell of it in several telegrams that count apart. Each is
//! a [`Voice`]: what it says last stands until it says something else, ends it, or its time is over, whatever the
//! others say; the bulletin is all of them together. So no source can end, or make smaller, what another says.

use compact_str::CompactString;

use crate::domain::{Alert, AlertId, Body, EventKey, Ground, Source, Timestamp};

use super::TierIndex;

/// The family of names that are of an event in one zone: what is said of one zone says nothing of the others.
pub(super) const ZONED: &str = "vtec";

/// Telegrams that say all that others of their event say, and take their place. JMA's VXSE45 (地震動予報) is the complete
/// one: forecast and warning, all that VXSE43 and VXSE44 have.
const COMPLETE: [(&str, &str, [&str; 2]); 1] = [("jma-eew", "VXSE45", ["VXSE43", "VXSE44"])];

/// The most names that one voice goes by; beyond them the newest are kept.
const MOST_NAMES: usize = 4_096;

/// What one source says in a lineage, and in which message it said so last.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    /// The message.
    pub alert: AlertId,
    /// What of its source counts its messages apart; empty where nothing does.
    pub series: CompactString,
    /// The message's number, where the source counts.
    pub serial: Option<u32>,
    /// What the source calls the event, without serials.
    pub names: Vec<EventKey>,
    /// The earthquake, as the source located it last.
    pub earthquake: Option<Source>,
    /// Which tiers of the bulletin are its.
    pub tiers: Vec<TierIndex>,
}

/// The name without the number of its message.
pub(super) fn bare(key: &EventKey) -> EventKey {
    EventKey { serial: None, ..key.clone() }
}

pub(super) fn is_zoned(key: &EventKey) -> bool {
    key.family() == ZONED
}

/// Whether both name one event; of VTEC in one zone.
pub(super) fn is_same(one: &EventKey, other: &EventKey) -> bool {
    one.key == other.key && one.family() == other.family() && (!is_zoned(one) || one.series() == other.series())
}

/// The order of the names that a voice goes by, where they are of zones.
fn by_name(one: &EventKey, other: &EventKey) -> std::cmp::Ordering {
    (&*one.scheme, &*one.key).cmp(&(&*other.scheme, &*other.key))
}

/// The number of a message in its event.
pub(super) fn serial(alert: &Alert) -> Option<u32> {
    alert.subject.event.as_ref().and_then(|event| event.serial)
}

/// What counts the message apart from others of its source.
pub(super) fn series(alert: &Alert) -> &str {
    alert.subject.event.as_ref().filter(|event| !is_zoned(event)).map_or("", EventKey::series)
}

/// The earthquake that a message locates.
pub(super) fn earthquake(alert: &Alert) -> Option<&Source> {
    alert.body.infos().iter().find_map(|info| match &info.ground {
        Ground::Earthquake(source) => Some(source),
        Ground::Areas(_) | Ground::Bands(_) | Ground::None => None,
    })
}

/// Every name by which a message continues others.
pub(super) fn continues(alert: &Alert) -> impl Iterator<Item = &EventKey> {
    alert.subject.names().chain(&alert.subject.ends)
}

impl Voice {
    /// What a message says; its tiers are numbered when the bulletin is made.
    pub(super) fn of(alert: &Alert) -> Self {
        let mut names: Vec<EventKey> = alert.subject.names().map(bare).collect();
        if names.first().is_some_and(is_zoned) {
            // So that one of them can be found among thousands.
            names.sort_unstable_by(by_name);
        }
        Self {
            alert: alert.id.clone(),
            series: series(alert).into(),
            serial: serial(alert),
            names,
            earthquake: earthquake(alert).cloned(),
            tiers: Vec::new(),
        }
    }

    /// The one voice of a bulletin that was made before voices were kept.
    pub fn alone(alert: AlertId, tiers: usize) -> Self {
        let tiers = (0..=u8::MAX).take(tiers).map(TierIndex).collect();
        Self { alert, series: "".into(), serial: None, names: Vec::new(), earthquake: None, tiers }
    }

    /// Whether the voice goes by this name.
    pub(super) fn is_named(&self, name: &EventKey) -> bool {
        if is_zoned(name) && self.is_zoned() {
            // There may be thousands on both sides, and as many voices.
            return self.names.binary_search_by(|own| by_name(own, name)).is_ok();
        }
        self.names.iter().any(|own| is_same(own, name))
    }

    fn is_zoned(&self) -> bool {
        self.names.first().is_some_and(is_zoned)
    }

    /// Whether the message is by the same source and of the same series: what it says takes this one's place. Of zones
    /// that is so only where both speak of one.
    fn is_own(&self, alert: &Alert) -> bool {
        let zoned = self.is_zoned() && continues(alert).any(is_zoned);
        self.alert.sender == alert.id.sender
            && self.series == series(alert)
            && (!zoned || continues(alert).any(|name| self.is_named(name)))
    }

    /// Whether this one was said after the message: by their numbers where both have one, else by when they were sent.
    /// Of two that were sent in the same moment the names decide, so that it does not matter which comes first.
    fn is_after(&self, alert: &Alert) -> bool {
        let is_cancel = matches!(alert.body, Body::Cancel(_));
        match (self.serial, serial(alert)) {
            (Some(own), Some(other)) if own != other => return own > other,
            // A 取消 repeats the number of the report before it.
            (Some(_), Some(_)) if is_cancel => return false,
            _ => {}
        }
        let refers = || alert.subject.references.iter().any(|reference| reference.id == self.alert);
        let tie = alert.subject.event.is_some() && !is_cancel && !refers();
        match self.alert.sent.cmp(&alert.id.sent) {
            std::cmp::Ordering::Equal => tie && self.alert.identifier > alert.id.identifier,
            order => order.is_gt(),
        }
    }

    /// Whether the message comes too late: this voice has said something newer, or all of it.
    pub(super) fn overtakes(&self, alert: &Alert) -> bool {
        (self.is_own(alert) && self.is_after(alert)) || self.has_all_of(alert)
    }

    fn has_all_of(&self, alert: &Alert) -> bool {
        self.alert.sender == alert.id.sender
            && self.alert.sent >= alert.id.sent
            && alert
                .subject
                .event
                .as_ref()
                .is_some_and(|event| self.is_named(event) && is_complete(event.family(), &self.series, event.series()))
    }

    /// What is left of it after a message of its lineage that warns.
    pub(super) fn after(self, alert: &Alert) -> Option<Self> {
        if self.is_own(alert) {
            return if continues(alert).any(is_zoned) { self.without(continues(alert)) } else { None };
        }
        let covered = alert.subject.event.as_ref().is_some_and(|event| {
            self.alert.sender == alert.id.sender
                && self.alert.sent <= alert.id.sent
                && self.is_named(event)
                && is_complete(event.family(), event.series(), &self.series)
        });
        if covered { None } else { Some(self) }
    }

    /// What is left of it after a message that cancels: all, if it is another's or was said after that.
    pub(super) fn after_cancel(self, cancel: &Alert) -> Option<Self> {
        let same_series = self.series == series(cancel);
        let newer = if same_series { self.is_after(cancel) } else { self.alert.sent > cancel.id.sent };
        match () {
            () if self.alert.sender != cancel.id.sender || newer => Some(self),
            () if cancel.subject.ends.is_empty() => None,
            () => self.without(cancel.subject.ends.iter()),
        }
    }

    /// It without zones that another message speaks of; nothing when it has no other left.
    fn without<'e>(mut self, zones: impl Iterator<Item = &'e EventKey>) -> Option<Self> {
        if !self.is_zoned() {
            return None;
        }
        let gone: std::collections::HashSet<(&str, &str)> = zones.map(|zone| (&*zone.scheme, &*zone.key)).collect();
        self.names.retain(|name| !gone.contains(&(&*name.scheme, &*name.key)));
        (!self.names.is_empty()).then_some(self)
    }

    /// Goes by the names of what it follows too, and keeps where that located the earthquake, if it does not say so
    /// itself: what shakes may be told apart from where it broke.
    pub(super) fn follow(&mut self, before: &Self, alert: &Alert) {
        if !before.is_own(alert) || before.is_zoned() {
            return;
        }
        for name in &before.names {
            if self.names.len() < MOST_NAMES && !self.is_named(name) {
                self.names.push(name.clone());
            }
        }
        if self.earthquake.is_none() {
            self.earthquake.clone_from(&before.earthquake);
        }
    }

    /// By what voices stand in a bulletin, whichever came first.
    pub(super) fn place(&self) -> (&str, &str, &str, Timestamp) {
        let AlertId { sender, identifier, sent } = &self.alert;
        (sender.as_str(), &self.series, identifier.as_str(), *sent)
    }
}

fn is_complete(family: &str, series: &str, other: &str) -> bool {
    COMPLETE.iter().any(|(of, complete, others)| *of == family && *complete == series && others.contains(&other))
}
