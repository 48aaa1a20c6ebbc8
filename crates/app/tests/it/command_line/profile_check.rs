//! `claviger profile check`

use std::fs;

use claviger_testkit::{Program, repository};
use tempfile::TempDir;

const NAMES: [&str; 5] = ["cashcat", "cicosts", "codat", "default", "example"];

#[test]
fn the_profiles_that_ship_are_good() {
    let files = NAMES.map(|name| repository().join(format!("profiles/{name}.toml")).display().to_string());
    let mut arguments = vec!["profile", "check"];
    arguments.extend(files.iter().map(String::as_str));
    let ended = Program::at(crate::PROGRAM).run(&arguments).expect(0);
    assert_eq!(ended.err, "");
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines.len(), NAMES.len());
    for ((line, file), name) in lines.iter().zip(&files).zip(NAMES) {
        assert!(line.starts_with(&format!("{file}: good")) && line.contains(name), "{line}");
    }
}

/// The default profile with one change.
fn changed(from: &str, to: &str) -> String {
    let file = repository().join("profiles/default.toml");
    let text = fs::read_to_string(file).expect("the profile can be read");
    assert_eq!(text.matches(from).count(), 1, "{from:?} is in the profile once");
    text.replace(from, to)
}

#[test]
fn each_fault_is_told_with_file_line_and_column() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("mine.toml");
    for (from, to, told) in [
        ("display_prefix = 15", "display_prefx = 15", "display_prefx"),
        ("storage = \"digest\"", "storage = \"plain\"", "plain"),
        ("accept = [\"bearer\"]", "accept = [\"carrier pigeon\"]", "a header of its own"),
        ("length = 32", "length = 4", "bits"),
        ("display_prefix = 15", "display_prefix = 40", "guessed"),
        ("rotate_after = \"90d\"", "rotate_after = \"a while\"", "whole number and a unit"),
        ("[test]", "[[routes]]\nmethods = [\"GET\"]\npaths = [\"v1\"]\nscope = \"x:y\"\n\n[test]", "x:y"),
        ("status = 401, code", "status = 99, code", "status"),
        ("${request_id}", "${requestid}", "requestid"),
        ("my_test_", "my_live_x", "prefix"),
    ] {
        let text = changed(from, to);
        let line = text[..text.find(to).unwrap()].lines().count().max(1);
        fs::write(&file, &text).unwrap();
        let ended = Program::at(crate::PROGRAM).run(&["profile", "check", file.to_str().unwrap()]).expect(1);
        assert_eq!(ended.out, "");
        let (place, said) = ended.err.split_once(": ").expect("a place and what is wrong with it");
        let place = place.strip_prefix(file.to_str().unwrap()).expect("the file");
        let numbers: Vec<usize> =
            place.split(':').skip(1).map(|part| part.parse().expect("a number")).collect();
        let [at, column] = numbers[..] else { panic!("{place}") };
        assert!(at >= line && at <= line + 4 && column >= 1, "{to}: {place}, not line {line}");
        assert!(said.contains(told), "{told:?} is not in: {said}");
    }
}

#[test]
fn several_faults_of_one_profile_and_of_several_files_are_told_at_once() {
    let root = TempDir::new().unwrap();
    let (broken, good) = (root.path().join("broken.toml"), repository().join("profiles/codat.toml"));
    let text = changed("rotate_after = \"90d\"", "rotate_after = \"x\"").replace("length = 32", "length = 4");
    fs::write(&broken, text).unwrap();
    let files = [broken.to_str().unwrap(), good.to_str().unwrap(), "/nowhere/profile.toml"];
    let ended = Program::at(crate::PROGRAM).run(&[&["profile", "check"], &files[..]].concat()).expect(1);
    assert_eq!(ended.out.lines().count(), 1, "the good one: {}", ended.out);
    assert_eq!(ended.err.matches("broken.toml:").count(), 2, "{}", ended.err);
    assert!(ended.err.contains("/nowhere/profile.toml can't be read"), "{}", ended.err);
}

#[test]
fn a_broken_profile_is_not_served_and_nothing_is_made() {
    let root = TempDir::new().unwrap();
    let (file, data) = (root.path().join("mine.toml"), root.path().join("data"));
    fs::write(&file, changed("storage = \"digest\"", "storage = \"plain\"")).unwrap();
    let arguments = ["serve", "--profile", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let ended = Program::at(crate::PROGRAM).run(&arguments).expect(1);
    assert!(ended.err.contains(&format!("{}:", file.display())), "{}", ended.err);
    assert!(!data.exists());
}
