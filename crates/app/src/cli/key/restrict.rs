//! `claviger key restrict`

use std::time::Duration;

use clap::Args;
use claviger_model::{
    parse_duration,
    restriction::{Quota, Rate},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    issue::{from_now, scopes},
    show_changed,
};
use crate::cli::{Ending, client::segment, remote::Remote, wrong_usage};

/// What is not named stays as it is; what is named replaces all of its kind.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Debug)]
pub(in crate::cli) struct Restrict {
    /// The key's id
    id: String,
    /// What it may do; may be given several times; `all` for everything
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Nothing that needs a scope
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    /// When it expires, such as 90d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    expires_in: Option<Duration>,
    /// It never expires
    #[arg(long, conflicts_with = "expires_in")]
    no_expiry: bool,
    /// Only from this network; may be given several times
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// From any network
    #[arg(long, conflicts_with = "networks")]
    no_networks: bool,
    /// Only from pages like this one; may be given several times
    #[arg(long = "referrer", value_name = "PATTERN")]
    referrers: Vec<String>,
    /// From any page or none
    #[arg(long, conflicts_with = "referrers")]
    no_referrers: bool,
    /// Only for requests like "GET /v1/users/**"; may be given several times
    #[arg(long = "endpoint", value_name = "PATTERN")]
    endpoints: Vec<String>,
    /// For any request
    #[arg(long, conflicts_with = "endpoints")]
    no_endpoints: bool,
    /// At most so many calls in a window, such as 100/60s or burst=100/60s; may be given several times
    #[arg(long = "rate", value_name = "[NAME=]CALLS/WINDOW")]
    rates: Vec<Rate>,
    /// As often as it likes, the profile's rates aside
    #[arg(long, conflicts_with = "rates")]
    no_rates: bool,
    /// So many calls a day or month, such as 10000/month; may be given several times
    #[arg(long = "quota", value_name = "[NAME=]CALLS/PERIOD")]
    quotas: Vec<Quota>,
    /// As much as it likes, the profile's quotas aside
    #[arg(long, conflicts_with = "quotas")]
    no_quotas: bool,
    /// Which of networks, referrers and endpoints refuse nobody yet and are only observed; may be given several times
    #[arg(long, value_name = "KIND", value_parser = ["networks", "referrers", "endpoints"])]
    observe: Vec<String>,
    /// All of them are enforced
    #[arg(long, conflicts_with = "observe")]
    enforce: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Restrict {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let key = format!("/v1/keys/{}", segment(&self.id)?);
        let client = self.remote.client()?;
        let mut patch = json!({});
        if let Some(scopes) = scopes(&self.scopes, self.no_scopes) {
            patch["scopes"] = scopes;
        }
        if let Some(span) = self.expires_in {
            patch["expires_at"] = json!(from_now(span));
        }
        if self.no_expiry {
            patch["expires_at"] = Value::Null;
        }
        let restrictions = self.restrictions();
        if restrictions != json!({}) {
            patch["restrictions"] = restrictions;
        }
        if patch == json!({}) {
            return Err(wrong_usage(
                "nothing to change: name a scope, an expiry, a network, a referrer, an endpoint, a rate or a quota",
            ));
        }
        show_changed(&self.remote, &client.patch(&key, &patch).await?)
    }

    fn lists(&self) -> [(&'static str, Option<Value>, bool); 5] {
        [
            ("networks", named(&self.networks), self.no_networks),
            ("referrers", named(&self.referrers), self.no_referrers),
            ("endpoints", named(&self.endpoints), self.no_endpoints),
            ("rates", named(&self.rates), self.no_rates),
            ("quotas", named(&self.quotas), self.no_quotas),
        ]
    }

    /// Kinds that are not named are left out, and stay.
    fn restrictions(&self) -> Value {
        let mut wanted = json!({});
        for (kind, entries, none) in self.lists() {
            match entries {
                Some(entries) => wanted[kind] = entries,
                None if none => wanted[kind] = Value::Null,
                None => {}
            }
        }
        if self.enforce || !self.observe.is_empty() {
            wanted["observed"] = json!(self.observe);
        }
        wanted
    }
}

/// The entries of a kind, if any are named.
fn named<T: Serialize>(entries: &[T]) -> Option<Value> {
    (!entries.is_empty()).then(|| json!(entries))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command, key};

    fn restrict(flags: &[&str]) -> Restrict {
        let line = ["claviger", "key", "restrict", "key_1"].iter().chain(flags);
        match Cli::try_parse_from(line).unwrap().command {
            Command::Key(key::Command::Restrict(restrict)) => restrict,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let asked = restrict(&["--no-networks", "--endpoint", "GET /v1"]);
        assert_eq!(asked.restrictions(), json!({"networks": null, "endpoints": ["GET /v1"]}));
        let asked = restrict(&["--no-rates", "--quota", "5/day"]).restrictions();
        assert_eq!(asked, json!({"rates": null, "quotas": [{"name": "day", "limit": 5, "per": "day"}]}));
        assert_eq!(restrict(&["--no-expiry"]).restrictions(), json!({}));
        assert_eq!(restrict(&["--observe", "networks"]).restrictions(), json!({"observed": ["networks"]}));
        assert_eq!(restrict(&["--enforce"]).restrictions(), json!({"observed": []}));
    }

    #[test]
    fn a_kind_can_not_be_named_and_lifted_at_once() {
        let line = ["claviger", "key", "restrict", "key_1", "--network", "::1", "--no-networks"];
        assert!(Cli::try_parse_from(line).is_err());
    }
}
