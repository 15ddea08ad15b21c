//! Which files a request may bring along for a command.
//!
//! Arguments that are checked say little where a file can take their place. Programs read files that nobody named to them, in
//! the home folder and where they start (`.gitconfig`, `.curlrc`, `Makefile`), and both are the working folder, which a
//! request fills. No list of such names would be complete. So a command gets the files that its rule lists and no other, and
//! none whose name begins with `.` but by a pattern that says so.

use octollm_core::Fault;

use crate::executor::request::is_relative_path;

/// Matches any folders, or none.
const ANYWHERE: &str = "**";

/// The patterns of a rule's `files`: relative paths in which `*` stands for any part of a name and `**` for any folders.
#[derive(Debug, Clone)]
pub(super) struct Given(Vec<String>);

impl Given {
    /// Reads the patterns of the rule that stands at `place`.
    pub(super) fn compile(patterns: &[String], place: &str, faults: &mut Vec<Fault>) -> Self {
        for (index, pattern) in patterns.iter().enumerate() {
            let once = pattern.split('/').filter(|part| *part == ANYWHERE).count() < 2;
            if !is_relative_path(pattern) || !once {
                let detail =
                    "must be a relative path, with `*` for parts of a name and `**` once for folders";
                faults.push(Fault::new(format!("{place}.files[{index}]"), detail));
            }
        }
        Self(patterns.to_vec())
    }

    /// Whether all of these may come along: why not.
    pub(super) fn check<'a>(&self, mut files: impl Iterator<Item = &'a String>) -> Result<(), String> {
        if files.all(|file| self.0.iter().any(|pattern| fits(pattern, file))) {
            return Ok(());
        }
        if self.0.is_empty() {
            return Err("must be empty: its rule in the policy has no `files`".to_owned());
        }
        let patterns: Vec<_> = self.0.iter().map(|pattern| format!("`{pattern}`")).collect();
        let patterns = patterns.join(", ");
        Err(format!("must each fit `files` in its rule, {patterns}, where no `*` stands for a leading `.`"))
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    parts_fit(&pattern, &path)
}

fn parts_fit(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        // At the end it stands for the file, too.
        (Some((&ANYWHERE, [])), Some((name, below))) => {
            name_fits("*", name) && (below.is_empty() || parts_fit(pattern, below))
        }
        (Some((&ANYWHERE, after)), Some((name, below))) => {
            parts_fit(after, path) || (name_fits("*", name) && parts_fit(pattern, below))
        }
        (Some((one, after)), Some((name, below))) => name_fits(one, name) && parts_fit(after, below),
        _ => false,
    }
}

fn name_fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut between) = name.strip_prefix(first).and_then(|name| name.strip_suffix(last)) else {
        return false;
    };
    middle.split('*').all(|piece| between.split_once(piece).map(|(_, after)| between = after).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_names_and_no_hidden_one_by_chance() {
        for (pattern, path) in [
            ("notes.txt", "notes.txt"),
            ("*.txt", "notes.txt"),
            ("a*b*c", "a-b-b-c"),
            ("*", "x"),
            ("**", "x"),
            ("**", "a/b/x"),
            ("**/*.c", "x.c"),
            ("**/*.c", "a/b/x.c"),
            ("src/**/x", "src/x"),
            ("src/**", "src/a/b"),
            (".git/**", ".git/objects/x"),
            (".*", ".env"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("notes.txt", "notes.txt.exe"),
            ("*.txt", "a/notes.txt"),
            ("*.txt", ".txt"),
            ("ab*ba", "aba"),
            ("a*b*c", "a-c"),
            ("*", ".env"),
            ("**", ".env"),
            ("**", "a/.env"),
            ("**", ".git/config"),
            ("**/config", ".git/config"),
            ("src/**", "src"),
            ("src/**/x", "src/.git/x"),
            (".git/**", ".git/.x"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        let mut faults = Vec::new();
        let patterns = ["/etc/*", "../x", "**/a/**", "ok/*"].map(str::to_owned);
        Given::compile(&patterns, "commands.x", &mut faults);
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["commands.x.files[0]", "commands.x.files[1]", "commands.x.files[2]"]);
    }
}
