//! The first start on an empty directory: an operator key, a key to try, a curl line that works as it stands, and a link
//! that signs in.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use claviger_testkit::{Finished, Program, Visitor, eventually, repository};

use super::serving::Serving;

fn profile(name: &str) -> String {
    repository().join(format!("profiles/{name}.toml")).to_str().expect("the tests' paths are text").to_owned()
}

/// The first line of `text` that begins like this, white space aside.
fn line<'a>(text: &'a str, beginning: &str) -> &'a str {
    text.lines().map(str::trim).find(|line| line.starts_with(beginning)).expect("the text has such a line")
}

/// Runs a line of the text as it stands.
fn shell(line: &str) -> Finished {
    Command::new("sh").args(["-c", line]).output().expect("there is a shell").into()
}

/// The curl line answers with what the upstream received, and the lines below it list the key.
fn works_as_it_stands(text: &str) {
    let curl = line(text, "curl ").replacen("curl ", "curl --silent --show-error --fail ", 1);
    let answered = shell(&curl).expect(0);
    assert!(answered.out.contains("acc_"), "the upstream is told whose key it is: {}", answered.out);
    let export = line(text, "export CLAVIGER_OPERATOR_KEY=");
    let manage =
        text.lines().map(str::trim).find(|line| line.ends_with(" key list")).expect("a line to go on with");
    let listed = shell(&format!("{export}\n{manage}")).expect(0);
    assert!(listed.out.contains("First key"), "{}", listed.out);
    let link = text.lines().map(str::trim).find(|line| line.contains(" session link ")).expect("the same");
    let another = shell(&format!("{export}\n{link}")).expect(0).out;
    for url in [sign_in_link(text), another.trim()] {
        let (place, token) = of_link(url);
        let portal = place.trim_start_matches("http://").trim_end_matches("/link");
        let mut visitor = Visitor::new(portal.parse().expect("the portal has an address"));
        let answer = visitor.get(&format!("/link/{token}")).expect(303);
        assert_eq!(answer.header("location"), Some("/keys"));
    }
}

/// Where a link leads, and its secret part.
fn of_link(url: &str) -> (&str, &str) {
    let (place, token) = url.rsplit_once('/').expect("a link has a path");
    assert!(place.starts_with("http://127.0.0.1:") && place.ends_with("/link") && token.len() == 43, "{url}");
    (place, token)
}

fn sign_in_link(text: &str) -> &str {
    line(text, "Sign-in link").split_whitespace().last().expect("the line ends with it")
}

#[test]
fn without_a_terminal_the_secrets_are_in_a_private_file_that_the_log_names() {
    for name in ["default", "cashcat", "cicosts", "example", "codat"] {
        let server = Serving::start(&Program::at(crate::PROGRAM), &["--profile", &profile(name)]);
        let file = server.file("data/first-start.txt");
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(server.log().contains(file.to_str().unwrap()), "{}", server.log());
        let operator_key = line(&text, "Operator key").split_whitespace().last().unwrap().to_owned();
        let api_key = line(&text, "API key").split_whitespace().last().unwrap().to_owned();
        let (place, token) = of_link(sign_in_link(&text));
        assert_eq!(place, format!("{}/link", server.url("portal")));
        assert!(operator_key.starts_with("clv_op_"));
        for secret in [&operator_key, &api_key, &token.to_owned()] {
            assert!(!server.log().contains(secret.as_str()), "a secret is in the log");
        }
        works_as_it_stands(&text);
    }
}

#[test]
fn on_a_terminal_the_secrets_are_shown_and_put_nowhere() {
    let server = Serving::start_on_a_terminal(&["--profile", &profile("default")]);
    let whole = |screen: &String| screen.contains(" --email owner@localhost\n");
    let screen = eventually(|| Some(server.log().replace('\r', "")).filter(whole));
    assert!(screen.contains("shown this once"), "{screen}");
    let operator_key = line(&screen, "Operator key").split_whitespace().last().unwrap();
    assert_eq!(screen.matches(operator_key).count(), 2, "itself, and in the line that exports it");
    works_as_it_stands(&screen);
    assert_eq!(screen.matches(of_link(sign_in_link(&screen)).1).count(), 1);
    assert!(!server.file("data/first-start.txt").exists());
    server.stop();
}

