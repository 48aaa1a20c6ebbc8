//! After everything that handles secrets at the portal, the log has none of them, nor has any file (A147).

use claviger_testkit::{ServerBuilder, Visitor};
use serde_json::json;

use super::{Request, Scene};
use crate::faults::secrets::nothing_is_left;

const PASSWORD: &str = "zebra-marmalade-quantum-1897";
const WRONG: &str = "giraffe-marzipan-photon-4431";
const NEW: &str = "ostrich-toffee-neutrino-7702";

#[test]
fn the_log_and_the_files_know_no_secret_of_the_portal() {
    for format in ["text", "json"] {
        let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
        let builder =
            ["--log", "trace", "--log-format", format].into_iter().fold(builder, ServerBuilder::argument);
        let scene = Scene::of(builder);
        let mut secrets: Vec<String> = [PASSWORD, WRONG, NEW].map(str::to_owned).to_vec();
        let portal = scene.server.portal;
        let token = |path: &str| path.rsplit('/').next().expect("a path has an end").to_owned();
        // Used, unused, and spoilt links.
        let (used, unused, spoilt) =
            (scene.link("ada@example.com"), scene.link("ada@example.com"), scene.link("ada@example.com"));
        let mut visitor = Visitor::new(portal);
        let _ = visitor.get(&used).expect(303);
        let _ = visitor.clone().get(&used).expect(410);
        let _ = visitor.clone().get(&format!("{spoilt}x")).expect(410);
        let _ = Request::get(portal, &format!("/nothing{spoilt}?{spoilt}")).send(portal).expect(404);
        let misled = Request::get(portal, &spoilt)
            .with("Referer", &spoilt)
            .with("User-Agent", &spoilt)
            .with("X-Odd", &spoilt);
        let _ = misled.with("Sec-Purpose", "prefetch").send(portal).expect(503);
        secrets.extend([&used, &unused, &spoilt].map(|link| token(link)));
        // Passwords, taken and refused.
        let invitation = scene.invitation("bob@example.com");
        secrets.push(token(&invitation));
        let mut bob = Visitor::new(portal);
        let _ = bob.get(&invitation).expect(200);
        let _ = bob.submit(&invitation, &[("password", WRONG), ("again", PASSWORD)]).expect(422);
        let answer = bob.submit(&invitation, &[("password", PASSWORD), ("again", PASSWORD)]).expect(303);
        assert!(answer.body.is_empty());
        let wrong = scene.attempt("bob@example.com", WRONG).1.expect(422);
        assert!(!wrong.text().contains(WRONG));
        let _ = scene.attempt(PASSWORD, "bob@example.com").1.expect(422);
        let _ = scene.attempt("nobody@example.com", PASSWORD).1.expect(422);
        let (entered, _) = scene.attempt("bob@example.com", PASSWORD);
        let reset = scene.password_link("bob@example.com");
        secrets.push(token(&reset));
        let mut again = Visitor::new(portal);
        let _ = again.get(&reset).expect(200);
        let _ = again.submit(&reset, &[("password", NEW), ("again", NEW)]).expect(303);
        // Forms that are refused before, while and after they are read.
        for (name, value) in
            [("Origin", "null"), ("Content-Type", "text/plain"), ("Content-Encoding", "gzip")]
        {
            let fields = [("csrf", PASSWORD), ("email", PASSWORD), ("password", PASSWORD)];
            let request = Request::form(portal, "/sign-in", &fields).with(name, value);
            assert!(request.send(portal).status >= 400);
        }
        // Keys: made, rotated, pasted where they belong and where they don't.
        let mut admin = scene.member("eve@example.com", "administrator");
        let (id, key) = scene.operator.issue_plain(&scene.account, "pasted");
        let _ = admin.get("/keys").expect(200);
        let csrf = admin.csrf();
        for (path, field) in
            [("/keys/check", "key"), ("/keys/new", "name"), ("/members", "email"), ("/sign-in", "email")]
        {
            let _ =
                admin.clone().post(path, &[("csrf", csrf.as_str()), (field, key.as_str()), ("role", &key)]);
        }
        let _ = admin.clone().get(&format!("/keys?q={key}"));
        let _ = admin.clone().get(&format!("/keys/{key}"));
        for path in ["/keys/new".to_owned(), format!("/keys/{id}/rotate"), format!("/keys/{id}/reveal")] {
            let answer = admin.post(
                &path,
                &[("csrf", csrf.as_str()), ("name", "made"), ("once", "once"), ("overlap", "1h")],
            );
            let prefix: String = key.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let words = answer.text().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            secrets.extend(
                words.filter(|word| word.len() == key.len() && word.starts_with(&prefix)).map(str::to_owned),
            );
        }
        secrets.push(key);
        let report = json!({"csp-report": {"document-uri": format!("http://{portal}{unused}"), "effective-directive": "x"}});
        let _ = Request::form(portal, "/csp-report", &[])
            .saying("application/json", report.to_string())
            .send(portal);
        for visitor in [&visitor, &bob, &again, &entered, &admin] {
            secrets.extend(
                visitor.cookies().iter().map(|(_, value)| value.clone()).filter(|value| value.len() > 20),
            );
        }
        let _ = visitor.get("/keys").expect(200);
        secrets.push(visitor.csrf());
        let _ = visitor.submit("/sign-out", &[]).expect(303);
        assert!(secrets.len() >= 12);
        nothing_is_left(&scene.server.data(), &scene.server.log(), &secrets);
        let mut stopped = scene.server.kill();
        let (data, log) = (stopped.data(), stopped.log());
        nothing_is_left(&data, &log, &secrets);
    }
}
