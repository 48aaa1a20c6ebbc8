//! An nginx that balances between others.

use claviger_testkit::{Hammer, Nginx, Stopwatch, exchange};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn it_balances_and_passes_over_what_is_gone() {
    let node = |name: &str| {
        Nginx::start(&format!("server {{ listen 127.0.0.1:{{port}}; location / {{ return 200 {name}; }} }}"))
    };
    let (one, two) = (node("one"), node("two"));
    let balancer = Nginx::start(&format!(
        "upstream nodes {{ server {}; server {}; }}\n\
         server {{ listen 127.0.0.1:{{port}}; location / {{ proxy_pass http://nodes; }} }}",
        one.address(),
        two.address()
    ));
    let ask = || exchange(balancer.address(), "GET", REQUEST).unwrap().expect(200).text().to_owned();
    let mut heard = [ask(), ask()];
    heard.sort();
    assert_eq!(heard, ["one", "two"]);

    let hammer = Hammer::start(Stopwatch::start(), balancer.address(), REQUEST, 2);
    hammer.until(200, 20);
    drop(one);
    hammer.until(200, 20);
    assert_eq!(ask(), "two");
}
