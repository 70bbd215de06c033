//! Language tags by number, so that a row of facts holds three languages in six bytes.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::domain::Language;
use crate::plan::LanguageId;

/// The languages that registrations read, numbered from 1 in the order of their first appearance.
///
/// Numbers hold for one run of the server: they are given anew when the registry is loaded. Reading takes no lock.
#[derive(Debug, Default)]
pub(super) struct Languages {
    table: ArcSwap<Table>,
    /// Held by whoever gives the next number.
    growing: Mutex<()>,
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

    /// The number of a language, given now if there is room. Otherwise that of the nearest broader one that has a
    /// number (RFC 4647, section 3.4), or 0.
    pub(super) fn intern(&self, language: &Language) -> LanguageId {
        let known = |table: &Table| table.numbers.get(language).map(|&number| LanguageId(number));
        if let Some(number) = known(&self.table.load()) {
            return number;
        }
        let _growing = self.growing.lock();
        let table = self.table.load();
        // Another thread may have given it one just now.
        if let Some(number) = known(&table) {
            return number;
        }
        if table.tags.len() >= Self::MAX {
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
        let ja = languages.intern(&language("ja"));
        let zh = languages.intern(&language("zh-Hant-TW"));
        assert_ne!(ja, zh);
        assert_eq!(languages.intern(&language("JA")), ja);
        assert_eq!(languages.intern(&language("zh_hant_tw")), zh);
        assert_eq!(languages.language(zh), Some(language("zh-hant-tw")));
        assert_eq!(languages.language(LanguageId(0)), None);
        assert_eq!(languages.language(LanguageId(3)), None);
    }

    #[test]
    fn when_the_table_is_full_a_new_tag_is_read_as_its_broader_one() {
        let languages = Languages::default();
        let en = languages.intern(&language("en"));
        for number in 1..Languages::MAX {
            languages.intern(&language(&format!("x-{number}")));
        }
        assert_eq!(languages.intern(&language("en-x-pirate")), en);
        assert_eq!(languages.intern(&language("tlh")), LanguageId(0));
    }
}
