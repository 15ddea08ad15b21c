//! Playbooks: plans that somebody wrote down once, with places to fill in.
//!
//! A playbook is TOML. `{{name}}` in it stands for the value of that name in the task's context, `{{goal}}` for the
//! goal, `{{acceptance_criteria}}` and `{{constraints}}` for the task's own where the context has none; a string that is
//! nothing but a place takes the value as it is, whatever its type, and `{{name?}}` may be missing; in a list, a value that is
//! a list itself brings its entries. See
//! `octollm-core/playbooks/` for the built-in ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::words::Words;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::task::{ExecutionPlan, PlanSource, SubTask, TaskRequest};

/// A plan with places to fill in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Its name; a task asks for it by this.
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// Words and phrases in a goal that suggest it; none: only by name.
    #[serde(default)]
    pub triggers: Vec<String>,
    /// Names that the context must have.
    #[serde(default)]
    pub requires: Vec<String>,
    /// A name whose value the goal itself may bring along: in a fenced block, or behind its first colon.
    #[serde(default)]
    pub from_goal: Option<String>,
    /// Values of names that the context may lack.
    #[serde(default)]
    pub defaults: BTreeMap<String, Value>,
    /// The steps.
    pub steps: Vec<PlaybookStep>,
}

/// One step of a playbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaybookStep {
    /// What to do, in words.
    pub action: String,
    /// The arm that does it.
    pub arm: String,
    /// Its input.
    #[serde(default)]
    pub input: Option<Value>,
    /// Numbers of the steps that must have completed first, from 1.
    #[serde(default)]
    pub depends_on: Vec<u32>,
    /// Whether it fails where its output says that something did not pass; see [`SubTask::must_pass`].
    #[serde(default)]
    pub must_pass: bool,
}

/// All playbooks, by name.
#[derive(Debug, Clone)]
pub struct Playbooks(BTreeMap<String, Arc<Playbook>>);

impl Default for Playbooks {
    /// The built-in ones.
    fn default() -> Self {
        let sources = [
            include_str!("../../playbooks/call.toml"),
            include_str!("../../playbooks/check_safety.toml"),
            include_str!("../../playbooks/run_code.toml"),
            include_str!("../../playbooks/search.toml"),
            include_str!("../../playbooks/validate.toml"),
            include_str!("../../playbooks/write_python.toml"),
        ];
        // That they parse is tested; a playbook that did not would only be missing.
        let parsed = sources.into_iter().filter_map(|source| Playbook::from_toml(source).ok());
        Self(parsed.map(|playbook| (playbook.name.clone(), Arc::new(playbook))).collect())
    }
}

impl Playbooks {
    /// Adds a playbook, replacing the one with the same name.
    pub fn add(&mut self, playbook: Playbook) {
        self.0.insert(playbook.name.clone(), Arc::new(playbook));
    }

    /// The playbook with this name.
    ///
    /// # Errors
    /// `invalid_input` that lists the names there are.
    pub fn get(&self, name: &str) -> Result<&Arc<Playbook>> {
        self.0.get(name).ok_or_else(|| {
            let names: Vec<_> = self.0.keys().map(|name| format!("`{name}`")).collect();
            let detail = format!("there is no such playbook; there are {}", names.join(", "));
            Error::invalid("the task is invalid", vec![Fault::new("/playbook", detail)])
        })
    }

    /// Every playbook, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Playbook>> {
        self.0.values()
    }
}

