//! A SQLite connection whose statements run where they are awaited, for the writer, which has nothing
//! else to do, and for short looks: they cost less than to wake another thread and be woken by it.
//!
//! `diesel-async`'s wrapper can do so too, but it writes each statement's text anew to find it among the
//! prepared ones. Here they are found by their type, as on PostgreSQL. For rows to be inserted
//! `treat_none_as_default_value` is off: else their texts differ with what is absent. To own a row,
//! diesel asks for a feature whose name warns of changes; `diesel-async` turns it on as well.

use std::future::{Ready, ready};

use diesel::{
    Connection, ConnectionResult, QueryResult, SqliteConnection,
    connection::{CacheSize, Instrumentation, LoadConnection, SimpleConnection},
    query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId},
    row::IntoOwnedRow,
    sql_types,
    sqlite::Sqlite,
};
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncConnectionCore, SimpleAsyncConnection,
    TransactionManager, pooled_connection::PoolableConnection,
};
use futures_util::stream;

type Borrowed<'conn, 'query> = <SqliteConnection as LoadConnection>::Row<'conn, 'query>;
type Owned = <Borrowed<'static, 'static> as IntoOwnedRow<'static, Sqlite>>::OwnedRow;
type Rows = stream::Iter<std::vec::IntoIter<QueryResult<Owned>>>;

pub(crate) struct InPlace {
    conn: SqliteConnection,
    transaction: AnsiTransactionManager,
}

impl InPlace {
    fn rows<T>(&mut self, source: T) -> QueryResult<Rows>
    where
        T: Query + QueryFragment<Sqlite> + QueryId,
    {
        let mut cache = <Borrowed<'_, '_> as IntoOwnedRow<'_, Sqlite>>::Cache::default();
        let rows = LoadConnection::load(&mut self.conn, Untyped(source))?;
        let rows = rows.map(|row| Ok(row?.into_owned(&mut cache)));
        Ok(stream::iter(rows.collect::<Vec<_>>()))
    }
}

/// A query that says nothing of its columns: whoever reads the rows knows.
struct Untyped<Q>(Q);

impl<Q> Query for Untyped<Q> {
    type SqlType = sql_types::Untyped;
}

impl<Q: QueryId> QueryId for Untyped<Q> {
    type QueryId = Q::QueryId;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Untyped<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

impl SimpleAsyncConnection for InPlace {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.conn.batch_execute(query)
    }
}

impl AsyncConnectionCore for InPlace {
    type ExecuteFuture<'conn, 'query> = Ready<QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = Ready<QueryResult<Rows>>;
    type Stream<'conn, 'query> = Rows;
    type Row<'conn, 'query> = Owned;
    type Backend = Sqlite;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Sqlite> + QueryId + 'query,
    {
        ready(self.rows(source.as_query()))
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Sqlite> + QueryId + 'query,
    {
        ready(self.conn.execute_returning_count(&source))
    }
}

impl AsyncConnection for InPlace {
    type TransactionManager = AnsiTransactionManager;

    async fn establish(url: &str) -> ConnectionResult<Self> {
        let conn = SqliteConnection::establish(url)?;
        Ok(Self { conn, transaction: AnsiTransactionManager::default() })
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transaction
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.conn.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.conn.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.conn.set_prepared_statement_cache_size(size);
    }
}

impl PoolableConnection for InPlace {
    fn is_broken(&mut self) -> bool {
        AnsiTransactionManager::is_broken_transaction_manager(self)
    }
}
