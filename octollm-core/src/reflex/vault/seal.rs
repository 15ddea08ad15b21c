//! Seals what a vault holds: XChaCha20-Poly1305, with a fresh random nonce for each part. The task and the part's number are
//! authenticated with it, so that no part can be taken for another's.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::VaultKey;
use super::key::fill;
use crate::error::{Error, ErrorKind, Result};
use crate::task::TaskId;

/// The form of a sealed part: its first byte.
const FORM: u8 = 1;
const NONCE: usize = 24;

/// Form, nonce, sealed text with its tag.
pub(super) fn seal(key: &VaultKey, task: TaskId, number: u64, text: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    fill(&mut nonce)?;
    let about = about(task, number);
    let payload = Payload { msg: text, aad: &about };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Error::new(ErrorKind::Internal, "a part of the vault cannot be sealed"))?;
    let mut part = Vec::with_capacity(1 + NONCE + sealed.len());
    part.push(FORM);
    part.extend_from_slice(&nonce);
    part.extend_from_slice(&sealed);
    Ok(part)
}

/// What was sealed.
pub(super) fn open(key: &VaultKey, task: TaskId, number: u64, part: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let Some((&FORM, rest)) = part.split_first() else { return Err(damaged(task)) };
    let Some((nonce, sealed)) = rest.split_first_chunk::<NONCE>() else { return Err(damaged(task)) };
    let about = about(task, number);
    let payload = Payload { msg: sealed, aad: &about };
    let text = cipher(key).decrypt(&XNonce::from(*nonce), payload).map_err(|_| {
        Error::new(ErrorKind::Storage, "the vault of the task cannot be opened with this key")
            .with_context("task", task.to_string())
            .with_hint("set OCTOLLM_VAULT_KEY to the key that was used when the task ran, or put its `vault.key` back")
    })?;
    Ok(Zeroizing::new(text))
}

fn cipher(key: &VaultKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

fn about(task: TaskId, number: u64) -> Vec<u8> {
    [b"octollm vault 1".as_slice(), task.as_bytes(), &number.to_be_bytes()].concat()
}

pub(super) fn damaged(task: TaskId) -> Error {
    Error::new(ErrorKind::Storage, "a part of the task's vault is damaged")
        .with_context("task", task.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_task_and_number_open_it() {
        let (key, task) = (VaultKey::random().unwrap(), TaskId::new());
        let part = seal(&key, task, 3, b"jane@example.com").unwrap();
        assert_eq!(&**open(&key, task, 3, &part).unwrap(), b"jane@example.com");
        assert!(!part.windows(4).any(|bytes| bytes == b"jane"));
        assert_ne!(part, seal(&key, task, 3, b"jane@example.com").unwrap(), "each has a nonce of its own");
        assert!(open(&VaultKey::random().unwrap(), task, 3, &part).is_err());
        assert!(open(&key, TaskId::new(), 3, &part).is_err());
        assert!(open(&key, task, 4, &part).is_err());
        for at in 0..part.len() {
            let mut changed = part.clone();
            changed[at] ^= 1;
            assert!(open(&key, task, 3, &changed).is_err(), "byte {at}");
            assert!(open(&key, task, 3, &part[..at]).is_err(), "{at} bytes");
        }
    }
}
