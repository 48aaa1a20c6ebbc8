//! What the forms of a new application and of its change share: what was typed, and what is wrong with it.

use claviger_manage::{ClientOrder, ClientPatch, ClientRow, Fault};
use claviger_model::{
    Scopes,
    oauth::{ClientKind, RedirectUri},
    profile::Profile,
};

use crate::{answer::capitalised, form::Form};

/// The fields of the form, `csrf` and what makes it the only one aside.
pub(super) const NAMES: [&str; 8] =
    ["name", "kind", "redirect_uris", "permissions", "scopes", "account", "verified", "introspects"];

/// A field that can't be taken: the id of its input, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) field: &'static str,
    pub(super) text: String,
}

/// The fields as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) redirect_uris: String,
    /// Whether it may ask for some scopes only.
    pub(super) is_narrow: bool,
    pub(super) scopes: Vec<String>,
    pub(super) account: String,
    pub(super) verified: bool,
    pub(super) introspects: bool,
}

impl Typed {
    pub(super) fn of(form: &Form) -> Self {
        Self {
            name: form.get("name").trim().to_owned(),
            kind: form.get("kind").to_owned(),
            redirect_uris: form.get("redirect_uris").trim_end().replace('\r', ""),
            is_narrow: form.get("permissions") == "only",
            scopes: form.all("scopes").map(str::to_owned).collect(),
            account: form.get("account").trim().to_owned(),
            verified: form.get("verified") == "yes",
            introspects: form.get("introspects") == "yes",
        }
    }

    /// What an application is now.
    pub(super) fn of_client(row: &ClientRow) -> Self {
        let scopes = match &row.scopes {
            Scopes::All => None,
            Scopes::Listed(scopes) => Some(scopes.iter().map(ToString::to_string).collect()),
        };
        let uris: Vec<_> = row.redirect_uris.iter().map(RedirectUri::as_str).collect();
        Self {
            name: row.name.clone(),
            kind: row.kind.as_str().to_owned(),
            redirect_uris: uris.join("\n"),
            is_narrow: scopes.is_some(),
            scopes: scopes.unwrap_or_default(),
            account: row.account.map(|account| account.to_string()).unwrap_or_default(),
            verified: row.verified,
            introspects: row.introspects,
        }
    }

    /// The application that is asked for.
    pub(super) fn order(&self, profile: &Profile) -> Result<ClientOrder, Vec<Problem>> {
        let mut problems = Vec::new();
        let (redirect_uris, scopes) = (self.read_uris(&mut problems), self.read_scopes(&mut problems));
        let kind = ClientKind::read(&self.kind).unwrap_or_else(|| {
            problems.push(problem("kind", "Choose one of these."));
            ClientKind::Public
        });
        let account = Some(&*self.account).filter(|id| !id.is_empty()).map(str::parse).transpose();
        let account = account.unwrap_or_else(|_| {
            problems.push(problem("account", "An account’s id begins with acc_."));
            None
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(ClientOrder {
            api: Some(profile.name.to_string()),
            name: self.name.clone(),
            kind,
            redirect_uris,
            scopes: Some(scopes),
            account,
            verified: self.verified,
            introspects: self.introspects,
        })
    }

    /// What is asked to change; `None` where it is all as it was.
    pub(super) fn patch(&self, row: &ClientRow) -> Result<Option<ClientPatch>, Vec<Problem>> {
        let mut problems = Vec::new();
        let (redirect_uris, scopes) = (self.read_uris(&mut problems), self.read_scopes(&mut problems));
        if !problems.is_empty() {
            return Err(problems);
        }
        let patch = ClientPatch {
            name: Some(self.name.clone()).filter(|name| *name != row.name),
            redirect_uris: Some(redirect_uris).filter(|uris| *uris != row.redirect_uris),
            scopes: Some(scopes).filter(|scopes| *scopes != row.scopes),
            verified: Some(self.verified).filter(|verified| *verified != row.verified),
            introspects: Some(self.introspects).filter(|introspects| *introspects != row.introspects),
        };
        let is_same = patch.name.is_none()
            && patch.redirect_uris.is_none()
            && patch.scopes.is_none()
            && patch.verified.is_none()
            && patch.introspects.is_none();
        Ok((!is_same).then_some(patch))
    }

    fn read_uris(&self, problems: &mut Vec<Problem>) -> Vec<RedirectUri> {
        let lines = self.redirect_uris.lines().map(str::trim).filter(|line| !line.is_empty());
        let read = lines.filter_map(|line| match RedirectUri::register(line) {
            Ok(uri) => Some(uri),
            Err(error) => {
                problems.push(problem("redirect_uris", format!("{line} {error}")));
                None
            }
        });
        read.collect()
    }

    fn read_scopes(&self, problems: &mut Vec<Problem>) -> Scopes {
        if !self.is_narrow {
            return Scopes::All;
        }
        let read = self.scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>();
        match read.and_then(Scopes::listed) {
            Ok(scopes) if !self.scopes.is_empty() => scopes,
            _ => {
                problems.push(problem("permissions", "Choose at least one scope, or all of them."));
                Scopes::All
            }
        }
    }
}

fn problem(field: &'static str, text: impl Into<String>) -> Problem {
    Problem { field, text: text.into() }
}

/// What is wrong, field by field.
pub(super) fn problems(faults: &[Fault]) -> Vec<Problem> {
    let of_fault = |fault: &Fault| match &*fault.pointer {
        "/name" => problem("name", capitalised(&format!("the name {}", fault.detail))),
        "/redirect_uris" => problem("redirect_uris", capitalised(&fault.detail)),
        "/scopes" => problem("permissions", capitalised(&fault.detail)),
        "/introspects" => problem("introspects", capitalised(&fault.detail)),
        _ => problem("kind", capitalised(&fault.detail)),
    };
    faults.iter().map(of_fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_that_can_not_be_taken_is_named() {
        let typed = Typed {
            redirect_uris: "https://app.example.com/cb\n\n http://app.example.com/cb\njavascript:alert(1)"
                .to_owned(),
            is_narrow: true,
            ..Typed::default()
        };
        let mut problems = Vec::new();
        let read = typed.read_uris(&mut problems);
        assert_eq!(read.iter().map(RedirectUri::as_str).collect::<Vec<_>>(), ["https://app.example.com/cb"]);
        assert_eq!(typed.read_scopes(&mut problems), Scopes::All);
        let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["redirect_uris", "redirect_uris", "permissions"]);
        assert!(problems[1].text.starts_with("javascript:alert(1) must be https://"), "{}", problems[1].text);
    }
}
