//! Telephone numbers, by the shapes in which they are written.
//!
//! The alternative is libphonenumber's metadata (the `phonenumber` crate): several megabytes and seconds of build for a
//! validity table of every national plan. It was not taken, because what decides here is precision: most digit runs
//! that such a table accepts are no telephone numbers, and what people write in forms is often not valid.

use super::numbers::{Gap, Group};

/// A national number that was recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// How many groups it takes.
    pub(super) used: usize,
    /// Confidence without context.
    pub(super) alone: f32,
    /// Confidence where the words around speak of telephones.
    pub(super) supported: f32,
}

/// The end of a number that counts something: `10 000 000`.
const ROUND: &[u8] = b"00000";
/// Groups of the longest number as it is written.
pub(super) const MAX_PARTS: usize = 7;
/// Digits of the shortest one.
pub(super) const FEWEST: usize = 7;

/// How many groups a number with a country code takes (E.164: 15 digits at most). `first` are the digits of the first
/// group; without `plus` it begins with `00`.
pub(super) fn international(groups: &[Group], first: &[u8], plus: bool) -> Option<usize> {
    let prefix = if plus { 0 } else { 2 };
    // Where the code is a group of its own and shorter than two digits, the next group does not matter: 1 and 7.
    let code = first.get(prefix..)?;
    let (least, most) = match code {
        [] | [b'0', ..] | [b'2', b'8', ..] | [b'8', b'3' | b'9', ..] => return None,
        [b'1' | b'7', ..] => (11, 11),
        [b'3', b'1' | b'3' | b'4', ..] | [b'4', b'8', ..] => (11, 11),
        [b'4', b'4', ..] => (11, 12),
        _ => (8, 13),
    };
    let (mut total, mut best, mut trunk) = (0, None, 0);
    for (at, group) in groups.iter().enumerate().take(MAX_PARTS) {
        trunk += usize::from(at == 1 && group.len() == 1);
        total += group.len();
        let digits = total.saturating_sub(prefix);
        if digits > most + trunk {
            break;
        }
        if digits >= least {
            best = Some(at + 1);
        }
    }
    best.or_else(|| (plus && (8..=15).contains(&groups.first()?.len())).then_some(1))
}

/// The national number that begins with these groups. `digits` are those of the first group, or of the first three;
/// `opened` says that a parenthesis stands before them.
pub(super) fn national(groups: &[Group], digits: &[u8], opened: bool) -> Option<Shape> {
    let most = groups.len().min(MAX_PARTS);
    let known = (1..=most).rev().find_map(|used| known_shape(groups.get(..used)?, digits, opened));
    known.or_else(|| anything(groups).filter(|_| !digits.ends_with(ROUND) && !counts(groups)))
}

fn known_shape(groups: &[Group], digits: &[u8], opened: bool) -> Option<Shape> {
    let used = groups.len();
    let shape = |alone, supported| Some(Shape { used, alone, supported });
    let total: usize = groups.iter().map(Group::len).sum();
    let in_parens = opened && groups.get(1).is_some_and(|next| next.gap == Gap::Closing);
    let spaced = groups.iter().skip(1).all(|group| group.gap == Gap::Space);
    let lengths = Lengths::of(groups);
    match lengths.as_slice() {
        // A clause of a regulation: `252.227-7013`.
        [3, 3, 4]
            if groups
                .get(1)
                .zip(groups.get(2))
                .is_some_and(|(a, b)| (a.gap, b.gap) == (Gap::Dot, Gap::Dash)) =>
        {
            shape(0.3, 0.9)
        }
        [3, 3, 4] | [1, 3, 3, 4] => {
            north_american(digits, in_parens, spaced).and_then(|alone| shape(alone, 0.95))
        }
        [10 | 11] if digits.starts_with(b"07") => shape(0.5, 0.9),
        [10] => shape(if north_american(digits, false, false) >= Some(0.7) { 0.3 } else { 0.2 }, 0.8),
        [2, 2, 2, 2, 2] if leads(digits) => shape(0.75, 0.95),
        [2, 8] if digits.starts_with(b"06") => shape(0.6, 0.95),
        [first @ 2..=5, .., _] if leads(digits) && lengths.telephonic() && (9..=12).contains(&total) => {
            shape(if used > 2 || in_parens { 0.65 } else { two_groups(*first, groups) }, 0.9)
        }
        [2..=5, ..] if in_parens && used <= 4 && (8..=12).contains(&total) => shape(0.6, 0.9),
        _ => None,
    }
}

/// Area and exchange of the North American plan begin with 2 to 9; the second digit of an area is not 9.
fn north_american(digits: &[u8], in_parens: bool, spaced: bool) -> Option<f32> {
    let digits = if digits.len() == 7 { digits.get(1..)? } else { digits };
    let area = matches!(digits, [b'2'..=b'9', b'0'..=b'8', ..]);
    let exchange = digits.get(3).is_none_or(|digit| (b'2'..=b'9').contains(digit));
    Some(match (area && exchange, in_parens, spaced) {
        (true, _, false) => 0.75,
        (true, _, true) => 0.55,
        (false, true, _) => 0.6,
        (false, _, false) => 0.5,
        (false, _, true) => 0.3,
    })
}

/// A trunk prefix: one zero.
fn leads(digits: &[u8]) -> bool {
    matches!(digits, [b'0', b'1'..=b'9', ..])
}

/// `021-4006034`, `0431 350690`: an area of three digits or more and a number of five or more.
fn two_groups(area: usize, groups: &[Group]) -> f32 {
    let number = groups.last().map_or(0, Group::len);
    if area >= 3 && (5..=8).contains(&number) { 0.5 } else { 0.3 }
}

/// `1 234 567`: thousands apart. Eight digits in such groups are a telephone number in some countries.
fn counts(groups: &[Group]) -> bool {
    let spaced = groups.iter().skip(1).all(|group| group.gap == Gap::Space);
    spaced && matches!(Lengths::of(groups).as_slice(), [1, 3, 3])
}

/// Any 7 to 12 digits: a telephone number only if the words around say so.
fn anything(groups: &[Group]) -> Option<Shape> {
    let (mut total, mut best) = (0, None);
    for (at, group) in groups.iter().enumerate().take(MAX_PARTS) {
        let lonely = at > 0 && (group.len() == 1 || group.gap == Gap::Mixed);
        total += group.len();
        if lonely || total > 12 {
            break;
        }
        if total >= FEWEST {
            best = Some(Shape { used: at + 1, alone: 0.0, supported: 0.7 });
        }
    }
    best
}

/// The lengths of up to seven groups.
struct Lengths([usize; MAX_PARTS], usize);

impl Lengths {
    fn of(groups: &[Group]) -> Self {
        let mut lengths = [0; MAX_PARTS];
        for (length, group) in lengths.iter_mut().zip(groups) {
            *length = group.len();
        }
        Self(lengths, groups.len().min(MAX_PARTS))
    }

    fn as_slice(&self) -> &[usize] {
        self.0.get(..self.1).unwrap_or_default()
    }

    /// Whether no group is a single digit.
    fn telephonic(&self) -> bool {
        self.as_slice().iter().all(|length| *length >= 2)
    }
}
