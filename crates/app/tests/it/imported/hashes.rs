//! Keys that come by other systems' hashes: as Django, bcrypt and the like wrote them, and as their first use leaves them.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use claviger_testkit::{Cluster, Postgres, Server, ServerBuilder, eventually, repository};
use serde_json::{Value, json};

use super::{lines, status, totals};

/// What comes after the first characters of these tests' keys.
const REST: &str = ".0123456789abcdefghijABCDEFGHIJ01";

/// How keys begin, and what was kept of them: by Django 5.2 as it is set by itself, by djangorestframework-api-key 3.1, and
/// by Python's hmac and hashlib.
const KEPT: [(&str, &str); 6] = [
    ("Pbkdf2Pb", "pbkdf2_sha256$1000000$2fAXhvuv6HxraI82XfnUiZ$xvVO6+XhX4ge8zw9kr8c9npi8pJCOhcz3ZOQSACXrKQ="),
    (
        "Argon2Ar",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$c3NpUXR5MW9EQmFaQWNMNFo4NDdOZA$v329hr9eONlsmOvs8qdFXrc4uLeBH2Ea5cZCTNbRxCI",
    ),
    ("BcryptSh", "bcrypt_sha256$$2b$12$FYElGawksMWZM1pw.13BweFtBvuFaew04o/l5TQm/TA8z4f4g/c4S"),
    (
        "Sha512Sh",
        "sha512$$7c3ef4fb7dce3cbc8d76880bbdcd045399bc7686709786626332c438cb85029cc3a2ea617370e4baa181e66c065b1c333ffcb17a896e3bf30c1f0410bfd91a5e",
    ),
    ("HmacHmac", "hmac-sha256$c4c83db9037fed6310340105d186f530a5277ea8222b71d76d889beaf7243fe8"),
    ("Sha25612", "sha512-256$33b7952d9a8ab53cf6e116594ef6e4eac614c369666c66b17c8ac7a70eebccbe"),
];

/// A key whose hash is of what comes after its public id.
const PUBLIC: (&str, &str, &str) = (
    "pub_Id0123Id01",
    "AbCdEfGhIjKlMnOpQrStUvWxYz0123",
    "$2b$10$/Qkvvnzqlb2TeMYxtjRrGu2gY8StLbfMwIFJXVOmYXBNRw1/9/zG6",
);

/// Keys that take long and not so long to check.
const ATTACKED: (&str, &str) = ("AttackMe", "$2b$12$sOn8Odlf6lvSWv3k8rmB4eGLFJvSYlVIUNpZG.KxrzJoDUSQL0fD6");
const OTHER: (&str, &str) = ("OtherOne", "$2b$10$ig80Nk1ZJgqEdiRJJnqRRuvhMmSZlQi6MgA.6b5XvK8jCYuzV2CFy");

const FORMATS: &str = r#"formats = [
  { live = "my_live_", test = "my_test_", length = 32, alphabet = "base62", checksum = "crc32" },
  { live = "", length = 41, alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.", lookup = 8 },
  { live = "pub_", length = 40, alphabet = "base62", lookup = 14, hash_skips = 14 },
]
pepper_file = "hmac.key"
"#;

/// The default profile, whose keys may be known by hashes.
fn profile() -> String {
    let default =
        fs::read_to_string(repository().join("profiles/default.toml")).expect("it is in the repository");
    let line = default.lines().find(|line| line.starts_with("formats = ")).expect("it has formats");
    default.replacen(line, FORMATS, 1)
}

fn builder() -> ServerBuilder {
    with_hashes(ServerBuilder::new(crate::PROGRAM))
}

fn with_hashes(mut builder: ServerBuilder) -> ServerBuilder {
    let file = builder.directory().join("shop.toml");
    let pepper = builder.directory().join("hmac.key");
    fs::write(&pepper, "pepper\n").expect("the test's directory can be written");
    fs::set_permissions(&pepper, fs::Permissions::from_mode(0o600)).expect("the file is the test's");
    fs::write(&file, profile()).expect("the test's directory can be written");
    builder.profile_file(file)
}

fn key(begins: &str) -> String {
    format!("{begins}{REST}")
}

fn row((begins, hash): (&str, &str)) -> Value {
    json!({"account": "cus_1", "lookup": begins, "hash": hash, "external_id": begins})
}

fn import(server: &Server, rows: impl IntoIterator<Item = Value>) -> Value {
    totals(&server.cli(), &[], &lines(rows), 0)
}

/// The rows that are exported, each by its external id.
fn exported(server: &Server) -> Vec<Value> {
    let rows = server.cli().run(&["export", "--include-revoked"]).expect(0).out;
    rows.lines().map(|row| serde_json::from_str(row).expect("a row is JSON")).collect()
}

