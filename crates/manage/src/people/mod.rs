//! People: members, the sessions they sign in to, and the one-time links that let them in.

mod links;
mod members;
mod password;
mod permit;
mod sessions;
mod sign_in;
mod throttle;
mod token;

use std::{net::IpAddr, sync::Arc, time::Duration};

pub use links::{IssuedLink, LinkOrder};
pub use permit::MemberPermit;
pub use sign_in::{Choice, Identity, OidcEntrance, SignedIn};
pub use token::{OneTimeToken, SessionToken};

use claviger_model::Timestamp;
use password::Passwords;
use throttle::{BY_ADDRESS, BY_CLIENT, BY_MEMBER, REGISTRATIONS, Throttle};

use crate::Refusal;

/// Where the pages are and how long sessions last.
#[derive(Clone, Debug)]
pub struct PeopleSettings {
    /// The origin of the pages, such as `https://keys.example.com`, without a trailing slash.
    pub portal: Arc<str>,
    /// How long a session lasts without a request.
    pub idle: Duration,
    /// How long it lasts at the most.
    pub longest: Duration,
}

/// Which browser signs in, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// Its address.
    pub address: Option<IpAddr>,
    /// What it calls itself (`User-Agent`); the first 200 characters are kept.
    pub agent: Option<String>,
}

impl crate::Manager {
    /// The origin of the pages, to which links and providers lead.
    pub fn portal(&self) -> &str {
        &self.people.settings.portal
    }
}

/// What the verbs about people share.
#[derive(Debug)]
pub(crate) struct People {
    settings: PeopleSettings,
    passwords: Passwords,
    by_member: Throttle,
    by_network: Throttle,
    registrations: Throttle,
    guesses_by_client: Throttle,
    guesses_by_network: Throttle,
}

impl People {
    pub(crate) fn new(settings: PeopleSettings, entropy: &dyn claviger_model::Entropy) -> Self {
        let (by_member, by_network) = (Throttle::new(BY_MEMBER, entropy), Throttle::new(BY_ADDRESS, entropy));
        Self {
            settings,
            passwords: Passwords::new(),
            by_member,
            by_network,
            registrations: Throttle::new(REGISTRATIONS, entropy),
            guesses_by_client: Throttle::new(BY_CLIENT, entropy),
            guesses_by_network: Throttle::new(BY_ADDRESS, entropy),
        }
    }

    /// Refuses an application that registers itself where many did so lately.
    pub(crate) fn admit_registration(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        let taken = self.registrations.take(&throttle::network(from), now);
        taken.map_err(|retry_after| Refusal::TooManyAttempts { retry_after })
    }

    /// Counts what was wrong of an application, or says how long to wait where too much was lately.
    pub(crate) fn count_guess(
        &self,
        client: Option<&str>,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Duration> {
        self.guesses_by_network.take(&throttle::network(from), now)?;
        client.map_or(Ok(()), |client| self.guesses_by_client.take(client, now))
    }
}
