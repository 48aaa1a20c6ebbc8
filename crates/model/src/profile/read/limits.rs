//! The limits of keys that have none of their own, and the header fields that tell of limits.

use toml::Spanned;

use super::{
    super::{
        DefaultLimits, LimitHeaders, LimitRules,
        grammar::{LimitHeadersText, LimitsText, OwnHeadersText},
    },
    Reading,
    answers::OWN_HEADERS,
};
use crate::{
    Environment, Restrictions, parse_duration,
    restriction::{LimitError, Quota, Quotas, Rate, Rates},
};

/// Beginnings of the fields by which an answer is framed, or says who asked.
const TAKEN_PREFIXES: [&str; 4] = ["content-", "x-claviger-", "x-request-", "access-control-"];

impl Reading<'_> {
    pub(super) fn limits(&mut self, text: &LimitsText) -> LimitRules {
        LimitRules {
            headers: text
                .headers
                .as_ref()
                .map_or_else(LimitHeaders::default, |text| self.limit_headers(text)),
            live: self.default_limits(text, Environment::Live),
            test: self.default_limits(text, Environment::Test),
        }
    }

    fn default_limits(&mut self, text: &LimitsText, of: Environment) -> DefaultLimits {
        let meant = |environment: Option<Environment>| environment.is_none_or(|named| named == of);
        let (mut rates, mut quotas) = (Vec::new(), Vec::new());
        for spanned in text.rates.iter().filter(|rate| meant(rate.get_ref().environment)) {
            let text = spanned.get_ref();
            let rate = text.name.parse().and_then(|name| {
                let window = parse_duration(&text.window).or(Err(LimitError::Window))?;
                Rate::new(name, text.limit, window, text.burst)
            });
            rates.extend(self.take(&spanned.span(), "rates", rate));
        }
        for spanned in text.quotas.iter().filter(|quota| meant(quota.get_ref().environment)) {
            let text = spanned.get_ref();
            let quota = text.name.parse().and_then(|name| Quota::new(name, text.limit, text.per));
            quotas.extend(self.take(&spanned.span(), "quotas", quota));
        }
        let (first_rate, first_quota) = (text.rates.first(), text.quotas.first());
        let rates = first_rate
            .filter(|_| !rates.is_empty())
            .and_then(|first| self.take(&first.span(), "rates", Rates::new(rates)));
        let quotas = first_quota
            .filter(|_| !quotas.is_empty())
            .and_then(|first| self.take(&first.span(), "quotas", Quotas::new(quotas)));
        let both = Restrictions { rates, quotas, ..Restrictions::default() };
        if let (Some(name), Some(first)) = (both.shared_limit_name(), first_quota) {
            self.object(&first.span(), format!("quotas: \"{name}\" is the name of a rate too"));
        }
        DefaultLimits { rates: both.rates, quotas: both.quotas }
    }

    fn limit_headers(&mut self, text: &Spanned<LimitHeadersText>) -> LimitHeaders {
        match text.get_ref() {
            LimitHeadersText::Word(word) if word == "standard" => LimitHeaders::Standard,
            LimitHeadersText::Word(word) if word == "none" => LimitHeaders::Silent,
            LimitHeadersText::Own(OwnHeadersText { limit, remaining, reset }) => LimitHeaders::Own {
                limit: limit.as_ref().and_then(|name| self.field_name(text, name)),
                remaining: remaining.as_ref().and_then(|name| self.field_name(text, name)),
                reset: reset.as_ref().and_then(|name| self.field_name(text, name)),
            },
            LimitHeadersText::Word(_) => {
                self.object(
                    &text.span(),
                    "headers: \"standard\", \"none\", or names such as { limit = \"X-RateLimit-Limit\" }",
                );
                LimitHeaders::Standard
            }
        }
    }

    fn field_name(&mut self, at: &Spanned<LimitHeadersText>, name: &str) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        let is_name = !lower.is_empty() && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let taken = OWN_HEADERS.contains(&&*lower)
            || lower == "retry-after"
            || TAKEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
        if is_name && !taken {
            return Some(lower);
        }
        self.object(&at.span(), format!("headers: \"{name}\" can't be set here"));
        None
    }
}
