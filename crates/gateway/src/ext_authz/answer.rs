//! What Envoy is answered: what to tell the upstream, or what to tell the caller.

use bytes::Bytes;
use claviger_judge::{Api, Pass, credential, identity, request_id};
use claviger_model::RequestId;
use claviger_verify::Permit;
use http::{HeaderMap, HeaderName, Response};
use http_body_util::{BodyExt as _, Full};
use prost_types::{ListValue, Struct, Value, value::Kind};

use super::messages::{
    Answer, AppendAction, CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpStatus,
    OkHttpResponse, Status,
};
use crate::forward::is_what_was_asked;

/// `google.rpc.Code`.
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;

/// Lets a request pass, as whose it is. Every field is set, so that none that a caller wrote survives; those that an
/// upstream could take for one of them, or for another request, are removed, as at the gateway.
pub(super) fn allowed(api: &Api, pass: &Pass, caller: &HeaderMap, id: RequestId) -> CheckResponse {
    let mut told = identity::blank();
    identity::state_in(&mut told, pass);
    request_id::set(&mut told, id);
    let credentials = &api.profile().credentials;
    let misleading = caller.keys().filter(|name| !told.contains_key(*name) && misleads(name));
    let mut removed: Vec<_> = misleading.map(ToString::to_string).collect();
    if !credentials.forward {
        removed.extend(credential::fields(credentials).map(|name| name.to_string()));
    }
    let ok = OkHttpResponse {
        headers: options(&told),
        headers_to_remove: removed,
        response_headers_to_add: options(&api.limit_fields(pass.permit())),
    };
    CheckResponse {
        status: Some(Status { code: OK }),
        answer: Some(Answer::Ok(ok)),
        dynamic_metadata: Some(metadata(api, pass)),
    }
}

/// Refuses a request in the api's own words.
pub(super) async fn denied(answer: Response<Full<Bytes>>) -> CheckResponse {
    let (head, body) = answer.into_parts();
    let body = match body.collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(never) => match never {},
    };
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus { code: head.status.as_u16().into() }),
        headers: options(&head.headers),
        body,
    };
    CheckResponse {
        status: Some(Status { code: PERMISSION_DENIED }),
        answer: Some(Answer::Denied(denied)),
        dynamic_metadata: None,
    }
}

/// The first of each name takes the place of what is there, which Envoy would add to otherwise; further ones are added.
fn options(headers: &HeaderMap) -> Vec<HeaderValueOption> {
    let option = |name: &http::HeaderName, number: usize, value: &http::HeaderValue| HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_string(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            raw_value: Vec::new(),
        }),
        append_action: match number {
            0 => AppendAction::OverwriteIfExistsOrAdd,
            _ => AppendAction::AppendIfExistsOrAdd,
        }
        .into(),
        keep_empty_value: true,
    };
    let of_name = |name| headers.get_all(name).iter().enumerate();
    headers
        .keys()
        .flat_map(|name| of_name(name).map(move |(number, value)| option(name, number, value)))
        .collect()
}

fn misleads(name: &HeaderName) -> bool {
    identity::reads_like(name, "x-claviger-") || is_what_was_asked(name)
}

/// By what a request passes, for access logs and other filters.
fn metadata(api: &Api, pass: &Pass) -> Struct {
    let observed = pass.observed().map(|code| ("observed", text(code)));
    let permit = pass.permit().into_iter().flat_map(permit_metadata);
    let fields = [("api", text(&api.profile().name))].into_iter().chain(permit).chain(observed);
    Struct { fields: fields.map(|(name, value)| (name.to_owned(), value)).collect() }
}

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.to_owned())) }
}

fn permit_metadata(permit: &Permit) -> impl Iterator<Item = (&'static str, Value)> {
    let scopes = permit.scopes().to_string();
    let scopes = scopes.split(' ').filter(|scope| !scope.is_empty()).map(text).collect();
    let external_id = permit.external_id().map(|id| ("external_id", text(id)));
    let fields = [
        ("account_id", text(&permit.account().to_string())),
        ("key_id", text(&permit.key().to_string())),
        ("environment", text(permit.environment().as_str())),
        ("scopes", Value { kind: Some(Kind::ListValue(ListValue { values: scopes })) }),
    ];
    fields.into_iter().chain(external_id)
}
