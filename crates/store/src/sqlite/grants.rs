//! What members have allowed applications: consents, codes, and the keys that applications hold.

use claviger_model::{AccountId, ClientId, Digest, KeyId, KeyState, MemberId, Scopes, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    accounts, audit, clients,
    columns::{stored, stored_if_any},
    failure::Outcome,
    feed::{already, committed},
    key_rows, keys, secrets,
    select::{Select, blob},
};
use crate::{
    AuditNote, CodeRow, Committed, ConsentFilter, ConsentId, ConsentRow, Exchange, Exchanged, KeyRow,
    NewCode, NewGrant, NewRefresh, Page, PageRequest, RefreshRow, Refreshing, StoreError,
    apps::{allowed_by, both, forgotten_before},
    words::to_json,
};

pub(super) fn consent(
    connection: &Connection,
    client: ClientId,
    member: MemberId,
) -> Outcome<Option<Scopes>> {
    let sql = "SELECT scopes FROM consents WHERE client = ?1 AND member = ?2";
    let values = params![client.to_bytes(), member.to_bytes()];
    Ok(connection.prepare_cached(sql)?.query_one(values, |row| stored(row, 0)).optional()?)
}

pub(super) fn allow(connection: &Connection, code: &NewCode, note: &AuditNote) -> Outcome<()> {
    let account = standing(connection, code.client, code.member)?;
    forget(connection, note.at)?;
    let before = consent(connection, code.client, code.member)?;
    let scopes = before.map_or_else(|| code.scopes.clone(), |before| both(&before, &code.scopes));
    let sql = "INSERT INTO consents (client, member, scopes, granted_at)
               VALUES               (?1,     ?2,     ?3,     ?4)
               ON CONFLICT (client, member)
               DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at";
    connection.prepare_cached(sql)?.execute(params![
        code.client.to_bytes(),
        code.member.to_bytes(),
        to_json(&scopes),
        code.created_at.as_millis(),
    ])?;
    let sql =
        "INSERT INTO codes (digest, client, member, redirect_uri, challenge, scopes, created_at, expires_at)
               VALUES            (?1,     ?2,     ?3,     ?4,           ?5,        ?6,     ?7,         ?8)";
    connection.prepare_cached(sql)?.execute(params![
        code.digest.as_bytes(),
        code.client.to_bytes(),
        code.member.to_bytes(),
        code.redirect_uri,
        code.challenge.as_bytes(),
        to_json(&code.scopes),
        code.created_at.as_millis(),
        code.expires_at.as_millis(),
    ])?;
    audit::append(connection, note, Some(account), Some(&code.client.to_string()))
}

/// The account of a member who is one, where the application wasn't revoked.
fn standing(connection: &Connection, client: ClientId, member: MemberId) -> Outcome<AccountId> {
    let sql = "SELECT m.account
                 FROM members m
                 JOIN accounts a ON a.id = m.account
                 JOIN clients  c ON c.api = a.api
                WHERE m.id = ?1 AND c.id = ?2 AND m.removed_at IS NULL AND c.revoked_at IS NULL";
    let values = params![member.to_bytes(), client.to_bytes()];
    let found = connection.prepare_cached(sql)?.query_one(values, |row| stored(row, 0)).optional()?;
    Ok(found.ok_or(StoreError::NotFound)?)
}

/// Forgets codes that ran out long ago, and refresh tokens that no longer tell of a theft.
fn forget(connection: &Connection, now: Timestamp) -> Outcome<()> {
    let before = forgotten_before(now).as_millis();
    connection.prepare_cached("DELETE FROM codes WHERE expires_at < ?1")?.execute([before])?;
    connection.prepare_cached("DELETE FROM refresh_tokens WHERE expires_at < ?1")?.execute([before])?;
    Ok(())
}

