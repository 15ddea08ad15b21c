//! One canonical form of a text, shared by all detectors, with the way back to the original.
//!
//! What hides a text from a pattern but not from a reader or a model is undone: compatibility forms (NFKC: full-width
//! letters, ligatures, mathematical alphabets), letters of other scripts that look Latin, foreign digits, invisible and
//! direction-changing characters, towers of accents, exotic spaces and dashes. Case is kept; it tells a detector
//! something.
//!
//! Look-alikes are folded by the *word*, and only where all of a word's letters then are Latin: `раypal` becomes
//! `paypal`, while a Russian or Greek word stays what it is. A letter alone is folded after a Latin word only.
//!
//! A plain ASCII text is its own canonical form and costs one look. Of any other the stretches that are are taken as they
//! stand ([`stretch`]), and only the words between them are walked over letter by letter; what is kept beside the folded
//! text is a list of runs, one per stretch that moved or changed.

use std::ops::Range;
use std::sync::Arc;

use unicode_normalization::char::is_combining_mark;

use super::confusables;

mod compatible;
mod letters;
mod stretch;

pub(super) use letters::{is_caseless, is_letter};

/// Marks on one letter that are composed with it; a tower of more is cut into several letters.
const MAX_MARKS: usize = 16;
/// The one character that becomes eighteen, a blessing in Arabic that disguises nothing; no other one becomes more than eight.
const BECOMES_MANY: char = '\u{FDFA}';
/// How many bytes a text may grow by: so many, and one more for so many bytes of it. A character that becomes several stays what it is
/// where they are used up: without a bound a text of nothing else is five times as long to all who look at it.
const GROWTH: usize = 64;
const GROWTH_SHARE: usize = 4;
/// Bytes that must be left for a character to be asked what it becomes that may become very many.
const LEAST_GROWTH: usize = 16;
/// Characters of a word after which it is judged whether it is written in look-alikes.
const MAX_WORD: usize = 64;

/// The canonical form of a text.
#[derive(Debug)]
pub struct Canonical<'a> {
    original: &'a str,
    folded: Option<Arc<Folded>>,
    /// Whether a table may begin in it: not in a later part of a longer text.
    pub(super) may_begin_table: bool,
}

/// A canonical text that differs from its original.
#[derive(Debug, Default)]
pub(super) struct Folded {
    text: String,
    runs: Vec<Run>,
}

/// A stretch of the canonical text, and where it comes from.
#[derive(Debug)]
struct Run {
    /// Its first byte in the canonical text.
    at: usize,
    /// The bytes of the original.
    from: Range<usize>,
    /// Whether it stands in the original as it is: then an offset within is the same in both.
    same: bool,
}

impl<'a> Canonical<'a> {
    /// Canonicalises a text. Allocates nothing for ASCII.
    pub fn new(original: &'a str) -> Self {
        let folded = (!original.is_ascii()).then(|| Arc::new(Folder::default().fold(original)));
        Self { original, folded, may_begin_table: true }
    }

    /// The canonical form of a text whose folded part is known.
    pub(super) const fn again(original: &'a str, folded: Option<Arc<Folded>>) -> Self {
        Self { original, folded, may_begin_table: true }
    }

    /// What makes it differ from its original; it owns nothing of the original's.
    pub(super) fn folded(&self) -> Option<Arc<Folded>> {
        self.folded.clone()
    }

    /// The canonical text.
    pub fn text(&self) -> &str {
        self.folded.as_ref().map_or(self.original, |folded| &folded.text)
    }

    /// The text it was made of.
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// Where a range of the canonical text stands in the original: the smallest range of whole characters that it was
    /// made of. A range that does not lie within the text is cut to it.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let Some(folded) = &self.folded else {
            let end = range.end.min(self.original.len());
            return range.start.min(end)..end;
        };
        let start = folded.origin_of(range.start).map_or(self.original.len(), |origin| origin.start);
        let end = match range.end.checked_sub(1) {
            Some(last) if last >= range.start => {
                folded.origin_of(last).map_or(self.original.len(), |origin| origin.end)
            }
            _ => start,
        };
        self.floor(start)..self.ceil(end.max(start))
    }

    /// The range of the canonical text that a range of the original became.
    pub(super) fn place_of(&self, range: Range<usize>) -> Range<usize> {
        let Some(folded) = &self.folded else { return range };
        let start = folded.place_of(range.start);
        start..folded.place_of(range.end).max(start)
    }

    fn floor(&self, mut start: usize) -> usize {
        while !self.original.is_char_boundary(start) {
            start -= 1;
        }
        start
    }

    fn ceil(&self, mut end: usize) -> usize {
        while !self.original.is_char_boundary(end) {
            end += 1;
        }
        end
    }
}

