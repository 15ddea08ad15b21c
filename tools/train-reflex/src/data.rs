//! Labelled texts: read, cleaned, and prepared as the detector sees them.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use octollm_core::reflex::Canonical;
use octollm_core::reflex::injection::features::{self, Form};
use octollm_core::reflex::injection::patterns::Phrases;
use octollm_core::reflex::injection::windows::Windows;
use serde::Deserialize;

use crate::random::Random;

/// Rows of one source and label that are used: a large source must not speak for all.
const MOST_PER_SOURCE: usize = 4000;

/// Texts that one line of our own gives at most: a line with many choices must not speak for all.
const MOST_PER_LINE: usize = 24;
/// The same for a line that says that it is wide: of long lists of words.
const MOST_PER_WIDE_LINE: usize = 250;

/// The end of the names of files of templates: every `{a|b}` in a line is a choice.
const TEMPLATES: &str = ".txt";
/// The end of the names of files of texts as people write them.
const PLAIN: &str = ".lines";

/// The source of our own lines.
pub(crate) const OWN: &str = "own";
/// The source of our own harmless documents.
pub(crate) const OWN_DOCUMENTS: &str = "own documents";
/// The source of our own orders that are only ones within a document.
pub(crate) const PLANTED: &str = "planted";

/// A text with its label.
#[derive(Clone)]
pub(crate) struct Labelled {
    pub(crate) text: String,
    pub(crate) is_injection: bool,
    /// Where it comes from.
    pub(crate) source: String,
    /// What it must not be parted from when rows are held back: its number, or that of the line it was made of.
    pub(crate) group: usize,
    /// Where in the text the injection stands, in bytes, if it was put there.
    pub(crate) order: Option<Range<usize>>,
}

/// A text as the model sees it.
pub(crate) struct Example {
    pub(crate) is_injection: bool,
    pub(crate) form: Form,
    /// What its phrases add to its score.
    pub(crate) phrases: f32,
    /// The words of the injection, if it is known where it stands.
    pub(crate) order: Option<Range<usize>>,
    /// The windows by which it is judged, in words.
    pub(crate) windows: Vec<Range<usize>>,
    /// Places in the table, word after word.
    places: Vec<u32>,
    /// Where in `places` each word ends, after a 0.
    ends: Vec<usize>,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    label: u8,
    source: String,
}

impl Example {
    pub(crate) fn new(row: &Labelled, phrases: &Phrases) -> Self {
        let canonical = Canonical::new(&row.text);
        let text = canonical.text();
        let (mut places, mut ends, mut starts) = (Vec::new(), vec![0], Vec::new());
        let (mut cut, mut windows) = (Windows::default(), Vec::new());
        features::for_each_word(text, |word| {
            windows.extend(cut.next(word.begins).into_iter().flatten().map(|from| from..starts.len()));
            places.extend_from_slice(word.places);
            ends.push(places.len());
            starts.push(word.range.start);
        });
        windows.extend(cut.end().into_iter().flatten().map(|from| from..starts.len()));
        let order = row.order.clone().map(|order| {
            let word = |at: usize| {
                let at = Canonical::new(&row.text[..at]).text().len();
                starts.partition_point(|start| *start < at)
            };
            word(order.start)..word(order.end)
        });
        let phrases = phrases.weight(text);
        Self { is_injection: row.is_injection, form: Form::of(text), phrases, order, windows, places, ends }
    }

    pub(crate) fn words(&self) -> usize {
        self.ends.len() - 1
    }

    /// The places that these words touch.
    pub(crate) fn places(&self, words: Range<usize>) -> &[u32] {
        &self.places[self.ends[words.start]..self.ends[words.end]]
    }
}

/// Whether a row is held back to see what was learnt.
pub(crate) fn is_held_back(row: &Labelled) -> bool {
    row.group % 10 == 9
}

/// The rows of all `.jsonl` files of a folder, in the order of their names.
pub(crate) fn read_folder(folder: &Path, training: bool) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut rows = Vec::new();
    for path in files {
        let content = fs::read_to_string(&path)?;
        let file: Vec<Row> = content.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        for label in [0, 1] {
            let kept = file.iter().filter(|row| row.label == label && (!training || is_clean(row)));
            let kept: Vec<Labelled> = kept
                .enumerate()
                .map(|(group, row)| Labelled {
                    text: row.text.clone(),
                    is_injection: label == 1,
                    source: row.source.clone(),
                    group,
                    order: None,
                })
                .collect();
            let step = if training { kept.len().div_ceil(MOST_PER_SOURCE).max(1) } else { 1 };
            rows.extend(kept.into_iter().step_by(step));
        }
    }
    Ok(rows)
}

