//! What takes the place of a finding in a sanitized text: its type and a letter, `<EMAIL_A>`.
//!
//! Not a number, as a task's own placeholders have. Within a task this text goes back through the task's vault, and `<EMAIL_1>`
//! would there be turned into the very address that was taken out, or into another one.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use octollm_core::reflex::{Finding, Placeholders};

/// Names in a text that are remembered, and bytes of the longest.
const MOST_HELD: usize = 4096;
const LONGEST: usize = 64;

/// Letters given out so far. Serves one answer and is then dropped.
#[derive(Default)]
pub(super) struct Letters(Mutex<Given>);

#[derive(Default)]
struct Given {
    names: HashMap<(String, String), String>,
    counts: HashMap<String, usize>,
    /// What the text itself holds that reads like one of them.
    held: HashSet<String>,
}

impl Given {
    /// The next name of this type that the text does not hold.
    fn next(&mut self, type_name: &str) -> String {
        let count = self.counts.entry(type_name.to_owned()).or_insert(0);
        loop {
            let name = format!("<{}_{}>", type_name.to_uppercase(), letters(*count));
            *count += 1;
            if !self.held.contains(&name) {
                return name;
            }
        }
    }
}

impl Placeholders for Letters {
    fn placeholder(&self, finding: &Finding, value: &str) -> String {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (finding.type_name.to_string(), value.to_owned());
        if let Some(name) = given.names.get(&key) {
            return name.clone();
        }
        let name = given.next(&key.0);
        given.names.insert(key, name.clone());
        name
    }

    fn reserve(&self, text: &str) {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = text.match_indices('<').filter_map(|(at, _)| {
            let rest = text.get(at..)?;
            rest.get(..=rest.bytes().take(LONGEST).position(|byte| byte == b'>')?)
        });
        for name in names {
            if given.held.len() < MOST_HELD {
                given.held.insert(name.to_owned());
            }
        }
    }
}

/// A, B, ... Z, AA, AB, ...
fn letters(mut count: usize) -> String {
    let mut name = String::new();
    loop {
        name.insert(0, char::from(b'A' + u8::try_from(count % 26).unwrap_or_default()));
        match (count / 26).checked_sub(1) {
            Some(rest) => count = rest,
            None => return name,
        }
    }
}

#[cfg(test)]
mod tests {
    use octollm_core::reflex::Detectors;

    use super::*;

    #[test]
    fn what_the_text_holds_is_not_given_out() {
        let given = Letters::default();
        given.reserve("mail <EMAIL_A> or <email> < <EMAIL_B");
        let finding = Detectors::new().unwrap().private("bob@example.com").into_iter().next().unwrap();
        assert_eq!(given.placeholder(&finding, "bob@example.com"), "<EMAIL_B>");
    }

    #[test]
    fn letters_go_on_after_the_last() {
        assert_eq!([0, 1, 25, 26, 51, 52, 702].map(letters), ["A", "B", "Z", "AA", "AZ", "BA", "AAA"]);
    }
}
