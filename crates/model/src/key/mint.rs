//! Making a new key: every character equally likely, and the hint that may be shown of it.

use super::{Environment, KeyFormat};
use crate::{Entropy, PlainKey};

impl KeyFormat {
    /// A new key of `environment`, or `None` if the format has no keys of it.
    pub fn mint(&self, environment: Environment, entropy: &dyn Entropy) -> Option<PlainKey> {
        let prefix = self.prefix(environment)?;
        let mut key = Vec::with_capacity(self.key_length(environment)?);
        key.extend_from_slice(prefix.as_bytes());
        self.append_random(&mut key, entropy);
        self.checksum().append_to(&mut key);
        // The capacity was exact, so no copy of the secret was left behind by growing.
        let text = String::from_utf8(key).expect("prefix, alphabet and checksum are ASCII");
        Some(PlainKey::new(text))
    }

    /// Bytes at or above the largest multiple of the alphabet's size are drawn again: taking them modulo the
    /// size would favour the first letters.
    fn append_random(&self, key: &mut Vec<u8>, entropy: &dyn Entropy) {
        let letters = self.alphabet().letters();
        let fair = 256 - 256 % letters.len();
        let whole = key.len() + self.random_length();
        let mut pool = [0; 64];
        while key.len() < whole {
            entropy.fill(&mut pool);
            let drawn = pool.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
            key.extend(drawn.take(whole - key.len()).map(|byte| letters[byte % letters.len()]));
        }
        zeroize::Zeroize::zeroize(&mut pool);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::super::{Alphabet, Checksum, format::cashcat};
    use super::*;
    use crate::denial::Malformation;

    /// Splitmix64: evenly spread, seeded, for tests only.
    struct Seeded(Mutex<u64>);

    impl Entropy for Seeded {
        fn fill(&self, bytes: &mut [u8]) {
            let mut state = self.0.lock().unwrap();
            for byte in bytes {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                *byte = (mixed >> 56) as u8;
            }
        }
    }

    fn crc_format() -> KeyFormat {
        let alphabet = Alphabet::new("base62").unwrap();
        KeyFormat::new("cvg_live_", Some("cvg_test_"), 32, alphabet, Checksum::Crc32).unwrap()
    }

    proptest! {
        #[test]
        fn a_minted_key_is_read_back_as_what_it_is(seed: u64, test: bool) {
            let environment = if test { Environment::Test } else { Environment::Live };
            let entropy = Seeded(Mutex::new(seed));
            for format in [cashcat(), crc_format()] {
                let key = format.mint(environment, &entropy).unwrap();
                prop_assert_eq!(format.parse(key.expose().as_bytes()), Ok(environment));
                prop_assert_eq!(Some(key.expose().len()), format.key_length(environment));
            }
        }

        #[test]
        fn one_changed_character_breaks_the_checksum(seed: u64, place in 9usize..47, letter in "[0-9A-Za-z]") {
            let format = crc_format();
            let key = format.mint(Environment::Live, &Seeded(Mutex::new(seed))).unwrap();
            let mut bytes = key.expose().as_bytes().to_vec();
            prop_assume!(bytes[place] != letter.as_bytes()[0]);
            bytes[place] = letter.as_bytes()[0];
            prop_assert_eq!(format.parse(&bytes), Err(Malformation::Checksum));
        }
    }

    #[test]
    fn every_letter_is_equally_likely() {
        let (format, entropy) = (cashcat(), Seeded(Mutex::new(7)));
        let mut seen = [0u32; 256];
        for _ in 0..5000 {
            let key = format.mint(Environment::Live, &entropy).unwrap();
            key.expose().bytes().skip(8).for_each(|byte| seen[usize::from(byte)] += 1);
        }
        let expected = 5000.0 * 44.0 / 62.0;
        let counted = seen.iter().filter(|count| **count > 0);
        let chi2: f64 = counted.clone().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        assert_eq!(counted.count(), 62);
        assert!(chi2 < 117.0, "chi² of {chi2} with 61 degrees of freedom happens once in 20,000 runs");
    }

    #[test]
    fn the_recommended_shape_fits_one_block_of_sha_256() {
        assert!(crc_format().key_length(Environment::Live).unwrap() <= 55);
    }
}
