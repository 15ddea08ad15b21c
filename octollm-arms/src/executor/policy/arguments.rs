//! Which arguments a program may be given. An allow-list of names would let `find -exec`, `git -c` and `curl -o` through:
//! here every flag, subcommand and word is refused that the rule does not list.
//!
//! Only what cannot be read in two ways is allowed. A word that begins with `-` is a flag wherever it stands, `--` is
//! refused unless it is listed, and a flag must be written out: `--exe` for `--exec` is another flag.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use octollm_core::Fault;
use regex::Regex;
use serde::Deserialize;

use super::file::{CommandRule, Positionals};
use super::given::Given;
use crate::executor::request::is_relative_path;

/// What a word may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Letters, digits and `_.,:=+@%-`, not `-` at the beginning.
    #[default]
    Word,
    /// Anything that does not begin with `-`.
    Text,
    /// Digits, and a point between them.
    Number,
    /// A relative path below the working folder.
    File,
    /// Such a path, or an absolute one below what is readable.
    Path,
}

impl Kind {
    const NAMES: &str = "`word`, `text`, `number`, `file` and `path`";

    fn find(name: &str) -> Option<Self> {
        [
            ("word", Self::Word),
            ("text", Self::Text),
            ("number", Self::Number),
            ("file", Self::File),
            ("path", Self::Path),
        ]
        .into_iter()
        .find_map(|(known, kind)| (known == name).then_some(kind))
    }

    const fn described(self) -> &'static str {
        match self {
            Self::Word => {
                "a word of letters, digits and `_.,:=+@%-` that does not begin with `-`, `@` or `+`"
            }
            Self::Text => "text that does not begin with `-`, `@` or `+`",
            Self::Number => "a number",
            Self::File => "a relative path below the working folder",
            Self::Path => {
                "a relative path below the working folder, or an absolute one below what is readable"
            }
        }
    }

    /// Whether it may be a flag's value, about which the rule says no more than this kind.
    fn admits(self, word: &str, readable: &[PathBuf]) -> bool {
        !means_more(word) && self.has_form(word, readable)
    }

    fn has_form(self, word: &str, readable: &[PathBuf]) -> bool {
        if word.starts_with('-') {
            return false;
        }
        match self {
            Self::Text => true,
            Self::Word => {
                !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_.,:=+@%-".contains(c))
            }
            Self::Number => {
                let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
                word.len() <= 20 && word.splitn(2, '.').all(digits)
            }
            Self::File => is_relative_path(word),
            Self::Path => word == "." || is_relative_path(word) || is_readable(Path::new(word), readable),
        }
    }
}

/// Whether programs are known to take it for more than a name: `@x` for arguments that stand in a file, `+x` for a command,
/// `|x` and `x|` for a program to be started.
fn means_more(word: &str) -> bool {
    word.starts_with(['@', '+', '|']) || word.ends_with('|') || word.contains("=@") || word.contains(",@")
}

fn is_readable(path: &Path, readable: &[PathBuf]) -> bool {
    let plain = path.is_absolute() && !path.components().any(|part| part == Component::ParentDir);
    plain && readable.iter().any(|folder| path.starts_with(folder))
}

/// A rule that is ready to be used.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    flags: HashSet<String>,
    with_value: HashMap<String, Kind>,
    /// Whether `-la` may stand for `-l -a` and `-n5` for `-n 5`: not where a flag such as `-name` could be meant.
    joined: bool,
    positionals: Option<Words>,
    subcommands: BTreeMap<String, Rule>,
    given: Given,
}

/// An expression for the whole of a word.
pub(super) fn whole(pattern: &str, place: impl FnOnce() -> String, faults: &mut Vec<Fault>) -> Option<Regex> {
    let read = Regex::new(&format!(r"\A(?:{pattern})\z"));
    read.map_err(|error| faults.push(Fault::new(place(), format!("is no regular expression: {error}")))).ok()
}

#[derive(Debug, Clone)]
struct Words {
    kind: Kind,
    matches: Option<Regex>,
    one_of: Vec<String>,
    min: usize,
    max: usize,
}

/// An argument that is not allowed: its place, from 0, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) place: Option<usize>,
    pub(super) why: String,
}

