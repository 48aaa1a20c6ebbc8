//! The decision over HTTP: finds the credential in a request, judges it, and says the answer in the api's own words.
//!
//! Everything a caller can put into a request head is read here and nowhere else: the credential, the host, the
//! caller's address, the referrer. The gateway, the verify call and the forward-auth call are built on the same
//! functions, so that no way in is weaker than another. Nothing here opens a socket or knows a database.

pub mod address;
mod answers;
mod api;
mod attempt;
pub mod body;
mod challenge;
pub mod credential;
pub mod host;
pub mod identity;
mod in_process;
mod limits;
mod no_permit;
mod pass;
pub mod request_id;
mod witness;

pub use answers::UnsendableHeader;
pub use api::{Api, Caller};
pub use attempt::Asked;
pub use credential::Credential;
pub use host::{Host, HostError};
pub use in_process::InProcess;
pub use no_permit::NoPermit;
pub use pass::Pass;
pub use witness::{Seen, Witness};
