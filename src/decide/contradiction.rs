//! Alerts that contradict themselves: for real by their status, and a test or an exercise by their text or codes
//! (R-E9).
//!
//! A false hold costs lives too, so that a word alone does not hold an alert. It has to stand where a sender puts a
//! mark: as the alert's event, or at the beginning or the end of a headline and set off from the rest of it, or in
//! brackets. Anywhere else only whole phrases count that say it of the alert itself ("this is a test"). "Exercise
//! caution", "test results", "contest", "latest" and "Testa" hold nothing.

use compact_str::{CompactString, format_compact};

use crate::domain::{Alert, Body, Info, Mode, NamedValue};

use super::hold::{HoldKind, HoldReason};

/// Words that mark a test or an exercise where a mark stands, folded to lower case.
const MARKS: &[&str] = &[
    // English
    "test",
    "exercise",
    "drill",
    "test message",
    "test alert",
    "test warning",
    "test only",
    "drill only",
    // German
    "übung",
    "uebung",
    "probealarm",
    "probewarnung",
    "testwarnung",
    "testalarm",
    "übungswarnung",
    // French
    "exercice",
    "essai",
    "test d'alerte",
    "alerte test",
    // Spanish and Portuguese
    "simulacro",
    "prueba",
    "ensayo",
    "simulado",
    "teste",
    // Italian
    "esercitazione",
    "prova",
    "test di allarme",
    // Dutch, Norwegian, Danish, Swedish, Finnish
    "oefening",
    "testbericht",
    "øvelse",
    "øving",
    "övning",
    "harjoitus",
    "testi",
    // Polish, Czech, Romanian, Hungarian, Croatian, Slovenian
    "ćwiczenie",
    "ćwiczenia",
    "cvičení",
    "exercițiu",
    "gyakorlat",
    "vježba",
    "vaja",
    // Greek, Russian, Ukrainian, Turkish
    "δοκιμή",
    "άσκηση",
    "учения",
    "тест",
    "навчання",
    "tatbikat",
    "deneme",
    // Indonesian, Filipino, Vietnamese
    "latihan",
    "uji coba",
    "pagsasanay",
    "diễn tập",
    // Arabic, Hebrew, Hindi, Thai
    "تجربة",
    "تمرين",
    "תרגיל",
    "परीक्षण",
    "ทดสอบ",
];

/// Marks in scripts that set no blanks between words; beside them anything may stand, if they begin the text or stand
/// in brackets.
const UNSPACED_MARKS: &[&str] =
    &["訓練", "試験", "テスト", "測試", "演習", "演練", "测试", "演练", "演习", "试验", "훈련", "시험", "테스트"];

/// Phrases that say of the alert itself that it is none, wherever they stand.
const PHRASES: &[&str] = &[
    // English
    "this is a test",
    "this is only a test",
    "this is just a test",
    "this is a drill",
    "this is only a drill",
    "this is an exercise",
    "this is only an exercise",
    "this is not a real",
    "test test test",
    "exercise exercise exercise",
    "drill drill drill",
    "required weekly test",
    "required monthly test",
    "for test purposes only",
    // German
    "dies ist ein test",
    "dies ist eine übung",
    "dies ist ein probealarm",
    "dies ist eine probewarnung",
    "es besteht keine gefahr, dies ist",
    "übung übung übung",
    // French
    "ceci est un test",
    "ceci est un exercice",
    "il s'agit d'un test",
    "il s'agit d'un exercice",
    "test d'alerte",
    // Spanish and Portuguese
    "esto es una prueba",
    "esta es una prueba",
    "esto es un simulacro",
    "este es un simulacro",
    "mensaje de prueba",
    "alerta de prueba",
    "isto é um teste",
    "este é um teste",
    "isto é um simulado",
    "mensagem de teste",
    // Italian, Dutch
    "questo è un test",
    "questa è una prova",
    "questa è un'esercitazione",
    "messaggio di test",
    "dit is een test",
    "dit is een oefening",
    // Nordic
    "dette er en test",
    "dette er en øvelse",
    "detta är ett test",
    "detta är en övning",
    "tämä on testi",
    // Polish, Czech, Greek, Russian, Ukrainian, Turkish, Indonesian
    "to jest test",
    "to są ćwiczenia",
    "toto je test",
    "toto je cvičení",
    "αυτό είναι δοκιμή",
    "это тест",
    "это учения",
    "це тест",
    "це навчання",
    "bu bir testtir",
    "bu bir tatbikattır",
    "ini adalah uji coba",
    "ini adalah latihan",
];

