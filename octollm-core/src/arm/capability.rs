//! Capability tokens: what a call may do, provable and never more than was given.
//!
//! A token is minted for a task by whoever holds the key, and is a chain: each caveat is signed with the signature before it
//! (HMAC-SHA256), as in macaroons (Birgisson et al., NDSS 2014). So anybody who holds a token can add a caveat, without the
//! key, and nobody can take one away: what is handed on can only do less. Whoever holds the key checks the chain and every
//! caveat before it acts.
//!
//! The engine mints one for every call of an `unsafe` arm: it holds for this task and this step, for the capabilities that the
//! task and the step are restricted to, and no longer than the call. The key lives in the process and dies with it.
//! Tokens are shown to nobody: `Debug` names the task only, and they are no part of a call over HTTP.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::error::{Error, ErrorKind, Result};
use crate::task::{TaskId, Timestamp};

/// Separates these signatures from any other use of the key.
const PURPOSE: &[u8] = b"octollm capability token 1";
/// Caveats of one token at most.
const MOST_CAVEATS: usize = 64;
/// Characters of a token as text at most.
const MOST_TEXT: usize = 64 << 10;

type Signature = [u8; 32];

/// Signs and checks tokens. Clones are the same key.
#[derive(Clone)]
pub struct CapabilityKey([u8; 32]);

impl CapabilityKey {
    /// A new key, from the system's randomness.
    ///
    /// # Errors
    /// `unavailable` if the system gives none.
    pub fn random() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the system gives no random numbers").with_source(cause)
        })?;
        Ok(Self(key))
    }

    /// A token for everything that this task may do.
    pub fn mint(&self, task: TaskId) -> CapabilityToken {
        CapabilityToken { task, caveats: Vec::new(), signature: self.first(task) }
    }

    /// Checks that the token was minted with this key, that no caveat was taken away or changed, and that every caveat
    /// admits the use.
    ///
    /// # Errors
    /// `unauthorized`: which of these does not hold.
    pub fn check(&self, token: &CapabilityToken, wanted: &Use<'_>) -> Result<()> {
        let before_last = token.caveats.iter().rev().skip(1).rev();
        let mut signature = self.first(token.task);
        for caveat in before_last {
            signature = next(&signature, caveat);
        }
        let (key, message) = match token.caveats.last() {
            Some(last) => (signature, last.bytes()),
            None => (self.0, root(token.task)),
        };
        // Compares in constant time.
        if mac(&key, &message).verify_slice(&token.signature).is_err() {
            return Err(refused("its signature is wrong"));
        }
        if token.task != wanted.task {
            return Err(refused("it is another task's"));
        }
        match token.caveats.iter().find_map(|caveat| caveat.against(wanted)) {
            Some(why) => Err(refused(why)),
            None => Ok(()),
        }
    }

    fn first(&self, task: TaskId) -> Signature {
        mac(&self.0, &root(task)).finalize().into_bytes().into()
    }
}

/// Shows nothing.
impl fmt::Debug for CapabilityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CapabilityKey(***)")
    }
}

/// What somebody who holds a token wants to do.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// For this task.
    pub task: TaskId,
    /// In this step.
    pub step: u32,
    /// What it takes: `code_execution`, `shell_command`, `api_call`.
    pub capability: &'a str,
    /// Now.
    pub at: Timestamp,
}

/// What a token may not be used beyond. One that is not known is refused, when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Caveat {
    /// Only in this step.
    Step(u32),
    /// Only for these capabilities.
    Capabilities(Vec<String>),
    /// Only before this moment.
    Before(Timestamp),
}

impl Caveat {
    /// Why it does not admit the use, if it does not.
    fn against(&self, wanted: &Use<'_>) -> Option<&'static str> {
        let (admitted, why) = match self {
            Self::Step(step) => (*step == wanted.step, "it is another step's"),
            Self::Capabilities(names) => {
                (names.iter().any(|name| name == wanted.capability), "it does not hold for this capability")
            }
            Self::Before(moment) => (wanted.at < *moment, "it has expired"),
        };
        (!admitted).then_some(why)
    }

    fn bytes(&self) -> Vec<u8> {
        // One form only: the derived one. A caveat that could not be written would match no signature.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// What a call may do. See the module's documentation.
#[derive(Clone, PartialEq, Eq)]
pub struct CapabilityToken {
    task: TaskId,
    caveats: Vec<Caveat>,
    signature: Signature,
}

impl CapabilityToken {
    /// The same token, which may do less. Needs no key.
    #[must_use]
    pub fn attenuated(mut self, caveat: Caveat) -> Self {
        self.signature = next(&self.signature, &caveat);
        self.caveats.push(caveat);
        self
    }

    /// The task that it is for.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// What it may not be used beyond.
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }

    /// The token as text, which is as good as the token: it goes into no log and no message.
    pub fn to_secret_text(&self) -> String {
        let chain = serde_json::to_vec(&(self.task, &self.caveats)).unwrap_or_default();
        format!("{}.{}", hex(&chain), hex(&self.signature))
    }
}

impl FromStr for CapabilityToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (chain, signature) = text.split_once('.').filter(|_| text.len() <= MOST_TEXT)?;
            let (task, caveats): (TaskId, Vec<Caveat>) = serde_json::from_slice(&bytes(chain)?).ok()?;
            let signature = Signature::try_from(bytes(signature)?).ok()?;
            (caveats.len() <= MOST_CAVEATS).then_some(Self { task, caveats, signature })
        };
        read().ok_or_else(|| refused("it cannot be read"))
    }
}

