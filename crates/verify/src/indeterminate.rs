//! That no decision can be reached, and what the node says of itself.

/// Why it can't be known whether a key works. It is answered 503, never 401: clients throw keys away on a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Indeterminate {
    /// The keys are not loaded, or are being loaded anew.
    #[error("the keys are not loaded yet")]
    NotReady,
    /// For longer than the lease it wasn't confirmed that every change is known.
    #[error("it wasn't confirmed in time that every change of a key is known here")]
    LeaseLost,
    /// The key ends within the difference between the node's clock and the database's.
    #[error("the key ends at about now, and this node's clock differs from the database's")]
    Clock,
    /// The calls this node had of the key's quota are used, and whether there are more can't be asked.
    #[error("what is left of the key's quota can't be known now")]
    QuotaUnknown,
    /// The key may be one that is known by another system's hash, and it can't be checked now: too many are, or the api's
    /// pepper isn't there.
    #[error("whether it is a key that was brought by its hash can't be checked now")]
    FirstUse,
}

impl Indeterminate {
    /// Every reason, each at the place of its number.
    pub const ALL: [Self; 5] =
        [Self::NotReady, Self::LeaseLost, Self::Clock, Self::QuotaUnknown, Self::FirstUse];

    /// The reason as metrics spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::LeaseLost => "lease_lost",
            Self::Clock => "clock",
            Self::QuotaUnknown => "quota_unknown",
            Self::FirstUse => "first_use",
        }
    }
}

/// What a node can do for those who ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Loading the keys, for the first time or anew: every answer is [`Indeterminate::NotReady`].
    Loading,
    /// Deciding.
    Ready,
    /// The node's own lease has run out: every answer is [`Indeterminate::LeaseLost`] until the feed is heard again.
    LeaseLost,
}
