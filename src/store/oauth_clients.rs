//! Apps that people sign in to with their account here.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    audit::note_audit,
    auth_events::note_event,
    changes::{KEPT, note_change},
    db::{look, read, write},
    schema::oauth_client,
    user_admin::{Records, note_records},
    user_list::Part,
};
use crate::domain::ids::{ClientId, SessionId, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = oauth_client,
    treat_none_as_null = true,
    treat_none_as_default_value = false
)]
pub(crate) struct ClientRow {
    pub id: ClientId,
    pub name: String,
    /// SHA-256 of its secret, lower-case hex; none of a public client or one with a key.
    pub secret_hash: Option<String>,
    /// SHA-256 of the token by which it manages its registration.
    pub registration_hash: Option<String>,
    /// Who registered it; none: the operator, or nobody who was signed in.
    pub owner_id: Option<UserId>,
    pub disabled: bool,
    /// A [`crate::domain::oidc::client::Metadata`] as JSON.
    pub metadata: String,
    pub created_at: i64,
    pub updated_at: i64,
    /// Since when it waits for somebody to use it, or else goes; none: it stays.
    pub unused_since: Option<i64>,
}

/// What of an app is changed; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = oauth_client)]
#[expect(clippy::option_option, reason = "Diesel's way to tell \"as it is\" from \"none\"")]
pub(crate) struct ClientEdit {
    pub name: Option<String>,
    pub secret_hash: Option<Option<String>>,
    pub disabled: Option<bool>,
    pub metadata: Option<String>,
    pub unused_since: Option<Option<i64>>,
}

/// Which apps are meant: all that agree with each field that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientQuery {
    /// Words of the name, or the id.
    pub search: Option<String>,
    pub owner: Option<UserId>,
    /// Time and id of the last one that the caller has.
    pub before: Option<(i64, String)>,
    pub limit: i64,
}

