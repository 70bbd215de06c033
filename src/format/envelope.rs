//! CAP in envelopes: in the entries of an Atom or RSS feed (RFC 4287, RSS 2.0), in an EDXL-DE distribution (OASIS EDXL
//! Distribution Element 1.0 and 2.0), and in lists that services make up for themselves, which have alerts as children
//! of their root.
//!
//! An entry that only summarises an alert and says where it is to be fetched is none: what it leaves out would have to
//! be guessed. A feed of nothing else is an index, and refused as such.

use roxmltree::Node;

use super::content::Content;
use super::error::excerpt;
use super::path::Path;
use super::xml::Element;
use super::{Format, FormatError, Limits, Message, Outline, Written, cap};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const EDXL: &str = "urn:oasis:names:tc:emergency:EDXL:DE:";

/// Elements in which an alert may lie, and whether there may be several of them beside one another.
const CARRIERS: [(&str, bool); 8] = [
    ("entry", true),
    ("channel", false),
    ("item", true),
    ("content", false),
    ("contentObject", true),
    ("xmlContent", false),
    ("contentXML", false),
    ("embeddedXMLContent", true),
];

/// What a distribution says of the secrecy of what may be told to everybody; the first is the standard's default.
const OPEN: [&str; 2] = ["UNCLASSIFIED AND NOT SENSITIVE", "UNCLASSIFIED"];

/// CAP in something else.
pub(super) struct Envelope;

impl Format for Envelope {
    fn is_of(&self, content: &Content) -> bool {
        is_envelope(content)
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Xml(root) = content else { return Err(content.unknown()) };
        let mut messages = Vec::new();
        each_alert(*root, Path::ROOT, &mut |alert, place| {
            messages.push(Message { place: place.to_string(), outline: cap::alert(alert, place, limits) });
        });
        if is_distribution(*root) {
            let namespace = root.tag_name().namespace().unwrap_or_default();
            let distribution = Element::root(*root, namespace, limits);
            for outline in messages.iter_mut().filter_map(|message| message.outline.as_mut().ok()) {
                obey(&distribution, outline)?;
            }
        }
        let entries = root.descendants().filter(|node| ["entry", "item"].contains(&node.tag_name().name())).count();
        if messages.is_empty() && is_feed(*root) && entries > 0 {
            return Err(FormatError::Index { entries });
        }
        Ok(messages)
    }
}

/// Whether CAP may lie in this.
pub(super) fn is_envelope(content: &Content) -> bool {
    let Content::Xml(root) = content else { return false };
    is_feed(*root) || is_distribution(*root) || root.children().any(|child| cap::version(child).is_some())
}

fn is_feed(root: Node) -> bool {
    let tag = root.tag_name();
    match tag.namespace() {
        Some(ATOM) => ["feed", "entry"].contains(&tag.name()),
        None => tag.name() == "rss",
        _ => false,
    }
}

fn is_distribution(root: Node) -> bool {
    let tag = root.tag_name();
    tag.name() == "EDXLDistribution" && tag.namespace().is_some_and(|namespace| namespace.starts_with(EDXL))
}

/// Visits every alert in an element with its place, in order. The parser has bounded how deep they may lie. A place is
/// that of one alert, by the counting of [`parts`](super::parts): else what is cut out for one would be another.
pub(super) fn each_alert<'d>(element: Node<'d, 'd>, path: Path, visit: &mut dyn FnMut(Node<'d, 'd>, Path)) {
    let named = |name: &'static str| {
        element.children().filter(move |child| child.is_element() && child.tag_name().name() == name).enumerate()
    };
    let alerts = named("alert").filter(|(_, child)| cap::version(*child).is_some());
    let alone = alerts.clone().count() == 1 && element.parent_element().is_some();
    for (index, alert) in alerts {
        visit(alert, if alone { path } else { path.item("alert", index) });
    }
    for (name, several) in CARRIERS {
        let several = several || named(name).nth(1).is_some();
        for (index, carrier) in named(name) {
            each_alert(carrier, if several { path.item(name, index) } else { path.field(name) }, visit);
        }
    }
}

