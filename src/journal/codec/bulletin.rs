//! Bulletins to messages and back.

use crate::decide::{BulletinParts, Content, StatePart, Tier};
use crate::domain::{
    Category, Certainty, Ground, Info, InfoTexts, Intensity, IntensityBand, IntensityScale, Language, LineageId, Mode,
    NamedValue, NonEmpty, Position, ResponseType, Severity, Source, StateScope, Urgency,
};
use crate::locate::AffectedArea;
use crate::wire::storage_v1::journal_entry as stored;
use crate::wire::storage_v1::journal_entry::bulletin::Content as StoredContent;
use crate::wire::storage_v1::journal_entry::info::Ground as StoredGround;

use super::super::InvalidEntry::{self, Impossible, Missing};
use super::voice::{read_events, read_voices, write_events, write_voice};
use super::{
    area, read_alert, read_instant, read_key, read_optional_instant, read_priority, read_references, write_alert,
    write_instant, write_key, write_references,
};

pub(super) fn write(parts: &BulletinParts) -> stored::Bulletin {
    let key = crate::domain::DeliveryKey { lineage: parts.lineage, revision: parts.revision };
    stored::Bulletin {
        key: Some(write_key(key)),
        alert: Some(write_alert(&parts.alert)),
        mode: write_mode(parts.mode).into(),
        content: Some(match &parts.content {
            Content::Warn(tiers) => StoredContent::Warn(stored::Warn { tiers: tiers.iter().map(write_tier).collect() }),
            Content::Cancel(infos) => StoredContent::Cancel(stored::Cancel {
                infos: infos.iter().map(|info| write_info(info, None)).collect(),
            }),
        }),
        expire_time: Some(write_instant(parts.expires)),
        admit_time: Some(write_instant(parts.admitted)),
        absorbs: parts.absorbs.iter().map(|lineage| lineage.0).collect(),
        supersedes: write_references(&parts.supersedes),
        voices: parts.voices.iter().map(write_voice).collect(),
        withdraws: write_events(&parts.withdraws),
        state: parts
            .state
            .as_ref()
            .map(|part| stored::StatePart { scope: part.scope.0.to_string(), hazard: part.hazard.to_string() }),
    }
}

pub(super) fn read(bulletin: stored::Bulletin) -> Result<BulletinParts, InvalidEntry> {
    let mode = read_mode(bulletin.mode())?;
    let key = read_key(bulletin.key)?;
    let alert = read_alert(bulletin.alert, "alert")?;
    let content = match bulletin.content.ok_or(Missing("content"))? {
        StoredContent::Warn(warn) => Content::Warn(read_all(warn.tiers, read_tier, "tiers")?),
        StoredContent::Cancel(cancel) => {
            let infos = cancel.infos.into_iter().map(|info| read_info(info, None));
            Content::Cancel(infos.collect::<Result<_, _>>()?)
        }
    };
    Ok(BulletinParts {
        lineage: key.lineage,
        revision: key.revision,
        mode,
        voices: read_voices(bulletin.voices, &alert, &content)?,
        withdraws: read_events(bulletin.withdraws),
        state: bulletin
            .state
            .map(|part| StatePart { scope: StateScope(part.scope.into()), hazard: part.hazard.into() }),
        alert,
        content,
        expires: read_instant(bulletin.expire_time, "expire_time")?,
        admitted: read_instant(bulletin.admit_time, "admit_time")?,
        absorbs: bulletin.absorbs.into_iter().map(LineageId).collect(),
        supersedes: read_references(bulletin.supersedes)?,
    })
}

fn read_all<S, T>(
    items: Vec<S>,
    read: impl Fn(S) -> Result<T, InvalidEntry>,
    field: &'static str,
) -> Result<NonEmpty<T>, InvalidEntry> {
    let items: Vec<T> = items.into_iter().map(read).collect::<Result<_, _>>()?;
    NonEmpty::new(items).ok_or(Missing(field))
}

pub(super) fn write_mode(mode: Mode) -> stored::Mode {
    match mode {
        Mode::Actual => stored::Mode::Actual,
        Mode::Exercise => stored::Mode::Exercise,
        Mode::System => stored::Mode::System,
        Mode::Test => stored::Mode::Test,
        Mode::Draft => stored::Mode::Draft,
    }
}

