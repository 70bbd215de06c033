//! Texts cut to what a channel carries: [`fit`], by [`TextLimits`].

use unicode_segmentation::UnicodeSegmentation;

/// The most of each text that a channel carries, bytes of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// What happens.
    pub event: usize,
    /// One line.
    pub headline: usize,
    /// More of it.
    pub description: usize,
    /// What to do.
    pub instruction: usize,
    /// Who says so.
    pub sender_name: usize,
}

impl TextLimits {
    /// Those of a notice, as links carry it: together about 16 KB, of which a phone shows a page or two. What a format
    /// may hold is several times that, and goes to every phone.
    pub const NOTICE: Self =
        Self { event: 256, headline: 1_024, description: 10_240, instruction: 4_096, sender_name: 256 };
}

/// What stands at the end of a text that was cut.
const CUT: &str = "…";

/// The beginning of `text` that has at most `most` bytes, with "…" where something is left out. It ends between
/// grapheme clusters (UAX 29): never within a letter and its marks, a flag or a family. Where not even "…" has room
/// nothing is left.
pub fn fit(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let Some(room) = most.checked_sub(CUT.len()) else { return String::new() };
    // No cluster that begins beyond the room is of interest: a hostile text is not read to its end.
    let ends = text.grapheme_indices(true).map(|(start, cluster)| start + cluster.len());
    let end = ends.take_while(|end| *end <= room).last().unwrap_or(0);
    format!("{}{CUT}", text[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_between_what_people_take_for_letters() {
        assert_eq!(fit("Tsunami", 7), "Tsunami");
        assert_eq!(fit("Tsunami!", 7), "Tsun…");
        // e with a combining acute, a flag of two letters, a family of three with joiners, a Devanagari syllable.
        for cluster in
            ["e\u{301}", "\u{1F1EF}\u{1F1F5}", "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", "\u{928}\u{93F}"]
        {
            let text = format!("a{}", cluster.repeat(4));
            let room = 1 + cluster.len();
            assert_eq!(fit(&text, text.len()), text);
            assert_eq!(fit(&text, room + CUT.len()), format!("a{cluster}{CUT}"), "{cluster}");
            assert_eq!(fit(&text, room + CUT.len() - 1), format!("a{CUT}"), "{cluster}");
        }
        assert_eq!(fit("Run now", 6), "Run…", "no blank before the end");
        assert_eq!((fit("long", 2), fit("long", 3)), (String::new(), CUT.to_owned()));
    }

    proptest! {
        #[test]
        fn a_cut_text_is_a_beginning_and_never_longer(text in ".{0,60}", most in 0..80_usize) {
            let found = fit(&text, most);
            prop_assert!(found.len() <= most.max(text.len().min(most)));
            if found != text {
                let kept = found.strip_suffix(CUT).unwrap_or(&found);
                prop_assert!(text.starts_with(kept));
                prop_assert!(kept.is_empty() || text.grapheme_indices(true).any(|(start, _)| start == kept.len()));
            }
        }
    }
}
