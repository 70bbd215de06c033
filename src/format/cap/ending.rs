//! What is written as an alert or an update, and says that there is nothing to warn of any more.
//!
//! Issuers have words of their own for it, beside CAP's `Cancel` (formats.md, 1.3, 3.2, 3.3 and 3.6). A message of
//! which every info says so ends what it refers to; where only some do, it goes on without them, so that those whom
//! they told before are outside of it.

use std::fmt;

use crate::domain::{Info, NamedValue, ResponseType, Urgency};
use crate::format::path::Path;
use crate::format::{FormatError, Unusable};

use super::Reader;
use super::term::MessageType;

/// How MeteoAlarm's members grade: `2; yellow; Moderate`. Level 1, green, is no warning.
const AWARENESS: &str = "awareness_level";
/// How GDACS grades: Green, Orange, Red.
const GDACS: &str = "alertlevel";
/// Whether an alert of Environment Canada holds in an info's areas; the newer layer goes before the older.
const CANADA: [&str; 2] = ["layer:EC-MSC-SMC:1.1:Alert_Location_Status", "layer:EC-MSC-SMC:1.0:Alert_Location_Status"];
/// What kind of message one of the tsunami centres is.
const TSUNAMI: &str = "TsunamiSystemCategory";

/// Why an info is no warning.
struct Ending<'i> {
    /// The name and the value that say so.
    name: &'static str,
    value: &'i str,
    /// Whether people are to be told of it even if it ends no message: its issuer has written it for them.
    is_news: bool,
}

/// What a message does, and what of it is still on.
pub(in crate::format) fn still_on(
    reader: &mut Reader,
    alert: &Path,
    message_type: MessageType,
    refers: bool,
    mut infos: Vec<Info>,
) -> Result<(MessageType, Vec<Info>), FormatError> {
    if !matches!(message_type, MessageType::Alert | MessageType::Update) {
        return Ok((message_type, infos));
    }
    let endings: Vec<_> = infos.iter().map(|info| ending(info).filter(|ending| refers || !ending.is_news)).collect();
    let Some(first) = endings.iter().flatten().next() else { return Ok((message_type, infos)) };
    let is_over = endings.iter().all(Option::is_some);
    if is_over && !refers {
        let field = alert.field("info").to_string();
        return Err(FormatError::NoWarning { field, value: first.to_string() });
    }
    for (index, ending) in endings.iter().enumerate() {
        if let Some(ending) = ending {
            reader.refuse(&alert.item("info", index), Unusable::Over(ending.to_string()));
        }
    }
    if is_over {
        return Ok((MessageType::Cancel, infos));
    }
    let mut on = endings.iter().map(Option::is_none).collect::<Vec<_>>().into_iter();
    infos.retain(|_| on.next().unwrap_or(true));
    Ok((message_type, infos))
}

fn ending(info: &Info) -> Option<Ending<'_>> {
    let awareness = value(&info.parameters, AWARENESS);
    if let Some(value) = awareness.filter(|value| level(value) == Some("1")) {
        return Some(Ending { name: AWARENESS, value, is_news: false });
    }
    if let Some(value) = value(&info.parameters, GDACS).filter(|value| value.eq_ignore_ascii_case("green")) {
        return Some(Ending { name: GDACS, value, is_news: false });
    }
    let status = CANADA.into_iter().find_map(|name| Some((name, value(&info.parameters, name)?)));
    if let Some((name, value)) = status.filter(|(_, value)| value.eq_ignore_ascii_case("ended")) {
        return Some(Ending { name, value, is_news: false });
    }
    let category = value(&info.event_codes, TSUNAMI).or_else(|| value(&info.parameters, TSUNAMI));
    if let Some(value) = category.filter(|value| value.eq_ignore_ascii_case("cancellation")) {
        return Some(Ending { name: TSUNAMI, value, is_news: false });
    }
    // Some write AllClear while they warn: a yellow level that is still to come (`france_sample_detail.xml`).
    let is_past = matches!(info.urgency, Urgency::Past | Urgency::Unknown) && awareness.is_none();
    let is_clear = is_past && info.response_types.contains(&ResponseType::AllClear);
    is_clear.then_some(Ending { name: "responseType", value: "AllClear", is_news: true })
}

