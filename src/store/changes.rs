//! The change log: what every node must learn within a second (revocations, roles, stages, keys,
//! courses). Rows are written in the transaction that makes the change, by servers and by the
//! command line alike; see `docs/adr/0006-the-change-log.md`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    schema::{change, change_counter},
};
use crate::domain::clock::Millis;

/// One thing that changed. `until` is when the row has no more effect and may go.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = change, treat_none_as_default_value = false)]
pub(crate) struct Change {
    pub seq: i64,
    pub kind: String,
    pub subject: String,
    pub until: i64,
    pub created_at: i64,
}

/// Writes a change inside a transaction. Gives the seq. The counter's row orders the writers, so
/// that who has read up to n has missed nothing before n.
macro_rules! note_change {
    ($conn:expr, $kind:expr, $subject:expr, $until:expr, $now:expr) => {{
        use $crate::store::schema::{change, change_counter};
        let seq: i64 = diesel_async::RunQueryDsl::get_result(
            diesel::update(change_counter::table)
                .set(change_counter::value.eq(change_counter::value + 1_i64))
                .returning(change_counter::value),
            $conn,
        )
        .await?;
        let row = $crate::store::changes::Change {
            seq,
            kind: String::from($kind),
            subject: String::from($subject),
            until: $until,
            created_at: $now,
        };
        diesel_async::RunQueryDsl::execute(diesel::insert_into(change::table).values(row), $conn)
            .await?;
        seq
    }};
}
pub(crate) use note_change;

/// Waits for all others who note changes, inside a transaction: the counter's row is what they queue
/// for. Whoever notes one after other rows were changed does this first. So locks are taken in one
/// order (the counter, the person, the app, a session, what hangs on it), and nobody waits in a
/// circle.
macro_rules! queue_up {
    ($conn:expr) => {{
        use $crate::store::schema::change_counter;
        diesel_async::RunQueryDsl::execute(
            diesel::update(change_counter::table)
                .set(change_counter::value.eq(change_counter::value)),
            $conn,
        )
        .await?;
    }};
}
pub(crate) use queue_up;

/// How long a change that only wakes caches is kept; a node that was away longer loads all anyway.
pub(crate) const KEPT: i64 = 60 * crate::domain::clock::MINUTE;

impl Store {
    #[cfg(test)]
    pub(crate) async fn note_change(
        &self,
        kind: &str,
        subject: &str,
        now: Millis,
    ) -> Result<i64, StoreError> {
        let (kind, subject, until) = (kind.to_owned(), subject.to_owned(), now.plus(KEPT));
        write!(self, |conn| Ok(note_change!(conn, kind, subject, until.0, now.0)))
    }

    /// The changes after `seq`, oldest first.
    pub(crate) async fn changes_after(&self, seq: i64) -> Result<Vec<Change>, StoreError> {
        Ok(read!(self, |conn| change::table
            .filter(change::seq.gt(seq))
            .order(change::seq)
            .select(Change::as_select())
            .load(conn)
            .await?))
    }

    /// The seq of the newest change ever made.
    pub(crate) async fn last_change(&self) -> Result<i64, StoreError> {
        Ok(read!(self, |conn| change_counter::table
            .select(change_counter::value)
            .get_result(conn)
            .await?))
    }

    pub(crate) async fn forget_changes(&self, now: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| Ok(diesel::delete(change::table.filter(change::until.lt(now.0)))
            .execute(conn)
            .await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_is_read_by_whoever_has_not_seen_it() {
        on_both(async |store| {
            let first = store.note_change("session", "s1", Millis(1)).await.unwrap();
            let second = store.note_change("role", "u1", Millis(2)).await.unwrap();

            assert_eq!((first, second), (1, 2));
            assert_eq!(store.last_change().await.unwrap(), 2);
            let seen: Vec<_> = store.changes_after(1).await.unwrap();
            assert_eq!(seen.len(), 1);
            assert_eq!((seen[0].kind.as_str(), seen[0].subject.as_str()), ("role", "u1"));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn changes_made_at_once_have_no_gap_and_no_repeat() {
        on_both(async |store| {
            let writes = (0..40).map(|_| store.note_change("session", "s", Millis(1)));
            let mut seqs: Vec<i64> = futures_util::future::join_all(writes)
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect();
            seqs.sort_unstable();

            assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_goes_when_it_has_no_more_effect() {
        on_both(async |store| {
            store.note_change("session", "s1", Millis(1)).await.unwrap();

            assert_eq!(store.forget_changes(Millis(KEPT)).await.unwrap(), 0);
            assert_eq!(store.forget_changes(Millis(KEPT + 2)).await.unwrap(), 1);
            assert_eq!(store.last_change().await.unwrap(), 1);
        })
        .await;
    }
}
