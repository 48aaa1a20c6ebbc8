//! What can only narrow: a restriction turns an allow into a deny, never the reverse.

/// Gives a list restriction its text form: parse from texts, print as texts, and serde through both.
macro_rules! text_list {
    ($list:ident, $entry:ty) => {
        impl $list {
            /// Reads the entries, each in its text form.
            pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, crate::restriction::RestrictionError> {
                let entries =
                    texts.iter().map(|text| <$entry>::parse(text.as_ref())).collect::<Result<_, _>>()?;
                crate::restriction::bounded(entries).map(Self)
            }

            /// The entries in their text form.
            pub fn to_texts(&self) -> Vec<String> {
                self.0.iter().map(ToString::to_string).collect()
            }
        }

        impl serde::Serialize for $list {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.to_texts())
            }
        }

        impl<'de> serde::Deserialize<'de> for $list {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&Vec::<String>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

mod endpoint;
mod limit;
mod network;
mod quota;
mod rate;
mod referrer;

use serde::{Deserialize, Deserializer, Serialize};

pub use endpoint::{Endpoint, Endpoints, Methods};
pub use limit::{LimitError, LimitName, MAX_LIMITS};
pub use network::Networks;
pub use quota::{Per, Period, Quota, Quotas};
pub use rate::{Rate, Rates};
pub use referrer::{Referrer, Referrers};

/// Most entries in one restriction's list.
pub const MAX_ENTRIES: usize = 64;

/// Where a key may be used from and for, and how much. `None` doesn't narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restrictions {
    /// Networks the caller's address must be in.
    pub networks: Option<Networks>,
    /// Pages the request must come from.
    pub referrers: Option<Referrers>,
    /// Methods and paths the request must be for.
    pub endpoints: Option<Endpoints>,
    /// How often it may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// How many calls of a day or a month it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    /// Which of these refuse nobody yet, and are only observed.
    #[serde(skip_serializing_if = "ObservedKinds::is_empty")]
    pub observed: ObservedKinds,
}

/// Kinds of restrictions that are only observed: as text a list of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<&'static str>")]
pub struct ObservedKinds {
    /// Networks are.
    pub networks: bool,
    /// Referrers are.
    pub referrers: bool,
    /// Endpoints are.
    pub endpoints: bool,
}

/// A change of restrictions, kind by kind: what is `None` stays, `Some(None)` lifts it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestrictionsPatch {
    /// New networks.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub networks: Option<Option<Networks>>,
    /// New referrers.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub referrers: Option<Option<Referrers>>,
    /// New endpoints.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Option<Endpoints>>,
    /// New rates.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub rates: Option<Option<Rates>>,
    /// New quotas.
    #[serde(deserialize_with = "stated", skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Option<Quotas>>,
    /// Which kinds are only observed from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedKinds>,
}

/// A member that is there, be it `null`.
fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Why a list isn't a restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestrictionError {
    /// An empty list could be meant as "nobody" or as "anybody".
    #[error("an empty list would refuse every request: write null for no restriction, or disable the key")]
    Empty,
    /// More than [`MAX_ENTRIES`].
    #[error("at most {MAX_ENTRIES} entries")]
    TooMany,
    /// Not an address block.
    #[error("must be an address or a network such as 203.0.113.0/24 or 2001:db8::/32")]
    Network,
    /// Bits beyond the prefix length are set.
    #[error("the address has bits set beyond its prefix length: write the network's first address")]
    HostBits,
    /// An IPv4-mapped IPv6 network.
    #[error("write IPv4 networks in their own form, such as 10.0.0.0/8")]
    Mapped,
    /// `0.0.0.0/0` or `::/0`.
    #[error("a network of every address restricts nothing: write null for no restriction")]
    Everything,
    /// Not a referrer pattern.
    #[error(
        "must be an origin with an optional path, such as https://app.example.com or https://*.example.com/shop/*"
    )]
    Referrer,
    /// Not `METHOD /path`.
    #[error("must be a method or * and a path pattern, such as \"GET /v1/users/**\"")]
    Endpoint,
    /// Not a kind that can be observed.
    #[error("what is only observed is a list of networks, referrers and endpoints")]
    Observed,
    /// The path of an endpoint.
    #[error(transparent)]
    Pattern(#[from] crate::path::PatternError),
}

/// Bounds every list the same way: at least one entry, at most [`MAX_ENTRIES`].
fn bounded<T>(entries: Vec<T>) -> Result<Box<[T]>, RestrictionError> {
    match entries.len() {
        0 => Err(RestrictionError::Empty),
        1..=MAX_ENTRIES => Ok(entries.into()),
        _ => Err(RestrictionError::TooMany),
    }
}

impl ObservedKinds {
    /// Reads the names of kinds.
    pub fn parse<T: AsRef<str>>(names: &[T]) -> Result<Self, RestrictionError> {
        let mut kinds = Self::default();
        for name in names {
            let kind = match name.as_ref() {
                "networks" => &mut kinds.networks,
                "referrers" => &mut kinds.referrers,
                "endpoints" => &mut kinds.endpoints,
                _ => return Err(RestrictionError::Observed),
            };
            *kind = true;
        }
        Ok(kinds)
    }

