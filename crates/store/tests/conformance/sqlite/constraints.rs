//! What the schema itself refuses, whoever writes.

use super::fixture::Fixture;
use claviger_model::{KeyState, Role, oauth::ClientKind};
use claviger_store::NewClient;
use claviger_verify::feed::Record;

use crate::{
    app_samples::{By, client_of, exchange, granted_in_its_own, new_client, new_grant},
    samples::{NOW, account, key, load, member, new_operator, note, signed_in},
};

const KEYS: &str =
    "INSERT INTO keys (id, account, environment, scopes, restrictions, state, created_at, created_by,
                                      revoked_at, external_id, metadata)";
const SECRETS: &str = "INSERT INTO secrets (key, number, digest, hint, created_at)";
const ACCOUNTS: &str = "INSERT INTO accounts (id, api, name, external_id, metadata, state, created_at)";
const OPERATORS: &str = "INSERT INTO operators (id, name, abilities, digest, hint, created_at)";
const AUDIT: &str = "INSERT INTO audit_events (number, id, at, actor, action, account, detail, hash)";
const MEMBERS: &str =
    "INSERT INTO members (id, account, email, role, oidc_issuer, oidc_subject, created_at, created_by)";
const SESSIONS: &str = "INSERT INTO sessions (id, member, digest, method, created_at, seen_at, expires_at)";
const LINKS: &str = "INSERT INTO links (id, member, digest, purpose, created_at, expires_at)";

const CLIENTS: &str =
    "INSERT INTO clients (id, api, account, name, kind, redirect_uris, scopes, verified, introspects,
                                         created_at, created_by)";
const CLIENT_SECRETS: &str = "INSERT INTO client_secrets (client, number, digest, hint, created_at)";
const GRANTS: &str =
    "INSERT INTO keys (id, account, environment, scopes, restrictions, state, created_at, created_by,
                                        metadata, client)";
const CONSENTS: &str = "INSERT INTO consents (client, member, scopes, granted_at)";
const CODES: &str =
    "INSERT INTO codes (digest, client, member, redirect_uri, challenge, scopes, created_at, expires_at)";
const REFRESH_TOKENS: &str = "INSERT INTO refresh_tokens (digest, key, access, created_at, expires_at)";

/// The rules about secrets that came by hashes.
const OF_BROUGHT: [&str; 7] = [
    "UPDATE secrets SET lookup = ''",
    "UPDATE secrets SET imported_as = digest",
    "UPDATE secrets SET lookup = 'a', imported_as = randomblob(31)",
    "UPDATE secrets SET lookup = 'a', hash = 'h'",
    "UPDATE secrets SET lookup = 'a', imported_as = digest, hash = ''",
    "UPDATE secrets SET lookup = 'a', imported_as = randomblob(32), hash = 'h'",
    "INSERT INTO secrets (key, number, digest, hint, created_at, lookup, imported_as)
     SELECT key, 1 + n, randomblob(32), '', 1, 'a', (SELECT digest FROM secrets LIMIT 1)
       FROM secrets, (SELECT 1 AS n UNION SELECT 2) AS two",
];

/// Refused by a rule, that is, and not for being no SQL.
fn assert_refused(outcome: Result<(), String>, statement: &str) {
    let refusal = outcome.expect_err(statement);
    let rules = ["constraint failed", "cannot store", "keeps its", "stays its", "is taken", "never deleted"];
    assert!(rules.iter().any(|rule| refusal.contains(rule)), "{statement}: {refusal}");
}

