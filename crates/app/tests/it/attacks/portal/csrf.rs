//! Forms that another site's page sends, in every way a browser can be made to.

use claviger_testkit::Visitor;
use serde_json::json;

use super::{
    Request, Scene,
    request::FORM,
    routes::{self, APPLICATIONS, MEMBERS, Row, STRANGERS},
};
use crate::applications::{application, asking, led_back};

const PASSWORD: &str = "correct horse battery staple";

/// What a row of forgery answers: nothing is read, or nothing is taken.
type Forgery = (&'static str, u16, fn(Request, &Tokens) -> Request);

/// Tokens that are somebody's.
struct Tokens {
    own: String,
    other_session: String,
    other_member: String,
    stranger: String,
}

fn retold(request: Request, token: Option<&str>) -> Request {
    let fields: Vec<(String, String)> =
        form_urlencoded::parse(&request.body).into_owned().filter(|(name, _)| name != "csrf").collect();
    let token = token.map(|token| ("csrf".to_owned(), token.to_owned()));
    let body =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).extend_pairs(token).finish();
    request.saying(FORM, body)
}

fn host(request: &Request) -> String {
    let field = request.fields.iter().find(|(name, _)| name == "Host");
    field.map(|(_, host)| host.clone()).unwrap_or_default()
}

fn from(request: Request, origin: &str) -> Request {
    let origin = origin.replace("{host}", &host(&request));
    request.with("Origin", &origin)
}

fn as_json(request: &Request) -> String {
    let fields = form_urlencoded::parse(&request.body).into_owned();
    json!(fields.collect::<std::collections::BTreeMap<String, String>>()).to_string()
}

