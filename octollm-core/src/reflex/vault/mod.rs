//! What stands for personal data within one task, and what it stands for.
//!
//! A vault gives each value a typed placeholder, `<EMAIL_1>`: the same value has the same one as long as the task lives.
//! Everything inside works with placeholders; only [`restore`](Vault::restore) turns them back, for whom it may concern.
//!
//! **No text is confused with a placeholder of ours.** A text that comes in may hold `<EMAIL_1>` itself. So texts are
//! [reserved](Vault::reserve) before anything in them is replaced: a number that one of them holds is never given out, and
//! what nobody gave out is never restored. A text that comes later from outside and holds one that *was* given out, but not
//! to whom it comes from, is [disowned](Vault::disown): it becomes a value like any other.
//!
//! **A model need not be exact.** `[email 1]`, `EMAIL\_1` and `&lt;EMAIL_1&gt;` are understood; see `candidate.rs`.
//!
//! **At rest** a vault is a list of sealed parts, each what was new since the one before it: a step that finds one address
//! more writes one small part. Values are wiped from memory when the vault is dropped.

mod candidate;
mod document;
mod key;
mod numbers;
mod seal;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use self::candidate::{Candidate, candidates};
pub use self::key::VaultKey;
pub(super) use self::numbers::Numbers;
use super::{Finding, FindingKind, Needs, Placeholders};
use crate::error::Result;
use crate::task::TaskId;

/// Values that one task may have.
const MOST_VALUES: usize = 100_000;
/// Bytes of all of them.
const MOST_BYTES: usize = 32 << 20;
/// Bytes of a type's name that a placeholder shows.
const LONGEST_LABEL: usize = 48;
/// Bytes from which on a value is looked for where no detector saw it: a shorter one stands in any text by chance.
const TELLING: usize = 5;

/// Bytes of the longest placeholder that a vault gives, brackets included.
pub const LONGEST_PLACEHOLDER: usize = LONGEST_LABEL + 13;

/// One task's placeholders and their values.
///
/// ```
/// use octollm_core::reflex::{Origin, Part, Place, Policy, ReflexChain, Vault};
///
/// let (chain, vault) = (ReflexChain::new(Policy::default())?, Vault::new());
/// let asked = "Answer jane.doe@example.com, who is not <EMAIL_1>";
/// vault.reserve(asked);
/// let mut screening = chain.screening().with_placeholders(&vault);
/// let shown = screening.text(asked, Origin::User, Place::of(Part::Goal));
/// assert_eq!(shown, "Answer <EMAIL_2>, who is not <EMAIL_1>");
/// assert_eq!(vault.restore(&shown), asked);
/// assert_eq!(vault.restore("Dear [email 2]"), "Dear jane.doe@example.com");
/// # Ok::<(), octollm_core::Error>(())
/// ```
#[derive(Default)]
pub struct Vault {
    inner: Mutex<Inner>,
    /// How many values there are: most vaults have none, and are asked often.
    count: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    /// Entries by a hash of their value; the values themselves are kept once.
    by_value: HashMap<u64, Vec<usize>>,
    by_name: HashMap<String, usize>,
    numbers: Numbers,
    hasher: RandomState,
    bytes: usize,
    /// Entries that are in a sealed part.
    sealed: usize,
}

/// A value and what stands for it.
#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    /// Without brackets: `EMAIL_1`.
    name: String,
    kind: FindingKind,
    /// As the detector calls it: `email`.
    #[serde(rename = "type")]
    type_name: String,
    #[serde(with = "wiped")]
    value: Zeroizing<String>,
}

/// A value that is wiped from memory when it is dropped, as a part of a vault has it.
mod wiped {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(value: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// The placeholders that stood in what somebody was given, and those that there were before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Places in the list of entries, in order.
    seen: Vec<usize>,
    /// Entries that there were when it was given; later ones were found since.
    count: usize,
    /// Of those that were seen, the ones whose values were shown.
    revealed: Vec<usize>,
}

impl Given {
    /// Whether any value was shown.
    pub fn shows_values(&self) -> bool {
        !self.revealed.is_empty()
    }

