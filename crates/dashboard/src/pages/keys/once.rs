//! Forms that make a secret are taken once: sent again, they make nothing and show nothing.

use std::time::Duration;

use askama::Template;
use claviger_manage::Idempotency;
use http::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::{
    Body,
    answer::{self, Stop},
    form::Form,
    frame::{Frame, Place},
    keys_in_words::name_of,
    site::Site,
    visit::{Posted, Visitor},
};

/// How long a form that was sent is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What makes this form the only one: its `once` field, and the `fields` it was sent with.
pub(super) fn call(site: &Site, posted: &Posted, path: &str, fields: &[&str]) -> Result<Idempotency, Stop> {
    let once = posted.form.get("once");
    if !Site::is_nonce(once) {
        return Err(Stop::forged());
    }
    Ok(Idempotency {
        principal: posted.visitor.by().actor.label(),
        key: format!("form:{once}"),
        fingerprint: fingerprint(path, &posted.form, fields),
        forget_before: site.now().minus(REMEMBERED),
    })
}

/// Lengths stand before the texts, so that no two forms read alike.
fn fingerprint(path: &str, form: &Form, fields: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    };
    add(path);
    for name in fields {
        add(name);
        form.all(name).for_each(&mut add);
    }
    digest.finalize().into()
}

/// What a form made when it was first sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Created,
    Rotated,
}

#[derive(Template)]
#[template(path = "keys/made.html")]
struct MadePage {
    frame: Frame,
    is_created: bool,
    can_reveal: bool,
    id: String,
    name: String,
}

/// What is answered to a form that was sent before.
pub(super) async fn made_already(
    site: &Site,
    visitor: &Visitor,
    id: &str,
    made: Made,
) -> Result<Response<Body>, Stop> {
    let key = site.manager().show_key(&visitor.by(), super::key_id(id)?).await?;
    let is_created = made == Made::Created;
    let title = if is_created { "This key was created already" } else { "This key was rotated already" };
    let page = MadePage {
        frame: Frame::of(site, visitor, Place::Keys, title),
        is_created,
        can_reveal: super::can_reveal(visitor.api(site)?, visitor),
        id: id.to_owned(),
        name: name_of(&key.row).to_owned(),
    };
    answer::page(StatusCode::CONFLICT, &page)
}
