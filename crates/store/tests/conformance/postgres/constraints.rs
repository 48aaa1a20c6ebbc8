//! What the schema itself refuses, whoever writes.

use claviger_model::{Role, oauth::ClientKind};
use claviger_store::NewClient;

use super::fixture::Fixture;
use crate::{
    app_samples::{By, client_of, exchange, granted_in_its_own, new_client, new_grant},
    samples::{account, key, member, new_operator, note, signed_in},
};

const KEYS: &str =
    "INSERT INTO keys (id, account, environment, scopes, restrictions, state, created_at, created_by,
                                      revoked_at, external_id, metadata)";
const SECRETS: &str = "INSERT INTO secrets (key, number, digest, hint, created_at)";
const BROUGHT: &str = "INSERT INTO secrets (key, number, digest, hint, created_at, lookup, imported_as)";
const ACCOUNTS: &str = "INSERT INTO accounts (id, api, name, external_id, metadata, state, created_at)";
const OPERATORS: &str = "INSERT INTO operators (id, name, abilities, digest, hint, created_at)";
const AUDIT: &str = "INSERT INTO audit_events (number, id, at, actor, action, account, detail, hash)";
const MEMBERS: &str =
    "INSERT INTO members (id, account, email, role, oidc_issuer, oidc_subject, created_at, created_by)";
const SESSIONS: &str = "INSERT INTO sessions (id, member, digest, method, created_at, seen_at, expires_at)";
const LINKS: &str = "INSERT INTO links (id, member, digest, purpose, created_at, expires_at)";
const NODES: &str =
    "INSERT INTO feed_node (incarnation, name, place, lease_ms, leases, profiles, version, acked,
                                            renew_count, joined_at, renewed_at)";
const RECEIPTS: &str = "INSERT INTO receipts (seq, via, guaranteed_by, completed_at, confirmed, pending)";

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

/// Refused by a rule, that is, and not for being no SQL.
fn assert_refused(outcome: Result<(), String>, statement: &str) {
    let refusal = outcome.expect_err(statement);
    let rules = [
        "violates",
        "invalid input syntax",
        "keeps its",
        "stays its",
        "is taken",
        "never deleted",
        "never truncated",
        "cannot truncate a table referenced",
    ];
    assert!(rules.iter().any(|rule| refusal.contains(rule)), "{statement}: {refusal}");
}

/// `ZERO` and `ZERO32` are sixteen and thirty-two bytes of nothing, `NEW32` thirty-two that nobody has, `SHORT` is one
/// byte.
fn written(statement: &str) -> String {
    statement
        .replace("ZERO32", "decode(repeat('00', 32), 'hex')")
        .replace("NEW32", "decode(repeat('07', 32), 'hex')")
        .replace("SHORT", "'\\x00'::bytea")
        .replace("ZERO", "'00000000-0000-0000-0000-000000000000'::uuid")
}

fn all_are_refused(fixture: &Fixture, rules: &[String]) {
    for broken in rules {
        assert_refused(fixture.raw(&written(broken)), broken);
    }
}

