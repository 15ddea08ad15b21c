//! Words of prose and of code, the same for the keyword index and for the lexical embedder.
//!
//! A word is a run of letters, digits and combining marks. It is folded (compatibility forms, accents, case), so that
//! `Café`, `cafe` and a decomposed `café` are one word. An identifier in camel case gives its parts as well:
//! `parseHttpUrl` is found by `http`. Scripts without spaces between words give their characters and pairs of
//! neighbouring characters, which is the usual way to search them without a dictionary.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut, in characters: encoded data has no words.
const MAX_WORD: usize = 64;

/// Calls `each` with every word of the text, folded, in order.
pub(crate) fn for_each_word(text: &str, mut each: impl FnMut(&str)) {
    for run in text.split(|c| !is_word_char(c)).filter(|run| !run.is_empty()) {
        let mut rest = run;
        while let Some(first) = rest.chars().next() {
            let unspaced = is_unspaced(first);
            let end =
                rest.find(|c| is_unspaced(c) != unspaced && !is_combining_mark(c)).unwrap_or(rest.len());
            let (part, tail) = rest.split_at(end);
            if unspaced {
                characters(part, &mut each)
            } else {
                identifier(part, &mut each)
            }
            rest = tail;
        }
    }
}

/// Whether a word says next to nothing about a text (English function words).
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

const STOP_WORDS: [&str; 62] = [
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is",
    "it", "its", "me", "my", "no", "not", "of", "on", "or", "our", "should", "so", "some", "than", "that",
    "the", "their", "then", "there", "these", "they", "this", "to", "was", "we", "what", "when", "which",
    "will", "with", "would", "you",
];

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Han, kana, Thai, Lao, Myanmar, Khmer: written without spaces.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

fn characters(run: &str, each: &mut impl FnMut(&str)) {
    let text: String = run.nfkc().collect();
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    for (from, to) in starts.iter().zip(starts.iter().skip(1)) {
        each(text.get(*from..*to).unwrap_or_default());
    }
    for (from, to) in starts.iter().zip(starts.iter().skip(2)) {
        each(text.get(*from..*to).unwrap_or_default());
    }
}

fn identifier(run: &str, each: &mut impl FnMut(&str)) {
    let end = run.char_indices().nth(MAX_WORD).map_or(run.len(), |(at, _)| at);
    let run = unaccented(run.get(..end).unwrap_or(run));
    if run.is_empty() {
        return;
    }
    each(&run.to_lowercase());
    let mut parts = camel_parts(&run).peekable();
    if parts.peek().is_some_and(|part| part.len() < run.len()) {
        parts.for_each(|part| each(&part.to_lowercase()));
    }
}

fn unaccented(run: &str) -> String {
    if run.is_ascii() {
        return run.to_owned();
    }
    run.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36F}')).nfc().collect()
}

/// `parseHTTPUrl` is `parse`, `HTTP`, `Url`.
fn camel_parts(run: &str) -> impl Iterator<Item = &str> {
    let mut rest = run;
    std::iter::from_fn(move || {
        let (part, tail) = rest.split_at(camel_end(rest));
        rest = tail;
        (!part.is_empty()).then_some(part)
    })
}

fn camel_end(run: &str) -> usize {
    let mut before = None;
    let mut chars = run.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
        let starts_part =
            c.is_uppercase() && before.is_some_and(|before: char| !before.is_uppercase() || next_is_lower);
        if starts_part {
            return at;
        }
        before = Some(c);
    }
    run.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        for_each_word(text, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn prose_and_punctuation() {
        assert_eq!(words("It's \"done\", (v2.0)!"), ["it", "s", "done", "v2", "0"]);
        assert!(words("  ... -- ¿?! \0").is_empty());
    }

    #[test]
    fn identifiers_give_their_parts() {
        assert_eq!(words("parseHTTPUrl"), ["parsehttpurl", "parse", "http", "url"]);
        assert_eq!(words("max_concurrent"), ["max", "concurrent"]);
        assert_eq!(words("Task"), ["task"]);
        assert_eq!(words("HTTP"), ["http"]);
    }

    #[test]
    fn accents_case_and_compatibility_forms_are_folded() {
        assert_eq!(words("Café CAFE cafe\u{301} ﬁn Ｗｉｄｅ"), ["cafe", "cafe", "cafe", "fin", "wide"]);
        assert_eq!(words("İstanbul ΑΘΗΝΑ"), ["istanbul", "αθηνα"]);
    }

    #[test]
    fn unspaced_scripts_give_characters_and_pairs() {
        assert_eq!(words("東京都v2"), ["東", "京", "都", "東京", "京都", "v2"]);
        assert_eq!(words("水"), ["水"]);
    }

    #[test]
    fn stop_words_are_sorted_for_the_search() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("the") && is_stop_word("a") && is_stop_word("you") && !is_stop_word("octopus"));
    }

    proptest! {
        #[test]
        fn any_text_has_bounded_words(text in any::<String>()) {
            for word in words(&text) {
                prop_assert!(!word.is_empty());
                prop_assert!(word.chars().count() <= MAX_WORD * 20);
            }
        }

        #[test]
        fn folding_is_stable(text in "[a-zA-Zäöüéñ ]{0,40}") {
            let once = words(&text.to_lowercase());
            prop_assert_eq!(words(&once.join(" ")), once);
        }
    }
}
