//! The kinds of hashes that can be checked, and how much one may cost.

use std::fmt;

/// What a hash says of itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Scheme {
    /// HMAC-SHA256 of the key by the api's pepper (RFC 2104).
    Hmac([u8; 32]),
    /// One pass of SHA-2 over the salt and then the key (FIPS 180-4).
    Sha2 {
        /// Which.
        of: Sha2,
        /// What comes before the key; empty where there is none.
        salt: Vec<u8>,
        /// What came out.
        output: Vec<u8>,
    },
    /// PBKDF2 (RFC 8018 §5.2).
    Pbkdf2(Pbkdf2),
    /// bcrypt, which reads the first 72 bytes.
    Bcrypt(Bcrypt),
    /// Argon2 (RFC 9106).
    Argon2(Argon2),
}

/// A function of SHA-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's own names")]
pub enum Sha2 {
    Sha256,
    Sha512,
    Sha512_256,
}

/// A key that was easy to guess can be found from the rest.
impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac(…)",
            Self::Sha2 { .. } => "Sha2(…)",
            Self::Pbkdf2(_) => "Pbkdf2(…)",
            Self::Bcrypt(_) => "Bcrypt(…)",
            Self::Argon2(_) => "Argon2(…)",
        })
    }
}

impl Sha2 {
    /// Bytes of its output.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha512_256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A hash by PBKDF2 with HMAC.
#[derive(Clone, PartialEq, Eq)]
pub struct Pbkdf2 {
    /// Of which function; `None` for SHA-1, which serves here as well as any.
    pub of: Option<Sha2>,
    /// How often.
    pub iterations: u32,
    /// The salt.
    pub salt: Vec<u8>,
    /// What came out.
    pub output: Vec<u8>,
}

/// A hash by bcrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct Bcrypt {
    /// The logarithm of how often.
    pub cost: u32,
    /// The salt.
    pub salt: [u8; 16],
    /// What came out, as far as it is written down.
    pub output: [u8; 23],
    /// Whether it is of the hexadecimal digits of the key's SHA-256, as Django's `bcrypt_sha256` is.
    pub of_sha256: bool,
}

/// A hash by Argon2.
#[derive(Clone, PartialEq, Eq)]
pub struct Argon2 {
    /// `argon2d`, `argon2i` or `argon2id`.
    pub variant: String,
    /// 16 or 19.
    pub version: u32,
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes in it.
    pub lanes: u32,
    /// The salt.
    pub salt: Vec<u8>,
    /// What came out.
    pub output: Vec<u8>,
}

/// Why a hash can't be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Of no kind that is known, or not written as that kind is.
    #[error(
        "is none of hmac-sha256, sha512, sha512-256, sha256 with a salt, pbkdf2, bcrypt and argon2, each as its system \
         writes it"
    )]
    Unknown,
    /// So slow, or so large, that checking a few would keep the machine busy.
    #[error("costs too much to check: {0}")]
    Costly(&'static str),
}

/// Most iterations of PBKDF2, those of each block of its output counted.
const ITERATIONS_MAX: u64 = 3_000_000;
/// Highest cost of bcrypt.
const BCRYPT_MAX: u32 = 15;
/// Most memory of Argon2, in KiB.
const MEMORY_MAX: u32 = 128 << 10;
/// Most memory times passes.
const WRITTEN_MAX: u64 = 1 << 20;
/// Most lanes.
const LANES_MAX: u32 = 16;

impl Scheme {
    /// Whether checking it takes so little that nobody waits for it.
    pub const fn is_fast(&self) -> bool {
        matches!(self, Self::Hmac(_) | Self::Sha2 { .. })
    }

    /// Refuses what would take more than a second or two, or more memory than may be had for it.
    pub(super) fn must_be_affordable(&self) -> Result<(), HashError> {
        let limit = match self {
            Self::Hmac(_) | Self::Sha2 { .. } => None,
            Self::Pbkdf2(Pbkdf2 { of, iterations, output, .. }) => {
                let block = of.map_or(20, Sha2::length);
                let blocks = u64::try_from(output.len().div_ceil(block)).unwrap_or(u64::MAX);
                (u64::from(*iterations).saturating_mul(blocks) > ITERATIONS_MAX)
                    .then_some("at most 3,000,000 iterations of PBKDF2")
            }
            Self::Bcrypt(Bcrypt { cost, .. }) => {
                (*cost > BCRYPT_MAX).then_some("at most a cost of 15 of bcrypt")
            }
            Self::Argon2(Argon2 { memory, passes, lanes, .. }) => {
                let written = u64::from(*memory) * u64::from(*passes);
                (*memory > MEMORY_MAX || written > WRITTEN_MAX || *lanes > LANES_MAX).then_some(
                    "at most 128 MiB of memory, 1 GiB in all passes together, and 16 lanes of Argon2",
                )
            }
        };
        limit.map_or(Ok(()), |limit| Err(HashError::Costly(limit)))
    }
}