/// The same in scripts that set no blanks between words.
const UNSPACED_PHRASES: &[&str] = &[
    "これは訓練",
    "訓練です",
    "訓練報",
    "訓練電文",
    "これはテスト",
    "テスト配信",
    "テスト送信",
    "試験電文",
    "試験報",
    "这是测试",
    "这是一次测试",
    "这是演练",
    "测试信息",
    "测试预警",
    "演练信息",
    "这是演习",
    "這是測試",
    "測試訊息",
    "這是演練",
    "這是演習",
    "훈련 상황입니다",
    "훈련입니다",
    "테스트입니다",
    "시험 발송",
];

/// Codes of the Emergency Alert System that are of tests and demonstrations alone (47 CFR 11.31(e)).
const SAME_TESTS: &[&str] = &["RWT", "RMT", "NPT", "NST", "NAT", "NMN", "DMO"];

/// Why an alert that is for real by its status may not be: each field that says otherwise, once.
pub fn contradictions(alert: &Alert) -> Vec<HoldReason> {
    let warns = matches!(alert.body, Body::Issue(_) | Body::Update(_));
    if alert.mode != Mode::Actual || !warns {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (position, info) in alert.body.infos().iter().enumerate() {
        words(position, info, &mut found);
        codes(position, info, &mut found);
    }
    if let Some(phrase) = alert.note.as_deref().and_then(|note| phrase(&folded(note))) {
        found.push(reason(HoldKind::TestWord, "note".into(), phrase));
    }
    found
}

fn reason(kind: HoldKind, field: CompactString, found: &str) -> HoldReason {
    HoldReason { kind, field, found: found.into() }
}

fn words(position: usize, info: &Info, found: &mut Vec<HoldReason>) {
    let texts = &info.texts;
    let fields = [
        ("event", Some(&info.event), true),
        ("headline", texts.headline.as_ref(), true),
        ("description", texts.description.as_ref(), false),
        ("instruction", texts.instruction.as_ref(), false),
    ];
    for (field, text, is_title) in fields {
        let Some(text) = text.map(|text| folded(text)) else { continue };
        let marked = is_title.then(|| mark(&text)).flatten();
        if let Some(word) = marked.or_else(|| phrase(&text)) {
            found.push(reason(HoldKind::TestWord, format_compact!("info[{position}].{field}"), word));
        }
    }
}

fn codes(position: usize, info: &Info, found: &mut Vec<HoldReason>) {
    let mut add = |list: &str, number: usize, value: &str| {
        found.push(reason(HoldKind::TestCode, format_compact!("info[{position}].{list}[{number}]"), value));
    };
    for (number, NamedValue { name, value }) in info.event_codes.iter().enumerate() {
        if name.eq_ignore_ascii_case("SAME") && SAME_TESTS.contains(&value.trim()) {
            add("eventCode", number, value.trim());
        }
    }
    for (number, NamedValue { name, value }) in info.parameters.iter().enumerate() {
        let is_test = match name.as_str() {
            // The wireless alerts' own class of tests (47 CFR 10.400(d)).
            "WEAHandling" => value.trim().eq_ignore_ascii_case("WEA Test"),
            // The first field is the product's class; T is a test (NWS Directive 10-1703, section 3).
            "VTEC" => value.trim().starts_with("/T."),
            _ => false,
        };
        if is_test {
            add("parameter", number, value.trim());
        }
    }
}

/// Lower case, one blank for any white space, one kind of apostrophe.
fn folded(text: &str) -> String {
    let words = text.split_whitespace().map(|word| word.replace(['’', '´', '`'], "'").to_lowercase());
    words.collect::<Vec<_>>().join(" ")
}

/// The phrase that the text holds, as whole words.
fn phrase(text: &str) -> Option<&'static str> {
    let unspaced = UNSPACED_PHRASES.iter().find(|phrase| text.contains(**phrase));
    unspaced.or_else(|| PHRASES.iter().find(|phrase| holds_words(text, phrase))).copied()
}

