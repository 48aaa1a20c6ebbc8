//! Reads off the body of a request that was answered by its head.
//!
//! A caller who is still sending when the connection closes may never see the answer, and loses the connection. So the
//! rest is read and thrown away, as far as it is little and quick. A caller who waits to be told to go on
//! (`Expect: 100-continue`) isn't.

use http::{header::EXPECT, request::Parts};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};

use crate::{
    Body,
    limits::{LEFTOVER_MAX, LEFTOVER_TIMEOUT},
};

pub(crate) fn read_off(head: &Parts, body: Body) {
    if body.is_end_stream() || head.headers.contains_key(EXPECT) {
        return;
    }
    tokio::spawn(async move {
        let mut body = Limited::new(body, LEFTOVER_MAX);
        let reading = async { while matches!(body.frame().await, Some(Ok(_))) {} };
        // However it ends, the answer is on its way.
        let _ = tokio::time::timeout(LEFTOVER_TIMEOUT, reading).await;
    });
}
