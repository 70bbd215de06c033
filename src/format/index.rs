//! The index of a feed: entries of Atom (RFC 4287) or RSS 2.0 that say where an alert is to be fetched.
//!
//! What an entry says of the alert is for choosing which to fetch first, and nothing is ever alerted from it.

use roxmltree::Node;

use crate::domain::{Severity, Urgency};

use super::cap;
use super::content::Syntax;
use super::decode::decode;
use super::{FormatError, Limits, xml};

/// The longest id or address that is taken, bytes.
const LONGEST: usize = 2_048;

/// An entry that has no alert in it, and says where one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Where it stands: `entry[3]`.
    pub place: String,
    /// Its id; an entry that has none is known by its link.
    pub id: Option<String>,
    /// When it was last changed, as it is written.
    pub updated: String,
    /// Where the alert is, as it is written.
    pub link: String,
    /// How urgent it seems to be; higher first.
    pub rank: u8,
}

/// The entries of a feed that have no alert in them. None in anything that is no feed.
pub fn index(bytes: &[u8], media_type: Option<&str>) -> Result<Vec<IndexEntry>, FormatError> {
    let limits = Limits::default();
    if bytes.len() > limits.bytes {
        return Err(FormatError::TooLarge { bytes: bytes.len(), most: limits.bytes });
    }
    let (Syntax::Xml, charset) = Syntax::of(bytes, media_type)? else { return Ok(Vec::new()) };
    let text = decode(bytes, charset)?;
    let document = xml::parse(&text, &limits)?;
    let root = document.root_element();
    let (list, name, place) = match root.tag_name().name() {
        "feed" => (Some(root), "entry", "entry"),
        "rss" => (root.children().find(|child| child.tag_name().name() == "channel"), "item", "channel.item"),
        _ => return Ok(Vec::new()),
    };
    let entries = list.into_iter().flat_map(|list| list.children()).filter(|child| child.tag_name().name() == name);
    let mut found = Vec::new();
    for (position, entry) in entries.enumerate() {
        if entry.descendants().any(|node| cap::version(node).is_some()) {
            continue;
        }
        if found.len() >= limits.messages {
            let field = format!("{place}[{position}]");
            return Err(FormatError::TooMany { field, what: "entries", most: limits.messages });
        }
        found.extend(read(entry, format!("{place}[{position}]")));
    }
    Ok(found)
}

/// An entry; none if it leads nowhere.
fn read(entry: Node, place: String) -> Option<IndexEntry> {
    let text = |name: &str| {
        let child = entry.children().find(|child| child.tag_name().name() == name)?;
        let text = child.text().unwrap_or_default().trim();
        (!text.is_empty() && text.len() <= LONGEST).then(|| text.to_owned())
    };
    let link = link(entry)?;
    let updated = ["updated", "pubDate", "published", "sent"].into_iter().find_map(text).unwrap_or_default();
    let severity = text("severity").and_then(|severity| Severity::parse(&severity));
    let urgency = text("urgency").and_then(|urgency| Urgency::parse(&urgency));
    // What says nothing of itself may be anything: it is fetched before what says that it is minor.
    let severity = severity.map_or(2, |severity| match severity {
        Severity::Extreme => 4,
        Severity::Severe => 3,
        Severity::Moderate | Severity::Unknown => 2,
        Severity::Minor => 1,
    });
    let urgency = urgency.map_or(1, |urgency| match urgency {
        Urgency::Immediate => 3,
        Urgency::Expected => 2,
        Urgency::Future | Urgency::Unknown => 1,
        Urgency::Past => 0,
    });
    // An end is as urgent as any warning: people stop running, or hear that it was false.
    let is_end = text("msgType").is_some_and(|kind| kind == "Cancel");
    let rank = if is_end { 4 * 4 + 3 } else { severity * 4 + urgency };
    let id = text("id").or_else(|| text("guid"));
    Some(IndexEntry { place, id, updated, link, rank })
}

/// Where an entry leads: to what says that it is an alert, else to XML or JSON, else to whatever else comes first.
fn link(entry: Node) -> Option<String> {
    let links = entry.children().filter(|child| ["link", "enclosure"].contains(&child.tag_name().name()));
    let worth = |media_type: &str| match media_type {
        "application/cap+xml" | "application/common-alerting-protocol+xml" => 3,
        "application/xml" | "text/xml" | "application/json" | "application/geo+json" => 2,
        "" => 1,
        _ => 0,
    };
    let found = links.filter_map(|node| {
        let address = node.attribute("href").or_else(|| node.attribute("url")).or_else(|| node.text())?.trim();
        let is_other = node.attribute("rel").is_some_and(|rel| !["alternate", "enclosure", "related"].contains(&rel));
        let fits = !address.is_empty() && address.len() <= LONGEST && !is_other;
        fits.then(|| (worth(node.attribute("type").unwrap_or_default()), address.to_owned()))
    });
    // The first of the best.
    found.rev().max_by_key(|(worth, _)| *worth).map(|(_, address)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<(String, Option<String>, u8)> {
        let found = index(text.as_bytes(), None).expect("it can be read");
        found.into_iter().map(|entry| (entry.link, entry.id, entry.rank)).collect()
    }

    #[test]
    fn an_entry_leads_to_its_alert_and_says_how_urgent_it_is() {
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:cap='urn:oasis:names:tc:emergency:cap:1.2'>\
                    <id>the feed's</id><link rel='self' href='https://a.org/'/>\
                    <entry><id>one</id><link href='https://a.org/1.html' type='text/html'/>\
                    <link href='https://a.org/1' type='application/cap+xml'/><cap:severity>Extreme</cap:severity>\
                    <cap:urgency>Immediate</cap:urgency></entry>\
                    <entry><link href='https://a.org/2'/></entry><entry><id>nowhere</id></entry>\
                    <entry><link rel='self' href='https://a.org/3'/></entry>\
                    <entry><id>four</id><link href='https://a.org/4'/><cap:msgType>Cancel</cap:msgType></entry></feed>";
        let one =
            |address: &str, id: Option<&str>, rank| (format!("https://a.org/{address}"), id.map(str::to_owned), rank);
        assert_eq!(links(atom), [one("1", Some("one"), 19), one("2", None, 9), one("4", Some("four"), 19)]);
        let rss = "<rss version='2.0'><channel><link>https://a.org/</link><item><guid>g</guid>\
                   <link>https://a.org/1</link></item></channel></rss>";
        assert_eq!(links(rss), [one("1", Some("g"), 9)]);
    }

    #[test]
    fn an_entry_with_its_alert_in_it_is_not_fetched() {
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><link href='https://a.org/1'/><content>\
                    <alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'/></content></entry></feed>";
        assert_eq!(links(atom), []);
        assert_eq!(links("<alert/>"), []);
        assert_eq!(links("{\"a\": 1}"), []);
    }
}
