//! The closed list of what goes wrong with OAuth 2.0, as it is told to applications.

/// Why an application doesn't get what it asked for (RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2, RFC 8707 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// Something is missing, malformed or there twice.
    InvalidRequest,
    /// It isn't known who asks.
    InvalidClient,
    /// The code or refresh token is wrong, used, old, or another application's.
    InvalidGrant,
    /// The application may not have tokens this way.
    UnauthorizedClient,
    /// The kind of grant isn't given here.
    UnsupportedGrantType,
    /// The kind of answer isn't given here.
    UnsupportedResponseType,
    /// More than may be asked for.
    InvalidScope,
    /// Another api is meant.
    InvalidTarget,
    /// The member said no, or it is switched off.
    AccessDenied,
    /// The member would have to be asked.
    InteractionRequired,
    /// Request objects aren't read.
    RequestNotSupported,
    /// Nor fetched.
    RequestUriNotSupported,
    /// An address that can't be registered.
    InvalidRedirectUri,
    /// Something else that can't be registered.
    InvalidClientMetadata,
    /// There is no such thing.
    NotFound,
    /// It can't be done now.
    TemporarilyUnavailable,
    /// A fault of ours.
    ServerError,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 17] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::AccessDenied,
        Self::InteractionRequired,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::InvalidRedirectUri,
        Self::InvalidClientMetadata,
        Self::NotFound,
        Self::TemporarilyUnavailable,
        Self::ServerError,
    ];

    /// The code as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::InteractionRequired => "interaction_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::NotFound => "not_found",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}
