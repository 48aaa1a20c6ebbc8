//! What an api answers when no permit is given: one slot per cause, each with its status, headers and body.

use std::{borrow::Cow, collections::HashMap};

use super::template::{Template, json_escaped};
use crate::{RequestId, Slot};

/// The answers of an api, one for each [`Slot`].
#[derive(Clone, Debug)]
pub struct Answers {
    by_slot: Vec<Answer>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// Header fields beside the content type, the challenge of a 401 not included.
    pub headers: Vec<(String, String)>,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: Body,
}

/// A body: fixed, or with the status or the request's id in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The same bytes each time.
    Fixed(Box<str>),
    /// `${request_id}` or `${correlation_id}` (32 hexadecimal digits) differs each time; `${status}` is the one sent,
    /// which may be a more exact one than the answer's own.
    PerRequest(Template),
}

impl Body {
    pub(super) fn from_template(template: Template) -> Self {
        if template.blanks().next().is_none() {
            Self::Fixed(template.to_string().into())
        } else {
            Self::PerRequest(template)
        }
    }

    /// The bytes for one request that is answered with `status`.
    pub fn render(&self, status: u16, request: RequestId) -> Cow<'_, str> {
        match self {
            Self::Fixed(text) => Cow::Borrowed(text),
            Self::PerRequest(template) => Cow::Owned(template.render(|name| match name {
                "status" => Some(status.to_string()),
                "request_id" => Some(request.to_string()),
                "correlation_id" => Some(request.to_hex()),
                _ => None,
            })),
        }
    }
}

impl Answers {
    /// The answers, given one for each slot.
    pub(super) fn new(mut by_slot: HashMap<Slot, Answer>) -> Self {
        let take = |slot: &Slot| by_slot.remove(slot).expect("every slot was given an answer");
        Self { by_slot: Slot::ALL.iter().map(take).collect() }
    }

    /// The answer for one cause.
    pub fn get(&self, slot: Slot) -> &Answer {
        &self.by_slot[slot as usize]
    }
}

/// Blanks of an answer's body whose value depends on the request.
pub(super) const PER_REQUEST: [&str; 3] = ["status", "request_id", "correlation_id"];

/// What a slot says, before it is put into the profile's shape.
#[derive(Clone, Debug)]
pub(super) struct Wording {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl Wording {
    /// What a slot says where a profile doesn't.
    pub(super) fn default_for(slot: Slot) -> Self {
        let (status, message) = default_wording(slot);
        Self { status, code: slot.as_str().to_owned(), message: message.to_owned() }
    }

    /// The value of a blank that is the same for every request.
    pub(super) fn blank(&self, name: &str) -> Option<String> {
        match name {
            "code" => Some(json_escaped(&self.code)),
            "message" => Some(json_escaped(&self.message)),
            _ => None,
        }
    }
}

impl Slot {
    /// The status of its answer where a profile doesn't choose another.
    pub const fn default_status(self) -> u16 {
        default_wording(self).0
    }
}

const fn default_wording(slot: Slot) -> (u16, &'static str) {
    match slot {
        Slot::Missing => (401, "An API key is required"),
        Slot::Malformed | Slot::Unknown | Slot::Revoked | Slot::Disabled | Slot::Environment => {
            (401, "The API key is not valid")
        }
        Slot::Expired => (401, "The API key has expired"),
        Slot::Scope => (403, "The API key does not have permission for this action"),
        Slot::Network => (403, "The API key may not be used from this address"),
        Slot::Referrer => (403, "The API key may not be used from this page"),
        Slot::Endpoint => (403, "The API key may not be used for this endpoint"),
        Slot::Rate => (429, "Too many requests"),
        Slot::Quota => (429, "The quota of this API key is used up"),
        Slot::BadRequest => (400, "The request could not be understood"),
        Slot::NameTooLong => (400, "The name is too long"),
        Slot::NotFound => (404, "Not found"),
        Slot::Conflict => (409, "The account already has as many API keys as it may have"),
        Slot::LastKey => (409, "The last API key can't be deleted"),
        Slot::TooLarge => (413, "The request is too large"),
        Slot::Unavailable => (503, "The API key can't be checked right now; try again"),
        Slot::Internal => (500, "Something went wrong on our side"),
        Slot::BadGateway => (502, "The API can't be reached right now"),
        Slot::GatewayTimeout => (504, "The API took too long to answer"),
    }
}
