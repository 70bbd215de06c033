//! Intensities on JMA's scale (気象庁震度階級), and infos of ground that is told with them.
//!
//! A class is told by the least instrumental intensity in it: 4 begins at 3.5, 5 lower at 4.5, 5 upper at 5.0, 6 lower
//! at 5.5, 6 upper at 6.0 and 7 at 6.5 (気象庁震度階級表; `formats.md`, section 7).

use compact_str::format_compact;

use crate::domain::{
    Area, Category, Certainty, Geocode, Ground, InfoTexts, Intensity, IntensityBand, IntensityScale, NamedValue,
    NonEmpty, Severity, Source, Timestamp, Urgency,
};
use crate::format::telegram::{Told, named_area, parameter, written_area};

/// A class: the lower end of its instrumental intensities, in tenths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::format) struct Class(u8);

impl Class {
    /// 3: most people feel it.
    const THREE: Self = Self(25);
    /// 4: the least for which an area is named in a warning (緊急地震速報の発表基準).
    pub(in crate::format) const FOUR: Self = Self(35);
    /// 5 lower: from here on furniture falls.
    pub(in crate::format) const FIVE_LOWER: Self = Self(45);
    /// 6 lower: from here on an early warning counts as a special warning (特別警報).
    pub(in crate::format) const SIX_LOWER: Self = Self(55);

    /// Reads a class as telegrams (`5-`) and relays (`5弱`) write it; `None` if it is not known or not told. `!5-` is
    /// 5 lower or more, estimated where no report has come from (震度５弱以上未入電).
    pub(in crate::format) fn parse(text: &str) -> Option<Self> {
        match text {
            "0" => Some(Self(0)),
            "1" => Some(Self(5)),
            "2" => Some(Self(15)),
            "3" => Some(Self::THREE),
            "4" => Some(Self::FOUR),
            "5-" | "5弱" | "!5-" => Some(Self::FIVE_LOWER),
            "5+" | "5強" => Some(Self(50)),
            "6-" | "6弱" => Some(Self::SIX_LOWER),
            "6+" | "6強" => Some(Self(60)),
            "7" => Some(Self(65)),
            _ => None,
        }
    }

    /// Reads a class as P2PQuake numbers it: ten times the class, halves between; 46 is 5 lower or more, estimated.
    pub(in crate::format) fn of_scale(scale: f64) -> Option<Self> {
        let known = [(10, 5), (20, 15), (30, 25), (40, 35), (45, 45), (46, 45), (50, 50), (55, 55), (60, 60), (70, 65)];
        let none = [(0, 0)];
        let mut all = none.into_iter().chain(known);
        all.find(|(number, _)| (f64::from(*number) - scale).abs() < 1e-9).map(|(_, tenths)| Self(tenths))
    }

    fn intensity(self) -> Intensity {
        Intensity { value: f32::from(self.0) / 10.0, scale: IntensityScale::Jma }
    }

    /// How bad it is where it shakes so: from 6 lower on people cannot stand and walls break (the special warning of an
    /// early warning); from 5 lower on, and wherever JMA warns, things fall and people are hurt; 3 is felt by most and
    /// rattles dishes; less does no harm. (気象庁震度階級関連解説表.)
    pub(in crate::format) fn severity(self, warned: bool) -> Severity {
        match self {
            class if class >= Self::SIX_LOWER => Severity::Extreme,
            class if warned || class >= Self::FIVE_LOWER => Severity::Severe,
            class if class >= Self::THREE => Severity::Moderate,
            _ => Severity::Minor,
        }
    }
}

/// An area where it shakes, or will.
pub(in crate::format) struct Shaken {
    pub(in crate::format) name: String,
    pub(in crate::format) code: Option<Geocode>,
    /// The least that is told of it.
    pub(in crate::format) class: Class,
    /// What the issuer says of it: `緊急地震速報（警報）`.
    pub(in crate::format) event: String,
    /// Whether the issuer warns, and does not only tell.
    pub(in crate::format) warned: bool,
    /// When the strong shaking begins there.
    pub(in crate::format) arrival: Option<Timestamp>,
    /// What else is told of it, by names that end with the area's code or name.
    pub(in crate::format) parameters: Vec<NamedValue>,
}

impl Shaken {
    /// Tells something of this area.
    pub(in crate::format) fn tell(&mut self, name: &str, value: impl Into<String>) {
        let area = self.code.as_ref().map_or(&*self.name, |code| &code.code);
        self.parameters.push(parameter(format_compact!("{name}:{area}"), value));
    }
}

