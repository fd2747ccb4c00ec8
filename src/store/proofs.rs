//! Single-use states of sign-ins that are under way elsewhere: at a provider, in an authenticator.
//! They share the table of [`super::verifications`].

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Store, StoreError, db::write, schema::verification, verifications::Verification};
use crate::domain::clock::Millis;

impl Store {
    /// Keeps a state until it is taken or expires.
    pub(crate) async fn keep_proof(&self, row: Verification) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(verification::table).values(row).execute(conn).await?;
            Ok(())
        })
    }

    /// Takes a state: of many at once one gets its value. [`StoreError::NotFound`] if it is unknown,
    /// taken or expired.
    pub(crate) async fn take_proof(
        &self,
        identifier: &str,
        now: Millis,
    ) -> Result<String, StoreError> {
        let identifier = identifier.to_owned();
        let (value, expires_at): (String, i64) = write!(self, |conn| Ok::<_, StoreError>(
            diesel::delete(verification::table.filter(verification::identifier.eq(identifier)))
                .returning((verification::value, verification::expires_at))
                .get_result(conn)
                .await?
        ))?;
        if expires_at > now.0 { Ok(value) } else { Err(StoreError::NotFound) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    fn state(identifier: &str) -> Verification {
        Verification {
            id: identifier.to_owned(),
            identifier: identifier.to_owned(),
            value: "state".to_owned(),
            expires_at: 100,
            created_at: 1,
            updated_at: 1,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_eight_that_take_one_state_at_once_one_gets_it() {
        on_both(async |store| {
            store.keep_proof(state("auth-state:1")).await.unwrap();

            let tries = (0..8).map(|_| store.take_proof("auth-state:1", Millis(2)));
            let taken = futures_util::future::join_all(tries).await;

            let won: Vec<_> = taken.into_iter().flatten().collect();
            assert_eq!(won, ["state"]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_expired_state_is_worth_nothing() {
        on_both(async |store| {
            store.keep_proof(state("auth-state:1")).await.unwrap();

            let late = store.take_proof("auth-state:1", Millis(100)).await;

            assert!(matches!(late, Err(StoreError::NotFound)));
        })
        .await;
    }
}
