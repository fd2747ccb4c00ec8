//! What limits are counted by, for all nodes at once: passwords that were tried for an account, and
//! token buckets. Each step is one statement, so that no two nodes count past each other.
//!
//! The statements that Diesel's language has no words for are written out. `$1`, `$2` … stand in
//! the order in which they are bound, which SQLite and PostgreSQL then read alike.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer, Text},
};
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    db::{read, write},
    schema::{allowance, guess},
    sessions::Session,
};
use crate::domain::{
    bucket::Pace,
    clock::Millis,
    lockout::{CHECKED_WITHIN, Guesses, NotNow, Rule},
};

/// Begins, unless the address has nothing left or the account is locked or busy. What is too old to
/// count is forgotten on the way.
const BEGIN: &str = "\
INSERT INTO guess (account, failures, checking, failed_at, begun_at) \
SELECT $1, 0, 1, 0, $2 \
WHERE NOT EXISTS (SELECT 1 FROM allowance WHERE key = $3 AND full_at > $4) \
ON CONFLICT (account) DO UPDATE SET \
failures = CASE WHEN guess.failed_at > $5 THEN guess.failures ELSE 0 END, \
checking = CASE WHEN guess.begun_at > $6 THEN guess.checking ELSE 0 END + 1, \
begun_at = excluded.begun_at \
WHERE CASE WHEN guess.failed_at > $5 THEN guess.failures ELSE 0 END \
+ CASE WHEN guess.begun_at > $6 THEN guess.checking ELSE 0 END < $7";

const FAIL: &str = "\
UPDATE guess SET failures = failures + 1, failed_at = $1, \
checking = CASE WHEN checking > 0 THEN checking - 1 ELSE 0 END \
WHERE account = $2";

/// Takes, if the bucket is full no later than at `$5`.
const TAKE: &str = "\
INSERT INTO allowance (key, full_at) VALUES ($1, $2) \
ON CONFLICT (key) DO UPDATE SET \
full_at = CASE WHEN allowance.full_at > $3 THEN allowance.full_at ELSE $3 END + $4 \
WHERE allowance.full_at <= $5";

const RELEASE: &str = "\
UPDATE guess SET checking = CASE WHEN checking > 0 THEN checking - 1 ELSE 0 END \
WHERE account = $1";

const SUCCEED: &str = "\
UPDATE guess SET failures = 0, checking = CASE WHEN checking > 0 THEN checking - 1 ELSE 0 END \
WHERE account = $1";

/// Takes one from a bucket inside a transaction; says whether there was one.
macro_rules! take {
    ($conn:expr, $key:expr, $pace:expr, $now:expr, $latest:expr) => {{
        let (pace, now): (Pace, Millis) = ($pace, $now);
        let taken = diesel::sql_query(TAKE)
            .bind::<Text, _>($key)
            .bind::<BigInt, _>(now.plus(pace.every).0)
            .bind::<BigInt, _>(now.0)
            .bind::<BigInt, _>(pace.every)
            .bind::<BigInt, _>($latest)
            .execute($conn)
            .await?;
        taken == 1
    }};
}

/// A password that is about to be looked at.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    /// Hashed: whose password.
    pub account: String,
    /// The bucket of failures of the address that it comes from; none where it is not counted.
    pub address: Option<String>,
    pub rule: Rule,
    pub pace: Pace,
}

/// What became of a wish to look at a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    Yes,
    /// The account is locked, or others are being looked at.
    Account(NotNow),
    /// The address has failed too often; come back in so many milliseconds.
    Address(i64),
}

impl Store {
    /// Counts a password as being looked at, if it may be.
    pub(crate) async fn begin_guess(&self, what: &Guess, now: Millis) -> Result<Begun, StoreError> {
        let Guess { account, address, rule, pace } = what.clone();
        let key = address.clone().unwrap_or_default();
        let begun: usize = write!(self, |conn| Ok::<_, StoreError>(
            diesel::sql_query(BEGIN)
                .bind::<Text, _>(account)
                .bind::<BigInt, _>(now.0)
                .bind::<Text, _>(key)
                .bind::<BigInt, _>(pace.latest(now).0)
                .bind::<BigInt, _>(now.plus(-rule.locked_for).0)
                .bind::<BigInt, _>(now.plus(-CHECKED_WITHIN).0)
                .bind::<Integer, _>(rule.tries)
                .execute(conn)
                .await?
        ))?;
        if begun == 1 {
            return Ok(Begun::Yes);
        }
        if let Some(key) = &address {
            let wait = self.wait_for(key, pace, now).await?;
            if wait > 0 {
                return Ok(Begun::Address(wait));
            }
        }
        // What was in the way may be gone by now: then it is worth another look.
        let refusal = self.guesses(&what.account).await?.refusal(rule, now);
        Ok(Begun::Account(refusal.unwrap_or(NotNow::Wait)))
    }

