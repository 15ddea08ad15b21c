//! The lists that sentences are filled from.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

use octollm_core::reflex::pii::names::lexicon::{List, SIZE, add};
use octollm_core::reflex::pii::names::tokens::word_hash;

use crate::prose::Prose;
use crate::random::Random;

/// Entries by locale, so that a locale with a long list does not speak for all.
type ByLocale = BTreeMap<String, Vec<String>>;

/// All lists.
pub(crate) struct Lists {
    given: ByLocale,
    family: ByLocale,
    pub(crate) streets: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    pub(crate) cities: ByLocale,
    pub(crate) countries: Vec<String>,
    pub(crate) states: Vec<String>,
    pub(crate) jobs: Vec<String>,
}

/// Which names may be used.
#[derive(Clone, Copy)]
pub(crate) struct Names<'l> {
    pub(crate) lists: &'l Lists,
    part: Part,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Known,
    HeldBack,
    All,
}

impl Lists {
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let lines = |name: &str| -> Result<Vec<String>, Box<dyn Error>> {
            let content = fs::read_to_string(folder.join(format!("{name}.txt")))?;
            Ok(content.lines().map(str::to_owned).collect())
        };
        let located = |name: &str| -> Result<ByLocale, Box<dyn Error>> {
            let mut by_locale = ByLocale::new();
            for line in lines(name)? {
                if let Some((locale, entry)) = line.split_once('\t').filter(|(_, entry)| has_case(entry)) {
                    by_locale.entry(locale.to_owned()).or_default().push(entry.to_owned());
                }
            }
            by_locale.retain(|_, entries| entries.len() >= 5);
            Ok(by_locale)
        };
        let flat =
            |name: &str| Ok::<_, Box<dyn Error>>(located(name)?.into_values().flatten().collect::<Vec<_>>());
        Ok(Self {
            given: located("given")?,
            family: located("family")?,
            streets: flat("streets")?,
            suffixes: flat("suffixes")?,
            cities: located("cities")?,
            countries: lines("countries")?,
            states: lines("states")?,
            jobs: lines("jobs")?,
        })
    }

    pub(crate) const fn known(&self) -> Names<'_> {
        Names { lists: self, part: Part::Known }
    }

    pub(crate) const fn held_back(&self) -> Names<'_> {
        Names { lists: self, part: Part::HeldBack }
    }

    pub(crate) const fn all(&self) -> Names<'_> {
        Names { lists: self, part: Part::All }
    }

    /// All given names, all surnames and all words of places, in lower case; without names that are held back if so wanted.
    pub(crate) fn sets(&self, all: bool, things: &BTreeSet<String>) -> [BTreeSet<String>; 3] {
        // Georgia and Chad are countries and given names, Poland and China are not.
        let given_at_home: BTreeSet<&String> = self.given.get("us").into_iter().flatten().collect();
        let countries: BTreeSet<String> = self
            .countries
            .iter()
            .filter(|country| !given_at_home.contains(country))
            .map(|country| country.to_lowercase())
            .collect();
        let words = |entries: &mut dyn Iterator<Item = &String>| {
            entries
                .filter(|entry| all || !is_held(entry))
                .flat_map(|entry| entry.split(|c: char| !c.is_alphanumeric()))
                .filter(|word| word.chars().count() > 1)
                .map(str::to_lowercase)
                .filter(|word| !things.contains(word) && !countries.contains(word))
                .collect::<BTreeSet<_>>()
        };
        let places = self.cities.values().flatten().chain(&self.countries).chain(&self.states);
        [
            words(&mut self.given.values().flatten()),
            words(&mut self.family.values().flatten()),
            places
                .flat_map(|entry| entry.split(|c: char| !c.is_alphanumeric()))
                .filter(|word| word.chars().count() > 1)
                .map(str::to_lowercase)
                .collect(),
        ]
    }

    /// The filters that the library embeds.
    pub(crate) fn filters(&self, prose: &Prose, names: Filtered) -> Vec<u8> {
        let [given, family, places] = self.sets(names == Filtered::All, &prose.things);
        let mut filters = vec![0; SIZE];
        let mut put = |list, words: &BTreeSet<String>| {
            words.iter().for_each(|word| add(&mut filters, list, word_hash(word)));
        };
        if names != Filtered::None {
            put(List::Given, &given);
            put(List::Family, &family);
        }
        put(List::Place, &places);
        put(List::Ordinary, &prose.ordinary);
        filters
    }
}

/// Every tenth name, by its own letters.
fn is_held(entry: &str) -> bool {
    entry.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 10 == 0
}

/// Which names filters hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filtered {
    /// No name: what is left to a name that no list holds.
    None,
    /// All that are not held back.
    Known,
    /// All.
    All,
}

impl Names<'_> {
    pub(crate) fn given(&self, random: &mut Random) -> String {
        self.of(&self.lists.given, "us", random)
    }

    pub(crate) fn family(&self, random: &mut Random) -> String {
        self.of(&self.lists.family, "us", random)
    }

    pub(crate) fn city(&self, random: &mut Random) -> String {
        self.of(&self.lists.cities, "US", random)
    }

    /// An entry of a locale; one time in three of the United States'.
    fn of(&self, list: &ByLocale, home: &str, random: &mut Random) -> String {
        loop {
            let at = random.below(list.len());
            let locale = if random.below(3) == 0 { list.get(home) } else { list.values().nth(at) };
            let Some(entry) = locale.map(|entries| random.pick(entries)) else { continue };
            if self.part == Part::All || is_held(entry) == (self.part == Part::HeldBack) {
                return entry.clone();
            }
        }
    }
}

/// Only scripts with capitals: the tagger sees no others.
fn has_case(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_uppercase)
}
