//! The JSON of MeteoAlarm's feeds (EUMETNET): `warnings`, each with an `alert` that has CAP's names. Most have areas by
//! codes alone (`EMMA_ID`); the list of regions that the same service gives holds no alert.

use super::content::Content;
use super::json::Field;
use super::{Format, FormatError, Limits, Message, cap};

/// MeteoAlarm's JSON.
pub(super) struct MeteoAlarm;

const FORMAT: &str = "MeteoAlarm JSON";

impl Format for MeteoAlarm {
    fn is_of(&self, content: &Content) -> bool {
        let Content::Json(value) = content else { return false };
        let is_warning = |first: &serde_json::Value| first["alert"].is_object();
        let is_region = |first: &serde_json::Value| first["code"].is_string() && first["name"].is_string();
        let all = |name: &str, is: &dyn Fn(&serde_json::Value) -> bool| {
            value[name].as_array().is_some_and(|list| list.first().is_none_or(is))
        };
        all("warnings", &is_warning) || all("regions", &is_region)
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        let root = Field::root(value, limits);
        let each = |warning: Field| {
            let outline = warning.required("alert").and_then(|alert| cap::of_json(FORMAT, &alert, limits));
            Message { place: warning.path.to_string(), outline }
        };
        Ok(root.items("warnings").map(each).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Body;
    use crate::format::{FormatError, messages};

    const ALERT: &str = r#"{"identifier": "a", "sender": "dwd", "sent": "2026-04-20T08:55:00+02:00",
        "status": "Actual", "msgType": "Update", "scope": "Public", "code": ["MCP:v2.0"],
        "references": "dwd,b,2026-04-20T07:00:00+02:00",
        "info": [{"language": "de-DE", "category": ["Met"], "event": "FROST", "responseType": ["Prepare"],
          "urgency": "Immediate", "severity": "Minor", "certainty": "Likely", "onset": "2026-04-21T00:00:00+02:00",
          "parameter": [{"value": "2; yellow; Moderate", "valueName": "awareness_level"}],
          "area": [{"areaDesc": "Kreis", "altitude": 0.0, "ceiling": 9842.5197,
            "polygon": ["48,9 48,10 49,10 48,9"], "geocode": {"valueName": "EMMA_ID", "value": "DE241"}}]}]}"#;

    #[test]
    fn each_warning_is_an_alert_in_cap_s_names() {
        let feed = format!(r#"{{"warnings": [{{"alert": {ALERT}, "uuid": "x"}}, {{"alert": {{}}}}]}}"#);
        let found = messages(feed.as_bytes(), None).expect("it can be read");
        let outline = found[0].outline.as_ref().expect("it can be read");
        assert_eq!(outline.refusals, []);
        let alert = outline.alert.as_ref().expect("it is in order");
        let Body::Update(infos) = &alert.body else { panic!("{alert:?}") };
        let crate::domain::Ground::Areas(areas) = &infos[0].ground else { panic!("{alert:?}") };
        assert_eq!((areas[0].polygons.len(), areas[0].altitude_ft), (1, Some((0.0, Some(9_842.519_7)))));
        assert_eq!((areas[0].geocodes[0].scheme.as_str(), areas[0].geocodes[0].code.as_str()), ("EMMA_ID", "DE241"));
        let onset = infos[0].onset.expect("an onset").to_string();
        assert_eq!((found[0].place.as_str(), onset.as_str()), ("warnings[0]", "2026-04-20T22:00:00Z"));
        let missing = FormatError::Missing { field: "warnings[1].alert.identifier".to_owned() };
        assert_eq!(found[1].outline.as_ref().expect_err("nothing in it"), &missing);
    }

    #[test]
    fn a_list_of_regions_holds_no_alert() {
        let regions = br#"{"regions": [{"code": "DE100", "name": "Schleswig-Holstein"}]}"#;
        assert!(messages(regions, None).expect("it can be read").is_empty());
        assert!(messages(br#"{"warnings": []}"#, None).expect("it can be read").is_empty());
    }
}
