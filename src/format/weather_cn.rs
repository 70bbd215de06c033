//! China's warning signals as weather.cn shows them, from the National Early Warning Centre (12379): one object that a
//! script assigns to a variable, `var alarminfo={...};`. Times are China's, without saying so (UTC+8 all year).
//!
//! The grade is a colour, and nothing else is graded: blue, yellow, orange, red from Minor to Extreme. No ground is
//! given: it is that of the office that warns, whose code begins with its district's (GB/T 2260), as the CAP alerts of
//! the same offices write it.

use crate::domain::{
    Alert, AlertId, AlertRef, AlertScope, Area, Category, Certainty, Geocode, Ground, Identifier, Info, InfoTexts,
    Language, Mode, NamedValue, NonEmpty, Sender, Severity, Subject, Timestamp, Urgency,
};

use super::cap;
use super::content::Content;
use super::error::excerpt;
use super::json::Field;
use super::text::{line, plain};
use super::{Format, FormatError, Limits, Message, Outline, TimeFault, Written, WrittenArea, WrittenInfo};

/// Warning signals of weather.cn.
pub(super) struct WeatherCn;

const FORMAT: &str = "weather.cn JSON";
const ZONE: &str = "+08:00";
const SCHEME: &str = "CPEAS Geographic Code";

/// What stands beside the texts, and is kept by its own name.
const KEPT: [&str; 7] = ["TYPECODE", "LEVELCODE", "SIGNALLEVEL", "PROVINCE", "CITY", "STATIONNAME", "EFFECT"];

/// Colours and levels by their first signs; of `LEVELCODE` 01 and 02 have been seen.
const GRADES: [(&str, &str, Severity); 4] = [
    ("蓝", "01", Severity::Minor),
    ("黄", "02", Severity::Moderate),
    ("橙", "03", Severity::Severe),
    ("红", "04", Severity::Extreme),
];

impl Format for WeatherCn {
    fn is_of(&self, content: &Content) -> bool {
        let Content::Json(value) = content else { return false };
        ["ALERTID", "ISSUETIME", "SIGNALTYPE", "identifier"].iter().all(|name| value[*name].is_string())
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        Ok(vec![Message::whole(alert(&Field::root(value, limits)))])
    }
}

fn alert(root: &Field) -> Result<Outline, FormatError> {
    let identifier = root.required_text("identifier")?;
    let (office, _) = parts(&identifier).ok_or_else(|| unknown(root, "identifier", &identifier))?;
    let id = name(root, "identifier", &identifier)?;
    let issued = root.required_text("ISSUETIME")?;
    let id = AlertId { sent: instant(root, "ISSUETIME", &issued)?, ..id };
    let kind = root.required_text("msgType")?;
    let message_type = cap::message_type(&kind).ok_or_else(|| unknown(root, "msgType", &kind))?;
    // A first message refers to itself.
    let refers = root.text("references")?.filter(|other| *other != identifier);
    let references = match &refers {
        Some(other) => vec![AlertRef { id: name(root, "references", other)? }],
        None => Vec::new(),
    };
    let (info, told) = info(root, office)?;
    let written = Written {
        format: FORMAT,
        identifier: identifier.to_string(),
        sender: office.to_owned(),
        sent: issued.to_string(),
        msg_type: kind.to_string(),
        status: "Actual".to_owned(),
        scope: "Public".to_owned(),
        references: refers.iter().map(ToString::to_string).collect(),
        infos: vec![told],
        ..Written::default()
    };
    let subject = Subject { references, ..Subject::default() };
    let body = cap::body(message_type, &subject, vec![info]);
    let (mode, scope, codes, note) = (Mode::Actual, AlertScope::Public, Vec::new(), None);
    let alert = body.map(|body| Alert { id, mode, subject, scope, codes, note, body });
    Ok(Outline { written: written.with_totals(), alert, refusals: Vec::new() })
}

/// The office's code of 14 digits and the local time, `65402641600000_20261006212927`.
fn parts(identifier: &str) -> Option<(&str, &str)> {
    let (office, time) = identifier.split_once('_')?;
    let digits = |text: &str| text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(office) && digits(time)).then_some((office, time))
}

/// An alert by its identifier alone, which tells by whom and when.
fn name(root: &Field, field: &'static str, identifier: &str) -> Result<AlertId, FormatError> {
    let (office, time) = parts(identifier).ok_or_else(|| unknown(root, field, identifier))?;
    let invalid = |source| FormatError::Name { field: root.path.field(field).to_string(), source };
    let (sender, identifier) = (Sender::new(office).map_err(invalid)?, Identifier::new(identifier).map_err(invalid)?);
    let at = |from: usize, to: usize| time.get(from..to).unwrap_or_default();
    let local = [at(0, 4), "-", at(4, 6), "-", at(6, 8), " ", at(8, 10), ":", at(10, 12), ":", at(12, 14)].concat();
    Ok(AlertId { sender, identifier, sent: instant(root, field, &local)? })
}

/// `2026-10-06 21:29:27` in China.
fn instant(root: &Field, field: &'static str, local: &str) -> Result<Timestamp, FormatError> {
    let text = local.replacen(' ', "T", 1) + ZONE;
    cap::exact(&text).map_err(|_| FormatError::Time {
        field: root.path.field(field).to_string(),
        value: excerpt(local),
        source: TimeFault::NotATime,
    })
}

