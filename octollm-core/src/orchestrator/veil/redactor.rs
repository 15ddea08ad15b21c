//! What a model is shown: placeholders, in what it is asked and in what it answers.

use crate::model::layers::{Redactor, Shape};
use crate::reflex::{LONGEST_PLACEHOLDER, Origin, Place};

use super::Veil;

/// Inside a task an answer keeps its placeholders; one that a model altered is written as it was given out, so that it can be
/// found again by who only knows that form, and is never cut in two while an answer streams.
pub(super) struct TaskRedactor(pub(super) Veil);

impl Redactor for TaskRedactor {
    fn shape(&self) -> Shape {
        Shape { open: "<", close: ">", longest: LONGEST_PLACEHOLDER }
    }

    fn redact(&self, text: &str) -> String {
        let Some(veil) = self.0.some() else { return text.to_owned() };
        let mut screening = veil.reflexes.shared.outgoing.screening().with_placeholders(&veil.vault);
        let known = veil.vault.conceal_all(text);
        screening.text(&known, Origin::User, Place::default()).into_owned()
    }

    fn restore(&self, placeholder: &str) -> Option<String> {
        let veil = self.0.some()?;
        let canonical = veil.vault.canonical(placeholder);
        matches!(canonical, std::borrow::Cow::Owned(_)).then(|| canonical.into_owned())
    }
}
