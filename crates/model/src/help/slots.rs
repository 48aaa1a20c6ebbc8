//! What an api answers for: its denials, and what never came to a decision.

use super::{Help, Solver};
use crate::{DenialCode, Slot};

impl Slot {
    /// What it means and what to do.
    pub const fn help(self) -> Help {
        match self {
            Self::Missing => DenialCode::Missing.help(),
            Self::Malformed => DenialCode::Malformed.help(),
            Self::Unknown => DenialCode::Unknown.help(),
            Self::Revoked => DenialCode::Revoked.help(),
            Self::Disabled => DenialCode::Disabled.help(),
            Self::Expired => DenialCode::Expired.help(),
            Self::Environment => DenialCode::Environment.help(),
            Self::Scope => DenialCode::Scope.help(),
            Self::Network => DenialCode::Network.help(),
            Self::Referrer => DenialCode::Referrer.help(),
            Self::Endpoint => DenialCode::Endpoint.help(),
            Self::Rate => DenialCode::Rate.help(),
            Self::Quota => DenialCode::Quota.help(),
            Self::BadRequest => Help {
                title: "The request can be read in two ways",
                meaning: "Two credentials were sent, the path or method can be read in more than one way, or a request \
                          about keys has fields that can't be taken. Nothing was forwarded.",
                solution: "Send one credential, and the path in its canonical form: without dot segments, empty segments, \
                           backslashes, or needless percent-encoding.",
                solver: Solver::Caller,
            },
            Self::NameTooLong => Help {
                title: "The key's name is too long",
                meaning: "The api bounds the names of keys, and this one is longer. No key was made.",
                solution: "Choose a shorter name: `name_max` of the api's profile is the bound.",
                solver: Solver::Caller,
            },
            Self::NotFound => Help {
                title: "No such key",
                meaning: "The account of the key that asked has no key with this id, or not any more.",
                solution: "List the account's keys, and use an id from there.",
                solver: Solver::Caller,
            },
            Self::Conflict => Help {
                title: "As many keys as there may be",
                meaning: "The account has as many keys as this api allows. No key was made.",
                solution: "Delete a key that isn't used any more, then create the new one.",
                solver: Solver::Owner,
            },
            Self::LastKey => Help {
                title: "The last key can't be deleted",
                meaning: "The account would be left without a working key. Nothing was deleted.",
                solution: "Create another key first.",
                solver: Solver::Owner,
            },
            Self::TooLarge => Help {
                title: "The request is too large",
                meaning: "The body or the head of the request is beyond its bound. It was not forwarded.",
                solution: "Send less at once. Who runs the api may raise the bound of bodies: `body_max` in its profile.",
                solver: Solver::Caller,
            },
            Self::Unavailable => Help {
                title: "The key can't be checked right now",
                meaning: "It can't be known at the moment whether the key works. This says nothing against the key: keep \
                          it.",
                solution: "The program tries again after `Retry-After`. Where it lasts, look at `claviger_ready` and the \
                           log: the database can't be reached, or the node is still loading.",
                solver: Solver::Operator,
            },
            Self::Internal => Help {
                title: "A fault of ours",
                meaning: "Something failed that should not. This says nothing against the key.",
                solution: "Look for the request's id in the log, and report what stands there.",
                solver: Solver::Operator,
            },
            Self::BadGateway => Help {
                title: "The api can't be reached",
                meaning: "The key was accepted, but the service behind refused the connection, broke it off, or answered \
                          nonsense.",
                solution: "See that the service runs where the profile's `[upstream]` or `--upstream` says. The program \
                           tries again.",
                solver: Solver::Operator,
            },
            Self::GatewayTimeout => Help {
                title: "The api took too long",
                meaning: "The key was accepted, but the service behind didn't begin its answer in time. It may have done \
                          what was asked.",
                solution: "Find out what keeps the service busy, or raise `timeout` in the profile's `[upstream]`.",
                solver: Solver::Operator,
            },
        }
    }
}
