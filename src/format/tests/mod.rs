//! What holds of every message, and what is forgiven and refused of those that real issuers write.

mod bounds;
mod breaches;
mod generate;
mod shaking;
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
    fn no_markup_of_seismic_networks_makes_the_reader_fail_otherwise_than_by_an_error(
        root in 0_usize..4,
        pieces in proptest::collection::vec(proptest::sample::select(&SEISMIC[..]), 0..40),
        whole: bool,
    ) {
        let (open, close) = ROOTS[root];
        let message = [open, &pieces.concat(), if whole { close } else { "" }].concat();
        for message in messages(message.as_bytes(), None).unwrap_or_default() {
            if let Ok(outline) = message.outline {
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

/// How messages of seismic networks begin and end.
const ROOTS: [(&str, &str); 4] = [
    (
        "<q:quakeml xmlns:q='http://quakeml.org/xmlns/quakeml/1.2' xmlns='http://quakeml.org/xmlns/bed/1.2'>\
         <eventParameters publicID='smi:a/b'><event publicID='smi:a/c'>",
        "</event></eventParameters></q:quakeml>",
    ),
    (
        "<q:quakeml xmlns:q='http://quakeml.org/xmlns/quakeml-rt/1.2' xmlns='http://quakeml.org/xmlns/bed-rt/1.2'>\
         <eventParameters publicID='smi:a/b'><event publicID='smi:a/c'/>",
        "</eventParameters></q:quakeml>",
    ),
    ("<event_message message_type='new' version='1' category='live'>", "</event_message>"),
    (
        "<shakemap_grid event_id='a' shakemap_version='1' process_timestamp='2024-01-02T04:00:00Z' \
         shakemap_originator='a' shakemap_event_type='ACTUAL'><event/><grid_specification nlon='2' nlat='2'/>",
        "</shakemap_grid>",
    ),
];

/// What they are made of, and what breaks them.
const SEISMIC: [&str; 34] = [
    "<origin publicID='o'><time><value>2024-01-02T03:04:05Z</value></time><latitude><value>1</value></latitude>\
     <longitude><value>1</value></longitude></origin>",
    "<origin publicID='p'>",
    "</origin>",
    "<magnitude><mag><value>5</value></mag></magnitude>",
    "<magnitude>",
    "</magnitude>",
    "<preferredOriginID>o</preferredOriginID>",
    "<type>not existing</type>",
    "<evaluationStatus>rejected</evaluationStatus>",
    "<creationInfo><creationTime>2024-01-02T03:04:05</creationTime></creationInfo>",
    "<event>",
    "</event>",
    "<pick><time><value>2024-01-02T03:04:06Z</value></time></pick>",
    "<core_info id='a'><mag>5</mag><lat>1</lat><lon>1</lon><orig_time>2024-01-02T03:04:05Z</orig_time></core_info>",
    "<gm_info>",
    "</gm_info>",
    "<gmcontour_pred number='1'>",
    "</gmcontour_pred>",
    "<contour><MMI>4</MMI><polygon number='3'>0,0 0,1 1,1 0,0</polygon></contour>",
    "<contour>",
    "</contour>",
    "<gmmap_pred>",
    "</gmmap_pred>",
    "<grid_field index='1' name='LON'/><grid_field index='2' name='LAT'/><grid_field index='3' name='MMI'/>",
    "<grid_field index='4' name='MMI'/>",
    "<grid_data>0 0 5\n1 0 5\n0 1 5\n1 1 2\n</grid_data>",
    "<grid_data>\n",
    "</grid_data>",
    "0 90 1e300\n",
    "1 90 -1e300\n",
    "0 89 7\n360 89 nan\n",
    "180 89 12\n181 89 3\n",
    "<follow_up_info><message_text type='wea'>a</message_text></follow_up_info>",
    "NaN \u{0}",
];

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

#[test]
fn a_list_of_more_messages_than_are_read_is_refused_whatever_its_format() {
    let most = Limits::default().messages;
    let list = |count: usize| {
        let alerts = "<c:alert/>".repeat(count);
        messages(format!("<alerts xmlns:c='urn:oasis:names:tc:emergency:cap:1.2'>{alerts}</alerts>").as_bytes(), None)
    };
    assert_eq!(list(most).map(|found| found.len()), Ok(most));
    let refused = FormatError::TooMany { field: "content".to_owned(), what: "messages", most };
    assert_eq!(list(most + 1).map(|found| found.len()), Err(refused));
}
