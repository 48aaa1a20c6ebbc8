//! OAuth clients' rows.

use claviger_model::{ClientId, Timestamp};
use tokio_postgres::Row;

use super::{
    accounts,
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{bind, stored, stored_all, stored_if_any},
    failure::Outcome,
    grants, idempotency,
    locks::{self, Within},
    pool::Pool,
    select::Select,
};
use crate::{
    AuditNote, ClientChange, ClientFilter, ClientRow, ClientSecretRow, Idempotency, NewClient, NewSecret,
    Page, PageRequest, StoreError, words::to_json,
};

const CLIENTS: &str = "SELECT c.id, c.api, c.account, c.name, c.kind, c.redirect_uris, c.scopes, c.verified,
                              c.introspects, c.created_at, c.created_by, c.revoked_at,
                              s.numbers, s.digests, s.hints, s.minted, s.ends
                         FROM clients c
                        CROSS JOIN LATERAL (SELECT array_agg(number     ORDER BY number DESC) AS numbers,
                                                   array_agg(digest     ORDER BY number DESC) AS digests,
                                                   array_agg(hint       ORDER BY number DESC) AS hints,
                                                   array_agg(created_at ORDER BY number DESC) AS minted,
                                                   array_agg(ends_at    ORDER BY number DESC) AS ends
                                              FROM client_secrets
                                             WHERE client = c.id) s
                        WHERE true";

pub(super) async fn insert(
    change: &mut Change,
    new: &NewClient,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Left<ClientRow>> {
    locks::take(change, new.account.map(Within::Account), [note]).await?;
    authority::hold(change, note).await?;
    idempotency::claim(change, call, &new.id.to_string(), note.at).await?;
    if let Some(account) = new.account {
        let found = accounts::find(change, account).await?.filter(|account| account.api == new.api);
        found.ok_or(StoreError::NotFound)?;
    }
    let sql =
        "INSERT INTO clients (id, api, account, name, kind, redirect_uris, scopes, verified, introspects,
                                    created_at, created_by)
               VALUES              ($1, $2,  $3,      $4,   $5,   $6,            $7,     $8,       $9,
                                    $10,        $11)";
    let values = bind![
        new.id,
        new.api,
        new.account,
        new.name,
        new.kind.as_str(),
        to_json(&new.redirect_uris),
        to_json(&new.scopes),
        i64::from(new.verified),
        i64::from(new.introspects),
        new.created_at,
        new.created_by,
    ];
    change.execute(sql, values).await?;
    if let Some(secret) = &new.secret {
        add_secret(change, new.id, secret, new.created_at).await?;
    }
    change.tell(note, new.account, Some(&new.id));
    found(change, new.id).await.map(Left::made)
}

async fn add_secret(change: &Change, client: ClientId, secret: &NewSecret, at: Timestamp) -> Outcome<()> {
    let sql = "INSERT INTO client_secrets (client, number, digest, hint, created_at)
               SELECT $1, 1 + coalesce(max(number), 0), $2, $3, $4
                 FROM client_secrets
                WHERE client = $1";
    change.execute(sql, bind![client, secret.digest, secret.hint, at]).await.map(drop)
}

pub(super) async fn find(from: &impl Ask, id: ClientId) -> Outcome<Option<ClientRow>> {
    let sql = format!("{CLIENTS} AND c.id = $1");
    from.row(&sql, bind![id]).await?.as_ref().map(client).transpose()
}

/// The same, to be what it is until the change is committed: what it is granted meanwhile, its end waits for.
pub(super) async fn hold(change: &Change, id: ClientId) -> Outcome<Option<ClientRow>> {
    change.row("SELECT 1 FROM clients WHERE id = $1 FOR SHARE", bind![id]).await?;
    find(change, id).await
}

async fn found(change: &Change, id: ClientId) -> Outcome<ClientRow> {
    let row = find(change, id).await?;
    row.ok_or_else(|| StoreError::Internal(format!("{id} vanished while it was changed")).into())
}

pub(super) async fn list(
    pool: &Pool,
    filter: ClientFilter,
    at: PageRequest<ClientId>,
) -> Outcome<Page<ClientRow, ClientId>> {
    Select::new(CLIENTS)
        .and("c.id > ?", at.after)
        .and("c.api = ?", filter.api)
        .and_if(!filter.include_revoked, "c.revoked_at IS NULL")
        .page(pool, "c.id", at.limit, client, |client| client.id)
        .await
}

