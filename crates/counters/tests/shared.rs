//! Several nodes on one Redis, and every way in which it can be away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use claviger_counters::RedisLimits;
use claviger_model::{KeyId, restriction::Rate};
use claviger_testkit::{FaultProxy, Redis, RedisBuilder, eventually};
use claviger_verify::limits::{Gcra, SharedLimits as _, Window};

const KEY: KeyId = KeyId::from_bytes([7; 16]);

fn windows(texts: &[&str]) -> Vec<Window> {
    let rates = texts.iter().map(|text| text.parse::<Rate>().unwrap());
    rates.map(|rate| Window { rule: Gcra::of(&rate), rate }).collect()
}

fn limits(url: &str) -> RedisLimits {
    RedisLimits::at(url.parse().unwrap()).unwrap()
}

async fn admits(limits: &RedisLimits, windows: &[Window]) -> Result<bool, String> {
    limits.judge(KEY, windows).await.map(|judged| judged.admitted).map_err(|error| error.to_string())
}

/// Waits until it is connected: a call doesn't wait for that longer than 45 ms.
async fn connected(limits: &RedisLimits) {
    let probe = windows(&["probe=1000000/1s"]);
    while limits.judge(KeyId::from_bytes([9; 16]), &probe).await.is_err() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_use_up_one_limit_exactly() {
    let redis = Redis::start();
    let windows = windows(&["hour=900/1h", "day=5000/1d"]);
    let nodes: Vec<_> = (0..3)
        .map(|_| {
            let (limits, windows) = (limits(&redis.url()), windows.clone());
            tokio::spawn(async move {
                connected(&limits).await;
                let (mut admitted, mut asked) = (0, 0);
                while asked < 400 {
                    // A machine that is busy may be late; then nothing is known of that call.
                    let Ok(judged) = limits.judge(KEY, &windows).await else { continue };
                    (admitted, asked) = (admitted + u32::from(judged.admitted), asked + 1);
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for node in nodes {
        admitted += node.await.unwrap();
    }
    // One comes back every four seconds; one per cent would be nine.
    assert!((891..=909).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn a_cluster_keeps_a_key_in_one_place() {
    let cluster = Redis::cluster(3);
    let urls: Vec<_> = cluster.iter().map(Redis::url).collect();
    let limits = limits(&urls.join(","));
    connected(&limits).await;
    let windows = windows(&["a=3/1h", "b=5/1h"]);
    for number in 0..30 {
        let key = KeyId::from_bytes([number; 16]);
        let mut admitted = 0;
        for _ in 0..5 {
            admitted += u32::from(limits.judge(key, &windows).await.unwrap().admitted);
        }
        assert_eq!(admitted, 3);
    }
    let held: Vec<_> = cluster.iter().map(|node| node.command(&["DBSIZE"])).collect();
    assert!(held.iter().all(|count| count != "0"), "{held:?}");
}

#[tokio::test]
async fn nothing_but_windows_is_held_and_that_for_as_long_as_they_are_used_up() {
    let redis = Redis::start();
    let limits = limits(&redis.url());
    connected(&limits).await;
    assert!(admits(&limits, &windows(&["a=2/10s"])).await.unwrap());
    let name = format!("claviger:{{{KEY}}}");
    assert_eq!(redis.command(&["HKEYS", &name]), "a:2/10/2");
    let left: u64 = redis.command(&["PTTL", &name]).parse().unwrap();
    assert!((5000..=6001).contains(&left), "{left}");
}

#[tokio::test]
async fn a_rate_that_is_changed_begins_anew_and_leaves_little_behind() {
    let redis = Redis::start();
    let limits = limits(&redis.url());
    connected(&limits).await;
    for limit in 1..100 {
        let changed = windows(&[&format!("a={limit}/1h")]);
        assert!(admits(&limits, &changed).await.unwrap());
    }
    let held: u32 = redis.command(&["HLEN", &format!("claviger:{{{KEY}}}")]).parse().unwrap();
    assert!(held <= 33, "{held}");
}

#[tokio::test]
async fn what_redis_forgets_begins_anew_and_the_script_is_sent_again() {
    let redis = Redis::start();
    let (limits, once) = (limits(&redis.url()), windows(&["a=1/1h"]));
    connected(&limits).await;
    assert!(admits(&limits, &once).await.unwrap());
    assert!(!admits(&limits, &once).await.unwrap());
    redis.command(&["SCRIPT", "FLUSH"]);
    assert!(!admits(&limits, &once).await.unwrap());
    redis.command(&["FLUSHALL"]);
    assert!(admits(&limits, &once).await.unwrap());
}

/// Once it is well again it answers again, though nobody tells the counters.
async fn recovers(limits: &RedisLimits) {
    let asked_until_answered = async {
        while admits(limits, &windows(&["a=1000000/1s"])).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked_until_answered).await.expect("it is found again");
}

#[tokio::test]
async fn one_that_was_never_there_is_found_when_it_comes() {
    let mut redis = Redis::start();
    redis.kill();
    let limits = limits(&redis.url());
    assert!(admits(&limits, &windows(&["a=9/1s"])).await.is_err());
    redis.start_again();
    recovers(&limits).await;
}

#[tokio::test]
async fn one_that_is_killed_or_falls_silent_is_an_error_in_time_and_found_again() {
    let mut redis = Redis::start();
    let limits = limits(&redis.url());
    connected(&limits).await;
    redis.kill();
    assert!(admits(&limits, &windows(&["a=9/1s"])).await.is_err());
    redis.start_again();
    recovers(&limits).await;
    redis.pause();
    assert!(admits(&limits, &windows(&["a=9/1s"])).await.unwrap_err().contains("no answer within 45 ms"));
    redis.resume();
    recovers(&limits).await;
}

#[tokio::test]
async fn a_partition_is_an_error_and_a_fresh_connection_is_made_after_it() {
    let redis = Redis::start();
    let proxy = FaultProxy::to(redis.address());
    let limits = limits(&redis.url_at(proxy.address()));
    connected(&limits).await;
    proxy.blackhole();
    assert!(admits(&limits, &windows(&["a=9/1s"])).await.is_err());
    // What was cut never carries anything again: only another connection can.
    proxy.pass();
    recovers(&limits).await;
    proxy.delay(Duration::from_millis(100));
    assert!(admits(&limits, &windows(&["a=9/1s"])).await.is_err());
    proxy.pass();
    recovers(&limits).await;
}

#[tokio::test]
async fn one_that_may_not_be_written_is_an_error() {
    let master = Redis::start();
    let replica = RedisBuilder::new().replica_of(&master).start();
    eventually(|| replica.refusal(&["SET", "a", "1"]).contains("READONLY").then_some(()));
    let limits = limits(&replica.url());
    let mut refused = admits(&limits, &windows(&["a=9/1s"])).await;
    while refused.as_ref().is_err_and(|error| error.contains("no answer")) {
        refused = admits(&limits, &windows(&["a=9/1s"])).await;
    }
    let refused = refused.unwrap_err();
    assert!(refused.to_lowercase().contains("readonly"), "{refused}");
    // A failover: it is the master now, and has been written to by nobody.
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    recovers(&limits).await;
}

#[tokio::test]
async fn one_whose_memory_is_full_is_an_error() {
    let redis = RedisBuilder::new().max_memory("3mb").start();
    let limits = limits(&redis.url());
    connected(&limits).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = admits(&limits, &windows(&["a=9/1s"])).await.unwrap_err();
    assert!(refused.contains("OOM") || refused.contains("memory"), "{refused}");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    recovers(&limits).await;
}

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_quote_it() {
    let redis = RedisBuilder::new().password("correct horse").start();
    let wrong = limits(&format!("redis://:hunter2@{}", redis.address()));
    let mut refused = admits(&wrong, &windows(&["a=9/1s"])).await.unwrap_err();
    while refused.contains("no answer") {
        refused = admits(&wrong, &windows(&["a=9/1s"])).await.unwrap_err();
    }
    assert!(!refused.contains("hunter2") && refused.contains(&redis.address().to_string()), "{refused}");
    redis.command(&["CONFIG", "SET", "requirepass", "hunter2"]);
    recovers(&wrong).await;
}

#[tokio::test]
async fn calls_that_are_given_up_leave_the_connection_as_it_is() {
    let redis = Redis::start();
    let limits = Arc::new(limits(&redis.url()));
    connected(&limits).await;
    let connections = || {
        redis
            .command(&["INFO", "stats"])
            .lines()
            .find_map(|line| line.trim().strip_prefix("total_connections_received:")?.parse::<u64>().ok())
    };
    let before = connections().unwrap();
    for _ in 0..50 {
        let given_up = tokio::spawn({
            let limits = Arc::clone(&limits);
            async move { admits(&limits, &windows(&["a=9/1s"])).await }
        });
        tokio::task::yield_now().await;
        given_up.abort();
        let _ = given_up.await;
    }
    // Each question of ours is a connection too.
    assert!(connections().unwrap() - before <= 2);
}
