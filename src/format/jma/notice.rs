//! Announcements whose headline says all that is needed: floods of rivers (VXKO, 指定河川洪水予報), landslides (VXWW50,
//! 土砂災害警戒情報), rain as it falls once in years (VPOA50, 記録的短時間大雨情報; since 2026 with snow and bands of rain in
//! VPBS50, 府県気象防災速報), tornadoes (VPHW50 and VPHW51, 竜巻注意情報) and volcanoes (VFVO50, 噴火警報・予報).
//!
//! They are read from `Headline/Information`: the first of its parts that is of municipalities where the type has such
//! beside coarser ones, else the first, which is the most exact. An eruption (VFVO56, 噴火速報) names the municipalities
//! in its body alone. Grades follow the alert levels of Japan's Cabinet Office (警戒レベル, 避難情報に関するガイドライン) that
//! the telegrams stand for: 氾濫発生情報, level 5 (it floods) `Immediate`, `Extreme`, `Observed`; 氾濫危険情報 and
//! 土砂災害警戒情報, level 4 (leave now) `Immediate`, `Severe`, `Likely`; 氾濫警戒情報, level 3 `Expected`, `Severe`,
//! `Likely`; 氾濫注意情報, level 2 `Future`, `Moderate`, `Possible`. 記録的短時間大雨情報 has no level of its own; it is
//! sent when so much rain was measured while a warning is on: `Immediate`, `Severe`, `Observed`, and so are its
//! successors and an eruption. 噴火警報 for where people live is a special warning: `Immediate`, `Extreme`, `Likely`;
//! 火口周辺警報 (near the crater) `Expected`, `Severe`, `Likely`; 竜巻注意情報, which is right once in many times, holds
//! for an hour and says to look at the sky, `Immediate`, `Moderate`, `Possible`.

use crate::domain::{Certainty, Geocode, Ground, NonEmpty, Severity, Timestamp, Urgency};
use crate::format::local_time::instant;
use crate::format::telegram::{Act, Grades, Telegram, Told, named_area, within_infos, written_area};
use crate::format::text::line;
use crate::format::xml::Element;
use crate::format::{FormatError, Limits};

use super::head::{Head, Kind};
use super::scheme;
use super::{BASIS, VOLCANOLOGY};

/// What the kind of VPBS50 is called, whatever it is.
const TAG: &str = "情報タグ";

pub(super) fn read(root: &Element, head: Head, limits: &Limits) -> Result<Telegram, FormatError> {
    let basis = root.with_namespace(BASIS);
    let found = basis.sole("Head")?;
    let volcanic = root.with_namespace(VOLCANOLOGY);
    let (of, name) = match head.kind {
        Kind::Vfvo56 => (volcanic.sole("Body")?, "VolcanoInfo"),
        _ => (found.sole("Headline")?, "Information"),
    };
    let Some(information) = most_exact(&of, name, head.kind) else {
        return Err(FormatError::Missing { field: of.path.field(name).to_string() });
    };
    let until = match head.kind {
        Kind::Vphw50 | Kind::Vphw51 => found.text("ValidDateTime")?,
        _ => None,
    };
    let until = until.map(|text| instant(&found.path.field("ValidDateTime"), &text)).transpose()?;
    let (mut told, mut first_code) = (Vec::new(), None);
    for item in information.all("Item") {
        let kind = item.sole("Kind")?;
        let name = named(&kind)?;
        if first_code.is_none() {
            first_code = code_of(&item)?;
        }
        if !is_off(&name) {
            within_infos(told.len() + 1, limits)?;
            told.extend(told_of(&item, &name, &head, until)?);
        }
    }
    let act = match () {
        () if told.is_empty() => Act::Cancel,
        // A volcano's level is what it was raised or lowered to.
        () if head.kind == Kind::Vfvo50 => Act::Update,
        () if head.is_first() => Act::Issue,
        () => Act::Update,
    };
    if act == Act::Cancel {
        told.push(Told::of_cancel(head.kind.category(), &head.title, head.texts.clone()));
    }
    // What has no event of its own is told of a prefecture: that of its first municipality.
    let prefecture = first_code.filter(|_| head.event_id.is_none()).and_then(|code| Some(code.get(..2)?.to_owned()));
    let key = head.event_id.clone().or(prefecture);
    Ok(head.telegram_of(key.as_deref(), act, told, None))
}

/// The part that names municipalities, for types that have such beside coarser ones; else the first.
fn most_exact<'e, 'd>(of: &'e Element<'_, 'd>, name: &'static str, kind: Kind) -> Option<Element<'e, 'd>> {
    let is_graded = matches!(kind, Kind::Vphw50 | Kind::Vphw51 | Kind::Vfvo50 | Kind::Vfvo56);
    of.all(name).find(|information| is_graded && is_of_cities(information)).or_else(|| of.all(name).next())
}

fn is_of_cities(information: &Element) -> bool {
    let has_cities = |item: Element| item.all("Areas").any(|areas| areas.has_attribute("codeType", scheme::CITIES));
    information.all("Item").any(has_cities)
}

/// What a kind is called. That of VPBS50 is a tag, which stands in its condition.
fn named(kind: &Element) -> Result<String, FormatError> {
    let name = line(&kind.required("Name")?);
    if name == TAG { Ok(line(&kind.required("Condition")?)) } else { Ok(name) }
}

/// The first code of an item.
fn code_of(item: &Element) -> Result<Option<String>, FormatError> {
    for list in item.all("Areas") {
        if let Some(area) = list.all("Area").next() {
            return Ok(Some(line(&area.required("Code")?)));
        }
    }
    Ok(None)
}

