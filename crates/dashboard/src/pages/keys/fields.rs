//! What the form of a new key and that of a key's change share: what was typed, what it asks for, what is wrong with it.

use claviger_manage::{Fault, IssueKey, KeyPatch, KeyRow, Refusal};
use claviger_model::{
    Environment, Restrictions, RestrictionsPatch, Scopes, Timestamp, parse_duration,
    profile::Profile,
    restriction::{Endpoints, Networks, Referrers, RestrictionError},
};

use crate::{answer::capitalised, form::Form};

/// The fields of the form, `csrf` and those that bind one form to one change aside.
pub(super) const NAMES: [&str; 9] = [
    "name",
    "environment",
    "permissions",
    "scopes",
    "expiry",
    "expires_on",
    "networks",
    "referrers",
    "endpoints",
];

/// Spans a key may be given until it expires.
pub(super) const SPANS: [(&str, &str); 4] =
    [("7d", "In 7 days"), ("30d", "In 30 days"), ("90d", "In 90 days"), ("365d", "In 1 year")];

/// A field that can't be taken: the id of its input, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) field: &'static str,
    pub(super) text: String,
}

/// The fields as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) environment: String,
    /// `all` or `only`.
    pub(super) permissions: String,
    pub(super) scopes: Vec<String>,
    /// `keep`, `never`, `date`, or a span.
    pub(super) expiry: String,
    pub(super) expires_on: String,
    pub(super) networks: String,
    pub(super) referrers: String,
    pub(super) endpoints: String,
}

impl Typed {
    pub(super) fn of(form: &Form) -> Self {
        let text = |name| form.get(name).trim().to_owned();
        let lines = |name| form.get(name).trim_end().replace('\r', "");
        Self {
            name: text("name"),
            environment: text("environment"),
            permissions: text("permissions"),
            scopes: form.all("scopes").map(str::to_owned).collect(),
            expiry: text("expiry"),
            expires_on: text("expires_on"),
            networks: lines("networks"),
            referrers: lines("referrers"),
            endpoints: lines("endpoints"),
        }
    }

    /// What a key has now.
    pub(super) fn of_key(key: &KeyRow) -> Self {
        let (permissions, scopes) = match &key.scopes {
            Scopes::All => ("all", Vec::new()),
            Scopes::Listed(scopes) => ("only", scopes.iter().map(ToString::to_string).collect()),
        };
        let Restrictions { networks, referrers, endpoints, .. } = &key.restrictions;
        let lines = |texts: Option<Vec<String>>| texts.unwrap_or_default().join("\n");
        Self {
            name: key.name.clone().unwrap_or_default(),
            environment: key.environment.to_string(),
            permissions: permissions.to_owned(),
            scopes,
            expiry: "keep".to_owned(),
            expires_on: String::new(),
            networks: lines(networks.as_ref().map(Networks::to_texts)),
            referrers: lines(referrers.as_ref().map(Referrers::to_texts)),
            endpoints: lines(endpoints.as_ref().map(Endpoints::to_texts)),
        }
    }

    /// The key that is asked for.
    pub(super) fn order(&self, profile: &Profile, now: Timestamp) -> Result<IssueKey, Vec<Problem>> {
        let mut problems = Vec::new();
        let name = self.read_name(profile, &mut problems);
        let environment = self.read_environment(profile, &mut problems);
        let scopes = self.read_scopes(&mut problems);
        let expires_at = self.read_expiry(now, &mut problems).flatten();
        let restrictions = self.read_restrictions(&mut problems);
        let order = IssueKey { name, environment, scopes, expires_at, restrictions, ..IssueKey::default() };
        if problems.is_empty() { Ok(order) } else { Err(problems) }
    }

