//! Applications that get access by OAuth: what there is, registering and changing them, new secrets, and their end.

mod end;
mod fields;
mod list;
mod register;
mod rotate;
mod shown;

use axum::Router;
use claviger_manage::ClientRow;
use claviger_model::Ability;

use super::desk::{self, Desk, Operator};
use crate::answer::Stop;

pub(super) fn routes() -> Router<Desk> {
    list::routes()
        .merge(register::routes())
        .merge(shown::routes())
        .merge(rotate::routes())
        .merge(end::routes())
}

/// The application of this id, for somebody who may change it.
async fn changeable(desk: &Desk, operator: &Operator, id: &str) -> Result<ClientRow, Stop> {
    operator.by().require(Ability::Manage)?;
    Ok(desk.site.manager().show_client(&operator.by(), desk::id(id)?).await?)
}
