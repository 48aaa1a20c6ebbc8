//! Many who create at once share their commits.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use claviger_testkit::{Server, ServerBuilder};
use serde_json::json;

use super::{Line, timed};

/// Keys created in a second by so many clients, each on a connection of its own.
fn rate(server: &Server, path: &str, clients: usize, keys: usize) -> f64 {
    let mut lines: Vec<_> = (0..clients).map(|_| Line::open(server)).collect();
    let left = AtomicUsize::new(keys);
    let took = timed(|| {
        thread::scope(|scope| {
            for line in &mut lines {
                let left = &left;
                scope.spawn(move || {
                    let one = |left: usize| left.checked_sub(1);
                    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one).is_ok() {
                        let answer = line.post(path, &json!({"name": "n"})).expect("the server answers");
                        assert_eq!(answer.status, 201);
                    }
                });
            }
        });
    });
    f64::from(u32::try_from(keys).expect("a few thousand")) / took.as_secs_f64()
}

/// What sixty-four gain over one: the median of some tries, which are printed.
#[expect(clippy::print_stdout, reason = "the numbers are for whoever runs it")]
fn gain(server: &Server, keys_of_one: usize) -> f64 {
    let account = server.operator().account("Acme");
    let path = format!("/v1/accounts/{account}/keys");
    rate(server, &path, 8, 200);
    let once = |_| {
        let (one, many) = (rate(server, &path, 1, keys_of_one), rate(server, &path, 64, 1500));
        println!("one client: {one:.0} keys/s, sixty-four: {many:.0} keys/s, ratio {:.1}", many / one);
        many / one
    };
    let mut ratios: Vec<_> = (0..5).map(once).collect();
    ratios.sort_by(f64::total_cmp);
    println!("ratio: median {:.1}, from {:.1} to {:.1}", ratios[2], ratios[0], ratios[4]);
    ratios[2]
}

#[test]
fn sixty_four_clients_create_several_times_as_fast_as_one() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let gain = gain(&server, 100);
    // How much there is to gain is the disk's: where a sync takes no longer than a request, the processor is the bound.
    assert!(gain >= 3.0, "{gain}");
}

#[test]
fn sixty_four_clients_create_ten_times_as_fast_as_one_where_a_sync_takes_its_time() {
    let slow = [
        "strace",
        "-D",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
    ];
    let slow = [&slow[..], &["inject=fsync,fdatasync:delay_exit=10000"]].concat();
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").under(&slow).start();
    let gain = gain(&server, 30);
    assert!(gain >= 10.0, "{gain}");
}
