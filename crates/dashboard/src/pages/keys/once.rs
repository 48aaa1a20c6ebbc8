//! What is answered to a form that made a key and is sent again: there is nothing made, and nothing shown.

use askama::Template;
use http::{Response, StatusCode};

use crate::{
    Body,
    answer::{self, Stop},
    frame::{Frame, Place},
    keys_in_words::name_of,
    site::Site,
    visit::Visitor,
};

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
