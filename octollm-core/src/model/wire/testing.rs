//! For the tests of both wires: a provider of each kind in front of the fault server.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Decoder, Progress};
use crate::error::{Error, Result};
use crate::model::{Delta, LanguageModel, Message, ModelReply, ModelRequest, Providers, Reason, Vendors};
use crate::sse::Parser;
use crate::testing::fault_server::{FaultServer, Reply};

/// What no error may show.
pub(in crate::model) const PROMPT: &str = "Jane-Doe-wrote-this";
pub(in crate::model) const KEY: &str = "sk-very-secret-key";

/// A protocol in a test.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Wire {
    pub(in crate::model) model: &'static str,
    base: &'static str,
    key: &'static str,
    path: &'static str,
}

pub(in crate::model) const OPENAI: Wire =
    Wire { model: "openai/gpt-4o-mini", base: "OPENAI_BASE_URL", key: "OPENAI_API_KEY", path: "/v1" };

pub(in crate::model) const ANTHROPIC: Wire = Wire {
    model: "anthropic/claude-sonnet-5-5",
    base: "ANTHROPIC_BASE_URL",
    key: "ANTHROPIC_API_KEY",
    path: "",
};

impl Wire {
    /// A model that asks this server, and loses its patience after a second.
    pub(in crate::model) fn model(&self, server: &FaultServer) -> Arc<dyn LanguageModel> {
        self.with(server, &[("LLM_FIRST_BYTE_SECONDS", "1"), ("LLM_IDLE_SECONDS", "1")])
    }

    pub(in crate::model) fn with(
        &self,
        server: &FaultServer,
        variables: &[(&str, &str)],
    ) -> Arc<dyn LanguageModel> {
        let base = format!("{}{}", server.url(), self.path);
        let own = [(self.base, base.as_str()), (self.key, KEY)];
        let variables = own.iter().chain(variables);
        let variables: BTreeMap<_, _> = variables.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Providers::from_variables(Vendors::built_in().unwrap(), &variables)
            .unwrap()
            .model(self.model)
            .unwrap()
    }

    /// The whole answer to a question, where the server replies so.
    pub(in crate::model) async fn ask(&self, reply: Reply) -> Result<ModelReply> {
        let server = serve(reply).await;
        self.model(&server).complete(&question()).await
    }

    /// The error, which must show neither prompt nor key and name the model.
    pub(in crate::model) async fn fail(&self, reply: Reply) -> Error {
        let error = self.ask(reply).await.unwrap_err();
        let shown = format!("{error:?} {:?}", error.hint());
        assert!(!shown.contains(PROMPT) && !shown.contains(KEY), "{shown}");
        assert_eq!(error.context("model"), Some(self.model), "{shown}");
        error
    }

    /// Every case is a name, a reply, and the reason that comes of it.
    pub(in crate::model) async fn all_fail(&self, cases: Vec<(&str, Reply, Reason)>) {
        for (name, reply, expected) in cases {
            let error = self.fail(reply).await;
            assert_eq!(Reason::of(&error), Some(expected), "{name}: {error:?}");
        }
    }
}

/// The text of an answer that ends after these bytes, or the reason why there is none.
pub(in crate::model) fn text_of(mut decoder: impl Decoder, bytes: &[u8]) -> Result<String, Option<Reason>> {
    let mut deltas = VecDeque::new();
    let frames = Parser::default().push(bytes).unwrap();
    let mut decode = || {
        for frame in &frames {
            if decoder.frame(frame, &mut deltas)? == Progress::Ended {
                break;
            }
        }
        decoder.end(&mut deltas)
    };
    decode().map_err(|error| Reason::of(&error))?;
    assert!(matches!(deltas.back(), Some(Delta::Finished(_))), "{deltas:?}");
    let texts = deltas.into_iter().filter_map(|delta| match delta {
        Delta::Text(text) => Some(text),
        _ => None,
    });
    Ok(texts.collect())
}

/// Wherever a stream ends, its answer is there in full or not at all.
pub(in crate::model) fn never_a_part_of<D: Decoder>(whole: &str, stream: &str, decoder: impl Fn() -> D) {
    let mut complete = 0;
    for end in 0..=stream.len() {
        match text_of(decoder(), &stream.as_bytes()[..end]) {
            Ok(text) => {
                assert_eq!(text, whole, "after {end} bytes");
                complete += 1;
            }
            Err(reason) => assert_eq!(reason, Some(Reason::CutOff), "after {end} bytes"),
        }
    }
    assert!(complete > 0 && complete < stream.len() / 2, "{complete} of {}", stream.len());
}

pub(in crate::model) async fn serve(reply: Reply) -> FaultServer {
    FaultServer::start(move |_| reply.clone()).await.unwrap()
}

pub(in crate::model) fn question() -> ModelRequest {
    ModelRequest::new(vec![Message::user(PROMPT)])
}