/// Each of these breaks one rule of a database with an operator, an account with an external id, and its one key.
#[tokio::test]
async fn every_rule_of_the_schema_is_kept() {
    let fixture = Fixture::new().await;
    fixture.store.initialise(new_operator("all"), note("init")).await.unwrap();
    let owner = account(&fixture.store).await;
    key(&fixture.store, owner).await;
    fixture.raw("UPDATE accounts SET external_id = 'e'; UPDATE keys SET external_id = 'e'").unwrap();

    let rules = [
        // Heads and entries of the feed.
        "INSERT INTO feed_head (one, installation, audit_hash) VALUES (2, zeroblob(16), zeroblob(32))"
            .to_owned(),
        "INSERT INTO feed_head (one, installation, audit_hash) VALUES (1, zeroblob(16), zeroblob(32))"
            .to_owned(),
        "UPDATE feed_head SET installation = zeroblob(15)".to_owned(),
        "UPDATE feed_head SET seq = -1".to_owned(),
        "UPDATE feed_head SET audit_number = -1".to_owned(),
        "UPDATE feed_head SET audit_hash = zeroblob(31)".to_owned(),
        "INSERT INTO feed_log (seq, kind, id) VALUES (1, 'key', zeroblob(16))".to_owned(),
        "INSERT INTO feed_log (seq, kind, id) VALUES (99, 'thing', zeroblob(16))".to_owned(),
        "INSERT INTO feed_log (seq, kind, id) VALUES (99, 'key', zeroblob(32))".to_owned(),
        "INSERT INTO feed_log (seq, kind, id) VALUES (99, 'digest', zeroblob(16))".to_owned(),
        // Accounts.
        format!("{ACCOUNTS} SELECT id, api, name, NULL, metadata, state, created_at FROM accounts"),
        format!(
            "{ACCOUNTS} SELECT zeroblob(16), api, name, external_id, metadata, state, created_at FROM accounts"
        ),
        "UPDATE accounts SET id = zeroblob(16)".to_owned(),
        "UPDATE accounts SET api = ''".to_owned(),
        "UPDATE accounts SET external_id = ''".to_owned(),
        "UPDATE accounts SET metadata = '[]'".to_owned(),
        "UPDATE accounts SET metadata = '{'".to_owned(),
        "UPDATE accounts SET state = 'gone'".to_owned(),
        "UPDATE accounts SET created_at = 'now'".to_owned(),
        "DELETE FROM accounts".to_owned(),
        // Keys.
        format!(
            "{KEYS} SELECT id, account, 'live', '[]', '{{}}', 'active', 1, 'x', NULL, NULL, '{{}}' FROM keys"
        ),
        format!(
            "{KEYS} SELECT zeroblob(16), account, 'live', '[]', '{{}}', 'active', 1, 'x', NULL, 'e', '{{}}' FROM keys"
        ),
        format!(
            "{KEYS} VALUES (zeroblob(16), zeroblob(16), 'live', '[]', '{{}}', 'active', 1, 'x', NULL, NULL, '{{}}')"
        ),
        "UPDATE keys SET id = zeroblob(16)".to_owned(),
        "UPDATE keys SET account = zeroblob(16)".to_owned(),
        "UPDATE keys SET environment = 'stage'".to_owned(),
        "UPDATE keys SET scopes = 'all'".to_owned(),
        "UPDATE keys SET restrictions = '[]'".to_owned(),
        "UPDATE keys SET restrictions = '{'".to_owned(),
        "UPDATE keys SET state = 'gone'".to_owned(),
        "UPDATE keys SET state = 'revoked'".to_owned(),
        "UPDATE keys SET revoked_at = 1".to_owned(),
        "UPDATE keys SET external_id = ''".to_owned(),
        "UPDATE keys SET metadata = 'null'".to_owned(),
        "DELETE FROM keys".to_owned(),
        // Secrets.
        format!("{SECRETS} SELECT key, 1, randomblob(32), '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 2, digest, '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 2, (SELECT digest FROM operators), '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 0, randomblob(32), '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 65536, randomblob(32), '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 2, randomblob(31), '', 1 FROM secrets"),
        format!("{SECRETS} VALUES (zeroblob(16), 1, randomblob(32), '', 1)"),
        format!(
            "REPLACE INTO{} SELECT key, 1, randomblob(32), '', 1 FROM secrets",
            &SECRETS["INSERT INTO".len()..]
        ),
        "UPDATE secrets SET key = zeroblob(16)".to_owned(),
        "UPDATE secrets SET number = 2".to_owned(),
        "UPDATE secrets SET digest = randomblob(32)".to_owned(),
        // Operators.
        format!("{OPERATORS} SELECT id, '', 'all', randomblob(32), '', 1 FROM operators"),
        format!("{OPERATORS} SELECT zeroblob(16), '', 'all', digest, '', 1 FROM operators"),
        format!("{OPERATORS} SELECT zeroblob(16), '', 'all', digest, '', 1 FROM secrets"),
        format!("{OPERATORS} VALUES (zeroblob(15), '', 'all', randomblob(32), '', 1)"),
        format!("{OPERATORS} VALUES (zeroblob(16), '', 'all', randomblob(31), '', 1)"),
        format!(
            "REPLACE INTO{} SELECT id, '', 'all', randomblob(32), '', 1 FROM operators",
            &OPERATORS["INSERT INTO".len()..]
        ),
        "UPDATE operators SET id = zeroblob(16)".to_owned(),
        "UPDATE operators SET digest = randomblob(32)".to_owned(),
        "UPDATE operators SET abilities = ''".to_owned(),
        "DELETE FROM operators".to_owned(),
        // The trail.
        format!("{AUDIT} SELECT 1, zeroblob(16), 1, '', '', NULL, '{{}}', zeroblob(32)"),
        format!("{AUDIT} SELECT 0, zeroblob(16), 1, '', '', NULL, '{{}}', zeroblob(32)"),
        format!("{AUDIT} SELECT 99, id, 1, '', '', NULL, '{{}}', zeroblob(32) FROM audit_events"),
        format!("{AUDIT} SELECT 99, zeroblob(15), 1, '', '', NULL, '{{}}', zeroblob(32)"),
        format!("{AUDIT} SELECT 99, zeroblob(16), 1, '', '', zeroblob(15), '{{}}', zeroblob(32)"),
        format!("{AUDIT} SELECT 99, zeroblob(16), 1, '', '', NULL, '{{', zeroblob(32)"),
        format!("{AUDIT} SELECT 99, zeroblob(16), 1, '', '', NULL, '{{}}', zeroblob(31)"),
        // Calls and settings.
        "INSERT INTO idempotency VALUES ('p', 'k', zeroblob(31), '', 1)".to_owned(),
        "INSERT INTO idempotency VALUES ('p', 'k', zeroblob(32), '', 1), ('p', 'k', zeroblob(32), '', 1)"
            .to_owned(),
        "INSERT INTO settings VALUES ('a', x''), ('a', x'')".to_owned(),
    ];
    for broken in rules.iter().map(String::as_str).chain(OF_BROUGHT) {
        assert_refused(fixture.raw(broken), broken);
    }
    assert!(matches!(
        fixture.store.check_audit().await.unwrap(),
        claviger_store::ChainCheck::Whole { events: 3, .. }
    ));
}

