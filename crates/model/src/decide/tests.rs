use proptest::prelude::*;

use super::*;
use crate::{
    Scope,
    path::PathPattern,
    profile::{Mode, Route},
    restriction::{Endpoints, Methods, Networks, ObservedKinds, Referrers},
};

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

fn policy(scopes: Scopes, restrictions: Restrictions) -> Policy {
    Policy { scopes, restrictions }
}

fn open() -> Policy {
    policy(Scopes::All, Restrictions::default())
}

fn key(policy: &Policy) -> KeyFacts<'_> {
    KeyFacts {
        state: KeyState::Active,
        account_active: true,
        ends_at: None,
        expires_at: None,
        environment: Environment::Live,
        policy,
    }
}

fn table() -> RouteTable {
    let route = |methods: &[&str], path: &str, scope: &str| Route {
        methods: Methods::Listed(methods.iter().map(|name| Box::from(*name)).collect()),
        paths: [path.parse::<PathPattern>().unwrap()].into(),
        scope: Some(scope.parse().unwrap()),
        environment: None,
        mode: Mode::Enforce,
    };
    RouteTable::new(vec![
        route(&["GET"], "/v1/costs", "costs:read"),
        route(&["POST"], "/v1/alerts", "alerts:write"),
    ])
}

/// What is decided where nothing is observed.
fn decide(
    key: &KeyFacts<'_>,
    rules: &Rules<'_>,
    attempt: &Attempt<'_>,
    now: Timestamp,
) -> Result<(), Denial> {
    super::decide(key, rules, attempt, now).map(|allowed| assert_eq!(allowed.observed, None))
}

fn judge(facts: &KeyFacts<'_>, attempt: &Attempt<'_>) -> Result<(), Denial> {
    decide(facts, &Rules { routes: &RouteTable::default(), accepts_test: true }, attempt, NOW)
}

#[test]
fn a_key_ends_at_its_instant_not_after() {
    let policy = open();
    let expiring = |millis| KeyFacts { expires_at: Some(Timestamp::from_millis(millis)), ..key(&policy) };
    assert_eq!(judge(&expiring(NOW.as_millis() + 1), &Attempt::default()), Ok(()));
    assert_eq!(judge(&expiring(NOW.as_millis()), &Attempt::default()), Err(Denial::Expired(NOW)));
    let ending = KeyFacts { ends_at: Some(NOW), ..key(&policy) };
    assert_eq!(judge(&ending, &Attempt::default()), Err(Denial::Revoked(NOW)));
}

#[test]
fn what_a_key_is_comes_before_what_it_may_do() {
    let policy = policy(Scopes::listed(vec![]).unwrap(), Restrictions::default());
    let revoked =
        KeyFacts { state: KeyState::Revoked, ends_at: Some(NOW), expires_at: Some(NOW), ..key(&policy) };
    assert_eq!(judge(&revoked, &Attempt::default()), Err(Denial::Revoked(NOW)));
    let suspended = KeyFacts { account_active: false, ..key(&policy) };
    assert_eq!(judge(&suspended, &Attempt::default()), Err(Denial::Disabled));
    assert_eq!(judge(&key(&policy), &Attempt::default()), Err(Denial::NoScopes));
}

#[test]
fn a_key_works_in_its_own_environment_only() {
    let policy = open();
    let test_key = KeyFacts { environment: Environment::Test, ..key(&policy) };
    let at = |environment| Attempt { environment: Some(environment), ..Attempt::default() };
    assert_eq!(judge(&test_key, &at(Environment::Live)), Err(Denial::Environment(Environment::Test)));
    assert_eq!(judge(&key(&policy), &at(Environment::Test)), Err(Denial::Environment(Environment::Live)));
    assert_eq!(judge(&test_key, &at(Environment::Test)), Ok(()));
    let refused =
        decide(&test_key, &Rules { routes: &table(), accepts_test: false }, &Attempt::default(), NOW);
    assert_eq!(refused, Err(Denial::Environment(Environment::Test)));
}

