//! What members have allowed applications: consents, codes, and the keys that applications hold.

use claviger_model::{AccountId, ClientId, Digest, KeyId, KeyState, MemberId, Scopes, Timestamp};

use tokio_postgres::Row;

use super::{
    accounts,
    ask::Ask,
    authority,
    change::{Change, Left},
    clients,
    columns::{array, bind, stored, stored_all, stored_if_any},
    failure::Outcome,
    key_rows, keys,
    locks::{self, Within},
    pool::Pool,
    secrets,
    select::Select,
};
use crate::{
    AuditNote, CodeRow, ConsentFilter, ConsentId, ConsentRow, Exchange, Exchanged, KeyRow, NewCode, NewGrant,
    NewRefresh, Page, PageRequest, RefreshRow, Refreshing, StoreError,
    apps::{allowed_by, both, forgotten_before},
    words::to_json,
};

pub(super) async fn consent(from: &impl Ask, client: ClientId, member: MemberId) -> Outcome<Option<Scopes>> {
    let sql = "SELECT scopes FROM consents WHERE client = $1 AND member = $2";
    let row = from.row(sql, bind![client, member]).await?;
    Ok(row.map(|row| stored(&row, 0)).transpose()?)
}

pub(super) async fn allow(change: &mut Change, code: &NewCode, note: &AuditNote) -> Outcome<Left<()>> {
    locks::take(change, [Within::Member(code.member)], [note]).await?;
    authority::hold(change, note).await?;
    let account = standing(change, code.client, code.member).await?;
    forget(change, note.at).await?;
    let before = consent(change, code.client, code.member).await?;
    let scopes = before.map_or_else(|| code.scopes.clone(), |before| both(&before, &code.scopes));
    let sql = "INSERT INTO consents (client, member, scopes, granted_at)
               VALUES               ($1,     $2,     $3,     $4)
               ON CONFLICT (client, member)
               DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at";
    let values = bind![code.client, code.member, to_json(&scopes), code.created_at];
    change.execute(sql, values).await?;
    let sql =
        "INSERT INTO codes (digest, client, member, redirect_uri, challenge, scopes, created_at, expires_at)
               VALUES            ($1,     $2,     $3,     $4,           $5,        $6,     $7,         $8)";
    let values = bind![
        code.digest,
        code.client,
        code.member,
        code.redirect_uri,
        code.challenge,
        to_json(&code.scopes),
        code.created_at,
        code.expires_at,
    ];
    change.execute(sql, values).await?;
    change.tell(note, Some(account), Some(&code.client));
    Ok(Left::made(()))
}

/// The account of a member who is one, where the application wasn't revoked, which it isn't until the commit.
async fn standing(change: &Change, client: ClientId, member: MemberId) -> Outcome<AccountId> {
    let held = clients::hold(change, client).await?.filter(|client| client.revoked_at.is_none());
    let api = held.ok_or(StoreError::NotFound)?.api;
    let sql = "SELECT m.account
                 FROM members m
                 JOIN accounts a ON a.id = m.account
                WHERE m.id = $1 AND a.api = $2 AND m.removed_at IS NULL";
    let row = change.row(sql, bind![member, api]).await?.ok_or(StoreError::NotFound)?;
    Ok(stored(&row, 0)?)
}

/// Forgets codes that ran out long ago, and refresh tokens that no longer tell of a theft. They are of any account: what
/// others hold is left to them.
async fn forget(change: &Change, now: Timestamp) -> Outcome<()> {
    let before = forgotten_before(now);
    let sql = "DELETE FROM codes
                WHERE digest IN (SELECT digest FROM codes WHERE expires_at < $1 LIMIT 1000 FOR UPDATE SKIP LOCKED)";
    change.execute(sql, bind![before]).await?;
    let sql = "DELETE FROM refresh_tokens
                WHERE digest IN (SELECT digest
                                   FROM refresh_tokens
                                  WHERE expires_at < $1
                                  LIMIT 1000
                                    FOR UPDATE SKIP LOCKED)";
    change.execute(sql, bind![before]).await.map(drop)
}