    /// What changes of `key`: of fields that say what it has already, nothing.
    pub(super) fn patch(
        &self,
        key: &KeyRow,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<KeyPatch, Vec<Problem>> {
        let mut problems = Vec::new();
        let before = Self::of_key(key);
        let name = (self.name != before.name.trim()).then(|| self.read_name(profile, &mut problems));
        let scopes = if self.asks_for(&before, profile) { None } else { self.read_scopes(&mut problems) };
        let expires_at = self.read_expiry(now, &mut problems).filter(|at| *at != key.expires_at);
        let after = self.read_restrictions(&mut problems);
        // What limits how much it is used is not theirs to change.
        let Restrictions { networks, referrers, endpoints, .. } = &key.restrictions;
        let restrictions = RestrictionsPatch {
            networks: (after.networks != *networks).then_some(after.networks),
            referrers: (after.referrers != *referrers).then_some(after.referrers),
            endpoints: (after.endpoints != *endpoints).then_some(after.endpoints),
            ..RestrictionsPatch::default()
        };
        let patch = KeyPatch { name, scopes, restrictions, expires_at, ..KeyPatch::default() };
        if problems.is_empty() { Ok(patch) } else { Err(problems) }
    }

    /// Whether the permissions are those of `before`, as far as the api still has them.
    fn asks_for(&self, before: &Self, profile: &Profile) -> bool {
        let ticked = |typed: &Self| -> Vec<bool> {
            let has = |name: &str| typed.scopes.iter().any(|scope| scope == name);
            profile.scopes.iter().map(|(scope, _)| has(scope.as_str())).collect()
        };
        self.permissions == before.permissions && ticked(self) == ticked(before)
    }

    fn read_name(&self, profile: &Profile, problems: &mut Vec<Problem>) -> Option<String> {
        if self.name.is_empty() {
            if profile.keys.name_required {
                let text = "Give the key a name: it says what the key is for.".to_owned();
                problems.push(Problem { field: "name", text });
            }
            return None;
        }
        Some(self.name.clone())
    }

    fn read_environment(&self, profile: &Profile, problems: &mut Vec<Problem>) -> Option<Environment> {
        let offered = environments(profile);
        if self.environment.is_empty() {
            return offered.first().copied();
        }
        let chosen = self.environment.parse().ok().filter(|chosen| offered.contains(chosen));
        if chosen.is_none() {
            let text = "Choose one of these environments.".to_owned();
            problems.push(Problem { field: "environment", text });
        }
        chosen
    }

    /// `None` where nothing was said. What could be meant as more than was ticked is asked about rather than granted.
    fn read_scopes(&self, problems: &mut Vec<Problem>) -> Option<Scopes> {
        let mut fail = |text: String| {
            problems.push(Problem { field: "permissions", text });
            None
        };
        match (&*self.permissions, self.scopes.is_empty()) {
            ("all", true) => Some(Scopes::All),
            ("only", true) => fail("Tick at least one permission, or choose All permissions.".to_owned()),
            ("only", false) => {
                let scopes = self.scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>();
                match scopes.and_then(Scopes::listed) {
                    Ok(scopes) => Some(scopes),
                    Err(error) => fail(capitalised(&error.to_string())),
                }
            }
            (_, false) => fail(
                "Some permissions are ticked while Only these isn't chosen: choose it, or untick them."
                    .to_owned(),
            ),
            (_, true) => None,
        }
    }

    /// The outer `None`: nothing was said.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether an expiry was chosen, the inner one which"
    )]
    fn read_expiry(&self, now: Timestamp, problems: &mut Vec<Problem>) -> Option<Option<Timestamp>> {
        let mut fail = |text: &str| {
            problems.push(Problem { field: "expires_on", text: text.to_owned() });
            None
        };
        if self.expiry == "date" {
            return match end_of_day(&self.expires_on) {
                None => fail("Choose the date, such as 2030-12-31."),
                Some(at) if at <= now => fail("This day is over: choose a later one."),
                Some(at) => Some(Some(at)),
            };
        }
        if !self.expires_on.is_empty() {
            return fail("There is a date, but it isn't chosen: choose On a date, or empty this field.");
        }
        match &*self.expiry {
            "" | "keep" => None,
            "never" => Some(None),
            span => match parse_duration(span) {
                Ok(span) if SPANS.iter().any(|(offered, _)| parse_duration(offered) == Ok(span)) => {
                    Some(Some(now.plus(span)))
                }
                _ => fail("Choose one of these."),
            },
        }
    }

    fn read_restrictions(&self, problems: &mut Vec<Problem>) -> Restrictions {
        Restrictions {
            networks: lines("networks", &self.networks, |lines| Networks::parse(lines), problems),
            referrers: lines("referrers", &self.referrers, |lines| Referrers::parse(lines), problems),
            endpoints: lines("endpoints", &self.endpoints, |lines| Endpoints::parse(lines), problems),
            ..Restrictions::default()
        }
    }
}

