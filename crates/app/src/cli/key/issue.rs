//! `claviger key issue`

use std::time::Duration;

use clap::{Args, ValueEnum};
use claviger_model::{
    Clock as _, Timestamp, parse_duration,
    restriction::{Quota, Rate},
};
use serde_json::{Value, json};

use super::show_issued;
use crate::{
    cli::{Ending, client::segment, receipt::note_incomplete, remote::Remote},
    system::SystemClock,
};

#[derive(Args, Debug)]
pub(in crate::cli) struct Issue {
    /// The account that will own it
    #[arg(long, value_name = "ID")]
    account: String,
    /// What it is for
    #[arg(long)]
    name: Option<String>,
    /// Which data it works on
    #[arg(long, value_enum)]
    environment: Option<Environment>,
    /// What it may do; may be given several times; everything where left out
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Nothing that needs a scope
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    /// When it expires, such as 90d; never where left out
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    expires_in: Option<Duration>,
    /// Only from this network; may be given several times
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// Only from pages like this one; may be given several times
    #[arg(long = "referrer", value_name = "PATTERN")]
    referrers: Vec<String>,
    /// Only for requests like "GET /v1/users/**"; may be given several times
    #[arg(long = "endpoint", value_name = "PATTERN")]
    endpoints: Vec<String>,
    /// At most so many calls in a window, such as 100/60s or burst=100/60s; may be given several times
    #[arg(long = "rate", value_name = "[NAME=]CALLS/WINDOW")]
    rates: Vec<Rate>,
    /// So many calls a day or month, such as 10000/month; may be given several times
    #[arg(long = "quota", value_name = "[NAME=]CALLS/PERIOD")]
    quotas: Vec<Quota>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Environment {
    Live,
    Test,
}

impl Issue {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/accounts/{}/keys", segment(&self.account)?);
        let issued = self.remote.client()?.post(&path, Some(&self.order())).await?;
        note_incomplete(&issued["receipt"]);
        show_issued(self.remote.json, &issued)?;
        Ok(Ending::Done)
    }

    fn order(&self) -> Value {
        let mut order = json!({});
        if let Some(name) = &self.name {
            order["name"] = json!(name);
        }
        if let Some(environment) = self.environment {
            order["environment"] = match environment {
                Environment::Live => json!("live"),
                Environment::Test => json!("test"),
            };
        }
        if let Some(scopes) = scopes(&self.scopes, self.no_scopes) {
            order["scopes"] = scopes;
        }
        if let Some(span) = self.expires_in {
            order["expires_at"] = json!(from_now(span));
        }
        let lists =
            [("networks", &self.networks), ("referrers", &self.referrers), ("endpoints", &self.endpoints)];
        for (field, entries) in lists.into_iter().filter(|(_, entries)| !entries.is_empty()) {
            order["restrictions"][field] = json!(entries);
        }
        if !self.rates.is_empty() {
            order["restrictions"]["rates"] = json!(self.rates);
        }
        if !self.quotas.is_empty() {
            order["restrictions"]["quotas"] = json!(self.quotas);
        }
        order
    }
}

/// The scopes that flags ask for, if they ask for any.
pub(in crate::cli) fn scopes(listed: &[String], none: bool) -> Option<Value> {
    match listed {
        [] => none.then(|| json!([])),
        [all] if all == "all" => Some(json!("all")),
        listed => Some(json!(listed)),
    }
}

pub(super) fn from_now(span: Duration) -> Timestamp {
    SystemClock::new().now().plus(span).whole_seconds()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command, key};

    fn order(flags: &[&str]) -> Value {
        let line = ["claviger", "key", "issue", "--account", "acc_1"].iter().chain(flags);
        match Cli::try_parse_from(line).unwrap().command {
            Command::Key(key::Command::Issue(issue)) => issue.order(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_no_flag_asks_for_is_left_to_the_api() {
        assert_eq!(order(&[]), json!({}));
        assert_eq!(
            order(&["--name", "CI", "--environment", "test"]),
            json!({"name": "CI", "environment": "test"})
        );
    }

    #[test]
    fn no_scopes_and_all_scopes_are_told_apart() {
        assert_eq!(order(&["--no-scopes"]), json!({"scopes": []}));
        assert_eq!(order(&["--scope", "all"]), json!({"scopes": "all"}));
        assert_eq!(
            order(&["--scope", "a:read", "--scope", "b:read"]),
            json!({"scopes": ["a:read", "b:read"]})
        );
    }

    #[test]
    fn restrictions_are_gathered_by_kind() {
        let order = order(&["--network", "10.0.0.0/8", "--endpoint", "GET /v1/users/**", "--network", "::1"]);
        let restrictions = json!({"networks": ["10.0.0.0/8", "::1"], "endpoints": ["GET /v1/users/**"]});
        assert_eq!(order, json!({"restrictions": restrictions}));
    }

    #[test]
    fn limits_are_named_after_what_they_count_by_or_as_they_are_told() {
        let order = order(&["--rate", "100/60s", "--rate", "burst=5/1s", "--quota", "10000/month"]);
        let rates = json!([{"name": "60s", "limit": 100, "window": "1m"}, {"name": "burst", "limit": 5, "window": "1s"}]);
        let quotas = json!([{"name": "month", "limit": 10_000, "per": "month"}]);
        assert_eq!(order, json!({"restrictions": {"rates": rates, "quotas": quotas}}));
        let line = ["claviger", "key", "issue", "--account", "acc_1", "--rate", "100"];
        let refused = Cli::try_parse_from(line).unwrap_err().to_string();
        assert!(refused.contains("must be calls and a window, such as 100/60s"), "{refused}");
    }

    #[test]
    fn an_expiry_is_an_instant_in_whole_seconds() {
        let order = order(&["--expires-in", "90d"]);
        let at: Timestamp = order["expires_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(at, at.whole_seconds());
    }
}
