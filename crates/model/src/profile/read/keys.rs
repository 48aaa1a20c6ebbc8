//! The key formats, the limits, and how a key travels.

use std::{ops::Range, time::Duration};

use toml::Spanned;

use super::{
    super::{
        Carrier, CredentialRules, Display, FirstKey, KeyRules, OVERLAP_MAX, Storage,
        grammar::{DisplayText, FirstKeyText, FormatText, KeysText, ProfileText, StorageText},
    },
    Reading,
};
use crate::{
    Environment,
    key::{Alphabet, Digested, KeyFormat, Lookup, MIN_SECRET_BITS},
};

const DAY: Duration = Duration::from_hours(24);
/// Header fields that have a meaning of their own and can't carry a key.
const TAKEN_HEADERS: [&str; 25] = [
    "accept",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "idempotency-key",
    "keep-alive",
    "origin",
    "range",
    "referer",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-real-ip",
    "x-request-id",
];
/// Beginnings of such names.
const TAKEN_PREFIXES: [&str; 8] =
    ["accept-", "access-control-", "content-", "if-", "proxy-", "sec-", "x-claviger-", "x-forwarded-"];

impl Reading<'_> {
    pub(super) fn keys(&mut self, text: &ProfileText) -> Option<KeyRules> {
        let keys = text.keys.get_ref();
        let name_max = keys.name_max.as_ref().map_or(100, |max| *max.get_ref());
        if let Some(max) = keys.name_max.as_ref().filter(|max| !(1..=200).contains(max.get_ref())) {
            self.object(&max.span(), "name_max: from 1 to 200 characters");
        }
        self.counts(keys);
        let rotate_after = self.duration("rotate_after", keys.rotate_after.as_ref());
        let unused_after = self.duration("unused_after", keys.unused_after.as_ref());
        let overlap = self.duration("overlap", keys.overlap.as_ref());
        if let Some(stated) = keys.overlap.as_ref().filter(|_| overlap.is_some_and(|span| span > OVERLAP_MAX))
        {
            self.object(&stated.span(), "overlap: at most 366d");
        }
        let first_key =
            keys.first_key.as_ref().map(|first| self.first_key(first, keys.name_required, name_max));
        let pepper_file = keys.pepper_file.as_ref();
        if let Some(file) = pepper_file.filter(|file| file.get_ref().is_empty()) {
            self.object(&file.span(), "pepper_file: the name of a file");
        }
        // Last: without a format the rest can't be read, but its faults have been told.
        let formats = self.formats(keys.formats.get_ref(), &keys.formats.span())?;
        let display = self.display(&keys.display_prefix, &formats[0]);
        Some(KeyRules {
            display: display?,
            storage: match keys.storage {
                StorageText::Digest => Storage::Digest,
                StorageText::Sealed => Storage::Sealed,
            },
            name_required: keys.name_required,
            name_max,
            max: keys.keys_max.as_ref().map(|max| *max.get_ref()),
            min: keys.keys_min.as_ref().map_or(0, |min| *min.get_ref()),
            first_key,
            rotate_after,
            unused_after: unused_after.unwrap_or(90 * DAY),
            overlap: overlap.unwrap_or(DAY),
            accepts_test: self.accepts_test(text, &formats),
            pepper_file: pepper_file.map(|file| file.get_ref().clone()),
            formats,
        })
    }

    /// Its name is held to what the api asks of every name.
    fn first_key(&mut self, text: &Spanned<FirstKeyText>, required: bool, max: usize) -> FirstKey {
        let name = text.get_ref().name.as_ref();
        match name.map(|name| (name.span(), name.get_ref())) {
            None if required => {
                self.object(&text.span(), "first_key: needs a name, as every key does (name_required)");
            }
            Some((span, name)) if name.trim().is_empty() || name.chars().any(char::is_control) => {
                self.object(&span, "first_key: its name can't be empty or have control characters");
            }
            Some((span, name)) if name.chars().count() > max => {
                self.object(&span, format!("first_key: its name has at most {max} characters (name_max)"));
            }
            None | Some(_) => {}
        }
        FirstKey { name: name.map(|name| name.get_ref().clone()) }
    }

    fn formats(&mut self, texts: &[Spanned<FormatText>], span: &Range<usize>) -> Option<Vec<KeyFormat>> {
        if texts.is_empty() {
            self.object(span, "formats: at least one; the first is minted");
            return None;
        }
        let formats: Vec<_> = texts.iter().filter_map(|text| self.format(text)).collect();
        if formats.len() < texts.len() {
            return None;
        }
        if texts[0].get_ref().digest != Digested::Whole {
            self.object(&texts[0].span(), "digest: of keys that are minted here it is of the whole key");
        }
        for (place, text) in texts.iter().enumerate() {
            if let Some(earlier) = (0..place).find(|earlier| overlap(&formats[*earlier], &formats[place])) {
                let message = format!(
                    "format {} overlaps format {}: one's prefix begins with the other's and a key could be either's",
                    place + 1,
                    earlier + 1
                );
                self.object(&text.span(), message);
            }
        }
        Some(formats)
    }

    fn format(&mut self, text: &Spanned<FormatText>) -> Option<KeyFormat> {
        let FormatText { live, test, length, alphabet, checksum, digest, lookup, hash_skips } =
            text.get_ref();
        let hash_skips = match (lookup, hash_skips) {
            (None, Some(_)) => {
                self.object(&text.span(), "hash_skips: only where lookup says how a hash is found");
                0
            }
            (_, skips) => skips.unwrap_or(0),
        };
        let format = Alphabet::new(alphabet)
            .and_then(|alphabet| KeyFormat::new(live, test.as_deref(), *length, alphabet, *checksum))
            .map(|format| format.digesting(*digest))
            .and_then(|format| match *lookup {
                Some(characters) => format.finding_by(Lookup { characters, hash_skips }),
                None => Ok(format),
            });
        self.take(&text.span(), "key format", format)
    }

    fn display(&mut self, text: &Spanned<DisplayText>, format: &KeyFormat) -> Option<Display> {
        match text.get_ref() {
            DisplayText::Word(word) if word == "type" => Some(Display::Type),
            DisplayText::Word(_) => {
                self.object(&text.span(), "display_prefix: a number of characters or \"type\"");
                None
            }
            DisplayText::Characters(count) => {
                let shown = |(_, prefix): (Environment, &str)| count.saturating_sub(prefix.len());
                let most_shown = format.prefixes().map(shown).max().unwrap_or(0);
                if format.secret_bits(most_shown) < MIN_SECRET_BITS {
                    self.object(
                        &text.span(),
                        "display_prefix: shows so much that the rest of the key could be guessed",
                    );
                }
                Some(Display::Characters(*count))
            }
        }
    }

    fn counts(&mut self, keys: &KeysText) {
        if let Some(max) = keys.keys_max.as_ref().filter(|max| *max.get_ref() == 0) {
            self.object(&max.span(), "keys_max: an account that may have no key can't use the api");
        }
        let (Some(min), Some(max)) = (&keys.keys_min, &keys.keys_max) else { return };
        if min.get_ref() >= max.get_ref() {
            self.object(&min.span(), "keys_min: must be below keys_max, or no key could ever be replaced");
        }
    }

    fn accepts_test(&mut self, text: &ProfileText, formats: &[KeyFormat]) -> bool {
        let has_test = formats.iter().any(|format| format.prefix(Environment::Test).is_some());
        let passthrough = text.test.passthrough.as_ref();
        if let Some(stated) = passthrough.filter(|stated| *stated.get_ref() && !has_test) {
            self.object(&stated.span(), "passthrough: no key format has test keys");
        }
        if let Some(upstream) = text.upstream.test.as_ref().filter(|_| !has_test) {
            self.object(&upstream.span(), "upstream.test: no key format has test keys");
        }
        has_test && (text.upstream.test.is_some() || passthrough.is_some_and(|stated| *stated.get_ref()))
    }

    pub(super) fn credentials(&mut self, text: &ProfileText) -> CredentialRules {
        let section = text.credentials.get_ref();
        let accept = section.accept.get_ref();
        if accept.is_empty() {
            self.object(
                &section.accept.span(),
                "accept: at least one of \"bearer\", \"basic\" or a header's name",
            );
        }
        let carriers: Vec<_> = accept.iter().filter_map(|text| self.carrier(text)).collect();
        for (place, text) in accept.iter().enumerate() {
            if accept[..place].iter().any(|earlier| earlier.get_ref().eq_ignore_ascii_case(text.get_ref())) {
                self.object(&text.span(), "accept: listed twice");
            }
        }
        let realm = section.realm.as_ref().map_or(text.title.get_ref(), Spanned::get_ref);
        if !realm.bytes().all(|b| matches!(b, b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            let span = section.realm.as_ref().map_or(text.title.span(), Spanned::span);
            self.object(&span, "realm: ASCII without quotes and backslashes (RFC 6750 §3); the title is used when it is left out");
        }
        CredentialRules { carriers, realm: realm.clone(), forward: section.forward }
    }

    fn carrier(&mut self, text: &Spanned<String>) -> Option<Carrier> {
        let name = text.get_ref().as_str();
        let is_field_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match name {
            "bearer" => Some(Carrier::Bearer),
            "basic" => Some(Carrier::Basic),
            _ => {
                if let Some(scheme) = own_scheme(name) {
                    return Some(Carrier::Scheme(scheme.into()));
                }
                let lower = name.to_ascii_lowercase();
                let taken = TAKEN_HEADERS.contains(&&*lower)
                    || TAKEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
                if is_field_name && !taken {
                    return Some(Carrier::Header(lower));
                }
                self.object(
                    &text.span(),
                    "accept: \"bearer\", \"basic\", a header of its own such as \"X-API-Key\" or a scheme of its own such as \"Authorization: Api-Key\"",
                );
                None
            }
        }
    }
}

/// The scheme in `Authorization: SCHEME`, if it is none of those that have a meaning of their own.
fn own_scheme(text: &str) -> Option<&str> {
    let (field, scheme) = text.split_once(": ")?;
    let is_name = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_taken =
        ["bearer", "basic", "digest", "dpop", "negotiate"].contains(&&*scheme.to_ascii_lowercase());
    (field.eq_ignore_ascii_case("authorization") && is_name && !is_taken).then_some(scheme)
}

/// Whether some text could be a key of both.
pub(super) fn overlap(one: &KeyFormat, other: &KeyFormat) -> bool {
    let pairs = one.prefixes().flat_map(|mine| other.prefixes().map(move |theirs| (mine, theirs)));
    pairs.into_iter().any(|((mine_env, mine), (theirs_env, theirs))| {
        let nested = mine.starts_with(theirs) || theirs.starts_with(mine);
        nested && one.key_length(mine_env) == other.key_length(theirs_env)
    })
}
