//! Sessions: who a browser is, and ending them.

use std::net::IpAddr;

use claviger_model::{Ability, AccountId, MemberAbility, SessionId, Timestamp};
use claviger_store::{MemberChange, OpenSession, Page, PageRequest, SessionRow, SessionsOf};
use serde_json::json;

use super::{MemberPermit, SessionToken, members::member_not_found, password};
use crate::{Actor, By, Manager, Refusal};

/// A session is noted as used once in so long: not every request is a write.
const NOTED_EVERY: std::time::Duration = std::time::Duration::from_mins(1);
/// How long having signed in is proof enough for a first password: it outlasts the session.
const FRESH: std::time::Duration = std::time::Duration::from_mins(10);

impl Manager {
    /// The member whose browser this is, if its session lasts. The request counts as a use of it.
    pub async fn enter(
        &self,
        token: &SessionToken,
        address: Option<IpAddr>,
    ) -> Result<Option<MemberPermit>, Refusal> {
        let Some(open) = self.open_session(token).await? else { return Ok(None) };
        let now = self.clock.now();
        if open.session.seen_at.plus(NOTED_EVERY) <= now
            && let Err(error) = self.store.touch_session(open.session.id, now, address).await
        {
            tracing::warn!(%error, "the use of a session can't be noted: it may end early");
        }
        self.permit(open).map(Some)
    }

    /// The same for a request that a page makes by itself, such as one for what changed meanwhile: it is no use of the
    /// session, which ends where nobody is there.
    pub async fn look_in(&self, token: &SessionToken) -> Result<Option<MemberPermit>, Refusal> {
        self.open_session(token).await?.map(|open| self.permit(open)).transpose()
    }

    async fn open_session(&self, token: &SessionToken) -> Result<Option<OpenSession>, Refusal> {
        let now = self.clock.now();
        let found = self.store.find_session(token.digest(), now).await?;
        Ok(found.filter(|open| self.is_in_use(&open.session, now)))
    }

    pub(super) fn permit(&self, open: OpenSession) -> Result<MemberPermit, Refusal> {
        let roles = self.profile_named(&open.api)?.roles;
        Ok(MemberPermit::new(open, roles))
    }

    /// The sessions of an account that last and are in use, in the order they began: a page may have fewer than it
    /// could. A member who may not manage members sees their own.
    pub async fn list_sessions(
        &self,
        by: &By,
        account: AccountId,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, Refusal> {
        let of = self.sessions_shown(by, account).await?;
        let now = self.clock.now();
        let mut found = self.store.list_sessions(of, now, page).await?;
        found.items.retain(|session| self.is_in_use(session, now));
        Ok(found)
    }

    /// The same sessions, the newest first.
    pub async fn list_sessions_newest_first(
        &self,
        by: &By,
        account: AccountId,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, Refusal> {
        let of = self.sessions_shown(by, account).await?;
        let now = self.clock.now();
        let seen_after = now.minus(self.people.settings.idle);
        Ok(self.store.list_sessions_newest_first(of, now, seen_after, page).await?)
    }

    async fn sessions_shown(&self, by: &By, account: AccountId) -> Result<SessionsOf, Refusal> {
        by.require_sight(account)?;
        match &by.actor {
            Actor::Member(permit) if !permit.may(MemberAbility::Members) => {
                Ok(SessionsOf::Member(permit.member()))
            }
            Actor::Member(_) => Ok(SessionsOf::Account(account)),
            _ => {
                by.require(Ability::Read)?;
                self.account(account).await?;
                Ok(SessionsOf::Account(account))
            }
        }
    }

    /// Whether a request with a session is answered, rather than that it went unused for too long.
    fn is_in_use(&self, session: &SessionRow, now: Timestamp) -> bool {
        session.seen_at.plus(self.people.settings.idle) > now
    }

    /// Signs a browser out.
    pub async fn end_session(&self, by: &By, id: SessionId) -> Result<(), Refusal> {
        let (within, needed) = match &by.actor {
            Actor::Member(permit) if permit.session() == id => (Some(permit.account()), None),
            Actor::Member(permit) => {
                let own = self.has_session(permit, id).await?;
                if !own {
                    permit.require(MemberAbility::Members)?;
                }
                (Some(permit.account()), (!own).then_some(MemberAbility::Members))
            }
            _ => {
                by.require(Ability::Manage)?;
                (None, None)
            }
        };
        let note = self.note_needing(by, needed, "session.end", json!({}));
        let ended = self.store.end_sessions(SessionsOf::One(id), within, note).await?;
        if ended == 0 { Err(Refusal::NotFound("session")) } else { Ok(()) }
    }

    async fn has_session(&self, permit: &MemberPermit, id: SessionId) -> Result<bool, Refusal> {
        let page = PageRequest { after: None, limit: 1 };
        let found = self.store.list_sessions(SessionsOf::One(id), self.clock.now(), page).await?;
        Ok(found.items.iter().any(|session| session.member == permit.member()))
    }

    /// Signs a member out of every browser.
    pub async fn end_own_sessions(&self, by: &By) -> Result<(), Refusal> {
        let Actor::Member(permit) = &by.actor else { return Err(Refusal::NotFound("member")) };
        let note = self.note_needing(by, None, "session.end_all", json!({}));
        self.store.end_sessions(SessionsOf::Member(permit.member()), Some(permit.account()), note).await?;
        Ok(())
    }

    /// Gives the member who asks a new password, and ends their other sessions. `current` is asked for where they have
    /// one; where they have none, they must have signed in just now.
    pub async fn change_own_password(&self, by: &By, current: &str, new: &str) -> Result<(), Refusal> {
        let Actor::Member(permit) = &by.actor else { return Err(Refusal::NotFound("member")) };
        if !self.profile_named(permit.api())?.sign_in.passwords {
            return Err(Refusal::Forbidden("the members of this api have no passwords".to_owned()));
        }
        if permit.has_password() {
            self.prove_password(permit, current).await?;
        } else if permit.began_at().plus(FRESH) <= self.clock.now() {
            let detail = "a first password is set within ten minutes of signing in: sign out, and in anew";
            return Err(Refusal::Forbidden(detail.to_owned()));
        }
        password::judge(new, permit.email())?;
        let hash = self.people.passwords.hash(new, &*self.entropy).await?;
        let change = MemberChange::SetPassword { password: hash, keep: Some(permit.session()) };
        let note = self.note_needing(by, None, "member.password", json!({}));
        let changed = self.store.change_member(permit.member(), None, change, false, note).await;
        changed.map(drop).map_err(member_not_found)
    }
}
