//! Access tokens of ours whose signature was found good, so that a token that is shown again costs a
//! hash in place of a signature check. What may change since is looked at each time: that the key is
//! still believed, the times, and by the caller the session behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use super::access::Claims;
use crate::domain::recent::Recent;

/// Stands for a token, which is not kept itself.
pub(super) type Fingerprint = [u8; SHA256_OUTPUT_LEN];

/// What a token says, and the key that signed it.
#[derive(Debug)]
pub(super) struct Opened {
    pub kid: String,
    pub claims: Claims,
}

pub(super) struct OpenedTokens(Mutex<Recent<Fingerprint, Arc<Opened>>>);

impl OpenedTokens {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Mutex::new(Recent::new(capacity)))
    }

    /// Of all of it: of one with another signature nothing is known.
    pub(super) fn fingerprint(jwt: &str) -> Fingerprint {
        let mut fingerprint = [0; SHA256_OUTPUT_LEN];
        fingerprint.copy_from_slice(digest(&SHA256, jwt.as_bytes()).as_ref());
        fingerprint
    }

    pub(super) fn get(&self, token: &Fingerprint) -> Option<Arc<Opened>> {
        self.tokens().get(token)
    }

    pub(super) fn insert(&self, token: Fingerprint, opened: Arc<Opened>) {
        self.tokens().insert(token, opened);
    }

    fn tokens(&self) -> MutexGuard<'_, Recent<Fingerprint, Arc<Opened>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
