//! A provider that lies, or can't be asked, lets nobody in.

use claviger_testkit::{Answer, Visitor};
use serde_json::{Value, json};

use super::{BACK, BEGIN, is_signed_in, member, path, peer::Peer, sent, server, stopped};

/// Begins, lets the provider lie (`"$nonce"` is the attempt's), and comes back.
fn deceived(peer: &mut Peer, visitor: &mut Visitor, lie: &Value, more: &str) -> Answer {
    let sent = sent(&visitor.get(BEGIN).expect(303));
    let lie = lie.to_string().replace("$nonce", &sent["nonce"]);
    let _ = peer.tell(&serde_json::from_str(&lie).expect("a lie is JSON"));
    visitor.get(&format!("{BACK}?code=abc&state={}{more}", sent["state"]))
}

#[test]
fn no_lie_of_a_provider_lets_anybody_in() {
    let mut peer = Peer::lying();
    let server = server(&peer, true);
    member(&server, "Acme", "ada@example.com");
    let claims = |field: &str, value: Value| {
        let mut claims = json!({"nonce": "$nonce"});
        claims[field] = value;
        json!({"claims": claims})
    };
    let with = |mut lie: Value, field: &str, value: Value| {
        lie[field] = value;
        lie
    };
    let honest = || claims("honest", json!(true));
    let lies = [
        ("another issuer", claims("iss", json!("https://op.example"))),
        ("another client", claims("aud", json!("someone-else"))),
        ("several clients", claims("aud", json!(["claviger", "someone-else"]))),
        ("another party", claims("azp", json!("someone-else"))),
        ("another nonce", claims("nonce", json!("x"))),
        ("no nonce", claims("nonce", Value::Null)),
        ("nobody", claims("sub", Value::Null)),
        ("expired", with(honest(), "times", json!({"exp": -61}))),
        ("issued tomorrow", with(honest(), "times", json!({"iat": 3600}))),
        ("not valid yet", with(honest(), "times", json!({"nbf": 3600}))),
        ("unsigned", with(with(honest(), "header", json!({"alg": "none"})), "signature", json!("none"))),
        ("signed by nothing", with(honest(), "signature", json!("none"))),
        (
            "the public key as a secret",
            with(with(honest(), "header", json!({"alg": "HS256"})), "signature", json!("hmac")),
        ),
        ("another algorithm", with(honest(), "header", json!({"alg": "PS256"}))),
        (
            "an unknown key",
            with(with(honest(), "header", json!({"kid": "other"})), "signature", json!("other")),
        ),
        ("an unknown key by a known name", with(honest(), "signature", json!("other"))),
        ("an extension", with(honest(), "header", json!({"crit": ["exp"]}))),
        (
            "another person's address",
            json!({
                "claims": {"nonce": "$nonce", "email": null}, "userinfo": {"sub": "249"},
            }),
        ),
    ];
    for (name, lie) in lies {
        let mut visitor = Visitor::new(server.portal);
        let answer = deceived(&mut peer, &mut visitor, &lie, "");
        let text = stopped(&visitor, answer, 403);
        assert!(text.contains("can&#39;t be accepted"), "{name}: {text}");
    }
    for word in [json!(false), json!("true"), Value::Null] {
        let mut visitor = Visitor::new(server.portal);
        let answer = deceived(&mut peer, &mut visitor, &claims("email_verified", word), "");
        assert!(stopped(&visitor, answer, 403).contains("hasn&#39;t verified"));
    }
    // What it says when it doesn't lie, a token without a key's name and an address told elsewhere among it.
    for truth in [
        honest(),
        with(honest(), "header", json!({"kid": null})),
        claims("aud", json!(["claviger"])),
        json!({"claims": {"nonce": "$nonce", "email": null}}),
    ] {
        let mut visitor = Visitor::new(server.portal);
        let entered = deceived(&mut peer, &mut visitor, &truth, "").expect(303);
        assert_eq!(entered.header("location"), Some("/keys"), "{truth}");
    }
}

