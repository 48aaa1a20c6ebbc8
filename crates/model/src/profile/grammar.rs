//! The shape of a profile file. What the values mean and whether they fit together is `read`'s to say.

use std::collections::HashMap;

use serde::Deserialize;
use toml::{Spanned, Table};

use super::{Dashboard, Mode};
use crate::{
    Environment,
    key::{Checksum, Digested},
    restriction::Per,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileText {
    pub(super) name: Spanned<String>,
    pub(super) title: Spanned<String>,
    pub(super) env_var: Spanned<String>,
    pub(super) support: Option<Spanned<String>>,
    pub(super) lease: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) mode: Mode,
    #[serde(default)]
    pub(super) trusted_proxies: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) hosts: HostsText,
    pub(super) keys: Spanned<KeysText>,
    pub(super) credentials: Spanned<CredentialsText>,
    #[serde(default)]
    pub(super) test: TestText,
    #[serde(default)]
    pub(super) upstream: UpstreamText,
    #[serde(default)]
    pub(super) scopes: Option<Spanned<Table>>,
    #[serde(default)]
    pub(super) routes: Vec<Spanned<RouteText>>,
    pub(super) answers: AnswersText,
    #[serde(default)]
    pub(super) limits: LimitsText,
    pub(super) self_service: Option<Spanned<SelfServiceText>>,
    #[serde(default)]
    pub(super) roles: RolesText,
    #[serde(default)]
    pub(super) sign_in: SignInText,
    pub(super) oauth: Option<Spanned<OauthText>>,
    #[serde(default)]
    pub(super) dashboard: Dashboard,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OauthText {
    pub(super) prefix: Spanned<String>,
    pub(super) access_lasts: Option<Spanned<String>>,
    pub(super) grant_lasts: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) registration: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RolesText {
    pub(super) developer: Option<Spanned<Vec<String>>>,
    pub(super) viewer: Option<Spanned<Vec<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignInText {
    pub(super) passwords: Option<bool>,
    pub(super) oidc: Option<OidcText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OidcText {
    pub(super) issuer: Spanned<String>,
    pub(super) client_id: Spanned<String>,
    pub(super) client_secret_file: Option<Spanned<String>>,
    pub(super) label: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HostsText {
    pub(super) any: Vec<Spanned<String>>,
    pub(super) live: Vec<Spanned<String>>,
    pub(super) test: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysText {
    pub(super) formats: Spanned<Vec<Spanned<FormatText>>>,
    pub(super) storage: StorageText,
    pub(super) display_prefix: Spanned<DisplayText>,
    #[serde(default = "yes")]
    pub(super) name_required: bool,
    pub(super) name_max: Option<Spanned<usize>>,
    pub(super) keys_max: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) keys_min: Option<Spanned<u32>>,
    pub(super) first_key: Option<Spanned<FirstKeyText>>,
    pub(super) rotate_after: Option<Spanned<String>>,
    pub(super) unused_after: Option<Spanned<String>>,
    pub(super) overlap: Option<Spanned<String>>,
    pub(super) pepper_file: Option<Spanned<String>>,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormatText {
    pub(super) live: String,
    pub(super) test: Option<String>,
    pub(super) length: usize,
    pub(super) alphabet: String,
    #[serde(default)]
    pub(super) checksum: Checksum,
    #[serde(default)]
    pub(super) digest: Digested,
    pub(super) lookup: Option<usize>,
    pub(super) hash_skips: Option<usize>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StorageText {
    Digest,
    Sealed,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a number of characters or \"type\"")]
pub(super) enum DisplayText {
    Characters(usize),
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstKeyText {
    pub(super) name: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsText {
    pub(super) accept: Spanned<Vec<Spanned<String>>>,
    pub(super) realm: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) forward: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TestText {
    pub(super) passthrough: Option<Spanned<bool>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UpstreamText {
    pub(super) live: Option<Spanned<String>>,
    pub(super) test: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) body_max: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteText {
    pub(super) methods: Spanned<MethodsText>,
    pub(super) paths: Spanned<Vec<Spanned<String>>>,
    pub(super) scope: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) open: bool,
    pub(super) environment: Option<Environment>,
    #[serde(default)]
    pub(super) mode: Mode,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a list of methods or \"any\"")]
pub(super) enum MethodsText {
    Word(String),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswersText {
    pub(super) shape: Spanned<String>,
    pub(super) content_type: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) slots: HashMap<Spanned<String>, Spanned<SlotText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotText {
    pub(super) same_as: Option<Spanned<String>>,
    pub(super) status: Option<Spanned<u16>>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) body: Option<Spanned<String>>,
    pub(super) headers: Option<Spanned<Table>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsText {
    pub(super) headers: Option<Spanned<LimitHeadersText>>,
    pub(super) rates: Vec<Spanned<RateText>>,
    pub(super) quotas: Vec<Spanned<QuotaText>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "must be \"standard\", \"none\", or names under limit, remaining and reset")]
pub(super) enum LimitHeadersText {
    Word(String),
    Own(OwnHeadersText),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnHeadersText {
    pub(super) limit: Option<String>,
    pub(super) remaining: Option<String>,
    pub(super) reset: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateText {
    pub(super) name: String,
    pub(super) limit: u64,
    pub(super) window: String,
    pub(super) burst: Option<u64>,
    pub(super) environment: Option<Environment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotaText {
    pub(super) name: String,
    pub(super) limit: u64,
    pub(super) per: Per,
    pub(super) environment: Option<Environment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelfServiceText {
    pub(super) ids: IdsText,
    pub(super) object: Spanned<Vec<Spanned<FieldText>>>,
    pub(super) list: Option<EndpointText>,
    pub(super) create: Option<EndpointText>,
    pub(super) delete: Option<EndpointText>,
    #[serde(default = "json_only")]
    pub(super) takes: Vec<TakenText>,
    #[serde(default = "name_field")]
    pub(super) name_field: String,
}

fn json_only() -> Vec<TakenText> {
    vec![TakenText::Json]
}

fn name_field() -> String {
    "name".to_owned()
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IdsText {
    Typed,
    Uuid,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TakenText {
    Json,
    Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldText {
    pub(super) field: String,
    pub(super) value: String,
    #[serde(default)]
    pub(super) omit_empty: bool,
    #[serde(default)]
    pub(super) only_created: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointText {
    pub(super) method: Spanned<String>,
    pub(super) path: Spanned<String>,
    pub(super) status: Spanned<u16>,
    pub(super) body: Option<Spanned<String>>,
}
