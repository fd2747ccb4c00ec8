//! What only one of the two databases can say.

use diesel::{QueryResult, SqliteConnection, dsl::sql, sql_types::BigInt};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};

use crate::domain::clock::Millis;

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
