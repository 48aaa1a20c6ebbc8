//! Lists that are longer than one answer of the API.

use serde_json::Value;

use super::{json, opened, text};

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("a list has items");
    items.iter().map(|item| text(item, "id")).collect()
}

#[test]
fn a_long_list_is_fetched_whole_or_as_far_as_is_asked() {
    let (server, cli) = opened("default");
    let operator = server.operator();
    let account = operator.account("Acme");
    let issued: Vec<_> = (0..250).map(|n| operator.issue_plain(&account, &format!("key {n}")).0).collect();
    let all = json(&cli, &["key", "list", "--account", &account]);
    assert_eq!((ids(&all), &all["next_cursor"]), (issued.iter().map(String::as_str).collect(), &Value::Null));
    let some = json(&cli, &["key", "list", "--limit", "130"]);
    assert_eq!(ids(&some), issued[..130].iter().map(String::as_str).collect::<Vec<_>>());
    let rest = json(&cli, &["key", "list", "--cursor", text(&some, "next_cursor")]);
    assert_eq!(ids(&rest), issued[130..].iter().map(String::as_str).collect::<Vec<_>>());
    let for_people = cli.run(&["key", "list", "--limit", "10"]).expect(0);
    assert_eq!(for_people.out.lines().count(), 11, "a head and ten keys");
    assert!(for_people.err.contains("--cursor"), "how to go on: {}", for_people.err);
    assert_eq!(cli.run(&["audit", "list"]).expect(0).out.lines().count(), 1 + 252);
}

#[test]
fn a_list_shows_what_is_asked_for() {
    let (server, cli) = opened("default");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (gone, _) = operator.issue_plain(&account, "gone");
    let (stays, _) = operator.issue_plain(&account, "stays");
    json(&cli, &["key", "revoke", &gone]);
    assert_eq!(ids(&json(&cli, &["key", "list"])), [stays.as_str()]);
    assert_eq!(ids(&json(&cli, &["key", "list", "--all"])), [gone.as_str(), stays.as_str()]);
    for flag in ["--due", "--unused"] {
        assert_eq!(ids(&json(&cli, &["key", "list", flag])), [""; 0], "{flag}");
    }
    let empty = cli.run(&["key", "list", "--due"]).expect(0);
    assert_eq!(empty.out.lines().count(), 1, "a list of nothing is no fault");
}
