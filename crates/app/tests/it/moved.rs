//! `claviger copy`: an installation moves from one machine's file to a database that nodes share, and callers notice nothing.

use std::{fs, process::Command, thread};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_testkit::{
    Customer, Finished, Hammer, Postgres, Program, Server, ServerBuilder, Stopwatch, eventually,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::members::sign_in;

const CASHCAT: &str = "api.cashcat.app";
const CODAT: &str = "api.codat.io";

/// What both servers share.
struct Stage {
    postgres: Postgres,
    url: String,
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        let postgres = Postgres::builder().without_fsync().start();
        let (url, folder) = (postgres.database(), TempDir::new().expect("a directory can be made"));
        fs::write(folder.path().join("key"), "0123456789abcdef".repeat(4)).expect("it can be written");
        Self { postgres, url, folder }
    }

    fn builder(&self) -> ServerBuilder {
        let file = self.folder.path().join("key");
        let builder = ServerBuilder::new(crate::PROGRAM).profile("cashcat").profile("codat");
        builder.variable("CLAVIGER_MASTER_KEY_FILE", file.to_str().expect("paths of tests are text"))
    }

    fn copy(&self, old: &Server, more: &[&str]) -> Finished {
        Program::at(crate::PROGRAM).run(&self.arguments(old, more))
    }

    fn arguments(&self, old: &Server, more: &[&str]) -> Vec<String> {
        let from = format!("sqlite:{}", old.data().display());
        let words = ["copy", "--from", &from, "--to", &self.url];
        words.iter().chain(more).map(|&word| word.to_owned()).collect()
    }

    /// A copy that has to wait in the middle of what it writes, what is done with it there, and how it ended.
    fn copy_that_waits(&self, old: &Server, meanwhile: impl FnOnce(u32)) -> Finished {
        let migrated = Program::at(crate::PROGRAM).run(&["migrate", "--database-url", &self.url]);
        assert_eq!(migrated.code, 0, "{}", migrated.err);
        let waits = |what: &str| {
            let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = 'test0' AND {what}");
            eventually(|| {
                (self.postgres.sql("test0", &sql).expect("the statement is sound") != "0").then_some(())
            });
        };
        thread::scope(|scope| {
            let hold = "BEGIN; LOCK TABLE settings IN EXCLUSIVE MODE; SELECT pg_sleep(600)";
            // Ends with the error that it was terminated.
            scope.spawn(|| self.postgres.sql("test0", hold));
            waits("wait_event = 'PgSleep'");
            let mut copy = Program::at(crate::PROGRAM).command(&self.arguments(old, &[]));
            let copy = copy
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .expect("the program starts");
            waits("wait_event_type = 'Lock'");
            meanwhile(copy.id());
            let ended = copy.wait_with_output().expect("a child can be waited for");
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
            self.postgres.sql("test0", end).expect("the statement is sound");
            ended.into()
        })
    }
}

/// What the two apis' customers hold.
struct Keys {
    account: String,
    good: String,
    revoked: String,
    rotated: [String; 2],
    elsewhere: String,
    sealed: (String, String),
}

impl Keys {
    fn of(server: &Server) -> Self {
        let operator = server.operator();
        let account = |api: &str| {
            let made = operator.post("/v1/accounts", &json!({"name": "Acme", "api": api})).expect(201).json();
            made["id"].as_str().expect("it is text").to_owned()
        };
        let (cashcat, codat) = (account("cashcat"), account("codat"));
        let (_, good) = operator.issue_plain(&cashcat, "good");
        let (id, revoked) = operator.issue_plain(&cashcat, "revoked");
        assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
        let (id, before) = operator.issue_plain(&cashcat, "rotated");
        let rotated =
            operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "1h"})).expect(200).json();
        let order = json!({"name": "elsewhere", "restrictions": {"networks": ["203.0.113.0/24"]}});
        let elsewhere = operator.issue(&cashcat, &order)["key"].as_str().expect("it is text").to_owned();
        Self {
            account: cashcat,
            good,
            revoked,
            rotated: [before, rotated["key"].as_str().expect("it is text").to_owned()],
            elsewhere,
            sealed: operator.issue_plain(&codat, "sealed"),
        }
    }

    #[track_caller]
    fn decided_alike_by(&self, server: &Server) {
        let status = |key: &str| server.customer(key).at_host(CASHCAT).get("/v1/things").status;
        assert_eq!([&self.good, &self.rotated[0], &self.rotated[1]].map(|key| status(key)), [200; 3]);
        assert_ne!(status(&self.elsewhere), 200, "its network is another");
        assert_ne!(status(&self.revoked), 200);
        let basic = format!("Basic {}", STANDARD.encode(&self.sealed.1));
        let sealed = Customer::new(server.gateway, "").authorized_by(&basic).at_host(CODAT);
        assert_eq!(sealed.get("/companies").status, 200);
    }
}