    /// The password was wrong: writes the event, takes one from the address's bucket, and says
    /// whether it was the one that locks the account; then `locks` is written too.
    pub(crate) async fn guess_failed(
        &self,
        what: &Guess,
        event: AuthEvent,
        locks: AuthEvent,
    ) -> Result<bool, StoreError> {
        let (Guess { account, address, rule, pace }, now) = (what.clone(), event.at());
        write!(self, |conn| {
            diesel::sql_query(FAIL)
                .bind::<BigInt, _>(now.0)
                .bind::<Text, _>(account.clone())
                .execute(conn)
                .await?;
            if let Some(key) = address {
                // Whatever is left: what is taken from an empty bucket is owed.
                let _ = take!(conn, key, pace, now, i64::MAX);
            }
            let failures: i32 = guess::table
                .filter(guess::account.eq(account))
                .select(guess::failures)
                .get_result(conn)
                .await?;
            note_event!(conn, event);
            let locked = failures == rule.tries;
            if locked {
                note_event!(conn, locks);
            }
            Ok(locked)
        })
    }

    /// The password was right: what was wrong before is forgotten.
    pub(crate) async fn guess_succeeded(&self, account: &str) -> Result<(), StoreError> {
        self.end_guess(account, SUCCEED).await
    }

    /// The password was not looked at after all.
    pub(crate) async fn guess_dropped(&self, account: &str) -> Result<(), StoreError> {
        self.end_guess(account, RELEASE).await
    }

    async fn end_guess(&self, account: &str, how: &'static str) -> Result<(), StoreError> {
        let account = account.to_owned();
        write!(self, |conn| {
            diesel::sql_query(how).bind::<Text, _>(account).execute(conn).await?;
            Ok::<_, StoreError>(())
        })
    }