fn as_multipart(request: &Request) -> String {
    let fields = form_urlencoded::parse(&request.body);
    let parts = fields.map(|(name, value)| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    parts.collect::<String>() + "--x--\r\n"
}

const FORGERIES: &[Forgery] = &[
    ("no token", 403, |request, _| retold(request, None)),
    ("an empty token", 403, |request, _| retold(request, Some(""))),
    ("another session's token", 403, |request, tokens| retold(request, Some(&tokens.other_session))),
    ("another member's token", 403, |request, tokens| retold(request, Some(&tokens.other_member))),
    ("a stranger's token", 403, |request, tokens| retold(request, Some(&tokens.stranger))),
    ("a token cut", 403, |request, tokens| retold(request, Some(&tokens.own[1..]))),
    ("a token with more", 403, |request, tokens| retold(request, Some(&format!("{} ", tokens.own)))),
    ("the token in the query", 403, |request, tokens| {
        let path = format!("{}?csrf={}", request.path, tokens.own);
        retold(Request { path, ..request }, None)
    }),
    ("the token in a field of the header", 403, |request, tokens| {
        retold(request, None).with("X-CSRF-Token", &tokens.own)
    }),
    ("a false token before the good one", 403, |request, _| {
        let body = [b"csrf=x&".as_slice(), &request.body].concat();
        request.saying(FORM, body)
    }),
    ("no origin", 403, |request, _| request.without("Origin")),
    ("no origin and no word of the browser", 403, |request, _| {
        request.without("Origin").without("Sec-Fetch-Site")
    }),
    ("a referrer only", 403, |request, _| {
        let referrer = format!("http://{}/keys", host(&request));
        request.without("Origin").with("Referer", &referrer)
    }),
    ("origin null", 403, |request, _| from(request, "null")),
    ("origin empty", 403, |request, _| from(request, "")),
    ("another host", 403, |request, _| from(request, "https://evil.example")),
    ("another port", 403, |request, _| from(request, "http://127.0.0.1:1")),
    ("no port", 403, |request, _| from(request, "http://127.0.0.1")),
    ("a scheme of its own", 403, |request, _| from(request, "evil://{host}")),
    ("our name with a suffix", 403, |request, _| from(request, "http://{host}.evil.example")),
    ("our name before an @", 403, |request, _| from(request, "http://{host}@evil.example")),
    ("our name as a path", 403, |request, _| from(request, "http://evil.example/{host}")),
    ("our name with a path", 403, |request, _| from(request, "http://{host}/")),
    ("our name without a scheme", 403, |request, _| from(request, "{host}")),
    ("a list of origins", 403, |request, _| from(request, "http://{host} https://evil.example")),
    ("two origins, ours first", 403, |request, _| request.and("Origin", "https://evil.example")),
    ("two origins, ours last", 403, |request, _| {
        let own = format!("http://{}", host(&request));
        from(request, "https://evil.example").and("Origin", &own)
    }),
    ("cross-site", 403, |request, _| request.with("Sec-Fetch-Site", "cross-site")),
    ("same-site", 403, |request, _| request.with("Sec-Fetch-Site", "same-site")),
    ("typed", 403, |request, _| request.with("Sec-Fetch-Site", "none")),
    ("a word that no browser says", 403, |request, _| request.with("Sec-Fetch-Site", "SAME-ORIGIN")),
    ("two words, ours first", 403, |request, _| request.and("Sec-Fetch-Site", "cross-site")),
    ("text/plain", 415, |request, _| request.with("Content-Type", "text/plain")),
    ("JSON as text/plain", 415, |request, _| {
        let body = as_json(&request);
        request.saying("text/plain", body)
    }),
    ("JSON", 415, |request, _| {
        let body = as_json(&request);
        request.saying("application/json", body)
    }),
    ("JSON that says it is a form", 403, |request, _| {
        let body = as_json(&request);
        request.saying(FORM, body)
    }),
    ("multipart", 415, |request, _| {
        let body = as_multipart(&request);
        request.saying("multipart/form-data; boundary=x", body)
    }),
    ("multipart that says it is a form", 403, |request, _| {
        let body = as_multipart(&request);
        request.saying(FORM, body)
    }),
    ("no type", 415, |request, _| request.without("Content-Type")),
    ("a type with another before", 415, |request, _| {
        request.with("Content-Type", &format!("text/plain, {FORM}"))
    }),
    ("a longer type", 415, |request, _| request.with("Content-Type", &format!("{FORM}x"))),
];

#[track_caller]
fn token_at(visitor: &mut Visitor, path: &str) -> String {
    let _ = visitor.get(path).expect(200);
    visitor.csrf()
}

/// A path and fields with what they name.
struct Filled {
    path: String,
    fields: Vec<(String, String)>,
}

impl Filled {
    fn of(scene: &Scene, row: &Row, visitor: &Visitor) -> Self {
        let (key, secret) = scene.operator.issue_plain(&scene.account, "attacked");
        // What is enabled was disabled, and the other way round.
        if row.path.ends_with("/enable") {
            let _ = scene.operator.post(&format!("/v1/keys/{key}/disable"), &json!(null)).expect(200);
        }
        let victim = format!("v{}@example.com", scene.events());
        let _ = scene.member(&victim, "viewer");
        let listed =
            scene.operator.get(&format!("/v1/sessions?account_id={}", scene.account)).expect(200).json();
        let items = listed["items"].as_array().expect("sessions are a list");
        let session =
            items.last().and_then(|session| session["id"].as_str()).expect("the victim's").to_owned();
        let names = [
            ("{key}", key),
            ("{secret}", secret),
            ("{member}", scene.member_id(&victim)),
            ("{session}", session),
            ("{name}", "attacked".to_owned()),
            ("{email}", format!("new{victim}")),
            ("{victim}", victim),
            ("{password}", PASSWORD.to_owned()),
        ];
        let fill =
            |text: &str| names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        let id = match row.path.split('/').nth(1) {
            Some("keys") => "{key}",
            Some("members") => "{member}",
            _ => "{session}",
        };
        let path = fill(&row.path.replace("{id}", id));
        // What the form hides in its own page.
        let mut visitor = visitor.clone();
        let hidden = |name: &str| {
            let _ = visitor.get(&path).expect(200);
            visitor.hidden(name).expect("the form has the field").to_owned()
        };
        let mut value = {
            let mut hidden = hidden;
            move |value: &str| match value.strip_prefix("{hidden:") {
                Some(name) => hidden(name.trim_end_matches('}')),
                None => fill(value),
            }
        };
        let fields = row.fields.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        Self { fields, path: path.clone() }
    }

    fn form(&self, scene: &Scene, visitor: &Visitor, token: &str) -> Request {
        let mut fields: Vec<_> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.push(("csrf", token));
        Request::form(scene.server.portal, &self.path, &fields).of(visitor)
    }
}

#[test]
fn no_form_of_another_site_changes_anything() {
    for row in MEMBERS {
        let scene = scene();
        let mut visitor = scene.member("ada@example.com", "administrator");
        let mut again = scene.member("ada@example.com", "administrator");
        let mut other = scene.member("bob@example.com", "administrator");
        let tokens = Tokens {
            own: token_at(&mut visitor, "/keys"),
            other_session: token_at(&mut again, "/keys"),
            other_member: token_at(&mut other, "/keys"),
            stranger: token_at(&mut Visitor::new(scene.server.portal), "/sign-in"),
        };
        let filled = Filled::of(&scene, row, &visitor);
        let good = filled.form(&scene, &visitor, &tokens.own);
        let before = (scene.events(), scene.sessions());
        for (what, status, forge) in FORGERIES {
            let name = format!("{} with {what}", row.path);
            let answer = scene.ask(&name, &forge(good.clone(), &tokens));
            assert_eq!(answer.status, *status, "{name}");
            assert_eq!((scene.events(), scene.sessions()), before, "{name}");
        }
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
            let name = format!("{method} {}", row.path);
            let status = scene.ask(&name, &Request { method: method.to_owned(), ..good.clone() }).status;
            assert!([200, 303, 404, 405].contains(&status), "{name}: {status}");
            let query = format!("{}?{}", good.path, String::from_utf8_lossy(&good.body));
            let _ = scene.ask(&name, &Request { method: method.to_owned(), path: query, ..good.clone() });
            assert_eq!((scene.events(), scene.sessions()), before, "{name}");
        }
        let nobody = good.clone().without("Cookie");
        assert_eq!(scene.ask(row.path, &nobody).header("location"), Some("/sign-in"), "{}", row.path);
        assert_eq!((scene.events(), scene.sessions()), before, "{}", row.path);
        // The same form from our own page is taken: it is the forgery that was refused.
        let answer = scene.ask(row.path, &good);
        assert!(
            [200, 201, 303].contains(&answer.status),
            "{}: {} {}",
            row.path,
            answer.status,
            answer.text()
        );
        assert_eq!(scene.events() > before.0, row.changes, "{}: {}", row.path, answer.text());
    }
}

