//! The databases and the nginx that the rivals are made of.

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::{Context as _, anyhow};
use claviger_bench::{API, KeySet};
use claviger_testkit::{Answer, Connection, Nginx, Postgres, Redis};

/// Connections of the clients last as long as they like.
const LASTING: &str = "keepalive_requests 1000000000;";

/// A PostgreSQL that keeps all rows in memory; and its process.
pub fn postgres() -> anyhow::Result<(Postgres, u32)> {
    let server = Postgres::builder().setting("shared_buffers", "256MB").start();
    let told = server.sql("postgres", "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
    let id = told.map_err(|said| anyhow!(said))?.parse()?;
    Ok((server, id))
}

/// A Redis; and its process.
pub fn redis() -> anyhow::Result<(Redis, u32)> {
    let server = Redis::start();
    let answer = server.command(&["INFO", "server"]);
    let line = answer.lines().find_map(|line| line.strip_prefix("process_id:"));
    let id = line.context("Redis tells its process")?.trim().parse()?;
    Ok((server, id))
}

/// An nginx that asks itself about every request (`auth_request`), where the key is looked for in a map; what may pass is
/// answered by itself too, with 43 bytes.
pub fn nginx_with_map(set: &KeySet) -> anyhow::Result<(Nginx, u32)> {
    let mut map = String::from("map_hash_max_size 262144; map_hash_bucket_size 128;\n");
    map.push_str("map $http_authorization $account {\ndefault \"\";\n");
    for issued in set.all() {
        writeln!(map, "\"Bearer {}\" {};", std::str::from_utf8(&issued.plain)?, issued.account)?;
    }
    start(&format!(
        "{map}}}
        server {{
            listen 127.0.0.1:{{port}};
            {LASTING}
            location = /pid {{ return 200 $pid; }}
            location = /forward-auth/{API} {{ auth_request /auth; empty_gif; }}
            location = /auth {{
                internal;
                if ($account = \"\") {{ return 401; }}
                return 204;
            }}
        }}"
    ))
}

/// An nginx that forwards to `upstream`.
pub fn nginx_proxy(upstream: SocketAddr) -> anyhow::Result<(Nginx, u32)> {
    start(&format!(
        "upstream behind {{ server {upstream}; keepalive 64; {LASTING} }}
        server {{
            listen 127.0.0.1:{{port}};
            {LASTING}
            location = /pid {{ return 200 $pid; }}
            location / {{
                proxy_pass http://behind;
                proxy_http_version 1.1;
                proxy_set_header Host $host;
                proxy_set_header Connection \"\";
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            }}
        }}"
    ))
}

fn start(http: &str) -> anyhow::Result<(Nginx, u32)> {
    let nginx = Nginx::start(http);
    let mut connection = Connection::open(nginx.address());
    connection.send(b"GET /pid HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let told: Answer = connection.answer("GET").context("nginx answers")?;
    let id = told.text().parse()?;
    Ok((nginx, id))
}
