//! Things that may be used once: a nonce is spent by being inserted.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    schema::spent_nonce,
};
use crate::domain::clock::Millis;

impl Store {
    /// Whether `nonce` was still unspent; now it is spent. It is remembered until `expires`, after
    /// which its bearer must be refused by its own expiry.
    pub(crate) async fn spend_nonce(
        &self,
        nonce: &str,
        expires: Millis,
    ) -> Result<bool, StoreError> {
        let row = (spent_nonce::nonce.eq(nonce.to_owned()), spent_nonce::expires_at.eq(expires.0));
        let inserted: usize = write!(self, |conn| Ok::<_, StoreError>(
            diesel::insert_into(spent_nonce::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(conn)
                .await?
        ))?;
        Ok(inserted == 1)
    }

    pub(crate) async fn is_nonce_spent(&self, nonce: &str) -> Result<bool, StoreError> {
        let found: i64 = read!(self, |conn| spent_nonce::table
            .filter(spent_nonce::nonce.eq(nonce))
            .count()
            .get_result(conn)
            .await?);
        Ok(found > 0)
    }

    pub(crate) async fn forget_nonces(&self, now: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| Ok::<_, StoreError>(
            diesel::delete(spent_nonce::table.filter(spent_nonce::expires_at.lt(now.0)))
                .execute(conn)
                .await?
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_that_spend_one_nonce_at_once_exactly_one_succeeds() {
        on_both(async |store| {
            let tries = (0..12).map(|_| store.spend_nonce("n", Millis(5)));
            assert!(!store.is_nonce_spent("n").await.unwrap());
            let won = futures_util::future::join_all(tries).await;
            assert!(store.is_nonce_spent("n").await.unwrap());

            assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
            assert_eq!(store.forget_nonces(Millis(6)).await.unwrap(), 1);
        })
        .await;
    }
}
