//! The grammar of a key: prefix per environment, random characters of an alphabet, optional checksum.

use serde::Deserialize;

use super::{Checksum, Environment};
use crate::{Digest, denial::Malformation};

/// Fewest unknown bits a key must hold, beside what its hint shows.
pub const MIN_SECRET_BITS: f64 = 112.0;
const MAX_KEY_LENGTH: usize = 255;
/// Most characters that find a key which is known by another system's hash.
const LOOKUP_MAX: usize = 64;
/// Different letters that a key of at least [`MIN_SECRET_BITS`] has whenever chance draws it.
const LETTERS_DRAWN: usize = 6;
/// Letters and digits of ASCII, in the order of their value as digits.
pub(super) const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The characters a key's random part is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alphabet {
    letters: Box<[u8]>,
    member: [bool; 256],
}

/// Why a format can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// RFC 9110 §11.2: credentials are `token68`.
    #[error("an alphabet is 2 to 64 different characters of A-Z a-z 0-9 - . _ ~ + /")]
    Alphabet,
    /// The prefix must travel in a header as it is.
    #[error("a prefix is at most 32 characters of A-Z a-z 0-9 - . _ ~ + /")]
    Prefix,
    /// Two environments that can't be told apart.
    #[error("the live and the test prefix must differ, and neither may begin with the other")]
    Ambiguous,
    /// Fewer than [`MIN_SECRET_BITS`].
    #[error("too easy to guess: the random part must hold at least 112 bits (19 characters of base 62)")]
    Weak,
    /// A lookup that finds nothing, or gives too much away.
    #[error(
        "lookup and hash_skips: lookup is more characters than the prefix has and at most {LOOKUP_MAX}, and what follows \
         either of them must hold 112 bits (19 characters of base 62)"
    )]
    Lookup,
    /// A lookup would be of another part of test keys.
    #[error("lookup: the live and the test prefix must be equally long; write two formats")]
    LookupAmbiguous,
    /// More than 255 characters.
    #[error("a key may be at most {MAX_KEY_LENGTH} characters long")]
    Long,
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}

impl Alphabet {
    /// The alphabet of these characters, `base62` being short for the letters and digits of ASCII.
    pub fn new(letters: &str) -> Result<Self, FormatError> {
        let letters = if letters == "base62" { BASE62 } else { letters };
        let mut member = [false; 256];
        for byte in letters.bytes() {
            if !is_token68(byte) || std::mem::replace(&mut member[usize::from(byte)], true) {
                return Err(FormatError::Alphabet);
            }
        }
        if !(2..=64).contains(&letters.len()) {
            return Err(FormatError::Alphabet);
        }
        Ok(Self { letters: letters.as_bytes().into(), member })
    }

    /// Its characters.
    pub(super) fn letters(&self) -> &[u8] {
        &self.letters
    }

    /// Bits of randomness in one character.
    pub fn bits(&self) -> f64 {
        f64::from(u8::try_from(self.letters.len()).expect("at most 64 letters")).log2()
    }
}

/// What keys of one kind look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFormat {
    live: Box<str>,
    test: Option<Box<str>>,
    length: usize,
    alphabet: Alphabet,
    checksum: Checksum,
    digested: Digested,
    lookup: Option<Lookup>,
}

/// What of a key SHA-256 is taken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Digested {
    /// All of it.
    #[default]
    Whole,
    /// What comes after its prefix, as another system did.
    Secret,
}

/// How a key is found that is known by another system's hash, and of what the hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// How many of a key's first characters find it.
    pub characters: usize,
    /// How many of its first characters the hash leaves out.
    pub hash_skips: usize,
}

impl KeyFormat {
    /// A format: the prefix of live keys, that of test keys if there are any, and `length` random characters.
    pub fn new(
        live: &str,
        test: Option<&str>,
        length: usize,
        alphabet: Alphabet,
        checksum: Checksum,
    ) -> Result<Self, FormatError> {
        let prefix_is_plain = |prefix: &str| prefix.len() <= 32 && prefix.bytes().all(is_token68);
        if !prefix_is_plain(live) || !test.is_none_or(prefix_is_plain) {
            return Err(FormatError::Prefix);
        }
        if test.is_some_and(|test| test.starts_with(live) || live.starts_with(test)) {
            return Err(FormatError::Ambiguous);
        }
        let longest = live.len().max(test.map_or(0, str::len)) + checksum.length();
        if length > MAX_KEY_LENGTH - longest {
            return Err(FormatError::Long);
        }
        let format = Self {
            live: live.into(),
            test: test.map(Into::into),
            length,
            alphabet,
            checksum,
            digested: Digested::Whole,
            lookup: None,
        };
        if format.secret_bits(0) < MIN_SECRET_BITS { Err(FormatError::Weak) } else { Ok(format) }
    }

    /// The same format, of whose keys another part is digested.
    #[must_use]
    pub fn digesting(self, digested: Digested) -> Self {
        Self { digested, ..self }
    }

