//! Short-lived proofs (reset links, sign-in states): kept under a hashed name, used once.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Store, StoreError, db::write, schema::verification};
use crate::domain::clock::Millis;

/// A proof that somebody may do one thing once.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = verification)]
pub(crate) struct Verification {
    pub id: String,
    /// What it is for and the SHA-256 of its secret, such as `reset-password:9f2c…`.
    pub identifier: String,
    pub value: String,
    pub expires_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Store {
    pub(crate) async fn insert_verification(&self, row: Verification) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(verification::table).values(row).execute(conn).await?;
            Ok(())
        })
    }

    /// Uses the proof up and gives its value; of many at once one wins.
    /// [`StoreError::NotFound`] if it is unknown, used or expired.
    pub(crate) async fn take_verification(
        &self,
        identifier: &str,
        now: Millis,
    ) -> Result<String, StoreError> {
        let identifier = identifier.to_owned();
        write!(self, |conn| Ok(diesel::delete(verification::table.filter(
            verification::identifier.eq(identifier).and(verification::expires_at.gt(now.0)),
        ))
        .returning(verification::value)
        .get_result(conn)
        .await?))
    }

    pub(crate) async fn forget_verifications(&self, now: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| Ok(diesel::delete(
            verification::table.filter(verification::expires_at.lt(now.0))
        )
        .execute(conn)
        .await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    fn proof(identifier: &str) -> Verification {
        Verification {
            id: identifier.to_owned(),
            identifier: identifier.to_owned(),
            value: "ada".to_owned(),
            expires_at: 100,
            created_at: 1,
            updated_at: 1,
        }
    }

    /// Attack B3: a link used twice at the same moment.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_eight_uses_of_one_proof_at_once_one_wins() {
        on_both(async |store| {
            store.insert_verification(proof("reset:1")).await.unwrap();

            let uses = (0..8).map(|_| store.take_verification("reset:1", Millis(2)));
            let won = futures_util::future::join_all(uses).await.into_iter().flatten().count();

            assert_eq!(won, 1);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_expired_proof_is_worth_nothing() {
        on_both(async |store| {
            store.insert_verification(proof("reset:1")).await.unwrap();

            let late = store.take_verification("reset:1", Millis(100)).await;

            assert!(matches!(late, Err(StoreError::NotFound)));
            assert_eq!(store.forget_verifications(Millis(101)).await.unwrap(), 1);
        })
        .await;
    }
}