/// Anybody may invite anybody: whoever did so first must not have them for good.
#[test]
fn an_account_that_took_somebody_first_keeps_them_from_no_other() {
    let mut peer = Peer::lying();
    let server = server(&peer, true);
    let truth = json!({"claims": {"nonce": "$nonce"}});
    member(&server, "Mallory Inc", "ada@example.com");
    let _ = deceived(&mut peer, &mut Visitor::new(server.portal), &truth, "").expect(303);
    member(&server, "Acme", "ada@example.com");
    let mut ada = Visitor::new(server.portal);
    let page = deceived(&mut peer, &mut ada, &truth, "").expect(200);
    let text = page.text();
    assert!(!is_signed_in(&ada) && text.contains("Mallory Inc") && text.contains("Acme"), "{text}");
    for link in text.split("href=\"").filter_map(|rest| rest.split('"').next()) {
        if link.contains("/link/") {
            let _ = ada.get(path(link)).expect(303);
        }
    }
    // From then on the provider knows them in each, whatever their address.
    let unverified = json!({"claims": {"nonce": "$nonce", "email_verified": false}});
    let page = deceived(&mut peer, &mut Visitor::new(server.portal), &unverified, "").expect(200);
    assert!(page.text().contains("Mallory Inc") && page.text().contains("Acme"), "{}", page.text());
    // Nor do many of them push out the one that comes last.
    for number in 0..9 {
        member(&server, &format!("Mallory {number}"), "ada@example.com");
    }
    member(&server, "Umbrella", "ada@example.com");
    let page = deceived(&mut peer, &mut Visitor::new(server.portal), &truth, "").expect(200);
    assert!(page.text().contains("Acme") && page.text().contains("Umbrella"), "{}", page.text());
}

#[test]
fn a_code_of_another_provider_is_sent_to_nobody() {
    let mut peer = Peer::lying();
    let server = server(&peer, true);
    let _ = peer.tell(&json!({"metadata": {"authorization_response_iss_parameter_supported": true}}));
    let asked_for_tokens = |peer: &mut Peer| {
        let asked = peer.tell(&json!({}));
        asked["asked"].as_array().unwrap().iter().any(|place| place == "/token")
    };
    for more in ["", "&iss=https%3A%2F%2Fop.example"] {
        let mut visitor = Visitor::new(server.portal);
        let answer = deceived(&mut peer, &mut visitor, &json!({}), more);
        let _ = stopped(&visitor, answer, 403);
        assert!(!asked_for_tokens(&mut peer), "{more}");
    }
}

#[test]
fn a_provider_that_cannot_be_asked_is_never_the_visitors_fault() {
    let place = "/.well-known/openid-configuration";
    for lie in [
        json!({"at": place, "how": "broken"}),
        json!({"at": place, "how": "huge"}),
        json!({"at": place, "how": "redirected"}),
        json!({"at": place, "how": "never"}),
        json!({"metadata": {"issuer": "https://op.example"}}),
        json!({"metadata": {"token_endpoint": "http://op.example/token"}}),
        json!({"metadata": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}}),
    ] {
        let mut peer = Peer::lying();
        let server = server(&peer, true);
        let _ = peer.tell(&lie);
        let mut visitor = Visitor::new(server.portal);
        let mut answer = visitor.get(BEGIN);
        if answer.status == 303 {
            answer = visitor.get(&format!("{BACK}?code=abc&state={}", sent(&answer)["state"]));
        }
        assert!(answer.header("retry-after").is_some());
        let text = stopped(&visitor, answer, 503);
        assert!(text.contains("doesn&#39;t answer as it should"), "{lie}: {text}");
        // For some seconds nobody else asks it in vain.
        let _ = peer.tell(&lie);
        let _ = visitor.get(BEGIN);
        assert!(!peer.tell(&lie)["asked"].as_array().unwrap().iter().any(|asked| asked == place), "{lie}");
    }
}

#[test]
fn a_provider_that_stops_answering_halfway_lets_nobody_in_and_tells_so() {
    let halves = [
        vec![("/token", "broken", 503), ("/token", "huge", 503), ("/token", "redirected", 503)],
        vec![("/token", "refused", 400), ("/userinfo", "broken", 503)],
        vec![("/keys", "broken", 503)],
    ];
    for lies in halves {
        let mut peer = Peer::lying();
        let server = server(&peer, true);
        for (at, how, status) in lies {
            let mut visitor = Visitor::new(server.portal);
            let lie = json!({"at": at, "how": how, "claims": {"nonce": "$nonce", "email": null}});
            let answer = deceived(&mut peer, &mut visitor, &lie, "");
            let _ = stopped(&visitor, answer, status);
        }
    }
    let peer = Peer::lying();
    let server = server(&peer, true);
    drop(peer);
    let mut visitor = Visitor::new(server.portal);
    let answer = visitor.get(BEGIN);
    let _ = stopped(&visitor, answer, 503);
}
