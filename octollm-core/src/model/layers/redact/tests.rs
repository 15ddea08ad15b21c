use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{Message, Part, ScriptedModel, ScriptedReply, ToolResult};

/// `[[A]]` stands for Ada's address, `[[B]]` for a name with everything that JSON escapes, `[[Ü]]` for more.
struct Known(BTreeMap<&'static str, &'static str>);

impl Known {
    fn redactor() -> Arc<dyn Redactor> {
        let known = [("[[A]]", "ada@example.org"), ("[[B]]", "Bob \"B\"\n\\o/"), ("[[Ü]]", "Ünal [[A]]")];
        Arc::new(Self(known.into()))
    }
}

impl Redactor for Known {
    fn shape(&self) -> Shape {
        Shape { open: "[[", close: "]]", longest: 12 }
    }

    fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (placeholder, value)| text.replace(value, placeholder))
    }

    fn restore(&self, placeholder: &str) -> Option<String> {
        self.0.get(placeholder).map(|value| (*value).to_owned())
    }
}

fn layer(model: &ScriptedModel) -> Redact {
    let redactors: Arc<dyn Redactors> = Arc::new(Known::redactor());
    Redact::new(Arc::new(model.clone()), redactors)
}

async fn streamed(layer: &Redact, request: &ModelRequest) -> (String, Vec<Delta>) {
    let deltas: Vec<_> = layer.stream(request).await.unwrap().map(Result::unwrap).collect().await;
    let text = deltas.iter().map(|delta| if let Delta::Text(text) = delta { text } else { "" });
    (text.collect(), deltas)
}

#[tokio::test]
async fn nothing_personal_goes_out_and_all_of_it_comes_back() {
    let model = ScriptedModel::matching(|_| {
        ScriptedReply::text("Dear [[A]], [[C]] is [not] here [[")
            .chunked(1)
            .thinking("who is [[A]]?")
            .and_tool_call("mail", r#"{"to": "[[B]]", "[[A]]": ["[[A]]"]}"#)
    });
    let call = ToolCall {
        id: "1".into(),
        name: "find".into(),
        arguments: json!({"ada@example.org": ["ada@example.org"]}),
    };
    let result =
        ToolResult { call_id: "1".into(), content: "ada@example.org is known".into(), is_error: false };
    let mut request = ModelRequest::new(vec![Message::user("write to ada@example.org")]);
    request.messages.push(Message::new(crate::model::Role::Assistant, vec![Part::ToolCall(call)]));
    request.messages.push(Message::tool_results([result]));

    let reply = layer(&model).complete(&request).await.unwrap();
    assert_eq!(reply.text, "Dear ada@example.org, [[C]] is [not] here [[");
    assert_eq!(reply.reasoning, "who is ada@example.org?");
    assert_eq!(
        reply.tool_calls[0].arguments,
        json!({"to": "Bob \"B\"\n\\o/", "ada@example.org": ["ada@example.org"]})
    );
    let seen = serde_json::to_string(&model.requests()).unwrap();
    assert!(!seen.contains("ada@example") && seen.matches("[[A]]").count() == 4, "{seen}");

    let (text, deltas) = streamed(&layer(&model), &request).await;
    assert_eq!(text, reply.text);
    let calls: Vec<_> = deltas.iter().filter(|delta| matches!(delta, Delta::ToolCall { .. })).collect();
    assert_eq!(calls.len(), 1, "a call comes whole");
    assert!(matches!(deltas.last(), Some(Delta::Finished(_))));
}

#[tokio::test]
async fn in_json_a_value_cannot_end_its_string() {
    let model = ScriptedModel::matching(|_| ScriptedReply::json(&json!({"name": "[[B]]"})).chunked(2));
    let mut request = ModelRequest::new(vec![Message::user("who?")]);
    request.output = OutputFormat::Json;
    let (text, _) = streamed(&layer(&model), &request).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"name": "Bob \"B\"\n\\o/"}));
}

#[tokio::test]
async fn what_was_held_back_is_told_before_an_error() {
    let broken = crate::model::Reason::CutOff.error("cut");
    let model = ScriptedModel::in_order([ScriptedReply::text("so [[A").failing_after(1, broken)]);
    let items: Vec<_> = layer(&model).stream(&ModelRequest::default()).await.unwrap().collect().await;
    assert!(matches!(&items[1], Ok(Delta::Text(text)) if text == "so "));
    assert!(matches!(&items[2], Ok(Delta::Text(text)) if text == "[[A"));
    assert!(items[3].is_err() && items.len() == 4);
}

proptest! {
    /// However a text is cut, it is restored as if it had come in one piece, and what is not a placeholder stays.
    #[test]
    fn where_a_text_is_cut_does_not_matter(
        parts in prop::collection::vec(
            prop::sample::select(vec!["[[A]]", "[[B]]", "[[Ü]]", "[[", "]]", "[", "]", "[[[A]]", "[[unknown]]", "a", "ü", " "]),
            0..20,
        ),
        cuts in prop::collection::vec(1usize..6, 1..20),
        json: bool,
    ) {
        let redactor = Known::redactor();
        let form = if json { Form::Json } else { Form::Plain };
        let whole: String = parts.concat();
        let mut restorer = Restorer::new(redactor.clone(), form);
        let (mut characters, mut cuts) = (whole.chars(), cuts.into_iter().cycle());
        let mut said = Vec::new();
        loop {
            let piece: String = characters.by_ref().take(cuts.next().unwrap_or(1)).collect();
            if piece.is_empty() {
                break;
            }
            said.extend(restorer.push(Delta::Text(piece)));
        }
        said.extend(restorer.flush());
        let pieces: String = said.into_iter().map(|delta| match delta {
            Delta::Text(text) => { assert!(!text.is_empty()); text }
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(&pieces, &restore::text(&*redactor, form, &whole));
        if !json {
            // The known placeholders are found by hand, left to right, as no two of them overlap.
            let mut by_hand = String::new();
            let mut rest = whole.as_str();
            while let Some(next) = rest.chars().next() {
                let known = ["[[A]]", "[[B]]", "[[Ü]]"].into_iter().find(|known| rest.starts_with(known));
                match known {
                    Some(known) => by_hand.push_str(&redactor.restore(known).unwrap()),
                    None => by_hand.push(next),
                }
                rest = &rest[known.map_or(next.len_utf8(), str::len)..];
            }
            prop_assert_eq!(pieces, by_hand);
        }
    }
}