/// Each of these breaks one rule of a database with an operator, an account with an external id, and its one key.
#[tokio::test]
async fn every_rule_of_the_schema_is_kept() {
    let fixture = Fixture::new().await;
    fixture.store.initialise(new_operator("all"), note("init")).await.unwrap();
    let owner = account(&fixture.store).await;
    key(&fixture.store, owner).await;
    fixture.raw("UPDATE accounts SET external_id = 'e'; UPDATE keys SET external_id = 'e'").unwrap();
    let of_heads = [
        "INSERT INTO feed_head (one, installation, audit_hash) VALUES (2, ZERO, ZERO32)",
        "INSERT INTO feed_head (one, installation, audit_hash) VALUES (1, ZERO, ZERO32)",
        "UPDATE feed_head SET installation = NULL",
        "UPDATE feed_head SET mark = NULL",
        "UPDATE feed_head SET seq = -1",
        "UPDATE feed_head SET audit_number = -1",
        "UPDATE feed_head SET audit_hash = SHORT",
        "INSERT INTO feed_log (seq, kind, id, mark) VALUES (1, 'key', uuid_send(ZERO), ZERO)",
        "INSERT INTO feed_log (seq, kind, id, mark) VALUES (99, 'thing', uuid_send(ZERO), ZERO)",
        "INSERT INTO feed_log (seq, kind, id, mark) VALUES (99, 'key', ZERO32, ZERO)",
        "INSERT INTO feed_log (seq, kind, id, mark) VALUES (99, 'digest', uuid_send(ZERO), ZERO)",
        "INSERT INTO feed_log (seq, kind, id, mark) VALUES (99, 'key', uuid_send(ZERO), NULL)",
        "INSERT INTO schema_versions (version, oldest_reader) VALUES (1, 1)",
        "INSERT INTO schema_versions (version, oldest_reader) VALUES (0, 1)",
        "INSERT INTO schema_versions (version, oldest_reader) VALUES (98, 99)",
        "INSERT INTO idempotency VALUES ('p', 'k', SHORT, '', 1)",
        "INSERT INTO idempotency VALUES ('p', 'k', ZERO32, '', 1), ('p', 'k', ZERO32, '', 1)",
        "INSERT INTO settings VALUES ('a', ''), ('a', '')",
        "INSERT INTO audit_subjects VALUES ('a', 1), ('a', 1)",
    ];
    all_are_refused(&fixture, &of_heads.map(ToOwned::to_owned));
    let rules = [
        // Accounts.
        format!("{ACCOUNTS} SELECT id, api, name, NULL, metadata, state, created_at FROM accounts"),
        format!("{ACCOUNTS} SELECT ZERO, api, name, external_id, metadata, state, created_at FROM accounts"),
        "UPDATE accounts SET id = ZERO".to_owned(),
        "UPDATE accounts SET api = ''".to_owned(),
        "UPDATE accounts SET external_id = ''".to_owned(),
        "UPDATE accounts SET metadata = '[]'".to_owned(),
        "UPDATE accounts SET metadata = '{'".to_owned(),
        "UPDATE accounts SET state = 'gone'".to_owned(),
        "DELETE FROM accounts".to_owned(),
        "TRUNCATE accounts".to_owned(),
        "TRUNCATE accounts CASCADE".to_owned(),
        // Keys.
        format!(
            "{KEYS} SELECT id, account, 'live', '[]', '{{}}', 'active', 1, 'x', NULL, NULL, '{{}}' FROM keys"
        ),
        format!(
            "{KEYS} SELECT ZERO, account, 'live', '[]', '{{}}', 'active', 1, 'x', NULL, 'e', '{{}}' FROM keys"
        ),
        format!("{KEYS} VALUES (ZERO, ZERO, 'live', '[]', '{{}}', 'active', 1, 'x', NULL, NULL, '{{}}')"),
        "UPDATE keys SET id = ZERO".to_owned(),
        "UPDATE keys SET account = ZERO".to_owned(),
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
        "TRUNCATE keys CASCADE".to_owned(),
        // Secrets.
        format!("{SECRETS} SELECT key, 1, NEW32, '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 2, digest, '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 2, (SELECT digest FROM operators), '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 0, NEW32, '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 65536, NEW32, '', 1 FROM secrets"),
        format!("{SECRETS} SELECT key, 2, SHORT, '', 1 FROM secrets"),
        format!("{SECRETS} VALUES (ZERO, 1, NEW32, '', 1)"),
        "UPDATE secrets SET key = ZERO".to_owned(),
        "UPDATE secrets SET lookup = ''".to_owned(),
        "UPDATE secrets SET imported_as = digest".to_owned(),
        "UPDATE secrets SET lookup = 'a', imported_as = SHORT".to_owned(),
        "UPDATE secrets SET lookup = 'a', hash = 'h'".to_owned(),
        "UPDATE secrets SET lookup = 'a', imported_as = digest, hash = ''".to_owned(),
        "UPDATE secrets SET lookup = 'a', imported_as = NEW32, hash = 'h'".to_owned(),
        format!(
            "{BROUGHT} SELECT key, 1 + n, sha256(n::text::bytea), '', 1, 'a', (SELECT digest FROM secrets LIMIT 1) FROM secrets, (SELECT 1 AS n UNION SELECT 2) AS two"
        ),
        "UPDATE secrets SET number = 2".to_owned(),
        "UPDATE secrets SET digest = NEW32".to_owned(),
        "TRUNCATE secrets".to_owned(),
        // Operators.
        format!("{OPERATORS} SELECT id, '', 'all', NEW32, '', 1 FROM operators"),
        format!("{OPERATORS} SELECT ZERO, '', 'all', digest, '', 1 FROM operators"),
        format!("{OPERATORS} SELECT ZERO, '', 'all', digest, '', 1 FROM secrets"),
        format!("{OPERATORS} VALUES (ZERO, '', 'all', SHORT, '', 1)"),
        "UPDATE operators SET id = ZERO".to_owned(),
        "UPDATE operators SET digest = NEW32".to_owned(),
        "UPDATE operators SET abilities = ''".to_owned(),
        "DELETE FROM operators".to_owned(),
        "TRUNCATE operators".to_owned(),
        // The trail.
        format!("{AUDIT} SELECT 1, ZERO, 1, '', '', NULL, '{{}}', ZERO32"),
        format!("{AUDIT} SELECT 0, ZERO, 1, '', '', NULL, '{{}}', ZERO32"),
        format!("{AUDIT} SELECT 99, id, 1, '', '', NULL, '{{}}', ZERO32 FROM audit_events LIMIT 1"),
        format!("{AUDIT} SELECT 99, ZERO, 1, '', '', NULL, '{{', ZERO32"),
        format!("{AUDIT} SELECT 99, ZERO, 1, '', '', NULL, '{{}}', SHORT"),
    ];
    all_are_refused(&fixture, &rules);
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
        format!("{MEMBERS} SELECT ZERO, account, email, 'viewer', NULL, NULL, 1, 'x' FROM members"),
        format!("{MEMBERS} VALUES (ZERO, ZERO, 'b@x', 'viewer', NULL, NULL, 1, 'x')"),
        "UPDATE members SET account = ZERO".to_owned(),
        "UPDATE members SET email = ''".to_owned(),
        "UPDATE members SET email = 'Ada@example.com'".to_owned(),
        "UPDATE members SET role = 'owner'".to_owned(),
        "UPDATE members SET role = NULL".to_owned(),
        "UPDATE members SET oidc_issuer = 'https://id.example'".to_owned(),
        "UPDATE members SET oidc_subject = '7'".to_owned(),
        "DELETE FROM members".to_owned(),
        // Sessions.
        format!("{SESSIONS} SELECT id, member, NEW32, 'link', 1, 1, 1 FROM sessions"),
        format!("{SESSIONS} SELECT ZERO, member, digest, 'link', 1, 1, 1 FROM sessions"),
        format!("{SESSIONS} VALUES (ZERO, ZERO, NEW32, 'link', 1, 1, 1)"),
        "UPDATE sessions SET member = ZERO".to_owned(),
        "UPDATE sessions SET digest = SHORT".to_owned(),
        "UPDATE sessions SET method = 'guess'".to_owned(),
        "UPDATE sessions SET expires_at = NULL".to_owned(),
        // Links.
        format!("{LINKS} SELECT id, member, NEW32, 'sign_in', 1, 1 FROM links"),
        format!("{LINKS} SELECT ZERO, member, digest, 'sign_in', 1, 1 FROM links"),
        format!("{LINKS} VALUES (ZERO, ZERO, NEW32, 'sign_in', 1, 1)"),
        "UPDATE links SET member = ZERO".to_owned(),
        "UPDATE links SET digest = SHORT".to_owned(),
        "UPDATE links SET purpose = 'lunch'".to_owned(),
        "UPDATE links SET oidc_issuer = 'https://id.example'".to_owned(),
        "UPDATE links SET oidc_subject = '7'".to_owned(),
        "UPDATE links SET expires_at = NULL".to_owned(),
    ];
    all_are_refused(&fixture, &rules);
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
        format!("{CLIENTS} VALUES (ZERO, 'a', ZERO, 'n', 'confidential', '[]', '[]', 0, 0, 1, 'x')"),
        "UPDATE clients SET id = ZERO WHERE account IS NOT NULL".to_owned(),
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
        "TRUNCATE clients".to_owned(),
        "TRUNCATE clients CASCADE".to_owned(),
        // Clients' secrets.
        format!("{CLIENT_SECRETS} SELECT client, number, NEW32, '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 2, digest, '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 0, NEW32, '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 65536, NEW32, '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} SELECT client, 2, SHORT, '', 1 FROM client_secrets LIMIT 1"),
        format!("{CLIENT_SECRETS} VALUES (ZERO, 1, NEW32, '', 1)"),
        format!(
            "{CLIENT_SECRETS} SELECT client, 2, (SELECT digest FROM secrets LIMIT 1), '', 1 FROM client_secrets LIMIT 1"
        ),
        format!(
            "{SECRETS} SELECT key, 9, (SELECT digest FROM client_secrets LIMIT 1), '', 1 FROM secrets LIMIT 1"
        ),
        "UPDATE client_secrets SET client = ZERO".to_owned(),
        "UPDATE client_secrets SET number = number + 7".to_owned(),
        "UPDATE client_secrets SET digest = NEW32".to_owned(),
        "DELETE FROM client_secrets".to_owned(),
        "TRUNCATE client_secrets".to_owned(),
        // Grants and access tokens.
        format!(
            "{GRANTS} SELECT ZERO, account, 'live', '[]', '{{}}', 'active', 1, 'x', '{{}}', ZERO FROM keys LIMIT 1"
        ),
        "UPDATE keys SET client = NULL WHERE client IS NOT NULL".to_owned(),
        "UPDATE keys SET client = ZERO WHERE client IS NOT NULL".to_owned(),
        "UPDATE keys SET client = (SELECT client FROM client_secrets LIMIT 1) WHERE client IS NULL"
            .to_owned(),
        "UPDATE secrets SET expires_at = NULL WHERE expires_at IS NOT NULL".to_owned(),
        "UPDATE secrets SET expires_at = 1 WHERE expires_at IS NOT NULL".to_owned(),
        "UPDATE secrets SET expires_at = 1 WHERE expires_at IS NULL".to_owned(),
        // Consents.
        format!("{CONSENTS} SELECT client, member, '[]', 1 FROM consents"),
        format!("{CONSENTS} SELECT ZERO, member, '[]', 1 FROM consents"),
        format!("{CONSENTS} SELECT client, ZERO, '[]', 1 FROM consents"),
        "UPDATE consents SET scopes = 'all'".to_owned(),
        "UPDATE consents SET granted_at = NULL".to_owned(),
        "DELETE FROM links; DELETE FROM members".to_owned(),
        // Codes.
        format!("{CODES} SELECT digest, client, member, '', challenge, '[]', 1, 1 FROM codes LIMIT 1"),
        format!("{CODES} SELECT SHORT, client, member, '', challenge, '[]', 1, 1 FROM codes LIMIT 1"),
        format!("{CODES} SELECT NEW32, ZERO, member, '', challenge, '[]', 1, 1 FROM codes LIMIT 1"),
        format!("{CODES} SELECT NEW32, client, ZERO, '', challenge, '[]', 1, 1 FROM codes LIMIT 1"),
        "UPDATE codes SET challenge = SHORT".to_owned(),
        "UPDATE codes SET scopes = 'all'".to_owned(),
        "UPDATE codes SET key = ZERO".to_owned(),
        // Refresh tokens.
        format!("{REFRESH_TOKENS} SELECT digest, key, 1, 1, 1 FROM refresh_tokens LIMIT 1"),
        format!("{REFRESH_TOKENS} SELECT SHORT, key, 1, 1, 1 FROM refresh_tokens LIMIT 1"),
        format!("{REFRESH_TOKENS} VALUES (NEW32, ZERO, 1, 1, 1)"),
        "UPDATE refresh_tokens SET access = 0".to_owned(),
        "UPDATE refresh_tokens SET access = 65536".to_owned(),
        "UPDATE refresh_tokens SET predecessor = SHORT".to_owned(),
        "UPDATE refresh_tokens SET expires_at = NULL".to_owned(),
    ];
    all_are_refused(&fixture, &rules);
}