/// Each of these breaks one rule of a database with one member, their session and their link.
#[tokio::test]
async fn every_rule_about_members_is_kept() {
    let fixture = Fixture::new().await;
    let owner = account(&fixture.store).await;
    let ada = member(&fixture.store, owner, "ada@example.com", Role::Administrator).await;
    signed_in(&fixture.store, ada).await;
    let rules = [
        // Members.
        format!("{MEMBERS} SELECT id, account, 'b@x', 'viewer', NULL, NULL, 1, 'x' FROM members"),
        format!("{MEMBERS} SELECT zeroblob(16), account, email, 'viewer', NULL, NULL, 1, 'x' FROM members"),
        format!("{MEMBERS} SELECT zeroblob(15), account, 'b@x', 'viewer', NULL, NULL, 1, 'x' FROM members"),
        format!("{MEMBERS} VALUES (zeroblob(16), zeroblob(16), 'b@x', 'viewer', NULL, NULL, 1, 'x')"),
        "UPDATE members SET account = zeroblob(16)".to_owned(),
        "UPDATE members SET email = ''".to_owned(),
        "UPDATE members SET email = 'Ada@example.com'".to_owned(),
        "UPDATE members SET role = 'owner'".to_owned(),
        "UPDATE members SET role = NULL".to_owned(),
        "UPDATE members SET oidc_issuer = 'https://id.example'".to_owned(),
        "UPDATE members SET oidc_subject = '7'".to_owned(),
        "UPDATE members SET removed_at = 'now'".to_owned(),
        "DELETE FROM members".to_owned(),
        // Sessions.
        format!("{SESSIONS} SELECT id, member, randomblob(32), 'link', 1, 1, 1 FROM sessions"),
        format!("{SESSIONS} SELECT zeroblob(16), member, digest, 'link', 1, 1, 1 FROM sessions"),
        format!("{SESSIONS} SELECT zeroblob(15), member, randomblob(32), 'link', 1, 1, 1 FROM sessions"),
        format!("{SESSIONS} VALUES (zeroblob(16), zeroblob(16), randomblob(32), 'link', 1, 1, 1)"),
        "UPDATE sessions SET member = zeroblob(16)".to_owned(),
        "UPDATE sessions SET digest = randomblob(31)".to_owned(),
        "UPDATE sessions SET method = 'guess'".to_owned(),
        "UPDATE sessions SET expires_at = NULL".to_owned(),
        // Links.
        format!("{LINKS} SELECT id, member, randomblob(32), 'sign_in', 1, 1 FROM links"),
        format!("{LINKS} SELECT zeroblob(16), member, digest, 'sign_in', 1, 1 FROM links"),
        format!("{LINKS} SELECT zeroblob(15), member, randomblob(32), 'sign_in', 1, 1 FROM links"),
        format!("{LINKS} VALUES (zeroblob(16), zeroblob(16), randomblob(32), 'sign_in', 1, 1)"),
        "UPDATE links SET member = zeroblob(16)".to_owned(),
        "UPDATE links SET digest = randomblob(31)".to_owned(),
        "UPDATE links SET purpose = 'lunch'".to_owned(),
        "UPDATE links SET oidc_issuer = 'https://id.example'".to_owned(),
        "UPDATE links SET oidc_subject = '7'".to_owned(),
        "UPDATE links SET expires_at = NULL".to_owned(),
    ];
    for broken in &rules {
        assert_refused(fixture.raw(broken), broken);
    }
}

