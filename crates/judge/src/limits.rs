//! What callers are told of the limits of their key.
//!
//! `RateLimit-Policy` and `RateLimit` are lists of structured fields (draft-ietf-httpapi-ratelimit-headers-11). `t` is
//! the time until there is room for one call more, and `Retry-After` is never earlier.

use claviger_model::{
    Exceeded, Span, Standing, Standings, profile::LimitHeaders, restriction::Per, seconds_up,
};
use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Says `local` while a node enforces its share of the rates alone.
const HOW: HeaderName = HeaderName::from_static("x-claviger-limits");

/// The fields that tell where a key stands.
pub(crate) fn fields(told: &LimitHeaders, standings: &Standings) -> HeaderMap {
    let mut headers = HeaderMap::new();
    match told {
        LimitHeaders::Standard => {
            headers.insert(POLICY, list(standings, policy));
            headers.insert(LIMIT, list(standings, room));
        }
        LimitHeaders::Own { limit, remaining, reset } => {
            let tightest =
                standings.limits.iter().min_by_key(|one| (one.remaining, std::cmp::Reverse(one.more_in)));
            if let Some(one) = tightest {
                let numbers = [
                    (limit, u64::from(one.limit)),
                    (remaining, u64::from(one.remaining)),
                    (reset, seconds_up(one.more_in)),
                ];
                for (name, number) in numbers {
                    let name = name.as_ref().and_then(|name| HeaderName::try_from(name).ok());
                    headers.extend(name.map(|name| (name, HeaderValue::from(number))));
                }
            }
        }
        LimitHeaders::Silent => {}
    }
    if standings.local {
        headers.insert(HOW, HeaderValue::from_static("local"));
    }
    headers
}

/// The same for a call that a limit had no room for, with the time to come back.
pub(crate) fn fields_of_refusal(told: &LimitHeaders, exceeded: &Exceeded) -> HeaderMap {
    let mut headers = fields(told, &exceeded.standings);
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds_up(exceeded.retry_after).max(1)));
    headers
}

fn list(standings: &Standings, item: impl Fn(&Standing) -> String) -> HeaderValue {
    let items: Vec<_> = standings.limits.iter().map(item).collect();
    HeaderValue::try_from(items.join(", ")).expect("names of limits are plain")
}

/// A month is no fixed number of seconds, and `w` is optional.
fn policy(standing: &Standing) -> String {
    let seconds = match standing.span {
        Span::Window(window) => Some(window.as_secs()),
        Span::Period(Per::Day) => Some(86_400),
        Span::Period(Per::Month) => None,
    };
    let window = seconds.map(|seconds| format!(";w={seconds}")).unwrap_or_default();
    format!("\"{}\";q={}{window}", standing.name, standing.limit)
}

fn room(standing: &Standing) -> String {
    format!("\"{}\";r={};t={}", standing.name, standing.remaining, seconds_up(standing.more_in))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn standing(name: &str, span: Span, limit: u32, remaining: u32, more_in: Duration) -> Standing {
        Standing { name: name.parse().unwrap(), span, limit, remaining, more_in }
    }

    fn standings() -> Standings {
        let limits = vec![
            standing("burst", Span::Window(Duration::from_mins(1)), 100, 50, Duration::from_millis(600)),
            standing("day", Span::Period(Per::Day), 1000, 7, Duration::from_hours(3)),
            standing("month", Span::Period(Per::Month), 9000, 7, Duration::from_hours(100)),
        ];
        Standings { limits, local: false }
    }

    fn text(headers: &HeaderMap) -> String {
        let line =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}\n", value.to_str().unwrap());
        headers.iter().map(line).collect()
    }

    #[test]
    fn every_limit_is_told_in_the_standard_s_form() {
        insta::assert_snapshot!(text(&fields(&LimitHeaders::Standard, &standings())), @r#"
        ratelimit-policy: "burst";q=100;w=60, "day";q=1000;w=86400, "month";q=9000
        ratelimit: "burst";r=50;t=1, "day";r=7;t=10800, "month";r=7;t=360000
        "#);
    }

    #[test]
    fn under_names_of_the_api_s_own_the_tightest_limit_is_told() {
        let own = LimitHeaders::Own {
            limit: Some("x-ratelimit-limit".to_owned()),
            remaining: Some("x-ratelimit-remaining".to_owned()),
            reset: Some("x-ratelimit-reset".to_owned()),
        };
        insta::assert_snapshot!(text(&fields(&own, &standings())), @r"
        x-ratelimit-limit: 9000
        x-ratelimit-remaining: 7
        x-ratelimit-reset: 360000
        ");
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_back_and_no_earlier() {
        let mut standings = standings();
        standings.local = true;
        let name = standings.limits[0].name.clone();
        let exceeded = Exceeded { name, retry_after: Duration::from_millis(1001), standings };
        insta::assert_snapshot!(text(&fields_of_refusal(&LimitHeaders::Silent, &exceeded)), @r"
        x-claviger-limits: local
        retry-after: 2
        ");
    }
}