    /// The same, as if all placeholders that there are had been among them.
    #[must_use]
    pub fn with_all_placeholders(self) -> Self {
        Self { seen: Vec::new(), count: 0, revealed: self.revealed }
    }
}

impl Vault {
    /// An empty vault.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// How many values of each type it holds.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.counts_since(0)
    }

    /// The same of those that came after the first `count` values.
    pub fn counts_since(&self, count: usize) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.lock().entries.iter().skip(count) {
            *counts.entry(entry.type_name.clone()).or_default() += 1;
        }
        counts
    }

    /// Every placeholder's name and its value, in the order in which they were given out.
    pub(crate) fn values(&self) -> Vec<(String, Zeroizing<String>)> {
        self.lock().entries.iter().map(|entry| (entry.name.clone(), entry.value.clone())).collect()
    }

    /// As if somebody had been given everything that there is.
    pub fn everything(&self) -> Given {
        Given { seen: Vec::new(), count: 0, revealed: (0..self.len()).collect() }
    }

    /// Takes note of what in this text reads like a placeholder, so that it is never given out. Call it with every text
    /// before anything in any of them is replaced.
    pub fn reserve(&self, text: &str) {
        if text.bytes().any(|byte| byte.is_ascii_digit()) {
            self.lock().numbers.reserve(text);
        }
    }

    /// The same for every text of a document, keys included.
    pub fn reserve_in(&self, document: &Value) {
        document::each_text(document, |text| self.reserve(text));
    }

    /// The text with what its placeholders stand for. What nobody gave out stays as it is.
    pub fn restore<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let inner = self.lock();
        inner.replaced(text, |found| inner.entry(found).map(|(_, entry)| entry.value.to_string()))
    }

    /// The same for every text of a document, keys included.
    pub fn restore_in(&self, document: &mut Value) {
        if !self.is_empty() {
            document::replace_each_text(document, |text| owned(self.restore(text)));
        }
    }

    /// Gives a document to somebody with these needs: the values that are needed take the places of their
    /// placeholders. What comes back tells which placeholders there were.
    pub fn give(&self, document: &mut Value, needs: Needs<'_>) -> Given {
        let mut given = Given { count: self.len(), ..Given::default() };
        if given.count == 0 {
            return given;
        }
        let inner = self.lock();
        document::replace_each_text(document, |text| {
            owned(inner.replaced(text, |found| {
                let (index, entry) = inner.entry(found)?;
                given.seen.push(index);
                if !needs.has(entry.kind, &entry.type_name) {
                    return None;
                }
                given.revealed.push(index);
                Some(entry.value.to_string())
            }))
        });
        for list in [&mut given.seen, &mut given.revealed] {
            list.sort_unstable();
            list.dedup();
        }
        given
    }

    /// Takes a document back from somebody who was [given](Self::give) another: values that were shown are placeholders
    /// again, wherever they stand, and what reads like a placeholder that was not given becomes a value.
    pub fn take_back(&self, document: &mut Value, given: &Given) {
        if self.is_empty() {
            return;
        }
        document::replace_each_text(document, |text| {
            let concealed = self.conceal(text, given);
            let disowned = owned(self.disown(concealed.as_deref().unwrap_or(text), given));
            disowned.or(concealed)
        });
    }

    /// The text with placeholders for the values that were shown, wherever they stand as words of their own.
    fn conceal(&self, text: &str, given: &Given) -> Option<String> {
        let inner = self.lock();
        inner.concealed(text, given.revealed.iter().copied())
    }

    /// The text with placeholders for *all* values that are known, wherever they stand as words of their own.
    pub fn conceal_all<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let inner = self.lock();
        let all = 0..inner.entries.len();
        inner.concealed(text, all).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// The text with a new placeholder for what reads like one that was given out, but not to whom the text is from.
    fn disown<'t>(&self, text: &'t str, given: &Given) -> Cow<'t, str> {
        let mut inner = self.lock();
        let owns = |index: usize| index >= given.count || given.seen.binary_search(&index).is_ok();
        let foreign: Vec<(Range<usize>, usize)> = candidates(text)
            .filter_map(|found| Some((found.range.clone(), inner.entry(&found)?.0)))
            .filter(|(_, index)| !owns(*index))
            .collect();
        if foreign.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut replacements = HashMap::new();
        for (range, index) in foreign {
            let Some(like) = inner.entries.get(index) else { continue };
            let (kind, type_name) = (like.kind, like.type_name.clone());
            let value = text.get(range.clone()).unwrap_or_default();
            replacements.insert(range.start, inner.placeholder(kind, &type_name, value));
        }
        self.count.store(inner.entries.len(), Ordering::Release);
        inner.replaced(text, |found| replacements.get(&found.range.start).cloned())
    }

    /// The text with every known placeholder as it was given out, however it was altered since.
    pub fn canonical<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let inner = self.lock();
        inner.replaced(text, |found| inner.entry(found).map(|(_, entry)| bracketed(&entry.name)))
    }

    /// What is new since the last part, sealed as the part of this number; `None` where nothing is.
    ///
    /// # Errors
    /// `unavailable` where the system gives no randomness.
    pub fn seal(&self, key: &VaultKey, task: TaskId, number: u64) -> Result<Option<Vec<u8>>> {
        let mut inner = self.lock();
        let new = inner.entries.get(inner.sealed..).unwrap_or_default();
        if new.is_empty() {
            return Ok(None);
        }
        let text = Zeroizing::new(serde_json::to_vec(new).map_err(|_| seal::damaged(task))?);
        let part = seal::seal(key, task, number, &text)?;
        inner.sealed = inner.entries.len();
        Ok(Some(part))
    }

    /// The vault whose parts these are, each with its number, in order.
    ///
    /// # Errors
    /// `storage` where a part is damaged, or was sealed with another key or for another task.
    pub fn open<'p>(
        key: &VaultKey,
        task: TaskId,
        parts: impl IntoIterator<Item = (u64, &'p [u8])>,
    ) -> Result<Self> {
        let mut inner = Inner::default();
        for (number, part) in parts {
            let text = seal::open(key, task, number, part)?;
            let entries: Vec<Entry> = serde_json::from_slice(&text).map_err(|_| seal::damaged(task))?;
            for entry in entries {
                inner.add(entry);
            }
        }
        inner.sealed = inner.entries.len();
        let count = AtomicUsize::new(inner.entries.len());
        Ok(Self { inner: Mutex::new(inner), count })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Placeholders for Vault {
    fn placeholder(&self, finding: &Finding, value: &str) -> String {
        let mut inner = self.lock();
        let placeholder = inner.placeholder(finding.kind, &finding.type_name, value);
        self.count.store(inner.entries.len(), Ordering::Release);
        placeholder
    }

    fn given_out(&self, text: &str) -> Vec<Range<usize>> {
        if self.is_empty() || !text.contains('<') {
            return Vec::new();
        }
        let inner = self.lock();
        let ours = candidates(text).filter(|found| is_exact(text, found) && inner.entry(found).is_some());
        ours.map(|found| found.range).collect()
    }
}

/// Whether the text holds something of the form in which a vault gives out placeholders. What is kept beyond a task should
/// not: in another task the same placeholder stands for something else.
pub fn holds_placeholder(text: &str) -> bool {
    candidates(text).any(|found| is_exact(text, &found))
}

fn is_exact(text: &str, found: &Candidate<'_>) -> bool {
    let inner = text.get(found.range.clone()).and_then(|text| text.strip_prefix('<')?.strip_suffix('>'));
    inner == Some(&*found.name)
}

/// How many values it holds, and none of them.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("values", &self.len()).finish_non_exhaustive()
    }
}

