//! Words that say that an address is meant, in some European languages. The model finds the parts of an address; without such a word
//! among them two numbers and a name are no address.

/// Words of streets that stand before the street's own name.
pub(super) const BEFORE_STREET: &[&str] = &[
    "rue",
    "via",
    "viale",
    "corso",
    "largo",
    "calle",
    "avenue",
    "avenida",
    "av",
    "rua",
    "ul",
    "plaza",
    "place",
    "piazza",
    "ulica",
    "ulice",
    "paseo",
    "boulevard",
    "chemin",
    "quai",
    "impasse",
];
/// Words of streets that stand after it.
pub(super) const AFTER_STREET: &[&str] = &[
    "street",
    "st",
    "road",
    "rd",
    "avenue",
    "ave",
    "lane",
    "ln",
    "drive",
    "dr",
    "boulevard",
    "blvd",
    "court",
    "ct",
    "square",
    "sq",
    "way",
    "close",
    "place",
    "pl",
    "highway",
    "hwy",
    "parkway",
    "terrace",
    "crescent",
    "row",
    "walk",
    "alley",
    "straat",
    "straße",
    "strasse",
    "str",
    "gade",
    "gatan",
    "utca",
    "út",
];
/// Words of a part of a house, and of what stands for a street.
const UNITS: &[&str] =
    &["apt", "suite", "ste", "unit", "flat", "apartment", "floor", "room", "box", "postbox"];
/// Ends of names of streets that are one word.
const ENDS: &[&str] = &[
    "straße", "strasse", "str", "weg", "gasse", "platz", "allee", "straat", "laan", "gade", "vej", "gatan",
    "vägen", "gata", "veien", "katu", "plein", "gracht", "dreef",
];

/// Whether a word says that an address is meant.
pub(super) fn is_street(word: &str) -> bool {
    let word = word.to_lowercase();
    [BEFORE_STREET, AFTER_STREET, UNITS].iter().any(|list| list.contains(&word.as_str()))
        || ENDS.iter().any(|end| word.len() > end.len() + 1 && word.ends_with(end))
}
