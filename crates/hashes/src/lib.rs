//! The hashes that other systems kept of their keys: whether one is of what was presented.
//!
//! It computes one hash at a time and as long as that takes; who may ask, when and how often is `verify`'s to say.

use std::{collections::HashMap, fmt, num::NonZeroU32, sync::Arc};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{self, digest},
    hmac,
    pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512},
};
use claviger_model::foreign::{Argon2, Bcrypt, Pbkdf2, Scheme, Sha2};
use claviger_verify::foreign::HashCheck;
use zeroize::Zeroizing;

/// What bcrypt reads of a text, with the zero that ends it.
const BCRYPT_READS: usize = 72;

/// Computes hashes, with the apis' peppers at hand.
#[derive(Default)]
pub struct Hashes {
    peppers: HashMap<Arc<str>, hmac::Key>,
}

impl Hashes {
    /// The same, where the keys of `api` that another system made are known by their HMAC with this key.
    #[must_use]
    pub fn with_pepper(mut self, api: Arc<str>, pepper: &[u8]) -> Self {
        self.peppers.insert(api, hmac::Key::new(hmac::HMAC_SHA256, pepper));
        self
    }
}

impl HashCheck for Hashes {
    fn is_of(&self, api: &str, hash: &Scheme, secret: &[u8]) -> Option<bool> {
        match hash {
            Scheme::Hmac(code) => {
                let pepper = self.peppers.get(api)?;
                Some(hmac::verify(pepper, secret, code).is_ok())
            }
            Scheme::Sha2 { of, salt, output } => {
                let salted = Zeroizing::new([salt, secret].concat());
                Some(are_equal(digest(function(*of), &salted).as_ref(), output))
            }
            Scheme::Pbkdf2(hash) => is_by_pbkdf2(hash, secret),
            Scheme::Bcrypt(hash) => Some(is_by_bcrypt(hash, secret)),
            Scheme::Argon2(hash) => is_by_argon2(hash, secret),
        }
    }
}

fn are_equal(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

fn function(of: Sha2) -> &'static digest::Algorithm {
    match of {
        Sha2::Sha256 => &digest::SHA256,
        Sha2::Sha512 => &digest::SHA512,
        Sha2::Sha512_256 => &digest::SHA512_256,
    }
}

fn is_by_pbkdf2(Pbkdf2 { of, iterations, salt, output }: &Pbkdf2, secret: &[u8]) -> Option<bool> {
    let function = match of {
        None => PBKDF2_HMAC_SHA1,
        Some(Sha2::Sha256) => PBKDF2_HMAC_SHA256,
        Some(Sha2::Sha512) => PBKDF2_HMAC_SHA512,
        Some(Sha2::Sha512_256) => return None,
    };
    let iterations = NonZeroU32::new(*iterations)?;
    Some(pbkdf2::verify(function, iterations, salt, secret, output).is_ok())
}

fn is_by_bcrypt(Bcrypt { cost, salt, output, of_sha256 }: &Bcrypt, secret: &[u8]) -> bool {
    let mut text = Zeroizing::new(if *of_sha256 {
        claviger_model::Digest::of(secret).to_hex().into_bytes()
    } else {
        secret.to_vec()
    });
    text.push(0);
    text.truncate(BCRYPT_READS);
    are_equal(&bcrypt::bcrypt(*cost, *salt, &text)[..output.len()], output)
}

/// `None` where its memory can't be had.
fn is_by_argon2(hash: &Argon2, secret: &[u8]) -> Option<bool> {
    let Argon2 { variant, version, memory, passes, lanes, salt, output } = hash;
    let (variant, version) = (variant.parse().ok()?, (*version).try_into().ok()?);
    let parameters = argon2::Params::new(*memory, *passes, *lanes, Some(output.len())).ok()?;
    let mut computed = vec![0; output.len()];
    let argon2 = argon2::Argon2::new(variant, version, parameters);
    argon2.hash_password_into(secret, salt, &mut computed).ok()?;
    Some(are_equal(&computed, output))
}

impl fmt::Debug for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut apis: Vec<_> = self.peppers.keys().collect();
        apis.sort();
        f.debug_struct("Hashes").field("peppers_of", &apis).finish()
    }
}

#[cfg(test)]
mod tests {
    use claviger_model::foreign::ForeignHash;

    use super::*;

    const KEY: &str = "AbCdEfGh.0123456789abcdefghijABCDEFGHIJ01";