/// The row of one of the keys, once what it is known by is so.
fn exported_with(server: &Server, begins: &str, field: &str) -> Value {
    eventually(|| {
        exported(server).into_iter().find(|row| row["external_id"] == begins && !row[field].is_null())
    })
}

/// What a key is answered as soon as that can be known.
fn decided(server: &Server, key: &str) -> u16 {
    eventually(|| Some(status(server, key)).filter(|status| *status != 503))
}

fn revoke(server: &Server, key: &str) {
    let found = server.operator().post("/v1/keys/find", &json!({"key": key})).expect(200).json();
    let id = found["id"].as_str().expect("a key has an id");
    let _ = server.operator().post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200);
}

/// The story of a company that moves here with hashes.
fn moves_with_hashes(server: Server) {
    let rows = || KEPT.map(row).into_iter().chain([row((PUBLIC.0, PUBLIC.2))]);
    let public = format!("{}{}", PUBLIC.0, PUBLIC.1);
    let keys: Vec<_> = KEPT.iter().map(|(begins, _)| key(begins)).chain([public]).collect();
    assert_eq!(import(&server, rows())["created"], 7);
    assert_eq!(import(&server, rows())["unchanged"], 7);
    for row in exported(&server) {
        assert!(row["digest"].is_null() && row["hash"].is_string(), "it is given back as it came: {row}");
        assert_eq!(row["lookup"], row["external_id"], "{row}");
    }

    for key in &keys {
        let last = if key.ends_with('1') { '2' } else { '1' };
        let wrong = format!("{}{last}", &key[..key.len() - 1]);
        assert_eq!(decided(&server, &wrong), 401, "{wrong}");
        assert_eq!(decided(&server, key), 200, "{key}");
        assert_eq!(status(&server, key), 200, "{key} again");
        assert_eq!(decided(&server, &wrong), 401, "{wrong}");
    }
    for begins in KEPT.iter().map(|(begins, _)| *begins).chain([PUBLIC.0]) {
        let row = exported_with(&server, begins, "digest");
        assert!(row["hash"].is_null() && row["lookup"].is_null(), "{row}");
    }
    let digest = claviger_model::Digest::of(keys[0].as_bytes()).to_hex();
    assert_eq!(exported_with(&server, "Pbkdf2Pb", "digest")["digest"], digest);
    assert_eq!(import(&server, rows())["unchanged"], 7, "they are known again");

    revoke(&server, &keys[1]);
    assert_eq!(status(&server, &keys[1]), 401);
    let server = server.kill().start();
    let answers: Vec<_> = keys.iter().map(|key| status(&server, key)).collect();
    assert_eq!(answers, [200, 401, 200, 200, 200, 200, 200], "without any hash being checked");
    let refused = totals(&server.cli(), &[], &lines(rows()), 1);
    assert_eq!((&refused["unchanged"], &refused["reasons"]), (&json!(6), &json!({"revoked": 1})));
    assert_eq!(server.operator().get("/v1/audit-events/check").expect(200).json()["whole"], true);
    let log = server.log();
    for secret in [REST, PUBLIC.1, "pepper", "sOn8Odlf6", "c4c83db9037f"] {
        assert!(!log.contains(secret), "{secret} is told");
    }
}

#[test]
fn keys_known_by_hashes_work_and_are_kept_by_their_digests_from_their_first_use() {
    moves_with_hashes(builder().start());
}

#[test]
fn keys_known_by_hashes_work_in_a_shared_database_too() {
    let postgres = Postgres::builder().without_fsync().start();
    moves_with_hashes(builder().database(&postgres.database()).start());
}

#[test]
fn nodes_find_a_first_use_each_by_itself_and_it_is_kept_once() {
    let postgres = Postgres::builder().without_fsync().start();
    let cluster = Cluster::start(crate::PROGRAM, 2, &postgres.database(), |builder, _| with_hashes(builder));
    assert_eq!(import(&cluster[0], [row(KEPT[2]), row(OTHER), row(KEPT[3])])["created"], 3);
    let used = key("BcryptSh");
    thread::scope(|scope| {
        for node in cluster.running() {
            let used = &used;
            scope.spawn(move || assert_eq!(decided(node, used), 200));
        }
    });
    let _ = exported_with(&cluster[1], "BcryptSh", "digest");
    let id =
        cluster.operator(0).post("/v1/keys/find", &json!({"key": used})).expect(200).json()["id"].clone();
    let path = format!("/v1/audit-events?subject={}", id.as_str().expect("a key has an id"));
    let events = cluster.operator(0).get(&path).expect(200).json();
    let actions = events["items"].as_array().expect("a list").iter().map(|event| event["action"].as_str());
    assert_eq!(actions.filter(|action| *action == Some("key.first_use")).count(), 1, "{events}");

    // While the database stands still it is known, and it is kept afterwards.
    postgres.pause();
    assert_eq!(decided(&cluster[0], &key(OTHER.0)), 200);
    assert_eq!(status(&cluster[0], &key("Sha512Sh")), 200);
    assert_eq!(decided(&cluster[0], &format!("{}.{}", OTHER.0, "0".repeat(32))), 401);
    postgres.resume();
    for begins in [OTHER.0, "Sha512Sh"] {
        let _ = exported_with(&cluster[1], begins, "digest");
        assert_eq!(status(&cluster[1], &key(begins)), 200);
    }
}

