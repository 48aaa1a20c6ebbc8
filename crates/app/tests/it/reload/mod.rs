//! Profiles and the certificate are read again, at SIGHUP or by themselves, and nobody who calls notices more than what
//! changed.

mod by_itself;

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use claviger_testkit::{
    Answer, Cluster, Connection, Hammer, Postgres, Server, ServerBuilder, Stopwatch, Visitor, eventually,
    repository,
};

const RELOADS: usize = 50;
const BAD_KEY: &str = "my_live_0000000000000000000000000000000000000";

/// A server whose one profile can be written anew.
struct Stage {
    profile: PathBuf,
    server: Server,
    key: String,
}

impl Stage {
    fn set() -> Self {
        Self::of(ServerBuilder::new(crate::PROGRAM))
    }

    fn of(mut builder: ServerBuilder) -> Self {
        let profile = builder.directory().join("mine.toml");
        fs::write(&profile, answering(0)).expect("the test's directory can be written");
        let server = builder.profile_file(profile.clone()).start();
        let account = server.operator().account("Acme");
        let (_, key) = server.operator().issue_plain(&account, "n");
        Self { profile, server, key }
    }

    /// Has the server read this instead.
    fn reload(&self, text: &str) {
        self.replace(text);
        self.server.ask_to_reload();
    }

    /// Puts another file in the profile's place.
    fn replace(&self, text: &str) {
        let unfinished = self.profile.with_extension("unfinished");
        fs::write(&unfinished, text).expect("the test's directory can be written");
        fs::rename(&unfinished, &self.profile).expect("the test's directory can be written");
    }

    /// Waits until keys that aren't known are answered by the profile of this number.
    #[track_caller]
    fn answers(&self, number: usize) {
        let expected = (status(number), format!("code_{number}"));
        eventually(|| (self.refusal() == expected).then_some(()));
    }

    /// The log's line with these words, once it is there.
    fn logged(&self, words: &str) -> String {
        eventually(|| self.server.log().lines().rfind(|line| line.contains(words)).map(ToOwned::to_owned))
    }

    fn is_reload_failed(&self) -> bool {
        let metrics = self.server.operator().get("/metrics").expect(200);
        metrics.text().lines().any(|line| line == "claviger_reload_failed 1")
    }

    /// Waits until metrics say that nothing is wrong with the files.
    #[track_caller]
    fn reload_succeeded(&self) {
        eventually(|| (!self.is_reload_failed()).then_some(()));
    }

    /// What a key that isn't known is answered: the status and the code.
    fn refusal(&self) -> (u16, String) {
        let answer = self.server.customer(BAD_KEY).get("/v1/things");
        (answer.status, code(&answer))
    }
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().expect("a refusal has a code").to_owned()
}

fn default() -> String {
    fs::read_to_string(repository().join("profiles/default.toml")).expect("it is in the repository")
}

/// The default profile, with another answer for keys that aren't known: two of its parts say the same number.
fn answering(number: usize) -> String {
    let changed = default().replace(
        "unknown = { status = 401, code = \"invalid_key\"",
        &format!("unknown = {{ status = {}, code = \"code_{number}\"", status(number)),
    );
    assert_ne!(changed, default());
    changed
}

fn status(number: usize) -> u16 {
    [401, 403][number % 2]
}

