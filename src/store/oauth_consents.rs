//! What people have let apps do, remembered until they withdraw it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::queue_up,
    db::{look, read, write},
    oauth_clients::ClientRow,
    oauth_grants::GrantRow,
    schema::{oauth_client, oauth_consent, session},
    sessions::{Session, end_session},
};
use crate::domain::{
    clock::Millis,
    ids::{ClientId, SessionId, UserId},
};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_consent, treat_none_as_default_value = false)]
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

/// Puts a consent in place of the one before inside a transaction; its name and age stay. The caller
/// has queued up: it is noted as a change.
macro_rules! put_consent {
    ($conn:expr, $row:expr) => {{
        use $crate::store::schema::oauth_consent;
        let row: $crate::store::oauth_consents::ConsentRow = $row;
        let id: String = diesel::insert_into(oauth_consent::table)
            .values(&row)
            .on_conflict((oauth_consent::client_id, oauth_consent::user_id))
            .do_update()
            .set((
                oauth_consent::scope.eq(&row.scope),
                oauth_consent::detail.eq(&row.detail),
                oauth_consent::updated_at.eq(row.updated_at),
            ))
            .returning(oauth_consent::id)
            .get_result($conn)
            .await?;
        $crate::store::oauth_consents::note_consent!(
            $conn,
            &id,
            $crate::domain::clock::Millis(row.updated_at)
        );
    }};
}
pub(super) use put_consent;

/// What nodes remember of a consent is not what it was.
macro_rules! note_consent {
    ($conn:expr, $id:expr, $now:expr) => {{
        use $crate::store::changes::{KEPT, note_change};
        note_change!($conn, "consent", $id.as_str(), $now.plus(KEPT).0, $now.0);
    }};
}
pub(super) use note_consent;

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
        Ok(look!(self, |conn| oauth_consent::table
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

    /// What apps were granted by a person and hold without a consent of hers that is remembered: those
    /// that the school lets in, and devices. With the apps, the oldest first.
    pub(crate) async fn grants_without_consent(
        &self,
        user: &UserId,
        now: Millis,
    ) -> Result<Vec<(Session, GrantRow, ClientRow)>, StoreError> {
        let of_app = session::client_id.eq(oauth_client::id.nullable());
        let remembered = oauth_consent::client_id
            .eq(oauth_client::id)
            .and(oauth_consent::user_id.eq(session::user_id));
        Ok(read!(self, |conn| session::table
            .inner_join(oauth_client::table.on(of_app))
            .left_join(oauth_consent::table.on(remembered))
            .filter(session::user_id.eq(user).and(session::expires_at.gt(now.0)))
            .filter(session::browser_sid.is_not_null())
            .filter(oauth_consent::id.nullable().is_null())
            .order((session::created_at, session::id))
            .select((Session::as_select(), GrantRow::as_select(), ClientRow::as_select()))
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
            queue_up!(conn);
            let own = oauth_consent::id.eq(id).and(oauth_consent::user_id.eq(&user));
            let row: ConsentRow = diesel::update(oauth_consent::table.filter(own))
                .set((oauth_consent::scope.eq(scope), oauth_consent::updated_at.eq(now.0)))
                .returning(ConsentRow::as_returning())
                .get_result(conn)
                .await?;
            note_consent!(conn, &row.id, now);
            end_grants!(conn, &row.client_id, &user, now);
            note_event!(conn, event);
            Ok(row)
        })
    }

    /// Ends all that an app was granted by `user`. [`StoreError::NotFound`] if it holds nothing.
    pub(crate) async fn end_grants_of(
        &self,
        user: &UserId,
        client: &ClientId,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (user, client, now) = (user.clone(), client.clone(), event.at());
        write!(self, |conn| {
            let theirs = session::client_id.eq(&client).and(session::user_id.eq(&user));
            let held: i64 = session::table.filter(theirs).count().get_result(conn).await?;
            if held == 0 {
                return Err(StoreError::NotFound);
            }
            end_grants!(conn, &client, &user, now);
            note_event!(conn, event);
            Ok(())
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
            queue_up!(conn);
            let own = oauth_consent::id.eq(&id).and(oauth_consent::user_id.eq(&user));
            let client: ClientId = diesel::delete(oauth_consent::table.filter(own))
                .returning(oauth_consent::client_id)
                .get_result(conn)
                .await?;
            note_consent!(conn, &id, now);
            end_grants!(conn, &client, &user, now);
            note_event!(conn, event);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let before = store.last_change().await.unwrap();
            assert_eq!(before, 3, "each consent that was given or widened");
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
            let told = store.changes_after(before).await.unwrap();
            let told: Vec<_> = told.iter().map(|it| (&*it.kind, &*it.subject)).collect();
            assert_eq!(told, [("consent", "consent-ada"), ("session", "ada-app")]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_held_without_a_consent_is_listed_while_it_lasts_and_ended_for_its_person() {
        on_both(async |store| {
            for app in ["app", "own", "left"] {
                store.have_app(client(app)).await;
            }
            for name in ["ada", "bob"] {
                insert_user(&store, name).await;
                let event = event(name, AuthEventKind::SignIn, 1);
                store.insert_session(session(&format!("{name}-web"), name), event).await.unwrap();
            }
            agreed(&store, row("c", "ada", "openid"), "ada-app").await;
            let of_ada = ("ada", "ada-web");
            store.have_grant("agreed", "app", of_ada, false).await;
            store.have_grant("first", "own", of_ada, false).await;
            store.have_grant("second", "own", of_ada, true).await;
            store.have_grant("bobs", "own", ("bob", "bob-web"), true).await;
            let ada = UserId::new("ada");
            let held = async |now| {
                let held = store.grants_without_consent(&ada, Millis(now)).await.unwrap();
                let names = held.into_iter();
                names.map(|(grant, _, app)| (grant.id.to_string(), app.name)).collect::<Vec<_>>()
            };
            let of = |grant: &str| (grant.to_owned(), "App own".to_owned());
            assert_eq!(held(2).await, [of("first"), of("second")]);
            assert_eq!(held(100).await, [], "they have expired");

            let gone = |id: &str| event(id, AuthEventKind::ConsentWithdrawn, 2);
            let none = store.end_grants_of(&ada, &ClientId::new("left"), gone("1")).await;
            assert!(matches!(none, Err(StoreError::NotFound)));
            store.end_grants_of(&ada, &ClientId::new("own"), gone("2")).await.unwrap();

            assert_eq!(held(2).await, []);
            let left = store.sessions_of(&ada, Millis(2)).await.unwrap();
            let mut left: Vec<_> = left.iter().map(|it| it.id.as_str()).collect();
            left.sort_unstable();
            assert_eq!(left, ["ada-web", "agreed"]);
            let bob = store.grants_without_consent(&UserId::new("bob"), Millis(2)).await.unwrap();
            assert_eq!(bob.len(), 1);
            let told = store.changes_after(0).await.unwrap();
            let mut told: Vec<_> = told.iter().map(|it| (&*it.kind, &*it.subject)).collect();
            told.sort_unstable();
            assert_eq!(told, [("consent", "c"), ("session", "first"), ("session", "second")]);
        })
        .await;
    }
}