#[test]
fn routes_need_their_scope_and_unlisted_routes_need_all() {
    let routes = table();
    let rules = Rules { routes: &routes, accepts_test: true };
    let reader =
        policy(Scopes::listed(vec!["costs:read".parse().unwrap()]).unwrap(), Restrictions::default());
    let to = |method, path| Attempt { method: Some(method), path: Some(path), ..Attempt::default() };
    assert_eq!(decide(&key(&reader), &rules, &to("GET", "/v1/costs"), NOW), Ok(()));
    let lacking = decide(&key(&reader), &rules, &to("POST", "/v1/alerts"), NOW);
    assert_eq!(lacking, Err(Denial::Scope("alerts:write".parse().unwrap())));
    assert_eq!(decide(&key(&reader), &rules, &to("GET", "/v1/secret"), NOW), Err(Denial::UnlistedRoute));
    assert_eq!(decide(&key(&open()), &rules, &to("GET", "/v1/secret"), NOW), Ok(()));
    assert_eq!(
        decide(&key(&open()), &rules, &to("GET", "/v1//costs"), NOW),
        Err(Denial::Ambiguous(Misfit::Path))
    );
}

#[test]
fn half_a_request_is_refused_where_routes_have_scopes() {
    let routes = table();
    let rules = Rules { routes: &routes, accepts_test: true };
    let reader =
        policy(Scopes::listed(vec!["costs:read".parse().unwrap()]).unwrap(), Restrictions::default());
    let judge = |attempt: &Attempt<'_>| decide(&key(&reader), &rules, attempt, NOW);
    let path_only = Attempt { path: Some("/v1/costs"), ..Attempt::default() };
    let method_only = Attempt { method: Some("GET"), ..Attempt::default() };
    assert_eq!(judge(&path_only), Err(Denial::UnlistedRoute));
    assert_eq!(judge(&method_only), Err(Denial::UnlistedRoute));
    // Who names no request asks about the key alone, and is told its scopes.
    assert_eq!(judge(&Attempt::default()), Ok(()));
}

#[test]
fn a_method_is_one_token() {
    for method in ["", "GET, POST", "GE\nT", "GET ", "G\u{c9}T", &"A".repeat(33)] {
        let attempt = Attempt { method: Some(method), path: Some("/"), ..Attempt::default() };
        assert_eq!(judge(&key(&open()), &attempt), Err(Denial::Ambiguous(Misfit::Method)), "{method:?}");
    }
    assert_eq!(judge(&key(&open()), &Attempt { method: Some("M-SEARCH"), ..Attempt::default() }), Ok(()));
}

#[test]
fn a_key_without_scopes_may_use_open_routes_only() {
    let open_route = Route {
        methods: Methods::Any,
        paths: ["/v1/status".parse::<PathPattern>().unwrap()].into(),
        scope: None,
        environment: None,
        mode: Mode::Enforce,
    };
    let routes = RouteTable::new(vec![open_route]);
    let rules = Rules { routes: &routes, accepts_test: true };
    let none = policy(Scopes::listed(vec![]).unwrap(), Restrictions::default());
    let to = |path| Attempt { method: Some("GET"), path: Some(path), ..Attempt::default() };
    assert_eq!(decide(&key(&none), &rules, &to("/v1/status"), NOW), Ok(()));
    assert_eq!(decide(&key(&none), &rules, &to("/v1/other"), NOW), Err(Denial::UnlistedRoute));
    assert_eq!(decide(&key(&none), &rules, &Attempt::default(), NOW), Err(Denial::NoScopes));
    assert_eq!(judge(&key(&none), &to("/v1/status")), Err(Denial::NoScopes));
}

