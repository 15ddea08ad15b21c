//! The rules, as a table. Each asks for the shape of a payload that breaks out of its place, not for a word: `union`,
//! `script`, `../` and `a && b` are ordinary, `' UNION SELECT` is not.

use std::ops::Range;

use octollm_core::reflex::Severity::{self, High, Medium};
use octollm_core::{Error, ErrorKind, Result};
use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Places that one rule reports in one text.
const MOST_PLACES: usize = 20;

/// Bytes that the compiled rules may take together.
const MOST_COMPILED: usize = 16 << 20;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// A text for people; its code is shown as code.
    Prose,
    /// A field's value: data as a whole.
    Value,
    /// Either of them, decoded.
    Decoded,
}

/// A rule.
pub(super) struct Rule {
    pub(super) type_name: &'static str,
    pub(super) severity: Severity,
    pub(super) confidence: f32,
    pub(super) explanation: &'static str,
    /// Where it holds.
    views: &'static [View],
    /// `W` stands for white space as a database reads it, `C` for a command.
    pattern: &'static str,
    /// What a regular expression cannot say.
    holds: fn(&str, &Captures<'_>) -> bool,
}

/// A place where a rule holds.
pub(super) struct Match {
    pub(super) rule: &'static Rule,
    pub(super) range: Range<usize>,
}

const ALL: &[View] = &[View::Prose, View::Value, View::Decoded];
const VALUES: &[View] = &[View::Value];
const DECODED: &[View] = &[View::Decoded];

const SQL: &str = "sql_injection";
const XSS: &str = "cross_site_scripting";
const PATH: &str = "path_traversal";
const SHELL: &str = "shell_injection";

/// White space, a comment, or the plus sign of a form.
const SPACE: &str = r"(?:\s|/\*[^*]*\*/|\+)";
/// Programs that payloads call.
const COMMAND: &str = r"(?:/(?:usr/)?s?bin/)?(?:rm|curl|wget|nc|ncat|netcat|(?:ba|z|k|da)?sh|python[23]?|perl|ruby|php|node|powershell|pwsh|cmd(?:\.exe)?|chmod|chown|killall|shutdown|reboot|mkfs(?:\.\w+)?|dd|scp|ssh|telnet|eval|base64|sudo|su|cat|id|whoami|uname|hostname|ls|ping|sleep|touch|crontab|env|printenv|nslookup|dig)";

const fn rule(
    type_name: &'static str,
    severity: Severity,
    confidence: f32,
    views: &'static [View],
    explanation: &'static str,
    pattern: &'static str,
) -> Rule {
    Rule { type_name, severity, confidence, explanation, views, pattern, holds: always }
}

static RULES: [Rule; 28] = [
    Rule {
        holds: same_sides,
        ..rule(
            SQL,
            High,
            0.9,
            ALL,
            "ends a quoted value and adds a condition that always holds",
            r#"['"][\s)]*W*(?:or|and|\|\||&&)W+(?:not\s+)?(?:(\d+)W*(?:=|<=|>=|like)W*(\d+)|'([^']{0,20})'W*(?:=|like)W*'([^']{0,20})|"([^"]{0,20})"W*(?:=|like)W*"([^"]{0,20})|(true|false)W*(?:--|\#|;|$))"#,
        )
    },
    Rule {
        holds: same_sides,
        ..rule(
            SQL,
            High,
            0.7,
            ALL,
            "adds a condition to a number that always holds",
            r"[\d)]W+(?:or|and)W+(\d{1,9})W*=W*(\d{1,9})\b",
        )
    },
    rule(
        SQL,
        High,
        0.95,
        ALL,
        "ends a quoted value and begins another statement",
        r#"['")\d]W*;W*(?:(?:drop|alter|create|truncate)W+(?:table|database|schema|view|index|user|role|procedure|function|trigger)\b|deleteW+from\b|insertW+into\b|updateW+[\w.]+W+set\b|exec(?:ute)?W+(?:\w*xp_|sp_|immediate\b|\()|shutdownW*(?:--|;|$)|grantW+\w+W+(?:on|to)\b|selectW+[\w*@(.,]+W*(?:from|\(|--|;)|declareW+@)"#,
    ),
    rule(
        SQL,
        High,
        0.9,
        ALL,
        "ends a value and adds the rows of another query",
        r#"['")\d]W*\bunionW+(?:allW+|distinctW+)?selectW+[\w(*@'"]"#,
    ),
    rule(
        SQL,
        High,
        0.8,
        ALL,
        "adds the rows of another query",
        r"\bunionW+(?:allW+|distinctW+)?selectW+(?:null\b|\d|@@|\*|char\(|concat\(|[\w,.]+W+fromW+\w)",
    ),
    Rule {
        holds: breaks_out,
        ..rule(
            SQL,
            High,
            0.7,
            ALL,
            "ends a quoted value and comments out the rest of the query",
            r#"\w(['"])\)*\s*(?:--(?:\s|$)|\#\s*$|/\*)"#,
        )
    },
    rule(
        SQL,
        High,
        0.9,
        ALL,
        "makes the database wait, to learn from how long it takes",
        r"(?:\b(?:and|or|select|if|when)W*\(?W*|[;,]W*)(?:(?:pg_)?sleep\(W*\d|benchmark\(W*\d|waitforW+delayW*'|dbms_pipe\.receive_message\()",
    ),
    rule(
        SQL,
        High,
        0.8,
        ALL,
        "calls a database function that reaches the system",
        r#"\bxp_cmdshell\b|\bintoW+(?:out|dump)fileW*['"]|\bselectW+load_fileW*\("#,
    ),
    rule(
        SQL,
        Medium,
        0.7,
        ALL,
        "reads the database's own tables",
        r"\bselect\b[^;\n]*\bfromW+(?:information_schema\.\w|sqlite_master\b|pg_catalog\.\w|sys\.(?:tables|objects)\b)",
    ),
    rule(XSS, High, 0.9, ALL, "a script element", r"<\s*script\b[^<>]*>"),
    rule(
        XSS,
        High,
        0.9,
        ALL,
        "an element that runs a script when something happens to it",
        r#"<\s*[a-z][a-z0-9]{0,20}\b[^<>]*[\s/"']on[a-z]{3,20}\s*=\s*[^\s=>]"#,
    ),
    rule(
        XSS,
        High,
        0.8,
        ALL,
        "leaves an attribute and adds one that runs a script",
        r#"["']\s*/?\s*(?:>\s*<[a-z]+\s+[^<>]*)?\bon(?:error|load|click|mouse\w{2,5}|focus|blur|toggle|pointer\w{2,5}|animation\w{3,9}|begin)\s*=\s*["'`]?[\w.]+\s*[(`=;]"#,
    ),
    rule(
        XSS,
        High,
        0.9,
        ALL,
        "a link that runs a script",
        r#"\b(?:href|src|action|formaction|data|poster|background|srcdoc)\s*=\s*["']?[\s\x00-\x1f]*(?:j[\t\r\n]*a[\t\r\n]*v[\t\r\n]*a[\t\r\n]*s[\t\r\n]*c[\t\r\n]*r[\t\r\n]*i[\t\r\n]*p[\t\r\n]*t|vbscript)[\t\r\n]*:"#,
    ),
    rule(
        XSS,
        High,
        0.8,
        ALL,
        "an address that is a page or a script of its own",
        r#"\b(?:href|src|action|formaction|data)\s*=\s*["']?\s*data:(?:text/html|image/svg\+xml|application/xhtml)"#,
    ),
    rule(
        XSS,
        Medium,
        0.7,
        ALL,
        "an address that runs a script",
        r"\bjavascript:[\s/*]*[\w.$]{1,60}\s*(?:\(|`|=)",
    ),
    rule(
        XSS,
        Medium,
        0.7,
        ALL,
        "an element that loads a foreign page",
        r"<\s*(?:iframe|object|embed|frame)\b[^<>]*\b(?:src|srcdoc|data)\s*=",
    ),
    rule(
        PATH,
        High,
        0.9,
        ALL,
        "climbs out of its folder to a place that holds secrets",
        r"(?:\.\.[/\\]){2,}(?:[\w.-]+[/\\]){0,4}(?:etc[/\\]|proc[/\\]|root[/\\]|windows[/\\]|winnt[/\\]|boot\.ini|\.ssh\b|\.env\b|\.aws\b|\.git\b|web-inf\b|passwd\b|shadow\b)",
    ),
    rule(PATH, Medium, 0.6, VALUES, "climbs out of its folder", r"(?:\.\.[/\\]){3,}"),
    rule(PATH, High, 0.8, DECODED, "climbs out of its folder, in disguise", r"\.\.[/\\]"),
    rule(
        PATH,
        Medium,
        0.7,
        ALL,
        "climbs out of its folder in a form that some filters miss",
        r"(?:\.{4}//|\.\.;/|\.{4}\\\\){1,}",
    ),
    rule(PATH, High, 0.8, DECODED, "ends a file's name early", r"\x00"),
    rule(
        PATH,
        Medium,
        0.7,
        VALUES,
        "names a file that holds secrets",
        r"^\s*(?:file:/{1,3})?/(?:etc/(?:passwd|shadow|sudoers|hosts)|proc/(?:self|\d+)/(?:environ|mem|cmdline|root|fd)|root/\S+|\S{0,100}/\.ssh/\S*)\s*$",
    ),
    rule(PATH, Medium, 0.7, VALUES, "an address of a local file", r"^\s*file:/{2,3}\S"),
    rule(
        SHELL,
        High,
        0.85,
        ALL,
        "ends a command and begins another one",
        r#"(?:;|\|\|?|&&?)\s*C\s+(?:-{1,2}[a-z]|[/~$]|\.\.?/|https?:|['"]\S|\w+://)"#,
    ),
    rule(
        SHELL,
        High,
        0.7,
        ALL,
        "ends a command and begins another one",
        r"(?:\S\s*(?:;|\|\|)|\|)\s*(?:id|whoami|uname|hostname|env|printenv|reboot|shutdown|(?:ba|z|k|da)?sh)\s*(?:$|[;|&\#])",
    ),
    rule(SHELL, High, 0.9, ALL, "runs a command within another one", r"\$\(\s*C\b[^()\n]*\)|<\(\s*C\b"),
    rule(SHELL, High, 0.8, VALUES, "runs a command within another one", r"`\s*C(?:\s[^`\n]*)?`"),
    rule(
        SHELL,
        High,
        0.9,
        ALL,
        "a form that only attacks on a shell have",
        r"\$\{?IFS\b|/dev/(?:tcp|udp)/\S|:\(\)\s*\{\s*:\s*\|\s*:\s*&\s*\}|>\s*/dev/sd[a-z]\b|\bbase64\s+(?:-d|--decode|-D)\b[^|\n]*\|\s*(?:ba)?sh\b",
    ),
];

/// The rules, compiled: one look at a text says which of them may hold, and only those look for their places.
pub(super) struct Rules {
    any: RegexSet,
    each: Vec<Regex>,
}

impl Rules {
    /// Compiles them.
    pub(super) fn new() -> Result<Self> {
        let patterns: Vec<String> =
            RULES.iter().map(|rule| rule.pattern.replace('W', SPACE).replace('C', COMMAND)).collect();
        let defect = |cause: regex::Error| {
            Error::new(ErrorKind::Internal, "a rule about content does not compile").with_source(cause)
        };
        // Bytes instead of characters: all that counts is ASCII, and the automaton is a tenth as large.
        let any = RegexSetBuilder::new(&patterns)
            .unicode(false)
            .case_insensitive(true)
            .multi_line(true)
            .size_limit(MOST_COMPILED)
            .build()
            .map_err(defect)?;
        let compile = |pattern: &String| {
            RegexBuilder::new(pattern)
                .unicode(false)
                .case_insensitive(true)
                .multi_line(true)
                .size_limit(MOST_COMPILED)
                .build()
                .map_err(defect)
        };
        Ok(Self { any, each: patterns.iter().map(compile).collect::<Result<_>>()? })
    }

