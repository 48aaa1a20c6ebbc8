//! Profiles that ship are sound, and profiles that can't work are refused with the place of the fault.

use claviger_model::{
    Environment,
    profile::{LimitHeaders, Profile},
    restriction::{Quotas, Rates},
};

const SHIPPED: [(&str, &str); 5] = [
    ("cashcat", include_str!("../../../profiles/cashcat.toml")),
    ("cicosts", include_str!("../../../profiles/cicosts.toml")),
    ("example", include_str!("../../../profiles/example.toml")),
    ("codat", include_str!("../../../profiles/codat.toml")),
    ("default", include_str!("../../../profiles/default.toml")),
];

#[test]
fn every_shipped_profile_reads() {
    for (name, text) in SHIPPED {
        let profile =
            Profile::parse(&format!("{name}.toml"), text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(&*profile.name, name);
    }
}

/// `CashCat`'s profile with one replacement, which must be refused like this.
fn refusal(from: &str, to: &str) -> String {
    let text = SHIPPED[0].1;
    assert!(text.contains(from), "{from}");
    Profile::parse("p.toml", &text.replacen(from, to, 1)).expect_err(to).to_string()
}

#[test]
fn a_profile_that_cannot_work_is_refused_with_its_place() {
    let cases = [
        ("name = \"cashcat\"", "name = \"Cash Cat\""),
        ("env_var", "enviroment"),
        ("\"CASHCAT_API_KEY\"", "\"cashcat-key\""),
        ("length = 44", "length = 8"),
        ("length = 44", "length = \"44\""),
        ("length = 44", "length = 44, lookup = 8"),
        ("length = 44", "length = 44, lookup = 40"),
        ("length = 44", "length = 44, hash_skips = 9"),
        ("length = 44", "length = 44, lookup = 16, hash_skips = 40"),
        ("display_prefix = 15", "display_prefix = 15\npepper_file = \"\""),
        ("\"base62\"", "\"abc:\""),
        ("display_prefix = 15", "display_prefix = 40"),
        ("display_prefix = 15", "display_prefix = \"short\""),
        ("display_prefix = 15", "display_prefix = 15\nkeys_max = 1\nkeys_min = 1"),
        ("\"90d\"", "\"90 days\""),
        ("accept = [\"bearer\"]", "accept = []"),
        ("accept = [\"bearer\"]", "accept = [\"bearer\", \"Host\"]"),
        ("\"CashCat API\"", "\"Cash\\\"Cat\""),
        ("${code}", "${cod}"),
        ("${code}", "${code"),
        ("\"details\":null}}'", "\"details\":null}'"),
        ("missing = { status = 401", "missing = { status = 200"),
        ("missing = { status = 401", "missing = { status = 503"),
        ("malformed = {", "unavailable = { status = 401 }\nmalformed = {"),
        ("malformed = {", "unavailable = { status = 500 }\nmalformed = {"),
        ("malformed = {", "internal = { status = 400 }\nmalformed = {"),
        ("malformed = {", "bad_gateway = { same_as = \"unknown\" }\nmalformed = {"),
        ("malformed = {", "gateway_timeout = { status = 600 }\nmalformed = {"),
        ("revoked = { same_as = \"unknown\"", "revoked = { same_as = \"unavailable\""),
        ("missing = { status = 401", "missing = { headers = { Cache-Control = \"public\" }, status = 401"),
        ("missing = { status = 401", "missing = { headers = { Retry-After = \"soon\" }, status = 401"),
        ("[answers]", "[answers]\ncontent_type = \"json\""),
        ("[answers]", "[answers]\ncontent_type = \"text/html; charset\""),
        ("[answers]", "[answers]\ncontent_type = \"text/plain\\r\\nX-A: b\""),
        ("missing = {", "absent = {"),
        ("same_as = \"unknown\"", "same_as = \"malformed\""),
        ("same_as = \"unknown\"", "same_as = \"nobody\""),
        ("same_as = \"unknown\"", "same_as = \"unknown\", status = 401"),
        ("any = [\"api.cashcat.app\"]", "any = [\"https://api.cashcat.app\"]"),
        ("any = [\"api.cashcat.app\"]", "any = [\"a.app\"]\nlive = [\"A.app\"]"),
        ("[hosts]", "[test]\npassthrough = true\n[hosts]"),
        ("[hosts]", "[upstream]\nlive = \"http://a/b\"\n[hosts]"),
        ("[hosts]", "[scopes]\n\"a b\" = \"x\"\n[hosts]"),
        ("[hosts]", "[[routes]]\nmethods = [\"GET\"]\npaths = [\"/a\"]\nscope = \"a\"\n[hosts]"),
        ("[hosts]", "[[routes]]\nmethods = [\"GET\"]\npaths = [\"/a\"]\n[hosts]"),
        (
            "[hosts]",
            "[[routes]]\nmethods = \"any\"\npaths = [\"/**\"]\nopen = true\n[[routes]]\nmethods = [\"GET\"]\npaths = [\"/a\"]\nopen = true\n[hosts]",
        ),
        ("[hosts]", "[[routes]]\nmethods = [\"get\"]\npaths = [\"/a*\"]\nopen = true\n[hosts]"),
        ("env_var", "trusted_proxies = [\"0.0.0.0/0\"]\nenv_var"),
        ("env_var", "lease = \"1s\"\nenv_var"),
        ("formats = [", "formats = [{ live = \"cc_\", length = 49, alphabet = \"base62\" }, "),
        ("formats = [{ live = \"cc_live_\", length = 44, alphabet = \"base62\" }]", "formats = []"),
        ("\"90d\"", "\"90d\"\noverlap = \"367d\""),
        ("\"90d\"", "\"90d\"\nfirst_key = {}"),
        ("\"90d\"", "\"90d\"\nfirst_key = { name = \" \" }"),
        ("\"90d\"", "\"90d\"\nfirst_key = { name = \"a\\tb\" }"),
        ("\"90d\"", "\"90d\"\nname_max = 3\nfirst_key = { name = \"four\" }"),
        ("any = [\"api.cashcat.app\"]", "any = [\"api.cashcat.app:443\"]"),
        ("any = [\"api.cashcat.app\"]", "any = [\"api.cashcat.app.\"]"),
        ("any = [\"api.cashcat.app\"]", "any = [\"[::1]\"]"),
        ("any = [\"api.cashcat.app\"]", "any = [\"\"]"),
        ("[hosts]", "[upstream]\ntimeout = \"0s\"\n[hosts]"),
        ("[hosts]", "[upstream]\ntimeout = \"2h\"\n[hosts]"),
        ("place = [", "colour = \"red\"\nplace = ["),
        ("place = [", "colour = \"#12345g\"\nplace = ["),
        ("place = [", "logo = \"../logo.svg\"\nplace = ["),
        ("place = [", "logo = \"logo.html\"\nplace = ["),
        ("place = [", "return_to = [\"https://app.example.com/settings\"]\nplace = ["),
        ("env_var", "support = \"javascript:alert(1)\"\nenv_var"),
        ("env_var", "support = \"help@example.com\"\nenv_var"),
        ("[hosts]", "[roles]\nviewer = [\"look\"]\n[hosts]"),
        ("[hosts]", "[roles]\ndeveloper = [\"manage\"]\n[hosts]"),
        ("[hosts]", "[roles]\nadministrator = []\n[hosts]"),
        ("[hosts]", "[sign_in.oidc]\nissuer = \"http://login.example.com\"\nclient_id = \"a\"\n[hosts]"),
        ("[hosts]", "[sign_in.oidc]\nissuer = \"https://login.example.com?a\"\nclient_id = \"\"\n[hosts]"),
        ("[hosts]", "[sign_in]\nclient_secret = \"secret\"\n[hosts]"),
        ("[hosts]", "[hosts"),
    ];
    let table = cases
        .iter()
        .map(|(from, to)| {
            format!("{}\n    {}\n", to.replace('\n', " ⏎ "), refusal(from, to).replace('\n', "\n    "))
        })
        .collect::<Vec<_>>()
        .concat();
    insta::assert_snapshot!(table);
}

#[test]
fn more_trusted_proxies_than_are_read_are_refused_rather_than_none_believed() {
    let list = |count| format!("trusted_proxies = [{}]\nenv_var", vec!["\"10.0.0.0/8\""; count].join(", "));
    assert_eq!(refusal("env_var", &list(65)), "p.toml:4:916: trusted_proxies: at most 64 entries");
    let text = SHIPPED[0].1.replacen("env_var", &list(64), 1);
    assert!(Profile::parse("p.toml", &text).unwrap().trusts([10, 0, 0, 1].into()));
}

#[test]
fn a_header_with_a_meaning_of_its_own_carries_no_key() {
    let with = |name: &str| {
        let text = SHIPPED[0].1.replacen("[\"bearer\"]", &format!("[\"{name}\"]"), 1);
        Profile::parse("p.toml", &text).map_err(|problems| problems.to_string())
    };
    for name in [
        "X-Request-Id",
        "Referer",
        "Accept",
        "Accept-Encoding",
        "Forwarded",
        "Via",
        "TE",
        "Trailer",
        "X-Real-IP",
        "Range",
        "If-Match",
        "Date",
        "Origin",
        "User-Agent",
        "Proxy-Authorization",
        "X-Forwarded-For",
        "X-Claviger-Account",
    ] {
        assert!(with(name).expect_err(name).starts_with("p.toml:16:11: accept: "), "{name}");
    }
    for name in ["X-API-Key", "Api-Key", "Acme-Key"] {
        with(name).expect(name);
    }
}

/// `CashCat`'s profile with a section of limits.
fn with_limits(section: &str) -> Result<Profile, String> {
    let text = SHIPPED[0].1.replacen("[hosts]", &format!("[limits]\n{section}\n[hosts]"), 1);
    Profile::parse("p.toml", &text).map_err(|problems| problems.to_string())
}

#[test]
fn keys_without_limits_get_those_of_their_environment() {
    let profile = with_limits(
        r#"
headers = { limit = "X-RateLimit-Limit", remaining = "X-RateLimit-Remaining" }
[[limits.rates]]
name = "burst"
limit = 100
window = "60s"
[[limits.quotas]]
name = "trial"
limit = 1000
per = "month"
environment = "test"
"#,
    )
    .unwrap_or_else(|problems| panic!("{problems}"));
    let names = |of: Environment| {
        let defaults = profile.limits.defaults(of);
        let rates = defaults.rates.iter().flat_map(Rates::iter).map(|rate| rate.name().as_str());
        let quotas = defaults.quotas.iter().flat_map(Quotas::iter).map(|quota| quota.name().as_str());
        rates.chain(quotas).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((&*names(Environment::Live), &*names(Environment::Test)), ("burst", "burst trial"));
    let own = LimitHeaders::Own {
        limit: Some("x-ratelimit-limit".to_owned()),
        remaining: Some("x-ratelimit-remaining".to_owned()),
        reset: None,
    };
    assert_eq!(profile.limits.headers, own);
}

#[test]
fn limits_that_cannot_work_are_refused_with_their_place() {
    let rate = "[[limits.rates]]\nname = \"a\"\nlimit = 5\nwindow = \"1s\"\n";
    let quota = "[[limits.quotas]]\nname = \"a\"\nlimit = 5\nper = \"day\"\n";
    for (section, why) in [
        ("headers = \"loud\"".to_owned(), "headers: \"standard\", \"none\""),
        ("headers = { limit = \"Content-Length\" }".to_owned(), "\"Content-Length\" can't be set here"),
        ("headers = { reset = \"Retry-After\" }".to_owned(), "\"Retry-After\" can't be set here"),
        ("headers = { reset = \"X Reset\" }".to_owned(), "\"X Reset\" can't be set here"),
        (rate.replace("\"a\"", "\"A\""), "rates: name: must be"),
        (rate.replace("1s", "1 s"), "rates: window: must be from 1s to 31d"),
        (rate.replace('5', "0"), "rates: must be a number of calls"),
        (quota.replace('5', "0"), "quotas: must be a number of calls"),
        (quota.replace("day", "week"), "unknown variant `week`"),
        (rate.repeat(2), "rates: a name is there twice"),
        (format!("{rate}{quota}"), "quotas: \"a\" is the name of a rate too"),
    ] {
        let problems = with_limits(&section).expect_err(&section);
        assert!(problems.contains(why), "{section}: {problems}");
    }
    let apart = format!("{rate}environment = \"live\"\n{quota}environment = \"test\"\n");
    with_limits(&apart).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn self_service_that_cannot_work_is_refused_with_its_place() {
    let text = SHIPPED[2].1;
    let cases = [
        ("value = \"prefix\"", "value = \"secret\""),
        (", only_created = true", ""),
        ("status = 201", "status = 301"),
        ("path = \"/v1/api-keys/{id}\"", "path = \"/v1/api-keys\""),
        ("path = \"/v1/api-keys\"", "path = \"/v1/*\""),
        ("${objects}", "${object}"),
        ("\"data\":${objects}}", "\"data\":${objects}"),
        ("method = \"GET\"", "method = \"get\""),
        ("takes = [\"json\", \"form\"]", "takes = []"),
        ("${objects}", "\"${objects}\""),
        ("${object},", "\"${object}\","),
        ("status = 201", "status = 204"),
        ("${object},", "null,"),
        ("status = 201\nbody", "status = 201\n# body"),
        ("  { field = \"key\", value = \"key\", only_created = true },\n", ""),
        ("method = \"POST\"", "method = \"GET\""),
        ("field = \"last_used\"", "field = \"created_at\""),
        ("field = \"last_used\"", "field = \"\""),
        (
            "status = 200\nbody = '{\"success\":true,\"message\"",
            "status = 205\nbody = '{\"success\":true,\"message\"",
        ),
    ];
    let table = cases
        .iter()
        .map(|(from, to)| {
            assert!(text.contains(from), "{from}");
            let problems = Profile::parse("p.toml", &text.replacen(from, to, 1)).expect_err(to);
            format!("{}\n    {}\n", to.replace('\n', " ⏎ "), problems.to_string().replace('\n', "\n    "))
        })
        .collect::<Vec<_>>()
        .concat();
    insta::assert_snapshot!(table);
}
