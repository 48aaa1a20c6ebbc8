//! What is true about API keys: their formats, the profile of an api, restrictions, and the decision.
//!
//! Everything here is pure: no I/O, no async, no clock and no randomness of its own.
//! Time and chance come in as arguments; [`Clock`] and [`Entropy`] are only the shape of those arguments.

mod account;
mod attempt;
mod chance;
mod decide;
mod denial;
pub mod foreign;
mod help;
mod id;
pub mod import;
pub mod key;
mod member;
pub mod oauth;
mod operator;
pub mod path;
pub mod profile;
pub mod restriction;
mod scope;
mod secret;
mod standing;
mod time;

pub use account::{Account, AccountState};
pub use attempt::Attempt;
pub use chance::Entropy;
pub use decide::{Allowed, KeyFacts, Policy, Rules, decide, lives};
pub use denial::{Denial, DenialCode, Malformation, Misfit, Slot};
pub use help::{Help, Solver};
pub use id::{
    AccountId, ClientId, EventId, IdError, IdText, InstallationId, KeyId, LinkId, MemberId, NodeId,
    OperatorId, RequestId, SessionId,
};
pub use key::{Environment, KeyState};
pub use member::{Email, EmailError, MemberAbilities, MemberAbility, Role, RoleError, RoleSet};
pub use operator::{Abilities, AbilitiesError, Ability, operator_key_format};
pub use restriction::{Restrictions, RestrictionsPatch};
pub use scope::{Scope, ScopeError, Scopes};
pub use secret::{Digest, PlainKey};
pub use standing::{Exceeded, Span, Standing, Standings, seconds_up};
pub use time::{Clock, DurationError, Moment, Timestamp, TimestampError, parse_duration, write_duration};