/// Reads a list of one entry a line. The first line that can't be taken is named.
fn lines<T>(
    field: &'static str,
    text: &str,
    parse: impl Fn(&[&str]) -> Result<T, RestrictionError>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let numbered = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let entries: Vec<_> = numbered.clone().map(|(_, line)| line).collect();
    if entries.is_empty() {
        return None;
    }
    let parsed = parse(&entries);
    if let Err(error) = &parsed {
        let wrong = numbered.into_iter().find_map(|(at, line)| Some((at + 1, line, parse(&[line]).err()?)));
        let text = match wrong {
            Some((number, line, error)) => format!("Line {number}, “{line}”: {}.", in_words(error)),
            None => capitalised(&in_words(*error)),
        };
        problems.push(Problem { field, text });
    }
    parsed.ok()
}

/// The error as a form says it: here no restriction is an empty field.
fn in_words(error: RestrictionError) -> String {
    match error {
        RestrictionError::Everything => {
            "every address is in this network, so it restricts nothing: leave it out".to_owned()
        }
        other => other.to_string(),
    }
}

/// The last second of a day, such as `2030-12-31`, in UTC.
fn end_of_day(text: &str) -> Option<Timestamp> {
    let is_written_out = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day: jiff::civil::Date = text.parse().ok().filter(|_| is_written_out)?;
    let end = jiff::tz::Offset::UTC.to_timestamp(day.at(23, 59, 59, 0)).ok()?;
    Some(Timestamp::from_millis(end.as_millisecond()))
}

/// The environments whose keys work.
pub(super) fn environments(profile: &Profile) -> Vec<Environment> {
    let works = |environment: &Environment| {
        let accepted = *environment == Environment::Live || profile.keys.accepts_test;
        accepted && profile.minted_format().prefix(*environment).is_some()
    };
    [Environment::Live, Environment::Test].into_iter().filter(works).collect()
}

/// What `manage` can't take, beside the fields; anything else stays a refusal.
pub(super) fn problems_of(refusal: Refusal) -> Result<Vec<Problem>, Refusal> {
    match refusal {
        Refusal::Invalid(faults) if faults.iter().all(|fault| field_of(fault).is_some()) => {
            let problem = |fault: &Fault| {
                let detail = &fault.detail;
                let of_it = detail.starts_with("must") || detail.starts_with("can't");
                let text = if of_it { format!("It {detail}.") } else { capitalised(detail) };
                Some(Problem { field: field_of(fault)?, text })
            };
            Ok(faults.iter().filter_map(problem).collect())
        }
        Refusal::NameTooLong { .. } => {
            Ok(vec![Problem { field: "name", text: capitalised(&refusal.to_string()) }])
        }
        other => Err(other),
    }
}

