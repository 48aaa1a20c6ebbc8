//! What an application has when a member has allowed it something, put straight into the database of a server that runs.
//!
//! How it comes there, by the pages and the token endpoint, isn't what is tested with it.

use std::process::Command;

use claviger_model::{
    AccountId, ClientId, Entropy, Environment, KeyId, MemberId,
    key::{Alphabet, Checksum, KeyFormat},
};
use claviger_testkit::{Finished, Server};
use serde_json::json;
use sha2::{Digest, Sha256};

/// 2100-01-01T00:00:00Z.
const LATER: u64 = 4_102_444_800_000;

/// An application, a member who has allowed it everything, and the grant that it has for it.
pub(crate) struct Granted {
    pub(crate) account: String,
    pub(crate) client: String,
    pub(crate) client_secret: String,
    pub(crate) member: String,
    /// The grant.
    pub(crate) key: String,
    /// Its access token.
    pub(crate) token: String,
}

impl Granted {
    /// A new application, and a new member of `account`.
    #[track_caller]
    pub(crate) fn new(server: &Server, account: &str) -> Self {
        let operator = server.operator();
        let order = json!({"name": "Acme Reports", "redirect_uris": ["https://app.example/cb"]});
        let made = operator.post("/v1/oauth-clients", &order).expect(201).json();
        let text = |field: &str| made[field].as_str().expect("a confidential application has it").to_owned();
        Self::by(server, account, &text("id"), text("client_secret"))
    }

    /// The same of an application that there is.
    #[track_caller]
    pub(crate) fn by(server: &Server, account: &str, client: &str, client_secret: String) -> Self {
        let operator = server.operator();
        let members = operator.get(&format!("/v1/members?account_id={account}")).expect(200).json();
        let count = members["items"].as_array().map_or(0, Vec::len);
        let invited =
            json!({"account_id": account, "email": format!("grants-{count}@example.com"), "role": "viewer"});
        let made = operator.post("/v1/members", &invited).expect(201).json();
        let member = made["member"]["id"].as_str().expect("a member has an id");
        let id: MemberId = member.parse().expect("it is one");
        // The member has one grant, so that it can have their number.
        let key = KeyId::from_bytes(id.to_bytes());
        let token = token(&id);
        insert(server, client, account, id, key, &token);
        let (account, client, member) = (account.to_owned(), client.to_owned(), member.to_owned());
        Self { account, client, client_secret, member, key: key.to_string(), token }
    }

    /// Where it is taken back.
    pub(crate) fn withdrawal(&self) -> String {
        let Self { account, client, member, .. } = self;
        format!("/v1/accounts/{account}/connected-apps/{client}/{member}/withdraw")
    }
}

/// Randomness that a member's id decides.
struct OfMember([u8; 16]);

impl Entropy for OfMember {
    fn fill(&self, bytes: &mut [u8]) {
        for (count, block) in (0u64..).zip(bytes.chunks_mut(32)) {
            let digest = Sha256::new().chain_update(self.0).chain_update(count.to_be_bytes()).finalize();
            block.copy_from_slice(&digest[..block.len()]);
        }
    }
}

fn token(member: &MemberId) -> String {
    let alphabet = Alphabet::new("base62").expect("there is such an alphabet");
    let format = KeyFormat::new("cic_oat_", None, 43, alphabet, Checksum::Crc32).expect("it is a format");
    let minted = format.mint(Environment::Live, &OfMember(member.to_bytes())).expect("tokens are live");
    minted.expose().to_owned()
}

fn insert(server: &Server, client: &str, account: &str, member: MemberId, key: KeyId, token: &str) {
    let account: AccountId = account.parse().expect("an account has an id");
    let client: ClientId = client.parse().expect("an application has an id");
    let hex = |uuid: String| uuid.replace('-', "");
    let (account, client) = (hex(account.to_uuid_text()), hex(client.to_uuid_text()));
    let (owner, key) = (hex(member.to_uuid_text()), hex(key.to_uuid_text()));
    let digest = claviger_model::Digest::of(token.as_bytes()).to_hex();
    let hint = &token[..14];
    let statements = format!(
        "PRAGMA foreign_keys = 1;
         BEGIN IMMEDIATE;
         INSERT INTO consents (client, member, scopes, granted_at)
         VALUES (x'{client}', x'{owner}', '\"all\"', 1700000000000);
         INSERT INTO keys (id, account, name, environment, scopes, restrictions, state, created_at, created_by,
                           expires_at, metadata, client)
         VALUES (x'{key}', x'{account}', 'Acme Reports', 'live', '\"all\"', '{{}}', 'active', 1700000000000,
                 'member:{member}', {LATER}, '{{}}', x'{client}');
         INSERT INTO secrets (key, number, digest, hint, created_at, expires_at)
         VALUES (x'{key}', 1, x'{digest}', '{hint}', 1700000000000, {LATER});
         COMMIT;"
    );
    let mut shell = Command::new("sqlite3");
    shell.args(["-batch", "-bail", "-cmd", ".timeout 10000"]).arg(server.data().join("claviger.db"));
    let ran = shell.arg(statements).output().expect("sqlite3 is installed: ./test installs it");
    assert_eq!(Finished::from(ran).expect(0).err, "");
}