fn asking(key: &str) -> Vec<u8> {
    format!("GET /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
}

#[test]
fn while_profiles_are_read_again_no_request_is_dropped_and_none_is_judged_by_half_of_each() {
    let stage = Stage::set();
    let good = Hammer::start(Stopwatch::start(), stage.server.gateway, &asking(&stage.key), 8);
    let over = AtomicBool::new(false);
    let refused = || {
        let mut connection = Connection::open(stage.server.gateway);
        let mut answers = 0;
        while !over.load(Ordering::SeqCst) {
            connection.send(&asking(BAD_KEY));
            let answer = connection.answer("GET").expect("a request that was sent is answered");
            let code = code(&answer);
            let number: usize = code.strip_prefix("code_").unwrap().parse().unwrap();
            assert_eq!(answer.status, status(number), "{code}");
            answers += 1;
        }
        answers
    };
    let asked: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(refused)).collect();
        for number in 1..=RELOADS {
            stage.reload(&answering(number));
            stage.answers(number);
        }
        over.store(true, Ordering::SeqCst);
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    good.until(200, 8);
    let probes = good.stop();
    let cut_off_at_the_end = probes.iter().filter(|probe| probe.status.is_none()).count();
    assert!(cut_off_at_the_end <= 8, "{cut_off_at_the_end}");
    let others = probes.iter().filter(|probe| !matches!(probe.status, None | Some(200))).count();
    assert_eq!(others, 0);
    assert!(asked > RELOADS && probes.len() > RELOADS, "{asked} {}", probes.len());
    assert!(!stage.server.log().contains("ERROR"), "{}", stage.server.log());
}

#[test]
fn a_profile_that_can_not_be_used_changes_nothing_and_is_told_with_its_line() {
    let stage = Stage::set();
    let before = stage.refusal();
    assert!(!stage.is_reload_failed());
    let broken = [
        (answering(1).replace("[keys]", "[kyes]"), "mine.toml"),
        (
            answering(1).replace("name = \"default\"", "name = \"other\""),
            "there are accounts of the api default",
        ),
        (answering(1).replace("[keys]", "lease = \"5s\"\n[keys]"), "restart this node"),
        (answering(1).replace("storage = \"digest\"", "storage = \"sealed\""), "restart this node"),
    ];
    for (text, words) in broken {
        stage.reload(&text);
        let line = stage.logged(words);
        assert!(line.contains("ERROR") && line.contains("those of before are served"), "{line}");
        assert!(stage.is_reload_failed());
        assert_eq!(stage.refusal(), before);
    }
    fs::remove_file(&stage.profile).unwrap();
    stage.server.ask_to_reload();
    stage.logged("can't be read");
    stage.reload(&answering(1));
    stage.logged("the profiles were read again changed=\"default\"");
    assert_eq!(stage.refusal(), (403, "code_1".to_owned()));
    stage.reload_succeeded();
    stage.reload(&answering(1));
    stage.logged("none has changed");
}

#[test]
fn an_operator_who_is_signed_in_stays_so_and_sees_what_is_served() {
    let stage = Stage::set();
    let mut visitor = Visitor::new(stage.server.control);
    let _ = visitor.get("/sign-in").expect(200);
    let _ = visitor.submit("/sign-in", &[("key", stage.server.operator_key())]).expect(303);
    stage.reload(&answering(1).replace("My API", "Another title"));
    stage.logged("the profiles were read again");
    let page = visitor.get("/apis").expect(200);
    assert!(page.text().contains("Another title"), "{}", page.text());
}

#[test]
fn nodes_tell_each_other_what_they_serve_since_they_read_it_again() {
    let postgres = Postgres::builder().without_fsync().start();
    let url = postgres.database();
    let directory = tempfile::tempdir().unwrap();
    let profiles = [0, 1].map(|node| directory.path().join(format!("{node}.toml")));
    for profile in &profiles {
        fs::write(profile, answering(0)).unwrap();
    }
    let cluster =
        Cluster::start(crate::PROGRAM, 2, &url, |builder, node| builder.profile_file(profiles[node].clone()));
    let is_ready = |node: usize| cluster.operator(node).get("/readyz").status == 200;
    eventually(|| is_ready(1).then_some(()));
    fs::write(&profiles[0], answering(1)).unwrap();
    cluster[0].ask_to_reload();
    eventually(|| (!is_ready(1)).then_some(()));
    assert!(is_ready(0));
    fs::write(&profiles[1], answering(1)).unwrap();
    cluster[1].ask_to_reload();
    eventually(|| is_ready(1).then_some(()));
}
