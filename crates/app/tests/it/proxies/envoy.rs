//! Behind Envoy, by its HTTP protocol.

use claviger_testkit::Proxy;

use super::{Stage, printed};

#[test]
fn envoy_passes_what_may_and_says_why_not() {
    let stage = Stage::set(|upstream, control| {
        let envoy = Proxy::envoy(&printed("envoy", "yaml", upstream, control));
        let address = envoy.address();
        (envoy, address)
    });
    stage.run();
}