impl Playbook {
    /// Reads a playbook.
    ///
    /// # Errors
    /// `invalid_input` with what the TOML breaks.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "the playbook is invalid")
                .with_context("why", error.message())
        })
    }

    /// Whether the goal suggests it.
    pub fn is_triggered_by(&self, goal: &Words) -> bool {
        self.triggers.iter().any(|trigger| goal.contains_phrase(trigger))
    }

    /// What the context lacks.
    pub fn missing(&self, request: &TaskRequest) -> Vec<&str> {
        let places = Places { request, playbook: self };
        let names = self.requires.iter().map(String::as_str);
        names.filter(|name| places.lookup(name).is_none()).collect()
    }

    /// The plan, with every place filled from the request.
    ///
    /// # Errors
    /// `invalid_input` that names what the context lacks.
    pub fn fill(&self, request: &TaskRequest) -> Result<ExecutionPlan> {
        let missing = self.missing(request);
        if !missing.is_empty() {
            let fault = |name: &&str| Fault::new(format!("/context/{name}"), "is required by the playbook");
            let faults = missing.iter().map(fault).collect();
            return Err(Error::invalid(format!("playbook `{}` cannot be filled", self.name), faults));
        }
        let places = Places { request, playbook: self };
        let mut subtasks = Vec::with_capacity(self.steps.len());
        for (number, step) in (1..).zip(&self.steps) {
            let mut subtask = SubTask::new(number, places.text(&step.action), places.text(&step.arm));
            subtask.input = step.input.as_ref().and_then(|input| places.value(input));
            subtask.depends_on.clone_from(&step.depends_on);
            subtask.must_pass = step.must_pass;
            subtasks.push(subtask);
        }
        let mut plan = ExecutionPlan::new(PlanSource::Playbook, subtasks);
        plan.rationale = Some(format!("playbook `{}`: {}", self.name, self.description));
        plan.validate()?;
        Ok(plan)
    }
}

/// Fills places.
struct Places<'a> {
    request: &'a TaskRequest,
    playbook: &'a Playbook,
}

impl Places<'_> {
    fn lookup(&self, name: &str) -> Option<Value> {
        match name {
            "goal" => Some(self.request.goal.trim().into()),
            name => {
                let of_the_goal = || {
                    let asked = self.playbook.from_goal.as_deref() == Some(name);
                    asked.then(|| brought_along(&self.request.goal)).flatten().map(Value::from)
                };
                let context = self.request.context.get(name).cloned();
                let known = context.or_else(of_the_goal).or_else(|| self.of_the_task(name));
                known.or_else(|| self.playbook.defaults.get(name).cloned())
            }
        }
    }

    /// What the task itself says where its context does not.
    fn of_the_task(&self, name: &str) -> Option<Value> {
        let list = match name {
            "acceptance_criteria" => &self.request.acceptance_criteria,
            "constraints" => &self.request.constraints,
            _ => return None,
        };
        (!list.is_empty()).then(|| json!(list))
    }

    /// The value with its places filled; `None` where it is nothing but a place that may be missing and is.
    fn value(&self, template: &Value) -> Option<Value> {
        match template {
            Value::String(text) => match whole_place(text) {
                Some(name) => self.lookup(name.trim_end_matches('?')),
                None => Some(self.text(text).into()),
            },
            Value::Array(items) => Some(items.iter().flat_map(|item| self.entries(item)).collect()),
            Value::Object(fields) => {
                let fields = fields.iter().filter_map(|(key, value)| Some((key.clone(), self.value(value)?)));
                Some(Value::Object(fields.collect::<Map<_, _>>()))
            }
            other => Some(other.clone()),
        }
    }

    /// What an entry of a list comes to: of a place that holds a list its entries.
    fn entries(&self, template: &Value) -> Vec<Value> {
        let is_place = template.as_str().and_then(whole_place).is_some();
        match self.value(template) {
            Some(Value::Array(entries)) if is_place => entries,
            value => value.into_iter().collect(),
        }
    }

    fn text(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let Some((name, behind)) = after.split_once("}}") else {
                filled.push_str("{{");
                rest = after;
                continue;
            };
            match self.lookup(name.trim().trim_end_matches('?')) {
                Some(Value::String(text)) => filled.push_str(&text),
                Some(value) => filled.push_str(&value.to_string()),
                None => {}
            }
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }
}

