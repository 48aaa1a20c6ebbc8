//! What every page can reach: the engine of changes, the apis with their looks, and the public origin.

use std::sync::Arc;

use claviger_manage::Manager;
use claviger_model::{
    Clock, Entropy, Timestamp,
    profile::{self, Profile},
};
use claviger_verify::Verifier;

use crate::{
    brand::{Brand, Logo},
    oidc::{OidcSecret, Provider},
};

/// What the pages are made of.
pub struct PagesParts {
    /// Changes.
    pub manager: Manager,
    /// Decisions, and how this node stands.
    pub verifier: Arc<Verifier>,
    /// The apis whose pages these are.
    pub apis: Vec<ApiPages>,
    /// The origin where people reach the portal, such as `https://keys.example.com`; other hosts are refused then.
    pub public_origin: Option<String>,
    /// Whether browsers come by TLS whatever origin was said.
    pub by_tls: bool,
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// The engine's randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// An api and what its pages need beside the profile.
#[derive(Clone, Debug)]
pub struct ApiPages {
    /// The profile.
    pub profile: Arc<Profile>,
    /// The file that the profile names as its logo.
    pub logo: Option<Logo>,
    /// The secret in the file that the profile names for its OpenID Connect client.
    pub oidc_secret: Option<OidcSecret>,
}

/// Why there can be no pages of these parts.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// The public origin is none.
    #[error("the public URL can't be used: {0}")]
    PublicOrigin(#[from] profile::OriginError),
}

/// What every page can reach. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site(Arc<Parts>);

struct Parts {
    manager: Manager,
    verifier: Arc<Verifier>,
    apis: Vec<ApiSite>,
    public_origin: Option<String>,
    by_tls: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// An api with its looks.
pub(crate) struct ApiSite {
    pub(crate) profile: Arc<Profile>,
    pub(crate) brand: Brand,
    pub(crate) provider: Option<Provider>,
}

impl ApiSite {
    fn new(api: ApiPages, clock: &Arc<dyn Clock>) -> Self {
        let brand = Brand::of(&api);
        let ApiPages { profile, oidc_secret, .. } = api;
        let oidc = profile.sign_in.oidc.clone();
        let provider = oidc.map(|oidc| Provider::new(oidc, oidc_secret, Arc::clone(clock)));
        Self { profile, brand, provider }
    }
}

impl Site {
    pub(crate) fn new(parts: PagesParts) -> Result<Self, PortalError> {
        let PagesParts { manager, verifier, apis, public_origin, by_tls, clock, entropy } = parts;
        let public_origin = public_origin.as_deref().map(profile::origin).transpose()?;
        let apis = apis.into_iter().map(|api| ApiSite::new(api, &clock)).collect();
        Ok(Self(Arc::new(Parts { manager, verifier, apis, public_origin, by_tls, clock, entropy })))
    }

    pub(crate) fn manager(&self) -> &Manager {
        &self.0.manager
    }

    pub(crate) fn verifier(&self) -> &Arc<Verifier> {
        &self.0.verifier
    }

    pub(crate) fn apis(&self) -> &[ApiSite] {
        &self.0.apis
    }

    /// The api called `name`.
    pub(crate) fn api(&self, name: &str) -> Option<&ApiSite> {
        self.0.apis.iter().find(|api| &*api.profile.name == name)
    }

    /// The api, where there is one only.
    pub(crate) fn only_api(&self) -> Option<&ApiSite> {
        if let [api] = &*self.0.apis { Some(api) } else { None }
    }

    /// The origin where people reach the portal, where it was said.
    pub(crate) fn public_origin(&self) -> Option<&str> {
        self.0.public_origin.as_deref()
    }

    /// Whether browsers come by TLS, so that cookies can be kept to it.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.by_tls || self.is_secure_for_good()
    }

    /// Whether they can be told to come by TLS from now on: it was said that this host is for it.
    pub(crate) fn is_secure_for_good(&self) -> bool {
        self.public_origin().is_some_and(|origin| origin.starts_with("https://"))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }

    /// Whether a form or cookie may have `text` from [`Site::nonce`].
    pub(crate) fn is_nonce(text: &str) -> bool {
        text.len() == 22 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    }

    /// A random text of 22 characters that no form or cookie had before.
    pub(crate) fn nonce(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let mut bytes = [0; 16];
        self.entropy().fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}
