//! What a language model adds to what was found: a better order, and an answer in its own words.
//!
//! Neither is taken on trust. An order is only an order: nothing comes in by it, and what it leaves out keeps its place
//! behind. An answer is taken apart into sentences, each with a passage and a quote, and every quote is looked up as those
//! of the quoting synthesis are. Where the model fails, or nothing that it said holds, the answer is what it would have been
//! without one, and a note says why.

mod answer;
mod rank;

use std::path::Path;
use std::sync::Arc;

use octollm_core::Result;
use octollm_core::memory::Chunk;
use octollm_core::model::prompts::{Prompt, data_block, text_in};
use octollm_core::model::{CallContext, LanguageModel, Models, Purpose};

use crate::expert::{Expert, numbered};

const RANK: &str = "retriever_rank.v1";
const ANSWER: &str = "retriever_answer.v1";
const VALUES: &[&str] = &["passages", "question"];

/// What models are told.
#[derive(Debug)]
struct Prompts {
    rank: Prompt,
    answer: Prompt,
}

/// A model that reads what was found.
pub(super) struct Reader {
    model: Arc<dyn LanguageModel>,
    prompts: Prompts,
}

impl Reader {
    /// The general model, if there is one.
    ///
    /// # Errors
    /// None as long as the library's tests pass.
    pub(super) fn new(models: &Models) -> Result<Option<Self>> {
        let Some(model) = models.for_purpose(Purpose::General) else { return Ok(None) };
        let rank = Prompt::parse(RANK, include_str!("../../../prompts/retriever_rank.v1.md"), VALUES)?;
        let answer = Prompt::parse(ANSWER, include_str!("../../../prompts/retriever_answer.v1.md"), VALUES)?;
        Ok(Some(Self { model, prompts: Prompts { rank, answer } }))
    }

    /// Takes the prompts that `folder` has. Blocks while it reads.
    ///
    /// # Errors
    /// `not_configured` for a file that cannot be read; `invalid_input` for unknown or missing names in it.
    pub(super) fn read_prompts(&mut self, folder: &Path) -> Result<()> {
        for (name, prompt) in [(RANK, &mut self.prompts.rank), (ANSWER, &mut self.prompts.answer)] {
            if let Some(text) = text_in(folder, name)? {
                *prompt = Prompt::parse(name, &text, VALUES)?;
            }
        }
        Ok(())
    }

    fn expert(&self, context: CallContext) -> Expert<'_, Prompts> {
        Expert { model: self.model.clone(), prompts: &self.prompts, purpose: Purpose::General, context }
    }
}

/// Why a model is not asked where there is none.
pub(super) const NO_MODEL: &str =
    "no model is there; set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST, see docs/models.md";

/// Passages as a model reads them, each under its headings and with as much of its text as `most` bytes hold.
fn shown<'a>(chunks: impl Iterator<Item = &'a Chunk>, most: usize) -> String {
    let passage = |chunk: &Chunk| {
        let heading = chunk.metadata.get("heading").and_then(|heading| heading.as_str()).unwrap_or_default();
        let text = [cut(heading, most / 4), cut(&chunk.content, most)];
        text.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    };
    let passages: Vec<String> = chunks.map(passage).collect();
    numbered("passage", passages.iter().map(String::as_str))
}

fn question(query: &str) -> String {
    data_block("question", query.trim())
}

/// The first bytes of a text, up to the end of a character.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