pub(super) async fn consents(
    pool: &Pool,
    filter: ConsentFilter,
    page: PageRequest<ConsentId>,
) -> Outcome<Page<ConsentRow, ConsentId>> {
    let sql = "SELECT s.client, s.member, c.name, c.verified, m.email, s.scopes, s.granted_at
                 FROM members  m
                 JOIN consents s ON s.member = m.id
                 JOIN clients  c ON c.id = s.client
                WHERE m.removed_at IS NULL AND c.revoked_at IS NULL";
    let mut listed = Select::new(sql)
        .and("m.account = ?", Some(filter.account))
        .and("s.member = ?", filter.member)
        .and("s.client = ?", filter.client)
        .and("uuid_send(s.client) || uuid_send(s.member) > ?", page.after.map(place))
        .page(pool, "s.client, s.member", page.limit, consent_row, |row| row.id)
        .await?;
    let sql = "SELECT ARRAY(SELECT k.id
                              FROM keys k
                             WHERE k.client = asked.client
                               AND k.created_by = asked.created_by
                               AND k.state <> 'revoked'
                             ORDER BY k.id)
                 FROM unnest($1, $2) WITH ORDINALITY AS asked (client, created_by, place)
                ORDER BY asked.place";
    let values = vec![
        array(listed.items.iter().map(|row| row.id.client)),
        array(listed.items.iter().map(|row| allowed_by(row.id.member))),
    ];
    for (consent, row) in listed.items.iter_mut().zip(pool.rows(sql, values).await?) {
        consent.keys = stored_all(&row, 0)?;
    }
    Ok(listed)
}

/// The grants come with another question, for all that are listed at once.
fn consent_row(row: &Row) -> Outcome<ConsentRow> {
    Ok(ConsentRow {
        id: ConsentId { client: stored(row, "client")?, member: stored(row, "member")? },
        name: row.try_get("name")?,
        verified: row.try_get::<_, i64>("verified")? != 0,
        email: stored(row, "email")?,
        scopes: stored(row, "scopes")?,
        granted_at: stored(row, "granted_at")?,
        keys: Vec::new(),
    })
}

/// Where a consent stands in the order of lists.
fn place(id: ConsentId) -> Vec<u8> {
    [id.client.to_bytes(), id.member.to_bytes()].concat()
}

/// The grants by a member's consent that weren't revoked.
async fn keys_by(from: &impl Ask, client: ClientId, member: MemberId) -> Outcome<Vec<KeyId>> {
    let sql = "SELECT id FROM keys WHERE client = $1 AND created_by = $2 AND state <> 'revoked' ORDER BY id";
    let rows = from.rows(sql, bind![client, allowed_by(member)]).await?;
    rows.iter().map(|row| Ok(stored(row, 0)?)).collect()
}

pub(super) async fn withdraw(
    change: &mut Change,
    client: ClientId,
    member: MemberId,
    within: AccountId,
    note: &AuditNote,
) -> Outcome<Left<()>> {
    locks::take(change, [Within::Account(within)], [note]).await?;
    authority::hold(change, note).await?;
    let sql = "DELETE FROM consents
                WHERE client = $1
                  AND member IN (SELECT id FROM members WHERE id = $2 AND account = $3)";
    if change.execute(sql, bind![client, member, within]).await? == 0 {
        return Err(StoreError::NotFound.into());
    }
    // Those that were exchanged still tell of a second exchange.
    let sql = "DELETE FROM codes WHERE client = $1 AND member = $2 AND key IS NULL";
    change.execute(sql, bind![client, member]).await?;
    revoke(change, keys_by(change, client, member).await?, note.at).await?;
    change.tell(note, Some(within), Some(&client));
    Ok(Left::made(()))
}

/// Ends what a member has allowed any application: whoever is no member any more allows nothing.
pub(super) async fn revoke_of_member(change: &Change, member: MemberId, at: Timestamp) -> Outcome<()> {
    let rows = change.rows("DELETE FROM consents WHERE member = $1 RETURNING client", bind![member]).await?;
    for row in rows {
        revoke(change, keys_by(change, stored(&row, 0)?, member).await?, at).await?;
    }
    let sql = "DELETE FROM codes WHERE member = $1 AND key IS NULL";
    change.execute(sql, bind![member]).await.map(drop)
}

