//! Runs one test on every database there is: a fresh SQLite file, and a fresh schema of the
//! PostgreSQL server that `make test` starts (`INTELLISTACK_TEST_POSTGRES`). Without that server it
//! says `skipped` aloud; where `CI` or `INTELLISTACK_TEST_ALL` is set, a missing server fails.

use tokio::runtime::Handle;

use super::{Place, Store};

pub(crate) async fn on_both(test: impl AsyncFn(Store)) {
    let folder = tempfile::tempdir().unwrap();
    test(open(&Place::File(folder.path().join("test.db"))).await).await;
    if let Some(place) = postgres_place().await {
        test(open(&place).await).await;
    }
}

/// A fresh SQLite store for tests that are not about the store. Lives as long as the folder.
pub(crate) async fn on_lite() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (open(&Place::File(folder.path().join("test.db"))).await, folder)
}

async fn open(place: &Place) -> Store {
    Store::open(place, &Handle::current()).await.unwrap().by_given_time()
}

#[expect(clippy::disallowed_methods, reason = "the harness names the test server")]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(crate) async fn postgres_place() -> Option<Place> {
    let Ok(url) = std::env::var("INTELLISTACK_TEST_POSTGRES") else {
        assert!(
            std::env::var("INTELLISTACK_TEST_ALL").is_err(),
            "INTELLISTACK_TEST_ALL asks for PostgreSQL, but INTELLISTACK_TEST_POSTGRES is not set"
        );
        eprintln!("skipped on PostgreSQL: INTELLISTACK_TEST_POSTGRES is not set");
        return None;
    };
    let schema = format!("t_{}", uuid::Uuid::new_v4().simple());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    Handle::current().spawn(connection);
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}options=-csearch_path%3D{schema}");
    Some(Place::Postgres { url, pool: 8 })
}
