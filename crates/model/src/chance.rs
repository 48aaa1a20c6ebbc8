//! The shape of randomness as an argument.

/// A source of random bytes, held by the engine and seeded in tests.
///
/// An implementation that mints keys must be cryptographically secure, and must abort the process rather than
/// return when it cannot deliver: a weak key is worse than a stopped service.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}
