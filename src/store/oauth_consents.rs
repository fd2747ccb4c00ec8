//! What people have let apps do, remembered until they withdraw it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    db::{read, write},
    schema::{oauth_client, oauth_consent},
    sessions::end_session,
};
use crate::domain::ids::{ClientId, SessionId, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_consent)]
pub(crate) struct ConsentRow {
    pub client_id: ClientId,
    pub user_id: UserId,
    /// What it is called by from outside.
    pub id: String,
    pub scope: String,
    /// Asked resources, as JSON.
    pub detail: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Puts a consent in place of the one before inside a transaction; its name and age stay.
macro_rules! put_consent {
    ($conn:expr, $row:expr) => {{
        use $crate::store::schema::oauth_consent;
        let row: $crate::store::oauth_consents::ConsentRow = $row;
        diesel::insert_into(oauth_consent::table)
            .values(&row)
            .on_conflict((oauth_consent::client_id, oauth_consent::user_id))
            .do_update()
            .set((
                oauth_consent::scope.eq(&row.scope),
                oauth_consent::detail.eq(&row.detail),
                oauth_consent::updated_at.eq(row.updated_at),
            ))
            .execute($conn)
            .await?;
    }};
}
pub(super) use put_consent;

/// Ends what an app may do in a person's name, inside a transaction.
macro_rules! end_grants {
    ($conn:expr, $client:expr, $user:expr, $now:expr) => {{
        use $crate::store::schema::session;
        let theirs = session::client_id.eq($client).and(session::user_id.eq($user));
        let sessions: Vec<SessionId> =
            session::table.filter(theirs).select(session::id).load($conn).await?;
        for id in &sessions {
            end_session!($conn, id, $now);
        }
    }};
}

impl Store {
    /// What this person has let this app do.
    pub(crate) async fn consent(
        &self,
        client: &ClientId,
        user: &UserId,
    ) -> Result<ConsentRow, StoreError> {
        Ok(read!(self, |conn| oauth_consent::table
            .filter(oauth_consent::client_id.eq(client).and(oauth_consent::user_id.eq(user)))
            .select(ConsentRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// All that a person has agreed to, with the apps' names, the newest first.
    pub(crate) async fn consents_of(
        &self,
        user: &UserId,
    ) -> Result<Vec<(ConsentRow, String)>, StoreError> {
        Ok(read!(self, |conn| oauth_consent::table
            .inner_join(oauth_client::table.on(oauth_client::id.eq(oauth_consent::client_id)))
            .filter(oauth_consent::user_id.eq(user))
            .order((oauth_consent::updated_at.desc(), oauth_consent::id))
            .select((ConsentRow::as_select(), oauth_client::name))
            .load(conn)
            .await?))
    }

    /// Narrows a consent of `user` to `scope`. What the app was granted ends, so that it asks again.
    pub(crate) async fn narrow_consent(
        &self,
        user: &UserId,
        id: &str,
        scope: String,
        event: AuthEvent,
    ) -> Result<ConsentRow, StoreError> {
        let (user, id, now) = (user.clone(), id.to_owned(), event.at());
        write!(self, |conn| {
            let own = oauth_consent::id.eq(id).and(oauth_consent::user_id.eq(&user));
            let row: ConsentRow = diesel::update(oauth_consent::table.filter(own))
                .set((oauth_consent::scope.eq(scope), oauth_consent::updated_at.eq(now.0)))
                .returning(ConsentRow::as_returning())
                .get_result(conn)
                .await?;
            end_grants!(conn, &row.client_id, &user, now);
            note_event!(conn, event);
            Ok(row)
        })
    }

    /// Withdraws a consent of `user`, and ends all that the app was granted by her.
    pub(crate) async fn withdraw_consent(
        &self,
        user: &UserId,
        id: &str,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (user, id, now) = (user.clone(), id.to_owned(), event.at());
        write!(self, |conn| {
            let own = oauth_consent::id.eq(id).and(oauth_consent::user_id.eq(&user));
            let client: ClientId = diesel::delete(oauth_consent::table.filter(own))
                .returning(oauth_consent::client_id)
                .get_result(conn)
                .await?;
            end_grants!(conn, &client, &user, now);
            note_event!(conn, event);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Millis;
    use crate::store::{
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        oauth_clients::tests::client,
        oauth_requests::Answered,
        sample::insert_user,
        sessions::tests::row as session,
    };

    fn row(id: &str, user: &str, scope: &str) -> ConsentRow {
        ConsentRow {
            client_id: ClientId::new("app"),
            user_id: UserId::new(user),
            id: id.to_owned(),
            scope: scope.to_owned(),
            detail: "{}".to_owned(),
            created_at: 1,
            updated_at: 1,
        }
    }

    async fn agreed(store: &Store, row: ConsentRow, name: &str) {
        let given = event(name, AuthEventKind::ConsentGiven, 1);
        let answered = Answered { consent: Some((row, given)), ..Answered::default() };
        store.answer_request(answered, Millis(1)).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_withdrawn_consent_takes_the_grants_of_its_app_and_person_along_and_no_others() {
        on_both(async |store| {
            let made = event("c", AuthEventKind::ClientCreated, 1);
            store.insert_client(client("app"), made).await.unwrap();
            for name in ["ada", "bob"] {
                insert_user(&store, name).await;
                for (id, of) in [("app", Some(ClientId::new("app"))), ("web", None)] {
                    let mut grant = session(&format!("{name}-{id}"), name);
                    grant.client_id = of;
                    let event = event(&format!("{name}{id}"), AuthEventKind::SignIn, 1);
                    store.insert_session(grant, event).await.unwrap();
                }
                agreed(&store, row(&format!("consent-{name}"), name, "openid"), name).await;
            }
            agreed(&store, row("other", "ada", "openid email"), "again").await;
            let (ada, bob) = (UserId::new("ada"), UserId::new("bob"));
            let kept = store.consent(&ClientId::new("app"), &ada).await.unwrap();
            assert_eq!((kept.id.as_str(), kept.scope.as_str()), ("consent-ada", "openid email"));

            let gone = event("w1", AuthEventKind::ConsentWithdrawn, 2);
            let foreign = store.withdraw_consent(&bob, "consent-ada", gone).await;
            assert!(matches!(foreign, Err(StoreError::NotFound)));
            let gone = event("w2", AuthEventKind::ConsentWithdrawn, 2);
            store.withdraw_consent(&ada, "consent-ada", gone).await.unwrap();

            assert_eq!(store.consents_of(&ada).await.unwrap(), []);
            assert_eq!(store.consents_of(&bob).await.unwrap()[0].1, "App app");
            let left = async |user: &UserId| {
                let left = store.sessions_of(user, Millis(2)).await.unwrap();
                left.into_iter().map(|it| it.id.as_str().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(left(&ada).await, ["ada-web"]);
            assert_eq!(left(&bob).await.len(), 2);
            let told = store.changes_after(0).await.unwrap();
            assert_eq!((told.len(), told[0].subject.as_str()), (1, "ada-app"));
        })
        .await;
    }
}
