//! Whether two goals say the same: the words that carry meaning, in order.
//!
//! Cautious on purpose: a plan that is made again costs a model call, one that is used for something else costs trust.
//! So only what cannot change a goal's meaning is passed over: politeness, function words, endings, and a few verbs that
//! mean the same. English; in other languages fewer wordings are found to be the same, never more.

use crate::memory::for_each_word;

/// Words that change nothing: articles, auxiliaries, politeness. Every other function word may decide what is meant
/// ("or", "if", "from", "not", "in").
const PASSED_OVER: [&str; 37] = [
    "a", "an", "the", "is", "are", "be", "to", "that", "which", "this", "it", "you", "i", "me", "we", "us",
    "can", "could", "would", "will", "for", "of", "please", "kindly", "hello", "hi", "hey", "dear", "thanks",
    "thank", "need", "want", "like", "help", "just", "let", "my",
];

/// Signs that only part a text.
const PUNCTUATION: [char; 6] = ['.', ',', '!', '?', ';', ':'];

/// Verbs that mean the same here; the first of each stands for all.
const SAME: [&[&str]; 3] = [
    &["create", "write", "make", "build", "generate", "implement", "produce", "develop", "compose"],
    &["calculate", "compute", "determine"],
    &["find", "search", "locate"],
];

/// What `goal` says: the words that carry its meaning, folded, in order; then its names of one letter and its signs, which
/// are no words ("drive A", "C++", "a < b").
pub(super) fn wish(goal: &str) -> Vec<String> {
    let mut said = Vec::new();
    for_each_word(goal, |word| {
        if !PASSED_OVER.contains(&word) {
            said.push(one_for_all(&stem(word)));
        }
    });
    let names = goal.split(|c: char| !c.is_alphanumeric()).skip(1).filter(|word| word.chars().count() == 1);
    said.extend(names.filter(|name| name.chars().all(char::is_uppercase)).map(str::to_owned));
    let signs =
        goal.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace() && !PUNCTUATION.contains(c));
    said.extend(signs.map(String::from));
    said
}

fn one_for_all(stem_of: &str) -> String {
    let group = SAME.iter().find(|group| group.iter().any(|word| stem(word) == stem_of));
    group.and_then(|group| group.first()).map_or_else(|| stem_of.to_owned(), |first| stem(first))
}

/// The word without its ending, roughly: plural, tense, and the silent `e` that those take away.
fn stem(word: &str) -> String {
    let short = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.len() >= 4);
    let rest = ["ing", "ed", "es", "s"].into_iter().find_map(short).unwrap_or(word);
    rest.strip_suffix('e').filter(|rest| rest.len() >= 4).unwrap_or(rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wordings_of_one_wish_are_the_same() {
        let wish_of = wish("Write a Python function to calculate fibonacci numbers");
        for other in [
            "Please create a Python function that calculates Fibonacci numbers.",
            "write a python function which computes the Fibonacci numbers!",
            "I need you to implement a Python function for computing Fibonacci numbers, please",
        ] {
            assert_eq!(wish(other), wish_of, "{other}");
        }
    }

    #[test]
    fn what_differs_in_meaning_differs() {
        let pairs = [
            ("Copy report A into folder B", "Copy report B into folder A"),
            ("Copy the report from the server", "Copy the report to the server"),
            ("Delete the files that are not used", "Delete the files that are used"),
            ("Create the file report.txt", "Find the file report.txt"),
            ("Get the weather for 5 days", "Get the weather for 7 days"),
            ("Get the weather in Paris", "Get the weather in Rome"),
            ("Write tests for the parser", "Write the parser without tests"),
            ("Convert the table to JSON", "Convert the JSON to a table"),
            ("Delete all old logs", "Delete some old logs"),
            ("Write the parser in C", "Write the parser in C++"),
            ("Format drive A", "Format drive I"),
            ("Delete logs or backups", "Delete logs and backups"),
            ("Find rows where x < 5", "Find rows where x > 5"),
            ("Add 5 to the total", "Add -5 to the total"),
        ];
        for (left, right) in pairs {
            assert_ne!(wish(left), wish(right), "{left} / {right}");
        }
    }
}
