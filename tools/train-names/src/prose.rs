//! Ordinary prose, labelled weakly: a word with a capital that is in no list of names is none; a given name that is no ordinary
//! word and no place is one; what may be either is not trained on.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use octollm_core::reflex::pii::names::lexicon::Lexicon;
use octollm_core::reflex::pii::names::model::Class;
use octollm_core::reflex::pii::names::tokens::{Gap, Shape, Token, for_each_window};
use serde::Deserialize;

use crate::lists::Lists;
use crate::random::Random;
use crate::train::{Example, Filters};

/// Bytes that are read of one file: a large source must not speak for all.
const MOST_PER_FILE: usize = 1_500_000;
/// How often a word stands in lower case before it is an ordinary one.
const ORDINARY: usize = 2;

#[derive(Deserialize)]
struct Row {
    text: String,
    label: u8,
}

/// Prose, and what is known of its words.
pub(crate) struct Prose {
    texts: Vec<String>,
    /// Words that stand in lower case oftener than a name would.
    pub(crate) ordinary: BTreeSet<String>,
    /// Words that have a capital within sentences, and are neither ordinary nor in a list.
    pub(crate) proper: Vec<String>,
    /// Words that are never names of persons.
    pub(crate) things: BTreeSet<String>,
    /// Names that are held back: nothing is learnt from where they stand.
    held: BTreeSet<String>,
    given: BTreeSet<String>,
    family: BTreeSet<String>,
    places: BTreeSet<String>,
}

impl Prose {
    /// The harmless texts of all `.jsonl` files of a folder.
    pub(crate) fn read(
        folder: &Path,
        lists: &Lists,
        things: BTreeSet<String>,
    ) -> Result<Self, Box<dyn Error>> {
        let texts = texts(folder)?;
        let ordinary = ordinary(&texts);
        let [given, family, places] = lists.sets(true, &things);
        let mut read = Self {
            texts,
            ordinary,
            proper: Vec::new(),
            things,
            held: BTreeSet::new(),
            given,
            family,
            places,
        };
        read.proper = read.proper();
        Ok(read)
    }

    /// The same prose without what it says about names that are held back.
    pub(crate) fn holding_back(&mut self, lists: &Lists) {
        let [given, family, _] = lists.sets(false, &self.things);
        let all = self.given.union(&self.family);
        self.held = all.filter(|name| !given.contains(*name) && !family.contains(*name)).cloned().collect();
    }

    /// Whatever is known may be used.
    pub(crate) fn holding_nothing_back(&mut self) {
        self.held.clear();
    }

    fn proper(&self) -> Vec<String> {
        let mut proper = BTreeSet::new();
        for text in &self.texts {
            for (before, word) in text.split_whitespace().zip(text.split_whitespace().skip(1)) {
                let word = word.trim_end_matches([',', '.', '?', '!', ';', ':', ')', '"']);
                let within = before.ends_with(char::is_lowercase);
                let plain = word.chars().all(char::is_alphabetic)
                    && word.chars().next().is_some_and(char::is_uppercase);
                let lower = word.to_lowercase();
                let known = [&self.ordinary, &self.given, &self.family, &self.places];
                if within
                    && plain
                    && (3..=20).contains(&word.len())
                    && !known.iter().any(|list| list.contains(&lower))
                {
                    proper.insert(word.to_owned());
                }
            }
        }
        proper.into_iter().collect()
    }

    /// The texts as examples.
    pub(crate) fn examples(&self, filters: &Filters, random: &mut Random) -> Vec<Example> {
        self.texts.iter().map(|text| self.label(text, filters.pick(random))).collect()
    }
}

fn ordinary(texts: &[String]) -> BTreeSet<String> {
    let mut lower: BTreeMap<&str, usize> = BTreeMap::new();
    let mut within: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        let mut begins = true;
        for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
            let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
            for part in plain.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
                if part.chars().all(char::is_lowercase) {
                    *lower.entry(part).or_default() += 1;
                } else if !begins {
                    *within.entry(part.to_lowercase()).or_default() += 1;
                }
            }
            begins = word.ends_with(['.', '!', '?', ':', '"', '”']);
        }
    }
    let is_ordinary = |(word, count): (&str, usize)| {
        (count >= ORDINARY && count * 3 >= within.get(word).copied().unwrap_or_default())
            .then(|| word.to_owned())
    };
    lower.into_iter().filter_map(is_ordinary).collect()
}

fn texts(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut texts = Vec::new();
    for path in files {
        let content = fs::read_to_string(&path)?;
        let rows: Vec<Row> = content.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let mut left = MOST_PER_FILE;
        for row in rows.into_iter().filter(|row| row.label == 0) {
            left = left.saturating_sub(row.text.len());
            if left == 0 {
                break;
            }
            texts.push(row.text);
        }
    }
    Ok(texts)
}

impl Prose {
    fn label(&self, text: &str, lexicon: Lexicon<'_>) -> Example {
        let (mut example, mut before) = (Example::default(), None);
        for_each_window(text, lexicon, |window| {
            let token = &window[2];
            let class = self.class(&text[token.start..token.end], token, before);
            if token.shape.is_candidate()
                && let Some(class) = class
            {
                example.add(window, class);
            }
            before = class;
        });
        example
    }

    /// What a token is; `None` if nobody knows.
    fn class(&self, word: &str, token: &Token, before: Option<Class>) -> Option<Class> {
        if !matches!(token.shape, Shape::Capitalised | Shape::Mixed) {
            return Some(Class::Other);
        }
        let lower = word.to_lowercase();
        if self.held.contains(&lower) {
            return None;
        }
        let ordinary = self.ordinary.contains(lower.as_str());
        let (given, family) = (self.given.contains(&lower), self.family.contains(&lower));
        let place = self.places.contains(&lower);
        let after_name = before == Some(Class::Person) && matches!(token.gap, Gap::Space | Gap::Hyphen);
        match (ordinary, given, family) {
            (false, true, _) if !place => Some(Class::Person),
            (false, _, true) if after_name => Some(Class::Person),
            (true, ..) if token.gap.begins() => Some(Class::Other),
            (_, true, _) | (_, _, true) => None,
            _ if place => Some(Class::Proper),
            _ => Some(Class::Other),
        }
    }
}
