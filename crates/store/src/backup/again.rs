//! Doing again what an exported trail says was taken away after a backup.
//!
//! It is done in the trail's order, so that what was given back in between is given back, and each on the trail of what
//! was restored. What was made after the backup isn't made again: no trail holds a secret. A password that was replaced
//! is forgotten, since it may be one that leaked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::BufReader,
    mem,
    path::{Path, PathBuf},
    time::Duration,
};

use claviger_model::{
    AccountId, AccountState, ClientId, Digest, Entropy, EventId, KeyId, MemberId, OperatorId,
    RestrictionsPatch, Role, Scopes, Timestamp, parse_duration, write_duration,
};
use serde::Deserialize;
use serde_json::json;

use super::{BackupError, of_many::parts};
use crate::{
    AccountChange, AuditEvent, AuditFilter, AuditNote, Authority, ClientChange, KeyChange, KeyLimits,
    MemberChange, NewSecret, PageRequest, Store, StoreError, TrailError, TrailLines, TrailWalk,
    audit::GENESIS,
};

/// What became of the events that are later than the backup.
#[derive(Debug, Default)]
pub struct Again {
    /// How many there are.
    pub later: u64,
    /// What was done again, by its action.
    pub done: BTreeMap<String, u64>,
    /// What was made or described, which no trail can make again, by its action.
    pub lost: BTreeMap<String, u64>,
    /// Members who have no password any more: they set one after the backup, which no trail can tell.
    pub without_password: BTreeSet<MemberId>,
    /// What was to be done again and is refused: the event, and why.
    pub refused: Vec<String>,
}

/// An exported trail that is read as far as a backup goes.
pub struct TrailReader {
    place: PathBuf,
    lines: TrailLines<BufReader<File>>,
    walk: TrailWalk,
}

impl TrailReader {
    /// Reads the file to the event `number`, which must have this hash there.
    ///
    /// It blocks.
    pub fn after(place: &Path, number: u64, hash: [u8; 32]) -> Result<Self, BackupError> {
        let file = File::open(place).map_err(|source| unreadable(place, source))?;
        let lines = TrailLines::of(BufReader::new(file));
        let mut reader = Self { place: place.to_owned(), lines, walk: TrailWalk::default() };
        while reader.walk.head().number < number && reader.event()?.is_some() {}
        let head = reader.walk.head();
        if head.number != number || head.hash != Digest::from_bytes(hash).to_hex() {
            return Err(BackupError::AnotherTrail { place: place.display().to_string(), number });
        }
        Ok(reader)
    }

    /// Reads the file to the last event that `store` has as well: it was put back by other tools, and may have gone on.
    pub async fn after_what_is_in(place: &Path, store: &Store) -> Result<Self, BackupError> {
        let mut reader = Self::after(place, 0, GENESIS)?;
        let mut hashes = Vec::new();
        while let Some(event) = reader.event()? {
            hashes.push(event.hash);
        }
        let (mut shared, mut beyond) = (0, hashes.len());
        while shared < beyond {
            let middle = shared + (beyond - shared).div_ceil(2);
            if hash_of(store, middle as u64).await? == Some(hashes[middle - 1]) {
                shared = middle;
            } else {
                beyond = middle - 1;
            }
        }
        let whole_is_there = shared == hashes.len();
        if shared == 0 || (whole_is_there && hash_of(store, shared as u64 + 1).await?.is_some()) {
            let (place, number) = (place.display().to_string(), shared as u64 + 1);
            return Err(BackupError::AnotherTrail { place, number });
        }
        Self::after(place, shared as u64, hashes[shared - 1])
    }

    /// The number of the event that it stands at.
    pub fn number(&self) -> u64 {
        self.walk.head().number
    }

    /// The whole file must be one chain up to its head: what was cut off may be what was revoked.
    fn event(&mut self) -> Result<Option<AuditEvent>, BackupError> {
        let line = self.lines.read().and_then(|line| line.ok_or(TrailError::NoHead));
        line.and_then(|line| self.walk.step(line)).map_err(|error| match error {
            TrailError::Source(source) => unreadable(&self.place, source),
            source => BackupError::Trail { place: self.place.display().to_string(), source },
        })
    }

