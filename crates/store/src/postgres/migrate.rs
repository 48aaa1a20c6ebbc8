//! Brings the schema up to what this version knows: append-only steps, all that are lacking in one transaction.
//!
//! Nodes of two versions run side by side during an upgrade, so a step first adds and only a later version takes away:
//! each step says which is the oldest version of the schema that a node must know to go on with it.

use claviger_model::InstallationId;

use super::{
    ask::{execute, rows},
    columns::{bind, stored},
    connect::Connection,
    failure::{Failure, Outcome, of_open},
};
use crate::{Migrated, OpenError};

struct Step {
    sql: &'static str,
    oldest_reader: u32,
}

/// The steps, in order. A step that nodes of the version before it can live with repeats that one's `oldest_reader`.
const STEPS: &[Step] = &[
    Step { sql: include_str!("../../migrations/postgres/0001_initial.sql"), oldest_reader: 1 },
    Step { sql: include_str!("../../migrations/postgres/0002_members.sql"), oldest_reader: 2 },
    Step { sql: include_str!("../../migrations/postgres/0003_usage.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0004_quotas.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0005_oauth.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0006_introspection.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0007_import.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0008_old_grants.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0009_foreign.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0010_many.sql"), oldest_reader: 3 },
    Step { sql: include_str!("../../migrations/postgres/0011_external_ids.sql"), oldest_reader: 3 },
];

/// Serialises those who migrate one database. The number is any that nobody else uses: the name in ASCII.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
                     SET LOCAL lock_timeout = '60s';
                     SET LOCAL idle_in_transaction_session_timeout = '60s';
                     SET LOCAL synchronous_commit = on;
                     SELECT pg_advisory_xact_lock(7162245692346557810)";

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
                            version       bigint      NOT NULL PRIMARY KEY CHECK (version >= 1),
                            oldest_reader bigint      NOT NULL             CHECK (oldest_reader BETWEEN 1 AND version),
                            taken_at      timestamptz NOT NULL DEFAULT clock_timestamp()
                        )";

fn known() -> u32 {
    u32::try_from(STEPS.len()).expect("a handful of steps")
}

/// Checks that the database is one we can live in, and that its schema is ours. With `migrate` it takes the steps that
/// are lacking, and `installation` names the history of a database that is new. Returns what it found.
pub(super) async fn prepare(
    connection: &Connection,
    place: &str,
    migrate: bool,
    installation: InstallationId,
) -> Result<Migrated, OpenError> {
    let failed = |failure: Failure| of_open(place, failure);
    let migrated = |found| Migrated { place: place.to_owned(), found, known: known() };
    suits(connection, place).await?;
    let (version, oldest) = versions_if_any(connection).await.map_err(failed)?;
    must_be_readable((version, oldest), place)?;
    if version >= known() {
        return Ok(migrated(version));
    }
    if !migrate {
        return Err(OpenError::Older { place: place.to_owned(), found: version, known: known() });
    }
    connection.batch_execute(BEGIN).await.map_err(|error| failed(error.into()))?;
    connection.batch_execute(VERSIONS).await.map_err(|error| failed(error.into()))?;
    // Another node may have been faster.
    let found = versions(connection).await.map_err(failed)?;
    must_be_readable(found, place)?;
    take(connection, found.0, installation).await.map_err(failed)?;
    connection.batch_execute("COMMIT").await.map_err(|error| failed(error.into()))?;
    Ok(migrated(found.0))
}

/// The schema that is there and the newest this version knows, where this version can use it.
pub(super) async fn look(connection: &Connection, place: &str) -> Result<(u32, u32), OpenError> {
    suits(connection, place).await?;
    let found = versions_if_any(connection).await.map_err(|failure| of_open(place, failure))?;
    must_be_readable(found, place)?;
    Ok((found.0, known()))
}

async fn suits(connection: &Connection, place: &str) -> Result<(), OpenError> {
    let sql = "SELECT current_setting('server_version_num')::bigint AS version,
                      current_setting('server_encoding')            AS encoding";
    let asked = async {
        let found = rows(connection, sql, Vec::new()).await?;
        let row = &found[0];
        Ok((row.try_get::<_, i64>("version")?, row.try_get::<_, String>("encoding")?))
    };
    let (version, encoding) = asked.await.map_err(|failure| of_open(place, failure))?;
    let place = place.to_owned();
    if version < 140_000 {
        let detail = format!("it is PostgreSQL {}, and 14 is the oldest that is supported", version / 10_000);
        return Err(OpenError::Unsuitable { place, detail });
    }
    if encoding != "UTF8" {
        let detail = format!("its encoding is {encoding}; create the database with ENCODING 'UTF8'");
        return Err(OpenError::Unsuitable { place, detail });
    }
    Ok(())
}

fn must_be_readable((found, oldest_reader): (u32, u32), place: &str) -> Result<(), OpenError> {
    let known = known();
    if oldest_reader > known {
        return Err(OpenError::Newer { place: place.to_owned(), found, known });
    }
    Ok(())
}

/// (0, 0) where there is no schema. The answer may be a moment old: whoever finds none asks again under the lock.
async fn versions_if_any(connection: &Connection) -> Outcome<(u32, u32)> {
    let there = rows(connection, "SELECT to_regclass('schema_versions') IS NOT NULL", Vec::new()).await?;
    if there[0].try_get::<_, bool>(0)? { versions(connection).await } else { Ok((0, 0)) }
}

/// The schema's version, and the oldest version that may go on with it.
async fn versions(connection: &Connection) -> Outcome<(u32, u32)> {
    let sql = "SELECT coalesce(max(version), 0), coalesce(max(oldest_reader), 0) FROM schema_versions";
    let found = rows(connection, sql, Vec::new()).await?;
    let number = |column: usize| -> Outcome<u32> {
        Ok(u32::try_from(stored::<u64>(&found[0], column)?).unwrap_or(u32::MAX))
    };
    Ok((number(0)?, number(1)?))
}

async fn take(connection: &Connection, version: u32, installation: InstallationId) -> Outcome<()> {
    for (number, step) in (1..).zip(STEPS).skip_while(|(number, _)| *number <= version) {
        connection.batch_execute(step.sql).await?;
        let sql = "INSERT INTO schema_versions (version, oldest_reader) VALUES ($1, $2)";
        execute(connection, sql, bind![number, step.oldest_reader]).await?;
    }
    let sql = "INSERT INTO feed_head (one, installation, audit_hash) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING";
    execute(connection, sql, bind![installation, crate::audit::GENESIS]).await.map(drop)
}