impl Rule {
    /// Reads a rule; `place` is where it stands.
    pub(super) fn compile(rule: &CommandRule, place: &str, faults: &mut Vec<Fault>) -> Self {
        let (mut flags, mut with_value) = (HashSet::new(), HashMap::new());
        for (index, flag) in rule.flags.iter().enumerate() {
            let (name, kind) = match flag.split_once('=') {
                Some((name, kind)) => (name, Some(kind)),
                None => (flag.as_str(), None),
            };
            if !name.starts_with('-') || name.len() < 2 || name.contains(char::is_whitespace) {
                faults.push(Fault::new(
                    format!("{place}.flags[{index}]"),
                    "must begin with `-` and have a name",
                ));
            }
            match kind.map(Kind::find) {
                None => drop(flags.insert(name.to_owned())),
                Some(Some(kind)) => drop(with_value.insert(name.to_owned(), kind)),
                Some(None) => faults.push(Fault::new(
                    format!("{place}.flags[{index}]"),
                    format!("has an unknown kind of value; there are {}", Kind::NAMES),
                )),
            }
        }
        let own = rule.positionals.is_some() || !rule.flags.is_empty() || !rule.files.is_empty();
        if !rule.subcommands.is_empty() && own {
            let detail = "must not stand beside flags, positionals and files: they belong to a subcommand";
            faults.push(Fault::new(format!("{place}.subcommands"), detail));
        }
        let subcommands = rule.subcommands.iter().map(|(name, rule)| {
            let place = format!("{place}.subcommands.{name}");
            if rule.program.is_some() {
                faults.push(Fault::new(format!("{place}.program"), "has no meaning in a subcommand"));
            }
            (name.clone(), Self::compile(rule, &place, faults))
        });
        let subcommands = subcommands.collect();
        let positionals = rule.positionals.as_ref().map(|words| Words::compile(words, place, faults));
        let long = |name: &String| name.len() > 2 && !name.starts_with("--");
        let joined = !flags.iter().chain(with_value.keys()).any(long);
        let given = Given::compile(&rule.files, place, faults);
        Self { flags, with_value, joined, positionals, subcommands, given }
    }

    /// Checks every argument; answers which files may come along with these.
    pub(super) fn check(&self, arguments: &[String], readable: &[PathBuf]) -> Result<&Given, Refused> {
        self.check_from(0, arguments, readable)
    }

    fn check_from(
        &self,
        first: usize,
        arguments: &[String],
        readable: &[PathBuf],
    ) -> Result<&Given, Refused> {
        if !self.subcommands.is_empty() {
            return self.check_subcommand(first, arguments, readable);
        }
        let mut words = 0;
        let mut rest = arguments.iter().zip(first..);
        while let Some((argument, place)) = rest.next() {
            if !argument.starts_with('-') {
                words += 1;
                self.word(argument, words, readable).map_err(|why| Refused { place: Some(place), why })?;
            } else if let Some(kind) = self.takes_the_next(argument) {
                let value = rest.next().is_some_and(|(value, _)| kind.admits(value, readable));
                let why = || format!("is a flag that needs {} behind it", kind.described());
                value.then_some(()).ok_or_else(|| Refused { place: Some(place), why: why() })?;
            } else if !self.admits_flag(argument, readable) {
                return Err(Refused { place: Some(place), why: self.no_such_flag() });
            }
        }
        match &self.positionals {
            Some(wanted) if words < wanted.min => {
                Err(Refused { place: None, why: format!("needs {} arguments that are no flags", wanted.min) })
            }
            _ => Ok(&self.given),
        }
    }

    fn check_subcommand(
        &self,
        first: usize,
        arguments: &[String],
        readable: &[PathBuf],
    ) -> Result<&Given, Refused> {
        match arguments.split_first().and_then(|(name, rest)| Some((self.subcommands.get(name)?, rest))) {
            Some((rule, rest)) => rule.check_from(first + 1, rest, readable),
            None => {
                let names: Vec<_> = self.subcommands.keys().map(|name| format!("`{name}`")).collect();
                let why = format!("must be one of the subcommands {}", names.join(", "));
                Err(Refused { place: Some(first), why })
            }
        }
    }

