//! Applications on the operators' pages: registering, changing, new secrets, and the end.

use claviger_testkit::{Server, Visitor};
use serde_json::json;

use super::{BACK, application, is_silent_of, operator, says, server};

/// The secret on the page that shows it.
#[track_caller]
fn secret(page: &str) -> String {
    let (_, after) = page.split_once("<code id=\"client-secret\"").expect("the page shows a secret");
    let (_, after) = after.split_once('>').expect("a tag has an end");
    after.split('<').next().unwrap_or_default().to_owned()
}

/// A confidential application's page, and its secret.
#[track_caller]
fn confidential(visitor: &mut Visitor, fields: &[(&str, &str)]) -> (String, String) {
    let _ = visitor.get("/applications/new").expect(200);
    let usual =
        [("name", "Reports"), ("kind", "confidential"), ("redirect_uris", BACK), ("permissions", "all")];
    let all: Vec<_> = usual.iter().chain(fields).copied().collect();
    let made = visitor.submit("/applications/new", &all).expect(201);
    let (_, after) = made.text().split_once("href=\"/applications/app_").expect("it has a page");
    (format!("/applications/app_{}", after.split('"').next().unwrap_or_default()), secret(made.text()))
}

#[track_caller]
fn reader(server: &Server) -> Visitor {
    let made =
        server.operator().post("/v1/operators", &json!({"name": "reader", "can": ["read"]})).expect(201);
    let mut visitor = Visitor::new(server.control);
    let _ = visitor.get("/sign-in").expect(200);
    let key = made.json()["key"].as_str().expect("it has a key").to_owned();
    let _ = visitor.submit("/sign-in", &[("key", &key)]).expect(303);
    visitor
}

#[test]
fn a_secret_is_shown_once() {
    let server = server();
    let mut root = operator(&server);
    says(&root.get("/applications").expect(200), "No application");
    let _ = root.get("/applications/new").expect(200);
    let once = root.hidden("once").expect("a form is taken once").to_owned();
    let csrf = root.csrf();
    let fields = [
        ("csrf", &*csrf),
        ("once", &*once),
        ("api", "cicosts"),
        ("name", "Reports"),
        ("kind", "confidential"),
        ("redirect_uris", BACK),
        ("permissions", "only"),
        ("scopes", "costs:read"),
    ];
    let made = root.post("/applications/new", &fields).expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let secret = secret(made.text());
    assert!(secret.starts_with("cic_ocs_"), "{secret}");
    let again = root.post("/applications/new", &fields).expect(303);
    let place = again.header("location").expect("it leads to the application").to_owned();
    let page = root.get(&place).expect(200);
    for text in ["was registered already", "costs:read", BACK, &secret[..14], "client.register"] {
        says(&page, text);
    }
    is_silent_of(&page, &secret);
    let listed = root.get("/applications").expect(200);
    assert_eq!(listed.text().matches("href=\"/applications/app_").count(), 1, "{}", listed.text());
    assert!(!server.log().contains(&secret), "a secret is in the log");
}

#[test]
fn what_can_not_be_registered_is_said_beside_its_field() {
    let server = server();
    let mut root = operator(&server);
    for (field, wrong, error) in [
        ("name", "", "name-error"),
        ("redirect_uris", "http://app.example.com/cb", "redirect_uris-error"),
        ("redirect_uris", "", "redirect_uris-error"),
        ("kind", "", "kind-error"),
        ("permissions", "only", "permissions-error"),
        ("account", "acme", "account-error"),
        ("account", "acc_00000000000000000000000000", "account-error"),
    ] {
        let _ = root.get("/applications/new").expect(200);
        let usual =
            [("name", "Reports"), ("kind", "confidential"), ("redirect_uris", BACK), ("permissions", "all")];
        let fields: Vec<_> =
            usual.into_iter().filter(|(name, _)| *name != field).chain([(field, wrong)]).collect();
        let refused = root.submit("/applications/new", &fields).expect(422);
        says(&refused, &format!("id=\"{error}\""));
    }
    let _ = root.get("/applications/new").expect(200);
    let fields = [("name", "Spy"), ("kind", "public"), ("redirect_uris", BACK), ("introspects", "yes")];
    says(&root.submit("/applications/new", &fields).expect(422), "A public application has no secret");
    says(&root.get("/applications").expect(200), "No application");
}