fn asking(key: &str) -> Vec<u8> {
    format!("GET /v1/things HTTP/1.1\r\nHost: {CASHCAT}\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
}

/// Callers with a good and with a revoked key, who don't let up.
struct Callers([Hammer; 2]);

impl Callers {
    fn of(server: &Server, keys: &Keys) -> Self {
        let clock = Stopwatch::start();
        let hammer = |key: &str| Hammer::start(clock, server.gateway, &asking(key), 2);
        Self([hammer(&keys.good), hammer(&keys.revoked)])
    }

    /// Whoever was answered was answered as ever.
    #[track_caller]
    fn stop(self) {
        let Self([good, revoked]) = self;
        good.until(200, 20);
        let good: Vec<_> = good.stop().iter().filter_map(|probe| probe.status).collect();
        assert!(good.len() >= 20 && good.iter().all(|status| *status == 200), "{good:?}");
        assert!(revoked.stop().iter().all(|probe| probe.status.is_none_or(|status| status == 401)));
    }
}

#[track_caller]
fn refuses_changes(old: &Server, account: &str) {
    let order = json!({"name": "too late"});
    let refused = old.operator().post(&format!("/v1/accounts/{account}/keys"), &order).expect(503).json();
    assert_eq!(refused["code"], json!("unavailable"));
    let detail = refused["detail"].as_str().expect("it is text");
    assert!(detail.starts_with("this installation was moved to another database: "), "{detail}");
}

#[track_caller]
fn takes_changes(old: &Server, account: &str) {
    old.operator().issue_plain(account, "in time");
}

#[test]
fn an_installation_moves_with_its_keys_working_throughout() {
    let stage = Stage::new();
    let old = stage.builder().start();
    let (keys, operator) = (Keys::of(&old), old.operator());
    let mut ada = sign_in(&old, &keys.account, "administrator");
    let callers = Callers::of(&old, &keys);

    let copied = stage.copy(&old, &["--json"]).expect(0).json();
    assert_eq!((&copied["rows"]["accounts"], &copied["rows"]["keys"]), (&json!(2), &json!(6)));
    assert!(!copied["database"].as_str().unwrap().contains("sslmode"), "{copied}");
    refuses_changes(&old, &keys.account);
    let refused = ada.get("/keys").expect(200);
    assert!(refused.text().contains("good"), "pages are read as before");
    assert_eq!(operator.get("/v1/audit-events/check").expect(200).json()["head"], copied["audit"]["head"]);
    keys.decided_alike_by(&old);

    let new = stage.builder().database(&stage.url).join(old.operator_key());
    let moved = Callers::of(&new, &keys);
    callers.stop();
    let operator = new.operator();
    let checked = operator.get("/v1/audit-events/check").expect(200).json();
    assert_eq!((&checked["whole"], &checked["head"]), (&json!(true), &copied["audit"]["head"]));
    keys.decided_alike_by(&new);
    let revealed =
        operator.post(&format!("/v1/keys/{}/reveal", keys.sealed.0), &Value::Null).expect(200).json();
    assert_eq!(revealed["key"], json!(keys.sealed.1));
    let mut at_new = claviger_testkit::Visitor::new(new.portal);
    ada.cookies().iter().for_each(|(name, value)| at_new.set_cookie(name, value));
    assert!(at_new.get("/keys").expect(200).text().contains("good"), "she is signed in still");

    // The old server has not ended, as far as anybody knows.
    let (id, last) = operator.issue_plain(&keys.account, "issued anew");
    let revoked = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(202).json();
    assert_eq!(revoked["receipt"]["pending"], json!([copied["old_node"]]));
    assert_eq!(new.customer(&last).at_host(CASHCAT).get("/v1/things").status, 401);
    assert_eq!(old.customer(&last).at_host(CASHCAT).get("/v1/things").status, 401, "it never heard of it");
    let data = old.data().to_str().unwrap().to_owned();
    let old_key = old.operator_key().to_owned();
    let stopped = old.stop();
    let fenced = new.cli().run(&["node", "fence", copied["old_node"].as_str().unwrap()]);
    assert_eq!(fenced.code, 0, "{}", fenced.err);
    let receipt = format!("/v1/receipts/{}", revoked["receipt"]["seq"]);
    eventually(|| (operator.get(&receipt).json()["complete"] == json!(true)).then_some(()));
    let (id, _) = operator.issue_plain(&keys.account, "issued later");
    let revoked = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200).json();
    assert_eq!(revoked["receipt"]["complete"], json!(true));
    moved.stop();

    let from = format!("sqlite:{data}");
    let again = Program::at(crate::PROGRAM).run(&["copy", "--from", &from, "--to", &stage.url]).expect(1);
    assert!(
        again.err.contains("has this installation already") && again.err.contains("Nothing was changed"),
        "{}",
        again.err
    );
    let back =
        Program::at(crate::PROGRAM).run(&["serve", "--data", &data, "--gateway", "127.0.0.1:0"]).expect(1);
    assert!(
        back.err.contains("was moved to postgres://") && back.err.contains("--database-url"),
        "{}",
        back.err
    );
    // On the new database it starts from there.
    drop(stopped);
    assert_eq!(new.operator_key(), old_key);
}