impl Inner {
    fn placeholder(&mut self, kind: FindingKind, type_name: &str, value: &str) -> String {
        let known = self.by_value.get(&self.hash(value)).into_iter().flatten();
        let known =
            known.filter_map(|index| self.entries.get(*index)).find(|entry| entry.value.as_str() == value);
        if let Some(entry) = known {
            return bracketed(&entry.name);
        }
        let label = label(type_name);
        if self.entries.len() >= MOST_VALUES || self.bytes.saturating_add(value.len()) > MOST_BYTES {
            // Gone for good: better than a vault without end, and better than the value.
            return format!("[{label}]");
        }
        let name = format!("{label}_{}", self.numbers.next(&label));
        let placeholder = bracketed(&name);
        let value = Zeroizing::new(value.to_owned());
        self.add(Entry { name, kind, type_name: type_name.to_owned(), value });
        placeholder
    }

    fn add(&mut self, entry: Entry) {
        let (index, hash) = (self.entries.len(), self.hash(&entry.value));
        self.by_value.entry(hash).or_default().push(index);
        self.by_name.insert(entry.name.clone(), index);
        self.numbers.taken(&entry.name);
        self.bytes = self.bytes.saturating_add(entry.value.len());
        self.entries.push(entry);
    }

    fn entry(&self, found: &Candidate<'_>) -> Option<(usize, &Entry)> {
        let index = *self.by_name.get(&*found.name)?;
        Some((index, self.entries.get(index)?))
    }

