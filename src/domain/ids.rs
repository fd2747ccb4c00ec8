//! Names of things. Each kind is a type of its own, so that a thread's id cannot be passed where
//! a user's is meant. All are opaque text. Those that we make all day sort by time (`UUIDv7`).

use std::{fmt, sync::Arc};

use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use uuid::{Builder, Uuid};

use super::clock::Millis;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        #[serde(transparent)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<DB> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, DB>,
            ) -> diesel::serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                String::from_sql(value).map(Self)
            }
        }
    )*};
}

id! {
    /// A person who signs in. Opaque: an imported user keeps the id of the older system.
    UserId,
    /// One sign-in (a cookie's session), not a chat's.
    SessionId,
    /// An app that people sign in to with their account here (`client_id`).
    ClientId,
    /// A conversation between one user and the tutor.
    ThreadId,
    /// One message or other entry of a thread.
    ItemId,
    /// One answer of the tutor, from the question to its `end`.
    TurnId,
    /// The client's own name for a message; unique a user, so that a repeat makes no second one.
    MessageId,
    /// A course.
    CourseId,
    /// A lesson; unique within its course.
    LessonId,
    /// An anchored block of a lesson; unique within its lesson.
    BlockId,
    /// A server process that keeps its name over restarts.
    NodeId,
    /// A client's stay: goes on over reconnects, ends with the page.
    StayId,
    /// One socket.
    ConnectionId,
    /// The name of one unbroken log of a thread; a new one says "what you have may not continue".
    Epoch,
}

/// Where ids and secrets come from. Seeded in tests, from the system's generator otherwise.
pub trait Ids: Send + Sync {
    /// A `UUIDv7` for `now`: sorts by time.
    fn uuid(&self, now: Millis) -> Uuid;
    /// `length` characters of `[a-zA-Z0-9]`, each from 62: at 32 characters 190 bits.
    fn token(&self, length: usize) -> String;
    fn fill(&self, bytes: &mut [u8]);
}

pub type SharedIds = Arc<dyn Ids>;

/// Makes an id such as `thr_0192f3…` (prefix as in `chatkit.md` §3.3, with a whole UUID behind it).
pub fn prefixed(ids: &dyn Ids, prefix: &str, now: Millis) -> String {
    format!("{prefix}_{}", ids.uuid(now).simple())
}

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn uuid_v7(rng: &mut impl RngCore, now: Millis) -> Uuid {
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    Builder::from_unix_timestamp_millis(u64::try_from(now.0).unwrap_or_default(), &random)
        .into_uuid()
}

fn token(rng: &mut impl Rng, length: usize) -> String {
    (0..length)
        .filter_map(|_| ALPHABET.get(rng.random_range(0..ALPHABET.len())))
        .map(|byte| char::from(*byte))
        .collect()
}

/// The operating system's generator, through a cryptographic one a thread.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn uuid(&self, now: Millis) -> Uuid {
        uuid_v7(&mut rand::rng(), now)
    }

    fn token(&self, length: usize) -> String {
        token(&mut rand::rng(), length)
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Repeatable ids for tests.
#[derive(Debug)]
pub struct SeededIds(Mutex<StdRng>);

impl SeededIds {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    fn with<T>(&self, take: impl FnOnce(&mut StdRng) -> T) -> T {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ids for SeededIds {
    fn uuid(&self, now: Millis) -> Uuid {
        self.with(|rng| uuid_v7(rng, now))
    }

    fn token(&self, length: usize) -> String {
        self.with(|rng| token(rng, length))
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.with(|rng| rng.fill_bytes(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_sort_later() {
        let ids = SeededIds::new(1);

        assert!(ids.uuid(Millis(1)) < ids.uuid(Millis(2)));
        assert!(prefixed(&ids, "thr", Millis(1)) < prefixed(&ids, "thr", Millis(2)));
    }

    #[test]
    fn a_token_has_the_length_and_the_alphabet_asked_for() {
        let token = SeededIds::new(7).token(32);

        assert_eq!(token.len(), 32);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