    /// [`Self::guess_succeeded`] and the session that it begins, in one transaction.
    pub(crate) async fn begin_session(
        &self,
        account: &str,
        row: Session,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let account = account.to_owned();
        write!(self, |conn| {
            diesel::sql_query(SUCCEED).bind::<Text, _>(account).execute(conn).await?;
            diesel::insert_into(super::schema::session::table).values(row).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// The owner has proved herself otherwise: wrong passwords are forgotten.
    pub(crate) async fn forget_guesses_of(&self, account: &str) -> Result<(), StoreError> {
        let account = account.to_owned();
        write!(self, |conn| {
            diesel::update(guess::table.filter(guess::account.eq(account)))
                .set(guess::failures.eq(0))
                .execute(conn)
                .await?;
            Ok::<_, StoreError>(())
        })
    }

    async fn guesses(&self, account: &str) -> Result<Guesses, StoreError> {
        let found: Option<(i32, i32, i64, i64)> = read!(self, |conn| guess::table
            .filter(guess::account.eq(account))
            .select((guess::failures, guess::checking, guess::failed_at, guess::begun_at))
            .get_result(conn)
            .await
            .optional()?);
        Ok(found.map_or_else(Guesses::default, |(failures, checking, failed_at, begun_at)| {
            let (failed_at, begun_at) = (Millis(failed_at), Millis(begun_at));
            Guesses { failures, checking, failed_at, begun_at }
        }))
    }

    /// Takes one from the bucket `key`, or says in how many milliseconds there will be one.
    pub(crate) async fn take(
        &self,
        key: &str,
        pace: Pace,
        now: Millis,
    ) -> Result<Result<(), i64>, StoreError> {
        let (bucket, latest) = (key.to_owned(), pace.latest(now).0);
        let taken: bool =
            write!(self, |conn| Ok::<_, StoreError>(take!(conn, bucket, pace, now, latest)))?;
        if taken {
            return Ok(Ok(()));
        }
        Ok(Err(self.wait_for(key, pace, now).await?.max(1)))
    }

    /// Puts back what [`Self::take`] took.
    pub(crate) async fn give_back(&self, key: &str, pace: Pace) -> Result<(), StoreError> {
        let key = key.to_owned();
        write!(self, |conn| {
            let bucket = allowance::table.filter(allowance::key.eq(key));
            diesel::update(bucket)
                .set(allowance::full_at.eq(allowance::full_at - pace.every))
                .execute(conn)
                .await?;
            Ok::<_, StoreError>(())
        })
    }

    async fn wait_for(&self, key: &str, pace: Pace, now: Millis) -> Result<i64, StoreError> {
        let full_at: Option<i64> = read!(self, |conn| allowance::table
            .filter(allowance::key.eq(key))
            .select(allowance::full_at)
            .get_result(conn)
            .await
            .optional()?);
        Ok(full_at.map_or(0, |full_at| pace.wait(Millis(full_at), now)))
    }

    /// Removes what has had no effect since `before`.
    pub(crate) async fn forget_limits(&self, before: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| {
            let full = allowance::table.filter(allowance::full_at.lt(before.0));
            let buckets = diesel::delete(full).execute(conn).await?;
            let old = guess::failed_at.lt(before.0).and(guess::begun_at.lt(before.0));
            Ok::<_, StoreError>(
                buckets + diesel::delete(guess::table.filter(old)).execute(conn).await?,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::{
        domain::clock::{DAY, MINUTE},
        store::{
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
        },
    };

    fn guess(account: &str, address: Option<&str>) -> Guess {
        Guess {
            account: account.to_owned(),
            address: address.map(str::to_owned),
            rule: Rule { tries: 5, locked_for: 30 * MINUTE },
            pace: Pace::a_minute(3),
        }
    }

    async fn fail(store: &Store, what: &Guess, id: &str, at: i64) -> bool {
        assert_eq!(store.begin_guess(what, Millis(at)).await.unwrap(), Begun::Yes, "{id}");
        let events = [
            event(id, AuthEventKind::SignInFailed, at),
            event(&format!("{id}-locks"), AuthEventKind::AccountLocked, at),
        ];
        let [failed, locks] = events;
        store.guess_failed(what, failed, locks).await.unwrap()
    }

    /// Attack A8, on the database itself: fifty guesses at once.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_guesses_at_once_at_most_five_begin() {
        on_both(async |store| {
            let what = guess("ada", None);
            let begun = join_all((0..50).map(|_| store.begin_guess(&what, Millis(9)))).await;

            let begun: Vec<_> = begun.into_iter().map(Result::unwrap).collect();
            let count = |kind| begun.iter().filter(|it| **it == kind).count();
            assert_eq!((count(Begun::Yes), count(Begun::Account(NotNow::Wait))), (5, 45));

            store.guess_dropped("ada").await.unwrap();
            assert_eq!(store.begin_guess(&what, Millis(9)).await.unwrap(), Begun::Yes);
            let later = store.begin_guess(&what, Millis(9 + CHECKED_WITHIN)).await.unwrap();
            assert_eq!(later, Begun::Yes, "what a lost node began does not lock for good");
        })
        .await;
    }

    /// Attack A5.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_fifth_failure_locks_for_thirty_minutes_and_is_told_once() {
        on_both(async |store| {
            let what = guess("ada", None);
            for n in 0..4 {
                assert!(!fail(&store, &what, &n.to_string(), n * MINUTE).await);
            }
            assert!(fail(&store, &what, "4", 4 * MINUTE).await);

            let locked = store.begin_guess(&what, Millis(5 * MINUTE)).await.unwrap();
            assert_eq!(locked, Begun::Account(NotNow::Locked(29 * MINUTE)));
            let other = store.begin_guess(&guess("bob", None), Millis(5 * MINUTE)).await.unwrap();
            assert_eq!(other, Begun::Yes);
            let events = store.newest_auth_events(9).await.unwrap();
            let told = events.iter().filter(|it| it.kind == "account_locked").count();
            assert_eq!((events.len(), told), (6, 1));

            assert!(!fail(&store, &what, "5", 34 * MINUTE).await, "it starts afresh");
            store.forget_guesses_of("ada").await.unwrap();
            for n in 6..10 {
                assert!(!fail(&store, &what, &n.to_string(), 34 * MINUTE).await);
            }
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_right_password_forgets_the_wrong_ones() {
        on_both(async |store| {
            let what = guess("ada", None);
            for n in 0..4 {
                fail(&store, &what, &n.to_string(), 1).await;
            }
            assert_eq!(store.begin_guess(&what, Millis(2)).await.unwrap(), Begun::Yes);
            store.guess_succeeded("ada").await.unwrap();

            for n in 4..8 {
                assert!(!fail(&store, &what, &n.to_string(), 3).await);
            }
        })
        .await;
    }

    /// Attack A7: one try each on many accounts.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_that_only_fails_looks_at_no_further_account() {
        on_both(async |store| {
            for n in 0..3 {
                let what = guess(&format!("pupil{n}"), Some("fail 192.0.2.1"));
                fail(&store, &what, &n.to_string(), 0).await;
            }
            let next = async |address, at| {
                let what = guess("next", Some(address));
                store.begin_guess(&what, Millis(at)).await.unwrap()
            };

            assert_eq!(next("fail 192.0.2.1", 0).await, Begun::Address(20_000));
            assert_eq!(next("fail 192.0.2.2", 0).await, Begun::Yes);
            assert_eq!(next("fail 192.0.2.1", 20_000).await, Begun::Yes);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_bucket_is_one_for_all_who_take_at_once_and_is_forgotten_when_full() {
        on_both(async |store| {
            let pace = Pace::a_minute(3);
            let took = join_all((0..12).map(|_| store.take("mail", pace, Millis(0)))).await;

            let took: Vec<_> = took.into_iter().map(Result::unwrap).collect();
            assert_eq!(took.iter().filter(|it| it.is_ok()).count(), 3);
            assert!(took.contains(&Err(20_000)));
            assert_eq!(store.take("mail", pace, Millis(20_000)).await.unwrap(), Ok(()));
            assert_eq!(store.take("mail", pace, Millis(20_000)).await.unwrap(), Err(20_000));

            store.begin_guess(&guess("ada", None), Millis(1)).await.unwrap();
            assert_eq!(store.forget_limits(Millis(1)).await.unwrap(), 0);
            assert_eq!(store.forget_limits(Millis(DAY)).await.unwrap(), 2);
        })
        .await;
    }
}
