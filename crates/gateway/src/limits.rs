//! What a request may take: bounds on everything that waits or grows.
//!
//! Bounds that only the connection can hold (size of the head, how long it may take) are here too, so that all of them
//! can be read in one place; the listener applies those.

use std::time::Duration;

/// Longest path that is judged, in bytes; a longer one is answered 414.
pub const PATH_MAX: usize = 8 << 10;
/// Longest query that is forwarded, in bytes; a longer one is answered 414. (A target of 64 KiB the server refuses by
/// itself, with a 414 that has no body.)
pub const QUERY_MAX: usize = 32 << 10;
/// Most bytes of header names and values; more are answered 431.
pub const HEADERS_MAX: usize = 16 << 10;
/// Longest header name, in bytes; a longer one is answered 431.
pub const HEADER_NAME_MAX: usize = 1 << 10;
/// How much of the body of a request that was refused by its head is read off, in bytes.
pub const LEFTOVER_MAX: usize = 1 << 20;
/// How long reading it off may take.
pub const LEFTOVER_TIMEOUT: Duration = Duration::from_secs(5);
/// For the listener: largest request head, so that the bounds above are met with an answer and not a closed connection.
/// (More than 100 fields the server refuses by itself, with a 431 that has no body.)
pub const HEAD_MAX: usize = (64 << 10) + 4 * HEADERS_MAX;
/// For the listener: how long a request's head may take to arrive.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest body of a self-service request, in bytes.
pub const SELF_SERVICE_BODY_MAX: usize = 64 << 10;
/// How long a self-service request's body may take to arrive.
pub const SELF_SERVICE_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting to an upstream may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection to an upstream is kept for the next request: less than the 5 s after which common servers
/// close theirs, so that a request is seldom sent into a closing one.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(4);
/// Most connections to one upstream that are kept for the next request.
pub const UPSTREAM_IDLE_MAX: usize = 256;
/// Longest silence in the middle of an upstream's answer; a longer one breaks the answer off. It is this long because
/// server-sent events may have nothing to say for a while.
pub const ANSWER_SILENCE_MAX: Duration = Duration::from_mins(5);
/// For the listener: how long a caller may read nothing of what waits to be sent. Until then an answer that nobody reads keeps
/// its upstream, also where its key has ended: no more of it is passed on.
pub const UNREAD_MAX: Duration = Duration::from_mins(1);
/// How often it is judged again whether what lasts may go on: a stream is closed so long after its key, and what is over
/// sooner is judged once.
pub const JUDGED_EVERY: Duration = Duration::from_secs(1);
/// How long one end of a tunnel may go on alone after the other one has ended.
pub const HALF_CLOSED_MAX: Duration = Duration::from_mins(1);

/// Here and for the listener: after how long an idle connection is probed whether its other end is still there, how often
/// then, and how many probes without an answer mean that it isn't. An answer or a tunnel may be silent, and a dead peer
/// is noticed within two minutes all the same.
pub const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_mins(1), Duration::from_secs(15), 4);
