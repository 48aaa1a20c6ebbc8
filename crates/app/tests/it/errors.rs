//! `/problems/{code}`: what every error means, for terminals, for browsers, and in the reference.

use std::fs;

use claviger_testkit::{Answer, Customer, Server, ServerBuilder, repository};
use serde_json::{Value, json};

fn server(profile: &str) -> Server {
    ServerBuilder::new(crate::PROGRAM).profile(profile).start()
}

#[track_caller]
fn explained(server: &Server, path: &str, accept: &str) -> Answer {
    Customer::new(server.control, "").authorized_by("").send("GET", path, &[("Accept", accept)], "")
}

#[test]
fn the_type_of_a_problem_leads_to_what_it_means() {
    let server = server("cashcat");
    let problem = server.operator().get("/v1/keys/key_0").expect(404).json();
    let answer =
        explained(&server, problem["type"].as_str().expect("a problem has a type"), "*/*").expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("vary"), Some("Accept"));
    for said in [
        "# not_found\n",
        "## In a problem of the management API: Not found\n\n- Status: 404\n- What it means: ",
        "- What to do: Look at the id",
        "- Who can: whoever wrote the program that called\n- Whom to ask: Whoever runs Claviger here",
    ] {
        assert!(answer.text().contains(said), "{said:?} is not in:\n{}", answer.text());
    }
}

#[test]
fn everything_that_a_verify_call_says_no_by_is_explained_with_the_api_s_support() {
    let file = repository().join("profiles/cashcat.toml");
    let profile = fs::read_to_string(file).expect("the profile can be read");
    let profile = format!("support = \"mailto:help@cashcat.example\"\n{profile}");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start();
    let verdict = server.operator().verify(&json!({"key": "nonsense"}));
    let code = verdict["denial"]["code"].as_str().expect("a denial has a code");
    assert_eq!(code, "malformed");
    let text =
        explained(&server, &format!("/problems/{code}"), "text/markdown, text/plain;q=0.5").expect(200);
    assert_eq!(text.header("content-type"), Some("text/markdown; charset=utf-8"));
    assert!(text.text().contains("- Support of CashCat: <mailto:help@cashcat.example>\n"), "{}", text.text());
}

#[test]
fn every_code_of_the_reference_has_its_page() {
    let server = server("default");
    let reference = fs::read_to_string(repository().join("docs/reference/errors.md")).expect("it is there");
    let codes: Vec<_> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`').map(str::to_owned))
        .collect();
    assert!(codes.len() > 60, "{codes:?}");
    for code in codes {
        let page = explained(&server, &format!("/problems/{code}"), "text/html,*/*;q=0.8").expect(200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{code}");
        assert!(page.text().contains(&format!("<h1>{code}</h1>")), "{}", page.text());
        assert!(page.text().contains("<dt>Whom to ask</dt>"), "{}", page.text());
    }
    let style = explained(&server, "/problems/style.css", "text/css").expect(200);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
}

#[test]
fn what_is_no_code_is_not_found() {
    let server = server("default");
    for path in ["/problems/Revoked", "/problems/nothing", "/problems/%3Cscript%3E", "/problems/"] {
        let problem: Value = explained(&server, path, "text/html").expect(404).json();
        assert_eq!(problem["code"], "not_found", "{path}");
    }
}