#[test]
fn an_application_is_changed_and_only_what_changed_is_noted() {
    let server = server();
    let mut root = operator(&server);
    let place = format!("/applications/{}", application(&server, "Reports", &[]));
    let edit = format!("{place}/edit");
    says(&root.get(&edit).expect(200), BACK);
    let usual = [("name", "Reports"), ("redirect_uris", BACK), ("permissions", "all")];
    let done = root.submit(&edit, &usual).expect(303);
    assert_eq!(done.header("location"), Some(&*format!("{place}?done=saved")));
    is_silent_of(&root.get(&place).expect(200), "client.change");
    let _ = root.get(&edit).expect(200);
    let _ = root.submit(&edit, &[&usual[..], &[("verified", "yes")]].concat()).expect(303);
    let page = root.get(&place).expect(200);
    says(&page, "{&#34;verified&#34;:true}");
    let _ = root.get(&edit).expect(200);
    let refused =
        root.submit(&edit, &[("name", "Reports"), ("redirect_uris", "x:/"), ("permissions", "all")]);
    says(&refused.expect(422), "redirect_uris-error");
}

#[test]
fn a_secret_is_rotated_with_an_overlap() {
    let server = server();
    let mut root = operator(&server);
    let (place, first) = confidential(&mut root, &[]);
    let rotate = format!("{place}/rotate");
    let _ = root.get(&rotate).expect(200);
    let _ = root.submit(&rotate, &[("overlap", "366d")]).expect(403);
    let _ = root.get(&rotate).expect(200);
    let made = root.submit(&rotate, &[("overlap", "1h")]).expect(201);
    assert_ne!(secret(made.text()), first);
    says(&made, "The secret before works until");
    says(&root.get(&place).expect(200), "in 60 minutes");
    let public = application(&server, "Pocket", &[]);
    let _ = root.get(&format!("/applications/{public}/rotate")).expect(403);
}

#[test]
fn an_application_ends_when_its_name_is_typed() {
    let server = server();
    let mut root = operator(&server);
    let (place, _) = confidential(&mut root, &[]);
    let revoke = format!("{place}/revoke");
    let _ = root.get(&revoke).expect(200);
    says(&root.submit(&revoke, &[("confirm", "reports")]).expect(422), "type it exactly");
    let done =
        root.submit(&revoke, &[("confirm", "Reports")]).expect(303).header("location").map(str::to_owned);
    let page = root.get(&done.expect("it leads on")).expect(200);
    says(&page, "The application is revoked");
    is_silent_of(&page, "/rotate\"");
    says(&root.get("/applications").expect(200), "No application");
    says(&root.get("/applications?show=revoked").expect(200), "Reports");
    for over in ["edit", "rotate"] {
        let _ = root.get(&format!("{place}/{over}")).expect(409);
    }
    let id = place.trim_start_matches("/applications/");
    assert_eq!(root.get(&format!("/find?q={id}")).expect(303).header("location"), Some(&*place));
}

#[test]
fn who_may_only_read_changes_no_application() {
    let server = server();
    let mut root = operator(&server);
    let (place, _) = confidential(&mut root, &[]);
    let mut reader = reader(&server);
    is_silent_of(&reader.get("/applications").expect(200), "/applications/new");
    let page = reader.get(&place).expect(200);
    for button in ["/edit\"", "/rotate\"", "/revoke\""] {
        is_silent_of(&page, button);
    }
    let csrf = reader.csrf();
    for path in ["edit", "rotate", "revoke"]
        .map(|verb| format!("{place}/{verb}"))
        .iter()
        .map(String::as_str)
        .chain(["/applications/new"])
    {
        let _ = reader.get(path).expect(403);
        let fields =
            [("csrf", &*csrf), ("confirm", "Reports"), ("name", "X"), ("overlap", "0"), ("api", "cicosts")];
        let _ = reader.post(path, &fields).expect(403);
        let _ = reader.clone().with("Origin", "https://evil.example").post(path, &fields).expect(403);
    }
    let mut at_portal = Visitor::new(server.portal);
    let _ = at_portal.get("/applications").expect(404);
}