    /// Whether everything is enforced.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The names of the kinds.
    pub fn names(self) -> Vec<&'static str> {
        let all = [("networks", self.networks), ("referrers", self.referrers), ("endpoints", self.endpoints)];
        all.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }
}

impl TryFrom<Vec<String>> for ObservedKinds {
    type Error = RestrictionError;

    fn try_from(names: Vec<String>) -> Result<Self, RestrictionError> {
        Self::parse(&names)
    }
}

impl From<ObservedKinds> for Vec<&'static str> {
    fn from(kinds: ObservedKinds) -> Self {
        kinds.names()
    }
}

impl Restrictions {
    /// These restrictions after a change. A kind that is given anew is enforced, unless the change says that it is observed.
    #[must_use]
    pub fn patched(&self, patch: RestrictionsPatch) -> Self {
        let observed = patch.observed.unwrap_or(ObservedKinds {
            networks: self.observed.networks && patch.networks.is_none(),
            referrers: self.observed.referrers && patch.referrers.is_none(),
            endpoints: self.observed.endpoints && patch.endpoints.is_none(),
        });
        Self {
            networks: patch.networks.unwrap_or_else(|| self.networks.clone()),
            referrers: patch.referrers.unwrap_or_else(|| self.referrers.clone()),
            endpoints: patch.endpoints.unwrap_or_else(|| self.endpoints.clone()),
            rates: patch.rates.unwrap_or_else(|| self.rates.clone()),
            quotas: patch.quotas.unwrap_or_else(|| self.quotas.clone()),
            observed,
        }
    }

    /// Whether nothing is narrowed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether how much is used is narrowed.
    pub fn limit_use(&self) -> bool {
        self.rates.is_some() || self.quotas.is_some()
    }

    /// A name that a rate and a quota have in common: in headers they could not be told apart.
    pub fn shared_limit_name(&self) -> Option<&LimitName> {
        let (rates, quotas) = (self.rates.as_ref()?, self.quotas.as_ref()?);
        rates.iter().map(Rate::name).find(|name| quotas.iter().any(|quota| quota.name() == *name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_replaces_the_kinds_it_names_and_no_other() {
        let before: Restrictions =
            serde_json::from_str(r#"{"networks":["10.0.0.0/8"],"referrers":["https://a.example"]}"#).unwrap();
        let patch = |text: &str| serde_json::from_str::<RestrictionsPatch>(text).unwrap();
        assert_eq!(before.patched(patch("{}")), before);
        let after = before.patched(patch(r#"{"networks":null,"endpoints":["GET /v1"]}"#));
        assert_eq!(after.networks, None);
        assert_eq!(after.referrers, before.referrers);
        assert_eq!(after.endpoints.unwrap().to_texts(), ["GET /v1"]);
        assert_eq!(serde_json::to_string(&patch(r#"{"networks":null}"#)).unwrap(), r#"{"networks":null}"#);
        let limited = before.patched(patch(r#"{"rates":[{"name":"a","limit":5,"window":"1s"}]}"#));
        assert_eq!(limited.networks, before.networks);
        assert!(limited.limit_use() && !before.limit_use());
        assert_eq!(limited.patched(patch(r#"{"rates":null}"#)), before);
    }

    #[test]
    fn a_kind_that_is_given_anew_is_enforced_unless_it_is_said_to_be_observed() {
        let read = |text: &str| serde_json::from_str::<Restrictions>(text).unwrap();
        let patch = |text: &str| serde_json::from_str::<RestrictionsPatch>(text).unwrap();
        let before =
            read(r#"{"networks":["10.0.0.0/8"],"endpoints":["GET /a"],"observed":["networks","endpoints"]}"#);
        let names = |text: &str| before.patched(patch(text)).observed.names();
        assert_eq!(names("{}"), ["networks", "endpoints"]);
        assert_eq!(names(r#"{"networks":["10.0.0.0/9"]}"#), ["endpoints"]);
        assert_eq!(names(r#"{"networks":["10.0.0.0/9"],"observed":["networks"]}"#), ["networks"]);
        assert_eq!(names(r#"{"observed":[]}"#), [""; 0]);
        assert!(serde_json::from_str::<Restrictions>(r#"{"observed":["rates"]}"#).is_err());
        assert_eq!(read(&serde_json::to_string(&before).unwrap()), before);
    }

    #[test]
    fn a_rate_and_a_quota_of_one_name_are_noticed() {
        let read = |text: &str| serde_json::from_str::<Restrictions>(text).unwrap();
        let rates = r#""rates":[{"name":"a","limit":5,"window":"1s"},{"name":"b","limit":5,"window":"1s"}]"#;
        let quotas = r#""quotas":[{"name":"b","limit":5,"per":"day"}]"#;
        let both = read(&format!("{{{rates},{quotas}}}"));
        assert_eq!(both.shared_limit_name().unwrap().as_str(), "b");
        assert_eq!(read(&format!("{{{rates}}}")).shared_limit_name(), None);
    }

    #[test]
    fn what_was_written_before_there_were_limits_reads_and_writes_as_it_did() {
        let text = r#"{"networks":["10.0.0.0/8"],"referrers":null,"endpoints":null}"#;
        let read: Restrictions = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