    /// The text with replacements for candidates; borrowed where there are none.
    fn replaced<'t>(
        &self,
        text: &'t str,
        mut replace: impl FnMut(&Candidate<'t>) -> Option<String>,
    ) -> Cow<'t, str> {
        let (mut replaced, mut done) = (String::new(), 0);
        for found in candidates(text) {
            let Some(replacement) = replace(&found) else { continue };
            replaced.push_str(text.get(done..found.range.start).unwrap_or_default());
            replaced.push_str(&replacement);
            done = found.range.end;
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        replaced.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(replaced)
    }

    /// The text with placeholders for these entries' values, the longest first: one may be part of another.
    fn concealed(&self, text: &str, which: impl Iterator<Item = usize>) -> Option<String> {
        let mut entries: Vec<&Entry> = which.filter_map(|index| self.entries.get(index)).collect();
        entries.retain(|entry| entry.value.len() >= TELLING && text.contains(entry.value.as_str()));
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.value.len()));
        let mut concealed: Option<String> = None;
        for entry in entries {
            let text = concealed.as_deref().unwrap_or(text);
            concealed = without_word(text, &entry.value, &bracketed(&entry.name)).or(concealed);
        }
        concealed
    }

    fn hash(&self, value: &str) -> u64 {
        self.hasher.hash_one(value)
    }
}

/// The text with this word replaced wherever it stands alone.
fn without_word(text: &str, word: &str, replacement: &str) -> Option<String> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let (first, last) = (word.starts_with(is_letter), word.ends_with(is_letter));
    let (mut replaced, mut done) = (String::new(), 0);
    for (at, found) in text.match_indices(word) {
        let (before, behind) = (text.get(..at)?, text.get(at + found.len()..)?);
        if first && before.ends_with(is_letter) || last && behind.starts_with(is_letter) {
            continue;
        }
        replaced.push_str(text.get(done..at)?);
        replaced.push_str(replacement);
        done = at + found.len();
    }
    if done == 0 {
        return None;
    }
    replaced.push_str(text.get(done..)?);
    Some(replaced)
}

/// A type's name as a placeholder shows it: upper case letters, one `_` between two words.
fn label(type_name: &str) -> String {
    let words = type_name.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let mut label = words.collect::<Vec<_>>().join("_").to_ascii_uppercase();
    label.truncate(LONGEST_LABEL);
    let label = label.trim_end_matches('_');
    if label.is_empty() { "DATA".to_owned() } else { label.to_owned() }
}

fn bracketed(name: &str) -> String {
    format!("<{name}>")
}

fn owned(text: Cow<'_, str>) -> Option<String> {
    match text {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(_) => None,
    }
}
