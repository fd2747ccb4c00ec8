//! Authorization requests that wait: pushed by an app (RFC 9126), or for their person to sign in and
//! agree. One is used up when it is answered, together with what it leads to.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::queue_up,
    db::{read, write},
    dialect::Keeper,
    oauth_consents::{ConsentRow, put_consent},
    schema::oauth_request,
};
use crate::domain::clock::{HOUR, Millis};

/// How long one is kept that has expired: a page may still be open that it led to.
const KEPT: i64 = HOUR;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_request, treat_none_as_default_value = false)]
pub(crate) struct RequestRow {
    /// SHA-256 of its handle, lower-case hex.
    pub hash: String,
    pub client_id: crate::domain::ids::ClientId,
    pub pushed: bool,
    /// What was asked for; written and read by the rules.
    pub params: String,
    /// The key that it was proved with.
    pub jkt: Option<String>,
    pub expires_at: i64,
    pub created_at: i64,
    pub used_at: Option<i64>,
}

/// An authorization request's end.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// The hashes of what is used up: the request, and the pushed one that it came of.
    pub requests: Vec<String>,
    pub consent: Option<(ConsentRow, AuthEvent)>,
}

impl Store {
    /// Keeps a request. Those of long ago are forgotten.
    pub(crate) async fn insert_request(&self, row: RequestRow) -> Result<(), StoreError> {
        write!(self, |conn| {
            let over = oauth_request::expires_at.lt(row.created_at - KEPT);
            diesel::delete(oauth_request::table.filter(over)).execute(conn).await?;
            diesel::insert_into(oauth_request::table).values(row).execute(conn).await?;
            Ok(())
        })
    }

    /// The request of this hash, expired and used or not.
    pub(crate) async fn request(&self, hash: &str) -> Result<RequestRow, StoreError> {
        Ok(read!(self, |conn| oauth_request::table
            .filter(oauth_request::hash.eq(hash))
            .select(RequestRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// Notes what the person has chosen so far.
    pub(crate) async fn set_request(&self, hash: &str, params: String) -> Result<(), StoreError> {
        let hash = hash.to_owned();
        write!(self, |conn| {
            diesel::update(oauth_request::table.filter(oauth_request::hash.eq(hash)))
                .set(oauth_request::params.eq(params))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Answers a request, once: [`StoreError::Conflict`] if it was answered before, or the sign-in or
    /// the app has gone meanwhile, and then nothing is written.
    pub(crate) async fn answer_request(
        &self,
        answered: Answered,
        now: Millis,
    ) -> Result<(), StoreError> {
        if answered.requests.is_empty() && answered.consent.is_none() {
            return Ok(());
        }
        write!(self, |conn| {
            let Answered { requests, consent } = answered;
            if let Some((row, _)) = &consent {
                queue_up!(conn);
                if !conn.keep(&row.user_id, &row.client_id).await? {
                    return Err(StoreError::Conflict("the person or the app is gone".to_owned()));
                }
            }
            for hash in requests {
                let waits = oauth_request::hash.eq(hash).and(oauth_request::used_at.is_null());
                let used = diesel::update(oauth_request::table.filter(waits))
                    .set(oauth_request::used_at.eq(Some(now.0)))
                    .execute(conn)
                    .await?;
                if used == 0 {
                    return Err(StoreError::Conflict("the request was answered".to_owned()));
                }
            }
            if let Some((row, event)) = consent {
                put_consent!(conn, row);
                note_event!(conn, event);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::ids::ClientId,
        store::{
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
            oauth_clients::tests::client,
        },
    };

    fn row(hash: &str, created_at: i64) -> RequestRow {
        RequestRow {
            hash: hash.to_owned(),
            client_id: ClientId::new("a"),
            pushed: true,
            params: "{}".to_owned(),
            jkt: None,
            expires_at: created_at + 90,
            created_at,
            used_at: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_is_answered_once_and_goes_long_after_it_expired() {
        on_both(async |store| {
            let made = event("c", AuthEventKind::ClientCreated, 1);
            store.insert_client(client("a"), made).await.unwrap();
            store.insert_request(row("pushed", 1)).await.unwrap();
            store.insert_request(row("own", 2)).await.unwrap();
            let both = || Answered {
                requests: vec!["own".to_owned(), "pushed".to_owned()],
                ..Answered::default()
            };

            let tries = (0..6).map(|_| store.answer_request(both(), Millis(3)));
            let won = futures_util::future::join_all(tries).await;
            assert_eq!(won.iter().filter(|it| it.is_ok()).count(), 1);
            assert!(won.iter().all(|it| matches!(it, Ok(()) | Err(StoreError::Conflict(_)))));
            assert_eq!(store.request("pushed").await.unwrap().used_at, Some(3));

            store.set_request("own", "[]".to_owned()).await.unwrap();
            assert_eq!(store.request("own").await.unwrap().params, "[]");
            store.insert_request(row("late", HOUR + 92)).await.unwrap();
            assert!(matches!(store.request("pushed").await, Err(StoreError::NotFound)));
            assert!(store.request("own").await.is_ok());
        })
        .await;
    }
}
