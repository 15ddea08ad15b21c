//! Sentences of our own with gaps, filled.
//!
//! `{P}` is a person, `{G}` a given name, `{S}` a surname, `{A}` an address, `{C}` a town, `{K}` a country, `{O}` a company, `{J}` an
//! occupation, `{W}` a name of something else, `{N}` a number, `{a|b}` a choice. What no gap fills is ordinary text.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use octollm_core::reflex::pii::names::lexicon::Lexicon;
use octollm_core::reflex::pii::names::model::Class;

use crate::address::address;
use crate::lists::Names;
use crate::prose::Prose;
use crate::random::Random;
use crate::train::Example;

/// The sentences.
pub(crate) struct Carriers {
    lines: Vec<String>,
    held: Vec<String>,
    words: Vec<String>,
    /// Ordinary words out of prose, in lower case.
    ordinary: Vec<String>,
    /// Words of prose that have a capital within sentences and are in no list.
    proper: Vec<String>,
}

impl Carriers {
    pub(crate) fn read(folder: &Path, prose: &Prose) -> Result<Self, Box<dyn Error>> {
        let words = words(folder)?.into_iter().map(|word| word.trim_start_matches('=').to_owned()).collect();
        let all = lines(folder, "carriers.txt")?;
        let (held, lines): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(at, _)| at % 10 == 9);
        let plain = |lines: Vec<(usize, String)>| lines.into_iter().map(|(_, line)| line).collect();
        Ok(Self {
            lines: plain(lines),
            held: plain(held),
            words,
            ordinary: prose.ordinary.iter().filter(|w| w.len() > 2).cloned().collect(),
            proper: prose.proper.clone(),
        })
    }

    /// One to three sentences, filled with these names.
    pub(crate) fn make(
        &self,
        names: &Names<'_>,
        held: bool,
        lexicon: Lexicon<'_>,
        random: &mut Random,
    ) -> Example {
        let lines = if held { &self.held } else { &self.lines };
        let mut text = Text::default();
        for at in 0..=random.below(3) {
            if at > 0 {
                text.plain(random.pick(&[" ", " ", "\n", "\n\n"]));
            }
            self.fill(random.pick(lines), names, random, &mut text);
        }
        Example::new(&text.text, &text.spans, lexicon)
    }

    fn fill(&self, line: impl AsRef<str>, names: &Names<'_>, random: &mut Random, text: &mut Text) {
        let mut rest = line.as_ref();
        while let Some((plain, gap)) = rest.split_once('{') {
            text.plain(plain);
            let (gap, after) = gap.split_once('}').unwrap_or((gap, ""));
            rest = after;
            match gap {
                "P" => text.add(person(names, random), Class::Person),
                "G" => text.add(cased(names.given(random), random), Class::Person),
                "S" => text.add(cased(names.family(random), random), Class::Person),
                "A" => text.add(address(names, random), Class::Address),
                "C" => text.add(names.city(random), Class::Proper),
                "K" => text.add(random.pick(&names.lists.countries), Class::Proper),
                "O" => text.add(self.company(names, random), Class::Proper),
                "J" => text.add(random.pick(&names.lists.jobs), Class::Other),
                "W" => {
                    let (thing, class) = self.thing(random);
                    text.add(thing, class);
                }
                "T" => text.add(self.title(random), Class::Other),
                "N" => text.plain((random.below(5000) + 1).to_string()),
                choices => {
                    let choices: Vec<&str> = choices.split('|').collect();
                    text.plain(random.pick(&choices));
                }
            }
        }
        text.plain(rest);
    }

    /// Something that is no person: a name of our list, a word of prose that nobody lists, a title.
    fn thing(&self, random: &mut Random) -> (String, Class) {
        match random.below(10) {
            0..=3 => (random.pick(&self.words).clone(), Class::Proper),
            4 | 5 => (random.pick(&self.proper).clone(), Class::Proper),
            6 => (format!("{} {}", random.pick(&self.proper), random.pick(&self.proper)), Class::Proper),
            _ => (self.title(random), Class::Other),
        }
    }

    /// One to three ordinary words with capitals.
    fn title(&self, random: &mut Random) -> String {
        let words: Vec<String> =
            (0..=random.below(3)).map(|_| capital(random.pick(&self.ordinary))).collect();
        words.join(" ")
    }

    fn company(&self, names: &Names<'_>, random: &mut Random) -> String {
        let name = match random.below(10) {
            0..=4 => names.family(random),
            5 | 6 => random.pick(&self.words).clone(),
            7 => self.title(random),
            _ => random.pick(&self.proper).clone(),
        };
        let other = names.family(random);
        match random.below(9) {
            0 => format!("{name} Inc"),
            1 => format!("{name} LLC"),
            2 => format!("{name} & {other}"),
            3 => format!("{name}, {other} and Sons"),
            4 => format!("{name} GmbH"),
            5 => format!(
                "{name} {}",
                random.pick(&[
                    "Group",
                    "Bank",
                    "Ltd",
                    "Foundation",
                    "Industries",
                    "Corporation",
                    "PLC",
                    "AG"
                ])
            ),
            6 => format!("{} University", if random.percent(50) { names.city(random) } else { name }),
            7 => format!(
                "{name} {}",
                random.pick(&["Hospital", "Institute", "College", "School", "Museum", "Airport", "Hotel"])
            ),
            _ => format!(
                "{} {}",
                random.pick(&self.words),
                random.pick(&["Labs", "Systems", "Software", "Solutions", "Health"])
            ),
        }
    }
}

