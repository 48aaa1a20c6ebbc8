//! Sealing plain keys with the master key, for profiles that show a key again.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use claviger_model::{AccountId, Entropy, InstallationId, KeyId, PlainKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize;

const NONCE_LENGTH: usize = 12;
/// The first byte of a sealed copy: how the rest is to be read.
const FORM: u8 = 1;

/// The key that sealed copies are sealed with: 32 random bytes from a file. It has no honest `Debug`, and its memory
/// is wiped when dropped.
pub struct MasterKey([u8; 32]);

/// Why sealing or opening failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The sealed copy is damaged, of another installation, row or master key.
    #[error(
        "the sealed copy can't be opened: it is damaged, or was sealed with another master key or for another row"
    )]
    Open,
    /// Not 64 hexadecimal digits.
    #[error("a master key is 64 hexadecimal digits")]
    MasterKey,
}

impl MasterKey {
    /// A new master key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits, surrounding white space aside.
    pub fn from_hex(text: &str) -> Result<Self, VaultError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(VaultError::MasterKey);
        }
        let mut key = Self([0; 32]);
        for (byte, pair) in key.0.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |letter: u8| char::from(letter).to_digit(16).ok_or(VaultError::MasterKey);
            *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?)
                .expect("two hexadecimal digits make a byte");
        }
        Ok(key)
    }

    /// The 64 digits, for the file that keeps them.
    pub fn to_hex(&self) -> String {
        claviger_model::Digest::from_bytes(self.0).to_hex()
    }

    /// A value that tells this master key from another and betrays nothing of it.
    pub fn check_value(&self) -> Vec<u8> {
        Sha256::new().chain_update(b"claviger master key check v1").chain_update(self.0).finalize().to_vec()
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// The row a sealed copy belongs to; a copy moved to another row doesn't open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) key: KeyId,
}

/// Seals and opens with AES-256-GCM-SIV (RFC 8452), which forgives a repeated nonce.
pub(crate) struct Vault {
    key: LessSafeKey,
    installation: InstallationId,
}

impl Vault {
    pub(crate) fn new(master: &MasterKey, installation: InstallationId) -> Self {
        let key =
            UnboundKey::new(&AES_256_GCM_SIV, &master.0).expect("the master key has the cipher's length");
        Self { key: LessSafeKey::new(key), installation }
    }

    /// The sealed copy of `plain`: a form byte, the nonce, the ciphertext with its tag.
    pub(crate) fn seal(&self, place: Place, plain: &PlainKey, entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        entropy.fill(&mut nonce);
        let mut text = plain.expose().as_bytes().to_vec();
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), self.aad(place), &mut text)
            .expect("a key is far below the cipher's limit");
        [&[FORM], nonce.as_slice(), &text, tag.as_ref()].concat()
    }

    /// The plain key in a sealed copy.
    pub(crate) fn open(&self, place: Place, sealed: &[u8]) -> Result<PlainKey, VaultError> {
        let (FORM, rest) = sealed.split_first().map(|(form, rest)| (*form, rest)).ok_or(VaultError::Open)?
        else {
            return Err(VaultError::Open);
        };
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(VaultError::Open)?;
        let mut text = ciphertext.to_vec();
        let opened = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), self.aad(place), &mut text);
        let plain = match opened {
            Ok(bytes) => std::str::from_utf8(bytes).ok().map(PlainKey::new),
            Err(_) => None,
        };
        text.zeroize();
        plain.ok_or(VaultError::Open)
    }

    fn aad(&self, place: Place) -> Aad<Vec<u8>> {
        let mut parts = self.installation.to_bytes().to_vec();
        parts.extend(place.account.to_bytes());
        parts.extend(place.key.to_bytes());
        parts.push(FORM);
        parts.extend(b"apikey-reveal-v1");
        Aad::from(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(1..).for_each(|(byte, count)| *byte = count);
        }
    }

    fn vault(master: u8, installation: u8) -> Vault {
        Vault::new(&MasterKey([master; 32]), InstallationId::from_bytes([installation; 16]))
    }

    fn place(account: u8, key: u8) -> Place {
        Place { account: AccountId::from_bytes([account; 16]), key: KeyId::from_bytes([key; 16]) }
    }

    #[test]
    fn a_sealed_key_opens_in_its_own_place_only() {
        let plain = PlainKey::new("AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCd");
        let sealed = vault(1, 1).seal(place(1, 1), &plain, &Counting);
        assert_eq!(vault(1, 1).open(place(1, 1), &sealed).unwrap().expose(), plain.expose());
        assert!(!sealed.windows(8).any(|window| window == &plain.expose().as_bytes()[..8]));
        for (vault, place) in [
            (vault(2, 1), place(1, 1)),
            (vault(1, 2), place(1, 1)),
            (vault(1, 1), place(2, 1)),
            (vault(1, 1), place(1, 2)),
        ] {
            assert_eq!(vault.open(place, &sealed).err(), Some(VaultError::Open));
        }
    }

    #[test]
    fn a_damaged_copy_does_not_open() {
        let sealed = vault(1, 1).seal(place(1, 1), &PlainKey::new("k"), &Counting);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(vault(1, 1).open(place(1, 1), &damaged).err(), Some(VaultError::Open), "byte {at}");
            assert_eq!(
                vault(1, 1).open(place(1, 1), &sealed[..at]).err(),
                Some(VaultError::Open),
                "length {at}"
            );
        }
    }

    #[test]
    fn a_master_key_reads_back_what_it_prints() {
        let key = MasterKey::generate(&Counting);
        assert_eq!(
            MasterKey::from_hex(&format!("{}\n", key.to_hex())).unwrap().check_value(),
            key.check_value()
        );
        for text in ["", "00", "zz", &"g".repeat(64), &"0".repeat(63)] {
            assert_eq!(MasterKey::from_hex(text).err(), Some(VaultError::MasterKey));
        }
    }
}