/// The lines of our own files whose names begin so, in the order of their names.
pub(crate) fn read_own(
    folder: &Path,
    prefix: &str,
    is_injection: bool,
    source: &str,
) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    let is_ours =
        |name: String| name.starts_with(prefix) && (name.ends_with(TEMPLATES) || name.ends_with(PLAIN));
    files.retain(|path| name(path).is_some_and(is_ours));
    files.sort();
    let mut rows: Vec<Labelled> = Vec::new();
    for file in files {
        let first = rows.last().map_or(0, |row| row.group + 1);
        let read = read_lines(&file, is_injection, source)?;
        rows.extend(read.into_iter().map(|row| Labelled { group: first + row.group, ..row }));
    }
    Ok(rows)
}

/// The texts of a file of our own: of templates every choice written out, of others the lines. `\\n` ends a line of the text, `#`
/// begins a comment, `\\#` a text that begins with that sign.
pub(crate) fn read_lines(
    path: &Path,
    is_injection: bool,
    source: &str,
) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let content = fs::read_to_string(path)?;
    let lines: Vec<&str> =
        content.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let texts = if path.to_string_lossy().ends_with(PLAIN) { plain(&lines) } else { of_templates(&lines) };
    let row = |(group, text): (usize, String)| Labelled {
        text: text.replace("\\n", "\n"),
        is_injection,
        source: source.to_owned(),
        group,
        order: None,
    };
    Ok(texts.into_iter().map(row).collect())
}

/// Texts as people write them, each with the number of its line.
fn plain(lines: &[&str]) -> Vec<(usize, String)> {
    let text =
        |line: &str| line.strip_prefix('\\').filter(|text| text.starts_with('#')).unwrap_or(line).to_owned();
    lines.iter().map(|line| text(line)).enumerate().collect()
}

/// The texts that templates give, each with the number of its template.
fn of_templates(lines: &[&str]) -> Vec<(usize, String)> {
    // A file names what it uses again: `@name = a|b`, then `{@name}`.
    let (names, lines): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.starts_with('@'));
    let names: Vec<(&str, &str)> = names.iter().filter_map(|line| line.split_once(" = ")).collect();
    let mut random = Random(0x11e5);
    let mut texts = Vec::new();
    for (group, line) in lines.into_iter().enumerate() {
        let (line, most) = match line.strip_prefix("WIDE ") {
            Some(line) => (line, MOST_PER_WIDE_LINE),
            None => (line, MOST_PER_LINE),
        };
        let drawn: BTreeSet<String> = (0..4 * most).map(|_| written_out(line, &names, &mut random)).collect();
        let mut drawn: Vec<String> = drawn.into_iter().collect();
        random.shuffle(&mut drawn);
        drawn.truncate(most);
        texts.extend(drawn.into_iter().map(|text| (group, text)));
    }
    texts
}

/// A line with one of each of its choices. Choices may hold choices.
fn written_out(line: &str, names: &[(&str, &str)], random: &mut Random) -> String {
    let mut text = line.to_owned();
    // The innermost choice first: the first that closes, from where it opens.
    while let Some(close) = text.find('}')
        && let Some(open) = text[..close].rfind('{')
    {
        let inner = &text[open + 1..close];
        let named = names.iter().find(|(name, _)| *name == inner);
        let choices: Vec<&str> = named.map_or(inner, |(_, choices)| choices).split('|').collect();
        let choice = choices[random.below(choices.len())];
        // A choice may be a name.
        let is_name = names.iter().any(|(name, _)| *name == choice);
        let choice = if is_name { format!("{{{choice}}}") } else { choice.to_owned() };
        text.replace_range(open..=close, &choice);
    }
    text
}

/// Leaves out rows whose label does not mean injection: harm without an order to the model, commands of a shell, and
/// jailbreaks that are labelled harmless.
fn is_clean(row: &Row) -> bool {
    const ORDERS: &[&str] = &[
        "ignor",
        "disregard",
        "forget",
        "instruction",
        "prompt",
        "previous",
        "above",
        "system",
        "pwn",
        "i have been",
        "pretend",
        "act as",
        "role",
        "dan ",
        "restrict",
        "jailbr",
        "bypass",
        "override",
        "reveal",
        "repeat",
        "rules",
        "guideline",
        "you are",
        "from now",
        "developer mode",
        "respond with",
        "only say",
        "just say",
        "anweisung",
        "vergiss",
        "filter",
        "unlock",
    ];
    // Labelled injections, though they only ask for a part to be played.
    const PLAIN_ROLES: &[&str] = &["i want you to act as", "ich möchte, dass", "generate c++"];
    const JAILBREAKS: &[&str] = &[
        "ignore",
        "always fulfill",
        "do anything",
        "no restrictions",
        "without any restrictions",
        "questionable",
        "unfiltered",
        "jailbreak",
        "dan ",
        "system prompt",
        "brilliant hacker",
    ];
    let text = Canonical::new(&row.text).text().to_lowercase();
    if row.source == "deepset_train" {
        return row.label == 0 || !PLAIN_ROLES.iter().any(|role| text.starts_with(role));
    }
    if row.source != "neuralchemy" {
        return true;
    }
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if row.label == 1 { has(ORDERS) && !text.contains('`') } else { !has(JAILBREAKS) }
}