fn client(row: &Row) -> Outcome<ClientRow> {
    let flag = |column| Ok::<_, tokio_postgres::Error>(row.try_get::<_, i64>(column)? != 0);
    Ok(ClientRow {
        id: stored(row, "id")?,
        api: row.try_get::<_, &str>("api")?.into(),
        account: stored_if_any(row, "account")?,
        name: row.try_get("name")?,
        kind: stored(row, "kind")?,
        redirect_uris: stored(row, "redirect_uris")?,
        scopes: stored(row, "scopes")?,
        verified: flag("verified")?,
        introspects: flag("introspects")?,
        created_at: stored(row, "created_at")?,
        created_by: row.try_get("created_by")?,
        revoked_at: stored_if_any(row, "revoked_at")?,
        secrets: secrets(row)?,
    })
}

/// The arrays are of equal length; a public client has none.
fn secrets(row: &Row) -> Outcome<Vec<ClientSecretRow>> {
    if row.try_get::<_, Option<Vec<i32>>>("numbers")?.is_none() {
        return Ok(Vec::new());
    }
    let numbers: Vec<u16> = stored_all(row, "numbers")?;
    let hints: Vec<String> = row.try_get("hints")?;
    let minted: Vec<Timestamp> = stored_all(row, "minted")?;
    let ends: Vec<Option<i64>> = row.try_get("ends")?;
    let all =
        numbers.into_iter().zip(stored_all(row, "digests")?).zip(hints).zip(minted.into_iter().zip(ends));
    Ok(all
        .map(|(((number, digest), hint), (created_at, ends_at))| ClientSecretRow {
            number,
            digest,
            hint,
            created_at,
            ends_at: ends_at.map(Timestamp::from_millis),
        })
        .collect())
}

pub(super) async fn change(
    change: &mut Change,
    id: ClientId,
    wanted: ClientChange,
    note: &AuditNote,
) -> Outcome<Left<ClientRow>> {
    locks::take(change, None, [note]).await?;
    if matches!(wanted, ClientChange::Revoke) {
        grants::lock_accounts_of(change, id).await?;
    }
    authority::hold(change, note).await?;
    if let ClientChange::Rotate { call, .. } = &wanted {
        idempotency::claim(change, call.as_ref(), &id.to_string(), note.at).await?;
    }
    change.row("SELECT 1 FROM clients WHERE id = $1 FOR UPDATE", bind![id]).await?;
    let before = find(change, id).await?.ok_or(StoreError::NotFound)?;
    if before.revoked_at.is_some() {
        return match wanted {
            ClientChange::Revoke => Ok(Left::already(before)),
            ClientChange::Describe { .. } | ClientChange::Rotate { .. } => Err(StoreError::Revoked.into()),
        };
    }
    match wanted {
        ClientChange::Describe { name, redirect_uris, scopes, verified, introspects } => {
            let sql = "UPDATE clients
                          SET name          = coalesce($2, name),
                              redirect_uris = coalesce($3, redirect_uris),
                              scopes        = coalesce($4, scopes),
                              verified      = coalesce($5, verified),
                              introspects   = coalesce($6, introspects)
                        WHERE id = $1";
            let values = bind![
                id,
                name,
                redirect_uris.as_ref().map(to_json),
                scopes.as_ref().map(to_json),
                verified.map(i64::from),
                introspects.map(i64::from),
            ];
            change.execute(sql, values).await?;
        }
        ClientChange::Rotate { secret, others_end_at, call: _ } => {
            let sql = "UPDATE client_secrets
                          SET ends_at = $2
                        WHERE client = $1 AND (ends_at IS NULL OR ends_at > $2)";
            change.execute(sql, bind![id, others_end_at]).await?;
            add_secret(change, id, &secret, note.at).await?;
        }
        ClientChange::Revoke => {
            change.execute("UPDATE clients SET revoked_at = $2 WHERE id = $1", bind![id, note.at]).await?;
            grants::revoke_of_client(change, id, note.at).await?;
        }
    }
    change.tell(note, before.account, Some(&id));
    found(change, id).await.map(Left::made)
}