    /// Where which rule holds.
    pub(super) fn find(&self, text: &str, view: View) -> Vec<Match> {
        let mut found = Vec::new();
        for index in self.any.matches(text.as_bytes()) {
            let (Some(rule), Some(regex)) = (RULES.get(index), self.each.get(index)) else { continue };
            if !rule.views.contains(&view) {
                continue;
            }
            let places = regex.captures_iter(text.as_bytes()).filter(|captures| (rule.holds)(text, captures));
            let places =
                places.filter_map(|captures| captures.get(0).map(|place| whole(text, place.range())));
            found.extend(places.take(MOST_PLACES).map(|range| Match { rule, range }));
        }
        found
    }
}

fn always(_: &str, _: &Captures<'_>) -> bool {
    true
}

/// The range of whole characters.
fn whole(text: &str, range: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start.min(text.len()), range.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// Both sides of the comparison are the same, so that it always holds; a word that is true or false by itself does.
fn same_sides(_: &str, captures: &Captures<'_>) -> bool {
    let sides: Vec<&[u8]> = captures.iter().skip(1).flatten().map(|side| side.as_bytes()).collect();
    match sides.as_slice() {
        [left, right] => left.eq_ignore_ascii_case(right),
        [_] => true,
        _ => false,
    }
}

/// The quote has no partner before it in its line, so that it ends a value that somebody else began.
fn breaks_out(text: &str, captures: &Captures<'_>) -> bool {
    let Some(quote) = captures.get(1) else { return false };
    let (Some(before), Some(mark)) = (text.get(..quote.start()), text.get(quote.range())) else {
        return false;
    };
    let line = before.rsplit('\n').next().unwrap_or_default();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let counts = |at: usize| {
        // An apostrophe within a word is none.
        let after = line.get(at + mark.len()..).and_then(|rest| rest.chars().next());
        !(is_letter(line.get(..at).and_then(|rest| rest.chars().next_back())) && is_letter(after))
    };
    line.match_indices(mark).filter(|(at, _)| counts(*at)).count() % 2 == 0
}
