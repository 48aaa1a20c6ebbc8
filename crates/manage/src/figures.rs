//! What was done since the start, in figures: for metrics. They name no account and no key.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use claviger_store::SignInMethod;
use claviger_verify::nodes::Via;

use crate::Manager;

/// The bounds of the buckets of [`ChangeTimes`], in milliseconds.
const BOUNDS: [u64; 9] = [5, 10, 25, 50, 100, 250, 1_000, 2_500, 5_000];

/// What is counted.
#[derive(Default)]
pub(crate) struct Figures {
    changes: [AtomicU64; 3],
    waits: [AtomicU64; BOUNDS.len() + 1],
    waited_micros: AtomicU64,
    sign_ins: [AtomicU64; METHODS.len()],
    wrong_passwords: AtomicU64,
    tokens: [AtomicU64; GrantType::ALL.len()],
}

const METHODS: [SignInMethod; 3] = [SignInMethod::Link, SignInMethod::Password, SignInMethod::Oidc];
const VIAS: [&str; 3] = ["ack", "lease", "pending"];

/// By what an application was given tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// A code (RFC 6749 §4.1).
    Code,
    /// A refresh token (RFC 6749 §6).
    Refresh,
    /// Its own credentials (RFC 6749 §4.4).
    Client,
}

/// How long changes were waited for until they held everywhere, or were answered before.
#[derive(Clone, Debug)]
pub struct ChangeTimes {
    /// All waiting together, in seconds.
    pub sum: f64,
    /// How many waited no longer than so many seconds, and longer than the bound before: the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
}

impl GrantType {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Code, Self::Refresh, Self::Client];

    /// As RFC 6749 spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "authorization_code",
            Self::Refresh => "refresh_token",
            Self::Client => "client_credentials",
        }
    }
}

impl Figures {
    /// A change was answered after `waited`, complete by `via` or not.
    pub(crate) fn changed(&self, via: Option<Via>, waited: Duration) {
        let place = match via {
            Some(Via::Ack) => 0,
            Some(Via::Lease) => 1,
            None => 2,
        };
        one_more(&self.changes[place]);
        let bucket = BOUNDS.iter().position(|bound| waited <= Duration::from_millis(*bound));
        one_more(&self.waits[bucket.unwrap_or(BOUNDS.len())]);
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn signed_in(&self, method: SignInMethod) {
        let place = match method {
            SignInMethod::Link => 0,
            SignInMethod::Password => 1,
            SignInMethod::Oidc => 2,
        };
        one_more(&self.sign_ins[place]);
    }

    pub(crate) fn wrong_password(&self) {
        one_more(&self.wrong_passwords);
    }

    pub(crate) fn issued(&self, by: GrantType) {
        one_more(&self.tokens[by as usize]);
    }
}

impl Manager {
    /// How many changes were answered, by how they were known to hold everywhere: `ack`, `lease`, or `pending`.
    pub fn changes_answered(&self) -> Vec<(&'static str, u64)> {
        VIAS.into_iter().zip(self.figures.changes.iter().map(|count| count.load(Ordering::Relaxed))).collect()
    }

    /// How long they took.
    pub fn change_times(&self) -> ChangeTimes {
        #[expect(clippy::cast_precision_loss, reason = "a bound is small, and a sum is shown")]
        let seconds = |whole: u64, of_second: f64| whole as f64 / of_second;
        let bounds = BOUNDS.iter().map(|bound| seconds(*bound, 1e3)).chain([f64::INFINITY]);
        let counts = self.figures.waits.iter().map(|count| count.load(Ordering::Relaxed));
        ChangeTimes {
            sum: seconds(self.figures.waited_micros.load(Ordering::Relaxed), 1e6),
            buckets: bounds.zip(counts).collect(),
        }
    }

    /// How many changes this node looks after that were answered before they held everywhere.
    pub fn changes_pending(&self) -> usize {
        self.open_waits.all().len()
    }

    /// How often members signed in, by method.
    pub fn sign_ins(&self) -> Vec<(&'static str, u64)> {
        let counts = self.figures.sign_ins.iter().map(|count| count.load(Ordering::Relaxed));
        METHODS.iter().map(|method| method.as_str()).zip(counts).collect()
    }

    /// How often a password was wrong.
    pub fn wrong_passwords(&self) -> u64 {
        self.figures.wrong_passwords.load(Ordering::Relaxed)
    }

    /// How often applications were given tokens, by what.
    pub fn tokens_issued(&self) -> [(GrantType, u64); GrantType::ALL.len()] {
        GrantType::ALL.map(|by| (by, self.figures.tokens[by as usize].load(Ordering::Relaxed)))
    }
}

fn one_more(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
