//! Whoever comes back takes up the session of before, and shakes hands shortly.

use std::sync::Arc;

use rustls::{
    ClientConfig, HandshakeKind,
    client::{Resumption, Tls12Resumption},
    version::{TLS12, TLS13},
};

use super::{Stage, Wire, wire::config_of};

/// How hands are shaken with one who comes with `config` and is answered.
#[track_caller]
fn handshake(stage: &Stage, config: &Arc<ClientConfig>) -> Option<HandshakeKind> {
    let mut caller = Wire::to_name(stage.server.gateway, "keys.test", Arc::clone(config));
    caller.send(stage.request("Connection: close\r\n"));
    assert!(caller.rest().starts_with("HTTP/1.1 200 "));
    caller.handshake()
}

#[test]
fn a_session_is_taken_up_in_either_version_by_a_ticket_or_by_what_is_remembered() {
    let stage = Stage::set();
    let sessions = || Resumption::in_memory_sessions(4);
    for (version, resumption) in [
        (&TLS13, sessions()),
        (&TLS12, sessions()),
        (&TLS12, sessions().tls12_resumption(Tls12Resumption::SessionIdOnly)),
    ] {
        let mut config = config_of(&stage.certificates, &[version]);
        config.resumption = resumption;
        let config = Arc::new(config);
        assert_eq!(handshake(&stage, &config), Some(HandshakeKind::Full), "{config:?}");
        for _ in 0..3 {
            assert_eq!(handshake(&stage, &config), Some(HandshakeKind::Resumed), "{config:?}");
        }
    }
}

#[test]
fn who_keeps_no_session_shakes_hands_anew() {
    let stage = Stage::set();
    let mut config = config_of(&stage.certificates, &[&TLS13]);
    config.resumption = Resumption::disabled();
    let config = Arc::new(config);
    for _ in 0..2 {
        assert_eq!(handshake(&stage, &config), Some(HandshakeKind::Full));
    }
}
