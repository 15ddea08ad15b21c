//! The key that seals vaults, and where it comes from.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// A key of 256 bits. `Debug` hides it, and it is wiped from memory with its last clone.
#[derive(Clone)]
pub struct VaultKey(std::sync::Arc<Zeroizing<[u8; 32]>>);

impl VaultKey {
    /// A new key, out of the system's randomness.
    ///
    /// # Errors
    /// `unavailable` where the system gives none.
    pub fn random() -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        fill(&mut *key)?;
        Ok(Self(std::sync::Arc::new(key)))
    }

    /// A key as 64 hexadecimal digits: `openssl rand -hex 32` makes one.
    ///
    /// # Errors
    /// `not_configured`, without what the text says.
    pub fn from_hex(text: &str) -> Result<Self> {
        let text = text.trim().as_bytes();
        let mut key = Zeroizing::new([0; 32]);
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        for (byte, digits) in key.iter_mut().zip(text.chunks(2)) {
            let [high, low] = digits else { return Err(no_key()) };
            *byte = (digit(high).ok_or_else(no_key)? << 4) | digit(low).ok_or_else(no_key)?;
        }
        if text.len() == 64 { Ok(Self(std::sync::Arc::new(key))) } else { Err(no_key()) }
    }

    /// The key in this file. Where there is none, one is made that only this user can read. Blocks on the file system.
    ///
    /// # Errors
    /// `not_configured` for a file that holds no key, or that others can read; `storage` where it cannot be read or made.
    pub fn read_or_create(path: &Path) -> Result<Self> {
        for _ in 0..2 {
            match fs::read_to_string(path).map(Zeroizing::new) {
                Ok(text) => {
                    check_owner_only(path)?;
                    return Self::from_hex(&text).map_err(|error| error.with_context("file", shown(path)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => create(path)?,
                Err(error) => return Err(unreadable(path, &error)),
            }
        }
        Err(unreadable(path, &io::ErrorKind::NotFound.into()))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Another key for another purpose, from which this one cannot be found.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        let inner = Sha256::new().chain_update(self.bytes()).chain_update(purpose.as_bytes()).finalize();
        Sha256::new().chain_update(inner).chain_update(self.bytes()).finalize().into()
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(***)")
    }
}

/// Fills with the system's randomness.
pub(super) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the system gives no randomness")
            .with_context("reason", error.to_string())
    })
}

/// Writes a new key beside the file and links it there: whoever reads the file finds a whole key, and of two processes
/// that make one the first wins.
fn create(path: &Path) -> Result<()> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Storage, "the key of the vault cannot be written")
            .with_context("file", shown(path))
            .with_context("reason", error.kind().to_string())
            .with_hint("give this user the right to write the folder, or set OCTOLLM_VAULT_KEY")
    };
    let mut name = [0; 8];
    fill(&mut name)?;
    let draft = path.with_extension(format!("{:016x}", u64::from_ne_bytes(name)));
    let written = write_new(&draft, &VaultKey::random()?).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    // What is left of a draft that could not be written is no key of anything.
    drop(fs::remove_file(&draft));
    written.map_err(failed)
}

fn write_new(path: &Path, key: &VaultKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.bytes() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn check_owner_only(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let found = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotConfigured, "others can read the key of the vault")
        .with_context("file", shown(path))
        .with_hint("chmod 600 FILE; if somebody may have read it, make a new one when no task needs the old"))
}

#[cfg(not(unix))]
fn check_owner_only(_: &Path) -> Result<()> {
    Ok(())
}

fn no_key() -> Error {
    Error::new(ErrorKind::NotConfigured, "the key of the vault is not one")
        .with_hint("OCTOLLM_VAULT_KEY is 64 hexadecimal digits, as `openssl rand -hex 32` gives them")
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Storage, "the key of the vault cannot be read")
        .with_context("file", shown(path))
        .with_context("reason", error.kind().to_string())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits_and_never_shown() {
        let text = "0123456789abcdefABCDEF000102030405060708090a0b0c0d0e0f10111213ff";
        let key = VaultKey::from_hex(&format!(" {text}\n")).unwrap();
        assert_eq!((key.bytes()[0], key.bytes()[31]), (0x01, 0xff));
        assert_eq!(format!("{key:?}"), "VaultKey(***)");
        for bad in ["", "0", &text[1..], &format!("{text}0"), &text.replace('0', "g"), &format!("{text}00")] {
            let error = VaultKey::from_hex(bad).unwrap_err();
            assert!(bad.len() < 10 || !format!("{error:?}").contains(bad));
        }
        assert_ne!(key.derived("a"), key.derived("b"));
    }

    #[test]
    fn the_file_is_made_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| VaultKey::read_or_create(&path).unwrap())).collect();
            threads.into_iter().map(|thread| *thread.join().unwrap().bytes()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]) && keys[0] != [0; 32]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
        fs::write(&path, "no key").unwrap();
        assert!(VaultKey::read_or_create(&path).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        VaultKey::read_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = VaultKey::read_or_create(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
    }
}
