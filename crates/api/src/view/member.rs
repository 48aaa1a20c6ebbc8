//! Members and the links made for them, as they are shown.

use claviger_manage::{IssuedLink, MemberRow, Receipt};
use serde::Serialize;
use utoipa::ToSchema;

use super::ReceiptJson;

/// A member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberJson {
    #[schema(example = "mem_01h455vb4pex5vsknk084sn02q")]
    id: String,
    account_id: String,
    /// In lower case.
    #[schema(example = "ada@example.com")]
    email: String,
    /// `administrator`, `developer` or `viewer`.
    role: String,
    /// Whether they have set a password.
    has_password: bool,
    created_at: String,
    /// `operator:op_…`, `member:mem_…` or `system`.
    created_by: String,
}

impl From<&MemberRow> for MemberJson {
    fn from(row: &MemberRow) -> Self {
        Self {
            id: row.id.to_string(),
            account_id: row.account.to_string(),
            email: row.email.to_string(),
            role: row.role.as_str().to_owned(),
            has_password: row.has_password,
            created_at: row.created_at.to_string(),
            created_by: row.created_by.clone(),
        }
    }
}

/// A member as they were, and how far the end of what they had allowed applications has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RemovedMember)]
pub(crate) struct RemovedMemberJson {
    member: MemberJson,
    receipt: ReceiptJson,
}

impl RemovedMemberJson {
    pub(crate) fn new(row: &MemberRow, receipt: &Receipt) -> Self {
        Self { member: row.into(), receipt: receipt.into() }
    }
}

/// A sign-in link: this once.
#[derive(Serialize, ToSchema)]
#[schema(as = SignInLink)]
pub(crate) struct SignInLinkJson {
    /// Signs in whoever opens it, once. It is shown here and never again.
    #[schema(example = "https://keys.example.com/link/…")]
    url: String,
    /// When it ends working.
    expires_at: String,
    /// Whom it signs in.
    member: MemberJson,
}

impl From<&IssuedLink> for SignInLinkJson {
    fn from(link: &IssuedLink) -> Self {
        Self { url: link.url(), expires_at: link.expires_at.to_string(), member: (&link.member).into() }
    }
}

/// An invitation: this once.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationJson {
    /// Who is invited.
    member: MemberJson,
    /// Lets whoever opens it set their password and signs them in, once. It is shown here and never again.
    #[schema(example = "https://keys.example.com/invitation/…")]
    invitation_url: String,
    /// When it ends working.
    expires_at: String,
}

impl From<&IssuedLink> for InvitationJson {
    fn from(link: &IssuedLink) -> Self {
        Self {
            member: (&link.member).into(),
            invitation_url: link.url(),
            expires_at: link.expires_at.to_string(),
        }
    }
}

/// A link to a new password: this once.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordLink)]
pub(crate) struct PasswordLinkJson {
    /// Lets whoever opens it set a new password and signs them in, once. It is shown here and never again.
    #[schema(example = "https://keys.example.com/password/…")]
    url: String,
    /// When it ends working.
    expires_at: String,
}

impl From<&IssuedLink> for PasswordLinkJson {
    fn from(link: &IssuedLink) -> Self {
        Self { url: link.url(), expires_at: link.expires_at.to_string() }
    }
}
