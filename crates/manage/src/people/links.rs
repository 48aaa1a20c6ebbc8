//! One-time links: sign-in links by which a company hands a customer over, invitations, and links to a new password.

use std::time::Duration;

use claviger_model::{
    Ability, AccountId, Email, LinkId, MemberAbility, MemberId, Role, Timestamp,
    profile::{Profile, Storage},
};
use claviger_store::{Existing, LinkPurpose, LinkRow, MemberRow, NewLink, NewMember};
use serde_json::json;
use url::Url;

use super::OneTimeToken;
use crate::{Actor, By, Fault, Manager, Refusal};

/// How long a link lasts that signs in by itself.
const SIGN_IN: Duration = Duration::from_mins(15);
/// How long one to a new password lasts.
const PASSWORD: Duration = Duration::from_hours(1);
/// How long an invitation lasts: people read mail the next week.
const INVITATION: Duration = Duration::from_hours(7 * 24);
/// The role of a new member where none is stated.
const NEW_MEMBER: Role = Role::Developer;
/// Longest way back, in bytes.
const MAX_RETURN_TO: usize = 2000;

/// A link to make.
#[derive(Clone, Debug)]
pub struct LinkOrder {
    /// The account to sign in for.
    pub account: AccountId,
    /// Who: made a member if new.
    pub email: Email,
    /// Their role from now on. Where it is `None`, a member keeps theirs, and a new one becomes a developer.
    pub role: Option<Role>,
    /// Where the pages lead back to: a URL of an origin that the profile lists.
    pub return_to: Option<String>,
}

/// A link just made, with its secret: this once.
#[derive(Debug)]
pub struct IssuedLink {
    /// The secret part.
    pub token: OneTimeToken,
    /// For whom.
    pub member: MemberRow,
    /// What for.
    pub purpose: LinkPurpose,
    /// When it ends working.
    pub expires_at: Timestamp,
    portal: std::sync::Arc<str>,
}

impl IssuedLink {
    /// The whole link, for the one answer or page that must show it.
    pub fn url(&self) -> String {
        let place = match self.purpose {
            LinkPurpose::SignIn => "link",
            LinkPurpose::Invitation => "invitation",
            LinkPurpose::Password => "password",
        };
        format!("{}/{place}/{}", self.portal, self.token.expose())
    }
}

impl Manager {
    /// A link that signs in whoever has it, once, within 15 minutes.
    pub async fn sign_in_link(&self, by: &By, order: LinkOrder) -> Result<IssuedLink, Refusal> {
        by.require(Ability::Manage)?;
        let profile = self.profile_of(order.account).await?;
        // Whoever is a member already keeps their role, which may be any.
        require_may_give(by, &profile, order.role.unwrap_or(Role::Administrator))?;
        let return_to = order.return_to.map(|place| return_to(&place, &profile)).transpose()?;
        let existing = if order.role.is_some() { Existing::SetRole } else { Existing::Keep };
        self.issue_link(by, LinkPurpose::SignIn, existing, LinkOrder { return_to, ..order }, None).await
    }

    /// A link by which someone becomes a member, sets a password and signs in, once, within seven days.
    pub async fn invite_member(&self, by: &By, order: LinkOrder) -> Result<IssuedLink, Refusal> {
        by.allow_either(Ability::Manage, MemberAbility::Members)?;
        by.require_sight(order.account)?;
        let profile = self.profile_of(order.account).await?;
        require_passwords(&profile)?;
        require_may_give(by, &profile, order.role.unwrap_or(NEW_MEMBER))?;
        let order = LinkOrder { return_to: None, ..order };
        self.issue_link(by, LinkPurpose::Invitation, Existing::Refuse, order, None).await
    }

    /// A link by which a member sets a new password and signs in, once, within an hour. Whoever has it is them:
    /// only operators make one.
    pub async fn password_link(&self, by: &By, id: MemberId) -> Result<IssuedLink, Refusal> {
        by.require(Ability::Manage)?;
        let member = self.standing_member(by, id).await?;
        let profile = self.profile_of(member.account).await?;
        require_passwords(&profile)?;
        require_may_give(by, &profile, member.role)?;
        let order = LinkOrder { account: member.account, email: member.email, role: None, return_to: None };
        self.issue_link(by, LinkPurpose::Password, Existing::Require, order, None).await
    }

