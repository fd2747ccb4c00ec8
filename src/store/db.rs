//! The two databases, and the macros that let one query text serve both (ADR 0002).
//!
//! `read!` runs on any connection. `write!` runs its body as one transaction: on SQLite through
//! the one writer, which commits waiting transactions together; on PostgreSQL on a connection of
//! the pool. A body is expanded once a database and names its connection; everything that it
//! captures is moved into it.
//!
//! `look!` is a `read!` of a few rows by their keys, such as stands before most requests. On SQLite it
//! runs where it is called, since to wake another thread and be woken by it costs more than the look.
//!
//! A look at one row by a unique key ends in `get_result`, not in `first`: that adds `LIMIT ?`, for
//! which SQLite compiles the statement anew at each use.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, pooled_connection::deadpool::Pool};

use super::{StoreError, lite::Lite};

pub(crate) enum Db {
    Pg(Pool<AsyncPgConnection>),
    Lite(Lite),
}

/// A server that takes a query and does not answer is away, as one that cannot be connected to is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bounds the time that a query may take. One that is given up leaves nothing behind: its connection
/// goes with it.
pub(crate) async fn in_time<T>(
    query: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, query)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable("the database does not answer".to_owned())))
}

macro_rules! read {
    ($store:expr, |$conn:ident| $body:expr) => {
        $crate::store::db::read_by!($store, (reader, LiteReader), |$conn| $body)
    };
}

macro_rules! look {
    ($store:expr, |$conn:ident| $body:expr) => {
        $crate::store::db::read_by!($store, (looker, LiteConnection), |$conn| $body)
    };
}

macro_rules! read_by {
    ($store:expr, ($lite:ident, $kind:ident), |$conn:ident| $body:expr) => {
        match $store.db() {
            $crate::store::db::Db::Pg(pool) => {
                $crate::store::db::in_time(async {
                    let mut pooled = pool.get().await?;
                    let $conn: &mut diesel_async::AsyncPgConnection = &mut pooled;
                    Ok::<_, $crate::store::StoreError>($body)
                })
                .await?
            }
            $crate::store::db::Db::Lite(lite) => {
                let mut pooled = lite.$lite().await?;
                let $conn: &mut $crate::store::lite::$kind = &mut pooled;
                $body
            }
        }
    };
}

macro_rules! write {
    ($store:expr, |$conn:ident| $body:expr) => {
        match $store.db() {
            $crate::store::db::Db::Pg(pool) => {
                $crate::store::db::in_time(async move {
                    let mut pooled = pool.get().await?;
                    diesel_async::AsyncConnection::transaction(
                        &mut *pooled,
                        async move |$conn: &mut diesel_async::AsyncPgConnection| $body,
                    )
                    .await
                })
                .await
            }
            $crate::store::db::Db::Lite(lite) => {
                lite.write(move |$conn| Box::pin(async move { $body })).await
            }
        }
    };
}

pub(crate) use {look, read, read_by, write};
