//! Signing in: by a link, by a password, by a provider that vouches for an address.

use std::{net::IpAddr, sync::Arc};

use claviger_model::{Email, RequestId, SessionId, Timestamp};
use claviger_store::{
    Candidate, Entrance, Existing, LinkPurpose, NewSession, OpenSession, SignInMethod, StoreError,
};
use serde_json::json;

use super::{
    Browser, IssuedLink, LinkOrder, MemberPermit, OneTimeToken, SessionToken,
    password::{self, Admitted},
    throttle::{Throttle, network},
};
use crate::{By, Manager, Refusal};

/// Passwords that one attempt is compared to: each takes as long as hashing it.
const MAX_TRIED: usize = 8;
/// Characters that are kept of what a browser calls itself.
const MAX_AGENT: usize = 200;

/// A browser just signed in, with its secret: this once.
#[derive(Debug)]
pub struct SignedIn {
    /// What the browser holds from now on.
    pub token: SessionToken,
    /// Who it is.
    pub permit: MemberPermit,
}

/// Whom a provider vouches for.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The provider's issuer identifier.
    pub issuer: String,
    /// What it knows the person as (`sub`).
    pub subject: String,
    /// Their address, where the provider has verified it.
    pub email: Option<Email>,
}

/// Where a provider's word leads.
#[derive(Debug)]
pub enum OidcEntrance {
    /// To one member.
    SignedIn(Box<SignedIn>),
    /// To several, of whom the person chooses by a link.
    Choose(Vec<Choice>),
    /// To nobody: they were not invited.
    Nobody,
}

/// One of several memberships.
#[derive(Debug)]
pub struct Choice {
    /// The name of its account.
    pub account_name: String,
    /// The link that signs in there.
    pub link: IssuedLink,
}

impl Manager {
    /// Signs in by a sign-in link, which is used up.
    pub async fn enter_by_link(
        &self,
        token: &OneTimeToken,
        browser: Browser,
        request: RequestId,
    ) -> Result<SignedIn, Refusal> {
        let entrance =
            Entrance::Link { digest: token.digest(), purpose: LinkPurpose::SignIn, password: None };
        self.begin_session(entrance, SignInMethod::Link, browser, request).await
    }

    /// Sets the password an invitation or a password link asks for, and signs in. Every other session of the member
    /// ends.
    pub async fn accept_link(
        &self,
        purpose: LinkPurpose,
        token: &OneTimeToken,
        password: &str,
        browser: Browser,
        request: RequestId,
    ) -> Result<SignedIn, Refusal> {
        let link = self.look_at_link(purpose, token).await?;
        password::judge(password, &link.member.email)?;
        let hash = self.people.passwords.hash(password, &*self.entropy).await?;
        let entrance = Entrance::Link { digest: token.digest(), purpose, password: Some(hash) };
        self.begin_session(entrance, SignInMethod::Link, browser, request).await
    }

    /// Signs in by address and password. Whoever is a member of several accounts is let in where the password is
    /// right.
    pub async fn enter_by_password(
        &self,
        api: &Arc<str>,
        email: &str,
        password: &str,
        browser: Browser,
        request: RequestId,
    ) -> Result<SignedIn, Refusal> {
        if !self.profile_named(api)?.sign_in.passwords {
            return Err(Refusal::NotFound("way to sign in"));
        }
        let Ok(email) = email.parse::<Email>() else { return Err(Refusal::WrongPassword) };
        self.count_attempt(browser.address)?;
        let found = self.judge_password(api, email, password).await;
        // Whatever else went wrong, nothing was learned of a password.
        if !matches!(found, Err(Refusal::WrongPassword)) {
            self.people.by_network.give_back(&network(browser.address));
        }
        let entrance = Entrance::Member { id: found?.member.id, subject: None };
        self.begin_session(entrance, SignInMethod::Password, browser, request).await
    }

    /// Counts an attempt to sign in from this address, or refuses it. What comes of one by a provider is
    /// [`enter_by_oidc`](Self::enter_by_oidc)'s to count.
    pub fn count_attempt(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        take(&self.people.by_network, &network(address), self.clock.now())
    }

    /// Who has this address and this password.
    async fn judge_password(
        &self,
        api: &Arc<str>,
        email: Email,
        password: &str,
    ) -> Result<Candidate, Refusal> {
        let admitted = self.people.passwords.admit()?;
        let name = format!("{api} {email}");
        take(&self.people.by_member, &name, self.clock.now())?;
        let found = async {
            let candidates = self.store.candidates(Arc::clone(api), email).await?;
            self.with_password(&admitted, candidates, password).await?.ok_or(Refusal::WrongPassword)
        };
        let found = found.await;
        if matches!(found, Err(Refusal::WrongPassword)) {
            self.figures.wrong_password();
        } else {
            self.people.by_member.give_back(&name);
        }
        found
    }