/// Each of these breaks one rule of a database with an account's own application and a public one, which holds a grant.
#[tokio::test]
async fn every_rule_about_applications_is_kept() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let public = NewClient { kind: ClientKind::Public, ..new_client("cashcat") };
    let public = store.insert_client(public, None, note("client.create")).await.unwrap().value.id;
    let (owner, _, _) = granted_in_its_own(store, public).await;
    let own = client_of(store, owner).await;
    exchange(store, By::Itself, new_grant(owner, own), 0).await.unwrap();
    key(store, owner).await;
    let rules = [
        // Clients.
        format!(
            "{CLIENTS} SELECT id, 'a', NULL, 'n', 'public', '[]', '[]', 0, 0, 1, 'x' FROM clients LIMIT 1"
        ),
        format!("{CLIENTS} VALUES (zeroblob(15), 'a', NULL, 'n', 'public', '[]', '[]', 0, 0, 1, 'x')"),
        format!(
            "{CLIENTS} VALUES (zeroblob(16), 'a', zeroblob(16), 'n', 'confidential', '[]', '[]', 0, 0, 1, 'x')"
        ),
        "UPDATE clients SET id = zeroblob(16) WHERE account IS NOT NULL".to_owned(),
        "UPDATE clients SET api = ''".to_owned(),
        "UPDATE clients SET name = ''".to_owned(),
        "UPDATE clients SET kind = 'secret'".to_owned(),
        "UPDATE clients SET kind = 'public' WHERE account IS NOT NULL".to_owned(),
        "UPDATE clients SET kind = 'public', introspects = 1 WHERE account IS NULL".to_owned(),
        "UPDATE clients SET redirect_uris = '{}'".to_owned(),
        "UPDATE clients SET redirect_uris = '['".to_owned(),
        "UPDATE clients SET scopes = 'all'".to_owned(),
        "UPDATE clients SET verified = 2".to_owned(),
        "UPDATE clients SET introspects = 2".to_owned(),
        "UPDATE clients SET revoked_at = 'now'".to_owned(),
        "DELETE FROM clients WHERE account IS NOT NULL".to_owned(),
        // Clients' secrets.
        format!("{CLIENT_SECRETS} SELECT client, number, randomblob(32), '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 2, digest, '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 0, randomblob(32), '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 65536, randomblob(32), '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 2, randomblob(31), '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} VALUES (zeroblob(16), 1, randomblob(32), '', 1)"),
        format!(
            "{CLIENT_SECRETS} SELECT client, 2, (SELECT max(digest) FROM secrets), '', 1 FROM client_secrets LIMIT 1"
        ),
        format!(
            "REPLACE INTO{} SELECT client, number, randomblob(32), '', 1 FROM client_secrets",
            &CLIENT_SECRETS["INSERT INTO".len()..]
        ),
        format!(
            "{SECRETS} SELECT key, 9, (SELECT max(digest) FROM client_secrets), '', 1 FROM secrets LIMIT 1"
        ),
        "UPDATE client_secrets SET client = zeroblob(16)".to_owned(),
        "UPDATE client_secrets SET number = number + 7".to_owned(),
        "UPDATE client_secrets SET digest = randomblob(32)".to_owned(),
        "DELETE FROM client_secrets".to_owned(),
        // Grants and access tokens.
        format!(
            "{GRANTS} SELECT zeroblob(16), account, 'live', '[]', '{{}}', 'active', 1, 'x', '{{}}', zeroblob(16) FROM keys LIMIT 1"
        ),
        "UPDATE keys SET client = NULL WHERE client IS NOT NULL".to_owned(),
        "UPDATE keys SET client = zeroblob(16) WHERE client IS NOT NULL".to_owned(),
        "UPDATE keys SET client = (SELECT max(client) FROM client_secrets) WHERE client IS NULL".to_owned(),
        "UPDATE secrets SET expires_at = NULL WHERE expires_at IS NOT NULL".to_owned(),
        "UPDATE secrets SET expires_at = 1 WHERE expires_at IS NOT NULL".to_owned(),
        "UPDATE secrets SET expires_at = 1 WHERE expires_at IS NULL".to_owned(),
        // Consents.
        format!("{CONSENTS} SELECT client, member, '[]', 1 FROM consents"),
        format!("{CONSENTS} SELECT zeroblob(16), member, '[]', 1 FROM consents"),
        format!("{CONSENTS} SELECT client, zeroblob(16), '[]', 1 FROM consents"),
        "UPDATE consents SET scopes = 'all'".to_owned(),
        "UPDATE consents SET granted_at = NULL".to_owned(),
        "DELETE FROM links; DELETE FROM members".to_owned(),
        // Codes.
        format!("{CODES} SELECT digest, client, member, '', challenge, '[]', 1, 1 FROM codes LIMIT 1"),
        format!(
            "{CODES} SELECT randomblob(31), client, member, '', challenge, '[]', 1, 1 FROM codes LIMIT 1"
        ),
        format!(
            "{CODES} SELECT randomblob(32), zeroblob(16), member, '', challenge, '[]', 1, 1 FROM codes LIMIT 1"
        ),
        format!(
            "{CODES} SELECT randomblob(32), client, zeroblob(16), '', challenge, '[]', 1, 1 FROM codes LIMIT 1"
        ),
        "UPDATE codes SET challenge = randomblob(31)".to_owned(),
        "UPDATE codes SET scopes = 'all'".to_owned(),
        "UPDATE codes SET key = zeroblob(16)".to_owned(),
        // Refresh tokens.
        format!("{REFRESH_TOKENS} SELECT digest, key, 1, 1, 1 FROM refresh_tokens LIMIT 1"),
        format!("{REFRESH_TOKENS} SELECT randomblob(31), key, 1, 1, 1 FROM refresh_tokens LIMIT 1"),
        format!("{REFRESH_TOKENS} VALUES (randomblob(32), zeroblob(16), 1, 1, 1)"),
        "UPDATE refresh_tokens SET access = 0".to_owned(),
        "UPDATE refresh_tokens SET access = 65536".to_owned(),
        "UPDATE refresh_tokens SET predecessor = randomblob(31)".to_owned(),
        "UPDATE refresh_tokens SET expires_at = NULL".to_owned(),
    ];
    for broken in &rules {
        assert_refused(fixture.raw(broken), broken);
    }
}

