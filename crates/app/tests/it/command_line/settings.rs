//! Settings: from flags, then the environment, then a file, then the defaults.

use std::fs;

use claviger_testkit::{Program, repository};
use tempfile::TempDir;

use super::{fails, serving::Serving};

fn host(server: &Serving, listener: &str) -> String {
    let place = server.url(listener).strip_prefix("http://").expect("it is a URL");
    place.rsplit_once(':').expect("it has a port").0.to_owned()
}

#[test]
fn a_flag_is_above_the_environment_and_that_above_the_file() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    let text = "gateway = \"127.0.0.4:0\"\nportal = \"127.0.0.4:0\"\ncontrol = \"127.0.0.4:0\"\ndata = \"of-the-file\"\n";
    fs::write(&file, text).unwrap();
    let program = Program::at(crate::PROGRAM)
        .with("CLAVIGER_CONFIG", file.to_str().unwrap())
        .with("CLAVIGER_GATEWAY", "127.0.0.3:0")
        .with("CLAVIGER_PORTAL", "127.0.0.3:0");
    let ready = root.path().join("ready").to_str().unwrap().to_owned();
    let words = ["serve", "--ready-file", &ready, "--gateway", "127.0.0.2:0"];
    let server = Serving::start_with(root, &program, &words);
    assert_eq!(host(&server, "gateway"), "127.0.0.2", "the flag");
    assert_eq!(host(&server, "portal"), "127.0.0.3", "the environment");
    assert_eq!(host(&server, "control"), "127.0.0.4", "the file");
    assert!(server.file("of-the-file/claviger.db").exists(), "a path in a file is relative to the file");
}

#[test]
fn profiles_may_come_from_the_environment_and_from_the_file() {
    let root = TempDir::new().unwrap();
    let profile =
        |name: &str| repository().join(format!("profiles/{name}.toml")).to_str().unwrap().to_owned();
    fs::write(root.path().join("claviger.toml"), format!("profiles = [\"{}\"]\n", profile("codat"))).unwrap();
    let program = Program::at(crate::PROGRAM);
    let config = root.path().join("claviger.toml").to_str().unwrap().to_owned();
    let server = Serving::start_in(root, &program, &["--config", &config]);
    let text = fs::read_to_string(server.file("data/first-start.txt")).unwrap();
    assert!(text.contains("curl -u "), "Codat's keys travel in Basic: {text}");
    let several = format!("{}:{}", profile("cashcat"), profile("cicosts"));
    let server = Serving::start(&program.with("CLAVIGER_PROFILE", &several), &[]);
    let text = fs::read_to_string(server.file("data/first-start.txt")).unwrap();
    assert!(text.contains("--api API"), "there are two: {text}");
}

#[test]
fn several_profiles_are_told_apart_by_their_hosts_or_refused() {
    let profile =
        |name: &str| repository().join(format!("profiles/{name}.toml")).to_str().unwrap().to_owned();
    let (default, codat) = (profile("default"), profile("codat"));
    let arguments = ["serve", "--data", "/nowhere/data", "--profile", &default, "--profile", &codat];
    let ended = Program::at(crate::PROGRAM).run(&arguments);
    fails(ended, 1, &["the profile default names no host", "[hosts]"]);
}

#[test]
fn an_api_that_has_accounts_is_not_served_without_its_profile() {
    let profile =
        |name: &str| repository().join(format!("profiles/{name}.toml")).to_str().unwrap().to_owned();
    let (codat, example) = (profile("codat"), profile("example"));
    let program = Program::at(crate::PROGRAM);
    let root = Serving::start(&program, &["--profile", &codat]).stop();
    fs::remove_file(root.path().join("ready")).unwrap();
    let data = root.path().join("data").to_str().unwrap().to_owned();
    let mut arguments = vec!["serve", "--data", &data, "--profile", &example];
    for listener in ["--gateway", "--portal", "--control"] {
        arguments.extend([listener, "127.0.0.1:0"]);
    }
    let said = program.run(&arguments).expect(1).err;
    assert!(said.contains("accounts of the api codat") && said.contains("--profile"), "{said}");
    Serving::start_in(root, &program, &["--profile", &codat, "--profile", &example]);
}

