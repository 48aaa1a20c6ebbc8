//! Versions of TLS and of HTTP: what is offered, and what a caller gets who asks for it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use claviger_testkit::Program;
use rustls::{
    ProtocolVersion,
    version::{TLS12, TLS13},
};

use super::{Stage, Wire, wire};

#[test]
fn both_versions_are_spoken_with_the_name_of_the_server_or_without() {
    let stage = Stage::set();
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        // An address is no name, and isn't indicated.
        for name in ["127.0.0.1", "localhost", "keys.test"] {
            let config = wire::config_of(&stage.certificates, &[version]);
            let mut caller = Wire::to_name(stage.server.gateway, name, config);
            caller.send(stage.request(""));
            assert!(caller.head().starts_with("HTTP/1.1 200 "), "{name}");
            assert_eq!(caller.version(), Some(expected));
        }
    }
}

#[test]
fn a_version_that_is_too_old_is_refused_by_an_alert() {
    /// `handshake_failure`, for these versions know no signatures that are good enough, and `protocol_version`.
    const WHY: [u8; 2] = [40, 70];
    let stage = Stage::set();
    for minor in [1, 2] {
        let hello = [&[3, minor][..], &[7; 32], &[0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]].concat();
        let length = u8::try_from(hello.len()).expect("it is short");
        let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
        let mut stream = TcpStream::connect(stage.server.gateway).unwrap();
        stream.write_all(&record).unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        let (fatal, why) = answer.split_at(6);
        assert_eq!(fatal, [0x15, 3, 3, 0, 2, 2], "TLS 1.{}", minor - 1);
        assert!(WHY.contains(&why[0]), "TLS 1.{}: {why:?}", minor - 1);
    }
    stage.serves();
}

#[test]
fn http_2_is_for_who_asks_for_it_and_http_1_1_for_all_others() {
    let stage = Stage::set();
    for (asked, agreed) in [
        (&[][..], None),
        (&["http/1.1"], Some("http/1.1")),
        (&["h2"], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["spdy/3", "http/1.1"], Some("http/1.1")),
    ] {
        let mut config = wire::config(&stage.certificates);
        config.alpn_protocols = asked.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut caller = Wire::to(stage.server.gateway, config);
        caller.shake_hands().unwrap();
        assert_eq!(caller.protocol(), agreed.map(str::as_bytes), "{asked:?}");
        if agreed != Some("h2") {
            caller.send(stage.request(""));
            assert!(caller.head().starts_with("HTTP/1.1 200 "), "{asked:?}");
        }
    }
    let mut config = wire::config(&stage.certificates);
    config.alpn_protocols = vec![b"spdy/3".to_vec()];
    let refused = Wire::to(stage.server.gateway, config).shake_hands().unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[test]
fn curl_gets_the_version_of_http_that_it_asks_for() {
    let stage = Stage::set();
    let authority = stage.certificates.authority();
    let port = stage.server.gateway.port();
    let (url, resolve) =
        (format!("https://keys.test:{port}/v1/things"), format!("keys.test:{port}:127.0.0.1"));
    let authorization = format!("Authorization: Bearer {}", stage.key);
    for (asked, got) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        let done = Program::at("curl")
            .run(&[
                asked,
                "--silent",
                "--show-error",
                "--cacert",
                authority.to_str().expect("the tests' paths are text"),
                "--resolve",
                &resolve,
                "--header",
                &authorization,
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_version} %{http_code}",
                &url,
            ])
            .expect(0);
        assert_eq!(done.out, got, "{asked}");
    }
}