#[tokio::test]
async fn every_rule_about_nodes_and_receipts_is_kept() {
    let fixture = Fixture::new().await;
    let rules = [
        format!("{NODES} VALUES (ZERO, '', SHORT, 1, '{{}}', '{{}}', '', -1, 0, 1, 1)"),
        format!("{NODES} VALUES (ZERO, '', ZERO32, 0, '{{}}', '{{}}', '', -1, 0, 1, 1)"),
        format!("{NODES} VALUES (ZERO, '', ZERO32, 1, '[]', '{{}}', '', -1, 0, 1, 1)"),
        format!("{NODES} VALUES (ZERO, '', ZERO32, 1, '{{}}', '[]', '', -1, 0, 1, 1)"),
        format!("{NODES} VALUES (ZERO, '', ZERO32, 1, '{{}}', '{{}}', '', -2, 0, 1, 1)"),
        format!("{NODES} VALUES (ZERO, '', ZERO32, 1, '{{}}', '{{}}', '', -1, -1, 1, 1)"),
        format!(
            "{NODES} SELECT ZERO, '', ZERO32, 1, '{{}}', '{{}}', '', -1, 0, 1, 1 FROM generate_series(1, 2)"
        ),
        format!("{RECEIPTS} VALUES (0, NULL, 1, NULL, '[]', '[]')"),
        format!("{RECEIPTS} VALUES (1, 'hope', 1, 1, '[]', '[]')"),
        format!("{RECEIPTS} VALUES (1, 'ack', 1, NULL, '[]', '[]')"),
        format!("{RECEIPTS} VALUES (1, NULL, 1, 1, '[]', '[]')"),
        format!("{RECEIPTS} VALUES (1, NULL, 1, NULL, '{{}}', '[]')"),
        format!("{RECEIPTS} VALUES (1, NULL, 1, NULL, '[]', '{{}}')"),
        format!("{RECEIPTS} VALUES (1, NULL, 1, NULL, '[]', '[]'), (1, NULL, 1, NULL, '[]', '[]')"),
    ];
    all_are_refused(&fixture, &rules);
}

