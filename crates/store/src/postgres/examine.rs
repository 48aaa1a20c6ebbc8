//! What can be said of the shared database without using it: whether it can be relied on, and for what.

use std::{collections::BTreeMap, future::poll_fn, time::Duration};

use claviger_model::Clock;
use claviger_verify::nodes::{NodeRow, Roll};
use tokio_postgres::{AsyncMessage, Row};

use super::{
    address::Address,
    ask::{self, Ask},
    columns::{Bound, stored},
    connect::{Connection, Connector},
    failure::{Outcome, of_open},
    migrate, roll,
};
use crate::{Examined, Finding, OpenError, PostgresOptions, StoreError};

/// How far two clocks may be apart: from there on, keys whose expiry lies in between can't be decided.
const CLOCKS: u64 = 1_000;
/// How long a notification may take.
const NOTIFIED: Duration = Duration::from_secs(2);
/// How often, and how long between, it is asked whether those who lagged have caught up.
const CATCH_UP: (u32, Duration) = (20, Duration::from_millis(100));

/// Looks at everything, one thing after the other.
pub(crate) async fn examine(options: &PostgresOptions, clock: &dyn Clock) -> Examined {
    let mut examined = Examined::default();
    if let Err(error) = look(options, clock, &mut examined).await {
        examined.findings.push(Finding::fail("database", &error));
    }
    examined
}

async fn look(options: &PostgresOptions, clock: &dyn Clock, into: &mut Examined) -> Result<(), OpenError> {
    let connector = Connector::to(Address::read(&options.url)?)?;
    let place = connector.place().to_owned();
    let failed = |failure| of_open(&place, failure);
    let connection = connector.connect().await.map_err(failed)?;
    let asked = Asked(&connection);
    let (schema, is_current) = schema(&connection, options.migrate, &place).await?;
    into.findings.push(schema);
    for finding in [
        role(&asked).await,
        encryption(&asked, &connector).await,
        durability(&asked).await,
        clocks(&asked, clock).await,
        notifications(&connection, options).await,
    ] {
        into.findings.push(finding.map_err(failed)?);
    }
    if is_current {
        let (finding, roll) = nodes(&asked).await.map_err(failed)?;
        into.findings.push(finding);
        into.findings.extend(profiles(&roll.nodes));
        into.roll = Some(roll);
    }
    Ok(())
}

/// A connection that is asked and nothing else.
struct Asked<'a>(&'a Connection);

impl Ask for Asked<'_> {
    async fn rows(&self, sql: &str, values: Vec<Bound>) -> Outcome<Vec<Row>> {
        ask::rows(self.0, sql, values).await
    }
}

impl Asked<'_> {
    async fn one(&self, sql: &str) -> Outcome<Row> {
        let row = self.row(sql, Vec::new()).await?;
        Ok(row.ok_or_else(|| StoreError::Internal("PostgreSQL answered nothing".to_owned()))?)
    }
}

/// Whether this version can use the schema, and whether it is there already.
async fn schema(connection: &Connection, migrates: bool, place: &str) -> Result<(Finding, bool), OpenError> {
    const ABOUT: &str = "database";
    let (found, known) = migrate::look(connection, place).await?;
    Ok(match found {
        _ if found >= known => (
            Finding::ok(
                ABOUT,
                format!("{place} answers and has schema {found}; this version knows {known}."),
            ),
            true,
        ),
        _ if migrates => (
            Finding::warn(
                ABOUT,
                format!("{place} answers and has schema {found}; this version needs {known}."),
                "nothing: claviger serve brings it up when it starts, or claviger migrate does so now.",
            ),
            false,
        ),
        _ => {
            let place = place.to_owned();
            (Finding::fail(ABOUT, &OpenError::Older { place, found, known }), false)
        }
    })
}

