//! The words of a goal, for rules that look for words.

/// A text's words: lower case, letters and digits only, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of `text`.
    pub fn of(text: &str) -> Self {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        Self(words.map(str::to_lowercase).collect())
    }

    /// Whether the words of `phrase` stand in it one after the other.
    pub fn contains_phrase(&self, phrase: &str) -> bool {
        let phrase = Self::of(phrase);
        !phrase.0.is_empty() && self.0.windows(phrase.0.len()).any(|window| window == phrase.0.as_slice())
    }

    /// Which part of `words` is in it, 0..=1; plural and singular are the same word.
    pub fn share_of(&self, words: &Words) -> f64 {
        if words.0.is_empty() {
            return 0.0;
        }
        let found = words.0.iter().filter(|wanted| self.0.iter().any(|word| same_word(word, wanted)));
        found.count() as f64 / words.0.len() as f64
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn same_word(left: &str, right: &str) -> bool {
    left == right || left.trim_end_matches('s') == right.trim_end_matches('s')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_stand_on_word_boundaries() {
        let words = Words::of("Please look-up the Weather forecasts!");
        assert!(words.contains_phrase("look up"));
        assert!(!words.contains_phrase("up weather"));
        assert!(!Words::of("The island").contains_phrase("is"));
    }

    #[test]
    fn plural_is_the_same_word() {
        let words = Words::of("weather forecasts for Paris");
        assert!((words.share_of(&Words::of("weather_forecast")) - 1.0).abs() < f64::EPSILON);
        assert!((words.share_of(&Words::of("weather_analysis")) - 0.5).abs() < f64::EPSILON);
    }
}
