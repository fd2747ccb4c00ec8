//! What only one of the two databases can say.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SqliteConnection, dsl::sql,
    sql_types::BigInt,
};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};

use super::{
    lite::LiteConnection,
    schema::{oauth_client, user},
};
use crate::domain::{
    clock::Millis,
    ids::{ClientId, UserId},
};

/// The time that leases go by. Nodes may disagree on the time; of the database there is one.
pub(super) trait Timekeeper {
    /// `ours`: what the caller's clock says.
    fn lease_time(&mut self, ours: Millis) -> impl Future<Output = QueryResult<Millis>> + Send;
}

impl Timekeeper for AsyncPgConnection {
    async fn lease_time(&mut self, _: Millis) -> QueryResult<Millis> {
        // Not now(), which stands still in a transaction.
        let time = sql::<BigInt>("(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        diesel::select(time).get_result(self).await.map(Millis)
    }
}

/// Only the processes of one machine share a file, so its clock will do.
impl<S: SpawnBlocking + Send> Timekeeper for SyncConnectionWrapper<SqliteConnection, S> {
    async fn lease_time(&mut self, ours: Millis) -> QueryResult<Millis> {
        Ok(ours)
    }
}

/// Takes hold of a person and an app, inside a transaction: as a foreign key does, so that neither
/// is removed before it ends.
pub(super) trait Keeper {
    /// Says whether both are there, and the app is not disabled.
    fn keep(
        &mut self,
        person: &UserId,
        app: &ClientId,
    ) -> impl Future<Output = QueryResult<bool>> + Send;
}

impl Keeper for AsyncPgConnection {
    async fn keep(&mut self, person: &UserId, app: &ClientId) -> QueryResult<bool> {
        // She comes first: her own apps are removed after her.
        let person = user::table.filter(user::id.eq(person)).select(user::id).for_key_share();
        let person: Option<UserId> = person.get_result(self).await.optional()?;
        let app = oauth_client::table.filter(oauth_client::id.eq(app)).select(oauth_client::id);
        let app = app.filter(oauth_client::disabled.eq(false));
        let app: Option<ClientId> = app.for_key_share().get_result(self).await.optional()?;
        Ok(person.is_some() && app.is_some())
    }
}

/// There is one writer.
impl Keeper for LiteConnection {
    async fn keep(&mut self, person: &UserId, app: &ClientId) -> QueryResult<bool> {
        let person = user::table.filter(user::id.eq(person)).select(user::id);
        let person: Option<UserId> = person.get_result(self).await.optional()?;
        let app = oauth_client::table.filter(oauth_client::id.eq(app)).select(oauth_client::id);
        let app = app.filter(oauth_client::disabled.eq(false));
        let app: Option<ClientId> = app.get_result(self).await.optional()?;
        Ok(person.is_some() && app.is_some())
    }
}

/// The time of the transaction's database, unless a test goes by its own clock.
macro_rules! lease_time {
    ($by_database:expr, $conn:expr, $now:expr) => {
        if $by_database {
            $crate::store::dialect::Timekeeper::lease_time($conn, $now).await?
        } else {
            $now
        }
    };
}

pub(super) use lease_time;