#[test]
fn a_key_that_ended_before_its_first_use_never_works() {
    let server = builder().start();
    let ended = json!({"state": "revoked", "revoked_at": "2026-01-01T00:00:00Z"});
    let mut revoked = row(KEPT[3]);
    revoked.as_object_mut().unwrap().extend(ended.as_object().unwrap().clone());
    let mut expired = row(KEPT[5]);
    expired["expires_at"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(import(&server, [revoked, expired, row(OTHER), row(KEPT[4])])["created"], 4);
    for begins in ["Sha512Sh", "Sha25612"] {
        assert_eq!(decided(&server, &key(begins)), 401, "{begins}");
    }
    // By an operator who has the key, and knows it by no digest yet.
    revoke(&server, &key(OTHER.0));
    assert_eq!(decided(&server, &key(OTHER.0)), 401);
    // Rotated before its first use: the old secret works for the overlap, and the new one from now on.
    let found = server.operator().post("/v1/keys/find", &json!({"key": key("HmacHmac")})).expect(200).json();
    let rotate = format!("/v1/keys/{}/rotate", found["id"].as_str().unwrap());
    let rotated = server.operator().post(&rotate, &json!({"overlap": "1h"})).expect(200).json();
    let new = rotated["key"].as_str().expect("a rotation shows the key once").to_owned();
    // So it moves on, too: by its hash until it is used.
    let elsewhere = builder().start();
    assert_eq!(import(&elsewhere, exported(&server))["created"], 4);
    assert_eq!((status(&elsewhere, &new), decided(&elsewhere, &key("HmacHmac"))), (200, 200));
    let moved = exported_with(&elsewhere, "HmacHmac", "earlier_secrets");
    assert_eq!(moved["earlier_secrets"].as_array().unwrap().len(), 1, "{moved}");
    assert_eq!((status(&server, &new), decided(&server, &key("HmacHmac"))), (200, 200));
    let server = server.kill().start();
    for begins in ["Sha512Sh", "Sha25612", OTHER.0] {
        assert_eq!(decided(&server, &key(begins)), 401, "{begins}");
    }
}

#[test]
fn a_hash_that_was_made_anew_elsewhere_is_the_same_key() {
    let server = builder().start();
    let (begins, later) = KEPT[5];
    assert_eq!(import(&server, [row((begins, OTHER.1))])["created"], 1);
    assert_eq!(decided(&server, &key(begins)), 401, "the hash is another key's");
    assert_eq!(import(&server, [row((begins, later))])["changed"], 1);
    assert_eq!(decided(&server, &key(begins)), 200);
    let _ = exported_with(&server, begins, "digest");
    assert_eq!(import(&server, [row((begins, OTHER.1))])["unchanged"], 1);
    assert_eq!(status(&server, &key(begins)), 200);
}

#[test]
fn a_call_that_names_no_api_finds_it_by_how_the_key_begins() {
    let shop = profile().replace("pepper_file = \"hmac.key\"\n", "");
    let builder = ServerBuilder::new(crate::PROGRAM).profile("cashcat");
    let server = builder.profile_text(&format!("{shop}\n[hosts]\nany = [\"shop.example\"]\n")).start();
    let rows = lines([row(OTHER), row(KEPT[3])]);
    assert_eq!(totals(&server.cli(), &["--api", "default"], &rows, 0)["created"], 2);
    // What begins as a key that is known by its hash is judged as one, and is unknown otherwise.
    let verify = |key: &str| server.operator().verify(&json!({"key": key}));
    let wrong = verify(&format!("Sha512Sh.{}", "0".repeat(32)));
    assert_eq!((&wrong["allowed"], &wrong["denial"]["code"]), (&json!(false), &json!("unknown")));
    for begins in [OTHER.0, "Sha512Sh"] {
        let verdict = verify(&key(begins));
        assert_eq!((&verdict["allowed"], &verdict["permit"]["api"]), (&json!(true), &json!("default")));
    }
}

#[test]
fn rows_whose_hash_can_not_be_checked_are_refused_with_the_reason() {
    let server = builder().start();
    let with = |lookup: &str, hash: &str| json!({"account": "a", "lookup": lookup, "hash": hash});
    let rows = [
        with("AbCdEfGh", "scrypt$16384$salt$8$1$AAAA"),
        with("AbCdEfGh", &OTHER.1.replace("$10$", "$31$")),
        with(
            "AbCdEfGh",
            "argon2$argon2id$v=19$m=4194304,t=2,p=8$c3NpUXR5MW9EQmFaQWNMNFo4NDdOZA$v329hr9eONlsmOvs8qdFXrc4uLeBH2Ea5cZCTNbRxCI",
        ),
        with("AbCdEf", OTHER.1),
        with("AbCd-fGh", OTHER.1),
        json!({"account": "a", "hash": OTHER.1}),
        json!({"account": "a", "lookup": "AbCdEfGh", "hash": OTHER.1, "environment": "test"}),
        json!({"account": "a", "lookup": "AbCdEfGh", "hash": OTHER.1, "key": key("AbCdEfGh")}),
    ];
    let refused = totals(&server.cli(), &[], &lines(rows), 1);
    assert_eq!(refused["reasons"], json!({"unknown_hash": 1, "costly_hash": 2, "malformed": 5}), "{refused}");
    assert!(!refused.to_string().contains("ig80Nk1Z") && !refused.to_string().contains(REST), "{refused}");

    // So that a guess is compared with few.
    let alike = |number: u32| with("AbCdEfGh", &OTHER.1.replace("$10$ig", &format!("$10${number:02}")));
    let told = totals(&server.cli(), &[], &lines((10..30).map(alike)), 1);
    assert_eq!((&told["created"], &told["reasons"]), (&json!(16), &json!({"malformed": 4})), "{told}");
    let told = totals(&server.cli(), &[], &lines((10..30).map(alike)), 1);
    assert_eq!((&told["unchanged"], &told["reasons"]), (&json!(16), &json!({"malformed": 4})), "{told}");

    // Without a pepper there is nothing to check an HMAC by.
    let without = profile().replace("pepper_file = \"hmac.key\"\n", "");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&without).start();
    let refused = totals(&server.cli(), &[], &lines([row(KEPT[4])]), 1);
    assert!(refused["refused_rows"][0]["detail"].as_str().unwrap().contains("pepper_file"), "{refused}");
}

