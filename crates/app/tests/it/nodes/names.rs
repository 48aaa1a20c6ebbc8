//! F47: a name that leads to another address than before, or to none: that of the database, and that of Redis.

use std::{net::SocketAddr, time::Duration};

use claviger_testkit::{FaultProxy, Namespace, Redis, ServerBuilder, Stopwatch, eventually};
use serde_json::json;

use super::{
    confirmed_by, go_on_until, hammer, only, revoked,
    stage::{DATABASE, Stage, postgres},
    text,
};

const FAR: usize = 2;
const NAME: &str = "service.example";

/// A network with a name in it that leads to a server by one address, and can lead to it by another.
struct Names {
    network: Namespace,
    ways: [FaultProxy; 2],
    _elsewhere: Namespace,
}

impl Names {
    fn of(server: SocketAddr) -> Self {
        let (network, elsewhere) = (Namespace::new(), Namespace::new());
        let first = FaultProxy::on(network.host_address(), server);
        let second = FaultProxy::at((elsewhere.host_address(), first.address().port()).into(), server);
        let names = Self { network, ways: [first, second], _elsewhere: elsewhere };
        names.lead_to(0);
        names
    }

    /// The server as its clients call it.
    fn authority(&self) -> String {
        format!("{NAME}:{}", self.ways[0].address().port())
    }

    fn lead_to(&self, way: usize) {
        self.network.knows(&[(NAME, self.ways[way].address().ip())]);
    }

    fn lead_nowhere(&self) {
        self.network.knows(&[]);
    }

    /// Nobody is there any more.
    fn leave(&self, way: usize) {
        self.ways[way].refuse();
        self.ways[way].close_all();
    }
}

#[test]
fn a_database_is_followed_to_where_its_name_leads_and_without_a_name_a_lease_ends() {
    let postgres = postgres();
    let names = Names::of(postgres.address());
    let url = format!("postgres://claviger@{}/{DATABASE}?sslmode=disable", names.authority());
    let stage = Stage::with("4s", postgres, |builder, node| {
        if node == FAR { builder.under(&names.network.prefix()).database(&url) } else { builder }
    });
    let good = stage.issue(0, "good").1;
    let clock = Stopwatch::start();
    let of_good = names.network.within(|| hammer(clock, stage.node(FAR), &good));
    of_good.until(200, 5);

    names.lead_to(1);
    names.leave(0);
    let left_at = clock.now();
    go_on_until(clock, left_at + Duration::from_secs(6), std::slice::from_ref(&of_good));
    let (id, _) = stage.issue(0, "n");
    confirmed_by(3, &stage.operator(0), &id);

    names.lead_nowhere();
    names.ways[1].close_all();
    of_good.until(503, 5);
    let (id, _) = stage.issue(0, "n");
    revoked(&stage.operator(0), &id);
    names.lead_to(1);
    of_good.until(200, 5);
    only(&of_good.stop(), &[200, 503]);
}

#[test]
fn a_redis_is_followed_to_where_its_name_leads_and_without_a_name_a_node_counts_alone() {
    let redis = Redis::start();
    let names = Names::of(redis.address());
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let builder = builder.listening_on(names.network.address()).under(&names.network.prefix());
    let server = builder.variable("CLAVIGER_REDIS_URL", &format!("redis://{}", names.authority())).start();
    let account = server.operator().account("Acme");
    let rates = json!([{"name": "a", "limit": 1_000_000, "window": "1h"}]);
    let order = json!({"name": "n", "restrictions": {"rates": rates}});
    let key = text(&server.operator().issue(&account, &order), "key").to_owned();
    let shares = |wanted: bool| {
        eventually(|| {
            let answer = server.customer(&key).get("/v1/things").expect(200);
            (answer.header("x-claviger-limits").is_none() == wanted).then_some(())
        });
    };
    shares(true);
    names.leave(0);
    shares(false);
    names.lead_to(1);
    shares(true);
    names.lead_nowhere();
    names.ways[1].close_all();
    shares(false);
    names.lead_to(1);
    shares(true);
}
