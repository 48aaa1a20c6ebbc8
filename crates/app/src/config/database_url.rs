//! Where a database that several nodes share is. It holds a password, so it says nothing of itself.

use std::fmt;

use serde::Deserialize;

/// A `postgres://` URL as it was given. Whoever opens it judges it: a parser of flags or files would quote it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole of it, password included.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for DatabaseUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_no_password() {
        let url = DatabaseUrl::from("postgres://ada:secret@db/claviger");
        assert_eq!(url.expose(), "postgres://ada:secret@db/claviger");
        assert!(!format!("{url:?}").contains("secret"));
    }
}