#[test]
fn a_flood_of_guesses_is_bounded_and_keeps_no_other_key_from_being_verified() {
    let server = builder().start();
    assert_eq!(import(&server, [row(ATTACKED), row(OTHER), row(KEPT[3])])["created"], 3);
    let account = server.operator().account("Issued here");
    let (_, issued) = server.operator().issue_plain(&account, "n");
    let over = AtomicBool::new(false);
    let (server, over) = (&server, &over);
    thread::scope(|scope| {
        let floods: Vec<_> = (0..8u32)
            .map(|number| {
                scope.spawn(move || {
                    let (mut known, mut unknown) = (0u32, 0u32);
                    for guess in (number..).step_by(8).take_while(|_| !over.load(Ordering::Relaxed)) {
                        match status(server, &format!("{}.{guess:032}", ATTACKED.0)) {
                            401 => known += 1,
                            503 => unknown += 1,
                            other => panic!("a guess is answered {other}"),
                        }
                    }
                    (known, unknown)
                })
            })
            .collect();
        for _ in 0..300 {
            assert_eq!(status(server, &issued), 200);
        }
        assert_eq!(status(server, "my_live_0000000000000000000000000000000000000"), 401);
        assert_eq!(decided(server, &key("Sha512Sh")), 200, "what is fast is known at once");
        assert_eq!(decided(server, &key(OTHER.0)), 200, "another key's first use has its turn");
        let _ = exported_with(server, OTHER.0, "digest");
        over.store(true, Ordering::Relaxed);
        let told = floods.into_iter().map(|flood| flood.join().expect("the flood ends"));
        let (known, unknown) = told.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert!(known > 0 && unknown > known, "few are looked at: {known} were, {unknown} weren't");
    });
    assert_eq!(decided(server, &key(ATTACKED.0)), 200, "its own key is found once there is room");
    let metrics = server.operator().get("/metrics").expect(200);
    let undecided = "claviger_undecided_total{reason=\"first_use\"}";
    assert!(metrics.text().lines().any(|line| line.starts_with(undecided) && !line.ends_with(" 0")));
}
