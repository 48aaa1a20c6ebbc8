//! Everybody who takes part, started, and who is compared with whom.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use claviger_bench::{FixedAnswer, KeySet};
use claviger_testkit::{Nginx, Postgres, Redis, Server, exchange};

use crate::{
    claviger::start_two,
    contest::{Contest, Rival},
    contestant::{Checks, Contestant},
    peers::{nginx_proxy, nginx_with_map, postgres, redis},
    requests::{Attempt, Way},
    rival::Process,
};

/// All of them.
pub struct Field {
    claviger: Server,
    flooded: Server,
    /// The HTTP server alone, once with the answer to a proxy and once with the one to a call.
    bare: [Process; 2],
    sqlite: Process,
    postgres: Process,
    redis: Process,
    nginx: (Nginx, u32),
    nginx_proxy: (Nginx, u32),
    proxy: Process,
    requests: PathBuf,
    postgres_server: (Postgres, u32),
    redis_server: (Redis, u32),
    _upstream: Process,
}

impl Field {
    /// Starts everybody, with files in `place`.
    pub async fn start(program: &Path, profile: &str, set: &KeySet, place: &Path) -> anyhow::Result<Self> {
        let upstream = bare(place, "upstream", &small_answer())?;
        let [claviger, flooded] = start_two(program, profile, set, upstream.address).await?;
        let operator_key = claviger.operator_key();
        let alone = |way: Way| {
            let request = way.request(&[Attempt::good(&set.key(0).plain)], operator_key);
            let answer = exchange(claviger.control, way.method(), &request).context("no answer")?;
            bare(place, &format!("{way:?}.json"), &answer.into())
        };
        let (keys, file) = (set.keys.to_string(), place.join("rival.sqlite"));
        let (postgres_server, redis_server) = (postgres()?, redis()?);
        let database = |kind: &str, place: &str| {
            Process::start(&[kind, place, "--keys", &keys, "--operator-key", operator_key])
        };
        let requests = place.to_owned();
        for way in [Way::Verify, Way::Batch, Way::ForwardAuth, Way::Proxy] {
            way.write(set, operator_key, &requests)?;
        }
        Ok(Self {
            bare: [alone(Way::ForwardAuth)?, alone(Way::Verify)?],
            sqlite: database("sqlite", file.to_str().context("the path is text")?)?,
            postgres: database("postgres", &postgres_server.0.database())?,
            redis: database("redis", &redis_server.0.url())?,
            nginx: nginx_with_map(set)?,
            nginx_proxy: nginx_proxy(upstream.address)?,
            proxy: Process::start(&["proxy", &upstream.address.to_string()])?,
            requests,
            postgres_server,
            redis_server,
            claviger,
            flooded,
            _upstream: upstream,
        })
    }

    /// The key of those who may ask.
    pub fn operator_key(&self) -> &str {
        self.claviger.operator_key()
    }

    /// Who is compared with whom.
    pub fn contests(&self) -> [Contest; 4] {
        [
            Contest {
                title: "Verify",
                compared: self.claviger(Way::Verify),
                rivals: self.checking(Way::Verify).into(),
            },
            Contest {
                title: "Forward auth",
                compared: self.claviger(Way::ForwardAuth),
                rivals: self.checking(Way::ForwardAuth).into_iter().chain([self.nginx()]).collect(),
            },
            Contest {
                title: "Reverse proxy",
                compared: self.claviger(Way::Proxy),
                rivals: self.forwarding().into(),
            },
            Contest {
                title: "A hundred at once",
                compared: Contestant { name: "Claviger, a call of 100", ..self.claviger(Way::Batch) },
                rivals: vec![Rival {
                    contestant: Contestant { name: "Claviger, 100 calls", ..self.claviger(Way::Verify) },
                    imitates: false,
                    aim: Some(10.0),
                }],
            },
        ]
    }

    /// A server that was never flooded, and the one to flood.
    pub fn flooded(&self) -> [Contestant; 2] {
        let spared = self.claviger(Way::ForwardAuth);
        let (address, server) = (self.flooded.control, self.flooded.pid());
        let flooded = Contestant { address, server, ..self.claviger(Way::ForwardAuth) };
        [spared, flooded]
    }

    fn claviger(&self, way: Way) -> Contestant {
        let address = if way == Way::Proxy { self.claviger.gateway } else { self.claviger.control };
        self.contestant("Claviger", way, Checks::All, address, self.claviger.pid())
    }

    /// Those who answer the same questions.
    fn checking(&self, way: Way) -> [Rival; 4] {
        let bare = &self.bare[usize::from(way == Way::Verify)];
        let of = |name, checks, process: &Process, database, aim| {
            let contestant = self.contestant(name, way, checks, process.address, process.id());
            let imitates = checks == Checks::Nothing;
            Rival { contestant: Contestant { database, ..contestant }, imitates, aim: Some(aim) }
        };
        let (postgres, redis) = (Some(self.postgres_server.1), Some(self.redis_server.1));
        [
            of("bare hyper", Checks::Nothing, bare, None, 0.85),
            of("axum and SQLite", Checks::All, &self.sqlite, None, 2.0),
            of("axum and Redis", Checks::All, &self.redis, redis, 2.0),
            of("axum and PostgreSQL", Checks::All, &self.postgres, postgres, 8.0),
        ]
    }

    fn nginx(&self) -> Rival {
        let (nginx, id) = &self.nginx;
        let name = "nginx with a map of keys";
        let contestant = self.contestant(name, Way::ForwardAuth, Checks::Key, nginx.address(), *id);
        Rival { contestant, imitates: false, aim: None }
    }

    /// Those who forward to the same upstream.
    fn forwarding(&self) -> [Rival; 2] {
        let of = |name, imitates, address, id, aim| {
            let contestant = self.contestant(name, Way::Proxy, Checks::Nothing, address, id);
            Rival { contestant, imitates, aim: Some(aim) }
        };
        let (nginx, id) = &self.nginx_proxy;
        [
            of("bare hyper, forwarding", true, self.proxy.address, self.proxy.id(), 0.93),
            of("nginx, forwarding", false, nginx.address(), *id, 0.8),
        ]
    }

    fn contestant(
        &self,
        name: &'static str,
        way: Way,
        checks: Checks,
        address: SocketAddr,
        server: u32,
    ) -> Contestant {
        let requests = way.file(&self.requests);
        Contestant { name, way, address, requests, server, database: None, checks }
    }
}

/// The HTTP server alone, answering this.
fn bare(place: &Path, name: &str, answer: &FixedAnswer) -> anyhow::Result<Process> {
    let file = place.join(name);
    fs::write(&file, serde_json::to_vec(answer)?)?;
    Process::start(&["bare".as_ref(), file.as_os_str()])
}

/// What the upstream answers.
fn small_answer() -> FixedAnswer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    FixedAnswer { status: 200, headers, body: br#"{"id":4711,"state":"paid","total":"19.90"}"#.to_vec() }
}
