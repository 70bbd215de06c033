//! One value of a geocode to the codes that it lists.

use compact_str::{CompactString, format_compact};

use super::scheme::Kind;

/// What a value lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Named {
    /// One code.
    Code(CompactString),
    /// All counties or all zones of a state: what the codes of its regions begin with (`NMZ`).
    AllOf(CompactString),
    /// Something that is no code of the scheme.
    Malformed(CompactString),
}

/// The most numbers that a group of a packed list may name by a range: all there can be.
const NUMBERS: u16 = 999;

/// The codes that a folded value lists, at most `most`; `None` if it lists more.
pub(super) fn expand(kind: Kind, value: &str, most: usize) -> Option<Vec<Named>> {
    match kind {
        Kind::Ugc => unpack(value, most),
        Kind::Same | Kind::Cpeas | Kind::Other => {
            let codes: Vec<Named> = value.split(' ').take(most + 1).map(|code| Named::Code(code.into())).collect();
            (codes.len() <= most).then_some(codes)
        }
    }
}

/// Unpacks a UGC list (NWS Instruction 10-1702, section 2): groups between hyphens, each a code of two letters, `C` or
/// `Z` and three digits, or three digits alone in the state of the group before; `>` for all numbers between two;
/// `ALL` or `000` for the whole state. It ends with the time at which the product is purged, six digits, which names no
/// place. Without hyphens codes may be separated by blanks.
fn unpack(value: &str, most: usize) -> Option<Vec<Named>> {
    let mut found = Vec::new();
    for list in lists(value) {
        let mut state: Option<CompactString> = None;
        let mut groups = list.split('-').filter(|group| !group.is_empty()).peekable();
        while let Some(group) = groups.next() {
            let is_purge_time = group.len() == 6 && group.bytes().all(|byte| byte.is_ascii_digit());
            if is_purge_time && groups.peek().is_none() && !found.is_empty() {
                break;
            }
            if !ungroup(group, &mut state, most, &mut found) {
                return None;
            }
        }
    }
    Some(found)
}

/// The lists of a value: its words, but for lines that were broken behind a hyphen or at a `>`.
fn lists(value: &str) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    for word in value.split(' ') {
        match lists.last_mut() {
            Some(last) if last.ends_with(['-', '>']) || word.starts_with('>') => last.push_str(word),
            _ => lists.push(word.to_owned()),
        }
    }
    lists
}

/// Adds what one group names. Whether there was room for it.
fn ungroup(group: &str, state: &mut Option<CompactString>, most: usize, found: &mut Vec<Named>) -> bool {
    let malformed = || Named::Malformed(group.into());
    let (first, last) = match group.split_once('>') {
        Some((first, last)) => (first, Some(last)),
        None => (group, None),
    };
    let number = match (first.get(..3), first.get(3..)) {
        (Some(prefix), Some(number)) if is_state(prefix) && number.len() == 3 => {
            *state = Some(prefix.into());
            number
        }
        _ => first,
    };
    let Some(prefix) = state.as_ref() else {
        found.push(malformed());
        return found.len() <= most;
    };
    // The end of a range may be written in full, if it is of the same state.
    let last = last.map(|last| last.strip_prefix(prefix.as_str()).unwrap_or(last));
    match (digits(number), last) {
        (Some(0), None) => found.push(Named::AllOf(prefix.clone())),
        (Some(number), None) => found.push(code(prefix, number)),
        (None, None) if number == "ALL" => found.push(Named::AllOf(prefix.clone())),
        (Some(from), Some(last)) => match digits(last) {
            Some(to) if from > 0 && from <= to => {
                if found.len() + usize::from(to - from) >= most {
                    return false;
                }
                found.extend((from..=to.min(NUMBERS)).map(|number| code(prefix, number)));
            }
            _ => found.push(malformed()),
        },
        (None, _) => found.push(malformed()),
    }
    found.len() <= most
}

fn code(prefix: &str, number: u16) -> Named {
    Named::Code(format_compact!("{prefix}{number:03}"))
}

/// Two letters, and `C` or `Z`.
fn is_state(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, b'C' | b'Z'] if a.is_ascii_uppercase() && b.is_ascii_uppercase())
}

fn digits(text: &str) -> Option<u16> {
    (text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(value: &str) -> String {
        let told = |named: Named| match named {
            Named::Code(code) => code.to_string(),
            Named::AllOf(prefix) => format!("{prefix}*"),
            Named::Malformed(group) => format!("?{group}"),
        };
        let found = expand(Kind::Ugc, value, 100).map(|found| found.into_iter().map(told).collect::<Vec<_>>());
        found.map_or_else(|| "too many".to_owned(), |found| found.join(" "))
    }

    #[test]
    fn a_packed_list_is_unpacked() {
        for (value, expected) in [
            ("NMC001", "NMC001"),
            ("NMZ501>503-509>510-522-", "NMZ501 NMZ502 NMZ503 NMZ509 NMZ510 NMZ522"),
            ("NMZ501>NMZ503", "NMZ501 NMZ502 NMZ503"),
            ("AKZ185-187-021236-", "AKZ185 AKZ187"),
            ("NMZ501-TXC003-005-", "NMZ501 TXC003 TXC005"),
            ("NMZ501- 502-", "NMZ501 NMZ502"),
            ("ALC001 ALC003", "ALC001 ALC003"),
            ("NMZALL-TXC000-", "NMZ* TXC*"),
            ("501", "?501"),
            ("ALC001 003", "ALC001 ?003"),
            ("NMZ503>501", "?NMZ503>501"),
            ("NMZ000>003", "?NMZ000>003"),
            ("NMZ501>502>503", "?NMZ501>502>503"),
            ("021236", "?021236"),
            ("NMX001", "?NMX001"),
            ("NMZ001>900", "too many"),
        ] {
            assert_eq!(unpacked(value), expected, "{value}");
        }
    }

    #[test]
    fn several_codes_in_one_value_are_several() {
        let found = expand(Kind::Other, "A1 B2", 2);
        assert_eq!(found, Some(vec![Named::Code("A1".into()), Named::Code("B2".into())]));
        assert_eq!(expand(Kind::Other, "A1 B2 C3", 2), None);
    }

    proptest! {
        #[test]
        fn no_value_is_too_hostile(value in "[A-C0-9Z>\\- é]{0,40}|\\PC{0,20}", most in 0_usize..2_000) {
            for kind in [Kind::Ugc, Kind::Same, Kind::Cpeas, Kind::Other] {
                if let Some(found) = expand(kind, &value, most) {
                    prop_assert!(found.len() <= most.max(1));
                }
            }
        }
    }
}
