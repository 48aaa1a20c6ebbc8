//! `--ready-file`: written in one step, when everything answers.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use claviger_testkit::{Finished, Program};

use super::serving::Serving;

fn answered(url: &str) -> u16 {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", url]);
    Finished::from(curl.output().expect("curl is installed: ./test installs it"))
        .expect(0)
        .out
        .parse()
        .expect("a status is a number")
}

#[test]
fn it_names_the_listeners_and_the_process_and_everything_answers() {
    let server = Serving::start(&Program::at(crate::PROGRAM), &[]);
    let fields: Vec<_> = server.ready.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["gateway", "portal", "control", "pid"]);
    for listener in ["gateway", "portal", "control"] {
        let (_, port) =
            server.url(listener).strip_prefix("http://127.0.0.1").unwrap().split_once(':').unwrap();
        assert_ne!(port.parse::<u16>().unwrap(), 0, "port 0 was replaced by the port that was taken");
    }
    assert_eq!(answered(&format!("{}/v1/things", server.url("gateway"))), 401);
    assert_eq!(answered(&format!("{}/sign-in", server.url("portal"))), 200);
    assert_eq!(answered(&format!("{}/readyz", server.url("control"))), 200);
    assert_eq!(answered(&format!("{}/healthz", server.url("control"))), 200);
    let running = fs::read_link(format!("/proc/{}/exe", server.ready["pid"])).unwrap();
    assert_eq!(running, fs::canonicalize(crate::PROGRAM).unwrap());
    assert_eq!(fs::metadata(server.file("ready")).unwrap().permissions().mode() & 0o777, 0o644);
    let left: Vec<_> = fs::read_dir(server.file("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("unfinished")), "{left:?}");
}

#[test]
fn where_it_can_not_be_written_nothing_is_served() {
    let root = tempfile::TempDir::new().unwrap();
    let data = root.path().join("data");
    let mut arguments = vec!["serve", "--ready-file", "/nowhere/ready", "--data", data.to_str().unwrap()];
    for listener in ["--gateway", "--portal", "--control"] {
        arguments.extend([listener, "127.0.0.1:0"]);
    }
    let ended = Program::at(crate::PROGRAM).run(&arguments).expect(1);
    assert!(ended.err.contains("the ready file /nowhere/ready can't be written"), "{}", ended.err);
}