    /// The kind of value that the next argument must be, if this is a flag whose value is not with it.
    fn takes_the_next(&self, argument: &str) -> Option<Kind> {
        (!self.flags.contains(argument)).then(|| self.with_value.get(argument).copied()).flatten()
    }

    /// Whether it is a flag, or several, with their values.
    fn admits_flag(&self, argument: &str, readable: &[PathBuf]) -> bool {
        if self.flags.contains(argument) {
            return true;
        }
        if let Some((name, value)) = argument.split_once('=').filter(|_| argument.starts_with("--")) {
            return self.with_value.get(name).is_some_and(|kind| kind.admits(value, readable));
        }
        if argument.starts_with("--") || !self.joined {
            return false;
        }
        let mut characters = argument.chars();
        characters.next();
        while let Some(character) = characters.next() {
            let name = format!("-{character}");
            if let Some(kind) = self.with_value.get(&name) {
                return !characters.as_str().is_empty() && kind.admits(characters.as_str(), readable);
            }
            if !self.flags.contains(&name) {
                return false;
            }
        }
        argument.len() > 1
    }

    fn word(&self, word: &str, number: usize, readable: &[PathBuf]) -> Result<(), String> {
        match &self.positionals {
            Some(words) => words.admit(word, number, readable),
            None => Err("is not allowed: the rule has no `positionals`".to_owned()),
        }
    }

    fn no_such_flag(&self) -> String {
        let mut names: Vec<_> =
            self.flags.iter().chain(self.with_value.keys()).map(|name| format!("`{name}`")).collect();
        names.sort();
        if names.is_empty() {
            return "is a flag, and the rule has none".to_owned();
        }
        format!("is a flag that the rule does not have; it has {}", names.join(", "))
    }
}

impl Words {
    fn compile(words: &Positionals, place: &str, faults: &mut Vec<Fault>) -> Self {
        let matches = words
            .matches
            .as_ref()
            .and_then(|pattern| whole(pattern, || format!("{place}.positionals.matches"), faults));
        let max = words.max.unwrap_or(usize::MAX);
        if words.min > max {
            faults.push(Fault::new(format!("{place}.positionals.max"), "must not be less than `min`"));
        }
        // Who writes an expression or a list has said what it may be.
        let kind = match words.kind {
            Kind::Word if matches.is_some() || !words.one_of.is_empty() => Kind::Text,
            kind => kind,
        };
        Self { kind, matches, one_of: words.one_of.clone(), min: words.min, max }
    }

