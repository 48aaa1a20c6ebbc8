//! Every code there is, with where it is met.

use claviger_model::{Help, Slot, oauth::ErrorCode};
use claviger_verify::Indeterminate;

use crate::problem::Code;

/// Where a code is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a problem of the management API.
    Management,
    /// In an api's answer to its caller, or as the reason of a denial.
    Api,
    /// Where it is counted why no decision could be reached.
    Undecided,
    /// In what an application is told by OAuth 2.0.
    Application,
}

/// What is said of a code that is met at a place.
pub(super) struct Entry {
    pub(super) code: &'static str,
    pub(super) place: Place,
    /// The status it comes with; an application is told with several, or by the member's browser.
    pub(super) status: Option<u16>,
    pub(super) help: Help,
}

impl Place {
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Management => "In a problem of the management API",
            Self::Api => "When an api is called",
            Self::Undecided => "Where a node can't decide",
            Self::Application => "When an application asks for access (OAuth 2.0)",
        }
    }
}

/// All codes, those of a place together.
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let of_management = Code::ALL.into_iter().map(|code| Entry {
        code: code.as_str(),
        place: Place::Management,
        status: Some(code.status().as_u16()),
        help: code.help(),
    });
    let of_apis = Slot::ALL.into_iter().map(|slot| Entry {
        code: slot.as_str(),
        place: Place::Api,
        status: Some(slot.default_status()),
        help: slot.help(),
    });
    let undecided = Indeterminate::ALL.into_iter().map(|why| Entry {
        code: why.as_str(),
        place: Place::Undecided,
        status: Some(503),
        help: why.help(),
    });
    let of_applications = ErrorCode::ALL.into_iter().map(|code| Entry {
        code: code.as_str(),
        place: Place::Application,
        status: None,
        help: code.help(),
    });
    of_management.chain(of_apis).chain(undecided).chain(of_applications)
}