pub(super) fn consents(
    connection: &Connection,
    filter: ConsentFilter,
    page: PageRequest<ConsentId>,
) -> Outcome<Page<ConsentRow, ConsentId>> {
    let sql = "SELECT s.client, s.member, c.name, c.verified, m.email, s.scopes, s.granted_at
                 FROM members  m
                 JOIN consents s ON s.member = m.id
                 JOIN clients  c ON c.id = s.client
                WHERE m.removed_at IS NULL AND c.revoked_at IS NULL AND m.account = ?";
    Select::new(sql, blob(filter.account.to_bytes()))
        .and("s.member = ?", filter.member.map(|id| blob(id.to_bytes())))
        .and("s.client = ?", filter.client.map(|id| blob(id.to_bytes())))
        .and("CAST(s.client || s.member AS BLOB) > ?", page.after.map(place))
        .page(connection, "s.client, s.member", page.limit, |row| consent_row(connection, row), |row| row.id)
}

fn consent_row(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<ConsentRow> {
    let id = ConsentId { client: stored(row, "client")?, member: stored(row, "member")? };
    Ok(ConsentRow {
        id,
        name: row.get("name")?,
        verified: row.get("verified")?,
        email: stored(row, "email")?,
        scopes: stored(row, "scopes")?,
        granted_at: stored(row, "granted_at")?,
        keys: keys_by(connection, id.client, id.member)?,
    })
}

/// Where a consent stands in the order of lists.
fn place(id: ConsentId) -> Vec<u8> {
    [id.client.to_bytes(), id.member.to_bytes()].concat()
}

/// The grants by a member's consent that weren't revoked.
fn keys_by(connection: &Connection, client: ClientId, member: MemberId) -> rusqlite::Result<Vec<KeyId>> {
    let sql = "SELECT id FROM keys WHERE client = ?1 AND created_by = ?2 AND state <> 'revoked' ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![client.to_bytes(), allowed_by(member)];
    statement.query_map(values, |row| stored(row, 0))?.collect()
}

pub(super) fn withdraw(
    connection: &Connection,
    client: ClientId,
    member: MemberId,
    within: AccountId,
    note: &AuditNote,
) -> Outcome<Committed<()>> {
    let sql = "DELETE FROM consents
                WHERE client = ?1
                  AND member IN (SELECT id FROM members WHERE id = ?2 AND account = ?3)";
    let values = params![client.to_bytes(), member.to_bytes(), within.to_bytes()];
    if connection.prepare_cached(sql)?.execute(values)? == 0 {
        return Err(StoreError::NotFound.into());
    }
    // Those that were exchanged still tell of a second exchange.
    let sql = "DELETE FROM codes WHERE client = ?1 AND member = ?2 AND key IS NULL";
    connection.prepare_cached(sql)?.execute(params![client.to_bytes(), member.to_bytes()])?;
    revoke(connection, &keys_by(connection, client, member)?, note.at)?;
    audit::append(connection, note, Some(within), Some(&client.to_string()))?;
    committed(connection, ())
}

/// Ends what a member has allowed any application: whoever is no member any more allows nothing.
pub(super) fn revoke_of_member(connection: &Connection, member: MemberId, at: Timestamp) -> Outcome<()> {
    let sql = "SELECT client FROM consents WHERE member = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map([member.to_bytes()], |row| stored(row, 0))?;
    let clients: Vec<ClientId> = found.collect::<rusqlite::Result<_>>()?;
    for client in clients {
        revoke(connection, &keys_by(connection, client, member)?, at)?;
    }
    connection.prepare_cached("DELETE FROM consents WHERE member = ?1")?.execute([member.to_bytes()])?;
    let sql = "DELETE FROM codes WHERE member = ?1 AND key IS NULL";
    connection.prepare_cached(sql)?.execute([member.to_bytes()])?;
    Ok(())
}

/// Ends everything that an application was granted.
pub(super) fn revoke_of_client(connection: &Connection, client: ClientId, at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE keys SET state = 'revoked', revoked_at = ?2 WHERE client = ?1 AND state <> 'revoked'";
    connection.prepare_cached(sql)?.execute(params![client.to_bytes(), at.as_millis()])?;
    Ok(())
}

fn revoke(connection: &Connection, keys: &[KeyId], at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE keys SET state = 'revoked', revoked_at = ?2 WHERE id = ?1 AND state <> 'revoked'";
    let mut statement = connection.prepare_cached(sql)?;
    for key in keys {
        statement.execute(params![key.to_bytes(), at.as_millis()])?;
    }
    Ok(())
}

pub(super) fn find_code(connection: &Connection, digest: Digest) -> Outcome<Option<CodeRow>> {
    let sql =
        "SELECT c.client, c.member, m.account, c.redirect_uri, c.challenge, c.scopes, c.expires_at, c.key
                 FROM codes   c
                 JOIN members m ON m.id = c.member
                WHERE c.digest = ?1";
    let code = |row: &Row<'_>| {
        Ok(CodeRow {
            client: stored(row, "client")?,
            member: stored(row, "member")?,
            account: stored(row, "account")?,
            redirect_uri: row.get("redirect_uri")?,
            challenge: stored(row, "challenge")?,
            scopes: stored(row, "scopes")?,
            expires_at: stored(row, "expires_at")?,
            key: stored_if_any(row, "key")?,
        })
    };
    Ok(connection.prepare_cached(sql)?.query_one([digest.as_bytes()], code).optional()?)
}

