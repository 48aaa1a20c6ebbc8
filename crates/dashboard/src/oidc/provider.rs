//! A provider: where it is asked (OpenID Connect Discovery 1.0), and what it answers for a code and a token.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use claviger_model::{Clock, profile::Oidc};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Full;
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{
    attempt::Attempt,
    fetch::Fetcher,
    kept::Kept,
    keys::{KeySet, KeySetDocument},
    token::{EmailClaims, Expected, Unverified, Verified},
    trouble::{Trouble, bounded},
};

/// The secret by which a provider knows this client. It has no honest `Debug`.
#[derive(Clone)]
pub struct OidcSecret(Zeroizing<String>);

impl OidcSecret {
    /// The secret as the provider gave it.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for OidcSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OidcSecret(..)")
    }
}

/// An api's provider.
pub(crate) struct Provider {
    settings: Oidc,
    secret: Option<OidcSecret>,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    metadata: Kept<Metadata>,
    keys: Kept<KeySet>,
    turns: Semaphore,
}

/// Codes that are sent to a provider at once: whoever makes them up must not have us flood it.
const AT_ONCE: usize = 8;

/// What a provider says of itself.
#[derive(Debug)]
pub(super) struct Metadata {
    authorization: Url,
    token: Url,
    keys: Url,
    userinfo: Option<Url>,
    takes_basic: bool,
    takes_post: bool,
    /// Whether its answers to the browser always say whose they are (RFC 9207 §3).
    pub(super) names_itself: bool,
}

#[derive(Deserialize)]
struct MetadataDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What is given for a code.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    email: EmailClaims,
}

impl Provider {
    pub(crate) fn new(settings: Oidc, secret: Option<OidcSecret>, clock: Arc<dyn Clock>) -> Self {
        let (fetcher, metadata, keys) = (Fetcher::new(), Kept::new(), Kept::new());
        Self { settings, secret, fetcher, clock, metadata, keys, turns: Semaphore::new(AT_ONCE) }
    }

    /// A turn to ask what a code is worth, as long as it is held. Where there is none, nobody waits.
    fn turn(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        self.turns.try_acquire().map_err(|error| Trouble::unavailable(format!("too many at once: {error}")))
    }

    /// Its issuer identifier.
    pub(super) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What it says of itself.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, Trouble> {
        let fetch = async {
            let issuer = self.issuer();
            let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let place = Url::parse(&place).map_err(Trouble::unavailable)?;
            Metadata::read(self.fetcher.document(&place).await?, issuer)
        };
        self.metadata.get(&*self.clock, |_| true, fetch).await
    }

    /// Where a browser is sent to begin (OpenID Connect Core §3.1.2.1).
    pub(super) fn authorization(&self, metadata: &Metadata, attempt: &Attempt, back: &str) -> Url {
        let mut place = metadata.authorization.clone();
        place
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", back)
            .append_pair("scope", "openid email")
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        place
    }

    /// Who somebody is for whom the provider gave a code.
    pub(super) async fn identify(
        &self,
        metadata: &Metadata,
        attempt: &Attempt,
        code: &str,
        back: &str,
    ) -> Result<Verified, Trouble> {
        let _turn = self.turn()?;
        let tokens = self.exchange(metadata, attempt, code, back).await?;
        let token = Unverified::read(&tokens.id_token)?;
        let suits = |keys: &KeySet| keys.knows(token.signing, token.key_id.as_deref());
        let fetch = async {
            let document: KeySetDocument = self.fetcher.document(&metadata.keys).await?;
            Ok(KeySet::from(document))
        };
        let keys = self.keys.get(&*self.clock, suits, fetch).await?;
        let nonce = attempt.nonce();
        let (issuer, client_id) = (self.issuer(), &*self.settings.client_id);
        let expected = Expected { issuer, client_id, nonce: &nonce, now: self.clock.now() };
        let verified = token.verify(&keys, &expected)?;
        match (&metadata.userinfo, &tokens.access_token) {
            // Providers may tell an address here only (OpenID Connect Core §5.4).
            (Some(place), Some(access)) if verified.email.is_absent() => {
                let email = self.userinfo(place, access, &verified.subject).await?;
                Ok(Verified { email, ..verified })
            }
            _ => Ok(verified),
        }
    }

    /// Exchanges a code for tokens.
    async fn exchange(
        &self,
        metadata: &Metadata,
        attempt: &Attempt,
        code: &str,
        back: &str,
    ) -> Result<Tokens, Trouble> {
        let request = self.token_request(metadata, attempt, code, back)?;
        let answer = self.fetcher.send(request).await?;
        if answer.status() == StatusCode::BAD_REQUEST
            && let Ok(TokenError { error }) = answer.json(&metadata.token)
        {
            return Err(match &*error {
                "invalid_grant" => Trouble::Refused { code: error, description: String::new() },
                _ => Trouble::Unavailable(format!("{}: it answered {:?}", metadata.token, bounded(&error))),
            });
        }
        answer.success(&metadata.token)
    }

