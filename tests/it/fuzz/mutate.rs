//! What is done to a message.

use rand::RngExt;
use rand::rngs::StdRng;

/// Bytes that mean something to a reader, or break one; put in anywhere.
const WORDS: &[&str] = &[
    "<",
    ">",
    "/>",
    "</",
    "&",
    "&amp;",
    "&lt;br/&gt;",
    "&#0;",
    "&#x10FFFF;",
    "&x;",
    "\"",
    "'",
    "=",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml encoding='UTF-16'?>",
    "<!DOCTYPE a [<!ENTITY b '&b;'>]>",
    "xmlns=\"\"",
    "xmlns:cap=\"a\"",
    "<area>",
    "</area>",
    "<info>",
    "</info>",
    "<polygon>",
    "</polygon>",
    "<circle>0,0 20003</circle>",
    ",",
    " ",
    "-",
    "91",
    "180",
    "1e400",
    "NaN",
    "99999999999999999999999",
    "\u{0}",
    "\u{202E}水",
    "{",
    "}",
    "[",
    "]",
    "\":",
    "null",
    "true",
    "[[",
    "]]",
    "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[0,1],[1,1],[0,0]]]]},",
    "\\ud800",
    "-0.0e-9",
    "var a=",
    ";",
    "\"code\": 551,",
    "\"code\": 552,",
    "\"code\": 556,",
    "\"type\": \"cwa_eew\",",
    "\"type\": \"jma_eqlist\",",
    "null",
    "true",
    "-200",
    "-1",
    "1e308",
    "99999999999999999999999999",
    "{}",
    "[]",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\u0000",
    "\"0001/01/01 00:00:00\"",
    "2024-02-30T25:00:00+99:99",
    "+91.0+181.0-1/",
    "++--/",
    "+33.2/",
    "NaN",
    "取消",
    "訓練",
    "不明",
    "over",
    "<Pref/>",
    "<Area><Code>622</Code></Area>",
    "<Kind><Code>31</Code></Kind>",
    "<Serial>4294967296</Serial>",
    "９９",
    "\"valueName\":\"EXCLUDE_POLYGON\"",
    "EXCLUDE_POLYGON",
    "<references>a,b,2020-01-01T00:00:00-00:00</references>",
    "+08:00",
    "9999-12-31T23:59:59-00:00",
];

/// What a field may hold that its issuer did not write; nothing of it breaks the syntax.
const VALUES: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "1e308",
    "-0.0e-9",
    "NaN",
    "99999999999999999999999",
    "91",
    "-181",
    "0,0",
    "0,0 0,1 1,1 0,0",
    "90,0 90,90 90,180 90,0",
    "1,179.9 1,-179.9 2,-179.9 1,179.9",
    "0,0 20003",
    "Actual",
    "Exercise",
    "Update",
    "Cancel",
    "Extreme",
    "取消",
    "訓練",
    "不明",
    "over",
    "9999-12-31T23:59:59-00:00",
    "0001-01-01T00:00:00+14:00",
    "2024-02-30T25:00:00+99:99",
    "0001/01/01 00:00:00",
    "-9999999999999",
    "EXCLUDE_POLYGON",
    "UGC",
    "NMZ501&gt;507-509",
    "NMZ000-NMC001>999",
    "\u{202E}水",
    "９９",
];

/// Changes what one field holds, so that the message is still one: by a value of the list, or by another field's.
pub(super) fn change_value(message: &mut Vec<u8>, random: &mut StdRng) {
    let values =
        if message.starts_with(b"<") { between(message, b'>', b"<") } else { between(message, b':', b",}]\n") };
    if values.is_empty() {
        return;
    }
    let (start, end) = values[random.random_range(0..values.len())];
    let value = if random.random() {
        let (start, end) = values[random.random_range(0..values.len())];
        message[start..end].to_vec()
    } else {
        let value = VALUES[random.random_range(0..VALUES.len())];
        let is_text = message[start..end].first() == Some(&b'"');
        if is_text { format!("\"{value}\"").into_bytes() } else { value.as_bytes().to_vec() }
    };
    drop(message.splice(start..end, value));
}

/// Where values stand that begin after `open` and end before one of `close`.
fn between(message: &[u8], open: u8, close: &[u8]) -> Vec<(usize, usize)> {
    let opened = message.iter().enumerate().filter(|(_, byte)| **byte == open).map(|(at, _)| at + 1);
    let blanks = |at: usize| at + message[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let until = |at: usize| message[at..].iter().position(|byte| close.contains(byte)).map(|length| at + length);
    opened.map(blanks).filter_map(|at| until(at).filter(|end| *end > at).map(|end| (at, end))).collect()
}

/// Changes a message once; parts of `other` may go into it.
pub(super) fn mutate(message: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    if message.is_empty() {
        message.push(b'<');
    }
    let at = random.random_range(0..message.len());
    let most = 1_usize << random.random_range(0..16);
    let far = at + random.random_range(0..=(message.len() - at).min(most));
    match random.random_range(0..11) {
        0 => message[at] ^= 1 << random.random_range(0..8),
        1 => message[at] = random.random(),
        2 => drop(message.drain(at..far)),
        3 => message.truncate(at),
        4 => insert(message, at, WORDS[random.random_range(0..WORDS.len())].as_bytes()),
        5 => {
            let copied = message[at..far].to_vec();
            let to = random.random_range(0..message.len());
            insert(message, to, &copied);
        }
        6 => repeat_element(message, at, random),
        8 => {
            // A word over what stands there.
            let word = WORDS[random.random_range(0..WORDS.len())].bytes();
            drop(message.splice(at..message.len().min(at + random.random_range(0..8)), word));
        }
        9 => {
            // A number becomes another one.
            let Some(digit) = message[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) else { return };
            let until =
                message[digit..].iter().position(|byte| !byte.is_ascii_digit()).map_or(message.len(), |n| digit + n);
            let number = [u64::MAX, 0, 1, 91, 181, 99_999][random.random_range(0..6)].to_string();
            drop(message.splice(digit..until, number.into_bytes()));
        }
        7 => {
            let deep = random.random_range(1..40);
            insert(message, far, "</a>".repeat(deep).as_bytes());
            insert(message, at, "<a>".repeat(deep).as_bytes());
        }
        _ => {
            let from = random.random_range(0..other.len());
            insert(message, at, &other[from..other.len().min(from + random.random_range(0..4_096))]);
        }
    }
}

/// Repeats an element that begins after `at`, once or many times.
fn repeat_element(message: &mut Vec<u8>, at: usize, random: &mut StdRng) {
    let find = |from: usize, what: &[u8]| message[from..].windows(what.len()).position(|w| w == what).map(|i| from + i);
    let Some(start) = find(at, b"<") else { return };
    let name_end = message[start..].iter().position(|byte| b" >/\n".contains(byte)).map_or(start, |end| start + end);
    let close = [b"</", &message[start + 1..name_end.max(start + 1)], b">"].concat();
    let Some(end) = find(start, &close).map(|found| found + close.len()) else { return };
    let times = [1, 2, 10, 1_000][random.random_range(0..4)].min(1 + (1 << 20) / (end - start));
    let repeated = message[start..end].repeat(times);
    insert(message, end, &repeated);
}

fn insert(message: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    drop(message.splice(at.min(message.len())..at.min(message.len()), bytes.iter().copied()));
}
