//! What can be said of a database without changing it: for those who want to know before they rely on it.

use std::{fmt, path::Path};

use claviger_model::{Clock, Timestamp};
use claviger_verify::nodes::Roll;

use crate::{PostgresOptions, postgres, sqlite};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and something about it should be known.
    Warn,
    /// It doesn't work.
    Fail,
}

impl Health {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at, in a word.
    pub about: &'static str,
    /// How it stands.
    pub health: Health,
    /// What was found: whole sentences.
    pub found: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, health: Health::Ok, found: found.into(), advice: None }
    }

    /// It works, and this should be known.
    pub fn warn(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, health: Health::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    /// It doesn't work. What was found says what to do, as the errors of opening do.
    pub fn fail(about: &'static str, found: &dyn fmt::Display) -> Self {
        Self { about, health: Health::Fail, found: format!("{found}."), advice: None }
    }
}

/// What was found of the database that nodes share.
#[derive(Debug, Default)]
pub struct Examined {
    /// All that was looked at.
    pub findings: Vec<Finding>,
    /// Who is a member; `None` where that couldn't be read.
    pub roll: Option<Roll>,
}

/// Looks at a data directory, and at the embedded database in it, `now` by this machine's clock. Makes neither, and holds no
/// lock.
///
/// It blocks.
pub fn examine_directory(dir: &Path, embedded: bool, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![crate::directory::examine(dir)];
    if embedded {
        findings.extend(sqlite::examine(dir, now));
    }
    findings
}

/// Looks at the database that nodes share. Changes nothing there.
pub async fn examine_postgres(options: &PostgresOptions, clock: &dyn Clock) -> Examined {
    postgres::examine(options, clock).await
}
