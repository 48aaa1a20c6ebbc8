//! Opening: the lock first, then the files, their schema, and the threads.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU32},
};

use claviger_model::InstallationId;
use rusqlite::Connection;

use super::{
    Inner, Sqlite, connection,
    failure::{Failure, Outcome, of_open},
    feed,
    file::DatabaseFile,
    migrate::{self, migrate},
    moved::{self, Moved},
    readers::Readers,
    roll::OneNode,
    usage,
    writer::{Settings, Writer},
};
use crate::{DirectoryLock, OpenError, backup};

pub(crate) const DATABASE: &str = "claviger.db";
pub(crate) const USAGE: &str = "usage.db";

/// Opens the database of this directory; `installation` names it if it is new.
pub(crate) async fn open(dir: PathBuf, installation: InstallationId) -> Result<Sqlite, OpenError> {
    let place = dir.display().to_string();
    match tokio::task::spawn_blocking(move || start(&dir, installation)).await {
        Ok(started) => started,
        Err(fault) => Err(OpenError::Failed { place, detail: fault.to_string() }),
    }
}

fn start(dir: &Path, installation: InstallationId) -> Result<Sqlite, OpenError> {
    let lock = Arc::new(DirectoryLock::take(dir)?);

    refuse_replacement(dir)?;
    let file = DatabaseFile::make(dir.join(DATABASE))?;
    let connection = prepare(&file, migrate::DATABASE)?;
    let (installation, moved) = begin(&connection, &file, |connection| {
        feed::trim(connection)?;
        Ok((feed::begin(connection, installation)?, moved::find(connection)?))
    })?;
    stay_moved(dir, moved)?;
    let usage_file = DatabaseFile::make(dir.join(USAGE))?;
    let usage_connection = prepare(&usage_file, migrate::USAGE)?;
    begin(&usage_connection, &usage_file, usage::begin)?;
    let readers = Readers::open(file.clone()).map_err(|error| of_open(file.path(), &error))?;
    let usage_readers =
        Readers::open(usage_file.clone()).map_err(|error| of_open(usage_file.path(), &error))?;

    // Only a fresh start reads what is really on disk.
    let on_loss: fn() = || std::process::abort();
    let writer = launch("store-writer", connection, &file, &lock, on_loss)?;
    // Counts that may be lost are no reason to stop: the batch is offered again, and counted once.
    let usage_writer = launch("usage-writer", usage_connection, &usage_file, &lock, || {})?;
    Ok(Sqlite(Arc::new(Inner {
        installation,
        readers,
        writer,
        usage_readers,
        usage_writer,
        changes: AtomicU32::new(0),
        node: OneNode::default(),
    })))
}

/// Where the copy is in use, whoever decides here would not hear of what is revoked there.
fn stay_moved(dir: &Path, moved: Option<Moved>) -> Result<(), OpenError> {
    let Some(Moved { place: to, finished, .. }) = moved else { return Ok(()) };
    let place = dir.display().to_string();
    if finished {
        return Err(OpenError::Moved { place, to });
    }
    tracing::warn!(
        to,
        "a copy to another database is under way, or was interrupted: nothing is changed here until `claviger copy` has \
         finished, or takes that back with --abort"
    );
    Ok(())
}

/// The usage file is made after the database. Where it is there and the database isn't, the database was lost: a new
/// one in its place would refuse every key and tell nobody why.
fn refuse_replacement(dir: &Path) -> Result<(), OpenError> {
    let is_empty = |path: &Path| fs::metadata(path).map_or(true, |metadata| metadata.len() == 0);
    let path = dir.join(DATABASE);
    if is_empty(&path) && backup::is_unfinished(dir) {
        let detail =
            "a backup was being restored there, and that was interrupted: run `claviger restore` again"
                .to_owned();
        return Err(OpenError::Failed { place: dir.display().to_string(), detail });
    }
    if is_empty(&path) && !is_empty(&dir.join(USAGE)) {
        let detail = format!("it is missing or empty, and {USAGE} beside it is of an installation in use");
        return Err(OpenError::Corrupt { place: path.display().to_string(), detail });
    }
    Ok(())
}

fn prepare(file: &DatabaseFile, steps: &[&str]) -> Result<Connection, OpenError> {
    let opened = connection::to_write(file.path());
    let mut connection = opened.map_err(|error| of_open(file.path(), &error))?;
    migrate(&mut connection, file, steps)?;
    Ok(connection)
}

fn begin<T>(
    connection: &Connection,
    file: &DatabaseFile,
    work: impl FnOnce(&Connection) -> Outcome<T>,
) -> Result<T, OpenError> {
    work(connection).map_err(|failure| match failure {
        Failure::Sql(error) => of_open(file.path(), &error),
        Failure::Refused(error) => OpenError::Failed { place: file.to_string(), detail: error.to_string() },
    })
}

fn launch(
    name: &'static str,
    connection: Connection,
    file: &DatabaseFile,
    lock: &Arc<DirectoryLock>,
    outcome_lost: fn(),
) -> Result<Writer, OpenError> {
    let settings = Settings { name, file: file.clone(), lock: Arc::clone(lock), outcome_lost };
    Writer::start(connection, settings).map_err(|error| OpenError::of_io(file.path(), error))
}