impl Folded {
    /// The bytes of the original that made this byte.
    fn origin_of(&self, at: usize) -> Option<Range<usize>> {
        if at >= self.text.len() {
            return None;
        }
        let run = self.runs.get(self.runs.partition_point(|run| run.at <= at).checked_sub(1)?)?;
        if !run.same {
            return Some(run.from.clone());
        }
        let start = run.from.start + (at - run.at);
        Some(start..start + 1)
    }

    /// The first byte that was made of what stands at this place of the original, or behind it.
    fn place_of(&self, at: usize) -> usize {
        match self.runs.get(self.runs.partition_point(|run| run.from.end <= at)) {
            Some(run) if run.same => run.at + at.saturating_sub(run.from.start),
            Some(run) => run.at,
            None => self.text.len(),
        }
    }

    /// Takes a stretch of the original as it stands.
    fn push_as_it_is(&mut self, original: &str, from: Range<usize>) {
        let Some(stretch) = original.get(from.clone()).filter(|stretch| !stretch.is_empty()) else { return };
        let at = self.text.len();
        self.text.push_str(stretch);
        match self.runs.last_mut() {
            Some(last) if last.same && last.from.end == from.start => last.from.end = from.end,
            _ => self.runs.push(Run { at, from, same: true }),
        }
    }

    fn push(&mut self, c: char, letter: &Letter) {
        let at = self.text.len();
        self.text.push(c);
        let same = letter.as_written == Some(c);
        if let Some(last) = self.runs.last_mut() {
            if same && last.same && last.from.end == letter.from.start {
                last.from.end = letter.from.end;
                return;
            }
            if !same && !last.same && last.from == letter.from {
                return;
            }
        }
        self.runs.push(Run { at, from: letter.from.clone(), same });
    }
}

/// A canonical character and what it was made of.
#[derive(Debug)]
struct Letter {
    c: char,
    from: Range<usize>,
    /// The character that stands there, unless several do.
    as_written: Option<char>,
}

#[derive(Default)]
struct Folder {
    folded: Folded,
    word: Vec<Letter>,
    composed: String,
    /// What the letter at hand becomes.
    became: String,
    /// Bytes by which the text has grown.
    grown: usize,
}

impl Folder {
    fn fold(mut self, original: &str) -> Folded {
        self.folded.text.reserve(original.len());
        let mut at = 0;
        while at < original.len() {
            if self.word.is_empty() {
                let stretch = at..stretch::end(original, at);
                at = stretch.end;
                self.folded.push_as_it_is(original, stretch);
            }
            at = self.one(original, at);
        }
        self.end_word();
        self.folded
    }

    /// Takes the character that stands here, with the marks on it. Answers where the next one stands.
    fn one(&mut self, original: &str, start: usize) -> usize {
        let mut chars = original.get(start..).unwrap_or_default().chars();
        let Some(c) = chars.next() else { return original.len() };
        let mut next = start + c.len_utf8();
        if is_invisible(c) {
            return next;
        }
        let (mut end, mut marks) = (next, 0);
        for mark in chars {
            if marks == MAX_MARKS || !(joins(mark) || is_invisible(mark)) {
                break;
            }
            next += mark.len_utf8();
            if joins(mark) {
                self.compose(marks == 0, c, mark);
                marks += 1;
                end = next;
            }
        }
        self.letter(c, start..end, marks > 0);
        next
    }

    fn compose(&mut self, first: bool, base: char, mark: char) {
        if first {
            self.composed.clear();
            self.composed.push(base);
        }
        self.composed.push(mark);
    }

    fn letter(&mut self, c: char, from: Range<usize>, has_marks: bool) {
        let may_not = || compatible::is_long(c) && self.room(&from) < LEAST_GROWTH;
        if !has_marks && (c.is_ascii() || c == BECOMES_MANY || may_not()) {
            return self.add(Letter { c, from, as_written: Some(c) });
        }
        self.became.clear();
        if has_marks {
            let became = compatible::form(&self.composed).filter(|c| !is_accent(*c));
            self.became.extend(became.map(plain));
        } else {
            compatible::for_each(c, |c| self.became.push(plain(c)));
        }
        let as_written = (!has_marks).then_some(c);
        if !self.may_grow(&from) {
            return self.add(Letter { c, from, as_written });
        }
        let became = std::mem::take(&mut self.became);
        for c in became.chars() {
            self.add(Letter { c, from: from.clone(), as_written });
        }
        self.became = became;
    }

    /// Bytes that the text may yet grow by.
    fn room(&self, from: &Range<usize>) -> usize {
        (GROWTH + from.start / GROWTH_SHARE).saturating_sub(self.grown)
    }