#[test]
fn a_copy_that_is_killed_leaves_the_old_server_deciding_and_can_be_taken_back_or_made_anew() {
    let stage = Stage::new();
    let old = stage.builder().start();
    let keys = Keys::of(&old);
    let callers = Callers::of(&old, &keys);
    let kill = |pid: u32| {
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    };
    assert_eq!(stage.copy_that_waits(&old, kill).code, -1);
    refuses_changes(&old, &keys.account);
    let back = stage.copy(&old, &["--abort"]).expect(0);
    assert!(back.out.ends_with(" takes changes again\n"), "{}", back.out);
    takes_changes(&old, &keys.account);
    assert_eq!(stage.copy_that_waits(&old, kill).code, -1);
    let old = old.stop().start();
    refuses_changes(&old, &keys.account);
    keys.decided_alike_by(&old);
    drop(callers);
    let copied = stage.copy(&old, &[]).expect(0);
    assert!(
        copied.out.contains("its audit chain walked") && copied.err.contains("claviger node fence node_"),
        "{copied:?}"
    );
    keys.decided_alike_by(&stage.builder().database(&stage.url).join(old.operator_key()));
}

#[test]
fn a_copy_that_is_interrupted_takes_itself_back() {
    let stage = Stage::new();
    let old = stage.builder().start();
    let keys = Keys::of(&old);
    let ended = stage.copy_that_waits(&old, |pid| {
        refuses_changes(&old, &keys.account);
        assert!(Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap().success());
    });
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("the old installation takes changes again"), "{}", ended.err);
    takes_changes(&old, &keys.account);
    assert_eq!(stage.postgres.sql("test0", "SELECT count(*) FROM accounts").unwrap(), "0");
}

#[test]
fn places_that_are_none_are_refused_with_what_to_write() {
    let cli = Program::at(crate::PROGRAM);
    let wrong = cli.run(&["copy", "--from", "/var/lib/claviger", "--to", "postgres://db/keys"]).expect(2);
    assert!(wrong.err.contains("sqlite:/var/lib/claviger"), "{}", wrong.err);
    let wrong = cli.run(&["copy", "--from", "sqlite:/nowhere"]).expect(2);
    assert!(wrong.err.contains("--to or CLAVIGER_DATABASE_URL"), "{}", wrong.err);
    let nothing =
        cli.run(&["copy", "--from", "sqlite:/nowhere", "--to", "postgres://ada@127.0.0.1:1/keys"]).expect(1);
    assert!(nothing.err.contains("/nowhere/claviger.db"), "{}", nothing.err);
}