fn field_of(fault: &Fault) -> Option<&'static str> {
    match fault.pointer.split('/').nth(1)? {
        "name" => Some("name"),
        "environment" => Some("environment"),
        "scopes" => Some("permissions"),
        "expires_at" => Some("expires_on"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_546_700_000);

    fn profile(name: &str) -> Profile {
        let file = format!("{}/../../profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        Profile::parse(&file, &std::fs::read_to_string(&file).unwrap()).unwrap()
    }

    fn typed(name: &str) -> Typed {
        Typed { name: name.to_owned(), permissions: "all".to_owned(), ..Typed::default() }
    }

    fn only(scopes: &[&str]) -> Typed {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Typed { permissions: "only".to_owned(), scopes, ..typed("CI") }
    }

    fn problem(typed: &Typed) -> (&'static str, String) {
        let mut problems = typed.order(&profile("cicosts"), NOW).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        let problem = problems.remove(0);
        (problem.field, problem.text)
    }

    #[test]
    fn a_name_alone_asks_for_a_live_key_that_may_do_everything() {
        let order = typed("CI").order(&profile("cicosts"), NOW).unwrap();
        assert_eq!(order.name.as_deref(), Some("CI"));
        assert_eq!((order.environment, order.scopes), (Some(Environment::Live), Some(Scopes::All)));
        assert_eq!((order.expires_at, order.restrictions.is_empty()), (None, true));
    }

    #[test]
    fn a_name_may_be_left_out_where_the_profile_says_so() {
        assert_eq!(problem(&typed("")).0, "name");
        assert_eq!(typed("").order(&profile("codat"), NOW).unwrap().name, None);
    }

    #[test]
    fn nothing_ticked_is_never_everything() {
        assert_eq!(problem(&only(&[])).0, "permissions");
        let ticked = Typed { permissions: "all".to_owned(), ..only(&["costs:read"]) };
        assert_eq!(problem(&ticked).0, "permissions");
        let order = only(&["costs:read"]).order(&profile("cicosts"), NOW).unwrap();
        assert_eq!(order.scopes.unwrap().to_string(), "costs:read");
    }

    #[test]
    fn a_date_lasts_to_its_end() {
        let on = |date: &str| Typed { expiry: "date".to_owned(), expires_on: date.to_owned(), ..typed("CI") };
        let order = on("2026-03-03").order(&profile("cicosts"), NOW).unwrap();
        assert_eq!(order.expires_at.unwrap().to_string(), "2026-03-03T23:59:59Z");
        for date in ["", "2026-03-02", "2026-02-30", "2026-3-4", "tomorrow", "20260304", "-00001-01-01"] {
            assert_eq!(problem(&on(date)).0, "expires_on", "{date}");
        }
        let unchosen = Typed { expiry: "never".to_owned(), ..on("2026-03-03") };
        assert_eq!(problem(&unchosen).0, "expires_on");
    }

    #[test]
    fn only_the_offered_spans_are_taken() {
        let after = |span: &str| Typed { expiry: span.to_owned(), ..typed("CI") };
        let order = after("30d").order(&profile("cicosts"), NOW).unwrap();
        assert_eq!(order.expires_at.unwrap().as_millis() - NOW.as_millis(), 30 * 86_400_000);
        assert_eq!(problem(&after("1s")).0, "expires_on");
    }

    #[test]
    fn the_line_that_is_wrong_is_named() {
        let networks = Typed { networks: "\n10.0.0.0/8\n\n10.0.0.1/8".to_owned(), ..typed("CI") };
        let (field, text) = problem(&networks);
        assert_eq!(field, "networks");
        assert!(text.starts_with("Line 4, “10.0.0.1/8”: the address has bits set"), "{text}");
        let endpoints = Typed { endpoints: "GET /v1/users/**\nget /v1".to_owned(), ..typed("CI") };
        assert!(problem(&endpoints).1.starts_with("Line 2, “get /v1”: "));
        let many = Typed { referrers: "https://a.example\n".repeat(65), ..typed("CI") };
        assert_eq!(problem(&many), ("referrers", "At most 64 entries.".to_owned()));
    }

    #[test]
    fn test_keys_are_offered_where_they_work() {
        for (name, offered) in [("cashcat", 1), ("codat", 1), ("cicosts", 2), ("default", 1)] {
            assert_eq!(environments(&profile(name)).len(), offered, "{name}");
        }
        let test = Typed { environment: "test".to_owned(), ..typed("CI") };
        assert!(test.order(&profile("cicosts"), NOW).is_ok());
        assert_eq!(test.order(&profile("cashcat"), NOW).unwrap_err()[0].field, "environment");
    }
}