    /// What a link that still works leads to; it is not used up. Where members have no passwords any more, none leads to
    /// one.
    pub async fn look_at_link(&self, purpose: LinkPurpose, token: &OneTimeToken) -> Result<LinkRow, Refusal> {
        let found = self.store.find_link(token.digest()).await?;
        let link = found.filter(|link| link.purpose == purpose).ok_or(Refusal::NotFound("link"))?;
        if purpose != LinkPurpose::SignIn && !self.profile_named(&link.api)?.sign_in.passwords {
            return Err(Refusal::NotFound("link"));
        }
        if link.used_at.is_some() {
            return Err(Refusal::LinkUsed);
        }
        if link.expires_at <= self.clock.now() { Err(Refusal::LinkExpired) } else { Ok(link) }
    }

    pub(super) async fn issue_link(
        &self,
        by: &By,
        purpose: LinkPurpose,
        existing: Existing,
        order: LinkOrder,
        subject: Option<(String, String)>,
    ) -> Result<IssuedLink, Refusal> {
        let now = self.clock.now();
        let token = OneTimeToken::mint(&*self.entropy);
        let role = order.role.unwrap_or(NEW_MEMBER);
        let (lasts, action) = match purpose {
            LinkPurpose::SignIn => (SIGN_IN, "session.link"),
            LinkPurpose::Invitation => (INVITATION, "member.invite"),
            LinkPurpose::Password => (PASSWORD, "member.password_link"),
        };
        let note = |action, detail| self.note_needing(by, Some(MemberAbility::Members), action, detail);
        let member = NewMember {
            id: MemberId::mint(now, &*self.entropy),
            account: order.account,
            email: order.email.clone(),
            role,
            created_at: now,
            created_by: by.actor.label(),
        };
        let link = NewLink {
            id: LinkId::mint(now, &*self.entropy),
            digest: token.digest(),
            purpose,
            member,
            existing,
            subject,
            created_at: now,
            expires_at: now.plus(lasts),
            joined: note("member.create", json!({"email": order.email, "role": role})),
            role_changed: note("member.role", json!({"role": role})),
            linked: note(action, json!({"email": order.email, "return_to": order.return_to})),
            return_to: order.return_to,
        };
        let committed = self.store.insert_link(link).await.map_err(account_not_found)?;
        let made = committed.value;
        if existing == Existing::SetRole && self.profile_named(&made.api)?.oauth.is_some() {
            // A lower role has ended what they had allowed applications.
            self.narrowed(committed.seq, Some(&made.api)).await;
        }
        let portal = std::sync::Arc::clone(&self.people.settings.portal);
        Ok(IssuedLink { token, member: made.member, purpose, expires_at: made.expires_at, portal })
    }
}

fn require_passwords(profile: &Profile) -> Result<(), Refusal> {
    if profile.sign_in.passwords {
        return Ok(());
    }
    Err(Refusal::Forbidden("the members of this api have no passwords: make a sign-in link".to_owned()))
}

/// Nobody gives a role that may what they may not: whoever has the link could act by it. An operator who manages keys
/// could look at them by rotating them anyway; seeing sealed ones unnoticed is an ability of its own.
pub(super) fn require_may_give(by: &By, profile: &Profile, role: Role) -> Result<(), Refusal> {
    let given = profile.roles.of(role);
    if let Actor::Member(permit) = &by.actor {
        return if profile.roles.of(permit.role()).cover(given) {
            Ok(())
        } else {
            Err(Refusal::Forbidden(format!("the role {} may more than yours", role.as_str())))
        };
    }
    if given.include(MemberAbility::Reveal) && profile.keys.storage == Storage::Sealed {
        by.require(Ability::Reveal)?;
    }
    by.require(Ability::Manage)
}

fn account_not_found(error: claviger_store::StoreError) -> Refusal {
    match Refusal::from(error) {
        Refusal::NotFound(_) => Refusal::NotFound("account"),
        other => other,
    }
}

/// A way back, if it leads to an origin that the profile lists, as browsers read it.
fn return_to(place: &str, profile: &Profile) -> Result<String, Refusal> {
    let url = Url::parse(place).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
    });
    let listed = url.filter(|url| profile.dashboard.return_to.contains(&url.origin().ascii_serialization()));
    // Browsers and parsers read a backslash or a control character differently.
    let plain = !place.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    if let Some(url) = listed.filter(|_| plain && place.len() <= MAX_RETURN_TO) {
        return Ok(url.into());
    }
    let known = profile.dashboard.return_to.join(", ");
    let known = if known.is_empty() { "it lists none".to_owned() } else { known };
    let detail =
        format!("must be a URL of an origin that the profile lists under [dashboard] return_to ({known})");
    Err(Refusal::Invalid(vec![Fault::new("/return_to", detail)]))
}
