//! Where programs are, and what they can read.

use std::path::{Component, Path};

use octollm_core::{Fault, Result};

use super::file::File;
use super::{Policy, invalid};
use crate::executor::request::is_relative_path;

/// What every program may write: a request decides what is there.
const GIVEN: [&str; 2] = ["/work", "/tmp"];
/// What programs have of their own, so that the machine's cannot be shown.
const OWN: [&str; 4] = ["/work", "/proc", "/sys", "/dev"];

/// Faults of the folders that the policy names.
pub(super) fn check_folders(file: &File, faults: &mut Vec<Fault>) {
    for (name, folders) in [("path", &file.path), ("readable", &file.readable)] {
        if !folders.iter().all(|folder| folder.is_absolute()) {
            faults.push(Fault::new(name, "must be absolute paths"));
        }
    }
    if file.path.iter().any(|folder| is_given(folder)) {
        faults.push(Fault::new("path", "must not be where the files of a request are"));
    }
    for (index, folder) in file.readable.iter().enumerate() {
        let own = folder == Path::new("/") || OWN.iter().any(|own| folder.starts_with(own));
        if own || folder.components().any(|part| part == Component::ParentDir) {
            let detail =
                "must not be `/`, nor lie in /work, /proc, /sys or /dev, of which a program has its own";
            faults.push(Fault::new(format!("readable[{index}]"), detail));
        }
    }
}

/// Faults of where programs and scripts are.
pub(super) fn check_programs(file: &File, faults: &mut Vec<Fault>) {
    let interpreters = file.interpreters.iter().map(|(name, it)| ("interpreters", name, Some(&it.program)));
    let commands = file.commands.iter().map(|(name, it)| ("commands", name, it.program.as_ref()));
    for (kind, name, program) in interpreters.chain(commands) {
        if program.is_some_and(|program| is_given(program)) {
            let detail = "must not be where the files of a request are";
            faults.push(Fault::new(format!("{kind}.{name}.program"), detail));
        }
    }
    for (name, interpreter) in &file.interpreters {
        if !is_relative_path(&interpreter.script) || interpreter.script.starts_with('-') {
            let detail = "must be a relative path that does not begin with `-`";
            faults.push(Fault::new(format!("interpreters.{name}.script"), detail));
        }
    }
}

fn is_given(path: &Path) -> bool {
    GIVEN.iter().any(|folder| path.starts_with(folder))
}

/// The policy, if all that it makes readable is on this machine: else every run would fail. Blocks.
pub(super) fn found(policy: Policy) -> Result<Policy> {
    let missing = policy.readable.iter().enumerate().filter(|(_, path)| !path.exists());
    let faults: Vec<_> = missing
        .map(|(index, _)| Fault::new(format!("readable[{index}]"), "is not on this machine"))
        .collect();
    if faults.is_empty() { Ok(policy) } else { Err(invalid().with_faults(faults)) }
}
