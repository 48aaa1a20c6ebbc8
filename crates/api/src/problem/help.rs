//! What a problem of the management API means, and what whoever called can do.

use claviger_model::{Help, Solver};

use super::Code;

impl Code {
    /// What it means and what to do, for the page that the problem's type leads to.
    #[expect(clippy::too_many_lines, reason = "a row for each code, and nothing else")]
    pub(crate) const fn help(self) -> Help {
        match self {
            Self::Unauthorized => Help {
                title: "An operator key is required",
                meaning: "The call came without an operator key, or with one that is not of this installation, mistyped \
                          or revoked. A customer's key is never one.",
                solution: "Send an operator key of this installation in the header `Authorization: Bearer`. `claviger \
                           init` printed the first; `claviger operator issue` makes others.",
                solver: Solver::Operator,
            },
            Self::Forbidden => Help {
                title: "This isn't allowed",
                meaning: "It is known who calls, and they may not do this, or nobody may do it to this.",
                solution: "The detail says what stands in the way. Where that is an ability, use an operator key that has \
                           it: `claviger operator list` shows which can what.",
                solver: Solver::Operator,
            },
            Self::NotFound => Help {
                title: "Not found",
                meaning: "There is nothing at this path or by this id, or nothing that whoever calls may know of.",
                solution: "Look at the id and the path; ids are written in lower case.",
                solver: Solver::Developer,
            },
            Self::MethodNotAllowed => Help {
                title: "The resource has no such method",
                meaning: "The path is right, and its resource takes other methods.",
                solution: "Look at `/v1/openapi.json` for the methods of the resource.",
                solver: Solver::Developer,
            },
            Self::MalformedRequest => Help {
                title: "The request can't be understood",
                meaning: "The body is no JSON or more than one value, a member or header is there twice, or the query \
                          can't be read. What can be read in two ways is not guessed at.",
                solution: "Send one JSON value, each member once, and each header once.",
                solver: Solver::Developer,
            },
            Self::UnsupportedMediaType => Help {
                title: "The body must be JSON",
                meaning: "The body came without a content type, with another one, or compressed.",
                solution: "Send the header `Content-Type: application/json` and the body as it is.",
                solver: Solver::Developer,
            },
            Self::TooLarge => Help {
                title: "The body is too large",
                meaning: "The body is beyond the call's bound: 64 KiB, 1 MiB where many keys are verified, 4 MiB where keys \
                          are imported. Nothing of it was looked at.",
                solution: "Send less at once, in several calls.",
                solver: Solver::Developer,
            },
            Self::Invalid => Help {
                title: "Some fields can't be taken",
                meaning: "The body was understood, and some of what it says can't be done. Nothing of it was.",
                solution: "`errors` names each field and what it takes.",
                solver: Solver::Developer,
            },
            Self::TooManyKeys => Help {
                title: "The account has as many keys as it may have",
                meaning: "The api's profile bounds the keys of an account (`keys_max`), and this one has them all.",
                solution: "Revoke a key that isn't used any more, then issue the new one: `claviger key list --unused` \
                           shows which aren't.",
                solver: Solver::Owner,
            },
            Self::LastKey => Help {
                title: "The account's last key can't go",
                meaning: "The api's profile says how many working keys an account keeps (`keys_min`), and there would be \
                          fewer.",
                solution: "Issue another key first.",
                solver: Solver::Owner,
            },
            Self::LastOperator => Help {
                title: "The last operator key can't go",
                meaning: "Nobody would be left who may do everything.",
                solution: "Issue another operator key that can do everything first: `claviger operator issue --name NAME \
                           --can all`.",
                solver: Solver::Operator,
            },
            Self::Revoked => Help {
                title: "It is revoked",
                meaning: "Nothing changes any more about what is revoked: a key or an application.",
                solution: "A revocation can't be undone; issue a new key, or register the application anew.",
                solver: Solver::Owner,
            },
            Self::ExternalIdTaken => Help {
                title: "The external id is taken",
                meaning: "An external id names one thing of an api, and this one names another already.",
                solution: "Find what has the external id, or choose another.",
                solver: Solver::Developer,
            },
            Self::MemberExists => Help {
                title: "They are a member already",
                meaning: "The account has a member with this address.",
                solution: "List the account's members to find them; a sign-in link or a password link lets them in.",
                solver: Solver::Developer,
            },
            Self::LastAdministrator => Help {
                title: "The account's last administrator can't go",
                meaning: "Nobody would be left in the account who can say who is a member.",
                solution: "Make another member an administrator first.",
                solver: Solver::Owner,
            },
            Self::LinkUsed => Help {
                title: "The link was used",
                meaning: "Each one-time link works once. Where it was somebody else who used it, that is a theft: end the \
                          member's sessions.",
                solution: "Make another link.",
                solver: Solver::Developer,
            },
            Self::LinkExpired => Help {
                title: "The link has expired",
                meaning: "A one-time link works for a short while, which is over.",
                solution: "Make another link; its answer says how long it works.",
                solver: Solver::Developer,
            },
            Self::WrongPassword => Help {
                title: "The address or the password is wrong",
                meaning: "No member has this address and this password. Which of the two is wrong isn't told.",
                solution: "Look at the address and the password, or sign in by a link.",
                solver: Solver::Owner,
            },
            Self::TooManyAttempts => Help {
                title: "Too many attempts to sign in",
                meaning: "Too many attempts failed lately, from this address or for this member.",
                solution: "Try again after `Retry-After`, or sign in by a link.",
                solver: Solver::Owner,
            },
            Self::NotSealed => Help {
                title: "Keys of this api can't be revealed",
                meaning: "Of this key only a digest is kept, from which nobody can make it again.",
                solution: "Rotate the key to get a secret you can see.",
                solver: Solver::Owner,
            },
            Self::NodeAlive => Help {
                title: "The node is alive",
                meaning: "The node that was to be fenced is the one that answers, so it is not dead.",
                solution: "Only a node that is known to be dead is fenced. A node that is asked to end leaves by itself.",
                solver: Solver::Operator,
            },
            Self::AlreadyCreated => Help {
                title: "Already created",
                meaning: "The call was made before, with this `Idempotency-Key`; `id` names what it created. A secret is \
                          told once and not repeated.",
                solution: "Go on with `id`. Rotate the key if its answer was lost.",
                solver: Solver::Developer,
            },
            Self::IdempotencyMismatch => Help {
                title: "The idempotency key was used for another request",
                meaning: "An `Idempotency-Key` names one request, and this one differs from the one that came with it \
                          first.",
                solution: "Use a new `Idempotency-Key` for each request.",
                solver: Solver::Developer,
            },
            Self::Unavailable => Help {
                title: "Not possible right now",
                meaning: "Nothing was changed or decided: the database can't be reached or is busy, or the node is \
                          loading, has lost its lease, or was moved from.",
                solution: "Try again after `Retry-After`. Where it lasts, the detail and the log say what the node waits \
                           for.",
                solver: Solver::Operator,
            },
            Self::StorageFull => Help {
                title: "There is no room left",
                meaning: "Nothing was changed: the database has no room for it. Keys are verified as before.",
                solution: "Make room on the disk of the database.",
                solver: Solver::Operator,
            },
            Self::OutcomeUnknown => Help {
                title: "The outcome is unknown",
                meaning: "The change was sent to the database, and its answer was lost. It may or may not have happened.",
                solution: "Read the resource to see, or repeat the call with the same `Idempotency-Key`.",
                solver: Solver::Developer,
            },
            Self::Internal => Help {
                title: "Something went wrong on our side",
                meaning: "Something failed that should not.",
                solution: "Look for the request's id in the log of the server, and report what stands there.",
                solver: Solver::Operator,
            },
        }
    }
}
