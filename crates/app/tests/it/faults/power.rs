//! F05, F11: the power goes, and with it whatever the disk was not told to keep; a disk that turns read-only.

use std::{process::Command, sync::Mutex, thread};

use claviger_testkit::{Finished, Server, ServerBuilder};
use serde_json::json;

use super::{Line, text};

const WRITERS: usize = 4;
const CUTS: usize = 3;
const CUTS_LONG: usize = 50;

/// Keeps the data directory in a file system of its own, in a file beside it, that nobody but the server sees.
const MOUNT: &str = r#"
    set -e
    if [ -e "$1.disk" ]; then
        mount -o loop "$1.disk" "$1"
    else
        truncate -s 64M "$1.disk"
        mkfs.ext4 -q -F "$1.disk"
        mv "$1" "$1.made"
        mkdir -m 0700 "$1"
        mount -o loop "$1.disk" "$1"
        rmdir "$1/lost+found"
        chmod 0700 "$1"
        cp -a "$1.made/." "$1"
        sync -f "$1"
    fi
    shift
    exec "$@""#;

/// Ends a file system where it is: nothing is written any more, not even what is in its journal's buffers.
const CUT: &str = "
import fcntl, os, struct, sys
EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587d, 2
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), EXT4_IOC_SHUTDOWN, struct.pack('I', NO_LOG_FLUSH))
";

fn start() -> Server {
    let mut builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let data = builder.directory().join("data");
    let data = data.to_str().expect("the tests' paths are text");
    builder.under(&["unshare", "--mount", "sh", "-c", MOUNT, "sh", data]).start()
}

fn cut_the_power(server: &Server) {
    let inside = server.data();
    let data = format!("/proc/{}/root{}", server.pid(), inside.display());
    let ran = Command::new("python3")
        .args(["-c", CUT, &data])
        .output()
        .expect("Python is installed: ./test installs it");
    let _ = Finished::from(ran).expect(0);
}

/// Issues keys, and revokes some of them, until nobody answers; writes down what was answered: the key, and whether it is
/// allowed from then on.
fn write(mut line: Line, account: &str, ledger: &Mutex<Vec<(String, bool)>>) {
    let path = format!("/v1/accounts/{account}/keys");
    for number in 0.. {
        let issued = line.post(&path, &json!({"name": "n"})).filter(|answer| answer.status == 201);
        let Some(made) = issued.map(|answer| answer.json()) else { return };
        let stays = number % 3 != 0;
        if !stays {
            let revocation = format!("/v1/keys/{}/revoke", text(&made, "id"));
            // Without an answer it may be revoked or not.
            if line.post(&revocation, &json!({})).is_none_or(|answer| answer.status != 200) {
                return;
            }
        }
        ledger.lock().expect("no writer panics").push((text(&made, "key").to_owned(), stays));
    }
}

#[test]
fn every_answered_change_survives_a_power_cut() {
    let mut server = start();
    let account = server.operator().account("Acme");
    let ledger = Mutex::new(Vec::new());
    for round in 0..if crate::at_length() { CUTS_LONG } else { CUTS } {
        let enough = ledger.lock().unwrap().len() + 23 + 7 * (round % 10);
        let stopped = thread::scope(|scope| {
            for _ in 0..WRITERS {
                let (line, account, ledger) = (Line::open(&server), &account, &ledger);
                scope.spawn(move || write(line, account, ledger));
            }
            while ledger.lock().unwrap().len() < enough {
                thread::yield_now();
            }
            cut_the_power(&server);
            server.kill()
        });
        server = stopped.start();
        let operator = server.operator();
        for (key, allowed) in ledger.lock().unwrap().iter() {
            assert_eq!(operator.verify(&json!({"key": key}))["allowed"], *allowed, "after cut {round}");
        }
        assert_eq!(operator.get("/v1/audit-events/check").expect(200).json()["whole"], true);
    }
}

#[test]
fn a_disk_that_turns_read_only_ends_the_process_and_nothing_is_claimed() {
    let server = start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "n");
    let path = format!("/v1/accounts/{account}/keys");
    let before = operator.get(&path).expect(200).json();
    // What ext4 does by itself when it finds itself damaged.
    let pid = server.pid().to_string();
    let mut remount = Command::new("nsenter");
    remount.args(["--mount", "--target", &pid, "mount", "-o", "remount,abort"]).arg(server.data());
    let _ = Finished::from(remount.output().expect("util-linux is installed")).expect(0);
    let mut line = Line::open(&server);
    assert!(
        line.post(&format!("/v1/keys/{id}/revoke"), &json!({})).is_none_or(|answer| answer.status == 503)
    );
    let mut stopped = server.ended();
    assert!(stopped.log().contains("whether a commit reached the disk"), "{}", stopped.log());
    let server = stopped.start();
    assert_eq!(server.operator().get(&path).expect(200).json(), before);
    assert_eq!(super::status(&server, &key), 200);
}
