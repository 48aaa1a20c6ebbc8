//! Pages: sign-in and Settings → API keys for the people of an account, and the operators' own.
//!
//! Everything is rendered here and works as plain links and forms; the one script adds comfort. Pages call `manage`
//! and can do nothing that the management API can't. They know no database, and never another crate's routes.

#![expect(clippy::ref_option_ref, reason = "a template hands each argument to a macro by reference")]

mod answer;
mod assets;
mod brand;
mod chart;
mod cookie;
mod form;
mod frame;
mod keys_in_words;
mod oidc;
mod once;
mod operator;
mod pages;
mod portal;
mod site;
mod usage;
mod visit;
mod way_in;
mod words;

pub use brand::Logo;
pub use oidc::OidcSecret;
pub use operator::OperatorPages;
pub use portal::Portal;
pub use site::{ApiPages, PagesParts, PortalError};

/// The body of every answer: whole, and in memory.
pub type Body = axum::body::Body;
