//! Language tags by number, so that a row of facts holds three languages in six bytes.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::domain::{AppSlot, Language};
use crate::plan::LanguageId;

use super::shares::Shares;

/// The languages that registrations read, numbered from 1 in the order of their first appearance.
///
/// Numbers hold for one run of the server: they are given anew when the registry is loaded. Reading takes no lock.
#[derive(Debug, Default)]
pub(super) struct Languages {
    table: ArcSwap<Table>,
    /// Held by whoever gives the next number; how many each app has brought.
    growing: Mutex<Shares>,
}

#[derive(Debug, Clone, Default)]
struct Table {
    tags: Vec<Language>,
    numbers: HashMap<Language, u16>,
}

impl Languages {
    /// How many languages are numbered. There are some 200 in use with their regions; the rest is room for mistakes.
    const MAX: usize = 4096;

    /// The language of a number; `None` for 0 and for numbers that were not given.
    pub(super) fn language(&self, id: LanguageId) -> Option<Language> {
        self.table.load().tags.get(usize::from(id.0).checked_sub(1)?).cloned()
    }

    /// The number of a language that somebody of an app reads, given now if there is room for one more of that app's.
    /// Otherwise that of the nearest broader one that has a
    /// number (RFC 4647, section 3.4), or 0.
    pub(super) fn intern(&self, language: &Language, app: AppSlot) -> LanguageId {
        let known = |table: &Table| table.numbers.get(language).map(|&number| LanguageId(number));
        if let Some(number) = known(&self.table.load()) {
            return number;
        }
        let mut growing = self.growing.lock();
        let table = self.table.load();
        // Another thread may have given it one just now.
        if let Some(number) = known(&table) {
            return number;
        }
        if !growing.take(app, Self::MAX.saturating_sub(table.tags.len())) {
            let mut broader = language.broader();
            while let Some(tag) = broader {
                if let Some(&number) = table.numbers.get(&tag) {
                    return LanguageId(number);
                }
                broader = tag.broader();
            }
            return LanguageId::default();
        }
        let mut grown = Table::clone(&table);
        grown.tags.push(language.clone());
        let number = grown.tags.len() as u16;
        grown.numbers.insert(language.clone(), number);
        self.table.store(Arc::new(grown));
        LanguageId(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    #[test]
    fn a_language_keeps_its_number_and_none_has_number_zero() {
        let languages = Languages::default();
        let ja = languages.intern(&language("ja"), AppSlot(0));
        let zh = languages.intern(&language("zh-Hant-TW"), AppSlot(0));
        assert_ne!(ja, zh);
        assert_eq!(languages.intern(&language("JA"), AppSlot(0)), ja);
        assert_eq!(languages.intern(&language("zh_hant_tw"), AppSlot(0)), zh);
        assert_eq!(languages.language(zh), Some(language("zh-hant-tw")));
        assert_eq!(languages.language(LanguageId(0)), None);
        assert_eq!(languages.language(LanguageId(3)), None);
    }

    #[test]
    fn when_the_table_is_full_a_new_tag_is_read_as_its_broader_one() {
        let languages = Languages::default();
        let en = languages.intern(&language("en"), AppSlot(0));
        for number in 1..Languages::MAX {
            languages.intern(&language(&format!("x-{number}")), AppSlot(number as u16));
        }
        assert_eq!(languages.intern(&language("en-x-pirate"), AppSlot(0)), en);
        assert_eq!(languages.intern(&language("tlh"), AppSlot(0)), LanguageId(0));
    }

    #[test]
    fn whatever_languages_one_app_makes_up_those_of_another_are_read() {
        let languages = Languages::default();
        for number in 0..2 * Languages::MAX {
            languages.intern(&language(&format!("x-{number}")), AppSlot(0));
        }
        for tag in ["ja", "zh-Hant-TW", "tlh"] {
            let number = languages.intern(&language(tag), AppSlot(1));
            assert_eq!(languages.language(number), Some(language(tag)), "{tag}");
        }
    }
}
