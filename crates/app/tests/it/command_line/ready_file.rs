//! `--ready-file`, written in one step, and `NOTIFY_SOCKET`, told: both when everything answers.

use std::{
    fs,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::PermissionsExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process::Command,
    time::Duration,
};

use claviger_testkit::{Finished, Program, eventually};

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

#[test]
fn whoever_waits_on_a_socket_is_told_that_everything_answers() {
    let root = tempfile::TempDir::new().unwrap();
    let socket = root.path().join("notify");
    let abstract_name = format!("claviger-{}", std::process::id());
    let by_path = UnixDatagram::bind(&socket).unwrap();
    let by_name = SocketAddr::from_abstract_name(&abstract_name).unwrap();
    let by_name = UnixDatagram::bind_addr(&by_name).unwrap();
    for (waiting, name) in [(by_path, socket.to_str().unwrap()), (by_name, &format!("@{abstract_name}"))] {
        waiting.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let program = Program::at(crate::PROGRAM).with("NOTIFY_SOCKET", name);
        let server = Serving::start(&program, &[]);
        let mut told = [0; 64];
        let length = waiting.recv(&mut told).unwrap();
        assert_eq!(&told[..length], b"READY=1");
        assert_eq!(answered(&format!("{}/readyz", server.url("control"))), 200);
    }
}

#[test]
fn a_service_manager_that_is_gone_is_no_reason_not_to_serve() {
    let program = Program::at(crate::PROGRAM).with("NOTIFY_SOCKET", "/nowhere/notify");
    let server = Serving::start(&program, &[]);
    assert_eq!(answered(&format!("{}/readyz", server.url("control"))), 200);
    eventually(|| server.log().contains("named by NOTIFY_SOCKET can't be told").then_some(()));
}

#[test]
fn whether_a_node_can_decide_is_asked_without_a_key() {
    let server = Serving::start(&Program::at(crate::PROGRAM), &[]);
    let control = server.url("control").to_owned();
    let ask = || Program::at(crate::PROGRAM).run(&["ready", "--url", &control]);
    let ready = ask().expect(0);
    assert_eq!((ready.out.as_str(), ready.err.as_str()), ("", ""));
    server.stop();
    assert!(ask().expect(1).err.contains("can't be reached"));
}
