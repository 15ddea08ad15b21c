//! The windows of a text, by the best of which it is judged: each sentence, each two sentences in a row, and what needs a paragraph to
//! be said. An order mostly is a sentence, and a window that begins or ends elsewhere holds other words beside it.

/// Words of the widest window, and words from one such window to the next.
pub const WIDEST: usize = 40;
const STRIDE: usize = 10;
/// Words of a sentence that is a window of its own; a shorter one goes with the next.
const LEAST: usize = 4;
/// Words from which on a sentence is cut.
const MOST: usize = 20;
const _: () = assert!(2 * MOST <= WIDEST);

/// Where the windows begin that end before the next word, as numbers of words.
pub type Starts = [Option<usize>; 3];

/// The windows of a text whose words are told one after the other.
#[derive(Debug, Default)]
pub struct Windows {
    words: usize,
    /// Where the sentence begins, and the one before.
    sentence: usize,
    before: Option<usize>,
}

impl Windows {
    /// Takes the next word, and whether a sentence begins with it; answers the windows that end before it.
    #[inline]
    pub fn next(&mut self, begins: bool) -> Starts {
        let (here, length) = (self.words, self.words - self.sentence);
        self.words += 1;
        let wide = here.checked_sub(WIDEST).filter(|from| from.is_multiple_of(STRIDE));
        if !(begins && length >= LEAST || length >= MOST) {
            return [None, None, wide];
        }
        let starts = [Some(self.sentence), self.before, wide];
        (self.before, self.sentence) = (Some(self.sentence), here);
        starts
    }

    /// The windows that end with the text; none if it has no words.
    pub fn end(self) -> Starts {
        if self.words == 0 {
            return [None; 3];
        }
        [Some(self.sentence), self.before, Some(self.words.saturating_sub(WIDEST))]
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    /// The windows of a text in which sentences of so many words follow on each other.
    fn of(sentences: &[usize]) -> Vec<Range<usize>> {
        let (mut windows, mut found, mut at) = (Windows::default(), Vec::new(), 0);
        let mut take = |starts: Starts, end| found.extend(starts.into_iter().flatten().map(|from| from..end));
        for length in sentences {
            for word in 0..*length {
                take(windows.next(word == 0), at);
                at += 1;
            }
        }
        take(windows.end(), at);
        found
    }

    #[test]
    fn sentences_are_windows_alone_and_with_the_one_before() {
        assert_eq!(of(&[5, 6, 7]), [0..5, 5..11, 0..11, 11..18, 5..18, 0..18]);
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[1]), [0..1, 0..1]);
    }

    #[test]
    fn a_short_sentence_goes_with_the_next() {
        assert_eq!(of(&[2, 5, 6]), [0..7, 7..13, 0..13, 0..13]);
    }

    #[test]
    fn a_long_sentence_is_cut() {
        let windows = of(&[50]);
        for window in [0..20, 20..40, 0..40, 40..50, 20..50, 10..50] {
            assert!(windows.contains(&window), "{window:?} of {windows:?}");
        }
    }

    #[test]
    fn every_word_is_in_a_window_and_none_is_too_wide() {
        for sentences in [vec![1; 99], vec![3, 9, 41, 2], vec![400], vec![19, 1, 21, 1, 20, 2]] {
            let windows = of(&sentences);
            let covered = |word| windows.iter().any(|window| window.contains(&word));
            assert!((0..sentences.iter().sum()).all(covered), "{sentences:?}");
            assert!(windows.iter().all(|window| (1..=WIDEST).contains(&window.len())), "{sentences:?}");
        }
    }
}
