//! Behind Caddy.

use claviger_testkit::Proxy;

use super::{Stage, printed};

#[test]
fn caddy_passes_what_may_and_says_why_not() {
    let stage = Stage::set(|upstream, control| {
        let caddy = Proxy::caddy(&printed("caddy", "caddyfile", upstream, control));
        let address = caddy.address();
        (caddy, address)
    });
    stage.run();
}