fn lines(folder: &Path, name: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let content = fs::read_to_string(folder.join(name))?;
    let lines = content.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(|line| line.replace("\\n", "\n")).collect())
}

/// Names of things; a `=` stands before those that may be a person's, too.
fn words(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let lines = lines(folder, "words.txt")?;
    Ok(lines.iter().flat_map(|line| line.split(',')).map(|word| word.trim().to_owned()).collect())
}

/// Single words that are never a person's name, in lower case, whatever a list of names says.
pub(crate) fn things(folder: &Path) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let words = words(folder)?.into_iter().filter(|word| word.chars().all(char::is_alphabetic));
    Ok(words.map(|word| word.to_lowercase()).collect())
}

fn capital(word: impl AsRef<str>) -> String {
    let mut chars = word.as_ref().chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A person, as people write one.
fn person(names: &Names<'_>, random: &mut Random) -> String {
    let (given, family) = (names.given(random), names.family(random));
    let initial = |name: &str| name.chars().take(1).collect::<String>();
    let name = match random.below(16) {
        0..=6 => format!("{given} {family}"),
        7 | 8 => given,
        9 => format!("{given} {}. {family}", initial(&names.given(random))),
        10 => format!("{}. {family}", initial(&given)),
        11 => format!("{given} {}-{family}", names.family(random)),
        12 => format!(
            "{given} {} {family}",
            random.pick(&["van der", "de", "von", "van", "da", "al", "bin", "de la", "Mc"])
        ),
        13 => format!("{given} {} {family}", names.given(random)),
        14 => format!("{given}-{} {family}", names.given(random)),
        _ => format!("{given} O'{family}"),
    };
    cased(name, random)
}

/// Sometimes in capitals.
fn cased(name: String, random: &mut Random) -> String {
    if random.percent(4) { name.to_uppercase() } else { name }
}

#[derive(Default)]
struct Text {
    text: String,
    spans: Vec<(usize, usize, Class)>,
}

impl Text {
    fn plain(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
    }

    fn add(&mut self, text: impl AsRef<str>, class: Class) {
        let start = self.text.len();
        self.text.push_str(text.as_ref());
        self.spans.push((start, self.text.len(), class));
    }
}
