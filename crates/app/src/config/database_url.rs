//! Where a database that several nodes share is. It holds a password, so it says nothing of itself.

use std::fmt;

use serde::Deserialize;

/// A `postgres://` URL.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole of it, password included.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Ok(Self(text))
        } else {
            Err("must begin with postgres://; without it the embedded database in the data directory is used")
        }
    }
}

/// For the command line.
pub(crate) fn database_url(text: &str) -> Result<DatabaseUrl, &'static str> {
    DatabaseUrl::try_from(text.to_owned())
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
    fn it_is_a_postgres_url_and_tells_no_password() {
        for text in ["postgres://ada:secret@db/claviger", "postgresql://db"] {
            let url = database_url(text).unwrap();
            assert_eq!(url.expose(), text);
            assert!(!format!("{url:?}").contains("secret"));
        }
        for text in ["", "mysql://db", "db", "sqlite:///x"] {
            assert!(database_url(text).is_err(), "{text}");
        }
    }
}