pub(super) fn exchange(
    connection: &Connection,
    exchange: &Exchange,
    mut grant: NewGrant,
    note: &AuditNote,
) -> Outcome<Committed<Exchanged>> {
    let (digest, replayed) = match exchange {
        Exchange::Code { digest, replayed } => (*digest, replayed),
        Exchange::Itself => {
            let client = clients::find(connection, grant.client)?
                .filter(|client| client.revoked_at.is_none() && client.account == Some(grant.key.account));
            client.ok_or(StoreError::NotFound)?;
            let key = insert(connection, grant, note)?;
            return committed(connection, Exchanged::Granted(key));
        }
    };
    let code = find_code(connection, digest)?
        .filter(|code| (code.client, code.account) == (grant.client, grant.key.account));
    let code = code.ok_or(StoreError::NotFound)?;
    if let Some(key) = code.key {
        return end_for_replay(connection, key, replayed);
    }
    if code.expires_at <= note.at
        || standing(connection, code.client, code.member)? != grant.key.account
        || consent(connection, code.client, code.member)?.is_none()
    {
        return Err(StoreError::NotFound.into());
    }
    grant.key.created_by = allowed_by(code.member);
    let key = insert(connection, grant, note)?;
    let sql = "UPDATE codes SET key = ?2 WHERE digest = ?1";
    connection.prepare_cached(sql)?.execute(params![digest.as_bytes(), key.id.to_bytes()])?;
    committed(connection, Exchanged::Granted(key))
}

fn insert(connection: &Connection, grant: NewGrant, note: &AuditNote) -> Outcome<KeyRow> {
    let NewGrant { key: new, client, refresh } = grant;
    let account = accounts::find(connection, new.account)?.ok_or(StoreError::NotFound)?;
    keys::insert_row(connection, &new, Some(client))?;
    secrets::add(connection, new.id, &new.secret, new.created_at)?;
    if let Some(refresh) = refresh {
        add_refresh(connection, new.id, refresh, 1, None, new.created_at)?;
    }
    audit::append(connection, note, Some(account.id), Some(&new.id.to_string()))?;
    Ok(KeyRow { client: Some(client), ..new.into_row(account.api) })
}

fn add_refresh(
    connection: &Connection,
    key: KeyId,
    refresh: NewRefresh,
    access: u16,
    predecessor: Option<Digest>,
    at: Timestamp,
) -> Outcome<()> {
    let sql = "INSERT INTO refresh_tokens (digest, key, access, predecessor, created_at, expires_at)
               VALUES                     (?1,     ?2,  ?3,     ?4,          ?5,         ?6)";
    connection.prepare_cached(sql)?.execute(params![
        refresh.digest.as_bytes(),
        key.to_bytes(),
        access,
        predecessor.as_ref().map(Digest::as_bytes),
        at.as_millis(),
        refresh.expires_at.as_millis(),
    ])?;
    Ok(())
}

