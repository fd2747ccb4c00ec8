//! Signing keys. The private half is stored sealed; who opens it is the auth service.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    changes::{KEPT, note_change},
    db::{read, write},
    schema::signing_key,
};
use crate::domain::clock::Millis;

/// A key pair that signs what we issue.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_key)]
pub(crate) struct SigningKey {
    pub kid: String,
    pub alg: String,
    /// What is published: a JWK (RFC 7517) as JSON.
    pub public_jwk: String,
    /// The private key, encrypted under the server's secret.
    pub private_sealed: String,
    pub created_at: i64,
    /// A retired key signs nothing more, and is published until its tokens are dead.
    pub retired_at: Option<i64>,
}

impl Store {
    /// Every key, oldest first.
    pub(crate) async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        Ok(read!(self, |conn| signing_key::table
            .order((signing_key::created_at, signing_key::kid))
            .select(SigningKey::as_select())
            .load(conn)
            .await?))
    }

    /// Stores a key unless one that signs is there already: of two servers that start at once on
    /// one database, one makes the key. Says whether it was stored.
    pub(crate) async fn insert_first_key(&self, row: SigningKey) -> Result<bool, StoreError> {
        write!(self, |conn| {
            let now = Millis(row.created_at);
            // The counter's row is what two writers queue for; whoever is second sees the first.
            note_change!(conn, "key", row.kid.as_str(), now.plus(KEPT).0, now.0);
            let standing: i64 = signing_key::table
                .filter(signing_key::retired_at.is_null())
                .count()
                .get_result(conn)
                .await?;
            if standing > 0 {
                return Ok(false);
            }
            diesel::insert_into(signing_key::table).values(row).execute(conn).await?;
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    fn key(kid: &str) -> SigningKey {
        SigningKey {
            kid: kid.to_owned(),
            alg: "RS256".to_owned(),
            public_jwk: "{}".to_owned(),
            private_sealed: "sealed".to_owned(),
            created_at: 1,
            retired_at: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_servers_that_start_at_once_one_makes_the_key() {
        on_both(async |store| {
            let (one, two) =
                tokio::join!(store.insert_first_key(key("k1")), store.insert_first_key(key("k2")));

            assert_ne!(one.unwrap(), two.unwrap());
            assert_eq!(store.signing_keys().await.unwrap().len(), 1);
        })
        .await;
    }
}