/// A mode that is not known reads as unspecified, and so is refused: an exercise must not become an alert.
pub(super) fn read_mode(mode: stored::Mode) -> Result<Mode, InvalidEntry> {
    match mode {
        stored::Mode::Unspecified => Err(Impossible("mode")),
        stored::Mode::Actual => Ok(Mode::Actual),
        stored::Mode::Exercise => Ok(Mode::Exercise),
        stored::Mode::System => Ok(Mode::System),
        stored::Mode::Test => Ok(Mode::Test),
        stored::Mode::Draft => Ok(Mode::Draft),
    }
}

fn write_tier(tier: &Tier) -> stored::Tier {
    stored::Tier {
        areas: tier.area.areas().iter().map(area::write).collect(),
        priority: tier.priority as u32,
        intensity: tier.intensity.map(write_intensity),
        infos: tier.infos.iter().map(|info| write_info(info, Some(&tier.area))).collect(),
    }
}

fn read_tier(tier: stored::Tier) -> Result<Tier, InvalidEntry> {
    let areas = tier.areas.into_iter().map(area::read).collect::<Result<Vec<_>, _>>()?;
    let ground = AffectedArea::new(&areas).ok_or(Missing("areas"))?;
    Ok(Tier {
        priority: read_priority(tier.priority)?,
        intensity: tier.intensity.map(read_intensity).transpose()?,
        infos: read_all(tier.infos, |info| read_info(info, Some(&ground)), "infos")?,
        area: ground,
    })
}

fn write_intensity(intensity: Intensity) -> stored::Intensity {
    let scale = match intensity.scale {
        IntensityScale::Mmi => stored::IntensityScale::Mmi,
        IntensityScale::Csis => stored::IntensityScale::Csis,
        IntensityScale::Jma => stored::IntensityScale::Jma,
    };
    stored::Intensity { value: intensity.value, scale: scale.into() }
}

fn read_intensity(intensity: stored::Intensity) -> Result<Intensity, InvalidEntry> {
    let scale = match intensity.scale() {
        stored::IntensityScale::Unspecified => return Err(Impossible("scale")),
        stored::IntensityScale::Mmi => IntensityScale::Mmi,
        stored::IntensityScale::Csis => IntensityScale::Csis,
        stored::IntensityScale::Jma => IntensityScale::Jma,
    };
    Ok(Intensity { value: intensity.value, scale })
}

fn write_info(info: &Info, tier: Option<&AffectedArea>) -> stored::Info {
    let spelled = |text: &str| text.to_owned();
    let texts = info.texts.clone();
    stored::Info {
        language: spelled(info.language.as_str()),
        categories: info.categories.iter().map(|category| spelled(category.as_str())).collect(),
        event: info.event.clone(),
        response_types: info.response_types.iter().map(|kind| spelled(kind.as_str())).collect(),
        urgency: spelled(info.urgency.as_str()),
        severity: spelled(info.severity.as_str()),
        certainty: spelled(info.certainty.as_str()),
        event_codes: write_values(&info.event_codes),
        effective_time: info.effective.map(write_instant),
        onset_time: info.onset.map(write_instant),
        expire_time: info.expires.map(write_instant),
        sender_name: texts.sender_name,
        headline: texts.headline,
        description: texts.description,
        instruction: texts.instruction,
        web: texts.web,
        contact: texts.contact,
        audience: texts.audience,
        parameters: write_values(&info.parameters),
        ground: write_ground(&info.ground, tier),
    }
}

