//! Which scope each route needs: the first entry that matches decides.

use super::Mode;
use crate::{
    Environment, Scope,
    path::{CanonicalPath, PathPattern},
    restriction::Methods,
};

/// The route table of an api; empty where scopes aren't bound to routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable(Box<[Route]>);

/// One entry of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Methods it is for.
    pub methods: Methods,
    /// Paths it is for.
    pub paths: Box<[PathPattern]>,
    /// The scope it needs; `None` where any key may use it.
    pub scope: Option<Scope>,
    /// The only environment it takes keys of.
    pub environment: Option<Environment>,
    /// Whether what it demands is enforced.
    pub mode: Mode,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need<'a> {
    /// Of the key's scopes.
    pub scope: Demand<'a>,
    /// A key of this environment.
    pub environment: Option<Environment>,
    /// Whether that is only observed.
    pub is_observed: bool,
}

impl Need<'_> {
    /// What a request needs of which only the method or only the path is known.
    pub(crate) const UNKNOWN: Self = Self { scope: Demand::All, environment: None, is_observed: false };
}

/// What a request needs of a key's scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand<'a> {
    /// Nothing is said: there is no table, and the upstream judges by the scopes it is told.
    Unsaid,
    /// Nothing: the route lets every key in.
    Open,
    /// This scope.
    Scope(&'a Scope),
    /// All scopes: the table doesn't name this route.
    All,
}

impl RouteTable {
    /// The table with these entries, in this order.
    pub fn new(routes: Vec<Route>) -> Self {
        Self(routes.into())
    }

    /// Whether no route needs anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, in the order in which the first that matches decides.
    pub fn entries(&self) -> &[Route] {
        &self.0
    }

    /// What a request for `method` and `path` needs.
    pub fn need(&self, method: &str, path: CanonicalPath<'_>) -> Need<'_> {
        let entry = self.0.iter().find(|route| route.is_for(method, path));
        let scope = match entry.map(|route| route.scope.as_ref()) {
            Some(Some(scope)) => Demand::Scope(scope),
            Some(None) => Demand::Open,
            None if self.is_empty() => Demand::Unsaid,
            None => Demand::All,
        };
        Need {
            scope,
            environment: entry.and_then(|route| route.environment),
            is_observed: entry.is_some_and(|route| route.mode == Mode::Observe),
        }
    }

    /// The first entry that can never decide because an earlier one covers it: `(earlier, later)`.
    pub fn unreachable(&self) -> Option<(usize, usize)> {
        (0..self.0.len()).find_map(|later| {
            (0..later).find(|earlier| self.0[*earlier].covers(&self.0[later])).map(|earlier| (earlier, later))
        })
    }
}

impl Route {
    fn is_for(&self, method: &str, path: CanonicalPath<'_>) -> bool {
        self.methods.include(method) && self.paths.iter().any(|pattern| pattern.matches(path))
    }

    fn covers(&self, later: &Self) -> bool {
        let covered = |pattern: &PathPattern| self.paths.iter().any(|wide| wide.covers(pattern));
        self.methods.cover(&later.methods) && later.paths.iter().all(covered)
    }
}
