//! Behind `HAProxy`.

use claviger_testkit::Proxy;

use super::{Stage, printed};

#[test]
fn haproxy_passes_what_may_and_says_why_not() {
    let stage = Stage::set(|upstream, control| {
        let of = |language| printed("haproxy", language, upstream, control);
        let haproxy = Proxy::haproxy(&of("haproxy"), &of("lua"));
        let address = haproxy.address();
        (haproxy, address)
    });
    stage.run();
}
