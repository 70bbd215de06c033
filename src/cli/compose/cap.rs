//! An alert as CAP 1.2 (section 3.2), its elements in the order of the schema.

use std::fmt::Write;

use crate::domain::Timestamp;

use super::template::{Ground, Template};

/// What names a message and says what it does.
#[derive(Debug, Clone)]
pub(super) struct Head<'a> {
    pub(super) identifier: &'a str,
    pub(super) sender: &'a str,
    pub(super) sender_name: &'a str,
    pub(super) sent: Timestamp,
    pub(super) status: &'a str,
    pub(super) act: super::Act,
    pub(super) references: Option<&'a str>,
    pub(super) expires: Timestamp,
}

/// The message.
pub(super) fn write(head: &Head<'_>, filled: &Template, area: &Ground) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\n",
    );
    put(&mut xml, 1, "identifier", head.identifier);
    put(&mut xml, 1, "sender", head.sender);
    put(&mut xml, 1, "sent", &time(head.sent));
    put(&mut xml, 1, "status", head.status);
    put(&mut xml, 1, "msgType", head.act.name());
    put(&mut xml, 1, "scope", "Public");
    put(&mut xml, 1, "references", head.references.unwrap_or_default());
    for texts in &filled.info {
        xml += "  <info>\n";
        put(&mut xml, 2, "language", &texts.language);
        filled.categories.iter().for_each(|category| put(&mut xml, 2, "category", category));
        put(&mut xml, 2, "event", &texts.event);
        put(&mut xml, 2, "urgency", &filled.urgency);
        put(&mut xml, 2, "severity", &filled.severity);
        put(&mut xml, 2, "certainty", &filled.certainty);
        put(&mut xml, 2, "expires", &time(head.expires));
        put(&mut xml, 2, "senderName", head.sender_name);
        put(&mut xml, 2, "headline", head.act.headline(texts));
        if head.act != super::Act::Cancel {
            put(&mut xml, 2, "description", &texts.description);
            put(&mut xml, 2, "instruction", &texts.instruction);
        }
        ground(&mut xml, area);
        xml += "  </info>\n";
    }
    xml + "</alert>\n"
}

fn ground(xml: &mut String, area: &Ground) {
    if area.is_empty() {
        return;
    }
    *xml += "    <area>\n";
    put(xml, 3, "areaDesc", &area.description);
    area.polygons.iter().for_each(|polygon| put(xml, 3, "polygon", polygon));
    area.circles.iter().for_each(|circle| put(xml, 3, "circle", circle));
    for [name, value] in &area.geocodes {
        *xml += "      <geocode>\n";
        put(xml, 4, "valueName", name);
        put(xml, 4, "value", value);
        *xml += "      </geocode>\n";
    }
    *xml += "    </area>\n";
}

/// An element with a text; nothing where the text is empty.
fn put(xml: &mut String, depth: usize, name: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let _ = write!(xml, "{:indent$}<{name}>", "", indent = 2 * depth);
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            // XML 1.0 has no other control characters (section 2.2).
            c if c.is_control() && c != '\n' => {}
            c => xml.push(c),
        }
    }
    let _ = writeln!(xml, "</{name}>");
}

/// CAP's `dateTime`: whole seconds and an offset, never `Z` (section 3.3.2).
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S-00:00").to_string()
}