#[test]
fn what_is_not_known_is_refused_where_it_is_restricted() {
    let restrictions = |networks, referrers, endpoints| Restrictions {
        networks,
        referrers,
        endpoints,
        ..Restrictions::default()
    };
    let network = policy(Scopes::All, restrictions(Networks::parse(&["10.0.0.0/8"]).ok(), None, None));
    let referrer =
        policy(Scopes::All, restrictions(None, Referrers::parse(&["https://a.example"]).ok(), None));
    let endpoint =
        policy(Scopes::All, restrictions(None, None, Endpoints::parse(&["GET /v1/users/**"]).ok()));
    assert_eq!(judge(&key(&network), &Attempt::default()), Err(Denial::Network));
    assert_eq!(judge(&key(&referrer), &Attempt::default()), Err(Denial::Referrer));
    assert_eq!(judge(&key(&endpoint), &Attempt::default()), Err(Denial::Endpoint));
    let attempt = Attempt { method: Some("GET"), path: Some("/v1/pub/../users/1"), ..Attempt::default() };
    assert_eq!(judge(&key(&endpoint), &attempt), Err(Denial::Ambiguous(Misfit::Path)));
    assert_eq!(judge(&key(&network), &Attempt { address: "10.1.1.1".parse().ok(), ..attempt }), Ok(()));
}

prop_compose! {
    fn some_restrictions()(network in any::<bool>(), referrer in any::<bool>(), endpoint in any::<bool>()) -> Restrictions {
        Restrictions {
            networks: network.then(|| Networks::parse(&["10.0.0.0/8", "2001:db8::/32"]).unwrap()),
            referrers: referrer.then(|| Referrers::parse(&["https://app.example.com/*"]).unwrap()),
            endpoints: endpoint.then(|| Endpoints::parse(&["GET /v1/costs", "* /v1/a/**"]).unwrap()),
            ..Restrictions::default()
        }
    }
}

prop_compose! {
    fn some_attempt()(
        method in prop::sample::select(vec![None, Some("GET"), Some("POST"), Some("HEAD")]),
        path in prop::sample::select(vec![None, Some("/v1/costs"), Some("/v1/alerts"), Some("/v1/a/b"), Some("/v1/../x")]),
        address in prop::sample::select(vec![None, Some("10.1.1.1"), Some("::ffff:10.1.1.1"), Some("192.0.2.1")]),
        referrer in prop::sample::select(vec![None, Some("https://app.example.com/x"), Some("https://evil.example")]),
        environment in prop::sample::select(vec![None, Some(Environment::Live), Some(Environment::Test)]),
    ) -> Attempt<'static> {
        Attempt { method, path, address: address.map(|text| text.parse().unwrap()), referrer, environment, scopes: &[] }
    }
}

proptest! {
    #[test]
    fn a_restriction_never_turns_a_deny_into_an_allow(restrictions in some_restrictions(), attempt in some_attempt()) {
        let routes = table();
        let rules = Rules { routes: &routes, accepts_test: true };
        let (free, narrowed) = (open(), policy(Scopes::All, restrictions));
        let allowed = |policy: &Policy| decide(&key(policy), &rules, &attempt, NOW).is_ok();
        prop_assert!(!allowed(&narrowed) || allowed(&free));
    }

    #[test]
    fn time_never_revives_a_key(
        expires in prop::option::of(0i64..100),
        ends in prop::option::of(0i64..100),
        first in 0i64..100,
        later in 0i64..100,
        attempt in some_attempt(),
    ) {
        let policy = open();
        let facts = KeyFacts {
            expires_at: expires.map(Timestamp::from_millis),
            ends_at: ends.map(Timestamp::from_millis),
            ..key(&policy)
        };
        let routes = table();
        let rules = Rules { routes: &routes, accepts_test: true };
        let allowed = |at| decide(&facts, &rules, &attempt, Timestamp::from_millis(at)).is_ok();
        prop_assert!(allowed(first.min(later)) || !allowed(first.max(later)));
    }

    #[test]
    fn fewer_scopes_never_allow_more(attempt in some_attempt(), mask in 0u8..4) {
        let names = ["costs:read", "alerts:write"];
        let listed = |mask: u8| {
            let scopes = names.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
            Scopes::listed(scopes.map(|(_, name)| name.parse().unwrap()).collect()).unwrap()
        };
        let routes = table();
        let rules = Rules { routes: &routes, accepts_test: true };
        let allowed = |scopes: Scopes| decide(&key(&policy(scopes, Restrictions::default())), &rules, &attempt, NOW).is_ok();
        prop_assert!(!allowed(listed(mask)) || (allowed(listed(3)) && allowed(Scopes::All)));
    }
}

