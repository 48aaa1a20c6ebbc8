//! Who calls: the operator key in `Authorization: Bearer`, and nothing else.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use claviger_manage::{Actor, By};
use claviger_model::RequestId;
use claviger_verify::{OperatorPermit, Verifier};
use http::{HeaderMap, header, request::Parts};

use crate::problem::{Code, Problem};

/// The operator behind a call. What the operator may do is checked by each verb.
pub(crate) struct Caller(pub(crate) By);

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let permit = operator(&parts.headers, &Arc::from_ref(state))?;
        let request = parts.extensions.get::<RequestId>().copied();
        Ok(Self(By { actor: Actor::Operator(permit), request }))
    }
}

/// The operator whose key the request carries.
pub(crate) fn operator(headers: &HeaderMap, verifier: &Verifier) -> Result<OperatorPermit, Problem> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Problem::new(Code::MalformedRequest, "two Authorization headers: send one"));
    }
    let Some(key) = field.and_then(|field| bearer(field.as_bytes())) else {
        return Err(Problem::new(Code::Unauthorized, "send the header Authorization: Bearer OPERATOR_KEY"));
    };
    match verifier.operator(key) {
        Ok(Some(permit)) => Ok(permit),
        Ok(None) => Err(Problem::new(Code::Unauthorized, "this is not an operator key of this installation")),
        Err(indeterminate) => Err(Problem::new(Code::Unavailable, indeterminate.to_string())),
    }
}

/// The token after the scheme, whose name is case-insensitive (RFC 9110 §11.1), and one or more spaces: a tab is none.
fn bearer(field: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = field.split_at_checked(6)?;
    let start = rest.iter().position(|byte| *byte != b' ')?;
    (scheme.eq_ignore_ascii_case(b"bearer") && start > 0).then_some(&rest[start..])
}
