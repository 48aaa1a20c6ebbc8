//! Applications: register, list, change, rotate, revoke.

use std::{net::IpAddr, sync::Arc, time::Duration};

use claviger_model::{
    Ability, AccountId, ClientId, PlainKey, RequestId, Scopes,
    oauth::{ClientKind, RedirectUri},
    profile::{OVERLAP_MAX, OauthRules, Profile},
};
use claviger_store::{
    AuditNote, ClientChange, ClientFilter, ClientRow, Idempotency, NewClient, NewSecret, Page, PageRequest,
    StoreError,
};
use serde_json::json;

use super::{hint, rules};
use crate::{Actor, By, Fault, Manager, Receipt, Refusal, check::Faults};

const REDIRECT_URIS_MAX: usize = 32;

/// An application to register.
#[derive(Clone, Debug)]
pub struct ClientOrder {
    /// The api; may be left out where there is one only.
    pub api: Option<String>,
    /// What members read.
    pub name: String,
    /// How it authenticates.
    pub kind: ClientKind,
    /// Where members are sent back to; none for an application that acts for itself alone.
    pub redirect_uris: Vec<RedirectUri>,
    /// What it may ask for: everything by default.
    pub scopes: Option<Scopes>,
    /// The account it acts for by itself (`client_credentials`).
    pub account: Option<AccountId>,
    /// Whether it is known whose it is.
    pub verified: bool,
    /// Whether it may introspect.
    pub introspects: bool,
}

/// A change of an application; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ClientPatch {
    /// New name.
    pub name: Option<String>,
    /// New addresses.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// New scopes. What was granted stays as it is.
    pub scopes: Option<Scopes>,
    /// Whether it is known whose it is.
    pub verified: Option<bool>,
    /// Whether it may introspect.
    pub introspects: Option<bool>,
}

/// An application, with its new secret where it has one: this once.
#[derive(Debug)]
pub struct IssuedClient {
    /// The application.
    pub row: ClientRow,
    /// Its secret; a public one has none.
    pub secret: Option<PlainKey>,
    /// How far the change has come.
    pub receipt: Receipt,
}

/// An application after a change.
#[derive(Debug)]
pub struct ChangedClient {
    /// The application.
    pub row: ClientRow,
    /// How far the change has come.
    pub receipt: Receipt,
}

impl Manager {
    /// Registers an application.
    pub async fn register_client(
        &self,
        by: &By,
        order: ClientOrder,
        idempotency: Option<Idempotency>,
    ) -> Result<IssuedClient, Refusal> {
        by.require(Ability::Manage)?;
        self.first_time(idempotency.as_ref()).await?;
        self.insert_client(by, order, idempotency).await
    }

    /// Registers an application that asks for it by itself (RFC 7591), from so many of a network and no more. Nobody vouches
    /// for it, whatever it says.
    pub async fn register_itself(
        &self,
        order: ClientOrder,
        from: Option<IpAddr>,
        request: RequestId,
    ) -> Result<IssuedClient, Refusal> {
        let profile = self.oauth_api(order.api.as_deref())?;
        if !rules(&profile)?.registration {
            return Err(Refusal::Forbidden("applications don't register themselves here".to_owned()));
        }
        self.people.admit_registration(from, self.clock.now())?;
        let order = ClientOrder { account: None, verified: false, introspects: false, ..order };
        self.insert_client(&By::new(Actor::System, request), order, None).await
    }

