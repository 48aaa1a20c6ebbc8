//! The answers: a shape for all, a wording for each slot, and slots that share another's answer.

use std::{collections::HashMap, ops::Range};

use toml::{Spanned, Value};

use super::{
    super::{
        Answer, Answers, KeyRules,
        answers::{Body, PER_REQUEST, Wording},
        grammar::{AnswersText, SlotText},
        template::Template,
    },
    Reading,
};
use crate::{RequestId, Slot};

/// Header fields that the server sets itself.
pub(super) const OWN_HEADERS: [&str; 8] = [
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
    "www-authenticate",
    "x-request-id",
];

/// What all answers of a profile have in common.
struct Frame<'a> {
    shape: Template,
    shape_span: Range<usize>,
    content_type: &'a str,
    keys: Option<&'a KeyRules>,
}

impl Frame<'_> {
    /// The value of a blank that names a limit of the api.
    fn limit(&self, name: &str) -> Option<String> {
        match name {
            "name_max" => self.keys.map(|keys| keys.name_max.to_string()),
            "keys_max" => self.keys.and_then(|keys| keys.max).map(|max| max.to_string()),
            _ => None,
        }
    }

    fn is_json(&self) -> bool {
        self.content_type.split(';').next().is_some_and(|media| media.trim().ends_with("json"))
    }
}

