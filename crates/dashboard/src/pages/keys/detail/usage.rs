//! Thirty days of a key, in the words of its page.

use claviger_manage::UsageQuery;
use claviger_model::{DenialCode, KeyId};

use crate::{
    answer::Stop,
    site::Site,
    usage::{ALLOWED, DAYS, Usage},
    visit::Visitor,
};

/// The usage of the key over the last thirty days.
pub(super) async fn of(site: &Site, visitor: &Visitor, key: KeyId) -> Result<Usage, Stop> {
    let query = UsageQuery { api: None, key: Some(key), days: DAYS };
    let counts = site.manager().usage(&visitor.by(), query).await?;
    Ok(Usage::of(&counts, site.now().day(), in_words))
}

fn in_words(outcome: &str) -> String {
    if outcome == ALLOWED {
        return "Allowed".to_owned();
    }
    let code = DenialCode::ALL.into_iter().find(|code| code.as_str() == outcome);
    code.map_or_else(|| outcome.to_owned(), |code| format!("Denied: {}", code.help().title.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_told_in_words_and_an_unknown_one_as_it_is() {
        assert_eq!(in_words("allowed"), "Allowed");
        assert_eq!(in_words("network"), "Denied: the address is not allowed");
        assert_eq!(in_words("moon"), "moon");
    }
}
