//! People who signed in to the pages with a token. A session is worth what its token is worth, and no longer than
//! twelve hours. Sessions are kept in memory: whoever signed in signs in again after a restart.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use warrener_shared::time::{Millis, Timestamp};

use super::tokens::{TokenHash, hash_of};

/// Time for which a session counts.
pub(crate) const SESSION_SECONDS: u64 = 12 * 3_600;
/// Sessions that are remembered; those that end first make room.
const SESSIONS_MAX: usize = 10_000;

/// The sessions, by the hash of their secret.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<TokenHash, SignedIn>>);

/// A session.
#[derive(Clone, Copy, Debug)]
struct SignedIn {
    token: TokenHash,
    until: Timestamp,
}

impl Sessions {
    /// Begins a session of the holder of a token, and gives the secret that stands for it.
    pub(super) fn open(&self, token: TokenHash, now: Timestamp) -> String {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the system gives random bytes");
        let text = BASE64_URL_SAFE_NO_PAD.encode(secret);
        let mut sessions = self.all();
        sessions.retain(|_, session| now < session.until);
        if sessions.len() >= SESSIONS_MAX {
            let first = sessions.iter().min_by_key(|(_, session)| session.until).map(|(key, _)| *key);
            first.map(|key| sessions.remove(&key));
        }
        let until = now + Millis::from_secs(SESSION_SECONDS);
        sessions.insert(hash_of(text.as_bytes()), SignedIn { token, until });
        text
    }

    /// The hash of the token with which a session was begun that counts still.
    pub(super) fn token(&self, secret: &str, now: Timestamp) -> Option<TokenHash> {
        // Looking for a hash tells nobody anything of a secret by the time that it takes.
        let session = self.all().get(&hash_of(secret.as_bytes())).copied();
        session.filter(|session| now < session.until).map(|session| session.token)
    }

    /// Ends a session.
    pub(crate) fn close(&self, secret: &str) {
        self.all().remove(&hash_of(secret.as_bytes()));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<TokenHash, SignedIn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_by_time_and_by_hand_and_there_are_only_so_many() {
        let sessions = Sessions::default();
        let token = hash_of(b"token");
        let start = Timestamp(1_000_000);
        let secret = sessions.open(token, start);
        assert_eq!(secret.len(), 43);
        assert_eq!(sessions.token(&secret, start), Some(token));
        assert_eq!(sessions.token("other", start), None);
        let end = start + Millis::from_secs(SESSION_SECONDS);
        assert_eq!(sessions.token(&secret, end), None);
        sessions.close(&secret);
        assert_eq!(sessions.token(&secret, start), None);
        let first = sessions.open(token, start);
        for later in 1..=SESSIONS_MAX {
            sessions.open(token, Timestamp(start.0 + later as i64));
        }
        assert_eq!(sessions.token(&first, start), None, "the one that ends first made room");
        assert_eq!(sessions.all().len(), SESSIONS_MAX);
    }
}
