//! What takes the place of a finding in a sanitized text: its type and a letter, `<EMAIL_A>`.
//!
//! Not a number, as a task's own placeholders have. Within a task this text goes back through the task's vault, and `<EMAIL_1>`
//! would there be turned into the very address that was taken out, or into another one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use octollm_core::reflex::{Finding, Placeholders};

/// Letters given out so far. Serves one answer and is then dropped.
#[derive(Default)]
pub(super) struct Letters(Mutex<Given>);

#[derive(Default)]
struct Given {
    names: HashMap<(String, String), String>,
    counts: HashMap<String, usize>,
}

impl Placeholders for Letters {
    fn placeholder(&self, finding: &Finding, value: &str) -> String {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (finding.type_name.to_string(), value.to_owned());
        if let Some(name) = given.names.get(&key) {
            return name.clone();
        }
        let count = given.counts.entry(key.0.clone()).or_insert(0);
        let name = format!("<{}_{}>", key.0.to_uppercase(), letters(*count));
        *count += 1;
        given.names.insert(key, name.clone());
        name
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
    use super::*;

    #[test]
    fn letters_go_on_after_the_last() {
        assert_eq!([0, 1, 25, 26, 51, 52, 702].map(letters), ["A", "B", "Z", "AA", "AZ", "BA", "AAA"]);
    }
}
