//! From a text to the numbers that a model reads.

use tokenizers::TruncationParams;

use super::folder::{Folder, TOKENIZER};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of a text that are looked at for each token that the model reads. A word has some 5, so that only a text with
/// hundreds of blanks in a row is cut where its tokens would not have ended yet.
const BYTES_PER_TOKEN: usize = 64;

/// One text as the model reads it; empty if the text has nothing to embed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) ids: Vec<u32>,
    /// Which of two sentences a token is of.
    pub(super) types: Vec<u32>,
}

impl Tokens {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

/// A folder's tokenizer.
pub(super) struct Tokenizer {
    inner: tokenizers::Tokenizer,
    max_bytes: usize,
}

impl Tokenizer {
    pub(super) fn load(folder: &Folder) -> Result<Self> {
        let mut inner = tokenizers::Tokenizer::from_bytes(&folder.tokenizer)
            .map_err(|cause| folder.unusable(TOKENIZER, cause.to_string()))?;
        let known = inner.get_vocab(true).into_values().max().map_or(0, |last| last as usize + 1);
        if known > folder.config.vocab_size {
            let reason = format!("it has {known} tokens, the model {}", folder.config.vocab_size);
            return Err(folder.unusable(TOKENIZER, reason));
        }
        let truncation = TruncationParams { max_length: folder.max_tokens, ..TruncationParams::default() };
        inner
            .with_padding(None)
            .with_truncation(Some(truncation))
            .map_err(|cause| folder.unusable(TOKENIZER, cause.to_string()))?;
        Ok(Self { inner, max_bytes: folder.max_tokens.saturating_mul(BYTES_PER_TOKEN) })
    }

    /// The part of a text that can matter to its vector.
    pub(super) fn beginning<'a>(&self, text: &'a str) -> &'a str {
        text.get(..text.floor_char_boundary(self.max_bytes)).unwrap_or(text)
    }

    pub(super) fn tokens(&self, text: &str) -> Result<Tokens> {
        let encoding = self.inner.encode_fast(text, true).map_err(|cause| {
            Error::new(ErrorKind::Internal, "a text could not be turned into tokens").with_source(cause)
        })?;
        // Only the marks around a text, and nothing between them.
        if encoding.get_special_tokens_mask().iter().all(|special| *special == 1) {
            return Ok(Tokens::default());
        }
        Ok(Tokens { ids: encoding.get_ids().to_vec(), types: encoding.get_type_ids().to_vec() })
    }
}