    /// The same format, whose keys may be known by another system's hash.
    pub fn finding_by(self, lookup: Lookup) -> Result<Self, FormatError> {
        let Lookup { characters, hash_skips } = lookup;
        let prefix = self.live.len();
        if self.test.as_ref().is_some_and(|test| test.len() != prefix) {
            return Err(FormatError::LookupAmbiguous);
        }
        let leaves_enough = |first: usize| self.secret_bits(first.saturating_sub(prefix)) >= MIN_SECRET_BITS;
        let finds = (1..=LOOKUP_MAX).contains(&characters) && characters > prefix;
        if finds && leaves_enough(characters) && leaves_enough(hash_skips) {
            Ok(Self { lookup: Some(lookup), ..self })
        } else {
            Err(FormatError::Lookup)
        }
    }

    /// Whether keys of this format may be known by another system's hash.
    pub const fn has_lookup(&self) -> bool {
        self.lookup.is_some()
    }

    /// What finds `presented`, a key of this format, where it is known by another system's hash; and what that is of.
    pub fn lookup<'a>(&self, presented: &'a [u8]) -> Option<(&'a str, &'a [u8])> {
        let Lookup { characters, hash_skips } = self.lookup?;
        let found_by = std::str::from_utf8(presented.get(..characters)?).ok()?;
        Some((found_by, presented.get(hash_skips..)?))
    }

    /// The environment whose keys may begin with `found_by`, if it finds keys of this format.
    pub fn found_by(&self, found_by: &str) -> Option<Environment> {
        let lookup = self.lookup.filter(|lookup| lookup.characters == found_by.len())?;
        let (environment, prefix) = self.prefixes().find(|(_, prefix)| found_by.starts_with(prefix))?;
        let drawn = &found_by.as_bytes()[prefix.len()..lookup.characters.min(prefix.len() + self.length)];
        drawn.iter().all(|byte| self.alphabet.member[usize::from(*byte)]).then_some(environment)
    }

    /// What `presented`, a key of this format, is looked up by.
    pub fn digest(&self, presented: &[u8]) -> Digest {
        let secret = presented.len() - self.length - self.checksum.length();
        match self.digested {
            Digested::Whole => Digest::of(presented),
            Digested::Secret => Digest::of(&presented[secret..]),
        }
    }

    /// The prefix of keys of `environment`, if the format has any.
    pub fn prefix(&self, environment: Environment) -> Option<&str> {
        match environment {
            Environment::Live => Some(&self.live),
            Environment::Test => self.test.as_deref(),
        }
    }

    /// The environments this format has keys of, each with its prefix.
    pub fn prefixes(&self) -> impl Iterator<Item = (Environment, &str)> {
        let test = self.test.as_deref().map(|prefix| (Environment::Test, prefix));
        std::iter::once((Environment::Live, &*self.live)).chain(test)
    }

    /// Bits that remain unknown to someone who sees the first `shown` random characters.
    pub fn secret_bits(&self, shown: usize) -> f64 {
        let hidden = u32::try_from(self.length.saturating_sub(shown)).expect("at most 255 characters");
        f64::from(hidden) * self.alphabet.bits()
    }

    /// How many of the first characters of a key may be shown, so that the rest can't be guessed.
    pub fn shown_max(&self, environment: Environment) -> usize {
        let shown = (0..=self.length).rev().find(|shown| self.secret_bits(*shown) >= MIN_SECRET_BITS);
        self.prefix(environment).unwrap_or_default().len() + shown.unwrap_or(0)
    }

    /// Length in characters of a whole key of `environment`.
    pub fn key_length(&self, environment: Environment) -> Option<usize> {
        Some(self.prefix(environment)?.len() + self.length + self.checksum.length())
    }

    pub(super) fn random_length(&self) -> usize {
        self.length
    }

    pub(super) fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    pub(super) fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Whether `presented` is a key of this format, and of which environment.
    ///
    /// Reads every byte at most twice and looks nothing up. The error is for the owner's eyes: callers learn
    /// only that the key is not accepted.
    pub fn parse(&self, presented: &[u8]) -> Result<Environment, Malformation> {
        let (environment, prefix) = self
            .prefixes()
            .find(|(_, prefix)| presented.starts_with(prefix.as_bytes()))
            .ok_or(Malformation::Prefix)?;
        let rest = &presented[prefix.len()..];
        if rest.len() != self.length + self.checksum.length() {
            return Err(Malformation::Length);
        }
        if !rest[..self.length].iter().all(|byte| self.alphabet.member[usize::from(*byte)]) {
            return Err(Malformation::Alphabet);
        }
        if self.checksum.holds(presented) { Ok(environment) } else { Err(Malformation::Checksum) }
    }

    /// Whether chance may have drawn `presented`, a key of this format: one with few different letters was made up by
    /// somebody, and can be guessed.
    pub fn may_be_drawn(&self, presented: &[u8]) -> bool {
        let random = &presented[presented.len() - self.length - self.checksum.length()..][..self.length];
        let mut seen = [false; 256];
        for byte in random {
            seen[usize::from(*byte)] = true;
        }
        let different = seen.into_iter().filter(|seen| *seen).count();
        different >= LETTERS_DRAWN.min(self.alphabet.letters.len() / 2)
    }
}

