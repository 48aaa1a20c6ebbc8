//! Opening: a first connection, the schema, and what runs beside the calls.

use std::sync::{Arc, atomic::AtomicU32};

use claviger_model::InstallationId;

use super::{
    Inner, Postgres,
    address::Address,
    ask::rows,
    columns::stored,
    connect::Connector,
    failure::{Outcome, of_open},
    feed,
    issuing::Issuing,
    migrate::prepare,
    pool::Pool,
    wake::Wake,
};
use crate::{Migrated, OpenError, PostgresOptions};

/// Connections of the feed: management that uses up all others must not cost a node its lease.
const FEED_CONNECTIONS: u32 = 2;

/// Opens the database at this URL; `installation` names it if it is new.
pub(crate) async fn open(
    options: PostgresOptions,
    installation: InstallationId,
) -> Result<Postgres, OpenError> {
    let connector = Arc::new(Connector::to(Address::read(&options.url)?)?);
    let listener = match &options.listen_url {
        Some(url) => Arc::new(Connector::to(Address::read(url)?)?),
        None => Arc::clone(&connector),
    };
    let installation = begin(&connector, options.migrate, installation).await?;
    let inner = Inner {
        installation,
        pool: Pool::of(Arc::clone(&connector), options.connections),
        feed_pool: Pool::of(connector, FEED_CONNECTIONS),
        wake: Wake::listen(listener),
        changes: AtomicU32::new(0),
        issuing: Issuing::default(),
    };
    feed::forget(&inner.pool).await;
    Ok(Postgres(Arc::new(inner)))
}

/// Brings the schema up to this version, and opens nothing.
pub(crate) async fn migrate(url: &str, installation: InstallationId) -> Result<Migrated, OpenError> {
    let connector = Connector::to(Address::read(url)?)?;
    let place = connector.place();
    let connection = connector.connect().await.map_err(|failure| of_open(place, failure))?;
    prepare(&connection, place, true, installation).await
}

async fn begin(
    connector: &Connector,
    migrate: bool,
    installation: InstallationId,
) -> Result<InstallationId, OpenError> {
    let place = connector.place();
    let connection = connector.connect().await.map_err(|failure| of_open(place, failure))?;
    prepare(&connection, place, migrate, installation).await?;
    let named = async {
        let found = rows(&connection, "SELECT installation FROM feed_head", Vec::new()).await?;
        let row = found.first();
        Ok(row.map(|row| stored(row, 0)).transpose()?)
    };
    let named: Outcome<Option<InstallationId>> = named.await;
    named.map_err(|failure| of_open(place, failure))?.ok_or_else(|| OpenError::Corrupt {
        place: place.to_owned(),
        detail: "the feed has no head".to_owned(),
    })
}
