//! OAuth clients' rows.

use claviger_model::{ClientId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    audit,
    columns::{stored, stored_if_any},
    failure::Outcome,
    feed::{already, committed},
    grants, idempotency,
    select::{Select, after},
};
use crate::{
    AuditNote, ClientChange, ClientFilter, ClientRow, ClientSecretRow, Committed, Idempotency, NewClient,
    NewSecret, Page, PageRequest, StoreError, words::to_json,
};

pub(super) fn insert(
    connection: &Connection,
    new: &NewClient,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Committed<ClientRow>> {
    idempotency::admit(connection, call)?;
    if let Some(account) = new.account {
        let found = super::accounts::find(connection, account)?.filter(|account| account.api == new.api);
        found.ok_or(StoreError::NotFound)?;
    }
    let sql =
        "INSERT INTO clients (id, api, account, name, kind, redirect_uris, scopes, verified, introspects,
                                    created_at, created_by)
               VALUES              (?1, ?2,  ?3,      ?4,   ?5,   ?6,            ?7,     ?8,       ?9,
                                    ?10,        ?11)";
    connection.prepare_cached(sql)?.execute(params![
        new.id.to_bytes(),
        new.api,
        new.account.map(claviger_model::AccountId::to_bytes),
        new.name,
        new.kind.as_str(),
        to_json(&new.redirect_uris),
        to_json(&new.scopes),
        new.verified,
        new.introspects,
        new.created_at.as_millis(),
        new.created_by,
    ])?;
    if let Some(secret) = &new.secret {
        add_secret(connection, new.id, secret, new.created_at)?;
    }
    let subject = new.id.to_string();
    audit::append(connection, note, new.account, Some(&subject))?;
    idempotency::record(connection, call, &subject, note.at)?;
    committed(connection, found(connection, new.id)?)
}

fn add_secret(connection: &Connection, client: ClientId, secret: &NewSecret, at: Timestamp) -> Outcome<()> {
    let sql = "INSERT INTO client_secrets (client, number, digest, hint, created_at)
               SELECT ?1, 1 + coalesce(max(number), 0), ?2, ?3, ?4
                 FROM client_secrets
                WHERE client = ?1";
    let values = params![client.to_bytes(), secret.digest.as_bytes(), secret.hint, at.as_millis()];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

pub(super) fn find(connection: &Connection, id: ClientId) -> Outcome<Option<ClientRow>> {
    let sql = "SELECT id, api, account, name, kind, redirect_uris, scopes, verified, introspects,
                      created_at, created_by, revoked_at
                 FROM clients
                WHERE id = ?1";
    Ok(connection
        .prepare_cached(sql)?
        .query_one([id.to_bytes()], |row| client(connection, row))
        .optional()?)
}

fn found(connection: &Connection, id: ClientId) -> Outcome<ClientRow> {
    find(connection, id)?
        .ok_or_else(|| StoreError::Internal(format!("{id} vanished while it was changed")).into())
}

pub(super) fn list(
    connection: &Connection,
    filter: &ClientFilter,
    at: PageRequest<ClientId>,
) -> Outcome<Page<ClientRow, ClientId>> {
    let sql = "SELECT id, api, account, name, kind, redirect_uris, scopes, verified, introspects,
                      created_at, created_by, revoked_at
                 FROM clients
                WHERE id > ?";
    Select::new(sql, after(at.after.map(ClientId::to_bytes)))
        .and("api = ?", filter.api.as_ref().map(ToString::to_string))
        .and_if(!filter.include_revoked, "revoked_at IS NULL")
        .page(connection, "id", at.limit, |row| client(connection, row), |client| client.id)
}

fn client(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<ClientRow> {
    let id = stored(row, "id")?;
    Ok(ClientRow {
        id,
        api: row.get("api")?,
        account: stored_if_any(row, "account")?,
        name: row.get("name")?,
        kind: stored(row, "kind")?,
        redirect_uris: stored(row, "redirect_uris")?,
        scopes: stored(row, "scopes")?,
        verified: row.get("verified")?,
        introspects: row.get("introspects")?,
        created_at: stored(row, "created_at")?,
        created_by: row.get("created_by")?,
        revoked_at: stored_if_any(row, "revoked_at")?,
        secrets: secrets(connection, id)?,
    })
}

fn secrets(connection: &Connection, client: ClientId) -> rusqlite::Result<Vec<ClientSecretRow>> {
    let sql = "SELECT number, digest, hint, created_at, ends_at
                 FROM client_secrets
                WHERE client = ?1
                ORDER BY number DESC";
    let secret = |row: &Row<'_>| {
        Ok(ClientSecretRow {
            number: row.get("number")?,
            digest: stored(row, "digest")?,
            hint: row.get("hint")?,
            created_at: stored(row, "created_at")?,
            ends_at: stored_if_any(row, "ends_at")?,
        })
    };
    connection.prepare_cached(sql)?.query_map([client.to_bytes()], secret)?.collect()
}

pub(super) fn change(
    connection: &Connection,
    id: ClientId,
    change: ClientChange,
    note: &AuditNote,
) -> Outcome<Committed<ClientRow>> {
    if let ClientChange::Rotate { call, .. } = &change {
        idempotency::admit(connection, call.as_ref())?;
    }
    let before = find(connection, id)?.ok_or(StoreError::NotFound)?;
    if before.revoked_at.is_some() {
        return match change {
            ClientChange::Revoke => already(connection, before),
            ClientChange::Describe { .. } | ClientChange::Rotate { .. } => Err(StoreError::Revoked.into()),
        };
    }
    match change {
        ClientChange::Describe { name, redirect_uris, scopes, verified, introspects } => {
            let sql = "UPDATE clients
                          SET name          = coalesce(?2, name),
                              redirect_uris = coalesce(?3, redirect_uris),
                              scopes        = coalesce(?4, scopes),
                              verified      = coalesce(?5, verified),
                              introspects   = coalesce(?6, introspects)
                        WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![
                id.to_bytes(),
                name,
                redirect_uris.as_ref().map(to_json),
                scopes.as_ref().map(to_json),
                verified,
                introspects,
            ])?;
        }
        ClientChange::Rotate { secret, others_end_at, call } => {
            let sql = "UPDATE client_secrets
                          SET ends_at = ?2
                        WHERE client = ?1 AND (ends_at IS NULL OR ends_at > ?2)";
            connection.prepare_cached(sql)?.execute(params![id.to_bytes(), others_end_at.as_millis()])?;
            add_secret(connection, id, &secret, note.at)?;
            idempotency::record(connection, call.as_ref(), &id.to_string(), note.at)?;
        }
        ClientChange::Revoke => {
            let sql = "UPDATE clients SET revoked_at = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id.to_bytes(), note.at.as_millis()])?;
            grants::revoke_of_client(connection, id, note.at)?;
        }
    }
    audit::append(connection, note, before.account, Some(&id.to_string()))?;
    committed(connection, found(connection, id)?)
}
