//! What tokens look like, and how long they last.

use std::{ops::RangeInclusive, time::Duration};

use toml::Spanned;

use super::{
    super::{
        KeyRules, OauthRules,
        grammar::OauthText,
        oauth::{ACCESS_LASTS_MAX, GRANT_LASTS_MAX},
    },
    Reading,
    keys::overlap,
};
use crate::key::{Alphabet, Checksum, KeyFormat};

const LASTS_MIN: Duration = Duration::from_mins(1);
/// Random characters of base 62: 256 bits.
const LENGTH: usize = 43;

impl Reading<'_> {
    pub(super) fn oauth(
        &mut self,
        section: &Spanned<OauthText>,
        keys: Option<&KeyRules>,
    ) -> Option<OauthRules> {
        let text = section.get_ref();
        let (stem, span) = (text.prefix.get_ref(), text.prefix.span());
        if !(1..=24).contains(&stem.len()) {
            self.object(&span, "prefix: 1 to 24 characters, such as acme: tokens begin with acme_oat_");
            return None;
        }
        let access = self.take(&span, "prefix", format(stem, "oat"))?;
        let refresh = self.take(&span, "prefix", format(stem, "ort"))?;
        let code = self.take(&span, "prefix", format(stem, "oac"))?;
        let client_secret = self.take(&span, "prefix", format(stem, "ocs"))?;
        let formats = keys.iter().flat_map(|keys| &keys.formats);
        if formats.into_iter().any(|key| overlap(key, &access) || overlap(key, &refresh)) {
            self.object(&span, "prefix: a token could be taken for a key: their prefixes begin alike");
        }
        let access_lasts = self.lasts("access_lasts", text.access_lasts.as_ref(), ACCESS_LASTS_MAX);
        let grant_lasts = self.lasts("grant_lasts", text.grant_lasts.as_ref(), GRANT_LASTS_MAX);
        Some(OauthRules {
            access,
            refresh,
            code,
            client_secret,
            access_lasts: access_lasts.unwrap_or(Duration::from_hours(1)),
            grant_lasts: grant_lasts.unwrap_or(Duration::from_hours(30 * 24)),
            registration: text.registration,
        })
    }

    fn lasts(&mut self, what: &str, text: Option<&Spanned<String>>, max: Duration) -> Option<Duration> {
        let lasts = self.duration(what, text)?;
        let allowed: RangeInclusive<_> = LASTS_MIN..=max;
        if !allowed.contains(&lasts) {
            let days = max.as_secs() / 86_400;
            self.object(&text?.span(), format!("{what}: from 1m to {days}d"));
        }
        Some(lasts)
    }
}

fn format(stem: &str, kind: &str) -> Result<KeyFormat, crate::key::FormatError> {
    KeyFormat::new(&format!("{stem}_{kind}_"), None, LENGTH, Alphabet::new("base62")?, Checksum::Crc32)
}
