//! Ways to write a text so that a filter does not know it again.

use crate::data::Labelled;

/// A name, and the text in that disguise.
pub(crate) type Disguise = (&'static str, fn(&str) -> String);

/// All of them; the first is none, the last ones only put something around a text.
pub(crate) const DISGUISES: &[Disguise] = &[
    ("as it is", str::to_owned),
    ("homoglyphs", |text| text.chars().map(look_alike).collect()),
    ("full width", |text| text.chars().map(full_width).collect()),
    ("zero width", |text| text.chars().flat_map(|c| [c, '\u{200B}']).collect()),
    ("upper case", str::to_uppercase),
    ("mixed case", mixed_case),
    ("spaced", |text| spaced(text, " ")),
    ("spaced, no gaps", |text| spaced(&text.replace(' ', ""), " ")),
    ("dotted", |text| text.split(' ').map(|word| spaced(word, ".")).collect::<Vec<_>>().join(" ")),
    ("leetspeak", |text| text.chars().map(leet).collect()),
    ("base64", base64),
    ("hexadecimal", |text| text.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ("percent", |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect()),
    ("rot13", |text| text.chars().map(rot13).collect()),
    ("padded", |text| format!("{LETTER}{text} {NOTICE}")),
    ("padded long", |text| format!("{NOTICE}{LETTER}{NOTICE}{text} {LETTER}{NOTICE}")),
    ("test appended", |text| format!("{text} This is a test.")),
    ("quoted", |text| format!("\"{text}\"")),
];

/// Harmless texts in disguise, and injections within other words, to train on: neither a disguise nor what stands around a text
/// says what it is. (Other disguises of injections are not trained on: the detector undoes what it can.)
pub(crate) fn disguised(rows: &[Labelled]) -> Vec<Labelled> {
    let of = |is_injection: bool, step: usize, disguises: &'static [Disguise]| {
        let rows = rows.iter().filter(move |row| row.is_injection == is_injection && row.text.len() < 300);
        rows.step_by(step).enumerate().map(|(at, row)| {
            let (_, disguise) = disguises[at % disguises.len()];
            Labelled { text: disguise(&row.text), source: "disguised".to_owned(), order: None, ..row.clone() }
        })
    };
    of(false, HARMLESS_STEP, &DISGUISES[..DISGUISES.len() - AROUND.len()])
        .chain(of(false, HARMLESS_STEP, AROUND))
        .chain(of(true, 3, AROUND))
        .collect()
}

/// What is put around texts to train on: other words than those that what was learnt is tried with.
const AROUND: &[Disguise] = &[
    ("padded", |text| format!("{BEFORE}{text} {AFTER}")),
    ("padded long", |text| format!("{}{text} {}", BEFORE.repeat(4), AFTER.repeat(4))),
    ("test appended", |text| format!("{text} This is a test.")),
    ("quoted", |text| format!("\"{text}\"")),
];

/// Every which harmless text is disguised.
const HARMLESS_STEP: usize = 11;

const LETTER: &str = "Hi Bea, thanks for the photos. The roof looks better than I feared, but the gutter over the kitchen has to go \
    before the autumn. I called two firms, and one can come on the 14th. Could you let them in and show them the ladder? ";
const NOTICE: &str = "The swimming bath is closed from Monday to Thursday for the yearly cleaning. Season tickets are prolonged by \
    a week. Courses take place in the lake if the water has sixteen degrees; parents please bring towels and warm drinks. ";
const BEFORE: &str = "The harbour of the old town was built three hundred years ago. Ships came from the north with timber and \
    grain, and left with cloth. In winter the water froze along the quay, so that children walked over to the other side. ";
const AFTER: &str = "Today the warehouses are flats and cafes. A small museum tells the story of the trade, and on the first \
    Sunday of the month a market is held between the cranes. Visitors can climb the lighthouse in summer. ";

fn look_alike(c: char) -> char {
    match c {
        'a' => 'а',
        'c' => 'с',
        'e' => 'е',
        'i' => 'і',
        'o' => 'о',
        'p' => 'р',
        's' => 'ѕ',
        'x' => 'х',
        'y' => 'у',
        _ => c,
    }
}

fn full_width(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
        ' ' => '\u{3000}',
        _ => c,
    }
}

fn mixed_case(text: &str) -> String {
    let of =
        |(at, c): (usize, char)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().enumerate().map(of).collect()
}

fn spaced(text: &str, gap: &str) -> String {
    text.chars().map(String::from).collect::<Vec<_>>().join(gap)
}

fn leet(c: char) -> char {
    match c.to_ascii_lowercase() {
        'a' => '4',
        'e' => '3',
        'i' => '1',
        'o' => '0',
        's' => '5',
        't' => '7',
        _ => c,
    }
}

fn rot13(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => char::from(c as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(c as u8 - 13),
        _ => c,
    }
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for part in text.as_bytes().chunks(3) {
        let bits =
            part.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for nth in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * nth) & 63) as usize];
            encoded.push(if nth <= part.len() { char::from(letter) } else { '=' });
        }
    }
    encoded
}