/// 氾濫注意情報解除, 解除, なし and 噴火予報 (level 1): over, or never on. 氾濫注意情報（警戒情報解除） is on, and less than before.
fn is_off(name: &str) -> bool {
    name.ends_with("解除") || name == "なし" || name.starts_with("噴火予報")
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
        () if begins("噴火警報") => (Urgency::Immediate, Severity::Extreme, Certainty::Likely),
        () if begins("火口周辺警報") || begins("周辺海域警報") => {
            (Urgency::Expected, Severity::Severe, Certainty::Likely)
        }
        () if begins("噴火したもよう") => (Urgency::Immediate, Severity::Severe, Certainty::Likely),
        () if begins("噴火") => (Urgency::Immediate, Severity::Severe, Certainty::Observed),
        () if begins("竜巻注意情報") => (Urgency::Immediate, Severity::Moderate, Certainty::Possible),
        () if begins("線状降水帯") || begins("記録雨") || begins("短時間大雪") => {
            (Urgency::Immediate, Severity::Severe, Certainty::Observed)
        }
        () if begins("記録的短時間大雨") => (Urgency::Immediate, Severity::Severe, Certainty::Observed),
        () => (Urgency::Unknown, Severity::Unknown, Certainty::Unknown),
    }
}

fn told_of(item: &Element, name: &str, head: &Head, until: Option<Timestamp>) -> Result<Option<Told>, FormatError> {
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
    let mut told = Told::new(head.kind.category(), name, grades(name), Ground::Areas(areas));
    told.info.texts = head.texts.clone();
    told.info.expires = until;
    told.areas = written;
    Ok(Some(told))
}

#[cfg(test)]
mod tests {
    use crate::domain::{Alert, Body, Category, Ground, Severity};
    use crate::format::read;

    /// A telegram whose headline tells of a prefecture and of one municipality.
    fn telegram(title: &str, event: &str, kind: &str, body: &str) -> Alert {
        let part = |list: &str, code: &str| {
            format!(
                r#"<Information type="t"><Item><Kind><Name>{kind}</Name><Code>1</Code></Kind><Areas codeType="{list}">
                <Area><Name>a</Name><Code>{code}</Code></Area></Areas></Item></Information>"#
            )
        };
        let text = format!(
            r#"<Report xmlns="http://xml.kishou.go.jp/jmaxml1/"><Control><Title>{title}</Title><Status>通常</Status>
            <PublishingOffice>o</PublishingOffice></Control>
            <Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>t</Title>
            <ReportDateTime>2026-07-17T09:21:00+09:00</ReportDateTime>
            <ValidDateTime>2026-07-17T10:30:00+09:00</ValidDateTime><EventID>{event}</EventID><InfoType>発表</InfoType>
            <Serial/><Headline><Text>h</Text>{}{}</Headline></Head>
            <Body xmlns="http://xml.kishou.go.jp/jmaxml1/body/volcanology1/">{body}</Body></Report>"#,
            part("気象情報／府県予報区・細分区域等", "110000"),
            part("気象・地震・火山情報／市町村等", "1110000"),
        );
        read(text.as_bytes(), None).expect("it can be read").alert
    }

    fn codes(alert: &Alert) -> Vec<String> {
        let Ground::Areas(areas) = &alert.body.infos()[0].ground else { panic!("{alert:?}") };
        areas.iter().flat_map(|area| &area.geocodes).map(|code| code.code.to_string()).collect()
    }

    #[test]
    fn a_tornado_is_told_to_municipalities_for_as_long_as_it_may_come() {
        let alert = telegram("竜巻注意情報", "", "竜巻注意情報", "");
        let info = &alert.body.infos()[0];
        assert_eq!((codes(&alert), info.severity), (vec!["1110000".to_owned()], Severity::Moderate));
        assert_eq!(info.expires.expect("an end").to_string(), "2026-07-17T01:30:00Z");
        // It has no event of its own, and must not be taken for that of another prefecture.
        assert_eq!(alert.subject.event.expect("an event").key, "11");
    }

    #[test]
    fn a_volcano_s_warning_is_an_update_of_its_level_and_a_forecast_ends_it() {
        let warning = telegram("噴火警報・予報", "315", "噴火警報", "");
        let Body::Update(infos) = &warning.body else { panic!("{warning:?}") };
        assert_eq!((infos[0].severity, &*infos[0].categories), (Severity::Extreme, &[Category::Geo][..]));
        assert!(infos[0].expires.is_none());
        assert_eq!(codes(&warning), ["1110000"]);
        for over in ["噴火予報：警報解除", "噴火予報"] {
            let alert = telegram("噴火警報・予報", "315", over, "");
            assert!(matches!(alert.body, Body::Cancel(_)), "{alert:?}");
        }
    }

    #[test]
    fn an_eruption_names_its_municipalities_in_the_body() {
        let part = |list: &str, code: &str| {
            format!(
                r#"<VolcanoInfo><Item><Kind><Name>噴火</Name><Code>52</Code></Kind><Areas codeType="{list}"><Area>
                <Name>a</Name><Code>{code}</Code></Area></Areas></Item></VolcanoInfo>"#
            )
        };
        let body = part("火山名", "312") + &part("気象・地震・火山情報／市町村等", "2042900");
        let alert = telegram("噴火速報", "20140927120000_312", "噴火", &body);
        assert!(matches!(alert.body, Body::Issue(_)), "{alert:?}");
        assert_eq!((codes(&alert), alert.body.infos()[0].severity), (vec!["2042900".to_owned()], Severity::Severe));
    }
}
