//! Operators' sessions: in memory only, few, and each worth no more than the operator key that began it.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::{Digest, Entropy, Timestamp};
use parking_lot::Mutex;
use zeroize::Zeroizing;

/// Sessions at once; the oldest makes room for the next.
const MOST: usize = 100;
/// Of these, those of one operator: nobody can sign all others out by signing in.
const MOST_OF_ONE: usize = 5;
/// How long one lasts without a request.
const IDLE: Duration = Duration::from_mins(30);
/// How long one lasts at the most.
pub(super) const LONGEST: Duration = Duration::from_hours(12);

/// The sessions, by the digest of what the browser holds.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Digest, Session>>);

/// What is kept of one: the digest of the operator key, never the key.
struct Session {
    operator: Digest,
    begun_at: Timestamp,
    seen_at: Timestamp,
}

impl Session {
    fn is_over(&self, now: Timestamp) -> bool {
        self.seen_at.plus(IDLE) <= now || self.begun_at.plus(LONGEST) <= now
    }
}

impl Sessions {
    /// Begins a session of the operator whose key has this digest; returns what the browser is to hold.
    pub(super) fn begin(&self, operator: Digest, entropy: &dyn Entropy, now: Timestamp) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
        let mut sessions = self.0.lock();
        sessions.retain(|_, session| !session.is_over(now));
        make_room(&mut sessions, MOST_OF_ONE, |session| session.operator == operator);
        make_room(&mut sessions, MOST, |_| true);
        sessions.insert(Digest::of(token.as_bytes()), Session { operator, begun_at: now, seen_at: now });
        token
    }

    /// The digest of the operator key behind a session that still lasts; it lasts on from now.
    pub(super) fn look(&self, token: &str, now: Timestamp) -> Option<Digest> {
        let mut sessions = self.0.lock();
        let token = Digest::of(token.as_bytes());
        let session = sessions.get_mut(&token)?;
        if session.is_over(now) {
            sessions.remove(&token);
            return None;
        }
        session.seen_at = session.seen_at.max(now);
        Some(session.operator)
    }

    /// Ends a session.
    pub(super) fn end(&self, token: &str) {
        self.0.lock().remove(&Digest::of(token.as_bytes()));
    }
}

/// Ends the oldest of `these`, where there are as many as there may be.
fn make_room(sessions: &mut HashMap<Digest, Session>, most: usize, these: impl Fn(&Session) -> bool) {
    let found = || sessions.iter().filter(|(_, session)| these(session));
    if found().count() >= most
        && let Some(oldest) = found().min_by_key(|(_, one)| one.begun_at).map(|(token, _)| *token)
    {
        sessions.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    #[test]
    fn a_session_lasts_while_it_is_used_and_never_beyond_twelve_hours() {
        let (sessions, operator) = (Sessions::default(), Digest::of(b"operator key"));
        let idle = sessions.begin(operator, &Counting::default(), at(0));
        assert_eq!(sessions.look(&idle, at(29)), Some(operator));
        assert_eq!(sessions.look(&idle, at(58)), Some(operator));
        assert_eq!(sessions.look(&idle, at(88)), None);
        assert_eq!(sessions.look(&idle, at(59)), None, "what ended is forgotten");
        let busy = sessions.begin(operator, &Counting::default(), at(0));
        assert!((0..720).step_by(20).all(|minute| sessions.look(&busy, at(minute)).is_some()));
        assert_eq!(sessions.look(&busy, at(720)), None);
    }

    #[test]
    fn who_signed_out_is_nobody_and_other_tokens_never_were() {
        let sessions = Sessions::default();
        let token = sessions.begin(Digest::of(b"operator key"), &Counting::default(), at(0));
        assert_eq!(token.len(), 43);
        assert_eq!(sessions.look("", at(0)), None);
        sessions.end(&token);
        assert_eq!(sessions.look(&token, at(0)), None);
    }

    #[test]
    fn the_oldest_makes_room_for_the_hundred_and_first() {
        let (sessions, entropy) = (Sessions::default(), Counting::default());
        let begin = |number: u8| sessions.begin(Digest::of(&[number]), &entropy, at(i64::from(number / 10)));
        let tokens: Vec<_> = (0..101).map(begin).collect();
        let standing = tokens.iter().filter(|token| sessions.look(token, at(10)).is_some()).count();
        assert_eq!(standing, MOST);
        assert!(sessions.look(&tokens[100], at(10)).is_some());
    }

    #[test]
    fn an_operator_who_signs_in_again_and_again_ends_their_own_oldest_sessions_and_nobody_elses() {
        let (sessions, entropy) = (Sessions::default(), Counting::default());
        let other = sessions.begin(Digest::of(b"other"), &entropy, at(0));
        let tokens: Vec<_> =
            (1..=12).map(|minute| sessions.begin(Digest::of(b"k"), &entropy, at(minute))).collect();
        let standing: Vec<_> = tokens.iter().map(|token| sessions.look(token, at(12)).is_some()).collect();
        assert_eq!(standing, [[false; 7].as_slice(), &[true; 5]].concat());
        assert!(sessions.look(&other, at(12)).is_some());
    }
}