/// Locks the accounts in which an application was granted something. One that it comes to before its own row is locked is
/// passed over: what it holds there ends all the same, and the schema refuses whoever would bring it back.
pub(super) async fn lock_accounts_of(change: &Change, client: ClientId) -> Outcome<()> {
    let sql = "SELECT id
                 FROM accounts
                WHERE id IN (SELECT account FROM keys WHERE client = $1 AND state <> 'revoked')
                ORDER BY id
                  FOR UPDATE";
    change.rows(sql, bind![client]).await.map(drop)
}

/// Ends everything that an application was granted.
pub(super) async fn revoke_of_client(change: &Change, client: ClientId, at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE keys SET state = 'revoked', revoked_at = $2 WHERE client = $1 AND state <> 'revoked'";
    change.execute(sql, bind![client, at]).await.map(drop)
}

async fn revoke(change: &Change, keys: Vec<KeyId>, at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE keys SET state = 'revoked', revoked_at = $2 WHERE id = ANY($1) AND state <> 'revoked'";
    let mut values = vec![array(keys)];
    values.extend(bind![at]);
    change.execute(sql, values).await.map(drop)
}

pub(super) async fn find_code(from: &impl Ask, digest: Digest) -> Outcome<Option<CodeRow>> {
    let sql =
        "SELECT c.client, c.member, m.account, c.redirect_uri, c.challenge, c.scopes, c.expires_at, c.key
                 FROM codes   c
                 JOIN members m ON m.id = c.member
                WHERE c.digest = $1";
    let Some(row) = from.row(sql, bind![digest]).await? else { return Ok(None) };
    Ok(Some(CodeRow {
        client: stored(&row, "client")?,
        member: stored(&row, "member")?,
        account: stored(&row, "account")?,
        redirect_uri: row.try_get("redirect_uri")?,
        challenge: stored(&row, "challenge")?,
        scopes: stored(&row, "scopes")?,
        expires_at: stored(&row, "expires_at")?,
        key: stored_if_any(&row, "key")?,
    }))
}

/// The account of the grant is locked.
pub(super) async fn exchange(
    change: &Change,
    exchange: &Exchange,
    mut grant: NewGrant,
    note: &AuditNote,
) -> Outcome<Left<Exchanged>> {
    authority::hold(change, note).await?;
    let (digest, replayed) = match exchange {
        Exchange::Code { digest, replayed } => (*digest, replayed),
        Exchange::Itself => {
            return for_itself(change, grant, note).await.map(Exchanged::Granted).map(Left::made);
        }
    };
    let code = find_code(change, digest)
        .await?
        .filter(|code| (code.client, code.account) == (grant.client, grant.key.account));
    let code = code.ok_or(StoreError::NotFound)?;
    if let Some(key) = code.key {
        return end_for_replay(change, key, replayed).await;
    }
    if code.expires_at <= note.at
        || standing(change, code.client, code.member).await? != grant.key.account
        || consent(change, code.client, code.member).await?.is_none()
    {
        return Err(StoreError::NotFound.into());
    }
    grant.key.created_by = allowed_by(code.member);
    let key = insert(change, grant, note).await?;
    change.execute("UPDATE codes SET key = $2 WHERE digest = $1", bind![digest, key.id]).await?;
    Ok(Left::made(Exchanged::Granted(key)))
}

/// What a client is granted for its own account.
async fn for_itself(change: &Change, grant: NewGrant, note: &AuditNote) -> Outcome<KeyRow> {
    let sql = "SELECT 1 FROM clients WHERE id = $1 AND account = $2 AND revoked_at IS NULL FOR SHARE";
    change.row(sql, bind![grant.client, grant.key.account]).await?.ok_or(StoreError::NotFound)?;
    insert(change, grant, note).await
}

async fn insert(change: &Change, grant: NewGrant, note: &AuditNote) -> Outcome<KeyRow> {
    let NewGrant { key: new, client, refresh } = grant;
    let account = accounts::find(change, new.account).await?.ok_or(StoreError::NotFound)?;
    keys::insert_row(change, &new, Some(client)).await?;
    secrets::add(change, new.id, &new.secret, new.created_at).await?;
    if let Some(refresh) = refresh {
        add_refresh(change, new.id, refresh, 1, None, new.created_at).await?;
    }
    change.tell(note, Some(account.id), Some(&new.id));
    Ok(KeyRow { client: Some(client), ..new.into_row(account.api) })
}

