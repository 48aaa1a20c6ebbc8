//! Reading a hash as the system wrote it that it comes from: Django's forms, passlib's, crypt's and the PHC string format.

use base64::{
    Engine as _,
    alphabet::{BCRYPT, STANDARD},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{Argon2, Bcrypt, HashError, Pbkdf2, Scheme, Sha2};

/// Longest hash, in bytes.
const TEXT_MAX: usize = 512;
/// Fewest bytes of an output that tells one key from another, and most.
const OUTPUT: std::ops::RangeInclusive<usize> = 16..=64;

/// Padded or not, and with whatever in the last bits: each writer has its own habit.
const FORGIVING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, FORGIVING);
const OF_BCRYPT: GeneralPurpose = GeneralPurpose::new(&BCRYPT, FORGIVING);

/// What a hash says.
pub(super) fn scheme(text: &str) -> Result<Scheme, HashError> {
    if text.len() > TEXT_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(HashError::Unknown);
    }
    // Django puts its own name for it before the hash.
    let bare = ["bcrypt$", "argon2"].into_iter().find_map(|name| text.strip_prefix(name));
    let bare = bare.filter(|bare| bare.starts_with('$')).unwrap_or(text);
    let parts: Vec<&str> = bare.split('$').collect();
    let found = match *parts {
        ["bcrypt_sha256", "", version, cost, rest] => bcrypt(version, cost, rest, true).map(Scheme::Bcrypt),
        ["", version, cost, rest] if version.starts_with('2') => {
            bcrypt(version, cost, rest, false).map(Scheme::Bcrypt)
        }
        ["", variant, ref rest @ ..] if variant.starts_with("argon2") => {
            argon2(variant, rest).map(Scheme::Argon2)
        }
        ["", name, rounds, salt, output] => passlib(name, rounds, salt, output).map(Scheme::Pbkdf2),
        [name, rounds, salt, output] => django(name, rounds, salt, output).map(Scheme::Pbkdf2),
        ["hmac-sha256", code] => bytes(code).and_then(|code| code.try_into().ok()).map(Scheme::Hmac),
        [name, salt, output] => sha2(name, salt, output),
        [name, output] => sha2(name, "", output),
        _ => None,
    };
    found.ok_or(HashError::Unknown)
}

/// `sha512$SALT$OUTPUT`, the salt of which may be missing or empty.
fn sha2(name: &str, salt: &str, output: &str) -> Option<Scheme> {
    let of = match name {
        "sha256" => Sha2::Sha256,
        "sha512" => Sha2::Sha512,
        "sha512-256" => Sha2::Sha512_256,
        _ => return None,
    };
    let output = bytes(output).filter(|output| output.len() == of.length())?;
    Some(Scheme::Sha2 { of, salt: salt.into(), output })
}

/// `pbkdf2_sha256$ITERATIONS$SALT$OUTPUT`, whose salt is a text.
fn django(name: &str, rounds: &str, salt: &str, output: &str) -> Option<Pbkdf2> {
    let of = match name {
        "pbkdf2_sha1" => None,
        "pbkdf2_sha256" => Some(Sha2::Sha256),
        "pbkdf2_sha512" => Some(Sha2::Sha512),
        _ => return None,
    };
    pbkdf2(of, rounds, salt.into(), BASE64.decode(output).ok()?)
}

/// `$pbkdf2-sha256$ITERATIONS$SALT$OUTPUT`, with `.` for `+`, and the PHC form, whose parameters have names.
fn passlib(name: &str, rounds: &str, salt: &str, output: &str) -> Option<Pbkdf2> {
    let of = match name {
        "pbkdf2" | "pbkdf2-sha1" => None,
        "pbkdf2-sha256" => Some(Sha2::Sha256),
        "pbkdf2-sha512" => Some(Sha2::Sha512),
        _ => return None,
    };
    let decode = |text: &str| BASE64.decode(text.replace('.', "+")).ok();
    let output = decode(output)?;
    let rounds = match rounds.strip_prefix("i=") {
        None => rounds,
        Some(named) => match named.split_once(",l=") {
            Some((_, length)) if usize::try_from(number(length)?).ok()? != output.len() => return None,
            Some((rounds, _)) => rounds,
            None => named,
        },
    };
    pbkdf2(of, rounds, decode(salt)?, output)
}

fn pbkdf2(of: Option<Sha2>, rounds: &str, salt: Vec<u8>, output: Vec<u8>) -> Option<Pbkdf2> {
    let iterations = number(rounds).filter(|iterations| *iterations > 0)?;
    OUTPUT.contains(&output.len()).then_some(Pbkdf2 { of, iterations, salt, output })
}

/// `$2b$12$` and 53 characters. `2x` is a mistake that one library made, and is not repeated.
fn bcrypt(version: &str, cost: &str, rest: &str, of_sha256: bool) -> Option<Bcrypt> {
    let cost = number(cost).filter(|written| cost.len() == 2 && *written >= 4)?;
    if !["2a", "2b", "2y"].contains(&version) || rest.len() != 53 {
        return None;
    }
    let (salt, output) = rest.split_at(22);
    let decode = |text: &str| OF_BCRYPT.decode(text).ok();
    Some(Bcrypt {
        cost,
        salt: decode(salt)?.try_into().ok()?,
        output: decode(output)?.try_into().ok()?,
        of_sha256,
    })
}

/// `$argon2id$v=19$m=65536,t=3,p=4$SALT$OUTPUT`; the first version didn't write its number.
fn argon2(variant: &str, rest: &[&str]) -> Option<Argon2> {
    if !["argon2d", "argon2i", "argon2id"].contains(&variant) {
        return None;
    }
    let (version, parameters, salt, output) = match *rest {
        [version, parameters, salt, output] => {
            (number(version.strip_prefix("v=")?)?, parameters, salt, output)
        }
        [parameters, salt, output] => (16, parameters, salt, output),
        _ => return None,
    };
    let mut values = parameters.split(',');
    let mut value = |name: &str| number(values.next()?.strip_prefix(name)?.strip_prefix('=')?);
    let (memory, passes, lanes) = (value("m")?, value("t")?, value("p")?);
    let (salt, output) = (BASE64.decode(salt).ok()?, BASE64.decode(output).ok()?);
    // RFC 9106 §3.1.
    let can_be = values.next().is_none()
        && [16, 19].contains(&version)
        && passes > 0
        && lanes > 0
        && memory >= lanes.checked_mul(8)?
        && salt.len() >= 8
        && OUTPUT.contains(&output.len());
    can_be.then(|| Argon2 { variant: variant.to_owned(), version, memory, passes, lanes, salt, output })
}

/// Decimal digits alone.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Hexadecimal digits or Base64.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let is_hex = [64, 128].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return BASE64.decode(text).ok();
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