    fn admit(&self, word: &str, number: usize, readable: &[PathBuf]) -> Result<(), String> {
        if number > self.max {
            return Err(format!("is one too many: {} are allowed", self.max));
        }
        // Who wrote an expression or a list has said what else it may mean.
        let free = self.matches.is_none() && self.one_of.is_empty();
        if !self.kind.has_form(word, readable) || (free && means_more(word)) {
            return Err(format!("must be {}", self.kind.described()));
        }
        if !self.one_of.is_empty() && !self.one_of.iter().any(|one| one == word) {
            return Err(format!("must be one of {}", self.one_of.join(", ")));
        }
        match &self.matches {
            Some(pattern) if !pattern.is_match(word) => Err(format!("must match `{}`", pattern.as_str())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(toml: &str) -> Rule {
        let mut faults = Vec::new();
        let rule = Rule::compile(&toml::from_str(toml).unwrap(), "rule", &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        rule
    }

    fn allowed(rule: &Rule, line: &str) -> bool {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        rule.check(&arguments, &["/usr".into()]).is_ok()
    }

    #[test]
    fn find_cannot_run_or_delete_anything() {
        let find = rule(
            "flags = ['-name=text', '-type=word', '-maxdepth=number']\npositionals = { kind = 'path', max = 3 }",
        );
        assert!(allowed(&find, ". -name *.py -type f -maxdepth 3"));
        for line in [
            ". -exec sh -c id",
            ". -execdir x",
            ". -ok x",
            ". -delete",
            ". -fprintf /tmp/x",
            "-name",
            ". -name -delete",
            ". -nam x",
            "-- .",
            "/etc",
            "../x",
            ". -type=f",
            "/usr/../etc",
        ] {
            assert!(!allowed(&find, line), "{line}");
        }
    }

    #[test]
    fn git_begins_with_a_subcommand_and_nothing_else() {
        let git = rule(
            "[subcommands.status]\nflags = ['--short']\n[subcommands.log]\nflags = ['--oneline', '-n=number']",
        );
        for line in ["status", "status --short", "log -n5 --oneline", "log -n 5"] {
            assert!(allowed(&git, line), "{line}");
        }
        for line in [
            "",
            "-c core.pager=id log",
            "--exec-path=/tmp log",
            "log --output=/tmp/x",
            "log -n -c",
            "log -p",
            "push",
            "status --upload-pack=x",
            "log -n5x",
            "log main",
        ] {
            assert!(!allowed(&git, line), "{line}");
        }
    }

    #[test]
    fn curl_cannot_write_or_read_files() {
        let curl = rule(
            "flags = ['-s', '-S', '-I', '--max-time=number']\npositionals = { matches = 'https://example\\.com/.*', min = 1, max = 1 }",
        );
        assert!(allowed(&curl, "-sSI --max-time=5 https://example.com/a"));
        for line in [
            "-o x https://example.com/",
            "-sSo x https://example.com/",
            "-K x https://example.com/",
            "https://example.com/ -T x",
            "https://example.com.evil/",
            "--max-time",
            "-s",
            "--output=x https://example.com/",
            "https://example.com/ https://example.com/",
            "--max-time=5x https://example.com/",
        ] {
            assert!(!allowed(&curl, line), "{line}");
        }
    }

    /// Programs read arguments out of such files (`gcc @x` runs what `-wrapper` names), run such commands (`less +!x`),
    /// start such programs (Perl's `<>`).
    #[test]
    fn a_word_stands_for_itself() {
        let words = ["@opts", "+!id", "|id", "id|", "data=@x", "-W=l,@opts", "-Wl,@opts"];
        for kind in ["word", "text", "file", "path"] {
            let gcc =
                rule(&format!("flags = ['-W={kind}', '-x={kind}']\npositionals = {{ kind = '{kind}' }}"));
            for word in words {
                assert!(!allowed(&gcc, word) && !allowed(&gcc, &format!("-x {word}")), "{kind} {word}");
            }
            assert!(allowed(&gcc, "a@1.2+b.c"), "{kind}");
        }
        let named = rule("positionals = { matches = '@[a-z]+' }");
        assert!(allowed(&named, "@opts") && !allowed(&named, "+x"));
        assert!(allowed(&rule("positionals = { kind = 'text', one_of = ['+%Y'] }"), "+%Y"));
    }

    #[test]
    fn flags_of_one_letter_are_joined_only_where_that_is_clear() {
        let ls = rule("flags = ['-l', '-a', '-w=number']");
        assert!(allowed(&ls, "-la -w80 -law80"));
        assert!(!allowed(&ls, "-lx") && !allowed(&ls, "-wla") && !allowed(&ls, "-") && !allowed(&ls, "-l="));
        let with_long = rule("flags = ['-l', '-a', '-name=text']");
        assert!(allowed(&with_long, "-l -a") && !allowed(&with_long, "-la"));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place_and_not_by_its_words() {
        let ls = rule("flags = ['-l']\npositionals = { kind = 'number', min = 1, max = 1 }");
        let refused = |line: &[&str]| {
            let arguments: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
            ls.check(&arguments, &[]).unwrap_err()
        };
        assert_eq!(refused(&["-l", "secret"]), Refused { place: Some(1), why: "must be a number".into() });
        assert_eq!(refused(&["1", "2"]).why, "is one too many: 1 are allowed");
        assert_eq!(refused(&["-l"]).place, None);
        assert!(refused(&["--secret"]).why.contains("it has `-l`"));
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_named() {
        let mut faults = Vec::new();
        let wrong = "flags = ['x', '-n=magic']\n[positionals]\nmatches = '('\nmin = 3\nmax = 2\n[subcommands.a]\nprogram = 'x'";
        Rule::compile(&toml::from_str(wrong).unwrap(), "commands.x", &mut faults);
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            places,
            [
                "commands.x.flags[0]",
                "commands.x.flags[1]",
                "commands.x.subcommands",
                "commands.x.subcommands.a.program",
                "commands.x.positionals.matches",
                "commands.x.positionals.max",
            ]
        );
    }
}
