//! Labelled texts: read, cleaned, and prepared as the detector sees them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use octollm_core::reflex::Canonical;
use octollm_core::reflex::injection::features;
use serde::Deserialize;

/// Rows of one source and label that are used: a large source must not speak for all.
const MOST_PER_SOURCE: usize = 4000;

/// Harmless documents that are put together.
const DOCUMENTS: usize = 3000;

/// A text, whether it is an injection, and where it comes from.
pub(crate) type Labelled = (String, bool, String);

/// A text as the model sees it.
pub(crate) struct Example {
    pub(crate) is_injection: bool,
    pub(crate) source: String,
    /// Places in the table, word after word.
    pub(crate) features: Vec<u32>,
    /// Where in `features` each word ends.
    pub(crate) ends: Vec<usize>,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    label: u8,
    source: String,
}

impl Example {
    pub(crate) fn new(text: &str, is_injection: bool, source: &str) -> Self {
        let canonical = Canonical::new(text);
        let (mut places, mut ends) = (Vec::new(), Vec::new());
        features::for_each_word(canonical.text(), |word| {
            places.extend_from_slice(word.features);
            ends.push(places.len());
        });
        Self { is_injection, source: source.to_owned(), features: places, ends }
    }

    /// The places of the words `from..to`.
    pub(crate) fn window(&self, from: usize, to: usize) -> &[u32] {
        let start = from.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.features[start..self.ends[to - 1]]
    }
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
            let kept: Vec<_> = kept.map(|row| (row.text.clone(), label == 1, row.source.clone())).collect();
            let step = if training { kept.len().div_ceil(MOST_PER_SOURCE).max(1) } else { 1 };
            rows.extend(kept.into_iter().step_by(step));
        }
    }
    Ok(rows)
}

/// The lines of a file of our own, every `{a|b}` written out.
pub(crate) fn read_lines(path: &Path, is_injection: bool) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let content = fs::read_to_string(path)?;
    let lines = content.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.flat_map(expand).map(|text| (text, is_injection, "own".to_owned())).collect())
}

/// Documents put together of texts that are there: harmless ones, and ones with an injection in their middle. Without them
/// nothing long would be harmless but a few sources.
pub(crate) fn documents(rows: &[Labelled]) -> Vec<Labelled> {
    let harmless: Vec<&str> = rows.iter().filter(|row| !row.1).map(|row| row.0.as_str()).collect();
    let injections =
        rows.iter().filter(|row| row.1 && row.0.len() < 300).map(|row| row.0.as_str()).step_by(4);
    // A stride without a common factor with the count walks over all texts, far from their neighbours.
    let mut pick = (0..).map(|at: usize| harmless[at * 7919 % harmless.len()]);
    let mut part = |count: usize| pick.by_ref().take(count).collect::<Vec<_>>().join("\n");
    let mut documents: Vec<Labelled> =
        (0..DOCUMENTS).map(|at| (part(3 + at % 9), false, "documents".to_owned())).collect();
    documents.extend(injections.enumerate().map(|(at, injection)| {
        let text = format!("{}\n{injection}\n{}", part(at % 5), part(at % 4));
        (text, true, "documents".to_owned())
    }));
    documents
}

fn expand(line: &str) -> Vec<String> {
    let choice = line.find('{').and_then(|open| Some((open, open + line[open..].find('}')?)));
    let Some((open, close)) = choice else { return vec![line.to_owned()] };
    let tails = expand(&line[close + 1..]);
    let choices = line[open + 1..close].split('|');
    choices
        .flat_map(|choice| tails.iter().map(move |tail| format!("{}{choice}{tail}", &line[..open])))
        .collect()
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
    if row.source != "neuralchemy" {
        return true;
    }
    let text = Canonical::new(&row.text).text().to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if row.label == 1 { has(ORDERS) && !text.contains('`') } else { !has(JAILBREAKS) }
}