    /// Of [`KEY`], each as the system wrote it that is named.
    const HASHES: [&str; 19] = [
        // Django 5.2, with fewer rounds than it has by itself.
        "pbkdf2_sha256$1000$mXgw0xlA639TUyJeSxWf6y$DpR4ZGQI1nVb67ZJ6FtnNVf6aFe66/xfis02YefkAA4=",
        "pbkdf2_sha1$1000$AXIuXcb2b1kdoteLGgVrVU$MAFs3/IX4q/qPU/qu3RDD6uqlJg=",
        "argon2$argon2id$v=19$m=1024,t=2,p=8$dk9nbElyVkZhcnV4cmxEcnM0Rm1OSA$PR/aZ6Me1mJTOVwOmlVxe5vBtl59OkDOxWWDIanNi+0",
        "bcrypt_sha256$$2b$04$ORD9N.F7DFtFeUIhoCXIgeRd9k8q5EYh2H1cooVJsaeTGWnCUH5iq",
        "bcrypt$$2b$04$2lnzW3BnP5turV2xPUqXPuuYNmF9l12OTzhkPeWNDo7flnfNgFX1.",
        // djangorestframework-api-key 3.1.
        "sha512$$af90f4e5bb5f7ce18aab9b544b8a1326b978bd5b0f852dab45e8827a673a9fb658bf87427a81cc87fe67fb258695edfc5114f2e0637575753b102841952548cc",
        // bcrypt 5.0 and argon2-cffi 25.1 of Python, which compute by the libraries of OpenBSD and of Argon2's authors.
        "$2b$04$GpYA5sDTR2.60T.g0BVzUecPbPXiM9AdYc5Xo2zHY9DN32GT6k7Za",
        "$2a$04$GpYA5sDTR2.60T.g0BVzUecPbPXiM9AdYc5Xo2zHY9DN32GT6k7Za",
        "$argon2d$v=19$m=1024,t=2,p=2$u6MkyrrRIwSS0zZmAIbN0w$XXh9/P87sYLMQDvkEF2gh4h+EZ6rcEWiSSr+hMv0btM",
        "$argon2i$v=19$m=1024,t=2,p=2$MMC9HfZYCdCefoi2e5YSew$4sgmpsfuN6Z47BzQ9b1WwPGbc5x7F+G3k2zqorpGQXM",
        "$argon2id$v=19$m=1024,t=2,p=2$tlpH6drVBNMdOEXxsaOoZA$tvaHS53lceXLVDAtCsCeVm/5DnF/nWiTUbzo0D90L/0",
        "$argon2i$v=16$m=1024,t=2,p=1$c29tZXNhbHQ$2Zq3HYcAfNZ81c3fPFoemTL8zlRdpzthgwTHWM5s9eM",
        // passlib 1.7.
        "$pbkdf2-sha256$1000$5Nx7b601RugdYwwhZGwNIQ$Z56YY2ruM9lYcGvPdbENBmn3iGlO3xZBPKzeAR4i36Y",
        "$pbkdf2-sha512$1000$i/H.P2cshVDK2Ztz7t3b.w$WymuheIRLb1LKGtXxXTio6FUYmowOLdlxXhvQm7vyzo/esrypD/n268ybwbVkbEEh9HqzSSsGu8Fk63lU1w.3w",
        "$pbkdf2$1000$c06JMYZQqvWeszYGoNSaEw$dS2VoP4SHDCdT00hvmg1JiqY2VI",
        // Python's hashlib and hmac; the pepper is `pepper`.
        "hmac-sha256$fd368939da0777c00b3eb12c3373ac7dc3c8bf5a99b310d72bad2ed84d1ad648",
        "sha512-256$3535cb8501c4ac674c0200bdb6aebea6a9e864b266968807c7c7ab3e679791df",
        "sha512$salt$31639f20147a1255e515180ed0e95bca586e9a43494d4074f2259e7bab64d970cc41151b0cc8eb901971a44b1932cd1016cbd64c20237b55f7b4a5749895f857",
        "sha256$salt$nsXWaNIbsXwabYY6bGoutQcDxvs092ijcUb0feaf7IU=",
    ];

    fn hashes() -> Hashes {
        Hashes::default().with_pepper("shop".into(), b"pepper")
    }

    fn is_of(hash: &str, secret: &str) -> Option<bool> {
        let hash: ForeignHash = hash.parse().unwrap_or_else(|error| panic!("{hash}: {error}"));
        hashes().is_of("shop", &hash.scheme(), secret.as_bytes())
    }

    #[test]
    fn each_system_s_hash_is_of_its_key_and_of_no_other() {
        for hash in HASHES {
            assert_eq!(is_of(hash, KEY), Some(true), "{hash}");
            for other in [&KEY[..KEY.len() - 1], &format!("{KEY}0"), &KEY.to_lowercase(), ""] {
                assert_eq!(is_of(hash, other), Some(false), "{hash} {other}");
            }
        }
    }

    #[test]
    fn bcrypt_reads_the_first_72_bytes() {
        let hash = "$2b$04$2KV.0PMgKVClznQg7QEQG.kQaWx7SmRxbP3025bv4lPbkUcLXFOJm";
        for length in [71, 72, 73, 200] {
            assert_eq!(is_of(hash, &"k".repeat(length)), Some(length >= 72), "{length}");
        }
        assert_eq!(is_of("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", ""), Some(true));
    }

    #[test]
    fn without_its_api_s_pepper_it_can_not_be_known() {
        let hash: ForeignHash = HASHES[15].parse().unwrap();
        assert_eq!(hashes().is_of("another", &hash.scheme(), KEY.as_bytes()), None);
        assert_eq!(
            Hashes::default().with_pepper("shop".into(), b"other").is_of(
                "shop",
                &hash.scheme(),
                KEY.as_bytes()
            ),
            Some(false)
        );
        assert_eq!(format!("{:?}", hashes()), "Hashes { peppers_of: [\"shop\"] }");
    }
}