#[test]
fn what_is_only_observed_lets_through_and_says_what_it_would_have_been() {
    let mut restrictions = Restrictions {
        networks: Some(Networks::parse(&["10.0.0.0/8"]).unwrap()),
        endpoints: Some(Endpoints::parse(&["GET /v1/costs"]).unwrap()),
        ..Restrictions::default()
    };
    let routes = RouteTable::default();
    let rules = Rules { routes: &routes, accepts_test: true };
    let attempt = Attempt { method: Some("GET"), path: Some("/v1/alerts"), ..Attempt::default() };
    let decided = |restrictions: &Restrictions| {
        let policy = policy(Scopes::All, restrictions.clone());
        super::decide(&key(&policy), &rules, &attempt, NOW)
    };
    assert_eq!(decided(&restrictions), Err(Denial::Network));
    restrictions.observed = ObservedKinds::parse(&["networks"]).unwrap();
    assert_eq!(decided(&restrictions), Err(Denial::Endpoint), "what is enforced still refuses");
    restrictions.observed = ObservedKinds::parse(&["endpoints", "networks"]).unwrap();
    assert_eq!(
        decided(&restrictions),
        Ok(Allowed { observed: Some(Denial::Network) }),
        "the first objection"
    );
    restrictions.networks = None;
    assert_eq!(decided(&restrictions), Ok(Allowed { observed: Some(Denial::Endpoint) }));
}

#[test]
fn a_route_that_is_observed_demands_nothing_and_nothing_else_is_lifted() {
    let write: Scope = "alerts:write".parse().unwrap();
    let route = Route {
        methods: Methods::Any,
        paths: ["/v1/alerts".parse::<PathPattern>().unwrap()].into(),
        scope: Some(write.clone()),
        environment: Some(Environment::Test),
        mode: Mode::Observe,
    };
    let routes = RouteTable::new(vec![route]);
    let rules = Rules { routes: &routes, accepts_test: true };
    let none = policy(Scopes::listed(vec![]).unwrap(), Restrictions::default());
    let demanded = [write.clone()];
    let at = |path, scopes, key: &KeyFacts<'_>| {
        let attempt = Attempt { method: Some("POST"), path: Some(path), scopes, ..Attempt::default() };
        super::decide(key, &rules, &attempt, NOW)
    };
    let live = Denial::Environment(Environment::Live);
    assert_eq!(at("/v1/alerts", &[], &key(&none)), Ok(Allowed { observed: Some(live) }));
    let test = KeyFacts { environment: Environment::Test, ..key(&none) };
    assert_eq!(at("/v1/alerts", &[], &test), Ok(Allowed { observed: Some(Denial::Scope(write.clone())) }));
    assert_eq!(at("/v1/alerts", &demanded, &test), Err(Denial::Scope(write)), "who asks demands it");
    assert_eq!(at("/v1/costs", &[], &test), Err(Denial::UnlistedRoute));
    assert_eq!(at("/v1//alerts", &[], &test), Err(Denial::Ambiguous(Misfit::Path)));
    let revoked = KeyFacts { state: KeyState::Revoked, ends_at: Some(NOW), ..test };
    assert_eq!(at("/v1/alerts", &[], &revoked), Err(Denial::Revoked(NOW)));
}
