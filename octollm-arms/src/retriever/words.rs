//! Words as a person compares them: without case, endings and filler.
//!
//! Only the synthesis needs this; the stores have their own idea of a word. It is deliberately small: a light English
//! stemmer and a prefix rule bring `crash`, `crashes` and `crashed` together, and a language that the stemmer does not
//! know still matches by whole words and prefixes.

use std::borrow::Cow;

/// Words that say nothing about what is asked.
const FILLER: &[&str] = &[
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being", "but",
    "by", "can", "could", "did", "do", "does", "doing", "each", "explain", "find", "for", "from", "get",
    "gets", "give", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "list", "many",
    "may", "me", "might", "much", "must", "my", "no", "not", "of", "on", "or", "our", "over", "please",
    "shall", "should", "show", "so", "some", "such", "tell", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "to", "under", "up", "us", "use", "used", "uses", "using",
    "was", "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with",
    "would", "you", "your",
];

/// Bytes of the longest of them.
const LONGEST_FILLER: usize = 7;

/// Whether `word` (lowercase, not stemmed) says nothing about what is asked.
fn is_filler(word: &str) -> bool {
    word.len() <= LONGEST_FILLER && FILLER.binary_search(&word).is_ok()
}

/// The lowercase words of `text`: runs of letters and digits, `camelCase` and `snake_case` taken apart.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for_each_word(text, |word| words.push(word.to_owned()));
    words
}

fn for_each_word(text: &str, mut each: impl FnMut(&str)) {
    let mut word = String::new();
    let mut before = ' ';
    for c in text.chars() {
        let hump = c.is_uppercase() && before.is_lowercase();
        let alone = is_unspaced(c) || is_unspaced(before);
        if (hump || alone || !c.is_alphanumeric()) && !word.is_empty() {
            each(&word);
            word.clear();
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        } else if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    if !word.is_empty() {
        each(&word);
    }
}

/// Whether the script of `c` sets no spaces between words: there, every character is a word.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF)
}

/// The stems of `text` in order, filler left out.
pub(super) fn stems(text: &str) -> Vec<String> {
    let mut stems = Vec::new();
    for_each_word(text, |word| {
        if !is_filler(word) {
            stems.push(stem(word));
        }
    });
    stems
}

/// The stems of `text` in order; if there is nothing but filler, the filler itself.
pub(super) fn query_stems(text: &str) -> Vec<String> {
    let found = stems(text);
    let mut found =
        if found.is_empty() { words(text).iter().map(|word| stem(word)).collect() } else { found };
    let mut seen = std::collections::HashSet::new();
    found.retain(|stem: &String| seen.insert(stem.clone()));
    found
}

/// The words of `text` that say what is asked, for a keyword search; all of it if there is nothing but filler.
pub(super) fn telling(text: &str) -> String {
    let telling: Vec<&str> =
        text.split_whitespace().filter(|part| words(part).iter().any(|word| !is_filler(word))).collect();
    if telling.is_empty() { text.to_owned() } else { telling.join(" ") }
}

/// How well two stems match: 1 the same, 0.6 one family (`rout` and `router`), 0 strangers.
pub(super) fn likeness(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    if a.as_bytes().first() != b.as_bytes().first() {
        return 0.0;
    }
    let common = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let longer = a.chars().count().max(b.chars().count());
    if common >= 4 && common * 3 >= longer * 2 { 0.6 } else { 0.0 }
}

/// Takes the usual English endings off a lowercase word. Numbers and short words stay as they are.
pub(super) fn stem(word: &str) -> String {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let singular = without_plural(word);
    let base = without_suffix(&singular);
    base.strip_suffix('e').filter(|rest| rest.len() >= 3).unwrap_or(base).to_owned()
}

fn without_plural(word: &str) -> Cow<'_, str> {
    if let Some(rest) = word.strip_suffix("ies") {
        return if rest.len() >= 2 { format!("{rest}y").into() } else { word.into() };
    }
    for ending in ["sses", "ches", "shes", "xes", "zes"] {
        if word.ends_with(ending) {
            return word.strip_suffix("es").unwrap_or(word).into();
        }
    }
    let keeps_its_s = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    if keeps_its_s { word.into() } else { word.strip_suffix('s').unwrap_or(word).into() }
}

fn without_suffix(word: &str) -> &str {
    for suffix in ["ing", "ed", "ly"] {
        let Some(rest) = word.strip_suffix(suffix) else { continue };
        if rest.len() >= 3 && rest.contains(['a', 'e', 'i', 'o', 'u', 'y']) && !rest.ends_with(['e', 'i']) {
            return undoubled(rest);
        }
    }
    word
}

/// `runn` -> `run`; `fall` and `pass` keep both.
fn undoubled(word: &str) -> &str {
    let bytes = word.as_bytes();
    match bytes {
        [.., a, b] if a == b && word.len() > 3 && !b"lsz".contains(b) => {
            word.get(..word.len() - 1).unwrap_or(word)
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_is_sorted_for_the_search_in_it() {
        assert!(FILLER.is_sorted());
        assert_eq!(FILLER.iter().map(|word| word.len()).max(), Some(LONGEST_FILLER));
    }

    #[test]
    fn forms_of_a_word_meet() {
        for family in [
            &["crash", "crashes", "crashed", "crashing"][..],
            &["survive", "survives", "survived", "surviving"],
            &["retry", "retries"],
            &["run", "running", "runs"],
            &["task", "tasks"],
            &["need", "needs"],
        ] {
            let stems: Vec<_> = family.iter().map(|word| stem(word)).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{stems:?}");
        }
        assert!(likeness(&stem("weigh"), &stem("weights")) > 0.0);
        assert!(likeness(&stem("router"), &stem("routing")) > 0.0);
        assert_eq!(likeness(&stem("judge"), &stem("journal")), 0.0);
    }

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(words("TaskState::next_step (8102)"), ["task", "state", "next", "step", "8102"]);
        assert_eq!(words("東京 x"), ["東", "京", "x"]);
    }

    #[test]
    fn a_question_keeps_what_it_asks_for() {
        assert_eq!(query_stems("Which port does the judge use?"), ["port", "judg"]);
        assert_eq!(query_stems("What is it?"), ["what", "is", "it"]);
        assert_eq!(telling("Which port does the judge use?"), "port judge");
        assert_eq!(telling("What is it?"), "What is it?");
    }
}
