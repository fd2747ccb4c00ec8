//! Signing keys. The private half is stored sealed; who opens it is the auth service.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change},
    db::{read, write},
    schema::signing_key,
};
use crate::domain::clock::{DAY, Millis};

/// A key is published so long after it has signed the last token: no token lives longer.
const OVERLAP: i64 = 30 * DAY;

/// A key pair that signs what we issue.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_key, treat_none_as_default_value = false)]
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

impl SigningKey {
    /// From when on nothing that it has signed is believed. None for a key that signs.
    pub(crate) fn dead_at(&self) -> Option<Millis> {
        self.retired_at.map(|at| Millis(at).plus(OVERLAP))
    }
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

    /// Stores those of the keys whose algorithm has none that signs: of two servers that start at
    /// once on one database, one makes the keys. Gives how many were stored.
    pub(crate) async fn insert_first_keys(
        &self,
        rows: Vec<SigningKey>,
        now: Millis,
    ) -> Result<usize, StoreError> {
        write!(self, |conn| {
            // The counter's row is what two writers queue for; whoever is second sees the first.
            note_change!(conn, "key", "", now.plus(KEPT).0, now.0);
            let standing: Vec<String> = signing_key::table
                .filter(signing_key::retired_at.is_null())
                .select(signing_key::alg)
                .load(conn)
                .await?;
            let mut stored = 0;
            for row in rows.into_iter().filter(|row| !standing.contains(&row.alg)) {
                stored += diesel::insert_into(signing_key::table).values(row).execute(conn).await?;
            }
            Ok(stored)
        })
    }

    /// From now on these keys sign, and the ones of their algorithms that did are retired. Two
    /// rotations at once happen one after the other: the later one's keys sign.
    pub(crate) async fn rotate_keys(
        &self,
        rows: Vec<SigningKey>,
        event: AuthEvent,
        now: Millis,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            note_change!(conn, "key", "", now.plus(KEPT).0, now.0);
            for row in rows {
                let standing = signing_key::table
                    .filter(signing_key::alg.eq(row.alg.clone()))
                    .filter(signing_key::retired_at.is_null());
                diesel::update(standing)
                    .set(signing_key::retired_at.eq(now.0))
                    .execute(conn)
                    .await?;
                diesel::insert_into(signing_key::table).values(row).execute(conn).await?;
            }
            note_event!(conn, event);
            Ok::<_, StoreError>(())
        })
    }

    /// Removes the keys by which nothing is believed any more. Gives how many.
    pub(crate) async fn forget_keys(&self, now: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| {
            let dead = signing_key::table.filter(signing_key::retired_at.le(now.plus(-OVERLAP).0));
            let gone = diesel::delete(dead).execute(conn).await?;
            if gone > 0 {
                note_change!(conn, "key", "", now.plus(KEPT).0, now.0);
            }
            Ok(gone)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    fn key(kid: &str, alg: &str) -> SigningKey {
        SigningKey {
            kid: kid.to_owned(),
            alg: alg.to_owned(),
            public_jwk: "{}".to_owned(),
            private_sealed: "sealed".to_owned(),
            created_at: 1,
            retired_at: None,
        }
    }

    fn event(id: &str) -> AuthEvent {
        AuthEvent {
            id: id.to_owned(),
            at: 1,
            kind: "keys_rotated".to_owned(),
            user_id: None,
            email: None,
            address: None,
            agent: None,
            detail: "{}".to_owned(),
        }
    }

    /// The names of the keys that sign, and of those that are retired.
    async fn names(store: &Store) -> (Vec<String>, Vec<String>) {
        let (old, new): (Vec<_>, Vec<_>) = store
            .signing_keys()
            .await
            .unwrap()
            .into_iter()
            .partition(|key| key.retired_at.is_some());
        let named = |keys: Vec<SigningKey>| keys.into_iter().map(|key| key.kid).collect();
        (named(new), named(old))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_servers_that_start_at_once_one_makes_the_keys() {
        on_both(async |store| {
            let all = |kid: &str| {
                ["RS256", "ES256"].map(|alg| key(&format!("{kid}-{alg}"), alg)).to_vec()
            };
            let (one, two) = tokio::join!(
                store.insert_first_keys(all("k1"), Millis(1)),
                store.insert_first_keys(all("k2"), Millis(1)),
            );

            let mut stored = [one.unwrap(), two.unwrap()];
            stored.sort_unstable();
            assert_eq!(stored, [0, 2]);
            assert_eq!(store.signing_keys().await.unwrap().len(), 2);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_with_one_key_gets_those_that_it_lacks() {
        on_both(async |store| {
            let first = vec![key("old", "RS256")];
            assert_eq!(store.insert_first_keys(first, Millis(1)).await.unwrap(), 1);

            let all = vec![key("new", "RS256"), key("e", "ES256"), key("d", "EdDSA")];
            assert_eq!(store.insert_first_keys(all, Millis(2)).await.unwrap(), 2);

            assert_eq!(names(&store).await.0, ["d", "e", "old"]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_key_retires_the_one_of_its_algorithm_alone() {
        on_both(async |store| {
            let first = vec![key("r1", "RS256"), key("e1", "ES256")];
            store.insert_first_keys(first, Millis(1)).await.unwrap();
            let before = store.last_change().await.unwrap();

            store.rotate_keys(vec![key("r2", "RS256")], event("a"), Millis(5)).await.unwrap();

            let (new, old) = names(&store).await;
            assert_eq!((new, old), (vec!["e1".to_owned(), "r2".to_owned()], vec!["r1".to_owned()]));
            let changes = store.changes_after(before).await.unwrap();
            assert_eq!(changes.len(), 1);
            assert_eq!(changes[0].kind, "key");
            assert_eq!(store.newest_auth_events(9).await.unwrap()[0].kind, "keys_rotated");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rotations_beside_each_other_and_beside_a_first_start_leave_one_key_that_signs() {
        on_both(async |store| {
            let rotate = |name: &'static str| {
                Box::pin(store.rotate_keys(vec![key(name, "RS256")], event(name), Millis(5)))
            };
            let start = store.insert_first_keys(vec![key("first", "RS256")], Millis(4));
            let (a, b, c, started) = tokio::join!(rotate("a"), rotate("b"), rotate("c"), start);
            for rotated in [a, b, c] {
                rotated.unwrap();
            }
            started.unwrap();

            let (new, old) = names(&store).await;
            assert_eq!(new.len(), 1, "{new:?}");
            assert!(old.len() >= 2, "{old:?}");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_retired_key_goes_when_its_longest_token_is_dead_and_the_nodes_hear_of_it() {
        on_both(async |store| {
            store.insert_first_keys(vec![key("r1", "RS256")], Millis(1)).await.unwrap();
            store.rotate_keys(vec![key("r2", "RS256")], event("a"), Millis(5)).await.unwrap();
            let before = store.last_change().await.unwrap();

            assert_eq!(store.forget_keys(Millis(4 + 30 * DAY)).await.unwrap(), 0);
            assert_eq!(store.last_change().await.unwrap(), before);
            assert_eq!(store.forget_keys(Millis(5 + 30 * DAY)).await.unwrap(), 1);

            assert_eq!(store.last_change().await.unwrap(), before + 1);
            assert_eq!(names(&store).await, (vec!["r2".to_owned()], vec![]));
        })
        .await;
    }
}
