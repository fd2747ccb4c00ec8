//! Apps that people sign in to with their account here.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    db::{read, write},
    schema::oauth_client,
};
use crate::domain::ids::{ClientId, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = oauth_client, treat_none_as_null = true)]
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
}

impl Store {
    pub(crate) async fn insert_client(
        &self,
        row: ClientRow,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(oauth_client::table).values(row).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    pub(crate) async fn client(&self, id: &ClientId) -> Result<ClientRow, StoreError> {
        Ok(read!(self, |conn| oauth_client::table
            .filter(oauth_client::id.eq(id))
            .select(ClientRow::as_select())
            .first(conn)
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
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::{
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
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
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_app_is_found_by_its_id() {
        on_both(async |store| {
            let made = event("c", AuthEventKind::ClientCreated, 1);
            store.insert_client(client("a"), made).await.unwrap();

            assert_eq!(store.client(&ClientId::new("a")).await.unwrap(), client("a"));
            let other = store.client(&ClientId::new("b")).await;
            assert!(matches!(other, Err(StoreError::NotFound)));
        })
        .await;
    }
}
