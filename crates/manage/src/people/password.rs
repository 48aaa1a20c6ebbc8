//! Passwords: which are taken, and hashing them with argon2id, a few at a time.

use std::{fmt, sync::Arc};

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use claviger_model::{Email, Entropy};
use claviger_store::{PasswordHash, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::{Fault, Refusal};

/// Fewest characters of a password that is all there is (NIST SP 800-63B-4 §3.1.1.2).
pub(super) const MIN: usize = 15;
/// Most characters: none is cut off.
const MAX: usize = 256;
/// Different characters a password has at least.
const VARIETY: usize = 6;
/// Hashes computed at once: each takes 19 MiB and some 20 ms (the defaults of argon2id that OWASP names).
const AT_ONCE: usize = 2;
/// Those that may wait for one of these; further ones are refused.
const WAITING: usize = 32;
const SALT: usize = 16;
/// A hash that costs as much to compute as any other, and that no password is known to have.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3MgcGFzc3dvcg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Who was let in to have a hash computed.
pub(super) struct Admitted {
    _place: OwnedSemaphorePermit,
}

/// Computes hashes, no more than the memory allows.
pub(super) struct Passwords {
    at_once: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// What an address that nobody has is verified against, so that it takes as long.
    nobody: PasswordHash,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            nobody: PasswordHash::new(NOBODY),
        }
    }

    /// The hash of a password that was [judged](fault).
    pub(super) async fn hash(&self, password: &str, entropy: &dyn Entropy) -> Result<PasswordHash, Refusal> {
        let (password, salt) = (Zeroizing::new(password.to_owned()), salt(entropy));
        let admitted = self.admit()?;
        let hashed = self.compute(&admitted, move || hash(password.as_bytes(), &salt)).await?;
        hashed.map_err(|error| Refusal::Internal(format!("a password can't be hashed: {error}")))
    }

    /// Lets in whoever there is room for; nobody waits outside.
    pub(super) fn admit(&self) -> Result<Admitted, Refusal> {
        match Arc::clone(&self.admitted).try_acquire_owned() {
            Ok(place) => Ok(Admitted { _place: place }),
            Err(_) => Err(busy()),
        }
    }

    /// Whether this is the password; `None` is a member's without one, or nobody's, and takes as long.
    pub(super) async fn verify(
        &self,
        admitted: &Admitted,
        password: &str,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, Refusal> {
        let (password, hash) = (Zeroizing::new(password.to_owned()), stored.unwrap_or(&self.nobody).clone());
        let is_it = move || Argon2::default().verify_password(password.as_bytes(), hash.expose());
        Ok(self.compute(admitted, is_it).await?.is_ok() && stored.is_some())
    }

    async fn compute<T: Send + 'static>(
        &self,
        _: &Admitted,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = Arc::clone(&self.at_once).acquire_owned().await;
        let turn = turn.map_err(|error| Refusal::Internal(error.to_string()))?;
        // The permit goes along: whoever stops waiting doesn't stop the work.
        let running = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        running.await.map_err(|error| Refusal::Internal(format!("hashing a password failed: {error}")))
    }
}

fn busy() -> Refusal {
    Refusal::Unavailable(StoreError::Unavailable("too many people sign in at once".to_owned()))
}

fn salt(entropy: &dyn Entropy) -> [u8; SALT] {
    let mut salt = [0; SALT];
    entropy.fill(&mut salt);
    salt
}

fn hash(password: &[u8], salt: &[u8]) -> Result<PasswordHash, argon2::password_hash::Error> {
    let hash = Argon2::default().hash_password_with_salt(password, salt)?;
    Ok(PasswordHash::new(hash.to_string()))
}

/// Refuses a password that is too easy to guess.
pub(super) fn judge(password: &str, email: &Email) -> Result<(), Refusal> {
    match fault(password, email) {
        Some(detail) => Err(Refusal::Invalid(vec![Fault::new("/password", detail)])),
        None => Ok(()),
    }
}

fn fault(password: &str, email: &Email) -> Option<String> {
    let length = password.chars().count();
    if length < MIN {
        return Some(format!("must be at least {MIN} characters long: a few words are easy to remember"));
    }
    if length > MAX {
        return Some(format!("can be at most {MAX} characters long"));
    }
    let mut different: Vec<char> = password.to_lowercase().chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < VARIETY || is_repetition(password) || is_run(password) {
        return Some("is too easy to guess: use a few unrelated words".to_owned());
    }
    let lower = password.to_lowercase();
    let local = email.as_str().split('@').next().unwrap_or_default();
    if lower == email.as_str() || (local.len() > 3 && lower.replace(local, "").chars().count() <= MIN / 2) {
        return Some("is too close to the e-mail address".to_owned());
    }
    None
}

/// Whether it is one piece, of at most half its length, again and again.
fn is_repetition(password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    (1..=letters.len() / 2).any(|length| {
        letters
            .iter()
            .zip(letters.iter().cycle().skip(length))
            .take(letters.len() - length)
            .all(|(a, b)| a == b)
    })
}

/// Whether most letters follow from the one before, as in an alphabet or on a row of keys.
fn is_run(password: &str) -> bool {
    const ROWS: &str = "01234567890 9876543210 abcdefghijklmnopqrstuvwxyz zyxwvutsrqponmlkjihgfedcba qwertyuiop asdfghjkl zxcvbnm";
    let letters: Vec<char> = password.to_lowercase().chars().collect();
    let follows = |pair: &[char]| ROWS.contains(&String::from_iter(pair));
    letters.windows(2).filter(|pair| follows(pair)).count() * 4 >= (letters.len() - 1) * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_hash_costs_what_others_do() {
        let real = hash(b"a real password", &[7; SALT]).unwrap();
        let cost = |text: &str| text.rsplitn(3, '$').last().map(str::to_owned);
        let parts = |text: &str| text.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(cost(NOBODY), cost(real.expose()));
        assert_eq!(parts(NOBODY), parts(real.expose()));
        let refused = Argon2::default().verify_password(b"", NOBODY);
        assert_eq!(refused, Argon2::default().verify_password(b"another", real.expose()));
    }

    #[test]
    fn passwords_that_are_easy_to_guess_are_refused() {
        let email = "lovelace@example.com".parse().unwrap();
        for password in [
            "",
            "short",
            "14 characters!",
            "aaaaaaaaaaaaaaaaaaaa",
            "passwordpassword",
            "abcabcabcabcabcabc",
            "abcdefghijklmnopqrst",
            "1234567890123456789",
            "qwertyuiopasdfghjkl",
            "lovelace@example.com",
            "Lovelace-2026!!",
            "lovelacelovelace1",
            &"é".repeat(20),
            &"ab cd ef gh ij kl ".repeat(20),
        ] {
            assert!(fault(password, &email).is_some(), "{password}");
        }
    }

    #[test]
    fn long_ones_of_any_kind_are_taken() {
        let email = "lovelace@example.com".parse().unwrap();
        for password in [
            "correct horse battery staple",
            "päßwörter sind länger",
            "日本語のとても長い合言葉です、はい",
            "tr0ub4dor&3 xkcd 936",
        ] {
            assert_eq!(fault(password, &email), None, "{password}");
        }
    }
}
