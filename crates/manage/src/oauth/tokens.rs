//! Codes, refresh tokens and client secrets for access tokens; and what a token is, and its end.

use std::{sync::Arc, time::Duration};

use claviger_model::{
    Digest, Environment, EventId, KeyId, PlainKey, RequestId, Scopes, Timestamp,
    oauth::{ClientKind, scopes_asked},
    profile::{OauthRules, Profile},
};
use claviger_store::{
    AuditNote, Authority, ClientRow, Exchange, Exchanged, KeyChange, KeyLimits, KeyRow, NewGrant, NewKey,
    NewRefresh, Refreshing, StoreError,
};
use claviger_verify::{
    Indeterminate, Inspected,
    feed::{ClientRecord, Seq},
};
use serde_json::{Value, json};

use super::{
    authorize::{asked, is_of},
    rules,
};
use crate::{GrantType, Manager, Refusal};

/// How long a refresh token that was used may be used again by who has lost the answer.
const REPETITION: Duration = Duration::from_secs(10);

/// That a client is who it says, as its secret or its kind shows, and by which request it came. Only
/// [`Manager::authenticate_client`] makes one.
#[derive(Clone, Debug)]
pub struct ClientPermit {
    record: Arc<ClientRecord>,
    kind: ClientKind,
    request: RequestId,
}

impl ClientPermit {
    /// Whether its secret has shown who it is, or there is none that could.
    pub(super) fn kind(&self) -> ClientKind {
        self.kind
    }
}

/// What a client gets.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access: PlainKey,
    /// The refresh token, where there is one.
    pub refresh: Option<PlainKey>,
    /// How long the access token lasts.
    pub lasts: Duration,
    /// What it may do.
    pub scopes: Scopes,
}

