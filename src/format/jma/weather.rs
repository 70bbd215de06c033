//! Weather warnings of a prefecture: VPWW53 and VPWW54 (気象特別警報・警報・注意報), and their successors of 2026, VPWW55 to
//! VPWW61 (気象警報・注意報（Ｒ０６）), each of which is of one hazard alone.
//!
//! Each telegram is the whole state of its prefecture: what is no longer in it is off. It is read at the level of
//! municipalities (市町村等), the finest, which names every one of them; the coarser ones say the same of more ground.
//! There is one info for each kind, of all municipalities where it is on.
//!
//! Grades are by the name of the kind, which ends with its level: 特別警報 (what comes once in decades, and lives are in
//! danger) is `Immediate`, `Extreme`, `Likely`; 危険警報 (level 4: leave now) `Immediate`, `Severe`, `Likely`; 警報
//! (serious harm) `Expected`, `Severe`, `Likely`; 注意報 (harm) `Future`, `Moderate`, `Possible`. (気象庁,
//! 特別警報・警報・注意報・気象情報.)

use std::collections::HashMap;

use crate::domain::{Area, Category, Certainty, Geocode, Ground, Info, NonEmpty, Severity, StateScope, Urgency};
use crate::format::error::excerpt;
use crate::format::telegram::{Act, Grades, Telegram, Told, named_area, parameter, within_infos, written_area};
use crate::format::text::line;
use crate::format::xml::Element;
use crate::format::{FormatError, Limits};

use super::head::Head;
use super::{METEOROLOGY, scheme};

const CITIES: &str = "気象警報・注意報（市町村等）";
const PREFECTURES: &str = "気象警報・注意報（府県予報区等）";

/// What a kind is called where nothing is on: the code, and `Status` in its place.
const OFF: &str = "00";
const NOTHING_ON: [&str; 2] = ["解除", "発表警報・注意報はなし"];

/// What the names of kinds end with.
const LEVELS: [&str; 4] = ["特別警報", "危険警報", "警報", "注意報"];

/// Where one kind is on.
struct On {
    name: String,
    areas: Vec<Area>,
}

pub(super) fn read(root: &Element, head: Head, limits: &Limits) -> Result<Telegram, FormatError> {
    let basis = root.with_namespace(METEOROLOGY);
    let body = basis.sole("Body")?;
    let mut prefectures = Vec::new();
    for warning in of_type(&body, PREFECTURES) {
        for item in warning.all("Item") {
            prefectures.push(line(&item.sole("Area")?.required("Code")?));
        }
    }
    let [prefecture] = prefectures.as_slice() else {
        let field = format!("{}.Item.Area", body.path.field("Warning"));
        return Err(if prefectures.is_empty() {
            FormatError::Missing { field }
        } else {
            // Of several it could not be known which of them is no longer warned.
            FormatError::Repeated { field }
        });
    };
    let mut kinds: Vec<On> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut any = false;
    for warning in of_type(&body, CITIES) {
        any = true;
        for item in warning.all("Item") {
            add(&item, &mut kinds, &mut index)?;
        }
    }
    if !any {
        return Err(FormatError::Missing { field: body.path.field("Warning").to_string() });
    }
    within_infos(kinds.len(), limits)?;
    kinds.sort_by_key(|kind| grades(&kind.name).1);
    let told = kinds.into_iter().filter_map(|kind| told(kind, &head)).collect();
    let hazard = if head.kind.is_of_one_hazard() { format!(":{}", head.kind.code()) } else { String::new() };
    let scope = StateScope(format!("{}:{prefecture}{hazard}", scheme::FORECAST).into());
    Ok(head.telegram_of(Some(prefecture), Act::State(scope), told, None))
}

fn of_type<'e, 'd>(body: &'e Element<'_, 'd>, kind: &'static str) -> impl Iterator<Item = Element<'e, 'd>> {
    body.all("Warning").filter(move |warning| warning.has_attribute("type", kind))
}

/// Adds what is on in one municipality.
fn add(item: &Element, kinds: &mut Vec<On>, index: &mut HashMap<String, usize>) -> Result<(), FormatError> {
    let area = item.sole("Area")?;
    let code = Geocode { scheme: scheme::CITY.into(), code: line(&area.required("Code")?).into() };
    let area = named_area(&line(&area.text("Name")?.unwrap_or_default()), Some(code));
    for kind in item.all("Kind") {
        let status = kind.text("Status")?.unwrap_or_default();
        if NOTHING_ON.contains(&&*status) || kind.text("Code")?.is_some_and(|code| code == OFF) {
            continue;
        }
        let name = line(&kind.required("Name")?);
        let at = *index.entry(name.clone()).or_insert(kinds.len());
        if at == kinds.len() {
            kinds.push(On { name, areas: Vec::new() });
        }
        if kinds[at].areas.last() != Some(&area) {
            kinds[at].areas.push(area.clone());
        }
    }
    Ok(())
}

