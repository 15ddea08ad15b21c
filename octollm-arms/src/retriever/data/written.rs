//! Statements that a model writes for questions in words.

use std::path::Path;
use std::sync::Arc;

use octollm_core::model::prompts::{Prompt, Values, data_block, text_in};
use octollm_core::model::structured::{Shape, typed};
use octollm_core::model::{CallContext, LanguageModel, Message, ModelRequest, Models, Purpose};
use octollm_core::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The prompt's name and its values.
const NAME: &str = "retriever_sql.v1";
const VALUES: [&str; 2] = ["question", "tables"];

/// The prompt in this folder, if the folder has one.
///
/// # Errors
/// `not_configured` for a file that cannot be read; `invalid_input` for unknown or missing names in it.
pub(super) fn prompt_in(folder: &Path) -> Result<Option<Prompt>> {
    text_in(folder, NAME)?.map(|text| Prompt::parse(NAME, &text, &VALUES)).transpose()
}

/// What a model answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Draft {
    /// One SELECT statement in SQLite's SQL.
    sql: String,
}

/// Asks a model for statements.
pub(super) struct Writer {
    model: Arc<dyn LanguageModel>,
    prompt: Arc<Prompt>,
    shape: Shape,
}

impl Writer {
    /// Asks the model for [`Purpose::Coding`].
    ///
    /// # Errors
    /// `not_configured` if there is none.
    pub(super) fn new(models: &Models, prompt: Option<Arc<Prompt>>) -> Result<Self> {
        let model = models.for_purpose(Purpose::Coding).ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "no model is there to write SQL for a question in words")
                .with_hint("give the statement as `sql`, or set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST; see docs/models.md")
        })?;
        let prompt = match prompt {
            Some(prompt) => prompt,
            None => {
                let text = include_str!("../../../prompts/retriever_sql.v1.md");
                Arc::new(Prompt::parse(NAME, text, &VALUES)?)
            }
        };
        Ok(Self { model, prompt, shape: Shape::of::<Draft>("statement")? })
    }

    /// The question for a statement.
    pub(super) fn question(&self, query: &str, tables: Value, context: CallContext) -> Result<ModelRequest> {
        let values = Values::new().data("question", query.trim()).json("tables", &tables);
        let mut question = ModelRequest::new(self.prompt.render(&values)?);
        question.purpose = Purpose::Coding;
        question.temperature = Some(0.0);
        question.context = context;
        Ok(question)
    }

    /// The model's statement.
    pub(super) async fn statement(&self, question: &ModelRequest) -> Result<String> {
        Ok(typed::<Draft>(&*self.model, question, &self.shape).await?.value.sql)
    }

    /// Gives a statement back with what the database said.
    pub(super) fn give_back(question: &mut ModelRequest, sql: &str, message: &str) {
        let said = serde_json::to_string(&Draft { sql: sql.to_owned() }).unwrap_or_default();
        question.messages.push(Message::assistant(said));
        question.messages.push(Message::user(format!(
            "The database did not run that statement. Its message:\n\n{}\n\nWrite one that it runs.",
            data_block("message", message)
        )));
    }
}
