//! Forms that make a secret are taken once: sent again, they make nothing and show nothing.

use std::time::Duration;

use claviger_manage::{By, Idempotency};
use sha2::{Digest as _, Sha256};

use crate::{answer::Stop, form::Form, site::Site};

/// How long a form that was sent is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What makes this form the only one: its `once` field, and the `fields` it was sent with.
pub(crate) fn call(
    site: &Site,
    by: &By,
    form: &Form,
    path: &str,
    fields: &[&str],
) -> Result<Idempotency, Stop> {
    let once = form.get("once");
    if !Site::is_nonce(once) {
        return Err(Stop::forged());
    }
    Ok(Idempotency {
        principal: by.actor.label(),
        key: format!("form:{once}"),
        fingerprint: fingerprint(path, form, fields),
        forget_before: site.now().minus(REMEMBERED),
    })
}

/// Lengths stand before the texts, so that no two forms read alike.
fn fingerprint(path: &str, form: &Form, fields: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    };
    add(path);
    for name in fields {
        add(name);
        form.all(name).for_each(&mut add);
    }
    digest.finalize().into()
}