    /// The first of these whose password it is. Where there is nobody, it takes as long as for one.
    async fn with_password(
        &self,
        admitted: &Admitted,
        candidates: Vec<Candidate>,
        password: &str,
    ) -> Result<Option<Candidate>, Refusal> {
        let with_one = candidates.into_iter().filter(|candidate| candidate.password.is_some());
        let mut with_one = with_one.take(MAX_TRIED).peekable();
        if with_one.peek().is_none() {
            self.people.passwords.verify(admitted, password, None).await?;
        }
        for candidate in with_one {
            if self.people.passwords.verify(admitted, password, candidate.password.as_ref()).await? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// Refuses who doesn't know the password of the member behind `permit`. It is counted apart from signing in, which
    /// strangers may bar.
    pub(super) async fn prove_password(&self, permit: &MemberPermit, password: &str) -> Result<(), Refusal> {
        let admitted = self.people.passwords.admit()?;
        let name = format!("own {}", permit.member());
        take(&self.people.by_member, &name, self.clock.now())?;
        let proof = self.is_own_password(permit, &admitted, password).await;
        if !matches!(proof, Ok(false)) {
            self.people.by_member.give_back(&name);
        }
        if proof? { Ok(()) } else { Err(Refusal::WrongPassword) }
    }

    async fn is_own_password(
        &self,
        permit: &MemberPermit,
        admitted: &Admitted,
        password: &str,
    ) -> Result<bool, Refusal> {
        let candidates = self.store.candidates(Arc::clone(permit.api()), permit.email().clone()).await?;
        let own = candidates.into_iter().find(|candidate| candidate.member.id == permit.member());
        let stored = own.and_then(|own| own.password);
        self.people.passwords.verify(admitted, password, stored.as_ref()).await
    }

    /// Signs in whom a provider vouches for: the members it knows by this subject, and whoever has the address it verified
    /// and isn't known to a provider yet. Whoever is somebody gets [their attempt](Self::count_attempt) back.
    pub async fn enter_by_oidc(
        &self,
        api: &Arc<str>,
        identity: Identity,
        browser: Browser,
        request: RequestId,
    ) -> Result<OidcEntrance, Refusal> {
        let Identity { issuer, subject, email } = identity;
        let mut found = self.store.known_as(Arc::clone(api), issuer.clone(), subject.clone()).await?;
        if let Some(email) = email {
            // Also of whom it knows already: one account must not keep them from the next that invites them.
            let invited = self.store.candidates(Arc::clone(api), email).await?;
            found.extend(invited.into_iter().filter(|candidate| candidate.subject.is_none()));
        }
        if !found.is_empty() {
            self.people.by_network.give_back(&network(browser.address));
        }
        if found.len() > 1 {
            return self.choices(found, (issuer, subject)).await.map(OidcEntrance::Choose);
        }
        let Some(one) = found.pop() else { return Ok(OidcEntrance::Nobody) };
        let entrance = Entrance::Member { id: one.member.id, subject: Some((issuer, subject)) };
        let signed_in = self.begin_session(entrance, SignInMethod::Oidc, browser, request).await?;
        Ok(OidcEntrance::SignedIn(Box::new(signed_in)))
    }

    /// A link to each, by which the provider knows them from then on.
    async fn choices(
        &self,
        found: Vec<Candidate>,
        subject: (String, String),
    ) -> Result<Vec<Choice>, Refusal> {
        let mut choices = Vec::new();
        for Candidate { member, account_name, .. } in found {
            let order =
                LinkOrder { account: member.account, email: member.email, role: None, return_to: None };
            let (by, known_as) = (By::system(), Some(subject.clone()));
            let link = self.issue_link(&by, LinkPurpose::SignIn, Existing::Require, order, known_as).await?;
            choices.push(Choice { account_name, link });
        }
        Ok(choices)
    }

    async fn begin_session(
        &self,
        entrance: Entrance,
        method: SignInMethod,
        browser: Browser,
        request: RequestId,
    ) -> Result<SignedIn, Refusal> {
        let now = self.clock.now();
        let token = SessionToken::mint(&*self.entropy);
        let session = NewSession {
            id: SessionId::mint(now, &*self.entropy),
            digest: token.digest(),
            method,
            address: browser.address,
            agent: browser
                .agent
                .map(|agent| agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect()),
            created_at: now,
            expires_at: now.plus(self.people.settings.longest),
        };
        let by = By { request: Some(request), ..By::system() };
        let mut detail = json!({"method": method.as_str()});
        if matches!(entrance, Entrance::Link { password: Some(_), .. }) {
            detail["password"] = json!("set");
        }
        let note = self.note_needing(&by, None, "session.begin", detail);
        let open: OpenSession =
            self.store.begin_session(entrance, session, note).await.map_err(link_not_found)?;
        self.figures.signed_in(method);
        Ok(SignedIn { token, permit: self.permit(open)? })
    }
}

fn take(throttle: &Throttle, name: &str, now: Timestamp) -> Result<(), Refusal> {
    throttle.take(name, now).map_err(|retry_after| Refusal::TooManyAttempts { retry_after })
}

fn link_not_found(error: StoreError) -> Refusal {
    match Refusal::from(error) {
        Refusal::NotFound(_) => Refusal::NotFound("link"),
        other => other,
    }
}
