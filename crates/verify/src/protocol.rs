//! The protocol as it is, and, in this crate's own tests alone, as it would be with one mistake in it.
//!
//! A promise test that has never failed proves nothing. The model and the simulation choose a mistake at run time and
//! must find it; no other build has any.

/// How the protocol's parts behave. Outside of this crate's tests there is only the sound one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Protocol {
    #[cfg(test)]
    pub(crate) planted: Option<Planted>,
}

/// A mistake that the tests plant.
///
/// Those that the machines of this crate can make are made there; `SeqAtBegin` and `ExcludedRenews` are made by the
/// database of the trials, `NoLease`, `AckBeforeApply`, `LookUpFirst` and `TombstonesForgotten` by what drives a node in
/// them. A cache that is filled without its position can't be planted: nothing is filled on demand.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Planted {
    /// A lease is counted from the answer to its renewal.
    LeaseFromAnswer,
    /// A lease begins with a load, whose reading renews nothing.
    LeaseFromLoad,
    /// What a look brings extends the lease, though a look commits nothing.
    LeaseFromLook,
    /// A change is complete when it is committed.
    CompleteAtCommit,
    /// A change waits for half a lease.
    WaitHalf,
    /// A change waits for a lease as its own clock counts it, as if all clocks ran alike.
    WaitTooShort,
    /// A lease begins with the first confirmation, whose answer may have crossed a change that waited for nobody.
    GrantAtFirst,
    /// Places in the feed are taken when a change begins, not when it commits.
    SeqAtBegin,
    /// There is no lease: what is heard last is believed for ever.
    NoLease,
    /// Who was excluded renews all the same.
    ExcludedRenews,
    /// What was told is confirmed before it is applied.
    AckBeforeApply,
    /// The lease is published before what it vouches for is applied.
    PublishBeforeApply,
    /// A key is looked up before the lease is checked.
    LookUpFirst,
    /// Members are excluded before their lease can have run out.
    ExcludeEarly,
    /// A node joins after it began to load.
    JoinAfterLoad,
    /// A history that counts alike is taken for the one that was followed.
    MarkUnchecked,
    /// After a change of history what was known as revoked is forgotten.
    TombstonesForgotten,
}

#[cfg(test)]
impl Planted {
    /// All of them.
    pub(crate) const ALL: [Self; 17] = [
        Self::LeaseFromAnswer,
        Self::LeaseFromLoad,
        Self::LeaseFromLook,
        Self::CompleteAtCommit,
        Self::WaitHalf,
        Self::WaitTooShort,
        Self::GrantAtFirst,
        Self::SeqAtBegin,
        Self::NoLease,
        Self::ExcludedRenews,
        Self::AckBeforeApply,
        Self::PublishBeforeApply,
        Self::LookUpFirst,
        Self::ExcludeEarly,
        Self::JoinAfterLoad,
        Self::MarkUnchecked,
        Self::TombstonesForgotten,
    ];
}

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident: $planted:ident,)*) => {
        impl Protocol {
            $(
                $(#[$doc])*
                #[cfg(test)]
                pub(crate) fn $name(self) -> bool {
                    self.planted == Some(Planted::$planted)
                }

                $(#[$doc])*
                #[cfg(not(test))]
                pub(crate) const fn $name(self) -> bool {
                    false
                }
            )*
        }
    };
}

mistakes! {
    /// See `Planted::LeaseFromAnswer`.
    leases_from_answer: LeaseFromAnswer,
    /// See `Planted::LeaseFromLoad`.
    leases_from_load: LeaseFromLoad,
    /// See `Planted::LeaseFromLook`.
    leases_from_look: LeaseFromLook,
    /// See `Planted::CompleteAtCommit`.
    completes_at_commit: CompleteAtCommit,
    /// See `Planted::WaitHalf`.
    waits_half: WaitHalf,
    /// See `Planted::WaitTooShort`.
    waits_too_short: WaitTooShort,
    /// See `Planted::GrantAtFirst`.
    grants_at_first: GrantAtFirst,
    /// See `Planted::PublishBeforeApply`.
    publishes_before_applying: PublishBeforeApply,
    /// See `Planted::ExcludeEarly`.
    excludes_early: ExcludeEarly,
    /// See `Planted::JoinAfterLoad`.
    joins_after_loading: JoinAfterLoad,
    /// See `Planted::MarkUnchecked`.
    leaves_marks_unchecked: MarkUnchecked,
}