impl Reading<'_> {
    pub(super) fn answers(&mut self, text: &AnswersText, keys: Option<&KeyRules>) -> Option<Answers> {
        let content_type = text.content_type.as_ref().map_or("application/json", |name| name.get_ref());
        if let Some(stated) = text.content_type.as_ref().filter(|stated| !is_media_type(stated.get_ref())) {
            self.object(&stated.span(), "content_type: a media type such as application/json");
        }
        let shape = self.take(&text.shape.span(), "shape", text.shape.get_ref().parse())?;
        let frame = Frame { shape, shape_span: text.shape.span(), content_type, keys };
        let slots = self.slots(text);
        let mut by_slot = HashMap::new();
        for slot in Slot::ALL {
            let Some(source) = self.source(slot, &slots) else { continue };
            let own = slots.get(&source).map(|text| text.get_ref());
            if let Some(answer) = self.answer(source, own, &frame) {
                self.status(slot, source, slots.get(&slot).copied(), answer.status);
                by_slot.insert(slot, answer);
            }
        }
        (by_slot.len() == Slot::ALL.len()).then(|| Answers::new(by_slot))
    }

    fn slots<'t>(&mut self, text: &'t AnswersText) -> HashMap<Slot, &'t Spanned<SlotText>> {
        let mut slots = HashMap::new();
        for (name, slot_text) in &text.slots {
            if let Some(slot) = Slot::from_name(name.get_ref()) {
                slots.insert(slot, slot_text);
            } else {
                let known = Slot::ALL.map(Slot::as_str).join(", ");
                self.object(&name.span(), format!("no such slot; there are {known}"));
            }
        }
        slots
    }

    /// The slot whose answer `slot` gives: itself, or the one it is the same as.
    fn source(&mut self, slot: Slot, slots: &HashMap<Slot, &Spanned<SlotText>>) -> Option<Slot> {
        let Some(text) = slots.get(&slot) else { return Some(slot) };
        let slot_text = text.get_ref();
        let Some(other) = &slot_text.same_as else { return Some(slot) };
        let alone = slot_text.status.is_none()
            && slot_text.code.is_none()
            && slot_text.message.is_none()
            && slot_text.body.is_none()
            && slot_text.headers.is_none();
        if !alone {
            self.object(&text.span(), "same_as: a slot that shares another's answer says nothing else");
        }
        let Some(source) = Slot::from_name(other.get_ref()) else {
            self.object(&other.span(), format!("same_as: no slot is called \"{}\"", other.get_ref()));
            return None;
        };
        if slots.get(&source).is_some_and(|text| text.get_ref().same_as.is_some()) || source == slot {
            self.object(&other.span(), "same_as: must name a slot that has an answer of its own");
            return None;
        }
        Some(source)
    }

    /// Objects to a status that would tell the caller something else than `slot` means.
    fn status(&mut self, slot: Slot, source: Slot, text: Option<&Spanned<SlotText>>, status: u16) {
        let Some(text) = text.filter(|_| !slot.statuses().contains(&status)) else { return };
        let (first, last) = slot.statuses().into_inner();
        let wanted = if first == last { first.to_string() } else { format!("one of {first} to {last}") };
        let name = slot.as_str();
        let SlotText { same_as, status: stated, .. } = text.get_ref();
        match (same_as, stated) {
            (Some(other), _) if source.statuses().contains(&status) => {
                self.object(&other.span(), format!("same_as: {name} has {wanted}, not {status}"));
            }
            (None, Some(stated)) => self.object(&stated.span(), format!("status: {name} has {wanted}")),
            // Told where the source states it.
            _ => {}
        }
    }

    fn answer(&mut self, slot: Slot, own: Option<&SlotText>, frame: &Frame<'_>) -> Option<Answer> {
        let (template, span) = match own.and_then(|own| own.body.as_ref()) {
            Some(body) => (self.take(&body.span(), "body", body.get_ref().parse())?, body.span()),
            None => (frame.shape.clone(), frame.shape_span.clone()),
        };
        let wording = self.wording(slot, own, &span, frame)?;
        let body = self.body(&template, &span, &wording, frame)?;
        let headers =
            own.and_then(|own| own.headers.as_ref()).map(|table| self.headers(table)).unwrap_or_default();
        Some(Answer { status: wording.status, headers, content_type: frame.content_type.to_owned(), body })
    }

    /// What the slot says: the default, and over it what the profile states.
    fn wording(
        &mut self,
        slot: Slot,
        own: Option<&SlotText>,
        span: &Range<usize>,
        frame: &Frame<'_>,
    ) -> Option<Wording> {
        let mut wording = Wording::default_for(slot);
        let Some(own) = own else { return Some(wording) };
        wording.status = own.status.as_ref().map_or(wording.status, |status| *status.get_ref());
        wording.code = own.code.clone().unwrap_or(wording.code);
        if let Some(message) = &own.message {
            let message: Template = self.take(span, "message", message.parse())?;
            wording.message = message.fill(|name| frame.limit(name)).to_string();
        }
        Some(wording)
    }

    fn body(
        &mut self,
        template: &Template,
        span: &Range<usize>,
        wording: &Wording,
        frame: &Frame<'_>,
    ) -> Option<Body> {
        let filled = template.fill(|name| wording.blank(name).or_else(|| frame.limit(name)));
        let filled: Template = self.take(span, "body", filled.to_string().parse())?;
        if let Some(unknown) = filled.blanks().find(|name| !PER_REQUEST.contains(name)) {
            let known =
                "status, code, message, name_max, keys_max (where there is one), request_id, correlation_id";
            self.object(span, format!("no such blank: ${{{unknown}}}; there are {known}"));
            return None;
        }
        let body = Body::from_template(filled);
        let sample = body.render(wording.status, RequestId::from_bytes([0; 16]));
        if frame.is_json() && serde_json::from_str::<serde_json::Value>(&sample).is_err() {
            self.object(span, format!("not JSON once filled: {sample}"));
            return None;
        }
        Some(body)
    }

    fn headers(&mut self, table: &Spanned<toml::Table>) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for (name, value) in table.get_ref() {
            let lower = name.to_ascii_lowercase();
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
            let is_number = |text: &str| text.parse::<u32>().is_ok_and(|seconds| seconds.to_string() == text);
            let is_value = |text: &str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
            match value {
                Value::String(text) if lower == "retry-after" && !is_number(text) => {
                    self.object(&table.span(), format!("headers: \"{name}\" is a number of seconds"));
                }
                Value::String(text) if is_name && is_value(text) && !OWN_HEADERS.contains(&&*lower) => {
                    headers.push((lower, text.clone()));
                }
                _ => self.object(
                    &table.span(),
                    format!("headers: \"{name}\" can't be set here or has no plain value"),
                ),
            }
        }
        headers
    }
}

/// `type/subtype` and its parameters (RFC 9110 §8.3.1). A quoted parameter may not hold a semicolon.
fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let is_quoted = |text: &str| {
        let inside = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inside.is_some_and(|inside| {
            inside.bytes().all(|b| matches!(b, b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        })
    };
    let is_parameter = |text: &str| {
        let parts = text.trim_matches(' ').split_once('=');
        parts.is_some_and(|(name, value)| is_token(name) && (is_token(value) || is_quoted(value)))
    };
    let mut parts = text.split(';');
    let media = parts.next().and_then(|media| media.trim_end_matches(' ').split_once('/'));
    media.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype)) && parts.all(is_parameter)
}