#[cfg(test)]
pub(super) fn cashcat() -> KeyFormat {
    KeyFormat::new("cc_live_", Some("cc_test_"), 44, Alphabet::new("base62").unwrap(), Checksum::None)
        .unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_by_prefix_length_and_alphabet() {
        let good = b"cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh";
        assert_eq!(cashcat().parse(good), Ok(Environment::Live));
        assert_eq!(cashcat().parse(&good[..51]), Err(Malformation::Length));
        assert_eq!(cashcat().parse(&[good.as_slice(), b"x"].concat()), Err(Malformation::Length));
        assert_eq!(cashcat().parse(&good[3..]), Err(Malformation::Prefix));
        assert_eq!(cashcat().parse(b""), Err(Malformation::Prefix));
        for odd in [b'-', b' ', 0, b'\n', 0xff, b'_'] {
            let mut key = good.to_vec();
            key[20] = odd;
            assert_eq!(cashcat().parse(&key), Err(Malformation::Alphabet), "{odd}");
        }
    }

    #[test]
    fn a_key_that_somebody_made_up_is_told_from_one_that_chance_drew() {
        let key = |random: &str| format!("cc_live_{random}").into_bytes();
        assert!(cashcat().may_be_drawn(b"cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh"));
        assert!(!cashcat().may_be_drawn(&key(&"a".repeat(44))));
        assert!(!cashcat().may_be_drawn(&key(&"abcd".repeat(11))));
        let bits = KeyFormat::new("", None, 112, Alphabet::new("01").unwrap(), Checksum::None).unwrap();
        assert!(bits.may_be_drawn("01".repeat(56).as_bytes()));
    }

    #[test]
    fn a_key_is_looked_up_by_the_part_that_its_format_says() {
        let good = b"cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh";
        assert_eq!(cashcat().digest(good), Digest::of(good));
        assert_eq!(cashcat().digesting(Digested::Secret).digest(good), Digest::of(&good[8..]));
    }

    #[test]
    fn a_key_is_found_by_its_first_characters_where_its_format_says_how_many() {
        let alphabet =
            Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.").unwrap();
        let format = KeyFormat::new("", None, 41, alphabet, Checksum::None).unwrap();
        let key = b"AbCdEfGh.0123456789abcdefghijABCDEFGHIJ01";
        assert_eq!((format.parse(key), format.lookup(key)), (Ok(Environment::Live), None));
        let format = format.finding_by(Lookup { characters: 8, hash_skips: 0 }).unwrap();
        assert_eq!(format.lookup(key), Some(("AbCdEfGh", key.as_slice())));
        let rest = format.clone().finding_by(Lookup { characters: 8, hash_skips: 9 }).unwrap();
        assert_eq!(rest.lookup(key), Some(("AbCdEfGh", &key[9..])));
        assert_eq!(format.found_by("AbCdEfGh"), Some(Environment::Live));
        for other in ["", "AbCdEfG", "AbCdEfGhI", "AbCd-fGh", "AbCdEfé"] {
            assert_eq!(format.found_by(other), None, "{other}");
        }
    }

    #[test]
    fn a_lookup_must_find_something_and_leave_enough_unknown() {
        let by = |characters, hash_skips| cashcat().finding_by(Lookup { characters, hash_skips });
        assert_eq!(by(16, 0).unwrap().found_by("cc_test_AbCdEfGh"), Some(Environment::Test));
        assert_eq!(by(16, 0).unwrap().found_by("cc_fest_AbCdEfGh"), None);
        for (characters, hash_skips) in [(0, 0), (8, 0), (34, 0), (16, 34), (16, usize::MAX), (usize::MAX, 0)]
        {
            assert_eq!(by(characters, hash_skips), Err(FormatError::Lookup), "{characters} {hash_skips}");
        }
        assert!(by(33, 33).is_ok());
        let uneven =
            KeyFormat::new("a_", Some("test_"), 32, Alphabet::new("base62").unwrap(), Checksum::None);
        let uneven = uneven.unwrap().finding_by(Lookup { characters: 8, hash_skips: 0 });
        assert_eq!(uneven, Err(FormatError::LookupAmbiguous));
    }

    #[test]
    fn formats_that_could_not_work_are_refused() {
        let base62 = || Alphabet::new("base62").unwrap();
        let format = |live, test, length| KeyFormat::new(live, test, length, base62(), Checksum::None).err();
        assert_eq!(format("a:", None, 40), Some(FormatError::Prefix));
        assert_eq!(format("sk_", Some("sk_test_"), 40), Some(FormatError::Ambiguous));
        assert_eq!(format("", Some("t"), 40), Some(FormatError::Ambiguous));
        assert_eq!(format("sk_", None, 18), Some(FormatError::Weak));
        assert_eq!(format("sk_", None, 19), None);
        assert_eq!(format("sk_", None, 253), Some(FormatError::Long));
        assert_eq!(cashcat().shown_max(Environment::Live), "cc_live_".len() + 44 - 19);
        for letters in ["", "a", "aa", "ab:", "ab c", "äb"] {
            assert_eq!(Alphabet::new(letters), Err(FormatError::Alphabet), "{letters}");
        }
    }
}
