//! Secrets that came by hashes: found again by what they came as, and kept by their digests once they are used.

use claviger_model::KeyId;
use claviger_verify::foreign::FirstUse;

use super::{
    ask::Ask,
    change::{Change, Left},
    columns::{array, stored},
    failure::Outcome,
    key_rows,
    locks::{self, Within},
};
use crate::{
    AuditNote, Import,
    foreign::{Rehashed, told},
    import::Known,
};

/// Looks for the keys that rows with hashes are about where they aren't found by their digests: they may have been used
/// since, or the other system may have hashed them anew. Earlier secrets are looked for by what they came as alone.
pub(super) async fn find_again(from: &impl Ask, import: &Import, known: &mut Known) -> Outcome<()> {
    let brought = import.rows.iter().filter_map(|row| Some((row, row.foreign()?)));
    let mut left: Vec<_> = brought.filter(|(row, _)| !known.keys.contains_key(&row.digest)).collect();
    let earlier = import.rows.iter().flat_map(|row| &row.earlier).map(|earlier| &earlier.secret);
    let earlier = earlier.filter(|secret| secret.foreign.is_some()).map(|secret| secret.digest);
    let earlier = earlier.filter(|digest| !known.keys.contains_key(digest));
    let asked: Vec<_> = left.iter().map(|(row, _)| row.digest).chain(earlier).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let sql = "SELECT key, number, imported_as FROM secrets WHERE imported_as = ANY($1)";
    let values = vec![array(asked)];
    known.keys.extend(key_rows::find_by(from, sql, values).await?);
    left.retain(|(row, _)| !known.keys.contains_key(&row.digest));
    let named = left.into_iter().filter_map(|(row, foreign)| {
        let account = known.accounts.get(&row.row.account)?;
        Some((row.digest, *account, row.row.external_id.as_deref()?, &*foreign.lookup))
    });
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        return Ok(());
    }
    let sql = "SELECT its.key, its.number, asked.digest
                 FROM unnest($1, $2, $3, $4) AS asked (digest, account, external_id, lookup)
                 JOIN keys theirs ON theirs.account = asked.account AND theirs.external_id = asked.external_id
                CROSS JOIN LATERAL (SELECT key, number
                                      FROM secrets
                                     WHERE key = theirs.id AND lookup = asked.lookup
                                     ORDER BY number DESC
                                     LIMIT 1) AS its";
    let values = vec![
        array(named.iter().map(|(digest, ..)| *digest)),
        array(named.iter().map(|(_, account, ..)| *account)),
        array(named.iter().map(|(_, _, external_id, _)| *external_id)),
        array(named.iter().map(|(.., lookup)| *lookup)),
    ];
    known.keys.extend(key_rows::find_by(from, sql, values).await?);
    Ok(())
}

/// Takes other hashes for secrets that weren't used yet.
pub(super) async fn rehash(change: &Change, rehashed: &[Rehashed]) -> Outcome<()> {
    let sql = "UPDATE secrets
                  SET digest = said.after, imported_as = said.after, hash = said.hash
                 FROM unnest($1, $2, $3) AS said (before, after, hash)
                WHERE secrets.digest = said.before AND secrets.hash IS NOT NULL";
    let values = vec![
        array(rehashed.iter().map(|one| one.before)),
        array(rehashed.iter().map(|one| one.after)),
        array(rehashed.iter().map(|one| one.hash.as_str())),
    ];
    change.execute(sql, values).await.map(drop)
}

/// Keeps the digests of secrets that were used for the first time, where that isn't done yet.
pub(super) async fn keep(
    change: &mut Change,
    first_uses: &[FirstUse],
    note: &AuditNote,
) -> Outcome<Left<usize>> {
    let keys = || first_uses.iter().map(|first_use| first_use.key);
    let sql = "SELECT DISTINCT account FROM keys WHERE id = ANY($1)";
    let accounts = change.rows(sql, vec![array(keys())]).await?;
    let accounts = accounts.iter().map(|row| Ok(Within::Account(stored(row, 0)?)));
    locks::take(change, accounts.collect::<Outcome<Vec<_>>>()?, [note]).await?;
    let sql = "UPDATE secrets
                  SET digest = used.digest, hash = NULL
                 FROM unnest($1, $2, $3, $4) AS used (key, number, stand_in, digest)
                WHERE secrets.key = used.key AND secrets.number = used.number
                  AND secrets.digest = used.stand_in AND secrets.hash IS NOT NULL
                  AND NOT EXISTS (SELECT FROM secrets other  WHERE other.digest = used.digest)
                  AND NOT EXISTS (SELECT FROM operators      WHERE operators.digest = used.digest)
                  AND NOT EXISTS (SELECT FROM client_secrets WHERE client_secrets.digest = used.digest)
            RETURNING secrets.key";
    let values = vec![
        array(keys()),
        array(first_uses.iter().map(|first_use| first_use.secret)),
        array(first_uses.iter().map(|first_use| first_use.stand_in)),
        array(first_uses.iter().map(|first_use| first_use.digest)),
    ];
    let kept = change.rows(sql, values).await?;
    let kept: Vec<KeyId> = kept.iter().map(|row| Ok(stored(row, 0)?)).collect::<Outcome<_>>()?;
    if !kept.is_empty() {
        let (note, subjects) = told(note, &kept);
        change.tell_of_all(&note, None, subjects);
        return Ok(Left::made(kept.len()));
    }
    Ok(Left::already(0))
}