    /// Does again in `store` what the rest of the file says.
    pub async fn do_again(
        mut self,
        store: &Store,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Again, BackupError> {
        let mut again = Again::default();
        while let Some(event) = self.event()? {
            again.later += 1;
            for part in parts(event) {
                again.take(part, store, now, entropy).await?;
            }
        }
        again.leave_out_removed(store).await?;
        Ok(again)
    }
}

impl Again {
    /// Does again what one event says, or notes why not.
    async fn take(
        &mut self,
        event: AuditEvent,
        store: &Store,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(), BackupError> {
        let Some((action, change)) = Change::of(&event, entropy) else {
            if !is_of_no_consequence(&event.action) {
                *self.lost.entry(event.action).or_default() += 1;
            }
            return Ok(());
        };
        let forgotten = change.forgets_password_of();
        match change.make(store, note(&event, action, now, entropy)).await {
            Ok(()) => match forgotten {
                Some(member) => drop(self.without_password.insert(member)),
                None => *self.done.entry(event.action).or_default() += 1,
            },
            // It was made after the backup, and is as good as revoked.
            Err(StoreError::NotFound) => {}
            Err(error) if error.is_fault() => return Err(error.into()),
            Err(refusal) => {
                let of = event.subject.unwrap_or_default();
                self.refused.push(format!("event {}, {} of {of}: {refusal}", event.number, event.action));
            }
        }
        Ok(())
    }

    /// Whoever was removed later needs no password.
    async fn leave_out_removed(&mut self, store: &Store) -> Result<(), StoreError> {
        for member in mem::take(&mut self.without_password) {
            if store.find_member(member).await?.is_some_and(|found| found.removed_at.is_none()) {
                self.without_password.insert(member);
            }
        }
        Ok(())
    }
}

/// The hash of an event of the trail, if there is one with this number.
async fn hash_of(store: &Store, number: u64) -> Result<Option<[u8; 32]>, StoreError> {
    let page = PageRequest { after: Some(number - 1), limit: 1 };
    let found = store.list_audit(AuditFilter::default(), page).await?;
    Ok(found.items.first().map(|event| event.hash))
}

fn unreadable(place: &Path, source: std::io::Error) -> BackupError {
    BackupError::Unreadable { place: place.display().to_string(), source }
}

/// What decides nothing, or has ended with the restore.
fn is_of_no_consequence(action: &str) -> bool {
    action.starts_with("session.")
        || matches!(
            action,
            "key.reveal"
                | "key.first_use"
                | "node.fence"
                | "grant.refresh"
                | "member.password_link"
                | "restore"
        )
}

/// The same action once more: a restore from this trail does it again, too.
fn note(event: &AuditEvent, action: &'static str, now: Timestamp, entropy: &dyn Entropy) -> AuditNote {
    let mut detail = event.detail.clone();
    if let Some(others_end_at) = others_end_at(event) {
        let left = others_end_at.as_millis().saturating_sub(now.as_millis());
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        detail["overlap"] = json!(write_duration(Duration::from_secs(left.as_secs())));
    }
    detail["again"] = json!(event.number);
    AuditNote {
        id: EventId::mint(now, entropy),
        at: now,
        actor: "system".to_owned(),
        authority: Authority::System,
        action,
        request: None,
        detail,
    }
}

/// What an event says was changed.
enum Change {
    Account(AccountId, AccountState),
    Key(KeyId, KeyChange),
    Operator(OperatorId),
    Member(MemberId, MemberChange),
    Client(ClientId, ClientChange),
    Withdraw(ClientId, MemberId, AccountId),
    Erase(AccountId),
}

/// The particulars of a `key.restrict`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Restricted {
    scopes: Option<Scopes>,
    restrictions: RestrictionsPatch,
}

impl Change {
    /// The change that an event tells of, and its action.
    fn of(event: &AuditEvent, entropy: &dyn Entropy) -> Option<(&'static str, Self)> {
        let subject = event.subject.as_deref()?;
        let account = |state| Some(Self::Account(subject.parse().ok()?, state));
        let key = |change| Some(Self::Key(subject.parse().ok()?, change));
        let member = |change| Some(Self::Member(subject.parse().ok()?, change));
        let client = |change| Some(Self::Client(subject.parse().ok()?, change));
        Some(match event.action.as_str() {
            "account.suspend" => ("account.suspend", account(AccountState::Suspended)?),
            "account.reinstate" => ("account.reinstate", account(AccountState::Active)?),
            "account.erase_addresses" => ("account.erase_addresses", Self::Erase(subject.parse().ok()?)),
            "key.revoke" => ("key.revoke", key(KeyChange::Revoke)?),
            "grant.revoke" => ("grant.revoke", key(KeyChange::Revoke)?),
            "key.disable" => ("key.disable", key(KeyChange::Disable)?),
            "key.enable" => ("key.enable", key(KeyChange::Enable)?),
            "key.restrict" => {
                let Restricted { scopes, restrictions } =
                    serde_json::from_value(event.detail.clone()).ok()?;
                // `null` is a value: the expiry was lifted.
                let expires_at = event.detail.get("expires_at").cloned();
                let expires_at = expires_at.map(serde_json::from_value).transpose().ok()?;
                ("key.restrict", key(KeyChange::Restrict { scopes, restrictions, expires_at })?)
            }
            "key.rotate" => {
                let (secret, others_end_at) = rotated(event, entropy)?;
                ("key.rotate", key(KeyChange::Rotate { secret, others_end_at })?)
            }
            "operator.revoke" => ("operator.revoke", Self::Operator(subject.parse().ok()?)),
            "member.remove" => ("member.remove", member(MemberChange::Remove)?),
            "member.role" => {
                let role: Role = serde_json::from_value(event.detail.get("role")?.clone()).ok()?;
                ("member.role", member(MemberChange::SetRole(role))?)
            }
            "member.password" | "member.forget_password" => {
                ("member.forget_password", member(MemberChange::ForgetPassword)?)
            }
            // By a link, which is why they signed in.
            "session.begin" if event.detail.get("password").is_some() => {
                let member = event.actor.strip_prefix("member:")?.parse().ok()?;
                ("member.forget_password", Self::Member(member, MemberChange::ForgetPassword))
            }
            "client.revoke" => ("client.revoke", client(ClientChange::Revoke)?),
            "client.rotate" => {
                let (secret, others_end_at) = rotated(event, entropy)?;
                ("client.rotate", client(ClientChange::Rotate { secret, others_end_at, call: None })?)
            }
            "client.withdraw" => {
                let member = event.detail.get("member")?.as_str()?.parse().ok()?;
                ("client.withdraw", Self::Withdraw(subject.parse().ok()?, member, event.account?))
            }
            _ => return None,
        })
    }

