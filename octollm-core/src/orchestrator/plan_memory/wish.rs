//! Whether two goals say the same: the words that carry meaning, in order.
//!
//! Cautious on purpose: a plan that is made again costs a model call, one that is used for something else costs trust.
//! So only what cannot change a goal's meaning is passed over: politeness, function words, endings, and a few verbs that
//! mean the same. English; in other languages fewer wordings are found to be the same, never more.

use crate::memory::{for_each_word, is_stop_word};

/// Function words that do change what is meant.
const MEANINGFUL: [&str; 7] = ["from", "no", "not", "into", "all", "any", "some"];

/// Words that are only polite.
const POLITE: [&str; 14] = [
    "please", "kindly", "hello", "hi", "hey", "dear", "thanks", "thank", "need", "want", "like", "help",
    "just", "let",
];

/// Verbs that mean the same here; the first of each stands for all.
const SAME: [&[&str]; 3] = [
    &["create", "write", "make", "build", "generate", "implement", "produce", "develop", "compose"],
    &["calculate", "compute", "determine"],
    &["find", "search", "locate"],
];

/// The words of `goal` that carry its meaning, folded, in order.
pub(super) fn wish(goal: &str) -> Vec<String> {
    let mut words = Vec::new();
    for_each_word(goal, |word| {
        let passes = MEANINGFUL.contains(&word) || !(is_stop_word(word) || POLITE.contains(&word));
        if passes {
            words.push(one_for_all(&stem(word)));
        }
    });
    words
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
        ];
        for (left, right) in pairs {
            assert_ne!(wish(left), wish(right), "{left} / {right}");
        }
    }
}