/// Infos of areas, one for each severity, the worst first; in each a band for each intensity. What they have in common
/// is in each, and of which earthquake it is in each band.
pub(in crate::format) fn told(
    mut areas: Vec<Shaken>,
    (urgency, certainty): (Urgency, Certainty),
    texts: &InfoTexts,
    parameters: &[NamedValue],
    source: Option<&Source>,
) -> Vec<Told> {
    areas.sort_by_key(|area| (area.class.severity(area.warned), std::cmp::Reverse(area.class)));
    let alike = areas.chunk_by(|one, other| one.class.severity(one.warned) == other.class.severity(other.warned));
    let info = |areas: &[Shaken]| {
        let bands = areas.chunk_by(|one, other| one.class == other.class).map(|alike| band(alike, source)).collect();
        let severity = areas[0].class.severity(areas[0].warned);
        let ground = NonEmpty::new(bands).map_or(Ground::None, Ground::Bands);
        // A warning is named by its warned areas.
        let named = areas.iter().find(|area| area.warned).unwrap_or(&areas[0]);
        let mut told = Told::new(Category::Geo, &named.event, (urgency, severity, certainty), ground);
        told.info.onset = areas.iter().filter_map(|area| area.arrival).min();
        told.info.texts = texts.clone();
        told.info.parameters = parameters.to_vec();
        told.info.parameters.extend(areas.iter().flat_map(|area| area.parameters.clone()));
        told.areas = areas.iter().map(|area| written_area(&named_area(&area.name, area.code.clone()))).collect();
        told
    };
    alike.map(info).collect()
}

/// Areas of one intensity, as one.
fn band(areas: &[Shaken], source: Option<&Source>) -> IntensityBand {
    let names: Vec<&str> = areas.iter().map(|area| area.name.as_str()).collect();
    let geocodes = areas.iter().filter_map(|area| area.code.clone()).collect();
    let area = Area { description: names.join("、"), geocodes, ..Area::default() };
    let arrival = areas.iter().filter_map(|area| area.arrival).min();
    IntensityBand { intensity: areas[0].class.intensity(), area, arrival, source: source.cloned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_told_by_its_least_instrumental_intensity() {
        let values = ["0", "1", "2", "3", "4", "5-", "5+", "6-", "6+", "7"].map(|text| {
            let class = Class::parse(text).expect("a class");
            class.intensity().value
        });
        assert_eq!(values, [0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.0, 5.5, 6.0, 6.5]);
        for (telegram, relay, scale) in
            [("5-", "5弱", 45.0), ("5+", "5強", 50.0), ("6-", "6弱", 55.0), ("7", "7", 70.0)]
        {
            assert_eq!(Class::parse(telegram), Class::parse(relay));
            assert_eq!(Class::parse(telegram), Class::of_scale(scale));
        }
        for text in ["", "不明", "over", "8", "5", "６弱", "-1"] {
            assert_eq!(Class::parse(text), None, "{text}");
        }
        assert_eq!(
            (Class::of_scale(-1.0), Class::of_scale(99.0), Class::of_scale(46.0)),
            (None, None, Some(Class(45)))
        );
    }

    #[test]
    fn a_band_holds_all_areas_of_an_intensity_and_an_info_all_of_a_severity() {
        let area = |name: &str, class: &str, warned| Shaken {
            name: name.to_owned(),
            code: None,
            class: Class::parse(class).expect("a class"),
            event: if warned { "警報" } else { "予報" }.to_owned(),
            warned,
            arrival: None,
            parameters: Vec::new(),
        };
        let areas = vec![
            area("a", "4", false),
            area("b", "6-", true),
            area("c", "4", true),
            area("d", "5+", true),
            area("e", "4", true),
            area("f", "2", false),
        ];
        let told = told(areas, (Urgency::Immediate, Certainty::Likely), &InfoTexts::default(), &[], None);
        let said: Vec<(Severity, &str, usize)> =
            told.iter().map(|told| (told.info.severity, told.info.event.as_str(), told.areas.len())).collect();
        let expected = [
            (Severity::Extreme, "警報", 1),
            (Severity::Severe, "警報", 3),
            (Severity::Moderate, "予報", 1),
            (Severity::Minor, "予報", 1),
        ];
        assert_eq!(said, expected);
        let Ground::Bands(bands) = &told[1].info.ground else { panic!("bands") };
        let bands: Vec<(f32, &str)> =
            bands.iter().map(|band| (band.intensity.value, band.area.description.as_str())).collect();
        assert_eq!(bands, [(5.0, "d"), (3.5, "c、e")]);
    }
}
