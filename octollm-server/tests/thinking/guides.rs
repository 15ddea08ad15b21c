//! The tasks of the guides, each asked for in three wordings: how many are planned anew, and what that saves.
//!
//! The goals are the guides' own; the other wordings are what people might say instead. Some of them are not taken for the
//! same wish, which costs a plan and nothing else.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Model, result};

struct Task {
    goal: &'static str,
    constraints: &'static [&'static str],
    again: [&'static str; 2],
}

const TASKS: [Task; 6] = [
    Task {
        goal: "Write a Python function to calculate fibonacci numbers",
        constraints: &["Include docstring", "Add unit tests"],
        again: [
            "Please implement a Python function which computes Fibonacci numbers",
            "I need a Python function that gives me the Fibonacci numbers",
        ],
    },
    Task {
        goal: "Get weather forecast for Paris for next 5 days",
        constraints: &["Include detailed analysis"],
        again: [
            "Could you get the weather forecast for Paris for the next 5 days?",
            "Get me the forecast of the weather in Paris: the weather forecast for Paris, next 5 days",
        ],
    },
    Task {
        goal: "Write a Python function to reverse a string",
        constraints: &["Include docstring"],
        again: [
            "Create a Python function that reverses a string, please",
            "Could you write me a function in Python to reverse a string?",
        ],
    },
    Task {
        goal: "Write a function to calculate factorial",
        constraints: &["Use recursion", "Add docstring"],
        again: ["Please build a function that computes the factorial", "I want a function for factorials"],
    },
    Task {
        goal: "Write a function to sort a list",
        constraints: &["Use Python 3.11+"],
        again: ["Make me a function which sorts a list", "Please generate a function for sorting lists"],
    },
    Task {
        goal: "Write a Python function to reverse a string",
        constraints: &["Include docstring", "Add unit tests"],
        again: [
            "Please write a Python function that can reverse a string",
            "Write a Python function for reversing strings",
        ],
    },
];

/// Calls of a model and tokens.
#[derive(Default, Clone, Copy)]
struct Spent {
    tasks: u64,
    calls: u64,
    tokens: u64,
}

impl Spent {
    fn of(result: &Value) -> Self {
        let number = |name: &str| result["usage"][name].as_u64().unwrap();
        let tokens = number("input_tokens") + number("output_tokens");
        Self { tasks: 1, calls: number("model_calls"), tokens }
    }

    fn add(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.calls += other.calls;
        self.tokens += other.tokens;
    }
}

/// Runs a task as a user does, and says whether its plan was known.
fn run(model: &Model, home: &Path, arm: &str, goal: &str, task: &Task) -> (bool, Spent) {
    let mut args = vec!["run", goal, "--json", "--arm", arm];
    args.extend(task.constraints.iter().flat_map(|constraint| ["--constraint", constraint]));
    let result = result(&model.octo(home, &args));
    assert_eq!(result["status"], "completed", "{goal}: {result}");
    let source = result["plan"]["source"].as_str().unwrap();
    assert!(matches!(source, "model" | "cache"), "{goal}: planned by {source}");
    let spent = Spent::of(&result);
    println!("{source:>5}  {:>2} calls  {:>6} tokens  {goal}", spent.calls, spent.tokens);
    (source == "cache", spent)
}

#[test]
#[ignore = "needs Python with FastAPI: run by `make test`"]
fn a_task_in_other_words_is_not_planned_again() {
    let (model, home) = (Model::start(), tempfile::tempdir().unwrap());
    let weather = Model::weather_arm();
    weather.is_there(Duration::from_secs(30));
    let (mut planned, mut known) = (Spent::default(), Spent::default());
    for task in &TASKS {
        let (was_known, spent) = run(&model, home.path(), weather.url(), task.goal, task);
        assert!(!was_known, "{}: nobody has asked for it with these constraints", task.goal);
        planned.add(spent);
        let first = spent;
        for (index, again) in task.again.iter().enumerate() {
            let (was_known, spent) = run(&model, home.path(), weather.url(), again, task);
            assert!(was_known || index == 1, "{again}: is the same wish");
            if was_known {
                // Reading the goal and planning it are saved, nothing else is.
                assert_eq!(spent.calls + 2, first.calls, "{again}");
                assert!(spent.tokens < first.tokens, "{again}");
            }
            if was_known {
                known.add(spent)
            } else {
                planned.add(spent)
            };
        }
    }
    for (what, Spent { tasks, calls, tokens }) in [("planned", planned), ("known", known)] {
        println!("{what}: {tasks} tasks, {calls} calls, {tokens} tokens, {} a task", tokens / tasks);
    }
}
