//! A notice for one language of one tier.

use crate::decide::{Bulletin, Content as BulletinContent, Tier, TierIndex};
use crate::domain::{
    Ground, Info, IntensityBand, Language, Mode, Notice, NoticeKind, NoticePlace, NoticeText, Position, Priority,
    Source, Timestamp,
};
use crate::locate::{arrival_at_km, distance_km};

use super::drill;
use super::fit::{TextLimits, fit};

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
    /// Which info a person who reads `languages` (best first) is told: [`Language::best`] says how it is chosen.
    pub fn best_for<'l>(&self, languages: impl Iterator<Item = &'l Language> + Clone) -> usize {
        Language::best(languages, &self.infos.iter().map(|info| &info.language)).unwrap_or(0)
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
            text: text(parts.mode, info),
            place: self.tier.map(|tier| place(bulletin, tier, info)).unwrap_or_default(),
            sent: parts.alert.sent,
            // What takes effect later is told at once, and says when.
            onset: info.onset.or(info.effective.filter(|at| *at > parts.alert.sent)),
            expires: self.tier.map_or(parts.expires, Tier::expires),
            server_time: now,
        })
    }
}

/// What a device shows as its title says that a drill is one, before anything is cut off (R-E9).
fn text(mode: Mode, info: &Info) -> NoticeText {
    let (limits, mark) = (TextLimits::NOTICE, drill::mark(mode, &info.language));
    let headline = info.texts.headline.as_deref().unwrap_or(&info.event);
    let owned = |text: &Option<String>, most| text.as_deref().map(|text| fit(text, most)).unwrap_or_default();
    NoticeText {
        language: info.language.clone(),
        event: fit(&drill::marked(mark, &info.event), limits.event),
        headline: fit(&drill::marked(mark, headline), limits.headline),
        description: owned(&info.texts.description, limits.description),
        instruction: owned(&info.texts.instruction, limits.instruction),
        sender_name: owned(&info.texts.sender_name, limits.sender_name),
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
    let (earthquake, arrival) = match &info.ground {
        Ground::Earthquake(source) => (Some(source.clone()), arrival(bulletin, tier, source)),
        Ground::Bands(bands) => (bands.first().source.clone(), arrival_in_band(tier, bands)),
        Ground::Areas(_) | Ground::None => (None, None),
    };
    NoticePlace {
        areas: if points <= NoticePlace::MAX_POINTS { areas.to_vec() } else { Vec::new() },
        bounding_box: Some(tier.area.bounding_box()),
        arrival,
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

/// When the shaking comes to a band. What its issuer says goes before our estimate: the S wave at the nearest point
/// of the band's box, which is never later than at the band itself (`formats.md`, section 7).
fn arrival_in_band(tier: &Tier, bands: &[IntensityBand]) -> Option<Timestamp> {
    let band = bands.iter().find(|band| Some(band.intensity) == tier.intensity)?;
    if band.arrival.is_some() {
        return band.arrival;
    }
    let source = band.source.as_ref()?;
    let [west, south, east, north] = tier.area.bounding_box();
    let (lon, lat) = (source.epicentre.lon(), source.epicentre.lat());
    let (into, width) = ((lon - west).rem_euclid(360.0), (east - west).rem_euclid(360.0));
    let lon = match into {
        into if into <= width => lon,
        into if into - width < 360.0 - into => east,
        _ => west,
    };
    let nearest = Position::from_degrees(lon, lat.clamp(south, north)).ok()?;
    Some(arrival_at_km(source, distance_km(source, nearest)).s)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAKING: &str = r#"<event_message category="live" message_type="new" orig_sys="eqinfo2gm" version="0"
        timestamp="2026-01-01T00:00:05Z"><core_info id="1"><mag units="Mw">7</mag><lat units="deg">38</lat>
        <lon units="deg">-122</lon><depth units="km">8</depth><orig_time units="UTC">2026-01-01T00:00:00Z</orig_time>
        <likelihood>0.9</likelihood></core_info><gm_info><gmcontour_pred number="1"><contour><MMI>6</MMI>
        <polygon number="4">39,-123 39,-124 40,-124 40,-123 39,-123</polygon></contour></gmcontour_pred></gm_info>
        </event_message>"#;

    #[test]
    fn a_band_is_told_with_its_earthquake_and_when_it_comes_to_the_nearest_of_it_unless_its_issuer_says_when() {
        let mut alert = read(SHAKING.as_bytes(), None).expect("it can be read").alert;
        let (sent, atlas, rules) = (alert.id.sent, Atlas::default(), Rules::default());
        let place = |alert: &crate::domain::Alert| {
            let (ground, lineages) = (resolve(alert, &atlas), Lineages::default());
            let decision = decide(&lineages, &Authority::development(), &rules, alert.clone(), &ground, sent);
            let Decision::Admit(bulletin) = decision else { panic!("{decision:?}") };
            let told = told(&bulletin, None, TierIndex(0), NoticeKind::Alert).expect("told");
            told.notice(&bulletin, 0, NoticeKind::Alert, sent).expect("a notice").place
        };
        let estimated = place(&alert);
        let source = estimated.earthquake.expect("an earthquake");
        let corner = Position::from_degrees(-123.0, 39.0).expect("on the globe");
        assert_eq!(estimated.arrival, Some(arrival_at_km(&source, distance_km(&source, corner)).s));
        let said = "2026-01-01T00:00:20Z".parse().ok();
        let crate::domain::Body::Issue(infos) = &alert.body else { panic!("{alert:?}") };
        let mut info = infos.first().clone();
        let Ground::Bands(bands) = &info.ground else { panic!("{info:?}") };
        let band = IntensityBand { arrival: said, ..bands.first().clone() };
        info.ground = Ground::Bands(crate::domain::NonEmpty::of(band));
        alert.body = crate::domain::Body::Issue(crate::domain::NonEmpty::of(info));
        assert_eq!(place(&alert).arrival, said);
    }
    use crate::decide::{Authority, Decision, Lineages, Rules, decide};
    use crate::format::read;
    use crate::locate::{Atlas, resolve};

    const QUAKE: &str = r#"{"type": "Feature", "id": "us1", 
        "geometry": {"type": "Point", "coordinates": [37.0, 37.2, 10]},
        "properties": {"mag": 7.0, "time": 1900000000000, "updated": 1900000005000, "type": "earthquake"}}"#;

    #[test]
    fn a_notice_says_how_strong_the_shaking_is_and_when_it_comes_to_the_nearest_of_its_ground() {
        let alert = read(QUAKE.as_bytes(), None).expect("it can be read").alert;
        let (sent, ground) = (alert.id.sent, resolve(&alert, &Atlas::default()));
        let (lineages, rules) = (Lineages::default(), Rules::default());
        let decision = decide(&lineages, &Authority::development(), &rules, alert, &ground, sent);
        let Decision::Admit(bulletin) = decision else { panic!("{decision:?}") };
        let mut inner_km = 0.0;
        for (position, tier) in (0..).zip(bulletin.tiers()) {
            let told = told(&bulletin, None, TierIndex(position), NoticeKind::Alert).expect("told");
            let place = told.notice(&bulletin, 0, NoticeKind::Alert, sent).expect("a notice").place;
            assert_eq!(place.intensity, tier.intensity);
            let source = place.earthquake.expect("an earthquake");
            assert_eq!(place.arrival, Some(arrival_at_km(&source, inner_km).s));
            inner_km = place.areas[0].circles[0].radius_m() / 1000.0;
        }
        assert!(inner_km > 100.0);
    }
}
