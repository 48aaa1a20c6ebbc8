//! An api whose keys a node judges.

use http::request::Parts;

use crate::{
    Carrier, Decide, Decision, Environment, Indeterminate, Node, RemotePermit, ScopeError, TrustedProxies,
    reading::Reading, scopes,
};

/// Most scopes that can be demanded at once.
const SCOPES_MAX: usize = 64;

/// An api of a node: what [`ClavigerLayer`](crate::ClavigerLayer) asks. Cheap enough to clone for each route.
#[derive(Clone, Debug)]
pub struct RemoteApi {
    node: Node,
    reading: Reading,
}

impl RemoteApi {
    pub(crate) fn new(node: Node, api: &str) -> Self {
        Self { node, reading: Reading::of(api) }
    }

    /// Where keys travel, instead of `Authorization: Bearer` and `X-API-Key`: what the api's profile says of it.
    ///
    /// A request that could hold a key in two of these is answered 400.
    #[must_use]
    pub fn carriers(mut self, carriers: impl IntoIterator<Item = Carrier>) -> Self {
        self.reading.carriers = carriers.into_iter().collect();
        self
    }

    /// Leaves the credential in the request for the service behind.
    #[must_use]
    pub fn forward_credential(mut self) -> Self {
        self.reading.forward = true;
        self
    }

    /// The proxies whose `X-Forwarded-For` is believed; nobody is otherwise.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.reading.proxies = proxies;
        self
    }

    /// Scopes that a key must have, beyond those that the profile's routes demand: at most 64. Who lacks one is answered
    /// in the api's own words.
    pub fn scopes<T: Into<Box<str>>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, ScopeError> {
        let names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        if names.len() > SCOPES_MAX {
            return Err(ScopeError::TooMany);
        }
        names.iter().try_for_each(|name| scopes::check(name))?;
        self.reading.scopes = names.into();
        Ok(self)
    }

    /// The only environment whose keys are taken.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.reading.environment = Some(environment);
        self
    }
}

impl Decide for RemoteApi {
    type Permit = RemotePermit;

    async fn decide(&self, head: &mut Parts) -> Result<Decision<RemotePermit>, Indeterminate> {
        let attempt = match self.reading.attempt(head) {
            Ok(attempt) => attempt,
            Err(misread) => return Ok(Decision::Deny(misread.answer())),
        };
        let decision = self.node.ask(attempt).await?;
        self.reading.withdraw(&mut head.headers);
        Ok(decision)
    }
}