/// Why a client gets nothing (RFC 6749 §5.2, RFC 8707 §2).
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Something is missing or malformed.
    #[error("{0}")]
    InvalidRequest(String),
    /// It isn't known who asks.
    #[error("the client is unknown, or its secret wrong")]
    InvalidClient,
    /// The code or refresh token is wrong, used, old, or another client's.
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// What was granted is switched off, and may be switched on again: the client keeps what it has.
    #[error("what was granted is switched off for now: keep the refresh token, and try again later")]
    Disabled,
    /// The client may not have tokens this way.
    #[error("{0}")]
    UnauthorizedClient(&'static str),
    /// More than may be asked for.
    #[error("the scope is unknown, malformed, or more than may be asked for")]
    InvalidScope,
    /// Another api is meant.
    #[error("the resource isn't this api")]
    InvalidTarget,
    /// It couldn't be done now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl Manager {
    /// The client that says its id and, if it has one, its secret. Secrets are known from memory, as keys are: one that was
    /// replaced or whose client was revoked works nowhere once that call has returned.
    pub async fn authenticate_client(
        &self,
        profile: &Profile,
        id: &str,
        secret: Option<&str>,
        request: RequestId,
    ) -> Result<ClientPermit, TokenError> {
        let client = match (id.parse(), secret) {
            (Ok(id), Some(secret)) => {
                self.verifier.client(profile, id, secret.as_bytes()).map_err(cannot_know)?
            }
            (Ok(_), None) => Box::pin(self.public_client(profile, id)).await?,
            (Err(_no_id), _) => None,
        };
        let kind = if secret.is_some() { ClientKind::Confidential } else { ClientKind::Public };
        client.map(|record| ClientPermit { record, kind, request }).ok_or(TokenError::InvalidClient)
    }

    async fn public_client(
        &self,
        profile: &Profile,
        id: &str,
    ) -> Result<Option<Arc<ClientRecord>>, StoreError> {
        let found = self.client_called(profile, id).await?;
        let public = found.filter(|client| client.kind == ClientKind::Public);
        let record = |ClientRow { id, api, account, name, scopes, introspects, .. }| {
            Arc::new(ClientRecord { id, api, account, name, scopes, introspects })
        };
        Ok(public.map(record))
    }

    /// Tokens for a code (RFC 6749 §4.1.3). A code that comes a second time ends what came of it.
    pub async fn redeem_code(
        &self,
        profile: &Profile,
        client: &ClientPermit,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Tokens, TokenError> {
        const WRONG: TokenError = TokenError::InvalidGrant("the code is wrong, used, or older than a minute");
        let rules = rules(profile)?;
        let presented = Digest::of(code.as_bytes());
        let row = self.store.find_code(presented).await?.filter(|row| row.client == client.record.id);
        let row = row.ok_or(WRONG)?;
        if row.redirect_uri != redirect_uri {
            return Err(TokenError::InvalidGrant("redirect_uri is another one than the code was sent to"));
        }
        let proved = row.challenge.is_proved_by(verifier);
        if !proved.map_err(|error| TokenError::InvalidRequest(error.to_string()))? {
            return Err(TokenError::InvalidGrant(
                "code_verifier isn't the one that the code was asked for with",
            ));
        }
        let now = self.clock.now();
        let ends_at = now.plus(rules.grant_lasts);
        let (digest, refresh) = self.mint_oauth(&rules.refresh);
        let created_by = format!("member:{}", row.member);
        let (key, access) =
            self.grant_key(rules, client, row.account, created_by, row.scopes.clone(), ends_at);
        let scopes = key.scopes.clone();
        let detail = json!({"client": client.record.id, "scopes": scopes, "hint": key.secret.hint});
        let (note, replayed) = (
            self.client_note(client, now, "grant.issue", detail),
            self.client_note(client, now, "grant.revoke", json!({"because": "its code was used twice"})),
        );
        let grant = NewGrant {
            key,
            client: client.record.id,
            refresh: Some(NewRefresh { digest, expires_at: ends_at }),
        };
        let exchanged = self
            .store
            .exchange(Exchange::Code { digest: presented, replayed: replayed.into() }, grant, note)
            .await;
        let committed = exchanged.map_err(|error| or_no_such(error, WRONG))?;
        self.count_grant(now);
        self.reached(committed.seq, profile, &committed.value).await;
        match committed.value {
            Exchanged::Granted(_) => {
                self.figures.issued(GrantType::Code);
                Ok(Tokens { access, refresh: Some(refresh), lasts: rules.access_lasts, scopes })
            }
            Exchanged::Replayed(_) | Exchanged::Disabled => Err(WRONG),
        }
    }

    /// New tokens for a refresh token (RFC 6749 §6). One that was stolen, as its second use shows, ends the grant.
    pub async fn refresh_grant(
        &self,
        profile: &Profile,
        client: &ClientPermit,
        token: &str,
        scope: Option<&str>,
    ) -> Result<Tokens, TokenError> {
        const WRONG: TokenError = TokenError::InvalidGrant(
            "the refresh token is wrong, used or old, or what was granted has ended",
        );
        let rules = rules(profile)?;
        let presented = Digest::of(token.as_bytes());
        let row = self.store.find_refresh(presented).await?;
        let row = row.filter(|row| row.key.client == Some(client.record.id)).ok_or(WRONG)?;
        if let Some(scope) = scope {
            // What was granted stays, also where the application may ask for less by now (RFC 6749 §6).
            let wanted = match &row.key.scopes {
                Scopes::Listed(granted) => scopes_asked(Some(scope), granted),
                Scopes::All => asked(profile, &client.record.scopes, Some(scope)),
            };
            wanted.or(Err(TokenError::InvalidScope))?;
        }
        let now = self.clock.now();
        let left = u64::try_from(row.expires_at.as_millis() - now.as_millis()).or(Err(WRONG))?;
        let lasts = rules.access_lasts.min(Duration::from_millis(left));
        let (access, plain) = self.mint_access(rules, now.plus(lasts));
        let (digest, refresh) = self.mint_oauth(&rules.refresh);
        let detail = json!({"client": client.record.id, "hint": access.hint});
        let note = self.client_note(client, now, "grant.refresh", detail);
        let because = json!({"because": "a refresh token was used twice"});
        let refreshing = Refreshing {
            presented,
            access,
            refresh: NewRefresh { digest, expires_at: row.expires_at },
            repeated_since: now.minus(REPETITION),
            stolen: self.client_note(client, now, "grant.revoke", because),
        };
        let refreshed = self.store.refresh(refreshing, note).await;
        let committed = refreshed.map_err(|error| or_no_such(error, WRONG))?;
        self.reached(committed.seq, profile, &committed.value).await;
        match committed.value {
            Exchanged::Granted(key) => {
                self.figures.issued(GrantType::Refresh);
                Ok(Tokens { access: plain, refresh: Some(refresh), lasts, scopes: key.scopes })
            }
            Exchanged::Replayed(_) => Err(WRONG),
            Exchanged::Disabled => Err(TokenError::Disabled),
        }
    }

    /// A token for the client's own account (RFC 6749 §4.4).
    pub async fn client_grant(
        &self,
        profile: &Profile,
        client: &ClientPermit,
        scope: Option<&str>,
    ) -> Result<Tokens, TokenError> {
        const NONE: TokenError =
            TokenError::UnauthorizedClient("this application has no account of its own to act for");
        let rules = rules(profile)?;
        let account = client.record.account.ok_or(NONE)?;
        let scopes = asked(profile, &client.record.scopes, scope).or(Err(TokenError::InvalidScope))?;
        let now = self.clock.now();
        let ends_at = now.plus(rules.access_lasts);
        let created_by = format!("client:{}", client.record.id);
        let (key, access) = self.grant_key(rules, client, account, created_by, scopes.clone(), ends_at);
        let detail = json!({"client": client.record.id, "scopes": scopes, "hint": key.secret.hint});
        let note = self.client_note(client, now, "grant.issue", detail);
        let grant = NewGrant { key, client: client.record.id, refresh: None };
        let exchanged = self.store.exchange(Exchange::Itself, grant, note).await;
        let committed = exchanged.map_err(|error| or_no_such(error, NONE))?;
        self.count_grant(now);
        self.reached(committed.seq, profile, &committed.value).await;
        self.figures.issued(GrantType::Client);
        Ok(Tokens { access, refresh: None, lasts: rules.access_lasts, scopes })
    }

    /// Whether every resource that is asked for is this api (RFC 8707 §2).
    pub fn check_target<'a>(
        &self,
        profile: &Profile,
        mut resources: impl Iterator<Item = &'a str>,
    ) -> Result<(), TokenError> {
        if resources.all(|resource| is_of(profile, resource)) {
            Ok(())
        } else {
            Err(TokenError::InvalidTarget)
        }
    }

    /// What a token or key of the api is, if it works (RFC 7662), and the application that holds it.
    pub async fn introspect(
        &self,
        profile: &Profile,
        client: &ClientPermit,
        token: &str,
    ) -> Result<Option<Inspected>, TokenError> {
        if !client.record.introspects {
            return Err(TokenError::UnauthorizedClient("this application may not introspect"));
        }
        self.verifier.inspect(profile, token.as_bytes()).await.map_err(cannot_know)
    }

    /// Ends the grant that an access or refresh token of this client is of (RFC 7009). A token that is none of its own is as
    /// good as gone. Returns when no node accepts any token of the grant.
    pub async fn revoke_token(
        &self,
        profile: &Profile,
        client: &ClientPermit,
        token: &str,
    ) -> Result<(), TokenError> {
        let digest = Digest::of(token.as_bytes());
        let found = match self.store.find_refresh(digest).await? {
            Some(row) => Some(row.key),
            None => self.store.find_secret(digest).await?.map(|found| found.key),
        };
        let Some(key) = found.filter(|key: &KeyRow| key.client == Some(client.record.id)) else {
            return Ok(());
        };
        let note = self.client_note(
            client,
            self.clock.now(),
            "grant.revoke",
            json!({"because": "its client asked"}),
        );
        let change = KeyChange::Revoke;
        let committed = self.store.change_key(key.id, None, change, KeyLimits::default(), None, note).await?;
        let receipt = self.narrowed(committed.seq, Some(&profile.name)).await;
        if receipt.complete {
            return Ok(());
        }
        // RFC 7009 §2.2.1: "the client must assume the token still exists".
        let pending = format!("{} node(s) may still accept it", receipt.pending.len());
        Err(Refusal::Unavailable(StoreError::Unavailable(pending)).into())
    }

    /// A key for the client to hold, and its first access token.
    fn grant_key(
        &self,
        rules: &OauthRules,
        client: &ClientPermit,
        account: claviger_model::AccountId,
        created_by: String,
        scopes: Scopes,
        ends_at: Timestamp,
    ) -> (NewKey, PlainKey) {
        let now = self.clock.now();
        let (secret, plain) = self.mint_access(rules, ends_at.min(now.plus(rules.access_lasts)));
        let key = NewKey {
            id: KeyId::mint(now, &*self.entropy),
            account,
            name: Some(client.record.name.clone()),
            environment: Environment::Live,
            scopes,
            restrictions: claviger_model::Restrictions::default(),
            expires_at: Some(ends_at),
            created_at: now,
            created_by,
            external_id: None,
            metadata: json!({}),
            secret,
        };
        (key, plain)
    }

    /// What the trail says of what a client does for itself: its right is looked at again with the row of the client.
    fn client_note(
        &self,
        client: &ClientPermit,
        at: Timestamp,
        action: &'static str,
        detail: Value,
    ) -> AuditNote {
        AuditNote {
            id: EventId::mint(at, &*self.entropy),
            at,
            actor: format!("client:{}", client.record.id),
            authority: Authority::System,
            action,
            request: Some(client.request.to_string()),
            detail,
        }
    }

    /// Waits until tokens that were given work everywhere, or those that were taken back nowhere.
    async fn reached(&self, seq: Seq, profile: &Profile, exchanged: &Exchanged) {
        let api: &Arc<str> = &profile.name;
        match exchanged {
            Exchanged::Granted(_) => self.widened(seq, Some(api)).await,
            Exchanged::Replayed(_) => self.narrowed(seq, Some(api)).await,
            Exchanged::Disabled => return,
        };
    }
}

fn cannot_know(indeterminate: Indeterminate) -> TokenError {
    StoreError::Unavailable(format!("keys and clients can't be looked up: {indeterminate}")).into()
}

fn or_no_such(error: StoreError, no_such: TokenError) -> TokenError {
    match error {
        StoreError::NotFound => no_such,
        other => other.into(),
    }
}