/// What a goal brings along: the first fenced block in it, or what stands behind its first colon.
fn brought_along(goal: &str) -> Option<&str> {
    const FENCE: &str = "```";
    let found = match goal.split_once(FENCE) {
        // The rest of the fence's line names the language.
        Some((_, block)) => block.split_once('\n')?.1.split_once(FENCE)?.0,
        None => goal.split_once(':')?.1,
    };
    let found = found.trim_matches('\n').trim_end();
    let found = if found.contains('\n') { found } else { found.trim().trim_matches('`') };
    (!found.trim().is_empty()).then_some(found)
}

fn whole_place(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!name.contains("{{")).then(|| name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_playbooks_parse() {
        let names: Vec<_> = Playbooks::default().iter().map(|playbook| playbook.name.clone()).collect();
        assert_eq!(names, ["call", "check_safety", "run_code", "search", "validate", "write_python"]);
    }

    #[test]
    fn a_place_takes_the_value_as_it_is() {
        let mut request = TaskRequest::new("Call the weather arm, please");
        request.context.insert("arm".into(), "weather".into());
        request.context.insert("input".into(), json!({"days": 5}));
        let plan = Playbooks::default().get("call").unwrap().fill(&request).unwrap();
        assert_eq!(plan.subtasks[0].required_arm, "weather");
        assert_eq!(plan.subtasks[0].input, Some(json!({"days": 5})));
    }

    #[test]
    fn a_list_in_a_list_brings_its_entries() {
        let mut request = TaskRequest::new("Write a Python function that adds");
        let criteria = |request: &TaskRequest| {
            let plan = Playbooks::default().get("write_python").unwrap().fill(request).unwrap();
            plan.subtasks[1].input.as_ref().unwrap()["acceptance_criteria"].clone()
        };
        assert_eq!(criteria(&request), json!(["All unit tests pass"]));
        request.acceptance_criteria = vec!["short".to_owned(), "kind".to_owned()];
        assert_eq!(criteria(&request), json!(["All unit tests pass", "short", "kind"]));
    }

    #[test]
    fn a_goal_may_bring_its_data_along() {
        let playbooks = Playbooks::default();
        let input = |goal: &str, context: &[(&str, Value)]| {
            let mut request = TaskRequest::new(goal);
            request.context.extend(context.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            let playbook = playbooks.get("run_code").unwrap();
            playbook.fill(&request).map(|plan| plan.subtasks[0].input.clone().unwrap())
        };
        let code = |goal: &str| input(goal, &[]).unwrap()["code"].clone();
        assert_eq!(
            input("Run this Python code: print(6*7)", &[]).unwrap(),
            json!({"action_type": "python", "code": "print(6*7)"})
        );
        assert_eq!(code("Run this Python: `print({1: 2})`"), "print({1: 2})");
        assert_eq!(
            code("Run this Python code\n```python\nfor i in 'ab':\n    print(i)\n```\nplease"),
            "for i in 'ab':\n    print(i)"
        );
        assert_eq!(code("Run this:\n\nfor i in 'ab':\n    print(i)\n"), "for i in 'ab':\n    print(i)");
        let told = input("Run this Python code: print(1)", &[("code", "print(2)".into())]).unwrap();
        assert_eq!(told["code"], "print(2)");
        for nothing in
            ["Run this Python code, please", "Run this Python code:   ", "Run this ```print(1)``` now"]
        {
            assert_eq!(input(nothing, &[]).unwrap_err().faults()[0].pointer, "/context/code", "{nothing}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Playbooks::default().get("call").unwrap().fill(&TaskRequest::new("Call an arm, please"));
        assert_eq!(error.unwrap_err().faults()[0].pointer, "/context/arm");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = Playbooks::default().get("nonsense").unwrap_err();
        assert!(error.to_string().contains("`call`, `check_safety`, `run_code`, `search`, `validate`"));
    }

    #[test]
    fn places_within_text_and_without_an_end() {
        let mut request = TaskRequest::new("A goal of some length");
        request.context.insert("n".into(), 3.into());
        let playbooks = Playbooks::default();
        let places = Places { request: &request, playbook: playbooks.get("call").unwrap() };
        assert_eq!(places.text("{{n}} of {{ missing? }}{{goal}} {{"), "3 of A goal of some length {{");
    }
}
