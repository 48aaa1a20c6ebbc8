//! What applications are told, for whoever wrote them.

use super::{Help, Solver};
use crate::oauth::ErrorCode;

impl ErrorCode {
    /// What it means and what to do.
    #[expect(clippy::too_many_lines, reason = "a row for each code, and nothing else")]
    pub const fn help(self) -> Help {
        match self {
            Self::InvalidRequest => Help {
                title: "The request isn't one of OAuth 2.0",
                meaning: "A parameter is missing, there twice, or can't be read, or the body is no form. \
                          `error_description` says which.",
                solution: "Send what the description asks for, as `application/x-www-form-urlencoded`, each parameter \
                           once. Authorization requests need `code_challenge` with `S256`.",
                solver: Solver::Developer,
            },
            Self::InvalidClient => Help {
                title: "The application is unknown, or its secret wrong",
                meaning: "The application's id is not known here, its secret was replaced or is mistyped, or it was \
                          revoked.",
                solution: "Look at the id and the secret. Whoever runs this rotates the secret with `claviger client \
                           rotate` where it is lost.",
                solver: Solver::Developer,
            },
            Self::InvalidGrant => Help {
                title: "The code or refresh token doesn't work",
                meaning: "It is wrong, was used before, is too old, belongs to another application or address, or what \
                          was granted has ended.",
                solution: "Forget the token and send the member to the authorization endpoint again. Use each code and \
                           refresh token once.",
                solver: Solver::Developer,
            },
            Self::UnauthorizedClient => Help {
                title: "The application may not have tokens this way",
                meaning: "Tokens by client credentials are for confidential applications that have an account of their \
                          own, and introspection for those that may.",
                solution: "Use the way that the application is registered for, or have it registered for this one.",
                solver: Solver::Developer,
            },
            Self::UnsupportedGrantType => Help {
                title: "This kind of grant isn't given",
                meaning: "Tokens are given for `authorization_code`, `refresh_token` and `client_credentials`.",
                solution: "Use one of these as `grant_type`.",
                solver: Solver::Developer,
            },
            Self::UnsupportedResponseType => Help {
                title: "This kind of answer isn't given",
                meaning: "An authorization request is answered with a code and nothing else.",
                solution: "Ask with `response_type=code`.",
                solver: Solver::Developer,
            },
            Self::InvalidScope => Help {
                title: "More is asked for than there is to be had",
                meaning: "A scope is unknown to this api, malformed, or none that the application may ask for.",
                solution: "Ask for scopes that the metadata lists, or have the application's bounds widened.",
                solver: Solver::Developer,
            },
            Self::InvalidTarget => Help {
                title: "Another api is meant",
                meaning: "`resource` names a host that isn't this api's.",
                solution: "Leave `resource` out, or name the api that the authorization server is for.",
                solver: Solver::Developer,
            },
            Self::AccessDenied => Help {
                title: "Access isn't given",
                meaning: "The member said no, what they granted is switched off for now, or applications don't register \
                          themselves here.",
                solution: "Ask the member. Where it is switched off, keep the refresh token: it works again once it is \
                           switched on.",
                solver: Solver::Owner,
            },
            Self::InteractionRequired => Help {
                title: "The member has to be asked",
                meaning: "The application asked for an answer without a page (`prompt=none`), and none is given so.",
                solution: "Ask without `prompt=none`.",
                solver: Solver::Developer,
            },
            Self::RequestNotSupported => Help {
                title: "Request objects aren't read",
                meaning: "The parameters came in a signed object (`request`).",
                solution: "Send the parameters themselves, in the query.",
                solver: Solver::Developer,
            },
            Self::RequestUriNotSupported => Help {
                title: "Request objects aren't fetched",
                meaning: "The parameters are said to be at an address (`request_uri`).",
                solution: "Send the parameters themselves, in the query.",
                solver: Solver::Developer,
            },
            Self::InvalidRedirectUri => Help {
                title: "The address can't be registered",
                meaning: "A redirect URI is https, or http on a loopback address, or of a scheme of the application's \
                          own with a dot in it, and has no fragment.",
                solution: "Register such an address.",
                solver: Solver::Developer,
            },
            Self::InvalidClientMetadata => Help {
                title: "The application can't be registered so",
                meaning: "Something that the application says of itself can't be taken. `error_description` says what.",
                solution: "Change what the description names.",
                solver: Solver::Developer,
            },
            Self::NotFound => Help {
                title: "There is nothing of the kind",
                meaning: "No api of this name takes part in OAuth here, or it has nothing of what was asked for.",
                solution: "Look at the address; the metadata of the api has the right ones. A profile takes part by its \
                           section `[oauth]`.",
                solver: Solver::Developer,
            },
            Self::TemporarilyUnavailable => Help {
                title: "Not possible right now",
                meaning: "It can't be known or done at the moment, or too much was asked. This says nothing against the \
                          application or its tokens: keep them.",
                solution: "Try again after `Retry-After`. Where it lasts, the database can't be reached or has no room.",
                solver: Solver::Operator,
            },
            Self::ServerError => Help {
                title: "A fault of ours",
                meaning: "Something failed that should not.",
                solution: "Look for the request's id in the log, and report what stands there.",
                solver: Solver::Operator,
            },
        }
    }
}