/// Names the task and shows nothing else.
impl fmt::Debug for CapabilityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapabilityToken").field("task", &self.task).finish_non_exhaustive()
    }
}

fn root(task: TaskId) -> Vec<u8> {
    [PURPOSE, task.as_bytes()].concat()
}

fn next(signature: &Signature, caveat: &Caveat) -> Signature {
    mac(signature, &caveat.bytes()).finalize().into_bytes().into()
}

fn mac(key: &Signature, message: &[u8]) -> Hmac<Sha256> {
    // A key that is shorter than a block is filled up with zeros: so says RFC 2104.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as Mac>::new(&block.into());
    mac.update(message);
    mac
}

fn refused(why: &'static str) -> Error {
    Error::new(ErrorKind::Unauthorized, "the call's capability token does not allow it")
        .with_context("why", why)
        .with_hint("a task's `required_capabilities`, a step's, and those of the task that it is a part of say what it may do")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::task::now;

    fn wanted(task: TaskId) -> Use<'static> {
        Use { task, step: 1, capability: "code_execution", at: now() }
    }

    fn why(key: &CapabilityKey, token: &CapabilityToken, wanted: &Use<'_>) -> Option<String> {
        key.check(token, wanted).err().map(|error| error.context("why").unwrap().to_owned())
    }

    fn only(names: &[&str]) -> Caveat {
        Caveat::Capabilities(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_token_holds_for_what_it_was_minted_for() {
        let (key, task) = (CapabilityKey::random().unwrap(), TaskId::new());
        let later = now().checked_add(Duration::from_secs(60)).unwrap();
        let token =
            key.mint(task).attenuated(Caveat::Step(1)).attenuated(only(&["code_execution", "api_call"]));
        let token = token.attenuated(Caveat::Before(later));
        assert_eq!(why(&key, &token, &wanted(task)), None);
        let other = Use { step: 2, ..wanted(task) };
        assert_eq!(why(&key, &token, &other).unwrap(), "it is another step's");
        let shell = Use { capability: "shell_command", ..wanted(task) };
        assert_eq!(why(&key, &token, &shell).unwrap(), "it does not hold for this capability");
        assert_eq!(why(&key, &token, &wanted(TaskId::new())).unwrap(), "it is another task's");
        assert_eq!(why(&key, &token, &Use { at: later, ..wanted(task) }).unwrap(), "it has expired");
    }

    #[test]
    fn a_forged_token_is_refused() {
        let (key, task) = (CapabilityKey::random().unwrap(), TaskId::new());
        let other = CapabilityKey::random().unwrap();
        assert_eq!(why(&key, &other.mint(task), &wanted(task)).unwrap(), "its signature is wrong");
        let stranger = TaskId::new();
        let renamed = CapabilityToken { task: stranger, ..key.mint(task) };
        assert_eq!(why(&key, &renamed, &wanted(stranger)).unwrap(), "its signature is wrong");
        let guessed = CapabilityToken { signature: [0; 32], ..key.mint(task) };
        assert_eq!(why(&key, &guessed, &wanted(task)).unwrap(), "its signature is wrong");
    }

    #[test]
    fn a_token_can_be_narrowed_by_anybody_and_widened_by_nobody() {
        let (key, task) = (CapabilityKey::random().unwrap(), TaskId::new());
        let narrow = key.mint(task).attenuated(only(&["api_call"])).attenuated(Caveat::Step(1));
        assert!(why(&key, &narrow, &wanted(task)).is_some());
        // Another caveat of the same kind takes nothing back: both must admit the use.
        let again = narrow.clone().attenuated(only(&["code_execution"]));
        assert_eq!(why(&key, &again, &wanted(task)).unwrap(), "it does not hold for this capability");
        let changed = |change: &dyn Fn(&mut Vec<Caveat>)| {
            let mut token = narrow.clone();
            change(&mut token.caveats);
            why(&key, &token, &wanted(task)).unwrap()
        };
        let wrong = "its signature is wrong";
        assert_eq!(changed(&|caveats| caveats.clear()), wrong);
        assert_eq!(changed(&|caveats| drop(caveats.pop())), wrong);
        assert_eq!(changed(&|caveats| drop(caveats.remove(0))), wrong);
        assert_eq!(changed(&|caveats| caveats[0] = only(&["code_execution"])), wrong);
        assert_eq!(changed(&|caveats| caveats.swap(0, 1)), wrong);
    }

    #[test]
    fn text_and_back_is_the_same_token_and_any_change_breaks_it() {
        let (key, task) = (CapabilityKey::random().unwrap(), TaskId::new());
        let token = key.mint(task).attenuated(Caveat::Step(1));
        let text = token.to_secret_text();
        assert!(text.parse::<CapabilityToken>().unwrap() == token);
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let read = String::from_utf8(changed).unwrap().parse::<CapabilityToken>();
            assert!(read.is_err() || why(&key, &read.unwrap(), &wanted(task)).is_some(), "{place}");
        }
        let unknown = hex(format!("[\"{task}\",[{{\"colour\":1}}]]").as_bytes());
        assert!(format!("{unknown}.{}", hex(&[0; 32])).parse::<CapabilityToken>().is_err());
        assert!("".parse::<CapabilityToken>().is_err() && "zz.zz".parse::<CapabilityToken>().is_err());
    }

    #[test]
    fn nobody_sees_a_key_or_a_token() {
        let key = CapabilityKey([7; 32]);
        let token = key.mint(TaskId::new());
        assert_eq!(format!("{key:?}"), "CapabilityKey(***)");
        assert!(!format!("{token:?}").contains(&hex(&token.signature)));
    }
}
