//! To the listeners that proxies ask, without a proxy: what has two ends is answered once at most and ends the connection,
//! so that nobody's answer is taken for another's (A105, A106).

use std::net::SocketAddr;

use super::{Stage, rows::filled, shapes, stage::send};

/// Where the request at the beginning of `bytes` ends for everybody (RFC 9112 §6 and §7.1); none where two could differ.
fn end_for_all(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head - 4]).ok()?;
    let mut lines = text.split("\r\n").skip(1);
    let is_token =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let (mut lengths, mut codings) = (Vec::new(), Vec::new());
    lines.try_for_each(|line| {
        let (name, value) = line.split_once(':').filter(|(name, _)| is_token(name))?;
        if value.contains(|c: char| c.is_ascii_control() && c != '\t') {
            return None;
        }
        match &*name.to_ascii_lowercase() {
            "content-length" => lengths.push(value.trim()),
            "transfer-encoding" => codings.push(value.trim()),
            _ => {}
        }
        Some(())
    })?;
    match (&lengths[..], &codings[..]) {
        ([], []) => Some(head),
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(head + length.parse::<usize>().ok()?).filter(|end| *end <= bytes.len())
        }
        ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Some(head + chunks(&bytes[head..])?),
        _ => None,
    }
}

/// The length of a chunked body, with its trailers.
fn chunks(body: &[u8]) -> Option<usize> {
    let line = |at: usize| {
        let rest = body.get(at..)?;
        Some(&rest[..rest.windows(2).position(|two| two == b"\r\n")?])
    };
    let mut at = 0;
    loop {
        let size = line(at).filter(|line| !line.contains(&b'\n'))?;
        at += size.len() + 2;
        // White space after a size is nothing to all who take it.
        let digits = std::str::from_utf8(size.split(|byte| *byte == b';').next()?).ok()?.trim_end();
        let size = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        if size == 0 {
            break;
        }
        at += size as usize + 2;
        body.get(at - 2..at).filter(|end| *end == b"\r\n")?;
    }
    // A bare LF ends no line of a trailer here; whoever takes it for one must not pass it on.
    loop {
        let length = line(at)?.len();
        at += length + 2;
        if length == 0 {
            return Some(at);
        }
    }
}

/// The statuses of the answers in `bytes`.
fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut answers = text.split("HTTP/1.1 ").skip(1);
    let mut all = Vec::new();
    while let Some(status) = answers.next().and_then(|answer| answer.get(..3)?.parse().ok()) {
        all.push(status);
    }
    all
}

impl Stage {
    /// Sends every shape to the path that proxies ask at, with another request behind it, and holds the sentence against
    /// what is answered. `unknown` is what is answered to the request that may be hidden in it.
    fn ask_shapes(&self, address: SocketAddr, unknown: u16) {
        let key = &self.keys.public.plain;
        let (mut faults, mut once) = (Vec::new(), 0);
        for (name, text) in shapes::all() {
            let asked = text.replace("POST /v1/x", "POST /forward-auth/default/v1/x");
            let bytes = filled(&asked, &self.keys);
            let follower = format!(
                "GET /forward-auth/default/v1/follower HTTP/1.1\r\nHost: api.test\r\n\
                 Authorization: Bearer {key}\r\nConnection: close\r\n\r\n"
            );
            let all = [&bytes[..], follower.as_bytes()].concat();
            let answer = send(address, &all);
            let statuses = statuses(&answer);
            let hidden = statuses.iter().skip(1).filter(|status| **status == unknown).count();
            // The connection is closed when `send` returns.
            let is_right = match end_for_all(&all) {
                None => {
                    once += 1;
                    statuses.len() == 1
                }
                Some(end) if all[end..].starts_with(b"GET /admin/smuggled") => statuses.len() <= 3,
                Some(_) => statuses.len() <= 2 && hidden == 0,
            };
            if !is_right {
                faults.push(format!("{name}: {statuses:?} {:?}", String::from_utf8_lossy(&answer)));
            }
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
        assert!(once > 30, "{once} that have two ends");
    }
}

#[test]
fn what_has_two_ends_is_answered_once_by_forward_auth() {
    let stage = Stage::set(|builder, _| builder);
    stage.ask_shapes(stage.server.control, 404);
}

#[test]
fn what_has_two_ends_is_answered_once_where_envoy_asks() {
    let stage = Stage::set(|builder, _| builder.argument("--ext-authz").argument("127.0.0.1:0"));
    stage.ask_shapes(stage.server.ext_authz.expect("it has the listener"), 0);
}
