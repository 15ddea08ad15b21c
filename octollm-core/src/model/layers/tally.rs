//! What a call has used: as the provider counts it, or estimated where it does not say.

use super::watch::Ending;
use crate::model::estimate::{bytes_tokens, delta_bytes};
use crate::model::{Delta, TokenUsage};

#[derive(Debug)]
pub(super) struct Tally {
    /// Estimated.
    input: u64,
    /// Bytes that were said so far.
    said: usize,
    /// What the provider counted so far.
    counted: Option<TokenUsage>,
}

impl Tally {
    /// A call whose input has about so many tokens.
    pub(super) fn new(input: u64) -> Self {
        Self { input, said: 0, counted: None }
    }

    pub(super) fn delta(&mut self, delta: &Delta) {
        match delta {
            Delta::Usage(tokens) => self.counted = Some(*tokens),
            other => self.said += delta_bytes(other),
        }
    }

    /// Some providers count the input at the beginning and the output at the end. Where the end never came, at least
    /// what was said counts.
    pub(super) fn used(&self, ending: Ending<'_>) -> TokenUsage {
        let said = bytes_tokens(self.said);
        match (self.counted, ending) {
            (Some(counted), Ending::Complete) => counted,
            (Some(counted), _) => TokenUsage { output_tokens: counted.output_tokens.max(said), ..counted },
            (None, _) => {
                TokenUsage { input_tokens: self.input, output_tokens: said, ..TokenUsage::default() }
            }
        }
    }
}
