//! Behind nginx.

use claviger_testkit::Nginx;

use super::{Stage, printed};

#[test]
fn nginx_passes_what_may_and_says_why_not() {
    let stage = Stage::set(|upstream, control| {
        let nginx = Nginx::start(
            &printed("nginx", "nginx", upstream, control).replace("127.0.0.1:8000", "127.0.0.1:{port}"),
        );
        let address = nginx.address();
        (nginx, address)
    });
    stage.run();
}
