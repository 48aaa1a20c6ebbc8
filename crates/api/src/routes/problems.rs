//! `/problems/{code}`: what a problem means and what to do, where its type leads.

use crate::{
    page::Id,
    problem::{Code, Problem},
};

/// Explains a problem.
#[utoipa::path(get, path = "/problems/{code}", tag = "problems", params(("code" = String, Path)), security(()),
    responses((status = 200, description = "What it means and what to do", body = String, content_type = "text/plain"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn explain(Id(name): Id<String>) -> Result<String, Problem> {
    let code = Code::ALL.into_iter().find(|code| code.as_str() == name);
    let code = code.ok_or_else(|| Problem::new(Code::NotFound, "no such problem"))?;
    Ok(format!("{} ({})\n\n{}\n", code.title(), code.status(), code.advice()))
}