async fn role(asked: &Asked<'_>) -> Outcome<Finding> {
    const ABOUT: &str = "role";
    let sql = "SELECT rolname::text, rolsuper FROM pg_roles WHERE rolname = current_user";
    let row = asked.one(sql).await?;
    let (name, is_superuser): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
    if is_superuser {
        return Ok(Finding::warn(
            ABOUT,
            format!("{name} is a superuser of the whole server."),
            "make a role that owns this database and may do nothing else: that is all claviger needs.",
        ));
    }
    Ok(Finding::ok(ABOUT, format!("{name} is no superuser.")))
}

async fn encryption(asked: &Asked<'_>, connector: &Connector) -> Outcome<Finding> {
    const ABOUT: &str = "encryption";
    let row = asked.one("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await?;
    if row.try_get("ssl")? {
        let version: Option<String> = row.try_get("version")?;
        let version = version.unwrap_or_else(|| "TLS".to_owned());
        return Ok(Finding::ok(ABOUT, format!("What goes to the database travels by {version}.")));
    }
    if connector.stays_here() {
        return Ok(Finding::ok(
            ABOUT,
            "What goes to the database isn't encrypted, and stays on this machine.",
        ));
    }
    Ok(Finding::warn(
        ABOUT,
        "What goes to the database travels in the clear.",
        "have PostgreSQL offer TLS, and insist on it with ?sslmode=require in the URL.",
    ))
}

/// What a primary that is lost takes with it. Every change of ours asks for `synchronous_commit = on` itself.
async fn durability(asked: &Asked<'_>) -> Outcome<Finding> {
    const ABOUT: &str = "durability";
    const FAR: &str =
        "nodes that run remember revocations they have heard of and make them again, but nobody else does";
    let sql = "SELECT current_setting('fsync') = 'on'               AS fsync,
                      current_setting('synchronous_standby_names')  AS standbys,
                      (SELECT count(*) FROM pg_stat_replication)    AS replicas";
    let row = asked.one(sql).await?;
    let (standbys, replicas): (String, u64) = (row.try_get("standbys")?, stored(&row, "replicas")?);
    if !row.try_get::<_, bool>("fsync")? {
        return Ok(Finding {
            advice: Some("set fsync = on.".to_owned()),
            ..Finding::fail(
                ABOUT,
                &"The server doesn't wait for its disk (fsync = off): a power cut takes revocations back",
            )
        });
    }
    Ok(match (standbys.is_empty(), replicas) {
        (true, 0) => Finding::warn(
            ABOUT,
            "The server has no replica: a lost disk, or a backup that is restored, takes back the revocations made since \
             the backup.",
            "add a standby and name it in synchronous_standby_names; after restoring a backup, revoke again what was revoked \
             since, by an audit trail that was kept elsewhere.",
        ),
        (true, _) => Finding::warn(
            ABOUT,
            format!(
                "Not guaranteed: commits don't wait for the {replicas} that replicate (synchronous_standby_names is empty). A \
                 fail-over can take back revocations that were reported complete; {FAR}."
            ),
            "set synchronous_standby_names, such as 'ANY 1 (*)' with two standbys or more.",
        ),
        (false, 0) => Finding::warn(
            ABOUT,
            format!(
                "Commits wait for a standby (synchronous_standby_names = {standbys:?}), and none is connected."
            ),
            "connect a standby: until then no change is made.",
        ),
        (false, _) => Finding::ok(
            ABOUT,
            format!(
                "Commits wait for a standby (synchronous_standby_names = {standbys:?}, {replicas} connected)."
            ),
        ),
    })
}

async fn clocks(asked: &Asked<'_>, clock: &dyn Clock) -> Outcome<Finding> {
    const ABOUT: &str = "clock";
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    // A first question finds the way; the second is timed.
    asked.one(sql).await?;
    let before = clock.now().as_millis();
    let theirs: i64 = asked.one(sql).await?.try_get(0)?;
    let after = clock.now().as_millis();
    let ahead = theirs - i64::midpoint(before, after);
    let (apart, doubt) = (ahead.unsigned_abs(), (after - before).unsigned_abs() / 2);
    let found =
        format!("This machine's clock and the database's are {apart} ms apart (give or take {doubt} ms).");
    if apart > CLOCKS + doubt {
        let advice = "set both by NTP: keys whose expiry lies in between are answered 503.";
        return Ok(Finding::warn(ABOUT, found, advice));
    }
    Ok(Finding::ok(ABOUT, found))
}

/// Whether a notification arrives, by sending one.
async fn notifications(connection: &Connection, options: &PostgresOptions) -> Outcome<Finding> {
    const ABOUT: &str = "notifications";
    let url = options.listen_url.as_deref().unwrap_or(&options.url);
    let listener = Address::read(url).and_then(Connector::to);
    let heard = match listener {
        Ok(listener) => hears(connection, &listener).await,
        Err(error) => Err(StoreError::Internal(error.to_string()).into()),
    };
    let advice = "name the server itself in database_listen_url, past a pooler that pools transactions: until then changes \
                  are found within half a second.";
    Ok(match heard {
        Ok(true) => Finding::ok(ABOUT, "They arrive: a change wakes every node at once."),
        Ok(false) => Finding::warn(ABOUT, "They don't arrive: something in between swallows them.", advice),
        Err(failure) => {
            Finding::warn(ABOUT, format!("Nobody can listen ({}).", StoreError::from(failure)), advice)
        }
    })
}

async fn hears(connection: &Connection, listener: &Connector) -> Outcome<bool> {
    let (client, mut listening, _) = listener.reach().await?;
    let reading = async {
        while let Some(message) = poll_fn(|context| listening.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let asking = async {
        client.batch_execute("LISTEN claviger_doctor").await?;
        connection.batch_execute("NOTIFY claviger_doctor").await?;
        tokio::time::sleep(NOTIFIED).await;
        Ok(false)
    };
    tokio::select! {
        heard = reading => heard,
        waited = asking => waited,
    }
}

/// Who is a member, and whether all of them follow.
async fn nodes(asked: &Asked<'_>) -> Outcome<(Finding, Roll)> {
    const ABOUT: &str = "nodes";
    let roll = roll::list(asked).await?;
    let lags = |nodes: &[NodeRow]| {
        let behind = nodes.iter().filter(|node| node.acked.is_none_or(|acked| acked < roll.head));
        behind.map(|node| format!("{} ({})", node.name, node.id)).collect::<Vec<_>>()
    };
    let mut behind = lags(&roll.nodes);
    for _ in 0..CATCH_UP.0 {
        if behind.is_empty() {
            break;
        }
        tokio::time::sleep(CATCH_UP.1).await;
        behind = lags(&roll::list(asked).await?.nodes);
    }
    let finding = match (roll.nodes.len(), behind.len()) {
        (0, _) => Finding::ok(ABOUT, "No node is running."),
        (all, 0) => Finding::ok(ABOUT, format!("{all} on the roll, and each has confirmed every change.")),
        (all, _) => Finding::warn(
            ABOUT,
            format!("Of {all} on the roll, these have not confirmed every change: {}.", behind.join(", ")),
            "look at their logs. One that is known to be dead need not be waited for: claviger node fence ID.",
        ),
    };
    Ok((finding, roll))
}

/// Whether nodes disagree on what an api's keys may do.
fn profiles(nodes: &[NodeRow]) -> Option<Finding> {
    let mut served: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for node in nodes {
        for (api, digest) in &node.profiles {
            served.entry(api).or_default().insert(digest, &node.name);
        }
    }
    let apart: Vec<_> = served
        .iter()
        .filter(|(_, digests)| digests.len() > 1)
        .map(|(api, digests)| format!("{api} ({})", digests.values().copied().collect::<Vec<_>>().join(", ")))
        .collect();
    (!apart.is_empty()).then(|| {
        Finding::warn(
            "profiles of nodes",
            format!("Nodes serve different profiles of the same api: {}.", apart.join("; ")),
            "give all nodes the same files, and start them again one after the other.",
        )
    })
}
