//! What holds of every message, and what is forgiven and refused of those that real issuers write.

mod breaches;
mod generate;
mod telegrams;
mod write;

use proptest::prelude::*;

use super::*;
use write::Style;

/// Whatever a message is, nothing that is made of it is larger than the limits.
fn within_limits(outline: &Outline) -> Result<(), TestCaseError> {
    let limits = Limits::default();
    prop_assert!(outline.refusals.len() <= limits.refusals + 1);
    prop_assert!(outline.written.infos.len() <= limits.infos);
    prop_assert!(outline.written.references.len() <= limits.references);
    Ok(())
}

proptest! {
    #[test]
    fn an_alert_reads_back_as_it_was_written(alert in generate::alert(), style: u64) {
        let message = Style(style).cap(&alert);
        let read = read(message.as_bytes(), Some("application/cap+xml; charset=utf-8"));
        prop_assert_eq!(read, Ok(Read { alert, refusals: vec![] }), "{}", message);
    }

    #[test]
    fn a_message_means_the_same_in_every_encoding(alert in generate::alert(), style: u64) {
        let message = Style(style).cap(&alert);
        let in_utf16 = message.replace("UTF-8", "UTF-16");
        let little: Vec<u8> = in_utf16.encode_utf16().flat_map(u16::to_le_bytes).collect();
        prop_assert_eq!(read(&little, None), read(message.as_bytes(), None));
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_fail_otherwise_than_by_an_error(bytes: Vec<u8>, media_type in ".{0,20}") {
        for media_type in [None, Some("text/xml"), Some(media_type.as_str())] {
            if let Ok(outline) = outline(&bytes, media_type) {
                within_limits(&outline)?;
            }
        }
    }

    #[test]
    fn no_markup_makes_the_reader_fail_otherwise_than_by_an_error(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60),
        whole: bool,
    ) {
        let message = if whole { format!("{}{}{}", PIECES[0], pieces.concat(), "</alert>") } else { pieces.concat() };
        if let Ok(outline) = outline(message.as_bytes(), None) {
            within_limits(&outline)?;
        }
    }
}

/// What messages are made of, and what breaks them.
const PIECES: [&str; 40] = [
    "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'>",
    "<identifier>a</identifier><sender>b</sender><sent>2024-11-02T12:00:00Z</sent>",
    "<status>Actual</status><msgType>Alert</msgType><scope>Public</scope>",
    "<info>",
    "</info>",
    "<event>e</event><urgency>Past</urgency><severity/><category>Met</category>",
    "<area>",
    "</area>",
    "<polygon>0,0 0,1 1,1 0,0</polygon>",
    "<polygon>",
    "</polygon>",
    "<circle>1,1 1</circle>",
    "<geocode><valueName>EXCLUDE_POLYGON</valueName><value>0,0 0,1 1,1 0,0</value></geocode>",
    "<geocode>",
    "</geocode>",
    "<references>a,b,2024-11-02T12:00:00Z ",
    "</references>",
    "<expires>",
    "</expires>",
    "<a b='c'/>",
    "<a xmlns='urn:oasis:names:tc:emergency:cap:1.2' xmlns:p='q'>",
    "</a>",
    "<p:info/>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "&b;",
    "&#0;",
    "&lt;br&gt;",
    "<",
    ">",
    "\"",
    "'",
    " 91,0 NaN,1 1e9,",
    "\u{0}",
    "水",
];