    fn forgets_password_of(&self) -> Option<MemberId> {
        match self {
            Self::Member(id, MemberChange::ForgetPassword) => Some(*id),
            _ => None,
        }
    }

    async fn make(self, store: &Store, note: AuditNote) -> Result<(), StoreError> {
        match self {
            Self::Account(id, state) => {
                store.patch_account(id, vec![(AccountChange::SetState(state), note)]).await.map(drop)
            }
            Self::Key(id, change) => {
                store.change_key(id, None, change, KeyLimits::default(), None, note).await.map(drop)
            }
            Self::Operator(id) => store.revoke_operator(id, note).await.map(drop),
            Self::Member(id, change) => store.change_member(id, None, change, false, note).await.map(drop),
            Self::Client(id, change) => store.change_client(id, change, note).await.map(drop),
            Self::Withdraw(client, member, account) => {
                store.withdraw(client, member, account, note).await.map(drop)
            }
            Self::Erase(account) => store.erase_addresses(account, note).await.map(drop),
        }
    }
}

/// A secret that nobody has in place of the one that nobody can have again, and when those before it end.
fn rotated(event: &AuditEvent, entropy: &dyn Entropy) -> Option<(NewSecret, Timestamp)> {
    let mut nobodys = [0; 32];
    entropy.fill(&mut nobodys);
    let hint = event.detail.get("hint")?.as_str()?.to_owned();
    let secret = NewSecret {
        digest: Digest::from_bytes(nobodys),
        hint,
        sealed: None,
        expires_at: None,
        foreign: None,
    };
    Some((secret, others_end_at(event)?))
}

fn others_end_at(event: &AuditEvent) -> Option<Timestamp> {
    let overlap = event.detail.get("overlap")?.as_str()?;
    Some(event.at.plus(parse_duration(overlap).ok()?))
}