fn holds_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + words.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// The mark that a title bears: a part of it that is a mark and nothing else, or repeats one.
fn mark(title: &str) -> Option<&'static str> {
    // A hyphen within a word sets nothing off: "test-tube".
    let dashed = title.replace(" -", " –").replace("- ", "– ");
    let parts = dashed.split(is_separator).map(str::trim).filter(|part| !part.is_empty());
    let marked = parts.clone().find_map(|part| {
        let is_mark = |mark: &&&str| part == **mark || part.replace(**mark, "").trim().is_empty();
        MARKS.iter().chain(UNSPACED_MARKS).find(is_mark)
    });
    let unspaced = || UNSPACED_MARKS.iter().find(|mark| title.starts_with(**mark));
    marked.or_else(unspaced).copied()
}

/// What sets a mark off from the rest of a title.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        '(' | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
            | '*'
            | '#'
            | '!'
            | ':'
            | ';'
            | '|'
            | '/'
            | '–'
            | '—'
            | '.'
            | ','
            | '"'
            | '_'
            | '='
            | '＜'
            | '＞'
            | '【'
            | '】'
            | '（'
            | '）'
            | '「'
            | '」'
            | '《'
            | '》'
            | '：'
            | '！'
            | '。'
            | '，'
            | '［'
            | '］'
            | '〔'
            | '〕'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, is_title: bool) -> Option<&'static str> {
        let text = folded(text);
        is_title.then(|| mark(&text)).flatten().or_else(|| phrase(&text))
    }

    #[test]
    fn a_title_that_is_marked_as_a_test_is_found_in_its_own_language() {
        for title in [
            "TEST",
            "Test - Tornado Warning",
            "Tornado Warning (TEST)",
            "***TEST*** Flood",
            "TEST TEST TEST",
            "Exercise",
            "EXERCISE: Tsunami",
            "Drill",
            "Required Weekly Test",
            "ÜBUNG",
            "Übung: Hochwasser",
            "PROBEALARM",
            "TEST D’ALERTE",
            "Exercice - séisme",
            "SIMULACRO",
            "Simulacro: sismo",
            "PRUEBA",
            "ESERCITAZIONE",
            "測試",
            "测试",
            "演练",
            "【訓練】緊急地震速報",
            "＜試験＞ 津波",
            "訓練 緊急地震速報",
            "훈련",
            "[훈련] 지진",
            "テスト",
            "This is a test",
        ] {
            assert!(said(title, true).is_some(), "{title}");
        }
    }

    #[test]
    fn a_word_that_is_no_mark_holds_nothing() {
        for title in [
            "Exercise caution on the roads",
            "Boil water: test results are pending",
            "Latest warning",
            "Contest",
            "Testa",
            "Tornado Warning",
            "Testing of wells",
            "Drilling accident",
            "Provando",
            "Pruebas de agua contaminada",
            "Water test positive",
            "Fire at exercise ground",
            "Essaim de guêpes",
            "避難訓練会場に津波警報",
            "核酸测试点关闭",
            "Test-tube factory on fire",
            "",
        ] {
            assert_eq!(said(title, true), None, "{title}");
        }
        for text in ["Tested wells show lead. Exercise caution.", "test", "The drill hall is open.", "TEST"] {
            assert_eq!(said(text, false), None, "{text}");
        }
    }

    #[test]
    fn a_text_that_says_that_it_is_a_test_is_found() {
        for text in [
            "THIS IS A TEST of the system.",
            "Attention.\nThis is   only a test!",
            "Dies ist eine Übung.",
            "Ceci est un exercice",
            "Il s’agit d’un test",
            "Esto es un simulacro.",
            "これは訓練です。",
            "这是测试",
        ] {
            assert!(said(text, false).is_some(), "{text}");
        }
    }
}
