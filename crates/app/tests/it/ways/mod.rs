//! The catalogue of odd requests (2.A, 2.B and 2.F), sent the ways that requests come: to forward auth itself, by proxies
//! that ask, and through our own (P20).
//!
//! One sentence is held against all of them: whatever an upstream receives is, to the byte of its method and target, a
//! request that the caller wrote and that is allowed to the one it is said to come from; what would be refused however it is
//! read never arrives.

mod behind;
mod carriers;
mod direct;
mod listeners;
mod rows;
mod shapes;
mod stage;

use stage::Stage;
