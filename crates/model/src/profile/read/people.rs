//! Roles and how members sign in.

use toml::Spanned;
use url::Url;

use super::{
    super::{
        Oidc, Roles, SignIn,
        grammar::{OidcText, RolesText, SignInText},
    },
    Reading,
};
use crate::{MemberAbilities, MemberAbility};

const DEFAULT_LABEL: &str = "Continue with single sign-on";

impl Reading<'_> {
    pub(super) fn roles(&mut self, text: &RolesText) -> Roles {
        let default = Roles::default();
        Roles {
            developer: text
                .developer
                .as_ref()
                .map_or(default.developer, |list| self.abilities("developer", list)),
            viewer: text.viewer.as_ref().map_or(default.viewer, |list| self.abilities("viewer", list)),
        }
    }

    fn abilities(&mut self, role: &str, list: &Spanned<Vec<String>>) -> MemberAbilities {
        let mut found = Vec::new();
        for name in list.get_ref() {
            match MemberAbility::ALL.into_iter().find(|ability| ability.as_str() == name) {
                Some(ability) => found.push(ability),
                None => self.object(
                    &list.span(),
                    format!("{role}: {name:?} must be one of read, manage, reveal, audit, members"),
                ),
            }
        }
        let abilities = MemberAbilities::of(&found);
        for ability in [MemberAbility::Manage, MemberAbility::Reveal] {
            if abilities.include(ability) && !abilities.include(MemberAbility::Read) {
                self.object(&list.span(), format!("{role}: {} needs read", ability.as_str()));
            }
        }
        abilities
    }

    pub(super) fn sign_in(&mut self, text: &SignInText) -> SignIn {
        SignIn {
            passwords: text.passwords.unwrap_or(true),
            oidc: text.oidc.as_ref().and_then(|oidc| self.oidc(oidc)),
        }
    }

    fn oidc(&mut self, text: &OidcText) -> Option<Oidc> {
        let issuer = self.take(&text.issuer.span(), "issuer", issuer(text.issuer.get_ref()));
        if text.client_id.get_ref().is_empty() || text.client_id.get_ref().chars().any(char::is_control) {
            self.object(&text.client_id.span(), "client_id: what the provider calls this client");
        }
        let file = text.client_secret_file.as_ref();
        if let Some(file) = file.filter(|file| file.get_ref().is_empty()) {
            self.object(&file.span(), "client_secret_file: the name of a file");
        }
        let label = text.label.as_ref().map_or(DEFAULT_LABEL, |label| label.get_ref());
        Some(Oidc {
            issuer: issuer?.to_owned(),
            client_id: text.client_id.get_ref().clone(),
            client_secret_file: file.map(|file| file.get_ref().clone()),
            label: label.to_owned(),
        })
    }
}

/// An issuer is an https URL without query and fragment; http will do on this machine.
fn issuer(text: &str) -> Result<&str, &'static str> {
    let wrong = "must be an https URL without query and fragment, such as https://login.example.com";
    let Ok(url) = Url::parse(text) else { return Err(wrong) };
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let safe = url.scheme() == "https" || (url.scheme() == "http" && local);
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if safe && bare { Ok(text) } else { Err(wrong) }
}