    /// Whether there is room for what a letter becomes; it is then taken.
    fn may_grow(&mut self, from: &Range<usize>) -> bool {
        let by = self.became.len().saturating_sub(from.len());
        let may = by <= self.room(from);
        self.grown += if may { by } else { 0 };
        may
    }

    fn add(&mut self, letter: Letter) {
        if !is_letter(letter.c) {
            self.end_word();
            self.folded.push(letter.c, &letter);
            return;
        }
        self.word.push(letter);
        if self.word.len() >= MAX_WORD {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        let folds = confusables::looks_latin(self.word.iter().map(|letter| letter.c)) && !self.stands_alone();
        for letter in self.word.drain(..) {
            let c = if folds { confusables::latin(letter.c).unwrap_or(letter.c) } else { letter.c };
            self.folded.push(c, &letter);
        }
    }

    /// Whether the word is one letter that follows no Latin word. It may be a word of its own script (`о`), or belong to one whose
    /// letters have signs between them (`З а б у д ь`): which, is seen once they are joined.
    fn stands_alone(&self) -> bool {
        let before = || self.folded.text.trim_end_matches(|c| !is_letter(c)).as_bytes();
        self.word.len() == 1
            && !matches!(before(), [.., first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic())
    }
}

/// Combining marks, and the later parts of a Hangul syllable.
fn joins(c: char) -> bool {
    !c.is_ascii() && (is_combining_mark(c) && !is_invisible(c) || matches!(c, '\u{1161}'..='\u{11FF}'))
}

/// Marks that decorate a letter of any script, as opposed to the vowel signs that a script needs.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}')
}

/// What takes no room on a screen: zero-width, direction controls, variation selectors, tags, soft hyphen.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// ASCII for spaces, dashes, quotes and digits of all kinds.
fn plain(c: char) -> char {
    match c {
        _ if c.is_ascii() => c,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{FE58}' => '-',
        '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{02BC}' => '\'',
        '\u{201C}'..='\u{201F}' | '\u{2033}' => '"',
        '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
        '\u{3002}' => '.',
        _ if c.is_whitespace() => ' ',
        _ => digit(c).unwrap_or(c),
    }
}

/// Decimal digits of scripts in common use: each block holds 0 to 9 in order.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 12] =
        [0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xE50, 0xED0, 0x1040];
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        Canonical::new(text).text().to_owned()
    }

    #[test]
    fn disguises_are_undone() {
        for (disguised, plain) in [
            ("ｉｇｎｏｒｅ　ａｌｌ", "ignore all"),
            ("іgnоrе рrevіous", "ignore previous"),
            ("tell me а joke", "tell me a joke"),
            ("ig\u{200B}no\u{AD}re\u{2060}", "ignore"),
            ("\u{202E}abc\u{202C}", "abc"),
            ("𝐢𝐠𝐧𝐨𝐫𝐞 𝕒𝕝𝕝", "ignore all"),
            ("i\u{336}g\u{336}n\u{335}ore", "ignore"),
            ("4111\u{A0}1111\u{2011}1111–1111", "4111 1111-1111-1111"),
            ("٠١٢ ۳۴ ५", "012 34 5"),
            ("“it’s”", "\"it's\""),
        ] {
            assert_eq!(canonical(disguised), plain, "{disguised:?}");
        }
    }

    #[test]
    fn honest_words_of_other_scripts_stay() {
        for text in [
            "пароль от почты",
            "о том, с чем",
            "с к а ж и",
            "с.к.а.ж.и",
            "κωδικός",
            "日本語です",
            "café Müller",
            "हिन्दी",
            "한국어",
            "สวัสดี",
        ] {
            assert_eq!(canonical(text), text);
        }
        assert_eq!(canonical("cafe\u{301}"), "café");
        assert_eq!(canonical("\u{1112}\u{1161}\u{11AB}"), "한");
    }

    #[test]
    fn a_place_is_found_again_in_the_original() {
        let text = "見て: а\u{200B}ｂ@ex.com。";
        let canonical = Canonical::new(text);
        let at = canonical.text().find("ab@ex.com").or_else(|| canonical.text().find("b@ex.com")).unwrap();
        let origin = canonical.origin(at..at + canonical.text()[at..].find(".com").unwrap() + 4);
        assert!(text[origin.clone()].ends_with("ｂ@ex.com"), "{:?}", &text[origin]);
    }

    #[test]
    fn a_tower_of_accents_is_walked_once() {
        let tower = format!("e{}", "\u{301}".repeat(1 << 20));
        assert!(canonical(&tower).len() < 8);
    }

    #[test]
    fn a_text_grows_by_a_quarter() {
        for long in ["\u{fdfb}", "\u{3316}", "\u{fdfb}\u{301}", "½"] {
            let text = long.repeat(20_000);
            assert!(canonical(&text).len() <= text.len() * 5 / 4 + GROWTH, "{long}");
            let after = format!("{text} ｉｇｎｏｒｅ ﬁle");
            assert!(canonical(&after).ends_with(" ignore file"), "{long}");
        }
        assert_eq!(canonical("½ \u{3316}"), "1\u{2044}2 キロメートル");
    }

    #[test]
    fn no_character_becomes_more_than_eight() {
        for c in '\0'..=char::MAX {
            assert!(canonical(&c.to_string()).chars().count() <= 8, "{:x}", u32::from(c));
        }
    }

    /// Letter by letter, as if there were no stretches.
    fn slowly(text: &str) -> Folded {
        let mut folder = Folder::default();
        let mut at = 0;
        while at < text.len() {
            at = folder.one(text, at);
        }
        folder.end_word();
        folder.folded
    }

    proptest! {
        #[test]
        fn a_stretch_changes_nothing(
            text in proptest::collection::vec(prop_oneof![
                "[a-z]{1,9}", "[а-яё]{1,70}", "[асеорху]{1,9}", "[äöüßéñ]{1,4}", "[α-ω]{1,5}", "[一-龥ぁ-ん]{1,80}", "[ .,-]{1,2}",
                "[\u{300}-\u{303}\u{200B}“”’—ｱａ０-９]{1,2}", "\\PC{1,3}", "[가-힣]{1,3}",
            ], 0..12)
        ) {
            let text = text.concat();
            let (quick, slow) = (Folder::default().fold(&text), slowly(&text));
            prop_assert_eq!(&quick.text, &slow.text);
            for at in 0..slow.text.len() {
                prop_assert_eq!(quick.origin_of(at), slow.origin_of(at));
            }
        }

        #[test]
        fn a_place_in_the_original_is_the_one_that_leads_back_to_it(
            text in "([a-zа-яäéﬁｱ½ ]|e\u{301}|раypal|\u{200B}){0,20}", a in 0usize..40, b in 0usize..40
        ) {
            let canonical = Canonical::new(&text);
            let places: Vec<usize> = canonical.text().char_indices().map(|(at, _)| at).collect();
            if !places.is_empty() {
                let (a, b) = (places[a % places.len()], places[b % places.len()]);
                let origin = canonical.origin(a.min(b)..a.max(b));
                let place = canonical.place_of(origin.clone());
                prop_assert!(canonical.text().get(place.clone()).is_some());
                if a != b {
                    prop_assert!(place.start <= a.min(b) && place.end >= a.max(b).min(place.end));
                    prop_assert_eq!(canonical.origin(place), origin);
                }
            }
        }

        #[test]
        fn what_stands_before_moves_no_place(
            before in proptest::collection::vec(
                prop_oneof![any::<char>(), Just('\0'), proptest::char::range('\u{300}', '\u{36F}'), Just('\u{20DD}')], 0..20
            )
        ) {
            let mail = "jane@example.com";
            let text = format!("{} {mail}", String::from_iter(before));
            let canonical = Canonical::new(&text);
            let end = canonical.text().len();
            prop_assert!(canonical.text().ends_with(mail));
            prop_assert_eq!(canonical.origin(end - mail.len()..end), text.len() - mail.len()..text.len());
        }

        #[test]
        fn ascii_is_its_own_canonical_form(text in "[\\x00-\\x7f]{0,60}", a in 0usize..70, b in 0usize..70) {
            let canonical = Canonical::new(&text);
            prop_assert_eq!(canonical.text(), &text);
            let (a, b) = (a.min(text.len()), b.min(text.len()));
            let range = a.min(b)..a.max(b);
            prop_assert_eq!(canonical.origin(range.clone()), range);
        }

        #[test]
        fn offsets_are_monotone_and_on_boundaries(
            text in proptest::collection::vec(prop_oneof![
                any::<char>(), proptest::char::range('\u{300}', '\u{36F}'), proptest::char::range('a', 'z'),
                proptest::char::range('а', 'я'), proptest::char::range('\u{1100}', '\u{11FF}'),
                proptest::char::range('\u{FF01}', '\u{FF5E}'), Just('\u{200B}'), Just('ﷺ'),
            ], 0..40)
        ) {
            let text: String = text.into_iter().collect();
            let canonical = Canonical::new(&text);
            let mut last = 0;
            for (at, c) in canonical.text().char_indices() {
                let origin = canonical.origin(at..at + c.len_utf8());
                prop_assert!(text.get(origin.clone()).is_some_and(|origin| !origin.is_empty()));
                prop_assert!(origin.start >= last);
                last = origin.start;
            }
            let all = canonical.origin(0..canonical.text().len() + 5);
            prop_assert!(text.get(all).is_some());
        }
    }
}
