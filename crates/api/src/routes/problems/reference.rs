//! `docs/reference/errors.md`, made of what is said of every code.

use claviger_model::Solver;
use claviger_testkit::hold_reference;

use super::entries::{self, Entry, Place};

const HEAD: &str = "\
# Errors

Every code, what it means, what to do, and who can.
A node says the same at `/problems/{code}` of its control listener, where the `type` of a problem leads: a page for browsers, Markdown for `curl`.
This page is made of what it says.

An api's callers get the answers of its [profile](profile.md), which may call these codes otherwise or not tell some of them apart; the codes here are those of a profile that says nothing else, and the reasons that the key's owner and the operators are told.
A denied request is found by its id, the answer's `X-Request-Id`: under \"Key not working?\" on the customer's page, under Find on the operators' pages, and by `GET /v1/denials?request_id=…`.
";

fn reference() -> String {
    let mut lines = vec![HEAD.to_owned(), "| who can | whom they ask |\n|---|---|".to_owned()];
    let solvers = [Solver::Caller, Solver::Owner, Solver::Developer, Solver::Operator];
    lines.extend(solvers.map(|solver| format!("| {} | {} |", solver.in_words(), solver.asks())));
    for place in [Place::Management, Place::Api, Place::Undecided, Place::Application] {
        lines.push(format!("\n## {}", place.heading()));
        for entry in entries::all().filter(|entry| entry.place == place) {
            lines.push(told(&entry));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn told(entry: &Entry) -> String {
    let Entry { code, status, help, .. } = entry;
    let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
    let lines = |text: &str, end| text.replace(". ", &format!(".\n{end}"));
    format!(
        "\n### `{code}`\n\n{}{status}.\n{}\n\n- What to do: {}\n- Who can: {}.",
        help.title,
        lines(help.meaning, ""),
        lines(help.solution, "  "),
        help.solver.in_words(),
    )
}

#[test]
fn the_reference_is_what_the_pages_say() {
    hold_reference("errors.md", &reference());
}

#[test]
fn every_code_is_explained_in_whole_sentences() {
    for Entry { code, help, .. } in entries::all() {
        assert!(!help.title.ends_with('.') && help.title.starts_with(char::is_uppercase), "{code}");
        for text in [help.meaning, help.solution] {
            assert!(text.ends_with('.') && text.len() > 10, "{code}: {text}");
            assert!(!text.contains("  ") && text.matches('`').count() % 2 == 0, "{code}: {text}");
        }
    }
}
