//! Keys as they are read: each with its secrets, by one statement.

use claviger_model::{Digest, KeyId, Timestamp};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    columns::{Bound, Stored, array, bind, stored, stored_all, stored_if_any},
    failure::Outcome,
    pool::Pool,
    select::Select,
};
use crate::{Brought, FoundSecret, KeyFilter, KeyRow, Page, PageRequest, SecretRow};

const KEYS: &str = "SELECT k.id, k.account, a.api, k.name, k.environment, k.scopes, k.restrictions, k.state,
                           k.created_at, k.created_by, k.expires_at, k.revoked_at, k.external_id, k.metadata, k.client,
                           s.numbers, s.digests, s.hints, s.minted, s.ends, s.lookups, s.hashes
                      FROM keys     k
                      JOIN accounts a ON a.id = k.account
                     CROSS JOIN LATERAL (SELECT array_agg(number     ORDER BY number DESC) AS numbers,
                                                array_agg(digest     ORDER BY number DESC) AS digests,
                                                array_agg(hint::text ORDER BY number DESC) AS hints,
                                                array_agg(created_at ORDER BY number DESC) AS minted,
                                                array_agg(ends_at    ORDER BY number DESC) AS ends,
                                                array_agg(lookup::text ORDER BY number DESC) AS lookups,
                                                array_agg(hash::text   ORDER BY number DESC) AS hashes
                                           FROM secrets
                                          WHERE key = k.id) s
                     WHERE true";

pub(super) async fn find(from: &impl Ask, id: KeyId) -> Outcome<Option<KeyRow>> {
    let sql = format!("{KEYS} AND k.id = $1");
    from.row(&sql, bind![id]).await?.as_ref().map(key).transpose()
}

/// The key that this digest leads to, and by which of its secrets.
pub(super) async fn find_secret(pool: &Pool, digest: Digest) -> Outcome<Option<FoundSecret>> {
    Ok(find_secrets(pool, [digest]).await?.pop().map(|(_, found)| found))
}

/// The keys that these digests lead to, each with its digest.
pub(super) async fn find_secrets(
    from: &impl Ask,
    digests: impl IntoIterator<Item = Digest>,
) -> Outcome<Vec<(Digest, FoundSecret)>> {
    let sql = "SELECT key, number, digest FROM secrets WHERE digest = ANY($1)";
    find_by(from, sql, vec![array(digests)]).await
}

/// The keys that a query leads to, which returns the key, the secret's number and the digest that is asked about.
pub(super) async fn find_by(
    from: &impl Ask,
    query: &str,
    values: Vec<Bound>,
) -> Outcome<Vec<(Digest, FoundSecret)>> {
    let sql = format!(
        "SELECT found.number AS found, found.digest AS by, of.*
           FROM ({query}) AS found (key, number, digest)
          CROSS JOIN LATERAL ({KEYS} AND k.id = found.key) of"
    );
    let found =
        |row: &Row| Ok((stored(row, "by")?, FoundSecret { key: key(row)?, number: stored(row, "found")? }));
    from.rows(&sql, values).await?.iter().map(found).collect()
}

pub(super) async fn list(
    pool: &Pool,
    filter: KeyFilter,
    at: PageRequest<KeyId>,
) -> Outcome<Page<KeyRow, KeyId>> {
    // No text that begins with the value comes after it and the last character.
    let of_hint = "k.id IN (SELECT key FROM secrets WHERE hint >= ? AND hint < ? || chr(1114111))";
    Select::new(KEYS)
        .and_if(true, "k.client IS NULL")
        .and("k.id > ?", at.after)
        .and(of_hint, filter.hint)
        .and("a.api = ?", filter.api)
        .and("k.account = ?", filter.account)
        .and("k.external_id = ?", filter.external_id)
        .and_if(!filter.include_revoked, "k.state <> 'revoked'")
        .page(pool, "k.id", at.limit, key, |key| key.id)
        .await
}

fn key(row: &Row) -> Outcome<KeyRow> {
    Ok(KeyRow {
        id: stored(row, "id")?,
        account: stored(row, "account")?,
        api: row.try_get::<_, &str>("api")?.into(),
        name: row.try_get("name")?,
        environment: stored(row, "environment")?,
        scopes: stored(row, "scopes")?,
        restrictions: stored(row, "restrictions")?,
        state: stored(row, "state")?,
        created_at: stored(row, "created_at")?,
        created_by: row.try_get("created_by")?,
        expires_at: stored_if_any(row, "expires_at")?,
        revoked_at: stored_if_any(row, "revoked_at")?,
        external_id: row.try_get("external_id")?,
        metadata: stored(row, "metadata")?,
        client: stored_if_any(row, "client")?,
        secrets: secrets(row)?,
    })
}

/// The arrays are of equal length; there are none where somebody deleted a key's secrets by hand.
fn secrets(row: &Row) -> Outcome<Vec<SecretRow>> {
    if row.try_get::<_, Option<Vec<Stored<u16>>>>("numbers")?.is_none() {
        return Ok(Vec::new());
    }
    let numbers: Vec<u16> = stored_all(row, "numbers")?;
    let digests: Vec<Digest> = stored_all(row, "digests")?;
    let hints: Vec<String> = row.try_get("hints")?;
    let minted: Vec<Timestamp> = stored_all(row, "minted")?;
    let ends: Vec<Option<i64>> = row.try_get("ends")?;
    let lookups: Vec<Option<String>> = row.try_get("lookups")?;
    let hashes: Vec<Option<String>> = row.try_get("hashes")?;
    let brought =
        lookups.into_iter().zip(hashes).map(|(lookup, hash)| Brought::read(lookup, hash.as_deref()));
    let all = numbers.into_iter().zip(digests).zip(hints).zip(minted.into_iter().zip(ends)).zip(brought);
    Ok(all
        .map(|((((number, digest), hint), (created_at, ends_at)), brought)| SecretRow {
            number,
            digest,
            hint,
            created_at,
            ends_at: ends_at.map(Timestamp::from_millis),
            brought,
        })
        .collect())
}
