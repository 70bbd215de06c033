//! Information about earthquakes that have happened: VXSE51 (震度速報, intensities alone, after a minute and a half),
//! VXSE52 (震源, the hypocentre alone), VXSE53 (both) and VXSE61 (a better hypocentre).
//!
//! Urgency is `Past` and certainty `Observed`: it was felt, and nothing is left to be done about it. Severity is by the
//! intensity that was observed; of a hypocentre alone it is not known. Ground is the areas with their intensities, and
//! where there are none (an earthquake abroad, a hypocentre alone) the earthquake itself.

use std::collections::BTreeSet;

use crate::domain::{Category, Certainty, Geocode, Ground, Severity, Urgency};
use crate::format::error::excerpt;
use crate::format::telegram::{Act, Telegram, Told, parameter};
use crate::format::text::line;
use crate::format::xml::Element;
use crate::format::{FormatError, Refusal, Unusable};

use super::SEISMOLOGY;
use super::head::{Head, Kind, more_text};
use super::hypocentre::{self, Hypocentre};
use super::intensity::{Class, Shaken, told};
use super::scheme;

pub(super) fn read(root: &Element, head: Head) -> Result<Telegram, FormatError> {
    let basis = root.with_namespace(SEISMOLOGY);
    let body = basis.sole("Body")?;
    let hypocentre = hypocentre::read(&body)?;
    let mut earthquake = head.earthquake();
    let mut parameters = hypocentre.as_ref().map(Hypocentre::parameters).unwrap_or_default();
    if let Some(hypocentre) = &hypocentre {
        hypocentre.write(&mut earthquake);
    }
    let mut texts = head.texts.clone();
    if let Some(comments) = body.once("Comments")? {
        // Whether there is a tsunami.
        if let Some(comment) = comments.once("ForecastComment")? {
            texts.description = more_text(&comment, "Text")?;
        }
    }
    let (mut areas, mut refusals) = (Vec::new(), Vec::new());
    if let Some(intensity) = body.once("Intensity")?
        && let Some(observation) = intensity.once("Observation")?
    {
        let most = observation.text("MaxInt")?.map(|text| excerpt(&text)).unwrap_or_default();
        parameters.push(parameter("MaxInt", most.clone()));
        earthquake.intensities.push(most);
        areas = observed_areas(&observation, &head.title, &mut earthquake.intensities, &mut refusals)?;
    }
    let grades = (Urgency::Past, Certainty::Observed);
    let mut told = told(areas, grades, &texts, &parameters, None);
    let mut fault = None;
    if told.is_empty() {
        match hypocentre.map(|found| found.source()) {
            Some(Ok(source)) => {
                let grades = (grades.0, Severity::Unknown, grades.1);
                let mut info = Told::new(Category::Geo, &head.title, grades, Ground::Earthquake(source));
                (info.info.texts, info.info.parameters) = (texts, parameters);
                told.push(info);
            }
            Some(Err(error)) => fault = Some(error),
            None => fault = Some(FormatError::Missing { field: body.path.field("Earthquake").to_string() }),
        }
    }
    // A better hypocentre is always of what was told before.
    let act = if head.is_first() && head.kind != Kind::Vxse61 { Act::Issue } else { Act::Update };
    Ok(Telegram { fault, refusals, ..head.telegram(act, told, Some(earthquake)) })
}

/// The areas (細分区域) with the strongest intensity in each. Municipalities and stations inside are not looked at.
fn observed_areas(
    observation: &Element,
    event: &str,
    intensities: &mut Vec<String>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Shaken>, FormatError> {
    let mut areas = Vec::new();
    let mut seen = BTreeSet::new();
    for prefecture in observation.all("Pref") {
        for area in prefecture.all("Area") {
            let code = area.required("Code")?;
            let text = area.text("MaxInt")?.unwrap_or_default();
            intensities.push(excerpt(&text));
            let class = Class::parse(&text);
            let Some(class) = class.filter(|_| seen.insert(code.clone().into_owned())) else {
                let reason = if class.is_none() { Unusable::Missing } else { Unusable::RepeatedArea(excerpt(&code)) };
                refusals.push(Refusal { field: area.path.field("MaxInt").to_string(), reason });
                continue;
            };
            areas.push(Shaken {
                name: line(&area.text("Name")?.unwrap_or_default()),
                code: Some(Geocode { scheme: scheme::LOCAL.into(), code: line(&code).into() }),
                class,
                event: event.to_owned(),
                warned: false,
                arrival: None,
                parameters: Vec::new(),
            });
        }
    }
    Ok(areas)
}
