//! Street addresses as they are written in some countries.

use crate::lists::Names;
use crate::random::Random;

const NATURE: &[&str] = &[
    "Main",
    "Oak",
    "Maple",
    "Church",
    "High",
    "Station",
    "Park",
    "Mill",
    "Hill",
    "Lake",
    "River",
    "Elm",
    "Cedar",
    "King's",
    "Queen",
    "Victoria",
    "Green",
    "Washington",
    "Lincoln",
    "2nd",
    "5th",
    "12th",
    "First",
    "Third",
    "London",
    "North",
    "Market",
];
const UNITS: &[&str] = &["Apt.", "Apt", "Suite", "Unit", "Flat", "Apartment", "#", "Ste", "Floor", "Room"];

/// An address, in one of the countries' forms.
pub(crate) fn address(names: &Names<'_>, random: &mut Random) -> String {
    let number = number(random);
    let street = match random.below(12) {
        0..=4 => english(names, number, random),
        5 => german(names, number, random),
        6 => french(names, number, random),
        7 => romance(names, number, random),
        8 => northern(names, number, random),
        9 => slavic(names, number, random),
        10 => format!("{} {}", random.pick(&names.lists.streets), number),
        _ => format!("{} {} {}", number, random.pick(&names.lists.streets), random.below(900) + 1),
    };
    with_rest(street, names, random)
}

fn number(random: &mut Random) -> String {
    let number = match random.below(4) {
        0 => random.below(20) + 1,
        1 => random.below(200) + 1,
        2 => random.below(2000) + 1,
        _ => random.below(20_000) + 1,
    };
    let letter = if random.percent(8) { ["a", "b", "B", "/2", "-3", " bis"][random.below(6)] } else { "" };
    format!("{number}{letter}")
}

fn name(names: &Names<'_>, random: &mut Random) -> String {
    match random.below(4) {
        0 => (*random.pick(NATURE)).to_owned(),
        1 => names.city(random),
        _ => names.family(random),
    }
}

fn english(names: &Names<'_>, number: String, random: &mut Random) -> String {
    let suffix = match random.below(3) {
        0 => ["St", "Rd", "Ave", "Dr", "Ln", "Blvd", "St.", "Ave.", "Ct", "Pl", "Way", "Hwy"]
            [random.below(12)]
        .to_owned(),
        1 => ["Street", "Road", "Avenue", "Drive", "Lane", "Court", "Boulevard", "Close"][random.below(8)]
            .to_owned(),
        _ => random.pick(&names.lists.suffixes).clone(),
    };
    let side = if random.percent(12) { ["N ", "S ", "West ", "E. ", "NW "][random.below(5)] } else { "" };
    let lower = random.percent(5);
    let suffix = if lower { suffix.to_lowercase() } else { suffix };
    format!("{number} {side}{} {suffix}", name(names, random))
}

fn german(names: &Names<'_>, number: String, random: &mut Random) -> String {
    let end = ["straße", "str.", "weg", "gasse", "platz", "allee", "-Straße", "strasse"][random.below(8)];
    format!("{}{end} {number}", name(names, random))
}

fn french(names: &Names<'_>, number: String, random: &mut Random) -> String {
    let kind = ["rue", "avenue", "boulevard", "place", "chemin", "Rue", "quai", "impasse"][random.below(8)];
    let of = ["", " de", " du", " des", " de la"][random.below(5)];
    let comma = if random.percent(30) { "," } else { "" };
    format!("{number}{comma} {kind}{of} {}", name(names, random))
}

fn romance(names: &Names<'_>, number: String, random: &mut Random) -> String {
    let kind = [
        "Calle", "Via", "Avenida", "Rua", "Plaza", "C/", "Av.", "Piazza", "Corso", "Paseo", "Viale", "via",
        "calle", "Largo",
    ][random.below(14)];
    let of = ["", "", " de", " del", " da", " de la"][random.below(6)];
    let comma = if random.percent(50) { "," } else { "" };
    format!("{kind}{of} {}{comma} {number}", name(names, random))
}

fn northern(names: &Names<'_>, number: String, random: &mut Random) -> String {
    let end = [
        "straat", "laan", "weg", "gade", "vej", "gatan", "vägen", "gata", "veien", "katu", "tie", "plein",
        "gracht", "gt.",
    ][random.below(14)];
    format!("{}{end} {number}", name(names, random))
}

fn slavic(names: &Names<'_>, number: String, random: &mut Random) -> String {
    let (before, after) = [
        ("ul. ", ""),
        ("", " utca"),
        ("ulica ", ""),
        ("", " út"),
        ("Str. ", ""),
        ("", " iela"),
        ("al. ", ""),
        ("", " ulice"),
    ][random.below(8)];
    format!("{before}{}{after} {number}", name(names, random))
}

/// A flat, a postcode, a town, a country; on one line or on several.
fn with_rest(street: String, names: &Names<'_>, random: &mut Random) -> String {
    let separator = [", ", ", ", "\n", ",\n", " ", "\n "][random.below(6)];
    let mut address = street;
    if random.percent(25) {
        let unit = random.pick(UNITS);
        let comma = if random.percent(60) { separator } else { " " };
        address.push_str(&format!("{comma}{unit} {}", random.below(999) + 1));
    }
    if random.percent(60) {
        let mut city = names.city(random);
        if random.percent(15) {
            city = city.to_uppercase();
        }
        let code = postcode(random);
        let place = match random.below(4) {
            0 => city,
            1 => format!("{code} {city}"),
            2 => format!("{city} {code}"),
            _ => format!(
                "{city}, {} {code}",
                random.pick(&["CA", "NY", "TX", "FL", "WA", "IL", "MA", "OH", "SH"])
            ),
        };
        address.push_str(&format!("{separator}{place}"));
        if random.percent(30) {
            address.push_str(&format!("{separator}{}", random.pick(&names.lists.countries)));
        }
    }
    address
}

fn postcode(random: &mut Random) -> String {
    let digits = format!("{:05}", random.below(100_000));
    match random.below(6) {
        0..=2 => digits,
        3 => format!("{} {}", &digits[..4], ["AB", "XK", "RD"][random.below(3)]),
        4 => format!(
            "{}{} {}{}",
            ["SW", "M", "EC", "LS"][random.below(4)],
            &digits[..1],
            &digits[1..2],
            ["AA", "QP"][random.below(2)]
        ),
        _ => format!("{}-{}", &digits[..2], &digits[2..]),
    }
}