/// A distribution that is an exercise, a cancellation or secret makes no real, first or public alert of what is in it:
/// which of the two is meant cannot be known.
fn obey(distribution: &Element, outline: &mut Outline) -> Result<(), FormatError> {
    let Written { status, msg_type, scope, .. } = &outline.written;
    let mut contradict = |field: &'static str, found: &str, alert: &str| {
        let (field, envelope) = (distribution.path.field(field).to_string(), excerpt(found));
        outline.alert = Err(FormatError::Contradiction { field, envelope, alert: alert.to_owned() });
    };
    if let Some(secrecy) = distribution.text("combinedConfidentiality")?
        && scope == "Public"
        && !OPEN.iter().any(|open| secrecy.eq_ignore_ascii_case(open))
    {
        contradict("combinedConfidentiality", &secrecy, scope);
    }
    if let Some(kind) = distribution.text("distributionType")?
        && ["Cancel", "Ack", "Error"].contains(&&*kind)
        && kind != *msg_type
    {
        contradict("distributionType", &kind, msg_type);
    }
    let stated = distribution.required("distributionStatus")?;
    if status == "Actual" && stated != "Actual" {
        contradict("distributionStatus", &stated, status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::format::{FormatError, messages, outline};

    fn alert(identifier: &str) -> String {
        format!(
            "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'><identifier>{identifier}</identifier>\
             <sender>b</sender><sent>2024-11-02T12:00:00-00:00</sent><status>Actual</status><msgType>Alert</msgType>\
             <scope>Public</scope><info><category>Met</category><event>Storm</event><urgency>Past</urgency>\
             <severity>Minor</severity></info></alert>"
        )
    }

    /// Place and identifier of each message, and the field of what was refused.
    fn found(text: &str) -> Vec<(String, String)> {
        let found = messages(text.as_bytes(), None).expect("it can be read");
        let outline = |outline: Result<crate::format::Outline, FormatError>| match outline {
            Ok(outline) => match outline.alert {
                Ok(alert) => alert.id.identifier.as_str().to_owned(),
                Err(error) => error.field().to_owned(),
            },
            Err(error) => error.field().to_owned(),
        };
        found.into_iter().map(|message| (message.place, outline(message.outline))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(place, what)| ((*place).to_owned(), (*what).to_owned())).collect()
    }

    #[test]
    fn each_alert_of_a_feed_is_a_message_with_its_place() {
        let (a, b, c, d) = (alert("a"), alert("b"), alert("c"), alert("d").replace("<event>Storm</event>", ""));
        let feed = format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>an index's</title></entry>\
             <entry><content type='text/xml'>{a}</content></entry><entry><content>{b}{c}</content></entry>\
             <entry><content>{d}</content></entry></feed>"
        );
        let places = [
            ("entry[1].content", "a"),
            ("entry[2].content.alert[0]", "b"),
            ("entry[2].content.alert[1]", "c"),
            ("entry[3].content", "entry[3].content.info[0].event"),
        ];
        assert_eq!(found(&feed), pairs(&places));
        let rss = format!("<rss><channel><item>{a}</item><item/></channel></rss>");
        assert_eq!(found(&rss), pairs(&[("channel.item[0]", "a")]));
        let list = format!("<alerts>{a}<note/>{b}</alerts>");
        assert_eq!(found(&list), pairs(&[("alert[0]", "a"), ("alert[1]", "b")]));
    }

    #[test]
    fn an_index_is_told_with_the_number_of_its_entries() {
        let index = "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:cap='urn:oasis:names:tc:emergency:cap:1.2'>\
                     <entry><cap:identifier>a</cap:identifier></entry><entry/></feed>";
        assert_eq!(messages(index.as_bytes(), None).expect_err("an index"), FormatError::Index { entries: 2 });
        assert_eq!(found("<feed xmlns='http://www.w3.org/2005/Atom'/>"), pairs(&[]));
        assert!(matches!(messages(b"<alerts><alert/></alerts>", None), Err(FormatError::UnknownRoot { .. })));
    }

    #[test]
    fn an_alert_is_never_more_than_its_distribution() {
        let distribution = |status: &str, kind: &str, secrecy: &str| {
            format!(
                "<EDXLDistribution xmlns='urn:oasis:names:tc:emergency:EDXL:DE:1.0'>\
                 <distributionStatus>{status}</distributionStatus><distributionType>{kind}</distributionType>\
                 <combinedConfidentiality>{secrecy}</combinedConfidentiality><contentObject><xmlContent>\
                 <embeddedXMLContent>{}</embeddedXMLContent></xmlContent></contentObject></EDXLDistribution>",
                alert("a")
            )
        };
        let place = "contentObject[0].xmlContent.embeddedXMLContent[0]";
        let of = |status, kind, secrecy| found(&distribution(status, kind, secrecy));
        assert_eq!(of("Actual", "Report", "UNCLASSIFIED AND NOT SENSITIVE"), pairs(&[(place, "a")]));
        assert_eq!(of("Actual", "Update", "Unclassified"), pairs(&[(place, "a")]));
        for (status, kind, secrecy, field) in [
            ("Exercise", "Report", "UNCLASSIFIED", "distributionStatus"),
            ("Actual", "Cancel", "UNCLASSIFIED", "distributionType"),
            ("Actual", "Report", "UNCLASSIFIED BUT SENSITIVE", "combinedConfidentiality"),
        ] {
            assert_eq!(of(status, kind, secrecy), pairs(&[(place, field)]));
        }
        let exercise = distribution("Exercise", "Report", "").replace(">Actual</status>", ">Exercise</status>");
        assert_eq!(found(&exercise), pairs(&[(place, "a")]));
        let silent = distribution("", "Report", "");
        let missing = FormatError::Missing { field: "distributionStatus".to_owned() };
        assert_eq!(outline(silent.as_bytes(), None).expect_err("no status"), missing);
    }
}
