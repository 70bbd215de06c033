//! What every notice of an exercise or a test says of itself, in its own language (R-E9).

use crate::domain::{Language, Mode};

/// Language, or language and script, with the words for an exercise and for a test.
const MARKS: &[(&str, &str, &str)] = &[
    ("ar", "تمرين", "اختبار"),
    ("bg", "УЧЕНИЕ", "ТЕСТ"),
    ("cs", "CVIČENÍ", "ZKOUŠKA"),
    ("da", "ØVELSE", "TEST"),
    ("de", "ÜBUNG", "TEST"),
    ("el", "ΑΣΚΗΣΗ", "ΔΟΚΙΜΗ"),
    ("en", "EXERCISE", "TEST"),
    ("es", "SIMULACRO", "PRUEBA"),
    ("et", "ÕPPUS", "TEST"),
    ("fi", "HARJOITUS", "TESTI"),
    ("fr", "EXERCICE", "TEST"),
    ("he", "תרגיל", "בדיקה"),
    ("hi", "अभ्यास", "परीक्षण"),
    ("hr", "VJEŽBA", "TEST"),
    ("hu", "GYAKORLAT", "TESZT"),
    ("id", "LATIHAN", "UJI COBA"),
    ("it", "ESERCITAZIONE", "TEST"),
    ("ja", "訓練", "試験"),
    ("ko", "훈련", "시험"),
    ("nb", "ØVELSE", "TEST"),
    ("nl", "OEFENING", "TEST"),
    ("no", "ØVELSE", "TEST"),
    ("pl", "ĆWICZENIA", "TEST"),
    ("pt", "SIMULACRO", "TESTE"),
    ("ro", "EXERCIȚIU", "TEST"),
    ("ru", "УЧЕНИЯ", "ТЕСТ"),
    ("sk", "CVIČENIE", "SKÚŠKA"),
    ("sl", "VAJA", "TEST"),
    ("sv", "ÖVNING", "TEST"),
    ("th", "ฝึกซ้อม", "ทดสอบ"),
    ("tr", "TATBİKAT", "TEST"),
    ("uk", "НАВЧАННЯ", "ТЕСТ"),
    ("vi", "DIỄN TẬP", "THỬ NGHIỆM"),
    ("zh", "演练", "测试"),
    ("zh-hant", "演練", "測試"),
    ("zh-hk", "演練", "測試"),
    ("zh-mo", "演練", "測試"),
    ("zh-tw", "演練", "測試"),
];

/// The word; `None` for what is for real. A language that is not known here has the English one.
pub(super) fn mark(mode: Mode, language: &Language) -> Option<&'static str> {
    let word = |exercise, test| match mode {
        Mode::Exercise => Some(exercise),
        Mode::Test => Some(test),
        Mode::Actual | Mode::System | Mode::Draft => None,
    };
    let mut asked = Some(language.clone());
    while let Some(tag) = asked {
        if let Some((_, exercise, test)) = MARKS.iter().copied().find(|(known, ..)| *known == tag.as_str()) {
            return word(exercise, test);
        }
        asked = tag.broader();
    }
    word("EXERCISE", "TEST")
}

/// The text behind its mark, unless it begins with that already.
pub(super) fn marked(mark: Option<&str>, text: &str) -> String {
    let Some(mark) = mark else { return text.to_owned() };
    let upper = text.to_uppercase();
    let rest = upper.strip_prefix(mark);
    let is_marked = rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    if is_marked { text.to_owned() } else { format!("{mark}: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mode: Mode, tag: &str) -> Option<&'static str> {
        mark(mode, &Language::parse(tag).expect("a tag"))
    }

    #[test]
    fn a_drill_says_so_in_the_language_of_its_notice_and_what_is_for_real_says_nothing() {
        assert_eq!(of(Mode::Exercise, "de-AT"), Some("ÜBUNG"));
        assert_eq!(of(Mode::Test, "es-MX"), Some("PRUEBA"));
        assert_eq!(of(Mode::Exercise, "zh-Hans-CN"), Some("演练"));
        assert_eq!(of(Mode::Exercise, "zh-Hant-HK"), Some("演練"));
        assert_eq!(of(Mode::Test, "zh-TW"), Some("測試"));
        assert_eq!(of(Mode::Exercise, "cy"), Some("EXERCISE"));
        for (tag, ..) in MARKS {
            assert!(of(Mode::Exercise, tag).is_some() && of(Mode::Actual, tag).is_none(), "{tag}");
        }
    }

    #[test]
    fn a_text_is_marked_once() {
        assert_eq!(marked(Some("TEST"), "Flood"), "TEST: Flood");
        assert_eq!(marked(Some("ÜBUNG"), "Übung: Hochwasser"), "Übung: Hochwasser");
        assert_eq!(marked(None, "Flood"), "Flood");
        assert_eq!(marked(Some("TEST"), "Testing of dams"), "TEST: Testing of dams");
        assert_eq!(marked(Some("訓練"), "訓練所で火災"), "訓練: 訓練所で火災");
    }
}
