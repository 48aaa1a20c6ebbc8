//! Which endpoint of which api a path names.

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Token,
    Revoke,
    Introspect,
    Register,
    Metadata,
}

/// An endpoint, and the api whose it is: `None` is the only one there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) api: Option<&'a str>,
}

/// RFC 8414 §3.1: inserted before the path of the issuer.
const METADATA: &str = "/.well-known/oauth-authorization-server/oauth/";

impl<'a> Place<'a> {
    /// Reads a path; `None` where it is none of ours.
    pub(crate) fn read(path: &'a str) -> Option<Self> {
        if let Some(api) = path.strip_prefix(METADATA) {
            return Some(Self { endpoint: Endpoint::Metadata, api: Some(api) });
        }
        let rest = path.strip_prefix("/oauth/")?;
        let (api, name) = rest.rsplit_once('/').map_or((None, rest), |(api, name)| (Some(api), name));
        let endpoint = match name {
            "token" => Endpoint::Token,
            "revoke" => Endpoint::Revoke,
            "introspect" => Endpoint::Introspect,
            "register" => Endpoint::Register,
            _ => return None,
        };
        Some(Self { endpoint, api })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_of_the_api_that_is_named_or_of_the_only_one() {
        for (path, endpoint, api) in [
            ("/oauth/cashcat/token", Endpoint::Token, Some("cashcat")),
            ("/oauth/token", Endpoint::Token, None),
            ("/oauth/a/revoke", Endpoint::Revoke, Some("a")),
            ("/oauth/a/introspect", Endpoint::Introspect, Some("a")),
            ("/oauth/a/register", Endpoint::Register, Some("a")),
            ("/.well-known/oauth-authorization-server/oauth/a", Endpoint::Metadata, Some("a")),
        ] {
            assert_eq!(Place::read(path), Some(Place { endpoint, api }), "{path}");
        }
        for path in
            ["/", "/oauth", "/oauth/a/authorize", "/oauth/authorize", "/oauth/a/token/", "/oauths/token"]
        {
            assert_eq!(Place::read(path), None, "{path}");
        }
    }
}
