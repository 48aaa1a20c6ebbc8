//! Behind Envoy, by HTTP and by gRPC.

use claviger_testkit::{Proxy, ServerBuilder};
use serde_json::json;

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

#[test]
fn envoy_passes_what_may_and_says_why_not_by_grpc() {
    let noted = "route_config:\n                  request_headers_to_add:\n                    - header: \
                 { key: x-noted, value: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:key_id)%' }";
    let builder = ServerBuilder::new(crate::PROGRAM).argument("--ext-authz").argument("127.0.0.1:0");
    let stage = Stage::with(builder, |upstream, server| {
        let file = printed("envoy-grpc", "yaml", upstream, server.ext_authz.expect("it has the listener"));
        let envoy = Proxy::envoy(&file.replace("route_config:", noted));
        let address = envoy.address();
        (envoy, address)
    });
    let (id, key) = stage.key(&json!({"name": "noted"}));
    stage.passes("GET /things", &key, "");
    assert_eq!(stage.upstream.last().values("x-noted"), [id]);
    stage.run();
}