fn grades(name: &str) -> Grades {
    match name {
        name if name.ends_with("特別警報") => (Urgency::Immediate, Severity::Extreme, Certainty::Likely),
        name if name.ends_with("危険警報") => (Urgency::Immediate, Severity::Severe, Certainty::Likely),
        name if name.ends_with("警報") => (Urgency::Expected, Severity::Severe, Certainty::Likely),
        name if name.ends_with("注意報") => (Urgency::Future, Severity::Moderate, Certainty::Possible),
        _ => (Urgency::Unknown, Severity::Unknown, Certainty::Unknown),
    }
}

/// What a kind is of, without its level: 大雨 of 大雨特別警報, 大雨警報 and 大雨注意報.
fn hazard(name: &str) -> &str {
    // レベル４大雨危険警報: since 2026 the level stands before the name too.
    let name = name.strip_prefix("レベル").map_or(name, |rest| rest.trim_start_matches(|c| ('１'..='５').contains(&c)));
    LEVELS.iter().find_map(|level| name.strip_suffix(level)).unwrap_or(name)
}

fn told(On { name, areas }: On, head: &Head) -> Option<Told> {
    let written = areas.iter().map(written_area).collect();
    let mut told = Told::new(Category::Met, &excerpt(&name), grades(&name), Ground::Areas(NonEmpty::new(areas)?));
    told.info.event_codes = vec![parameter(Info::HAZARD, hazard(&name))];
    told.info.texts = head.texts.clone();
    told.areas = written;
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Alert, Body};
    use crate::format::read;

    fn telegram(title: &str, kind: &str) -> Alert {
        let warning = |level: &str, code: &str| {
            format!(
                "<Warning type='気象警報・注意報（{level}）'><Item><Kind><Name>{kind}</Name><Code>43</Code><Status>発表</Status>
                </Kind><Area><Name>a</Name><Code>{code}</Code></Area></Item></Warning>"
            )
        };
        let text = format!(
            r#"<Report xmlns="http://xml.kishou.go.jp/jmaxml1/"><Control><Title>{title}</Title><Status>通常</Status>
            </Control><Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>t</Title>
            <ReportDateTime>2026-06-22T23:00:00+09:00</ReportDateTime><InfoType>発表</InfoType></Head>
            <Body xmlns="http://xml.kishou.go.jp/jmaxml1/body/meteorology1/">{}{}</Body></Report>"#,
            warning("府県予報区等", "011000"),
            warning("市町村等", "0121400"),
        );
        read(text.as_bytes(), None).expect("it can be read").alert
    }

    #[test]
    fn a_telegram_of_one_hazard_is_the_state_of_that_alone() {
        let scope = |title: &str, kind: &str| {
            let Body::State { scope, infos } = telegram(title, kind).body else { panic!("a state") };
            (scope.0.to_string(), infos[0].urgency, infos[0].severity)
        };
        let (immediate, severe) = (Urgency::Immediate, Severity::Severe);
        let rain = scope("気象警報・注意報（Ｒ０６）（大雨）", "レベル４大雨危険警報");
        assert_eq!(rain, ("JMA-AreaForecast:011000:VPWW55".to_owned(), immediate, severe));
        let of_slopes = scope("気象警報・注意報（Ｒ０６）（土砂）", "レベル３土砂災害警報");
        assert_eq!(of_slopes, ("JMA-AreaForecast:011000:VPWW56".to_owned(), Urgency::Expected, severe));
        let all = scope("気象警報・注意報（Ｈ２７）", "大雨警報");
        assert_eq!(all, ("JMA-AreaForecast:011000".to_owned(), Urgency::Expected, severe));
    }

    #[test]
    fn a_hazard_is_the_same_at_every_level() {
        for name in ["大雨特別警報", "大雨警報", "大雨注意報", "大雨", "レベル４大雨危険警報", "レベル３大雨警報"]
        {
            assert_eq!(hazard(name), "大雨");
        }
        assert_eq!(hazard("雷注意報"), "雷");
    }
}