#[tokio::test]
async fn every_rule_of_usage_is_kept() {
    let fixture = Fixture::new().await;
    let rules = [
        "INSERT INTO batches VALUES (ZERO, 0)",
        "INSERT INTO batches VALUES (ZERO, 1), (ZERO, 1)",
        "INSERT INTO counts VALUES (ZERO, 1, 'a', 65536, 'live', 'allowed', 1)",
        "INSERT INTO counts VALUES (ZERO, 1, 'a', -1, 'live', 'allowed', 1)",
        "INSERT INTO counts VALUES (ZERO, 1, 'a', 1, 'stage', 'allowed', 1)",
        "INSERT INTO counts VALUES (ZERO, 1, 'a', 1, 'live', '', 1)",
        "INSERT INTO counts VALUES (ZERO, 1, 'a', 1, 'live', 'allowed', 0)",
        "INSERT INTO counts VALUES (ZERO, 1, 'a', 0, '', 'unknown', 1), (ZERO, 1, 'a', 0, '', 'unknown', 1)",
        "INSERT INTO last_uses (key, secret, at) VALUES (ZERO, 0, 1)",
        "INSERT INTO last_uses (key, secret, at) VALUES (ZERO, 1, 1), (ZERO, 1, 1)",
        "INSERT INTO denials (api, key, at, request, code, detail) VALUES ('', NULL, 1, NULL, 'x', '')",
        "INSERT INTO denials (api, key, at, request, code, detail) VALUES ('', NULL, 1, ZERO, '', '')",
    ];
    all_are_refused(&fixture, &rules.map(ToOwned::to_owned));
}
