//! The table of requirements in the reference names tests that are there.

use std::{fs, path::Path};

use claviger_testkit::repository;

fn sources(under: &Path, text: &mut String) {
    for entry in fs::read_dir(under).expect("the repository can be read") {
        let path = entry.expect("the repository can be read").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("sources are text"));
        }
    }
}

#[test]
fn each_requirement_is_held_by_a_test() {
    let page = fs::read_to_string(repository().join("docs/reference/oauth.md")).expect("the page is there");
    let (_, table) = page.split_once("| requirement | held by |").expect("the page has the table");
    let mut all = String::new();
    sources(&repository().join("crates"), &mut all);
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    for row in rows {
        let holders = row.rsplit("| ").next().expect("a row has cells");
        let names: Vec<_> = holders.split('`').filter(|name| name.contains("::")).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            let function = name.rsplit("::").next().expect("a path has an end");
            assert!(all.contains(&format!("fn {function}(")), "{name} is no test: {row}");
        }
    }
}
