//! What an answer depends on, as a key.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::memory::CacheKey;
use crate::task::{ExecutionPlan, TaskRequest};

/// The form of what is kept under a key; another one must not be read.
const FORM: &[u8] = b"1";

/// What an answer depends on besides the request. It holds values, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whose task it is.
    pub(crate) tenant: Option<String>,
    /// How often the arms that are there were changed.
    pub(crate) arms: u64,
    /// How often the documents were changed.
    pub(crate) documents: u64,
    /// What the request's placeholders stand for: placeholder and value. They go into the key only.
    pub(crate) values: Vec<(String, Hidden)>,
}

/// A value that is wiped from memory when it is dropped.
#[cfg(feature = "reflex")]
pub(crate) type Hidden = zeroize::Zeroizing<String>;

/// There are none.
#[cfg(not(feature = "reflex"))]
pub(crate) type Hidden = String;

/// The key of the answer; `None` for what cannot be written as JSON.
///
/// It is an authentication code under the secret: whoever reads keys cannot try which request, or which person's address,
/// would have this one.
pub(super) fn of(secret: &[u8; 32], request: &TaskRequest, asked: &Asked) -> Option<CacheKey> {
    let Asked { tenant, arms, documents, values } = asked;
    let mut code = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    let mut part = |bytes: &[u8]| {
        code.update(&(bytes.len() as u64).to_le_bytes());
        code.update(bytes);
    };
    part(FORM);
    part(&[u8::from(tenant.is_some())]);
    part(tenant.as_deref().unwrap_or_default().as_bytes());
    part(&terms(request)?);
    part(&arms.to_le_bytes());
    part(&documents.to_le_bytes());
    for (placeholder, value) in values {
        part(placeholder.as_bytes());
        part(value.as_bytes());
    }
    Some(CacheKey::new("answer", [code.finalize().into_bytes()]))
}

/// What of a request could change its answer. Every field is named here, so that a new one is decided upon.
fn terms(request: &TaskRequest) -> Option<Vec<u8>> {
    let TaskRequest {
        goal,
        constraints,
        context,
        acceptance_criteria,
        // Nobody waits for the answer to a task that is less urgent.
        priority,
        deadline_seconds,
        required_capabilities,
        // Its capabilities were narrowed to the parent's; else it only says who may cancel it.
        parent_task_id: _,
        budget,
        plan,
        playbook,
        output_schema,
        approval,
        // Who is told, and the caller's own labels: no arm and no model sees them.
        webhook_url: _,
        metadata: _,
    } = request;
    let work = (goal, constraints, context, acceptance_criteria, output_schema);
    let terms = (priority, deadline_seconds, required_capabilities, budget, playbook, approval);
    serde_json::to_vec(&(work, terms, plan.as_deref().map(work_of))).ok()
}

/// A plan without its name.
fn work_of(plan: &ExecutionPlan) -> impl serde::Serialize + '_ {
    let ExecutionPlan {
        plan_id: _,
        subtasks,
        estimated_duration_seconds,
        confidence,
        rationale,
        source,
        revision,
    } = plan;
    (subtasks, estimated_duration_seconds, confidence, rationale, source, revision)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::schema::schema_of;
    use crate::task::TaskId;

    fn asked() -> Asked {
        let values = vec![("EMAIL_1".to_owned(), "jane@example.com".to_owned().into())];
        Asked { tenant: Some("a".into()), arms: 3, documents: 7, values }
    }

    fn key(request: &Value, asked: &Asked) -> CacheKey {
        of(&[7; 32], &TaskRequest::from_json(request.clone()).unwrap(), asked).unwrap()
    }

    fn plan(action: &str) -> Value {
        let step =
            json!({"step": 1, "action": action, "required_arm": "echo", "estimated_duration_seconds": 1});
        json!({"plan_id": crate::task::PlanId::new(), "subtasks": [step], "estimated_duration_seconds": 1, "confidence": 1.0})
    }

    /// For each field two values, and whether the second is another question.
    fn fields() -> Vec<(&'static str, Value, Value, bool)> {
        vec![
            ("goal", json!("Find the harbour"), json!("find the harbour"), true),
            ("constraints", json!(["in Brest"]), json!(["in brest"]), true),
            ("context", json!({"a": 1}), json!({"a": "1"}), true),
            ("acceptance_criteria", json!(["short"]), json!(["long"]), true),
            ("priority", json!("low"), json!("high"), true),
            ("deadline_seconds", json!(10), json!(11), true),
            ("required_capabilities", json!(["a"]), json!(["b"]), true),
            ("parent_task_id", json!(TaskId::new()), json!(TaskId::new()), false),
            ("budget", json!({"max_tokens": 1}), json!({"max_tokens": 2}), true),
            ("plan", plan("look"), plan("listen"), true),
            ("playbook", json!("a"), json!("b"), true),
            ("output_schema", json!({"type": "string"}), json!({"type": "object"}), true),
            ("approval", json!("never"), json!("plan"), true),
            ("webhook_url", json!("https://a.example"), json!("https://b.example"), false),
            ("metadata", json!({"a": "1"}), json!({"a": "2"}), false),
        ]
    }

    #[test]
    fn every_field_that_could_change_the_answer_changes_the_key() {
        let schema = schema_of::<TaskRequest>();
        let known: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let tested: BTreeSet<_> = fields().into_iter().map(|(name, ..)| name.to_owned()).collect();
        assert_eq!(tested, known);
        for (name, one, other, matters) in fields() {
            let with = |value: Value| {
                let mut request = json!({"goal": "Find the harbour"});
                request[name] = value;
                key(&request, &asked())
            };
            assert_eq!(with(one.clone()), with(one.clone()), "{name}");
            assert_eq!(with(one) != with(other), matters, "{name}");
        }
    }

    #[test]
    fn a_plan_under_another_name_is_the_same_plan() {
        let with = |plan: Value| key(&json!({"goal": "Find the harbour", "plan": plan}), &asked());
        assert_eq!(with(plan("look")), with(plan("look")));
    }

    #[test]
    fn whatever_else_an_answer_depends_on_changes_the_key() {
        let request = json!({"goal": "Find the harbour"});
        let value = |value: &str| vec![("EMAIL_1".to_owned(), value.to_owned().into())];
        let mut keys = BTreeSet::new();
        let others = [
            asked(),
            Asked { tenant: None, ..asked() },
            Asked { tenant: Some(String::new()), ..asked() },
            Asked { tenant: Some("b".into()), ..asked() },
            Asked { arms: 4, ..asked() },
            Asked { documents: 8, ..asked() },
            Asked { values: Vec::new(), ..asked() },
            Asked { values: value("john@example.com"), ..asked() },
        ];
        for (at, other) in others.iter().enumerate() {
            assert!(keys.insert(key(&request, other).as_str().to_owned()), "{at}");
        }
        let request = TaskRequest::from_json(request).unwrap();
        assert!(keys.insert(of(&[8; 32], &request, &asked()).unwrap().as_str().to_owned()), "the secret");
        assert!(keys.iter().all(|key| key.starts_with("octollm:answer:") && key.len() == 15 + 64));
    }
}
