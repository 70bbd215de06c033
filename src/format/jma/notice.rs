//! Announcements whose headline says all that is needed: floods of rivers (VXKO, 指定河川洪水予報), landslides (VXWW50,
//! 土砂災害警戒情報) and rain as it falls once in years (VPOA50, 記録的短時間大雨情報).
//!
//! They are read from `Headline/Information`, the first of its parts, which is the most exact: the stretch of river,
//! the municipality. Grades follow the alert levels of Japan's Cabinet Office (警戒レベル, 避難情報に関するガイドライン) that
//! the telegrams stand for: 氾濫発生情報, level 5 (it floods) `Immediate`, `Extreme`, `Observed`; 氾濫危険情報 and
//! 土砂災害警戒情報, level 4 (leave now) `Immediate`, `Severe`, `Likely`; 氾濫警戒情報, level 3 `Expected`, `Severe`,
//! `Likely`; 氾濫注意情報, level 2 `Future`, `Moderate`, `Possible`. 記録的短時間大雨情報 has no level of its own; it is
//! sent when so much rain was measured while a warning is on: `Immediate`, `Severe`, `Observed`.

use crate::domain::{Category, Certainty, Geocode, Ground, NonEmpty, Severity, Urgency};
use crate::format::telegram::{Act, Grades, Telegram, Told, named_area, within_infos, written_area};
use crate::format::text::line;
use crate::format::xml::Element;
use crate::format::{FormatError, Limits};

use super::BASIS;
use super::head::Head;
use super::scheme;

pub(super) fn read(root: &Element, head: Head, limits: &Limits) -> Result<Telegram, FormatError> {
    let basis = root.with_namespace(BASIS);
    let found = basis.sole("Head")?;
    let headline = found.sole("Headline")?;
    let Some(information) = headline.all("Information").next() else {
        return Err(FormatError::Missing { field: headline.path.field("Information").to_string() });
    };
    let mut told = Vec::new();
    for item in information.all("Item") {
        let kind = item.sole("Kind")?;
        let name = line(&kind.required("Name")?);
        if !is_off(&name) {
            within_infos(told.len() + 1, limits)?;
            told.extend(told_of(&item, &name, &head)?);
        }
    }
    let act = match () {
        () if told.is_empty() => Act::Cancel,
        () if head.is_first() => Act::Issue,
        () => Act::Update,
    };
    if act == Act::Cancel {
        told.push(Told::of_cancel(Category::Met, &head.title, head.texts.clone()));
    }
    Ok(head.telegram(act, told, None))
}

/// 氾濫注意情報解除, 解除 and なし: over, or never on. 氾濫注意情報（警戒情報解除） is on, and less than before.
fn is_off(name: &str) -> bool {
    name.ends_with("解除") || name == "なし"
}

fn grades(name: &str) -> Grades {
    let begins = |word: &str| name.starts_with(word);
    match () {
        () if begins("氾濫発生") => (Urgency::Immediate, Severity::Extreme, Certainty::Observed),
        () if begins("氾濫危険") || begins("土砂災害警戒") || name == "警戒" => {
            (Urgency::Immediate, Severity::Severe, Certainty::Likely)
        }
        () if begins("氾濫警戒") => (Urgency::Expected, Severity::Severe, Certainty::Likely),
        () if begins("氾濫注意") => (Urgency::Future, Severity::Moderate, Certainty::Possible),
        () if begins("記録的短時間大雨") => (Urgency::Immediate, Severity::Severe, Certainty::Observed),
        () => (Urgency::Unknown, Severity::Unknown, Certainty::Unknown),
    }
}

fn told_of(item: &Element, name: &str, head: &Head) -> Result<Option<Told>, FormatError> {
    let mut areas = Vec::new();
    for list in item.all("Areas") {
        let scheme = scheme::of(&list.path, &list.attribute("codeType")?.unwrap_or_default())?;
        for area in list.all("Area") {
            let code = Geocode { scheme: scheme.into(), code: line(&area.required("Code")?).into() };
            areas.push(named_area(&line(&area.text("Name")?.unwrap_or_default()), Some(code)));
        }
    }
    let written = areas.iter().map(written_area).collect();
    let Some(areas) = NonEmpty::new(areas) else { return Ok(None) };
    let mut told = Told::new(Category::Met, name, grades(name), Ground::Areas(areas));
    told.info.texts = head.texts.clone();
    told.areas = written;
    Ok(Some(told))
}
