//! What the people of an account may do, and how they sign in.

use crate::{MemberAbilities, MemberAbility, Role, RoleSet};

/// What each role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// What developers may.
    pub developer: MemberAbilities,
    /// What viewers may.
    pub viewer: MemberAbilities,
}

impl Default for Roles {
    fn default() -> Self {
        use MemberAbility::{Audit, Manage, Read, Reveal};
        Self {
            developer: MemberAbilities::of(&[Read, Manage, Reveal, Audit]),
            viewer: MemberAbilities::of(&[Read]),
        }
    }
}

impl Roles {
    /// What `role` may do.
    pub const fn of(&self, role: Role) -> MemberAbilities {
        match role {
            Role::Administrator => MemberAbilities::ALL,
            Role::Developer => self.developer,
            Role::Viewer => self.viewer,
        }
    }

    /// The roles that may do this.
    pub fn with(&self, ability: MemberAbility) -> RoleSet {
        Role::ALL.into_iter().filter(|role| self.of(*role).include(ability)).collect()
    }
}

/// How members sign in, one-time links aside.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Whether members may have passwords.
    pub passwords: bool,
    /// The provider that vouches for members, if there is one.
    pub oidc: Option<Oidc>,
}

/// An OpenID Connect provider that vouches for members' e-mail addresses.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// Its issuer identifier (OpenID Connect Discovery 1.0 §2), without a trailing slash unless it has one.
    pub issuer: String,
    /// The client that is registered there.
    pub client_id: String,
    /// The file beside the profile that holds the client's secret; a public client has none.
    pub client_secret_file: Option<String>,
    /// What the button says.
    pub label: String,
}
