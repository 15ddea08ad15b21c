//! Which environment variables a program may get.

use std::collections::BTreeMap;

use octollm_core::{Fault, Result};

use super::file::File;
use super::{Policy, refused_at};

/// Variables by which somebody who chooses one chooses what is run.
const NEVER: [&str; 9] =
    ["PATH", "HOME", "TMPDIR", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PYTHONSTARTUP", "PYTHONPATH"];
/// Beginnings of such names.
const NEVER_BEGINNING: [&str; 5] = ["LD_", "DYLD_", "GIT_", "BASH_FUNC_", "GCONV_"];

/// Faults of the policy's variables.
pub(super) fn check(file: &File, faults: &mut Vec<Fault>) {
    for (index, name) in file.settable.iter().enumerate() {
        if !is_name(name) {
            faults.push(Fault::new(format!("settable[{index}]"), "must be a variable's name"));
        } else if chooses_what_is_run(name) {
            faults.push(Fault::new(
                format!("settable[{index}]"),
                "must not be set by a request: it chooses what is run",
            ));
        }
    }
    for (name, value) in &file.environment {
        if !is_name(name) || value.contains('\0') {
            faults.push(Fault::new(
                format!("environment.{name}"),
                "must be a variable's name and a value without NUL",
            ));
        }
    }
}

impl Policy {
    /// The variables of a program: the policy's own, and those of the request.
    pub(in crate::executor) fn variables(
        &self,
        asked: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let mut all = self.environment.clone();
        for (name, value) in asked {
            if !self.settable.contains(name) {
                let names: Vec<_> = self.settable.iter().map(|name| format!("`{name}`")).collect();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(refused_at(
                    &self.label(),
                    "/env",
                    format!("may set of all variables only {known}"),
                ));
            }
            all.insert(name.clone(), value.clone());
        }
        Ok(all)
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.len() <= 100
}

fn chooses_what_is_run(name: &str) -> bool {
    NEVER.contains(&name) || NEVER_BEGINNING.iter().any(|beginning| name.starts_with(beginning))
}
