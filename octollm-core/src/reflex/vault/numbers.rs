//! Which numbers are given out, and which are not because a text already holds them.

use std::collections::{BTreeMap, HashMap};

use super::candidate::{candidates, glued};

/// Names with numbers that are remembered one by one. Of a text with more, every number up to its largest is passed over.
const MOST: usize = 4096;
/// Digits of a number in a text that can be given out at all.
const TELLING_DIGITS: usize = 9;

/// The numbers of the placeholders of one task or one call.
#[derive(Default)]
pub(in crate::reflex) struct Numbers {
    /// The last number that was given out for each label.
    last: HashMap<String, u64>,
    /// Digits that stand in a text behind a name, and the names. A number is passed over where such digits begin with it and
    /// such a name ends with its label: what stands around it may be taken away.
    held: BTreeMap<String, Vec<String>>,
    count: usize,
    /// Every number up to this one is passed over.
    floor: u64,
}

impl Numbers {
    /// Takes note of what in this text could be a placeholder.
    pub(in crate::reflex) fn reserve(&mut self, text: &str) {
        for found in candidates(text) {
            if let Some((name, digits)) = found.name.rsplit_once('_') {
                self.hold(name, digits);
            }
        }
        for (name, digits) in glued(text) {
            self.hold(&name, digits);
        }
    }

    fn hold(&mut self, name: &str, digits: &str) {
        let digits: String = digits.chars().take(TELLING_DIGITS).collect();
        if self.count >= MOST {
            self.floor = self.floor.max(digits.parse().unwrap_or(u64::MAX / 2));
            return;
        }
        let names = self.held.entry(digits).or_default();
        if !names.iter().any(|held| held == name) {
            names.push(name.to_owned());
            self.count += 1;
        }
    }

    /// A name of ours that was given out before.
    pub(super) fn taken(&mut self, name: &str) {
        let Some((label, number)) = name.rsplit_once('_') else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        let last = self.last.entry(label.to_owned()).or_default();
        *last = (*last).max(number);
    }

    /// The next number for this label.
    pub(in crate::reflex) fn next(&mut self, label: &str) -> u64 {
        let mut number = self.last.get(label).copied().unwrap_or_default().max(self.floor) + 1;
        while self.is_held(label, number) {
            number += 1;
        }
        self.last.insert(label.to_owned(), number);
        number
    }

    fn is_held(&self, label: &str, number: u64) -> bool {
        let digits = number.to_string();
        let from_here = self.held.range(digits.clone()..).take_while(|(held, _)| held.starts_with(&digits));
        from_here.flat_map(|(_, names)| names).any(|name| name.ends_with(label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_holds_is_passed_over() {
        let mut numbers = Numbers::default();
        numbers.reserve("<EMAIL_1> comEMAIL_23x [phone 1] a_1");
        let next: Vec<_> = (0..3).map(|_| numbers.next("EMAIL")).collect();
        assert_eq!(next, [3, 4, 5], "1 stands there, 2 is how 23 begins");
        assert_eq!((numbers.next("PHONE"), numbers.next("IBAN")), (2, 1));
        assert_eq!(numbers.next("MAIL"), 3, "EMAIL ends with it");
    }

    #[test]
    fn a_text_full_of_them_costs_no_more_than_it_may() {
        let mut numbers = Numbers::default();
        let text: String = (1..10_000).map(|number| format!("<EMAIL_{number}> ")).collect();
        numbers.reserve(&text);
        assert_eq!((numbers.count, numbers.next("EMAIL")), (MOST, 10_000));
    }
}
