//! The messages of a body that has several, cut out of it: each is kept by itself, and not the whole body with each.

use roxmltree::Node;
use serde_json::Value;

use super::content::Syntax;
use super::decode::decode;
use super::{Bounds, FormatError, Limits, json, xml};

/// What stands at each of these places ([`Message::place`](super::Message::place)) of a body, in UTF-8. XML is as it
/// was written; of JSON it is the same values, written anew. `None` where nothing stands; the whole for an empty place.
pub fn parts(
    bytes: &[u8],
    media_type: Option<&str>,
    places: &[&str],
    bounds: &Bounds,
) -> Result<Vec<Option<String>>, FormatError> {
    let limits = Limits::new(*bounds);
    let (syntax, charset) = Syntax::of(bytes, media_type)?;
    let text = decode(bytes, charset)?;
    match syntax {
        Syntax::Xml => {
            let document = xml::parse(&text, &limits)?;
            let cut = |place: &&str| element(document.root_element(), place).map(|node| text[node.range()].to_owned());
            Ok(places.iter().map(cut).collect())
        }
        Syntax::Json => {
            let root = json::parse(&text, &limits)?;
            Ok(places.iter().map(|place| value(&root, place).map(ToString::to_string)).collect())
        }
    }
}

/// The steps of a place: a name, which may be empty at the root of a list, and a position.
fn steps(place: &str) -> impl Iterator<Item = (&str, Option<usize>)> {
    place.split('.').filter(|step| !step.is_empty()).map(|step| match step.split_once('[') {
        Some((name, index)) => (name, index.strip_suffix(']').and_then(|index| index.parse().ok())),
        None => (step, None),
    })
}

fn element<'d>(root: Node<'d, 'd>, place: &str) -> Option<Node<'d, 'd>> {
    steps(place).try_fold(root, |node, (name, index)| {
        let named = |child: &Node| child.is_element() && child.tag_name().name() == name;
        node.children().filter(named).nth(index.unwrap_or_default())
    })
}

fn value<'v>(root: &'v Value, place: &str) -> Option<&'v Value> {
    steps(place).try_fold(root, |value, (name, index)| {
        let field = if name.is_empty() { Some(value) } else { value.get(name) };
        index.map_or(field, |index| field?.get(index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, places: &[&str]) -> Vec<Option<String>> {
        parts(text.as_bytes(), None, places, &Bounds::default()).expect("it can be read")
    }

    #[test]
    fn a_part_is_what_stands_at_its_place() {
        let feed = "<feed><entry/><entry><content><alert a='1'>b</alert><alert/></content></entry></feed>";
        let found = cut(feed, &["entry[1].content.alert[0]", "entry[1].content", "entry[2]", "entry[0]"]);
        let expected = ["<alert a='1'>b</alert>", "<content><alert a='1'>b</alert><alert/></content>", "", "<entry/>"];
        assert_eq!(found, expected.map(|part| Some(part.to_owned()).filter(|part| !part.is_empty())));
        let list = r#"{"features": [{"b": 1}, {"a": {"c": "d"}}]}"#;
        let found = cut(list, &["features[1].a", "features[0]", "features[2]", "x"]);
        assert_eq!(found, [Some(r#"{"c":"d"}"#.to_owned()), Some(r#"{"b":1}"#.to_owned()), None, None]);
        assert_eq!(cut("[[1],2]", &["[0]", ""]), [Some("[1]".to_owned()), Some("[[1],2]".to_owned())]);
    }

    #[test]
    fn every_message_of_a_feed_can_be_cut_out_and_read_alone() {
        let alert = |identifier: &str| {
            format!(
                "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'><identifier>{identifier}</identifier>\
                 <sender>b</sender><sent>2024-11-02T12:00:00-00:00</sent><status>Actual</status>\
                 <msgType>Alert</msgType><scope>Public</scope><info><category>Met</category><event>Storm</event>\
                 <urgency>Past</urgency><severity>Minor</severity></info></alert>"
            )
        };
        let feed = format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry><content>{}</content></entry>\
             <entry><content>{}{}</content></entry></feed>",
            alert("a"),
            alert("b"),
            alert("c")
        );
        let messages = super::super::messages(feed.as_bytes(), None).expect("a feed");
        let places: Vec<&str> = messages.iter().map(|message| message.place.as_str()).collect();
        for (message, part) in messages.iter().zip(cut(&feed, &places)) {
            let whole = message.outline.as_ref().expect("read").alert.as_ref().expect("an alert");
            let alone = super::super::read(part.expect("a part").as_bytes(), None).expect("read");
            assert_eq!(*whole, alone.alert);
        }
    }

    #[test]
    fn no_message_is_cut_out_for_another() {
        let alert = |name: &str| {
            format!(
                "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'><identifier>{name}</identifier>\
                 <sender>b</sender><sent>2024-11-02T12:00:00-00:00</sent><status>Actual</status>\
                 <msgType>Alert</msgType><scope>Public</scope><info><category>Met</category><event>Storm</event>\
                 <urgency>Past</urgency><severity>Minor</severity></info></alert>"
            )
        };
        let (a, b) = (alert("a"), alert("b"));
        let atom = |entry: &str| format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry>{entry}</entry></feed>");
        let bodies = [
            atom(&format!("<content>{a}</content><content>{b}</content>")),
            atom(&format!("<x:content xmlns:x='urn:x'/><content>{a}</content><content>{b}</content>")),
            atom(&format!("<content><alert xmlns='urn:x'/>{a}{b}</content>")),
            format!("<alerts><alert xmlns='urn:x'/>{a}{b}</alerts>"),
            format!("<rss><channel><item>{a}</item></channel><channel><item>{b}</item></channel></rss>"),
        ];
        for body in bodies {
            let messages = super::super::messages(body.as_bytes(), None).expect("an envelope");
            let places: Vec<&str> = messages.iter().map(|message| message.place.as_str()).collect();
            assert_eq!(places.len(), 2, "{body}");
            for (message, part) in messages.iter().zip(cut(&body, &places)) {
                let whole = message.outline.as_ref().expect("read").alert.as_ref().expect("an alert");
                let alone = super::super::read(part.expect("a part").as_bytes(), None).expect("read");
                assert_eq!(*whole, alone.alert, "{body}");
            }
        }
    }
}