#[test]
fn no_form_of_another_site_lets_an_application_in_or_out() {
    let scene = Scene::of(claviger_testkit::ServerBuilder::new(crate::PROGRAM).profile("cicosts"));
    let client = application(&scene.server, "Cost Reports", &[("verified", "yes")]);
    let place = asking("cicosts", &client, "");
    for row in APPLICATIONS {
        let mut visitor = scene.member("ada@example.com", "administrator");
        let mut again = scene.member("ada@example.com", "administrator");
        let mut other = scene.member("bob@example.com", "administrator");
        let tokens = Tokens {
            own: token_at(&mut visitor, "/keys"),
            other_session: token_at(&mut again, "/keys"),
            other_member: token_at(&mut other, "/keys"),
            stranger: token_at(&mut Visitor::new(scene.server.portal), "/sign-in"),
        };
        let (_, query) = place.split_once('?').expect("an application asks for something");
        let path = match row.path.strip_prefix("/connected-apps/") {
            Some(_) => {
                let allowed = [("csrf", &*tokens.own), ("answer", "allow")];
                let _ = led_back(&visitor.post(&place, &allowed));
                let member = scene.member_id("ada@example.com");
                row.path.replace("{client}", &client).replace("{member}", &member)
            }
            None => format!("{}?{query}", row.path.replace("{api}", "cicosts")),
        };
        let fields: Vec<_> = row.fields.iter().copied().chain([("csrf", &*tokens.own)]).collect();
        let good = Request::form(scene.server.portal, &path, &fields).of(&visitor);
        let before = (scene.events(), scene.sessions());
        for (what, status, forge) in FORGERIES {
            let name = format!("{} with {what}", row.path);
            let answer = scene.ask(&name, &forge(good.clone(), &tokens));
            assert_eq!(answer.status, *status, "{name}");
            assert_eq!((answer.header("location"), answer.header("refresh")), (None, None), "{name}");
            assert_eq!((scene.events(), scene.sessions()), before, "{name}");
        }
        let nobody = scene.ask(row.path, &good.clone().without("Cookie"));
        assert!(nobody.header("location").is_some_and(|place| place.starts_with("/sign-in")), "{}", row.path);
        assert_eq!((scene.events(), scene.sessions()), before, "{}", row.path);
        let answer = scene.ask(row.path, &good);
        assert!(matches!(answer.status, 200 | 303), "{}: {}", row.path, answer.text());
        assert!(scene.events() > before.0, "{}", row.path);
    }
}