async fn add_refresh(
    change: &Change,
    key: KeyId,
    refresh: NewRefresh,
    access: u16,
    predecessor: Option<Digest>,
    at: Timestamp,
) -> Outcome<()> {
    let sql = "INSERT INTO refresh_tokens (digest, key, access, predecessor, created_at, expires_at)
               VALUES                     ($1,     $2,  $3,     $4,          $5,         $6)";
    let values = bind![refresh.digest, key, access, predecessor, at, refresh.expires_at];
    change.execute(sql, values).await.map(drop)
}

/// Revokes a grant because what it was had for came a second time.
async fn end_for_replay(change: &Change, key: KeyId, note: &AuditNote) -> Outcome<Left<Exchanged>> {
    let before = key_rows::find(change, key).await?.ok_or(StoreError::NotFound)?;
    if before.state == KeyState::Revoked {
        return Ok(Left::already(Exchanged::Replayed(before)));
    }
    revoke(change, vec![key], note.at).await?;
    change.tell(note, Some(before.account), Some(&key));
    Ok(Left::made(Exchanged::Replayed(before)))
}

pub(super) async fn find_refresh(from: &impl Ask, digest: Digest) -> Outcome<Option<RefreshRow>> {
    let sql = "SELECT key, expires_at, used_at, ended_at FROM refresh_tokens WHERE digest = $1";
    let Some(row) = from.row(sql, bind![digest]).await? else { return Ok(None) };
    let Some(key) = key_rows::find(from, stored(&row, "key")?).await? else { return Ok(None) };
    Ok(Some(RefreshRow {
        key,
        expires_at: stored(&row, "expires_at")?,
        used_at: stored_if_any(&row, "used_at")?,
        ended_at: stored_if_any(&row, "ended_at")?,
    }))
}

/// The account of the grant is locked.
pub(super) async fn refresh(
    change: &Change,
    refreshing: &Refreshing,
    note: &AuditNote,
) -> Outcome<Left<Exchanged>> {
    authority::hold(change, note).await?;
    let presented = refreshing.presented;
    let token = find_refresh(change, presented).await?;
    let token = token.filter(|token| token.counts(note.at)).ok_or(StoreError::NotFound)?;
    let key = token.key.id;
    if token.tells_of_theft(refreshing.repeated_since) {
        return end_for_replay(change, key, &refreshing.stolen).await;
    }
    if token.key.state == KeyState::Disabled {
        return Ok(Left::already(Exchanged::Disabled));
    }
    if token.used_at.is_some() && !take_back(change, key, presented, note.at).await? {
        return end_for_replay(change, key, &refreshing.stolen).await;
    }
    let sql = "UPDATE refresh_tokens SET used_at = coalesce(used_at, $2) WHERE digest = $1";
    change.execute(sql, bind![presented, note.at]).await?;
    // The new one comes first, so that no number comes twice.
    secrets::add(change, key, &refreshing.access, note.at).await?;
    secrets::forget(change, key, forgotten_before(note.at)).await?;
    let after = key_rows::find(change, key).await?.ok_or(StoreError::NotFound)?;
    let access = after.secrets.first().map(|secret| secret.number).ok_or(StoreError::NotFound)?;
    add_refresh(change, key, refreshing.refresh, access, Some(presented), note.at).await?;
    change.tell(note, Some(after.account), Some(&after.id));
    Ok(Left::made(Exchanged::Granted(after)))
}

/// Takes back the pair that a refresh token was used for, if its own refresh token wasn't used: whether it did.
async fn take_back(change: &Change, key: KeyId, presented: Digest, at: Timestamp) -> Outcome<bool> {
    let sql = "UPDATE refresh_tokens
                  SET ended_at = $2
                WHERE predecessor = $1 AND used_at IS NULL AND ended_at IS NULL
            RETURNING access";
    let Some(row) = change.row(sql, bind![presented, at]).await? else { return Ok(false) };
    let access: u16 = stored(&row, 0)?;
    let sql = "UPDATE secrets SET ends_at = $3 WHERE key = $1 AND number = $2 AND (ends_at IS NULL OR ends_at > $3)";
    change.execute(sql, bind![key, access, at]).await?;
    Ok(true)
}