#[test]
fn a_settings_file_that_is_wrong_is_told_with_its_place() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    let data = root.path().join("data");
    for (text, place) in [
        ("data = \"d\"\nlaese = \"2s\"\n", ":2:1: unknown field `laese`"),
        ("lease = \"soon\"\n", ":1:9: must be a whole number and a unit"),
        ("gateway = 8080\n", ":1:11: "),
        ("lease = \n", ":1:"),
        ("log = \"loud\"\n", ":1:7: "),
        ("session_idle = 30\n", ":1:16: "),
    ] {
        fs::write(&file, text).unwrap();
        let arguments = ["serve", "--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
        let place = format!("{}{place}", file.display());
        fails(Program::at(crate::PROGRAM).run(&arguments), 1, &[&place]);
    }
    assert!(!data.exists(), "nothing is made");
    let missing = ["serve", "--config", "/nowhere/claviger.toml"];
    fails(Program::at(crate::PROGRAM).run(&missing), 1, &["/nowhere/claviger.toml can't be read"]);
}

#[test]
fn values_that_can_not_be_are_wrong_usage() {
    for flags in [
        ["--gateway", "localhost"],
        ["--lease", "1s"],
        ["--lease", "forever"],
        ["--upstream", "localhost:3000"],
        ["--log", "loud"],
        ["--log-format", "xml"],
        ["--public-url", "http://keys.example.com"],
        ["--public-url", "https://keys.example.com/portal"],
    ] {
        let ended =
            Program::at(crate::PROGRAM).run(&[&["serve", "--data", "/nowhere/data"], &flags[..]].concat());
        assert_eq!(ended.expect(2).out, "", "{flags:?}");
    }
}

#[test]
fn the_documented_defaults_can_be_given_as_a_settings_file() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    fs::copy(repository().join("crates/app/src/claviger.default.toml"), &file).unwrap();
    let config = file.to_str().unwrap().to_owned();
    let server = Serving::start_in(root, &Program::at(crate::PROGRAM), &["--config", &config]);
    assert!(server.file("data/claviger.db").exists(), "a flag is above it");
}

#[test]
fn links_lead_to_the_public_url_from_wherever_it_is_set() {
    let leads_there = |server: &Serving| {
        let text = fs::read_to_string(server.file("data/first-start.txt")).unwrap();
        assert!(text.contains("Sign-in link   https://keys.example.com/link/"), "{text}");
    };
    let program = Program::at(crate::PROGRAM);
    let url = "https://keys.example.com/";
    leads_there(&Serving::start(&program, &["--public-url", url]));
    leads_there(&Serving::start(&program.clone().with("CLAVIGER_PUBLIC_URL", url), &[]));
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    fs::write(&file, format!("public_url = \"{url}\"\n")).unwrap();
    let config = file.to_str().unwrap().to_owned();
    leads_there(&Serving::start_in(root, &program, &["--config", &config]));
}

#[test]
fn a_public_url_that_is_not_safe_says_what_to_do() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    fs::write(&file, "public_url = \"http://keys.example.com\"\n").unwrap();
    let words = ["serve", "--config", file.to_str().unwrap(), "--data", "/nowhere/data"];
    let ended = Program::at(crate::PROGRAM).run(&words);
    fails(ended, 1, &["\"http://keys.example.com\"", "must be https", "a proxy in front of the portal"]);
}

#[test]
fn how_long_sessions_last_comes_from_the_environment_or_the_file() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    fs::write(&file, "session_idle = \"10m\"\nsession_longest = \"1h\"\n").unwrap();
    let words = ["serve", "--config", file.to_str().unwrap(), "--data", "/nowhere/data"];
    let program = Program::at(crate::PROGRAM);
    for (name, value, saying) in [
        ("CLAVIGER_SESSION_IDLE", "2h", "`session_idle` can't be longer than `session_longest`"),
        ("CLAVIGER_SESSION_LONGEST", "5m", "`session_idle` can't be longer than `session_longest`"),
        ("CLAVIGER_SESSION_LONGEST", "31d", "`session_longest` must be between 1m and 30d"),
        ("CLAVIGER_SESSION_IDLE", "a while", "CLAVIGER_SESSION_IDLE can't be used"),
        ("CLAVIGER_SESSION_IDLE", "", "CLAVIGER_SESSION_IDLE can't be used"),
    ] {
        fails(program.clone().with(name, value).run(&words), 1, &[saying]);
    }
}

#[test]
fn a_portal_for_others_without_a_public_url_is_warned_of() {
    let program = Program::at(crate::PROGRAM);
    let everywhere = ["--portal", "0.0.0.0:0"];
    let warned = |arguments: &[&str]| {
        let server = Serving::start(&program, arguments);
        let text = fs::read_to_string(server.file("data/first-start.txt")).unwrap();
        (server.log().contains("set `public_url`"), text.contains("Sign-in link   http://127.0.0.1:"))
    };
    assert_eq!(warned(&everywhere), (true, true), "links lead to what works on this machine");
    assert_eq!(warned(&[&everywhere[..], &["--public-url", "https://k.example"]].concat()), (false, false));
    assert_eq!(warned(&[]), (false, true));
}
