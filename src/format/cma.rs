//! The China Meteorological Administration's alerts as JSON: an `AlertBody` that has CAP's names, with its `info`,
//! `area` and `geocode` alone where CAP may have several. Areas are codes (`CPEAS Geographic Code`), never polygons.

use super::content::Content;
use super::json::Field;
use super::{Format, FormatError, Limits, Message, cap};

/// An `AlertBody`.
pub(super) struct Cma;

const FORMAT: &str = "CMA JSON";
const BODY: &str = "AlertBody";

impl Format for Cma {
    fn is_of(&self, content: &Content) -> bool {
        matches!(content, Content::Json(value) if value[BODY].is_object())
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        let body = Field::root(value, limits);
        Ok(vec![Message::whole(cap::of_json(FORMAT, &body.required(BODY)?, limits))])
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Ground, Severity, Urgency};
    use crate::format::read;

    #[test]
    fn what_stands_alone_is_read_like_a_list_of_one() {
        let text = r#"{"AlertBody": {"identifier": "14022341600000_20221030174929", "sender": "Guangling",
            "sent": "2022-10-30T17:49:06+08:00", "status": "Actual", "msgType": "Alert", "scope": "Public",
            "info": {"language": "zh-CN", "category": "Met", "event": "大风", "urgency": "Unknown",
              "severity": "Minor", "certainty": "Unknown", "area": {"areaDesc": "广灵县",
              "geocode": {"valueName": "CPEAS Geographic Code", "value": 140223000000}}}}}"#;
        let read = read(text.as_bytes(), None).expect("it can be read");
        let info = &read.alert.body.infos()[0];
        assert_eq!((info.severity, info.urgency, info.event.as_str()), (Severity::Minor, Urgency::Unknown, "大风"));
        let Ground::Areas(areas) = &info.ground else { panic!("{info:?}") };
        assert_eq!((areas[0].description.as_str(), areas[0].geocodes[0].code.as_str()), ("广灵县", "140223000000"));
        assert_eq!((read.alert.id.sent.to_string().as_str(), read.refusals.len()), ("2022-10-30T09:49:06Z", 0));
    }
}
