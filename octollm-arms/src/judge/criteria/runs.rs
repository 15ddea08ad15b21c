//! Criteria that only a run of the tests can decide.

use super::wording::Wording;

/// Whether the criterion asks that the tests pass, and nothing else.
pub(in crate::judge) fn about_tests(criterion: &str) -> bool {
    let wording = Wording::of(criterion);
    let words: Vec<&str> = wording.core().into_iter().filter(|word| !FILLING.contains(word)).collect();
    matches!(
        words.as_slice(),
        ["tests" | "test", "pass" | "passes" | "passing" | "succeed" | "succeeds" | "green"]
            | ["passes" | "pass", "tests"]
            | ["tests", "run", "without", "failures" | "errors" | "failure" | "error"]
            | ["no", "test" | "tests", "fail" | "fails"]
            | ["no", "failing", "tests" | "test"]
    )
}

/// Words that change nothing about what is asked.
const FILLING: [&str; 14] = [
    "all",
    "of",
    "the",
    "its",
    "their",
    "own",
    "unit",
    "every",
    "must",
    "should",
    "are",
    "successfully",
    "included",
    "given",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_tests_pass_is_understood_and_nothing_more() {
        for criterion in [
            "Tests pass",
            "All unit tests pass.",
            "The code passes all of its tests",
            "Its own unit tests must all pass",
            "No tests fail",
            "the tests are green",
        ] {
            assert!(about_tests(criterion), "{criterion}");
        }
        for criterion in [
            "has unit tests",
            "Tests pass on Windows",
            "tests pass in under a second",
            "The tests of the parser pass",
            "passes the exam",
            "tests",
        ] {
            assert!(!about_tests(criterion), "{criterion}");
        }
    }
}
