//! Through proxies that ask, each set up by the file that its guide prints, and through our own.

use claviger_testkit::{Nginx, Proxy, ServerBuilder};

use super::Stage;
use crate::proxies::printed;

fn asked() -> Stage {
    Stage::set(|builder, _| builder)
}

#[test]
fn what_nginx_passes_on_is_what_was_judged() {
    let stage = asked();
    let file = printed("nginx", "nginx", &stage.upstream, stage.server.control);
    let nginx = Nginx::start(&file.replace("127.0.0.1:8000", "127.0.0.1:{port}"));
    stage.run(nginx.address());
}

#[test]
fn what_envoy_passes_on_is_what_was_judged() {
    let stage = asked();
    let envoy = Proxy::envoy(&printed("envoy", "yaml", &stage.upstream, stage.server.control));
    stage.run(envoy.address());
}

#[test]
fn what_envoy_passes_on_is_what_was_judged_by_grpc() {
    let stage = Stage::set(|builder, _| builder.argument("--ext-authz").argument("127.0.0.1:0"));
    let asked = stage.server.ext_authz.expect("it has the listener");
    let envoy = Proxy::envoy(&printed("envoy-grpc", "yaml", &stage.upstream, asked));
    stage.run(envoy.address());
}

#[test]
fn what_caddy_passes_on_is_what_was_judged() {
    let stage = asked();
    let caddy = Proxy::caddy(&printed("caddy", "caddyfile", &stage.upstream, stage.server.control));
    stage.run(caddy.address());
}

#[test]
fn what_haproxy_passes_on_is_what_was_judged() {
    let stage = asked();
    let of = |language| printed("haproxy", language, &stage.upstream, stage.server.control);
    let haproxy = Proxy::haproxy(&of("haproxy"), &of("lua"));
    stage.run(haproxy.address());
}

#[test]
fn what_our_own_gateway_passes_on_is_what_was_judged() {
    let upstream_of = |builder: ServerBuilder, upstream: &crate::attacks::Upstream| {
        builder.argument("--upstream").argument(&upstream.url())
    };
    let stage = Stage::set(upstream_of);
    stage.run(stage.server.gateway);
}