    /// Registers one for somebody whose right was checked.
    async fn insert_client(
        &self,
        by: &By,
        order: ClientOrder,
        idempotency: Option<Idempotency>,
    ) -> Result<IssuedClient, Refusal> {
        let profile = self.oauth_api(order.api.as_deref())?;
        let rules = rules(&profile)?;
        let mut faults = Faults::default();
        faults.application_name(&order.name);
        faults.redirect_uris(&order.redirect_uris, order.account.is_some() || order.introspects);
        let scopes = order.scopes.unwrap_or(Scopes::All);
        faults.scopes(&scopes, &profile);
        if order.kind == ClientKind::Public && (order.account.is_some() || order.introspects) {
            faults.add("/kind", "a public application has no secret: it can't act for itself or introspect");
        }
        faults.settle()?;
        let now = self.clock.now();
        let secret = (order.kind == ClientKind::Confidential).then(|| self.client_secret(rules));
        let (secret, plain) = secret.unzip();
        let client = NewClient {
            id: ClientId::mint(now, &*self.entropy),
            api: Arc::clone(&profile.name),
            account: order.account,
            name: order.name,
            kind: order.kind,
            redirect_uris: order.redirect_uris,
            scopes,
            verified: order.verified,
            introspects: order.introspects,
            created_at: now,
            created_by: by.actor.label(),
            secret,
        };
        let detail = json!({
            "api": &*client.api, "name": client.name, "kind": client.kind.as_str(),
            "redirect_uris": client.redirect_uris, "scopes": client.scopes, "account": client.account,
            "verified": client.verified, "introspects": client.introspects,
            "hint": client.secret.as_ref().map(|secret| &secret.hint),
        });
        let note = self.note(by, "client.register", detail);
        let committed = self.store.insert_client(client, idempotency, note).await;
        let committed = committed.map_err(|error| absent(error, "account of this api"))?;
        let receipt = self.widened(committed.seq, Some(&committed.value.api)).await;
        Ok(IssuedClient { row: committed.value, secret: plain, receipt })
    }

    fn client_secret(&self, rules: &OauthRules) -> (NewSecret, PlainKey) {
        let (digest, plain) = self.mint_oauth(&rules.client_secret);
        (NewSecret { digest, hint: hint(&plain), sealed: None, expires_at: None, foreign: None }, plain)
    }

    /// The api called so, or the only one.
    fn oauth_api(&self, name: Option<&str>) -> Result<Arc<Profile>, Refusal> {
        let fault = |detail: &str| Refusal::Invalid(vec![Fault::new("/api", detail)]);
        match name {
            Some(name) => self.apis.get(name).cloned().ok_or_else(|| fault("no api of this name is served")),
            None => self.apis.only().cloned().ok_or_else(|| fault("there are several apis: name one")),
        }
    }

    /// Applications in the order of their registration.
    pub async fn list_clients(
        &self,
        by: &By,
        filter: ClientFilter,
        page: PageRequest<ClientId>,
    ) -> Result<Page<ClientRow, ClientId>, Refusal> {
        by.require(Ability::Read)?;
        Ok(self.store.list_clients(filter, page).await?)
    }

    /// One application.
    pub async fn show_client(&self, by: &By, id: ClientId) -> Result<ClientRow, Refusal> {
        by.require(Ability::Read)?;
        self.client(id).await
    }

    async fn client(&self, id: ClientId) -> Result<ClientRow, Refusal> {
        self.store.find_client(id).await?.ok_or(Refusal::NotFound("application"))
    }

    /// Changes how an application is known, and what it may ask for from now on; waits until it holds everywhere.
    pub async fn patch_client(
        &self,
        by: &By,
        id: ClientId,
        patch: ClientPatch,
    ) -> Result<ChangedClient, Refusal> {
        by.require(Ability::Manage)?;
        let client = self.client(id).await?;
        let profile = self.profile_named(&client.api)?;
        let mut faults = Faults::default();
        if let Some(name) = &patch.name {
            faults.application_name(name);
        }
        if patch.redirect_uris.is_some() || patch.introspects.is_some() {
            let uris = patch.redirect_uris.as_ref().unwrap_or(&client.redirect_uris);
            let introspects = patch.introspects.unwrap_or(client.introspects);
            faults.redirect_uris(uris, client.account.is_some() || introspects);
        }
        if let Some(scopes) = &patch.scopes {
            faults.scopes(scopes, &profile);
        }
        if patch.introspects == Some(true) && client.kind == ClientKind::Public {
            faults.add("/introspects", "a public application has no secret: it can't introspect");
        }
        faults.settle()?;
        let ClientPatch { name, redirect_uris, scopes, verified, introspects } = patch;
        let mut detail = serde_json::Map::new();
        let mut tell = |field: &str, value: Option<serde_json::Value>| {
            detail.extend(value.map(|value| (field.to_owned(), value)));
        };
        tell("name", name.as_ref().map(|name| json!(name)));
        tell("redirect_uris", redirect_uris.as_ref().map(|uris| json!(uris)));
        tell("scopes", scopes.as_ref().map(|scopes| json!(scopes)));
        tell("verified", verified.map(|verified| json!(verified)));
        tell("introspects", introspects.map(|introspects| json!(introspects)));
        if detail.is_empty() {
            return Err(Refusal::Invalid(vec![Fault::new("", "nothing to change")]));
        }
        let note = self.note(by, "client.change", detail.into());
        let change = ClientChange::Describe { name, redirect_uris, scopes, verified, introspects };
        self.narrow_client(id, change, note).await
    }

