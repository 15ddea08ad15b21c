//! Looks at what a model says while it says it, so that no more is shown than its finished answer may hold.
//!
//! An answer is screened as a whole when it is there. What is shown before (`model.delta`) is screened here in the order in
//! which it comes, with the same detectors. A finding is only found when all of it has come: so the newest
//! [`LOOK_AHEAD`] bytes are never shown until the answer ends, what is shown ends between two words, and where a finding
//! begins before that end and goes on behind it, everything from its beginning on waits. A private key is longer than that,
//! and waits from its first line to its last.
//!
//! What this cannot see is what the words before say about those that come: nine digits that only an earlier paragraph
//! makes a number of identification. And the pieces of JSON are seen as they are written, not as they are read.

use super::{Origin, Policy, RedactStyle, ReflexChain, Report, Rules, Verdict};
use crate::error::Result;
use crate::model::{Screen, Shown, WholePlaceholders};
use crate::task::TaskId;

/// Bytes of the newest words that are not shown yet: about the longest thing that has spaces in it and is one finding.
const LOOK_AHEAD: usize = 256;

/// How the first line of a key begins, and the last.
const KEY_BEGINS: &str = "-----BEGIN";
const KEY_ENDS: &str = "-----END";

/// Shows what a chain's policy lets through of an arm's answer: personal data and secrets are covered letter by letter, and
/// where the policy refuses, the rest of the answer is not shown. A chain without reflexes shows everything.
#[derive(Debug)]
pub struct ReflexScreen {
    chain: ReflexChain,
}

impl ReflexScreen {
    /// A screen with the chain's detectors, under its policy.
    ///
    /// # Errors
    /// Those of [`ReflexChain::under`].
    pub fn new(chain: &ReflexChain) -> Result<Self> {
        let policy = chain.policy().clone();
        // Orders to a model concern nobody who only reads. Placeholders would be taken for those of the task's vault.
        let policy = Policy { injection: Rules::all(super::Action::Off), style: RedactStyle::Mask, ..policy };
        Ok(Self { chain: chain.under(policy)? })
    }
}

impl Screen for ReflexScreen {
    fn screen(&self, task: Option<TaskId>, said: &str, ended: bool) -> Shown {
        if self.chain.is_empty() {
            return WholePlaceholders::default().screen(task, said, ended);
        }
        let bytes = if ended { said.len() } else { self.settled(said) };
        let ready = said.get(..bytes).unwrap_or_default();
        if ready.is_empty() {
            return Shown::AsSaid { bytes: 0 };
        }
        let (text, report) = self.chain.screen(ready, Origin::Arm);
        match report.verdict {
            Verdict::Pass => Shown::AsSaid { bytes },
            Verdict::Rewrite => Shown::Instead { text: text.into_owned(), bytes },
            _ => Shown::Withheld,
        }
    }
}

impl ReflexScreen {
    /// Bytes that nothing which is still to come can make a part of a finding.
    fn settled(&self, said: &str) -> usize {
        let far = said.floor_char_boundary(said.len().saturating_sub(LOOK_AHEAD));
        let far = word_end(said, far).min(open_key(said));
        if far == 0 {
            return far;
        }
        let (_, report) = self.chain.screen(said, Origin::Arm);
        word_end(said, before_findings(&report, far))
    }
}

/// The last end of a word up to `at`.
fn word_end(said: &str, at: usize) -> usize {
    let space = said.get(..at).and_then(|text| text.char_indices().rev().find(|(_, c)| c.is_whitespace()));
    space.map_or(0, |(start, space)| start + space.len_utf8())
}

/// Where a key begins that has not ended.
fn open_key(said: &str) -> usize {
    let begun = said.rfind(KEY_BEGINS);
    let open = begun.filter(|at| !said.get(*at..).is_some_and(|rest| rest.contains(KEY_ENDS)));
    open.unwrap_or(said.len())
}

/// `at`, or the beginning of the finding that it would cut in two.
fn before_findings(report: &Report, at: usize) -> usize {
    let cut = report.sightings.iter().map(|sighting| &sighting.finding);
    let cut = cut.filter(|finding| finding.start < at && finding.end > at).map(|finding| finding.start);
    cut.min().unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflex::Preset;

    /// What is shown of an answer that comes in pieces of this size.
    fn shown(preset: Preset, answer: &str, size: usize) -> String {
        let chain = ReflexChain::new(Policy::of(preset)).unwrap();
        let screen = ReflexScreen::new(&chain).unwrap();
        let (mut held, mut shown) = (String::new(), String::new());
        let pieces: Vec<char> = answer.chars().collect();
        let mut pieces = pieces.chunks(size).peekable();
        while let Some(piece) = pieces.next() {
            held.extend(piece);
            match screen.screen(None, &held, pieces.peek().is_none()) {
                Shown::AsSaid { bytes } => shown.push_str(&held.drain(..bytes).collect::<String>()),
                Shown::Instead { text, bytes } => {
                    held.drain(..bytes);
                    shown.push_str(&text);
                }
                Shown::Withheld => return shown,
            }
        }
        shown
    }

    fn around(found: &str) -> String {
        let words = "The octopus has three hearts and nine brains, and none of them is in a hurry. ";
        format!("{}It wrote {found} in the sand. {}", words.repeat(5), words.repeat(5))
    }

    #[test]
    fn what_the_finished_answer_may_not_hold_is_never_shown() {
        for found in [
            "jane.doe@example.com",
            "4111 1111 1111 1111",
            "GB82 WEST 1234 5698 7654 32",
            "AKIAIOSFODNN7EXAMPLQ",
            "postgres://admin:hunter22secret@db.example.com/prod",
        ] {
            let answer = around(found);
            let chain = ReflexChain::new(Policy::default()).unwrap();
            let whole = ReflexScreen::new(&chain).unwrap().chain.screen(&answer, Origin::Arm).0.into_owned();
            assert!(!whole.contains(found), "{found} is found at all");
            for size in [1, 7, 40, 1_000] {
                assert_eq!(shown(Preset::Default, &answer, size), whole, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_private_key_waits_for_its_end() {
        let key = format!(
            "-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(20)
        );
        for size in [1, 30] {
            let shown = shown(Preset::Default, &around(&key), size);
            assert!(!shown.contains("MIIEvQ") && shown.contains("in the sand"), "{shown}");
        }
    }

    #[test]
    fn everything_else_comes_unchanged_and_long_before_the_end() {
        let answer = around("<EMAIL_1>, as it was told to ignore all previous instructions,");
        assert_eq!(shown(Preset::Default, &answer, 3), answer);
        assert_eq!(shown(Preset::Off, &answer, 3), answer);
        let chain = ReflexChain::new(Policy::default()).unwrap();
        let screen = ReflexScreen::new(&chain).unwrap();
        let Shown::AsSaid { bytes } = screen.screen(None, &answer, false) else { panic!("it is clean") };
        assert!(answer.len() - bytes < LOOK_AHEAD + 20 && answer[..bytes].ends_with(' '));
    }

    #[test]
    fn where_the_policy_refuses_nothing_more_is_shown() {
        let mut policy = Policy::of(Preset::Default);
        policy.secrets = Rules::all(crate::reflex::Action::Refuse);
        let screen = ReflexScreen::new(&ReflexChain::new(policy).unwrap()).unwrap();
        assert_eq!(screen.screen(None, &around("AKIAIOSFODNN7EXAMPLQ"), true), Shown::Withheld);
    }
}