/// Revokes a grant because what it was had for came a second time.
fn end_for_replay(connection: &Connection, key: KeyId, note: &AuditNote) -> Outcome<Committed<Exchanged>> {
    let before = key_rows::find(connection, key)?.ok_or(StoreError::NotFound)?;
    if before.state == KeyState::Revoked {
        return already(connection, Exchanged::Replayed(before));
    }
    revoke(connection, &[key], note.at)?;
    audit::append(connection, note, Some(before.account), Some(&key.to_string()))?;
    committed(connection, Exchanged::Replayed(before))
}

pub(super) fn find_refresh(connection: &Connection, digest: Digest) -> Outcome<Option<RefreshRow>> {
    let sql = "SELECT key, expires_at, used_at, ended_at FROM refresh_tokens WHERE digest = ?1";
    let token = |row: &Row<'_>| {
        let key: KeyId = stored(row, "key")?;
        let (used, ended) = (stored_if_any(row, "used_at")?, stored_if_any(row, "ended_at")?);
        Ok((key, stored(row, "expires_at")?, used, ended))
    };
    let found = connection.prepare_cached(sql)?.query_one([digest.as_bytes()], token).optional()?;
    let Some((key, expires_at, used_at, ended_at)) = found else { return Ok(None) };
    Ok(key_rows::find(connection, key)?.map(|key| RefreshRow { key, expires_at, used_at, ended_at }))
}

pub(super) fn refresh(
    connection: &Connection,
    refreshing: &Refreshing,
    note: &AuditNote,
) -> Outcome<Committed<Exchanged>> {
    let presented = refreshing.presented;
    let token = find_refresh(connection, presented)?;
    let token = token.filter(|token| token.counts(note.at)).ok_or(StoreError::NotFound)?;
    let key = &token.key;
    if token.tells_of_theft(refreshing.repeated_since) {
        return end_for_replay(connection, key.id, &refreshing.stolen);
    }
    if key.state == KeyState::Disabled {
        return already(connection, Exchanged::Disabled);
    }
    if token.used_at.is_some() && !take_back(connection, key.id, presented, note.at)? {
        return end_for_replay(connection, key.id, &refreshing.stolen);
    }
    let sql = "UPDATE refresh_tokens SET used_at = coalesce(used_at, ?2) WHERE digest = ?1";
    connection.prepare_cached(sql)?.execute(params![presented.as_bytes(), note.at.as_millis()])?;
    // The new one comes first, so that no number comes twice.
    secrets::add(connection, key.id, &refreshing.access, note.at)?;
    secrets::forget(connection, key.id, forgotten_before(note.at))?;
    let after = key_rows::find(connection, key.id)?.ok_or(StoreError::NotFound)?;
    let access = after.secrets.first().map(|secret| secret.number).ok_or(StoreError::NotFound)?;
    add_refresh(connection, key.id, refreshing.refresh, access, Some(presented), note.at)?;
    audit::append(connection, note, Some(after.account), Some(&after.id.to_string()))?;
    committed(connection, Exchanged::Granted(after))
}

/// Takes back the pair that a refresh token was used for, if its own refresh token wasn't used: whether it did.
fn take_back(connection: &Connection, key: KeyId, presented: Digest, at: Timestamp) -> Outcome<bool> {
    let sql = "UPDATE refresh_tokens
                  SET ended_at = ?2
                WHERE predecessor = ?1 AND used_at IS NULL AND ended_at IS NULL
            RETURNING access";
    let values = params![presented.as_bytes(), at.as_millis()];
    let lost: Option<u16> = connection.prepare_cached(sql)?.query_one(values, |row| row.get(0)).optional()?;
    let Some(access) = lost else { return Ok(false) };
    let sql = "UPDATE secrets SET ends_at = ?3 WHERE key = ?1 AND number = ?2 AND (ends_at IS NULL OR ends_at > ?3)";
    connection.prepare_cached(sql)?.execute(params![key.to_bytes(), access, at.as_millis()])?;
    Ok(true)
}