fn value<'i>(of: &'i [NamedValue], name: &str) -> Option<&'i str> {
    of.iter().find(|named| named.name.eq_ignore_ascii_case(name)).map(|named| named.value.trim())
}

/// The number of `2; yellow; Moderate`.
fn level(text: &str) -> Option<&str> {
    text.split(';').next().map(str::trim)
}

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, crate::format::error::excerpt(self.value))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Body;
    use crate::format::{FormatError, Read, Unusable, read};

    const REFERENCES: &str = "<references>s,a,2026-01-01T00:00:00-00:00</references>";

    fn info(urgency: &str, response: &str, named: &str) -> String {
        format!(
            "<info><category>Met</category><event>e</event><responseType>{response}</responseType>
             <urgency>{urgency}</urgency><severity>Minor</severity><certainty>Likely</certainty>{named}
             <area><areaDesc>d</areaDesc><circle>1,1 5</circle></area></info>"
        )
    }

    fn parameter(name: &str, value: &str) -> String {
        format!("<parameter><valueName>{name}</valueName><value>{value}</value></parameter>")
    }

    fn alert(message_type: &str, references: &str, infos: &str) -> Result<Read, FormatError> {
        let text = format!(
            r#"<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>b</identifier><sender>s</sender>
            <sent>2026-01-01T01:00:00-00:00</sent><status>Actual</status><msgType>{message_type}</msgType>
            <scope>Public</scope>{references}{infos}</alert>"#
        );
        read(text.as_bytes(), None)
    }

    fn endings() -> Vec<String> {
        let tsunami = "<eventCode><valueName>TsunamiSystemCategory</valueName><value>Cancellation</value></eventCode>";
        vec![
            info("Immediate", "Monitor", &parameter("awareness_level", "1; green; Minor")),
            info("Unknown", "Monitor", &parameter("alertlevel", "Green")),
            info("Past", "Monitor", &parameter("layer:EC-MSC-SMC:1.1:Alert_Location_Status", "ended")),
            info("Unknown", "None", tsunami),
        ]
    }

    #[test]
    fn an_update_that_says_it_is_over_cancels_and_a_first_message_that_says_so_warns_nobody() {
        for over in endings() {
            let read = alert("Update", REFERENCES, &over).expect("it can be read");
            assert!(matches!(read.alert.body, Body::Cancel(_)), "{over}");
            assert!(matches!(read.refusals[0].reason, Unusable::Over(_)), "{over}");
            let alone = alert("Alert", "", &over);
            assert!(
                matches!(&alone, Err(FormatError::NoWarning { field, .. }) if field.ends_with("info")),
                "{alone:?}"
            );
        }
    }

    #[test]
    fn an_update_goes_on_without_the_infos_that_are_over() {
        for over in endings() {
            let infos = over + &info("Expected", "Monitor", &parameter("awareness_level", "3; orange; Severe"));
            let read = alert("Update", REFERENCES, &infos).expect("it can be read");
            let Body::Update(infos) = &read.alert.body else { panic!("{read:?}") };
            assert_eq!((infos.len(), infos[0].parameters[0].value.as_str()), (1, "3; orange; Severe"));
            assert_eq!(read.refusals[0].field, "info[0]");
        }
    }

    #[test]
    fn all_clear_ends_what_it_refers_to_unless_the_message_warns() {
        let clear = info("Past", "AllClear", "");
        assert!(matches!(alert("Update", REFERENCES, &clear).expect("read").alert.body, Body::Cancel(_)));
        // Its issuer wants people to hear it, though there is no message that it ends.
        assert!(matches!(alert("Alert", "", &clear).expect("read").alert.body, Body::Issue(_)));
        let yellow = parameter("awareness_level", "2; yellow; Moderate");
        for warns in [info("Future", "AllClear", ""), info("Past", "AllClear", &yellow)] {
            assert!(matches!(alert("Update", REFERENCES, &warns).expect("read").alert.body, Body::Update(_)));
        }
    }
}