fn info(root: &Field, office: &str) -> Result<(Info, WrittenInfo), FormatError> {
    let severity = severity(root)?;
    let event = line(&root.required_text("SIGNALTYPE")?);
    let relieved = root.text("RELIEVETIME")?;
    let expires = relieved.as_deref().map(|local| instant(root, "RELIEVETIME", local)).transpose()?;
    let mut parameters = Vec::new();
    for name in KEPT {
        if let Some(value) = root.text(name)? {
            parameters.push(NamedValue { name: name.into(), value: line(&value) });
        }
    }
    let mut description = String::new();
    for name in ["PROVINCE", "CITY", "STATIONNAME"] {
        description += &root.text(name)?.map(|text| line(&text)).unwrap_or_default();
    }
    let district = office.get(..6).unwrap_or_default();
    let geocodes = vec![Geocode { scheme: SCHEME.into(), code: format!("{district}000000").into() }];
    let area = Area { description: description.clone(), geocodes, ..Area::default() };
    let told = WrittenInfo {
        language: "zh-CN".to_owned(),
        event: event.clone(),
        urgency: Urgency::Unknown.as_str().to_owned(),
        severity: severity.as_str().to_owned(),
        certainty: Certainty::Unknown.as_str().to_owned(),
        expires: relieved.map(|text| excerpt(&text)),
        areas: vec![WrittenArea { description, ..WrittenArea::default() }],
    };
    let text = |name| Ok::<_, FormatError>(root.text(name)?.map(|text| plain(&text)).filter(|text| !text.is_empty()));
    let texts = InfoTexts {
        headline: text("head")?.map(|head| line(&head)),
        description: text("ISSUECONTENT")?,
        ..InfoTexts::default()
    };
    let language = Language::parse("zh-CN").expect("it is a language tag");
    let info = Info {
        language,
        categories: vec![Category::Met],
        event,
        response_types: Vec::new(),
        urgency: Urgency::Unknown,
        severity,
        certainty: Certainty::Unknown,
        event_codes: Vec::new(),
        effective: None,
        onset: None,
        expires,
        texts,
        parameters,
        ground: Ground::Areas(NonEmpty::of(area)),
    };
    Ok((info, told))
}

/// By the colour's name, or by its code where there is no name.
fn severity(root: &Field) -> Result<Severity, FormatError> {
    if let Some(colour) = root.text("SIGNALLEVEL")? {
        let grade = GRADES.into_iter().find(|(sign, _, _)| colour.starts_with(sign));
        return grade.map(|(_, _, severity)| severity).ok_or_else(|| unknown(root, "SIGNALLEVEL", &colour));
    }
    let code = root.required_text("LEVELCODE")?;
    let grade = GRADES.into_iter().find(|(_, known, _)| *known == code);
    grade.map(|(_, _, severity)| severity).ok_or_else(|| unknown(root, "LEVELCODE", &code))
}

fn unknown(root: &Field, field: &'static str, value: &str) -> FormatError {
    FormatError::UnknownValue { field: root.path.field(field).to_string(), value: excerpt(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Body;
    use crate::format::{outline, read};

    const SIGNAL: &str = r#"var alarminfo={"head":"昭苏县发布雷电黄色预警信号","ALERTID":"202610062129514372雷电黄色",
        "PROVINCE":"新疆维吾尔自治区","CITY":"伊犁哈萨克自治州","STATIONNAME":"昭苏县","SIGNALTYPE":"雷电","SIGNALLEVEL":"黄色",
        "TYPECODE":"09","LEVELCODE":"02","ISSUETIME":"2026-10-06 21:29:27","ISSUECONTENT":"请注意防范。","UNDERWRITER":"",
        "RELIEVETIME":"2026-10-07 09:29:27","EFFECT":"101131007","msgType":"Alert",
        "identifier":"65402641600000_20261006212927","references":"65402641600000_20261006212927"};"#;

    #[test]
    fn a_signal_is_read_with_its_colour_its_district_and_chinese_time() {
        let alert = read(SIGNAL.as_bytes(), None).expect("it can be read").alert;
        assert_eq!(
            (alert.id.sender.as_str(), alert.id.sent.to_string().as_str()),
            ("65402641600000", "2026-10-06T13:29:27Z")
        );
        let Body::Issue(infos) = &alert.body else { panic!("{alert:?}") };
        let info = infos.first();
        assert_eq!((info.severity, info.event.as_str(), info.language.as_str()), (Severity::Moderate, "雷电", "zh-cn"));
        assert_eq!(info.expires.expect("an end").to_string(), "2026-10-07T01:29:27Z");
        let Ground::Areas(areas) = &info.ground else { panic!("{info:?}") };
        assert_eq!(areas[0].geocodes[0].code, "654026000000");
        assert_eq!(areas[0].description, "新疆维吾尔自治区伊犁哈萨克自治州昭苏县");
    }

    #[test]
    fn a_cancel_names_what_it_ends_and_what_cannot_be_known_is_refused() {
        let cancel = SIGNAL.replace("\"Alert\"", "\"Cancel\"");
        assert_eq!(outline(cancel.as_bytes(), None).expect("it can be read").alert, Err(FormatError::NoReferences));
        let other = cancel
            .replace("references\":\"65402641600000_20261006212927", "references\":\"65402641600000_20261006203000");
        let alert = read(other.as_bytes(), None).expect("it can be read").alert;
        assert_eq!(alert.subject.references[0].id.sent.to_string(), "2026-10-06T12:30:00Z");
        for (from, to, field) in [
            ("\"SIGNALLEVEL\":\"黄色", "\"SIGNALLEVEL\":\"白色", "SIGNALLEVEL"),
            ("2026-10-06 21", "06.10.2026 21", "ISSUETIME"),
            ("identifier\":\"65402641600000_", "identifier\":\"", "identifier"),
        ] {
            let wrong = SIGNAL.replace(from, to);
            assert_eq!(outline(wrong.as_bytes(), None).expect_err("refused").field(), field);
        }
    }
}