/// With keys that can be shown again.
fn scene() -> Scene {
    Scene::of(claviger_testkit::ServerBuilder::new(crate::PROGRAM).profile("codat"))
}

#[test]
fn nobody_is_signed_in_by_a_form_of_another_site() {
    let scene = Scene::open();
    for place in STRANGERS {
        let _ = scene.with_password(&format!("p{}@example.com", place.len()), PASSWORD);
        let email = format!("p{}@example.com", place.len());
        let path = match *place {
            "/sign-in/{api}" => "/sign-in/default".to_owned(),
            "/invitation/{token}" => scene.invitation("new@example.com"),
            "/password/{token}" => scene.password_link(&email),
            other => other.to_owned(),
        };
        let mut stranger = Visitor::new(scene.server.portal);
        let mut member = scene.member("bob@example.com", "administrator");
        let tokens = Tokens {
            own: token_at(&mut stranger, &path),
            other_session: token_at(&mut Visitor::new(scene.server.portal), "/sign-in"),
            other_member: token_at(&mut member, "/keys"),
            stranger: token_at(&mut Visitor::new(scene.server.portal), &path),
        };
        let fields = [("csrf", &*tokens.own), ("email", &email), ("password", PASSWORD), ("again", PASSWORD)];
        let good = Request::form(scene.server.portal, &path, &fields).of(&stranger);
        let before = (scene.events(), scene.sessions());
        for (what, status, forge) in FORGERIES {
            let name = format!("{path} with {what}");
            let answer = scene.ask(&name, &forge(good.clone(), &tokens));
            assert_eq!(answer.status, *status, "{name}");
            assert_eq!((scene.events(), scene.sessions()), before, "{name}");
        }
        let nobody = good.clone().without("Cookie");
        assert_eq!(scene.ask(&path, &nobody).status, 403, "{path}");
        let twice = good.clone().and("Cookie", &format!("claviger-pre={}", "x".repeat(22)));
        assert_eq!(scene.ask(&path, &twice).status, 403, "{path}");
        assert_eq!((scene.events(), scene.sessions()), before, "{path}");
        assert_eq!(scene.ask(&path, &good).header("location"), Some("/keys"), "{path}");
    }
}

#[test]
fn looking_changes_nothing() {
    let scene = scene();
    let visitor = scene.member("ada@example.com", "administrator");
    let before = (scene.events(), scene.sessions());
    let (key, _) = scene.operator.issue_plain(&scene.account, "attacked");
    let before = (before.0 + 1, before.1);
    for path in routes::registered().into_keys() {
        let path = path
            .replace("{id}", &key)
            .replace("{api}", "codat")
            .replace("{token}", "x")
            .replace("{name}", "x");
        for method in ["GET", "HEAD"] {
            let request = Request::new(method, scene.server.portal, &path).of(&visitor);
            let _ = scene.ask(&path, &request.with("Sec-Fetch-Site", "cross-site"));
            assert_eq!((scene.events(), scene.sessions()), before, "{method} {path}");
        }
    }
}
