//! Which lists hold a word, by its hash: Bloom filters (Bloom, 1970), one for each list, laid over each other.
//!
//! A list is never asked for its words, only whether it holds one; one word in some hundred is taken for one of a list that does not
//! hold it.

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum List {
    /// Given names.
    Given = 1,
    /// Surnames.
    Family = 2,
    /// Words of names of places.
    Place = 4,
    /// Words that stand in lower case in ordinary prose.
    Ordinary = 8,
}

/// Bytes of the filters: four bits for each of twice as many places.
pub const SIZE: usize = 1 << 18;
/// Places that a word has.
const PROBES: u32 = 3;

/// The filters.
#[derive(Debug, Clone, Copy)]
pub struct Lexicon<'f> {
    filters: &'f [u8],
}

impl<'f> Lexicon<'f> {
    /// Filters of [`SIZE`] bytes.
    pub const fn new(filters: &'f [u8]) -> Self {
        Self { filters }
    }

    /// The lists that hold a word of this hash, a bit for each.
    pub fn lists(self, word: u32) -> u8 {
        places(word).fold(0xf, |lists, place| {
            let byte = self.filters.get(place / 2).copied().unwrap_or_default();
            lists & (byte >> (place % 2 * 4))
        })
    }
}

/// Puts a word of this hash into a list.
pub fn add(filters: &mut [u8], list: List, word: u32) {
    for place in places(word) {
        if let Some(byte) = filters.get_mut(place / 2) {
            *byte |= (list as u8) << (place % 2 * 4);
        }
    }
}

/// Double hashing (Kirsch and Mitzenmacher, 2006).
fn places(word: u32) -> impl Iterator<Item = usize> {
    let step = word.wrapping_mul(0x9e37_79b1).rotate_left(15) | 1;
    (0..PROBES).map(move |probe| {
        let mixed = word.wrapping_add(probe.wrapping_mul(step)).wrapping_mul(0x85eb_ca6b);
        (mixed >> 13) as usize % (2 * SIZE)
    })
}