#[tokio::test]
async fn every_rule_of_the_usage_file_is_kept() {
    let fixture = Fixture::new().await;
    for broken in [
        "INSERT INTO batches VALUES (zeroblob(15), 1)",
        "INSERT INTO batches VALUES (zeroblob(16), 0)",
        "INSERT INTO batches VALUES (zeroblob(16), 1), (zeroblob(16), 1)",
        "INSERT INTO counts VALUES (zeroblob(15), 1, 'a', 1, 'live', 'allowed', 1)",
        "INSERT INTO counts VALUES (zeroblob(16), 1, 'a', 65536, 'live', 'allowed', 1)",
        "INSERT INTO counts VALUES (zeroblob(16), 1, 'a', 1, 'stage', 'allowed', 1)",
        "INSERT INTO counts VALUES (zeroblob(16), 1, 'a', 1, 'live', '', 1)",
        "INSERT INTO counts VALUES (zeroblob(16), 1, 'a', 1, 'live', 'allowed', 0)",
        "INSERT INTO counts VALUES (x'', 1, 'a', 0, '', 'unknown', 1), (x'', 1, 'a', 0, '', 'unknown', 1)",
        "INSERT INTO last_uses (key, secret, at) VALUES (zeroblob(15), 1, 1)",
        "INSERT INTO last_uses (key, secret, at) VALUES (zeroblob(16), 0, 1)",
        "INSERT INTO last_uses (key, secret, at) VALUES (zeroblob(16), 1, 1), (zeroblob(16), 1, 1)",
        "INSERT INTO denials (api, key, at, request, code, detail) VALUES ('', zeroblob(15), 1, zeroblob(16), 'x', '')",
        "INSERT INTO denials (api, key, at, request, code, detail) VALUES ('', NULL, 1, zeroblob(15), 'x', '')",
        "INSERT INTO denials (api, key, at, request, code, detail) VALUES ('', NULL, 1, zeroblob(16), '', '')",
        "INSERT INTO quotas VALUES (zeroblob(15), 'a', 1, 0, 0)",
        "INSERT INTO quotas VALUES (zeroblob(16), '', 1, 0, 0)",
        "INSERT INTO quotas VALUES (zeroblob(16), 'a', 1, -1, 0)",
        "INSERT INTO quotas VALUES (zeroblob(16), 'a', 1, 0, -1)",
        "INSERT INTO quotas VALUES (zeroblob(16), 'a', 1, 0, 0), (zeroblob(16), 'a', 1, 0, 0)",
    ] {
        assert_refused(fixture.usage_raw(broken), broken);
    }
}

/// It is no update, and no trigger of a deletion runs.
#[tokio::test]
async fn a_key_that_is_put_in_its_own_place_is_told_of() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let key = key(store, account(store).await).await;
    let before = load(store, NOW).await.0.head;
    let sql = "INSERT OR REPLACE INTO keys (id, account, environment, scopes, restrictions, state, created_at, created_by, metadata)
               SELECT id, account, environment, scopes, restrictions, 'disabled', created_at, created_by, metadata FROM keys";
    fixture.raw(sql).unwrap();
    let told = store.feed().after(before).await.unwrap().entries;
    let records: Vec<_> = told.into_iter().flat_map(|change| change.records).collect();
    let [Record::Secret(secret)] = &records[..] else { panic!("{records:?}") };
    assert_eq!((secret.key, secret.state), (key, KeyState::Disabled));
}