    /// Gives an application a new secret; the old one works for the overlap. Returns when every node knows of both.
    pub async fn rotate_client(
        &self,
        by: &By,
        id: ClientId,
        overlap: Option<Duration>,
        idempotency: Option<Idempotency>,
    ) -> Result<IssuedClient, Refusal> {
        by.require(Ability::Manage)?;
        let client = self.client(id).await?;
        self.first_time(idempotency.as_ref()).await?;
        if client.kind == ClientKind::Public {
            let detail = "a public application has no secret to rotate".to_owned();
            return Err(Refusal::Forbidden(detail));
        }
        let profile = self.profile_named(&client.api)?;
        let overlap = overlap.unwrap_or(profile.keys.overlap);
        if overlap > OVERLAP_MAX {
            return Err(Refusal::Invalid(vec![Fault::new("/overlap", "must be at most 366d")]));
        }
        let (secret, plain) = self.client_secret(rules(&profile)?);
        let detail = json!({"overlap": claviger_model::write_duration(overlap), "hint": secret.hint});
        let note = self.note(by, "client.rotate", detail);
        let change = ClientChange::Rotate { secret, others_end_at: note.at.plus(overlap), call: idempotency };
        let ChangedClient { row, receipt } = self.narrow_client(id, change, note).await?;
        Ok(IssuedClient { row, secret: Some(plain), receipt })
    }

    /// Ends an application with all that it was granted. Returns when no node accepts its secret or any token of it.
    pub async fn revoke_client(&self, by: &By, id: ClientId) -> Result<ChangedClient, Refusal> {
        by.require(Ability::Manage)?;
        let note = self.note(by, "client.revoke", json!({}));
        self.narrow_client(id, ClientChange::Revoke, note).await
    }

    async fn narrow_client(
        &self,
        id: ClientId,
        change: ClientChange,
        note: AuditNote,
    ) -> Result<ChangedClient, Refusal> {
        let committed = self.store.change_client(id, change, note).await.map_err(no_client)?;
        let receipt = self.narrowed(committed.seq, Some(&committed.value.api)).await;
        Ok(ChangedClient { row: committed.value, receipt })
    }

    /// The application of the api that says that this is its id, unless it was revoked.
    pub(super) async fn client_called(
        &self,
        profile: &Profile,
        id: &str,
    ) -> Result<Option<ClientRow>, StoreError> {
        let found = match id.parse() {
            Ok(id) => self.store.find_client(id).await?,
            Err(_no_id) => None,
        };
        Ok(found.filter(|client| client.api == profile.name && client.revoked_at.is_none()))
    }
}

impl Faults {
    fn application_name(&mut self, name: &str) {
        let fits = (1..=100).contains(&name.chars().count());
        if !fits || name.trim().is_empty() || name.chars().any(|c| c.is_control() || is_unseen(c)) {
            self.add("/name", "must be 1 to 100 characters without control characters or unseen ones");
        }
    }

    fn redirect_uris(&mut self, uris: &[RedirectUri], may_be_none: bool) {
        if uris.len() > REDIRECT_URIS_MAX {
            self.add("/redirect_uris", format!("at most {REDIRECT_URIS_MAX}"));
        }
        if uris.is_empty() && !may_be_none {
            self.add(
                "/redirect_uris",
                "at least one, unless it acts for an account of its own or introspects",
            );
        }
    }
}

fn no_client(error: StoreError) -> Refusal {
    absent(error, "application")
}

fn absent(error: StoreError, what: &'static str) -> Refusal {
    match Refusal::from(error) {
        Refusal::NotFound(_) => Refusal::NotFound(what),
        other => other,
    }
}

/// Whether a letter isn't seen, or turns around how others are read: members tell applications by their names.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
