//! `claviger profile check`, and what it and `claviger doctor` say of the files that profiles name

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use claviger_testkit::{Finished, Program, repository};
use tempfile::TempDir;

const NAMES: [&str; 5] = ["cashcat", "cicosts", "codat", "default", "example"];

fn check(file: &Path) -> Finished {
    Program::at(crate::PROGRAM).run(&["profile", "check", file.to_str().expect("the path is text")])
}

/// How the doctor ends, and what it says of one thing: the finding, and what follows it.
fn doctor(file: &Path, about: &str) -> (i32, String) {
    let data = file.with_file_name("data");
    let arguments = [
        "doctor",
        "--data",
        data.to_str().expect("the path is text"),
        "--profile",
        file.to_str().expect("the path is text"),
    ];
    let told = Program::at(crate::PROGRAM).run(&arguments);
    let about = format!("  {about} ");
    let lines: Vec<_> = told.out.lines().skip_while(|line| !line.contains(&about)).take(2).collect();
    (told.code, lines.join(" "))
}

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
        let ended = check(&file).expect(1);
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

#[test]
fn files_for_the_pages_that_can_not_be_served_with_are_told() {
    let root = TempDir::new().unwrap();
    let (file, at) = (root.path().join("shop.toml"), |name: &str| root.path().join(name));
    let mut text = fs::read_to_string(repository().join("profiles/default.toml")).unwrap();
    text += "\n[dashboard]\nlogo = \"shop.svg\"\n\n[sign_in.oidc]\nissuer = \"https://id.shop.test\"\nclient_id = \"keys\"\n";
    text += "client_secret_file = \"oidc.secret\"\n";
    fs::write(&file, text).unwrap();
    let is_told = |words: &str| {
        let told = check(&file).expect(1).err;
        assert!(told.contains(words), "{told}");
        let (code, told) = doctor(&file, "pages");
        assert_eq!(code, 1);
        assert!(told.starts_with("fail") && told.contains(words), "{told}");
    };
    is_told("shop.svg can't be read: No such file");
    fs::write(at("shop.svg"), vec![b' '; 200 << 10]).unwrap();
    is_told("shop.svg is larger than 100 KiB");
    fs::write(at("shop.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    is_told("oidc.secret can't be read: No such file");
    fs::write(at("oidc.secret"), "\n").unwrap();
    is_told("oidc.secret is empty");

    fs::write(at("oidc.secret"), "secret\n").unwrap();
    assert_eq!(check(&file).expect(0).err, "");
    let (code, told) = doctor(&file, "pages");
    assert_eq!(code, 0);
    assert!(told.starts_with("ok "), "{told}");
}

/// The default profile, which names a pepper in the folder that it is in.
fn peppered(folder: &TempDir) -> (PathBuf, PathBuf) {
    let (file, pepper) = (folder.path().join("shop.toml"), folder.path().join("hmac.key"));
    let text = changed("display_prefix = 15", "display_prefix = 15\npepper_file = \"hmac.key\"");
    fs::write(&file, text).expect("the test's directory can be written");
    (file, pepper)
}

#[test]
fn a_pepper_that_can_not_be_served_with_is_told_with_what_should_be_there() {
    let root = TempDir::new().unwrap();
    let (file, pepper) = peppered(&root);
    let (check, doctor) = (|| check(&file), || doctor(&file, "pepper"));
    let put = |content: &str, mode| {
        fs::write(&pepper, content).unwrap();
        fs::set_permissions(&pepper, fs::Permissions::from_mode(mode)).unwrap();
    };
    let is_told = |words: &str| {
        let ended = check().expect(1);
        assert_eq!(ended.out, "");
        for (who, text) in [("check", ended.err), ("doctor", doctor().1)] {
            let is_all = ["hmac.key should hold the key", words].iter().all(|words| text.contains(words));
            assert!(is_all, "{who}: {text}");
        }
        assert_eq!(doctor().0, 1);
    };
    is_told("can't be read: No such file");
    put("\n", 0o600);
    is_told("and is empty");
    put(&"secret".repeat(1000), 0o600);
    is_told("and holds 6000");

    put("secret", 0o640);
    let ended = check().expect(0);
    assert!(ended.out.contains("good"), "{}", ended.out);
    assert!(ended.err.contains("hmac.key: set its mode to 0600"), "{}", ended.err);
    let (code, told) = doctor();
    assert_eq!(code, 0);
    assert!(told.starts_with("warn") && told.contains("What to do: `chmod 600 "), "{told}");

    put("secret", 0o600);
    assert_eq!(check().expect(0).err, "");
    let (code, told) = doctor();
    assert_eq!(code, 0);
    assert!(told.starts_with("ok  ") && told.contains("The pepper of default can be read."), "{told}");
}

#[test]
fn a_pepper_that_only_the_service_may_read_is_no_fault_of_its_profile() {
    let root = TempDir::new().unwrap();
    let (file, pepper) = peppered(&root);
    fs::write(&pepper, "secret").unwrap();
    fs::set_permissions(&pepper, fs::Permissions::from_mode(0o000)).unwrap();
    let mut program = Program::at(crate::PROGRAM);
    if fs::read(&pepper).is_ok() {
        // Whoever runs the tests may read everything.
        program = program.under(&["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]);
    }
    let ended = program.run(&["profile", "check", file.to_str().unwrap()]).expect(0);
    assert!(ended.out.contains("good"), "{}", ended.out);
    for words in ["this user can't read ", "hmac.key", "run as the service's user"] {
        assert!(ended.err.contains(words), "{}", ended.err);
    }
    let data = root.path().join("data");
    let arguments = ["--data", data.to_str().unwrap(), "--profile", file.to_str().unwrap()];
    let told = program.run(&[&["doctor"], &arguments[..]].concat()).expect(1);
    let line = told.out.lines().find(|line| line.contains("  pepper ")).expect("it is looked at");
    assert!(line.starts_with("fail") && line.contains("can't be read by this user: "), "{line}");
    assert!(told.out.contains("What to do: Run this as the service's user."), "{}", told.out);
}
