//! A notice for one language of one tier.

use crate::decide::{Bulletin, Content as BulletinContent, Tier, TierIndex};
use crate::domain::{
    Ground, Info, Language, Notice, NoticeKind, NoticePlace, NoticeText, Position, Priority, Source, Timestamp,
};
use crate::locate::arrival_at_km;

/// The infos that a notice of one bulletin and tier is told from, and what is known about the ground.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    infos: &'a [Info],
    tier: Option<&'a Tier>,
}

/// What a bulletin says to those in `tier`, or to those for whom it is over. A release without words of its own is told
/// in the words of the bulletin `before`.
pub fn told<'a>(
    bulletin: &'a Bulletin,
    before: Option<&'a Bulletin>,
    tier: TierIndex,
    kind: NoticeKind,
) -> Option<Told<'a>> {
    let own = match &bulletin.parts().content {
        BulletinContent::Warn(tiers) if kind == NoticeKind::Release => Told { infos: &tiers.first().infos, tier: None },
        BulletinContent::Warn(tiers) => {
            let tier = tiers.get(usize::from(tier.0))?;
            Told { infos: &tier.infos, tier: Some(tier) }
        }
        BulletinContent::Cancel(infos) => Told { infos, tier: None },
    };
    if own.infos.is_empty() {
        let tier = before?.tiers().first()?;
        return Some(Told { infos: &tier.infos, tier: None });
    }
    Some(own)
}

impl Told<'_> {
    /// Which info a person who reads `languages` (best first) is told: RFC 4647's lookup, section 3.4, for each
    /// language in turn; then any info in the same first subtag (a person who reads `de` is told `de-AT`); then
    /// English; then the first.
    pub fn best_for<'l>(&self, languages: impl Iterator<Item = &'l Language> + Clone) -> usize {
        let exact = |wanted: &Language| self.infos.iter().position(|info| info.language == *wanted);
        for language in languages.clone() {
            let mut range = Some(language.clone());
            while let Some(wanted) = range {
                if let Some(found) = exact(&wanted) {
                    return found;
                }
                range = wanted.broader();
            }
        }
        let same_first = |wanted: &str| self.infos.iter().position(|info| first_subtag(&info.language) == wanted);
        languages.map(first_subtag).find_map(same_first).or_else(|| same_first("en")).unwrap_or(0)
    }

    /// The notice in the language of info number `info`.
    pub fn notice(&self, bulletin: &Bulletin, info: usize, kind: NoticeKind, now: Timestamp) -> Option<Notice> {
        let parts = bulletin.parts();
        let info = self.infos.get(info)?;
        Some(Notice {
            key: bulletin.key(),
            replaces: Vec::new(),
            kind,
            mode: parts.mode,
            priority: self.tier.map_or(Priority::Information, |tier| tier.priority),
            text: text(info),
            place: self.tier.map(|tier| place(bulletin, tier, info)).unwrap_or_default(),
            sent: parts.alert.sent,
            onset: info.onset,
            expires: self.tier.map_or(parts.expires, Tier::expires),
            server_time: now,
        })
    }
}

fn first_subtag(language: &Language) -> &str {
    language.as_str().split('-').next().unwrap_or_default()
}

fn text(info: &Info) -> NoticeText {
    let owned = |text: &Option<String>| text.clone().unwrap_or_default();
    NoticeText {
        language: info.language.clone(),
        event: info.event.clone(),
        headline: info.texts.headline.clone().unwrap_or_else(|| info.event.clone()),
        description: owned(&info.texts.description),
        instruction: owned(&info.texts.instruction),
        sender_name: owned(&info.texts.sender_name),
        severity: info.severity,
        urgency: info.urgency,
        certainty: info.certainty,
    }
}

/// The ground goes along if it is short; else its box, from which a device can still tell how far it is.
fn place(bulletin: &Bulletin, tier: &Tier, info: &Info) -> NoticePlace {
    let areas = tier.area.areas();
    let rings = areas
        .iter()
        .flat_map(|area| &area.polygons)
        .flat_map(|polygon| std::iter::once(&polygon.outer).chain(&polygon.holes));
    let points: usize = rings.map(|ring| ring.points().len()).sum();
    let earthquake = match &info.ground {
        Ground::Earthquake(source) => Some(source.clone()),
        Ground::Areas(_) | Ground::Bands(_) | Ground::None => None,
    };
    NoticePlace {
        areas: if points <= NoticePlace::MAX_POINTS { areas.to_vec() } else { Vec::new() },
        bounding_box: Some(tier.area.bounding_box()),
        arrival: earthquake.as_ref().and_then(|source| arrival(bulletin, tier, source)),
        earthquake,
        intensity: tier.intensity,
    }
}

/// When the S wave comes to the nearest ground of a circle round the epicentre. What lies in a higher tier is told as
/// that one, so that this one begins at its rim.
fn arrival(bulletin: &Bulletin, tier: &Tier, source: &Source) -> Option<Timestamp> {
    let radius_km = |tier: &Tier| match tier.area.areas() {
        [area] => match (area.circles.as_slice(), area.polygons.is_empty()) {
            ([circle], true) => {
                let centre = Position::from_degrees(circle.lon(), circle.lat());
                (centre == Ok(source.epicentre)).then(|| circle.radius_m() / 1000.0)
            }
            _ => None,
        },
        _ => None,
    };
    radius_km(tier)?;
    let higher = bulletin.tiers().iter().take_while(|known| !std::ptr::eq(*known, tier));
    Some(arrival_at_km(source, higher.filter_map(radius_km).fold(0.0, f64::max)).s)
}