diesel::define_sql_function! {
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Ends all that people granted to these apps, inside a transaction: each is noted for the other
/// nodes, which close its sockets.
macro_rules! end_grants {
    ($conn:expr, $which:expr, $now:expr) => {{
        use $crate::store::schema::session;
        let granted: Vec<SessionId> =
            session::table.filter($which).select(session::id).load($conn).await?;
        for id in &granted {
            $crate::store::sessions::end_session!($conn, id, $now);
        }
    }};
}

/// Ends all that people granted to the apps of a person who is about to go, inside a transaction:
/// her apps go with her.
macro_rules! end_clients_of {
    ($conn:expr, $owner:expr, $now:expr) => {{
        use $crate::store::schema::{oauth_client, session};
        let hers: Vec<$crate::domain::ids::ClientId> = oauth_client::table
            .filter(oauth_client::owner_id.eq($owner))
            .select(oauth_client::id)
            .load($conn)
            .await?;
        if !hers.is_empty() {
            let of_hers = session::client_id.eq_any(hers.clone());
            $crate::store::oauth_clients::end_grants!($conn, of_hers, $now);
        }
        for id in &hers {
            let until = $now.plus($crate::store::changes::KEPT).0;
            $crate::store::changes::note_change!($conn, "client", id.as_str(), until, $now.0);
        }
    }};
}
pub(super) use {end_clients_of, end_grants};

impl Store {
    pub(crate) async fn insert_client(
        &self,
        row: ClientRow,
        records: impl Into<Records>,
    ) -> Result<(), StoreError> {
        let records = records.into();
        write!(self, |conn| {
            diesel::insert_into(oauth_client::table).values(row).execute(conn).await?;
            note_records!(conn, records);
            Ok(())
        })
    }

    pub(crate) async fn client(&self, id: &ClientId) -> Result<ClientRow, StoreError> {
        Ok(look!(self, |conn| oauth_client::table
            .filter(oauth_client::id.eq(id))
            .select(ClientRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// What the apps registered that have no secret and are not disabled.
    pub(crate) async fn secretless_clients(&self) -> Result<Vec<String>, StoreError> {
        Ok(read!(self, |conn| oauth_client::table
            .filter(oauth_client::secret_hash.is_null().and(oauth_client::disabled.eq(false)))
            .select(oauth_client::metadata)
            .load(conn)
            .await?))
    }

    /// A page, newest first.
    pub(crate) async fn clients(&self, wanted: &ClientQuery) -> Result<Vec<ClientRow>, StoreError> {
        use oauth_client::dsl;
        let ClientQuery { search, owner, before, limit } = wanted;
        Ok(read!(self, |conn| {
            let mut query = oauth_client::table
                .order((dsl::created_at.desc(), dsl::id.desc()))
                .limit(*limit)
                .select(ClientRow::as_select())
                .into_boxed();
            if let Some(words) = search {
                let exact = Part::Contains.pattern(words);
                let folded = Part::Contains.pattern(&words.to_lowercase());
                let named = lower(dsl::name).like(folded).escape('\\');
                let as_written = dsl::name.like(exact).escape('\\');
                query = query.filter(named.or(as_written).or(dsl::id.eq(words)));
            }
            if let Some(owner) = owner {
                query = query.filter(dsl::owner_id.eq(owner.as_str()));
            }
            if let Some((at, id)) = before {
                let older = dsl::created_at.lt(at);
                query = query.filter(older.or(dsl::created_at.eq(at).and(dsl::id.lt(id))));
            }
            query.load(conn).await?
        }))
    }

    /// Changes an app that is as `seen`, or answers [`StoreError::Conflict`]: somebody else has
    /// changed it meanwhile. One that is disabled loses all that people granted to it.
    pub(crate) async fn edit_client(
        &self,
        seen: &ClientRow,
        edit: ClientEdit,
        records: Records,
    ) -> Result<ClientRow, StoreError> {
        let (id, before) = (seen.id.clone(), seen.updated_at);
        // Two changes of one millisecond are still two.
        let now = records.event.at();
        let updated_at = now.0.max(before.saturating_add(1));
        write!(self, |conn| {
            note_change!(conn, "client", id.as_str(), now.plus(KEPT).0, now.0);
            let ends = edit.disabled == Some(true);
            let unchanged = oauth_client::id.eq(&id).and(oauth_client::updated_at.eq(before));
            let changed = diesel::update(oauth_client::table.filter(unchanged))
                .set((edit, oauth_client::updated_at.eq(updated_at)))
                .returning(ClientRow::as_returning())
                .get_result(conn)
                .await
                .optional()?;
            let Some(changed) = changed else {
                return Err(StoreError::Conflict("the app was changed meanwhile".to_owned()));
            };
            if ends {
                let of_it = super::schema::session::client_id.eq(id.as_str());
                end_grants!(conn, of_it, now);
            }
            note_records!(conn, records);
            Ok(changed)
        })
    }

    /// Removes an app with all that people granted to it.
    pub(crate) async fn remove_client(
        &self,
        id: &ClientId,
        records: Records,
    ) -> Result<(), StoreError> {
        let (id, now) = (id.clone(), records.event.at());
        write!(self, |conn| {
            note_change!(conn, "client", id.as_str(), now.plus(KEPT).0, now.0);
            let of_it = super::schema::session::client_id.eq(id.as_str());
            end_grants!(conn, of_it, now);
            let gone = diesel::delete(oauth_client::table.filter(oauth_client::id.eq(&id)))
                .execute(conn)
                .await?;
            if gone == 0 {
                return Err(StoreError::NotFound);
            }
            note_records!(conn, records);
            Ok(())
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        domain::{clock::Millis, role::Role},
        store::{
            accounts::tests::login,
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
            sessions::tests::row,
            users::tests::person,
        },
    };

    pub(crate) fn client(id: &str) -> ClientRow {
        ClientRow {
            id: ClientId::new(id),
            name: format!("App {id}"),
            secret_hash: None,
            registration_hash: None,
            owner_id: None,
            disabled: false,
            metadata: r#"{"redirect_uris":["https://app.example/cb"]}"#.to_owned(),
            created_at: 1,
            updated_at: 1,
            unused_since: None,
        }
    }

    fn records(id: &str) -> Records {
        Records { event: event(id, AuthEventKind::ClientChanged, 7), entry: None }
    }

    async fn told(store: &Store) -> Vec<(String, String)> {
        let changes = store.changes_after(0).await.unwrap();
        changes.into_iter().map(|change| (change.kind, change.subject)).collect()
    }

    fn change(kind: &str, subject: &str) -> (String, String) {
        (kind.to_owned(), subject.to_owned())
    }

    /// Apps a and b, of Ada; Bob has granted a twice and b once.
    async fn with_grants(store: &Store) {
        for name in ["ada", "bob"] {
            store.insert_user(person(name, Role::Student), login(name), None).await.unwrap();
        }
        for (n, id) in ["a", "b"].into_iter().enumerate() {
            let owner_id = Some(UserId::new("ada"));
            let created_at = i64::try_from(n).unwrap();
            let client = ClientRow { owner_id, created_at, ..client(id) };
            store.insert_client(client, records(&format!("new-{id}"))).await.unwrap();
        }
        for (id, client) in [("s1", Some("a")), ("s2", Some("a")), ("s3", Some("b")), ("s4", None)]
        {
            let session = super::super::sessions::Session {
                client_id: client.map(ClientId::new),
                ..row(id, "bob")
            };
            store.insert_session(session, event(id, AuthEventKind::SignIn, 1)).await.unwrap();
        }
    }

    async fn live(store: &Store) -> Vec<String> {
        let bob = UserId::new("bob");
        let live = store.sessions_of(&bob, Millis(2)).await.unwrap();
        live.into_iter().map(|session| session.id.to_string()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_app_is_found_by_its_id() {
        on_both(async |store| {
            store.insert_client(client("a"), records("c")).await.unwrap();

            assert_eq!(store.client(&ClientId::new("a")).await.unwrap(), client("a"));
            let other = store.client(&ClientId::new("b")).await;
            assert!(matches!(other, Err(StoreError::NotFound)));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn apps_are_listed_by_owner_and_words_and_paged_without_gap() {
        on_both(async |store| {
            with_grants(&store).await;
            let odd = ClientRow { name: "50%_Ünder".to_owned(), created_at: 1, ..client("c") };
            store.insert_client(odd, records("new-c")).await.unwrap();
            let found = async |query: ClientQuery| {
                let rows = store.clients(&ClientQuery { limit: 2, ..query }).await.unwrap();
                rows.into_iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
            };
            let all = ClientQuery::default;
            let words = |text: &str| ClientQuery { search: Some(text.to_owned()), ..all() };

            assert_eq!(found(all()).await, ["c", "b"]);
            let before = Some((1, "b".to_owned()));
            assert_eq!(found(ClientQuery { before, ..all() }).await, ["a"]);
            let owner = |name| ClientQuery { owner: Some(UserId::new(name)), ..all() };
            assert_eq!(found(owner("ada")).await, ["b", "a"]);
            assert!(found(owner("bob")).await.is_empty());
            assert_eq!(found(words("app A")).await, ["a"]);
            assert_eq!(found(words("0%_Ün")).await, ["c"]);
            assert!(found(words("5%n")).await.is_empty());
            assert_eq!(found(words("b")).await, ["b"]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_counts_once_and_is_told_to_every_node() {
        on_both(async |store| {
            with_grants(&store).await;
            let seen = store.client(&ClientId::new("a")).await.unwrap();
            let edit = ClientEdit {
                name: Some("New".to_owned()),
                secret_hash: Some(Some("hash".to_owned())),
                ..ClientEdit::default()
            };

            let changed = store.edit_client(&seen, edit.clone(), records("1")).await.unwrap();
            assert_eq!((changed.name.as_str(), changed.updated_at), ("New", 7));
            assert_eq!((changed.secret_hash.as_deref(), changed.disabled), (Some("hash"), false));
            let stale = store.edit_client(&seen, edit, records("2")).await;
            assert!(matches!(stale, Err(StoreError::Conflict(_))));

            let edit = ClientEdit { secret_hash: Some(None), ..ClientEdit::default() };
            let bare = store.edit_client(&changed, edit, records("3")).await.unwrap();
            assert_eq!((bare.secret_hash, bare.updated_at), (None, 8));
            assert_eq!(live(&store).await, ["s1", "s2", "s3", "s4"]);
            assert_eq!(told(&store).await, [change("client", "a"), change("client", "a")]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_granted_to_an_app_ends_when_it_is_disabled_or_removed() {
        on_both(async |store| {
            with_grants(&store).await;
            let seen = store.client(&ClientId::new("a")).await.unwrap();
            let edit = ClientEdit { disabled: Some(true), ..ClientEdit::default() };
            store.edit_client(&seen, edit, records("1")).await.unwrap();
            assert_eq!(live(&store).await, ["s3", "s4"]);

            store.remove_client(&ClientId::new("b"), records("2")).await.unwrap();
            assert_eq!(live(&store).await, ["s4"]);
            let again = store.remove_client(&ClientId::new("b"), records("3")).await;
            assert!(matches!(again, Err(StoreError::NotFound)));

            let mut told = told(&store).await;
            told[1..3].sort_unstable();
            assert_eq!(
                told,
                [
                    change("client", "a"),
                    change("session", "s1"),
                    change("session", "s2"),
                    change("client", "b"),
                    change("session", "s3"),
                ]
            );
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_apps_of_a_person_who_goes_go_with_her_and_every_node_is_told() {
        on_both(async |store| {
            with_grants(&store).await;
            let gone = event("gone", AuthEventKind::UserDeleted, 7);
            store.delete_user(&UserId::new("ada"), None, gone).await.unwrap();

            assert_eq!(live(&store).await, ["s4"]);
            let told = told(&store).await;
            for one in [("session", "s1"), ("session", "s2"), ("session", "s3"), ("client", "a")] {
                assert!(told.contains(&change(one.0, one.1)), "{told:?}");
            }
        })
        .await;
    }
}
