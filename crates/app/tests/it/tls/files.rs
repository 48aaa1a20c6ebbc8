//! The files of a certificate and its key: what is wrong with them is said at the start, and what to do.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use claviger_testkit::{Certificates, Program, ServerBuilder, eventually};

use super::{Stage, Wire, wire};

fn text(path: &Path) -> &str {
    path.to_str().expect("the tests' paths are text")
}

/// A file beside the certificates with this text, for its owner alone.
fn file(certificates: &Certificates, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = certificates.directory().join(name);
    fs::write(&path, text).expect("the test's directory can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("one's own file's mode can be set");
    path
}

/// The key of these certificates as OpenSSL writes it so.
fn converted(certificates: &Certificates, name: &str, words: &[&str]) -> PathBuf {
    let path = certificates.directory().join(name);
    let key = certificates.key();
    let _done =
        Program::at("openssl").run(&[words, &["-in", text(&key), "-out", text(&path)]].concat()).expect(0);
    path
}

/// Why no server starts with these files.
#[track_caller]
fn refused(chain: &Path, key: &Path) -> String {
    let mut words = vec!["serve", "--data", "/nowhere/data"];
    for listener in ["--gateway", "--portal", "--control"] {
        words.extend([listener, "127.0.0.1:0"]);
    }
    words.extend(["--tls-cert-file", text(chain), "--tls-key-file", text(key)]);
    let ended = Program::at(crate::PROGRAM).run(&words).expect(1);
    assert!(ended.err.starts_with("error: "), "{}", ended.err);
    assert!(!ended.err.contains("/nowhere/data"), "nothing is made before: {}", ended.err);
    ended.err
}

#[test]
fn what_can_not_be_used_is_said_with_what_to_do() {
    let (certificates, others) = (Certificates::make(), Certificates::make());
    let (chain, key) = (certificates.chain(), certificates.key());
    let whole = fs::read_to_string(&key).unwrap();
    let halves = whole.split_at(whole.len() / 2);
    let encrypted = ["pkcs8", "-topk8", "-passout", "pass:secret"];
    let encrypted_as_before = ["ec", "-aes128", "-passout", "pass:secret"];
    let missing = certificates.directory().join("missing");
    let backwards = file(
        &certificates,
        "backwards.crt",
        [fs::read(certificates.authority()).unwrap(), fs::read(&chain).unwrap()].concat(),
    );
    for (chain, key, words) in [
        (&missing, &key, &["missing can't be read"][..]),
        (&chain, &missing, &["missing can't be read"]),
        (&key, &key, &["holds no certificate", "PEM"]),
        (&chain, &chain, &["holds no private key", "PEM"]),
        (&chain, &others.key(), &["is not that of the first certificate in"]),
        (&backwards, &key, &["is not that of the first certificate in", "must come first"]),
        (&chain, &converted(&certificates, "8.key", &encrypted), &["is encrypted", "openssl pkey"]),
        (&chain, &converted(&certificates, "1.key", &encrypted_as_before), &["is encrypted", "openssl pkey"]),
        (&chain, &file(&certificates, "half.key", halves.0), &["half.key is damaged"]),
        (&file(&certificates, "half.crt", halves.0), &key, &["half.crt is damaged"]),
        (&chain, &file(&certificates, "bad.key", whole.replace("MI", "!!")), &["bad.key is damaged"]),
    ] {
        let said = refused(chain, key);
        for words in words {
            assert!(said.contains(words), "{words:?} is not in: {said}");
        }
        for line in whole.lines().filter(|line| !line.starts_with('-')) {
            assert!(!said.contains(line), "a key is told: {said}");
        }
    }
    let alone = ["serve", "--data", "/nowhere/data", "--tls-cert-file", text(&chain)];
    let said = Program::at(crate::PROGRAM).run(&alone).expect(1).err;
    assert!(said.contains("`tls_key_file`"), "{said}");
}

#[test]
fn a_key_may_be_written_in_each_of_its_forms() {
    let certificates = Certificates::make();
    for (name, words) in [("sec1", &["ec"][..]), ("pkcs8", &["pkcs8", "-topk8", "-nocrypt"])] {
        let key = converted(&certificates, name, words);
        fs::copy(&key, certificates.key()).unwrap();
        let server =
            ServerBuilder::new(crate::PROGRAM).profile("default").certificates(&certificates).start();
        Wire::to(server.gateway, wire::config(&certificates)).shake_hands().unwrap();
    }
}

#[test]
fn what_callers_or_others_would_notice_is_warned_of() {
    let certificates = Certificates::make_expired();
    let key = certificates.key();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").certificates(&certificates).start();
    let log = server.log();
    let warned = |words: &str| log.lines().any(|line| line.contains("WARN") && line.contains(words));
    assert!(warned("the certificate has expired") && warned("set its mode to 0600"), "{log}");
    let refused = Wire::to(server.gateway, wire::config(&certificates)).shake_hands().unwrap_err();
    assert!(refused.to_string().contains("xpired"), "{refused}");
    let good = Certificates::make();
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").certificates(&good).start();
    assert!(!server.log().contains("WARN"), "{}", server.log());
}

#[test]
fn the_doctor_says_how_long_a_certificate_lasts_and_whether_it_can_be_used() {
    let (soon, expired) = (Certificates::make(), Certificates::make_expired());
    for (chain, key, code, words) in [
        (soon.chain(), soon.key(), 0, "The certificate expires at "),
        (expired.chain(), expired.key(), 0, "callers refuse it"),
        (soon.chain(), expired.key(), 1, "is not that of the first certificate"),
    ] {
        let files = ["--tls-cert-file", text(&chain), "--tls-key-file", text(&key)];
        let line = [&["doctor", "--json", "--data", "/nowhere/data"][..], &files].concat();
        let found = Program::at(crate::PROGRAM).run(&line).expect(code).json();
        let of_tls = found["findings"].as_array().unwrap().iter().find(|finding| finding["about"] == "tls");
        assert!(of_tls.unwrap()["found"].as_str().unwrap().contains(words), "{found}");
    }
}

#[test]
fn a_renewed_certificate_is_shown_after_sighup_and_one_that_can_not_be_used_is_not() {
    let stage = Stage::set();
    let (of_before, renewed) = (&stage.certificates, Certificates::make());
    let mut open = stage.caller();
    open.shake_hands().unwrap();
    fs::copy(renewed.chain(), of_before.chain()).unwrap();
    stage.server.ask_to_reload();
    eventually(|| stage.server.log().contains("is not that of the first certificate in").then_some(()));
    stage.serves();
    fs::copy(renewed.key(), of_before.key()).unwrap();
    stage.server.ask_to_reload();
    let now = || Wire::to(stage.server.gateway, wire::config(&renewed)).shake_hands().is_ok();
    eventually(|| now().then_some(()));
    assert!(Wire::to(stage.server.gateway, wire::config(of_before)).shake_hands().is_err());
    open.send(stage.request(""));
    assert!(open.head().starts_with("HTTP/1.1 200 "), "a connection outlives the certificate it began with");
}

#[test]
fn a_renewed_certificate_is_shown_by_itself() {
    let stage = Stage::set();
    let (of_before, renewed) = (&stage.certificates, Certificates::make());
    fs::copy(renewed.key(), of_before.key()).unwrap();
    fs::copy(renewed.chain(), of_before.chain()).unwrap();
    let now = || Wire::to(stage.server.gateway, wire::config(&renewed)).shake_hands().is_ok();
    eventually(|| now().then_some(()));
    assert!(stage.server.log().contains("is_another=true"), "{}", stage.server.log());
}
