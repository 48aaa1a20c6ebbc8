//! What browsers report of pages goes to the log: within bounds, on one line, and without what must not be there.

use claviger_testkit::{ServerBuilder, eventually};
use serde_json::json;

use super::{Request, Scene};

const KIND: &str = "application/csp-report";

fn lines(scene: &Scene) -> Vec<String> {
    scene.server.log().lines().filter(|line| line.contains("broke its policy")).map(str::to_owned).collect()
}

#[test]
fn a_report_is_one_short_line() {
    for format in ["text", "json"] {
        let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
        let scene = Scene::of(builder.argument("--log-format").argument(format));
        let portal = scene.server.portal;
        let forged = "x\r\n2026-01-01T00:00:00Z ERROR forged\n\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\u{2028}\0";
        let report = |text: &str| {
            json!({"csp-report": {"effective-directive": text, "blocked-uri": text, "source-file": text}})
                .to_string()
        };
        let rows: Vec<Vec<u8>> = vec![
            report(forged).into_bytes(),
            forged.as_bytes().to_vec(),
            report(&"a ".repeat(2000)).into_bytes(),
            vec![0xff; 16 << 10],
            b"{".repeat(16 << 10),
            b"[".repeat(16 << 10),
            Vec::new(),
        ];
        for body in &rows {
            let request = Request::form(portal, "/csp-report", &[]).saying(KIND, body.clone());
            let _ = scene.ask("a report", &request).expect(204);
        }
        let large = Request::form(portal, "/csp-report", &[]).saying(KIND, vec![b'a'; (16 << 10) + 1]);
        let _ = scene.ask("a large report", &large).expect(413);
        let logged = eventually(|| Some(lines(&scene)).filter(|logged| !logged.is_empty()));
        assert!(logged.len() <= rows.len(), "{logged:#?}");
        assert!(logged.iter().all(|line| line.len() < 4000), "{logged:#?}");
        let log = scene.server.log();
        assert!(!log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z ERROR forged")), "{log}");
        let odd = |c: char| c.is_control() && c != '\n' || ['\u{202e}', '\u{2028}'].contains(&c);
        assert!(!log.contains(odd), "{log:?}");
    }
}

#[test]
fn a_report_of_a_page_behind_a_one_time_link_does_not_tell_the_link() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let invitation = scene.invitation("ada@example.com");
    let token = invitation.trim_start_matches("/invitation/").to_owned();
    let page = format!("http://{portal}{invitation}");
    let old = json!({"csp-report": {
        "document-uri": page, "referrer": page, "violated-directive": "script-src", "blocked-uri": page, "source-file": page,
        "effective-directive": format!("script-src {token}"), "script-sample": token,
    }});
    let new = json!([{"type": "csp-violation", "url": page, "body": {
        "documentURL": page, "effectiveDirective": "script-src-elem", "blockedURL": page, "sample": token, "sourceFile": page,
    }}]);
    for (kind, body) in
        [(KIND, old.to_string()), ("application/reports+json", new.to_string()), ("text/plain", page)]
    {
        let request = Request::form(portal, "/csp-report", &[]).saying(kind, body);
        let _ = scene.ask(kind, &request).expect(204);
    }
    eventually(|| lines(&scene).iter().any(|line| line.contains("script-src")).then_some(()));
    assert!(!scene.server.log().contains(&token), "{:#?}", lines(&scene));
}