    /// What a code is exchanged by (RFC 6749 §4.1.3, RFC 7636 §4.5).
    fn token_request(
        &self,
        metadata: &Metadata,
        attempt: &Attempt,
        code: &str,
        back: &str,
    ) -> Result<Request<Full<Bytes>>, Trouble> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", back)
            .append_pair("code_verifier", &attempt.verifier());
        let mut request = Request::post(metadata.token.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let client_id = &self.settings.client_id;
        match &self.secret {
            None => {
                form.append_pair("client_id", client_id);
            }
            Some(secret) if metadata.takes_basic => {
                request = request.header(header::AUTHORIZATION, basic(client_id, secret));
            }
            Some(secret) if metadata.takes_post => {
                form.append_pair("client_id", client_id).append_pair("client_secret", &secret.0);
            }
            Some(_) => {
                return Err(Trouble::unavailable("the provider takes a client's secret in no way we know"));
            }
        }
        request.body(Full::new(Bytes::from(form.finish()))).map_err(Trouble::unavailable)
    }

    /// What is said of somebody's address (OpenID Connect Core §5.3), if it is about `subject`.
    async fn userinfo(&self, place: &Url, access: &str, subject: &str) -> Result<EmailClaims, Trouble> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {access}")).map_err(Trouble::unavailable)?;
        bearer.set_sensitive(true);
        let request = Request::get(place.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, bearer);
        let request = request.body(Full::default()).map_err(Trouble::unavailable)?;
        let about: UserInfo = self.fetcher.send(request).await?.success(place)?;
        if about.sub == subject {
            Ok(about.email)
        } else {
            Err(Trouble::Untrusted("the user info is about somebody else"))
        }
    }
}

/// The client's name and secret in a header field (RFC 6749 §2.3.1: each encoded as in a form).
fn basic(client_id: &str, secret: &OidcSecret) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(&secret.0)));
    let mut field = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(&*pair)))
        .expect("base64 fits into a field");
    field.set_sensitive(true);
    field
}

impl Metadata {
    fn read(document: MetadataDocument, issuer: &str) -> Result<Self, Trouble> {
        // Discovery §4.3: exactly.
        if document.issuer != issuer {
            let other = bounded(&document.issuer);
            return Err(Trouble::Unavailable(format!("{issuer} says that it is {other:?}")));
        }
        let endpoint = |text: &str| endpoint(text, issuer);
        let methods = document.token_endpoint_auth_methods_supported;
        let takes =
            |name: &str| methods.as_ref().is_some_and(|methods| methods.iter().any(|method| method == name));
        Ok(Self {
            authorization: endpoint(&document.authorization_endpoint)?,
            token: endpoint(&document.token_endpoint)?,
            keys: endpoint(&document.jwks_uri)?,
            userinfo: document.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
            takes_basic: methods.is_none() || takes("client_secret_basic"),
            takes_post: takes("client_secret_post"),
            names_itself: document.authorization_response_iss_parameter_supported,
        })
    }
}

/// A place of the provider's: by TLS, but for a provider on this machine.
fn endpoint(text: &str, issuer: &str) -> Result<Url, Trouble> {
    let is_safe = |url: &Url| {
        let may_be_plain = issuer.starts_with("http://") && is_this_machine(url);
        (url.scheme() == "https" || (url.scheme() == "http" && may_be_plain))
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    };
    let url = Url::parse(text).ok().filter(is_safe);
    url.ok_or_else(|| {
        Trouble::Unavailable(format!("{issuer} names {:?}, which is no https URL", bounded(text)))
    })
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> claviger_model::Timestamp {
            claviger_model::Timestamp::from_millis(0)
        }

        fn boot(&self) -> claviger_model::Moment {
            claviger_model::Moment::since_boot(std::time::Duration::ZERO)
        }
    }

    #[test]
    fn a_few_codes_are_asked_about_at_once_and_nobody_waits() {
        let settings = Oidc {
            issuer: "https://op.example".to_owned(),
            client_id: "claviger".to_owned(),
            client_secret_file: None,
            label: "Sign in".to_owned(),
        };
        let provider = Provider::new(settings, None, Arc::new(Still));
        let mut turns: Vec<_> = (0..AT_ONCE).map(|_| provider.turn().expect("there is room")).collect();
        assert!(matches!(provider.turn(), Err(Trouble::Unavailable(_))));
        drop(turns.pop());
        assert!(provider.turn().is_ok());
    }

    #[test]
    fn a_place_is_reached_by_tls_or_on_this_machine() {
        let far = "https://op.example";
        for (place, issuer) in [
            ("https://op.example/token", far),
            ("https://elsewhere.example/token?a=b", far),
            ("http://127.0.0.1:9/token", "http://127.0.0.1:9"),
            ("http://localhost/token", "http://[::1]:9"),
        ] {
            assert!(endpoint(place, issuer).is_ok(), "{place}");
        }
        for (place, issuer) in [
            ("http://op.example/token", far),
            ("http://127.0.0.1/token", far),
            ("http://op.example/token", "http://127.0.0.1:9"),
            ("https://a:b@op.example/token", far),
            ("https://op.example/#token", far),
            ("javascript:alert(1)", far),
            ("/token", far),
        ] {
            assert!(endpoint(place, issuer).is_err(), "{place}");
        }
    }

    #[test]
    fn the_secret_is_sent_as_a_form_encodes_it() {
        let field = basic("a client", &OidcSecret::new("p:ä&".to_owned()));
        assert_eq!(field, format!("Basic {}", STANDARD.encode("a+client:p%3A%C3%A4%26")));
        assert!(field.is_sensitive());
        assert_eq!(format!("{:?}", OidcSecret::new("x".to_owned())), "OidcSecret(..)");
    }
}