fn read_info(info: stored::Info, tier: Option<&AffectedArea>) -> Result<Info, InvalidEntry> {
    let categories = info.categories.iter().map(|text| Category::parse(text).ok_or(Impossible("category")));
    let response_types =
        info.response_types.iter().map(|text| ResponseType::parse(text).ok_or(Impossible("response_type")));
    Ok(Info {
        language: Language::parse(&info.language).map_err(|_| Impossible("language"))?,
        categories: categories.collect::<Result<_, _>>()?,
        event: info.event,
        response_types: response_types.collect::<Result<_, _>>()?,
        urgency: Urgency::parse(&info.urgency).ok_or(Impossible("urgency"))?,
        severity: Severity::parse(&info.severity).ok_or(Impossible("severity"))?,
        certainty: Certainty::parse(&info.certainty).ok_or(Impossible("certainty"))?,
        event_codes: read_values(info.event_codes),
        effective: read_optional_instant(info.effective_time, "effective_time")?,
        onset: read_optional_instant(info.onset_time, "onset_time")?,
        expires: read_optional_instant(info.expire_time, "expire_time")?,
        texts: InfoTexts {
            sender_name: info.sender_name,
            headline: info.headline,
            description: info.description,
            instruction: info.instruction,
            web: info.web,
            contact: info.contact,
            audience: info.audience,
        },
        parameters: read_values(info.parameters),
        ground: read_ground(info.ground, tier)?,
    })
}

fn write_values(values: &[NamedValue]) -> Vec<stored::NamedValue> {
    let written = |value: &NamedValue| stored::NamedValue { name: value.name.to_string(), value: value.value.clone() };
    values.iter().map(written).collect()
}

fn read_values(values: Vec<stored::NamedValue>) -> Vec<NamedValue> {
    values.into_iter().map(|value| NamedValue { name: value.name.into(), value: value.value }).collect()
}

/// Nearly every info speaks of just the areas of its tier, which are not written again.
fn write_ground(ground: &Ground, tier: Option<&AffectedArea>) -> Option<StoredGround> {
    match ground {
        Ground::Areas(areas) if tier.is_some_and(|tier| tier.areas() == &**areas) => {
            Some(StoredGround::TierAreas(stored::TierAreas {}))
        }
        Ground::Areas(areas) => {
            Some(StoredGround::Areas(stored::Areas { areas: areas.iter().map(area::write).collect() }))
        }
        Ground::Earthquake(source) => Some(StoredGround::Earthquake(write_source(source))),
        Ground::Bands(bands) => {
            let bands = bands.iter().map(|band| stored::Band {
                intensity: Some(write_intensity(band.intensity)),
                area: Some(area::write(&band.area)),
                arrival_time: band.arrival.map(write_instant),
                source: band.source.as_ref().map(write_source),
            });
            Some(StoredGround::Bands(stored::Bands { bands: bands.collect() }))
        }
        Ground::None => None,
    }
}

fn read_ground(ground: Option<StoredGround>, tier: Option<&AffectedArea>) -> Result<Ground, InvalidEntry> {
    Ok(match ground {
        Some(StoredGround::TierAreas(_)) => {
            let areas = tier.and_then(|tier| NonEmpty::new(tier.areas().to_vec()));
            Ground::Areas(areas.ok_or(Impossible("tier_areas"))?)
        }
        Some(StoredGround::Areas(areas)) => Ground::Areas(read_all(areas.areas, area::read, "areas")?),
        Some(StoredGround::Earthquake(source)) => Ground::Earthquake(read_source(source)?),
        Some(StoredGround::Bands(bands)) => Ground::Bands(read_all(bands.bands, read_band, "bands")?),
        None => Ground::None,
    })
}

fn read_band(band: stored::Band) -> Result<IntensityBand, InvalidEntry> {
    Ok(IntensityBand {
        intensity: read_intensity(band.intensity.ok_or(Missing("intensity"))?)?,
        area: area::read(band.area.ok_or(Missing("area"))?)?,
        arrival: read_optional_instant(band.arrival_time, "arrival_time")?,
        source: band.source.map(read_source).transpose()?,
    })
}

pub(super) fn write_source(source: &Source) -> stored::Earthquake {
    stored::Earthquake {
        lon_e7: source.epicentre.lon_e7(),
        lat_e7: source.epicentre.lat_e7(),
        depth_km: source.depth_km,
        magnitude: source.magnitude,
        origin_time: Some(write_instant(source.origin)),
    }
}

pub(super) fn read_source(source: stored::Earthquake) -> Result<Source, InvalidEntry> {
    Ok(Source {
        epicentre: Position::from_e7(source.lon_e7, source.lat_e7).ok_or(Impossible("epicentre"))?,
        depth_km: source.depth_km,
        magnitude: source.magnitude,
        origin: read_instant(source.origin_time, "origin_time")?,
    })
}
