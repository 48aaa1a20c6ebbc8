//! Why a key is denied: for its owner, whose page says the title and the solution, and for whoever looks a code up.

use super::{Help, Solver};
use crate::DenialCode;

impl DenialCode {
    /// What it means and what to do.
    pub const fn help(self) -> Help {
        match self {
            Self::Missing => Help {
                title: "No key was sent",
                meaning: "The request has no credential where this api looks for one.",
                solution: "Send the key with every request.",
                solver: Solver::Caller,
            },
            Self::Malformed => Help {
                title: "The request can't be understood",
                meaning: "What was sent can't be a key of this api: its beginning, length, characters or checksum are \
                          wrong. Or two credentials were sent.",
                solution: "Send one key, whole and unchanged, in one header.",
                solver: Solver::Caller,
            },
            Self::Unknown => Help {
                title: "Unknown key",
                meaning: "It has the form of a key, but this api has none like it: it belongs to another api or \
                          installation, or was revoked more than 30 days ago.",
                solution: "Check which key the program uses.",
                solver: Solver::Caller,
            },
            Self::Revoked => Help {
                title: "The secret is revoked",
                meaning: "The key was revoked, or a rotation replaced this secret and the overlap is over. That can't be \
                          undone.",
                solution: "Give the program the key's new secret, or a key of its own.",
                solver: Solver::Owner,
            },
            Self::Disabled => Help {
                title: "The key is disabled",
                meaning: "The key is switched off, or its account is suspended. Enabled or reinstated, it works as before.",
                solution: "Enable the key, or stop the program.",
                solver: Solver::Owner,
            },
            Self::Expired => Help {
                title: "The key has expired",
                meaning: "The key was given an end, which has passed.",
                solution: "Move the expiry, or give the program a new key.",
                solver: Solver::Owner,
            },
            Self::Environment => Help {
                title: "Wrong environment",
                meaning: "A test key was sent where live keys are taken, or the other way round.",
                solution: "Use a key of the other environment there, or call the other host.",
                solver: Solver::Caller,
            },
            Self::Scope => Help {
                title: "A permission is missing",
                meaning: "The key is good and lacks the scope that this request needs. Or no scope is assigned to the \
                          route, which is then closed to keys with listed scopes.",
                solution: "Add the permission to the key, if the program should have it.",
                solver: Solver::Owner,
            },
            Self::Network => Help {
                title: "The address is not allowed",
                meaning: "The key is good and restricted to networks, and the caller's address is in none of them or not \
                          known.",
                solution: "Add the address to the key's allowed networks, if the program should call from there.",
                solver: Solver::Owner,
            },
            Self::Referrer => Help {
                title: "The website is not allowed",
                meaning: "The key is good and restricted to websites, and the request's `Referer` is missing or none of \
                          them.",
                solution: "Add the website to the key's allowed websites, if it should call from there.",
                solver: Solver::Owner,
            },
            Self::Endpoint => Help {
                title: "The endpoint is not allowed",
                meaning: "The key is good and restricted to endpoints, and the method and path are none of them, or the \
                          path can be read in two ways.",
                solution: "Add the endpoint to the key's allowed endpoints, if the program should call it.",
                solver: Solver::Owner,
            },
            Self::Rate => Help {
                title: "Too many requests",
                meaning: "The key was used more often within a window of time than its rate allows. `Retry-After` says in \
                          how many seconds there is room again.",
                solution: "Let the program wait, and send its requests more evenly.",
                solver: Solver::Caller,
            },
            Self::Quota => Help {
                title: "The quota is used up",
                meaning: "The key has made all the calls of its day or month (UTC). `Retry-After` says in how many \
                          seconds the next one begins.",
                solution: "Wait for the next period, or ask for a higher quota.",
                solver: Solver::Owner,
            },
        }
    }
}