#[test]
fn the_second_start_shows_nothing() {
    let program = Program::at(crate::PROGRAM);
    let arguments = ["--profile", &profile("default")];
    let root = Serving::start(&program, &arguments).stop();
    let file = root.path().join("data/first-start.txt");
    fs::remove_file(&file).unwrap();
    fs::remove_file(root.path().join("ready")).unwrap();
    let server = Serving::start_in(root, &program, &arguments);
    assert!(!file.exists() && !server.log().contains("first start"), "{}", server.log());
}

#[test]
fn the_key_to_try_has_a_name_that_its_profile_takes() {
    for (name_max, name) in [(9, "First key"), (5, "key"), (2, "ke")] {
        let root = tempfile::TempDir::new().unwrap();
        let file = root.path().join("mine.toml");
        let text = fs::read_to_string(profile("default")).unwrap();
        fs::write(&file, text.replacen("[keys]\n", &format!("[keys]\nname_max = {name_max}\n"), 1)).unwrap();
        let profile = file.to_str().unwrap().to_owned();
        let server = Serving::start_in(root, &Program::at(crate::PROGRAM), &["--profile", &profile]);
        let text = fs::read_to_string(server.file("data/first-start.txt")).unwrap();
        let export = line(&text, "export CLAVIGER_OPERATOR_KEY=");
        let listed = shell(&format!("{export}\n{} key list --json", crate::PROGRAM)).expect(0).json();
        assert_eq!(listed["items"][0]["name"], name);
    }
}

#[test]
fn an_operator_key_that_can_not_be_shown_is_not_made() {
    let root = tempfile::TempDir::new().unwrap();
    let in_the_way = root.path().join("data/first-start.txt");
    fs::create_dir_all(&in_the_way).unwrap();
    fs::set_permissions(root.path().join("data"), fs::Permissions::from_mode(0o700)).unwrap();
    let data = root.path().join("data").to_str().unwrap().to_owned();
    let mut arguments = vec!["serve", "--data", &data];
    for listener in ["--gateway", "--portal", "--control"] {
        arguments.extend([listener, "127.0.0.1:0"]);
    }
    let program = Program::at(crate::PROGRAM);
    let said = "the first operator key can't be made";
    assert!(program.run(&arguments).expect(1).err.contains(said));
    fs::remove_dir(&in_the_way).unwrap();
    let server = Serving::start_in(root, &program, &[]);
    works_as_it_stands(&fs::read_to_string(server.file("data/first-start.txt")).unwrap());
}

#[test]
fn without_a_profile_the_built_in_one_is_served() {
    let server = Serving::start(&Program::at(crate::PROGRAM), &[]);
    let text = fs::read_to_string(server.file("data/first-start.txt")).unwrap();
    assert!(line(&text, "API key").contains("my_live_"));
    works_as_it_stands(&text);
}

#[test]
fn several_profiles_are_served_and_each_is_chosen_by_its_host() {
    let profiles = ["--profile", &profile("cashcat"), "--profile", &profile("codat")];
    let server = Serving::start(&Program::at(crate::PROGRAM), &profiles);
    let text = fs::read_to_string(server.file("data/first-start.txt")).unwrap();
    assert!(text.contains("account create NAME --api API") && !text.contains("curl"), "{text}");
    assert!(!text.contains("/link/"), "there is no account to sign in for: {text}");
    for (host, body) in [("api.cashcat.app", "unauthorized"), ("api.codat.io", "correlationId")] {
        let answered =
            shell(&format!("curl --silent -H 'Host: {host}' {}/", server.url("gateway"))).expect(0);
        assert!(answered.out.contains(body), "{host}: {}", answered.out);
    }
}
