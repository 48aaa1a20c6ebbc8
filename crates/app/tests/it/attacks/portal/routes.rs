//! Every route of the portal, as its source registers it: a new one that changes something needs a row.

use std::{collections::BTreeMap, fs, path::Path};

use claviger_testkit::repository;

/// The form that each changing route takes from somebody signed in as an administrator, and what comes of it.
/// `{key}`, `{member}` and `{session}` are fresh ones; `{name}` is the key's.
pub(super) struct Row {
    pub(super) path: &'static str,
    pub(super) fields: &'static [(&'static str, &'static str)],
    /// Whether a good form changes something.
    pub(super) changes: bool,
}

const fn changes(path: &'static str, fields: &'static [(&'static str, &'static str)]) -> Row {
    Row { path, fields, changes: true }
}

const fn looks(path: &'static str, fields: &'static [(&'static str, &'static str)]) -> Row {
    Row { path, fields, changes: false }
}

/// Of members.
pub(super) const MEMBERS: &[Row] = &[
    changes(
        "/keys/new",
        &[
            ("name", "new one"),
            ("environment", "live"),
            ("permissions", "all"),
            ("expiry", "never"),
            ("once", "{hidden:once}"),
        ],
    ),
    looks("/keys/check", &[("key", "{secret}")]),
    changes("/keys/{id}/disable", &[]),
    changes(
        "/keys/{id}/edit",
        &[
            ("name", "another name"),
            ("environment", "live"),
            ("permissions", "all"),
            ("expiry", "keep"),
            ("seen", "{hidden:seen}"),
        ],
    ),
    changes("/keys/{id}/enable", &[]),
    changes("/keys/{id}/reveal", &[]),
    changes("/keys/{id}/revoke", &[("confirm", "{name}")]),
    changes("/keys/{id}/rotate", &[("overlap", "1h"), ("once", "{hidden:once}")]),
    changes("/members", &[("email", "{email}"), ("role", "viewer")]),
    changes("/members/{id}/remove", &[("confirm", "{victim}")]),
    changes("/members/{id}/role", &[("role", "developer")]),
    changes("/sessions/password", &[("password", "{password}"), ("again", "{password}")]),
    changes("/sessions/{id}/end", &[]),
    changes("/sign-out", &[]),
    changes("/sign-out-everywhere", &[]),
];

/// Of members, about applications: where an api lets them in.
pub(super) const APPLICATIONS: &[Row] = &[
    changes("/connected-apps/{client}/{member}/withdraw", &[]),
    changes("/oauth/authorize", &[("answer", "allow")]),
    changes("/oauth/{api}/authorize", &[("answer", "allow")]),
];

/// Of strangers, with the fields that make a good form.
pub(super) const STRANGERS: &[&str] =
    &["/sign-in", "/sign-in/{api}", "/invitation/{token}", "/password/{token}"];

/// Takes no form: what browsers report of pages, from nobody in particular.
const REPORTS: &str = "/csp-report";

/// Paths of the portal with the methods they take, from the text of its source.
pub(super) fn registered() -> BTreeMap<String, Vec<String>> {
    let source = repository().join("crates/dashboard/src");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in ["pages", "oidc"] {
        read(&source.join(part), &mut found);
    }
    assert!(found.len() > 12, "the routes were found");
    found
}

fn read(place: &Path, found: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(place).expect("the source can be read") {
        let path = entry.expect("the source can be read").path();
        if path.is_dir() {
            read(&path, found);
        } else {
            let text = fs::read_to_string(&path).expect("the source is text");
            for call in text.split(".route(").skip(1) {
                let path = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                let methods = arguments(call);
                let methods = ["get", "post", "put", "patch", "delete", "any", "on", "head", "options"]
                    .into_iter()
                    .filter(|method| methods.contains(&format!("{method}(")));
                let path = path.expect("a route is written out").to_owned();
                found.entry(path).or_default().extend(methods.map(str::to_owned));
            }
        }
    }
}

/// The text of a call's arguments, to the parenthesis that ends it.
fn arguments(call: &str) -> String {
    let mut depth = 1;
    let ends = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    };
    let end = call.find(ends).unwrap_or(call.len());
    format!("{}(", &call[..end])
}

#[test]
fn every_route_that_changes_something_has_a_row() {
    let rows = MEMBERS.iter().chain(APPLICATIONS).map(|row| row.path);
    let mut rows: Vec<_> = rows.chain(STRANGERS.iter().copied()).collect();
    rows.push(REPORTS);
    rows.sort_unstable();
    let posted: Vec<_> = registered()
        .into_iter()
        .filter(|(_, methods)| methods.iter().any(|method| method != "get"))
        .map(|(path, methods)| {
            assert!(
                methods.iter().all(|method| ["get", "post"].contains(&method.as_str())),
                "{path}: {methods:?}"
            );
            path
        })
        .collect();
    assert_eq!(posted, rows, "what pages register, and what is attacked here");
}
