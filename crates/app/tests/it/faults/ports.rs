//! Addresses that can't be taken.

use std::net::TcpListener;

use claviger_testkit::ServerBuilder;

use super::refused_start;

#[test]
fn a_port_in_use_is_refused_by_name_before_anything_is_made() {
    let mut builder = ServerBuilder::new(crate::PROGRAM);
    let data = builder.directory().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for listener in ["gateway", "portal", "control"] {
        let said = refused_start(&data, &[&format!("--{listener}"), &address]);
        for needed in [&format!("the {listener} listener can't use {address}"), "--", "another program uses"]
        {
            assert!(said.contains(needed), "{needed:?} is not in: {said}");
        }
        assert!(!data.exists(), "nothing is made where nothing can be served");
    }
    let said = refused_start(&data, &["--gateway", &address, "--portal", &address]);
    assert!(said.contains("gateway listener"), "{said}");
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let mut builder = ServerBuilder::new(crate::PROGRAM);
    let data = builder.directory().join("data");
    let said = refused_start(&data, &["--control", "192.0.2.1:8082"]);
    assert!(said.contains("this machine has no such address"), "{said}");
}
