//! One-time links: alone on standard output, so that scripts can pass them on.

use serde_json::Value;

use super::Ending;
use crate::out;

/// Prints the link in `field` of the API's answer, or all of that answer as JSON.
pub(super) fn show(as_json: bool, answer: &Value, field: &str) -> anyhow::Result<Ending> {
    if as_json {
        out::shown_once(&format!("{answer}\n"))?;
        return Ok(Ending::Done);
    }
    out::shown_once(&format!("{}\n", out::visible(answer[field].as_str().unwrap_or_default())))?;
    let until = answer["expires_at"].as_str().unwrap_or_default();
    out::note(&format!("It works once, until {}, for whoever has it.", out::visible(until)));
    Ok(Ending::Done)
}
