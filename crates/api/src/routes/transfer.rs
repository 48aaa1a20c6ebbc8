//! `/v1/keys/import` and `/v1/keys/export`

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::IntoResponse,
};
use claviger_manage::{Fault, ImportOrder, Manager};
use claviger_model::import::{Row, RowRefusal};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::completeness;
use crate::{
    by::Caller,
    json::{collect_up_to, expects_json, read_flat},
    page::{Asked, List, page_up_to},
    problem::Problem,
    strict,
    view::{ImportRowJson, ImportedJson, KeyRowJson},
};

/// Most rows of a call that imports.
const ROWS_MAX: usize = 2_000;
/// Most secrets of a call's rows, earlier ones too: they are written together, and other changes wait for them.
const SECRETS_MAX: usize = 3_000;
/// Largest body of a call, in bytes.
const BODY_MAX: usize = 4 << 20;
/// Most keys of a page that exports.
const PAGE_MAX: usize = 1_000;

/// Keys to take over, 1 to 2,000, with 3,000 secrets at most, earlier ones too.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportKeys {
    /// The api they are for; may be left out where there is one only.
    api: Option<String>,
    /// Say what would become of them, and do nothing.
    #[serde(default)]
    dry_run: bool,
    /// Take keys that can be guessed too, where a rate limits them.
    #[serde(default)]
    allow_weak: bool,
    #[schema(value_type = Vec<ImportRowJson>)]
    rows: Vec<Box<RawValue>>,
}

/// Takes keys over from another system, by their digests, by its own hashes or as they are. Those that can be taken are taken in one change;
/// rows that can't be are told, and keep no other from being taken.
///
/// A key that is here already is known by its digest, and gets what its row says; what that leaves out stays. So a call may
/// be repeated, and only what is new is written. What was revoked, disabled or rotated here stays so. Earlier secrets, which
/// a rotation left working, come with a key that is new or was rotated elsewhere since: until their overlaps end, and not at
/// all where they have ended.
#[utoipa::path(post, path = "/v1/keys/import", tag = "keys", request_body = ImportKeys,
    responses((status = 200, description = "Done", body = ImportedJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ImportedJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn import_keys(
    State(manager): State<Manager>,
    Caller(by): Caller,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    expects_json(request.headers())?;
    let body = collect_up_to(request.into_body(), BODY_MAX).await?;
    let ImportKeys { api, dry_run, allow_weak, rows } = read_flat(&body)?;
    if !(1..=ROWS_MAX).contains(&rows.len()) {
        return Err(Problem::invalid(vec![Fault::new("/rows", format!("from 1 to {ROWS_MAX}"))]));
    }
    let rows: Vec<_> = rows.iter().map(|row| read_row(row)).collect();
    let secrets: usize = rows.iter().flatten().map(|row| 1 + row.earlier_secrets.len()).sum();
    if secrets > SECRETS_MAX {
        let detail = format!("at most {SECRETS_MAX} secrets, earlier ones too");
        return Err(Problem::invalid(vec![Fault::new("/rows", detail)]));
    }
    let report = manager.import_keys(&by, ImportOrder { api, rows, allow_weak, dry_run }).await?;
    let status = report.receipt.as_ref().map_or(StatusCode::OK, completeness);
    Ok((status, axum::Json(ImportedJson::from(&report))))
}

/// What is wrong with its syntax isn't repeated: it may be in the middle of a key.
fn read_row(row: &RawValue) -> Result<Row, RowRefusal> {
    match strict::from_slice(row.get().as_bytes()) {
        Ok(members) => Row::read(members),
        Err(_its_text) => {
            Err(RowRefusal::malformed("row", "must be a JSON object in which each member is there once"))
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportKeys {
    /// The api whose keys are asked for; may be left out where there is one only.
    api: Option<String>,
    /// Revoked ones too.
    #[serde(default)]
    include_revoked: bool,
    /// From 1 to 1000.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists keys with their accounts and digests, as another system can take them over, and with the earlier secrets that work
/// still. Those that applications hold are not among them.
#[utoipa::path(get, path = "/v1/keys/export", tag = "keys", params(ExportKeys),
    responses((status = 200, description = "Done", body = List<KeyRowJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn export_keys(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<ExportKeys>,
) -> Result<axum::Json<List<KeyRowJson>>, Problem> {
    let ExportKeys { api, include_revoked, limit, cursor } = asked;
    let page = page_up_to(PAGE_MAX, limit, cursor.as_deref())?;
    let keys = manager.export_keys(&by, api.as_deref(), include_revoked, page).await?;
    Ok(axum::Json(List::from_page(keys)))
}
