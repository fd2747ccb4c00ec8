//! A schema of its own on the PostgreSQL server that `make test` starts.

/// Its URL; none, said aloud, where there is no such server.
#[expect(clippy::disallowed_methods, reason = "the harness names the test server")]
#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
pub(crate) async fn fresh_schema() -> Option<String> {
    let Ok(url) = std::env::var("INTELLISTACK_TEST_POSTGRES") else {
        assert!(std::env::var("INTELLISTACK_TEST_ALL").is_err(), "PostgreSQL is missing");
        println!("skipped: INTELLISTACK_TEST_POSTGRES is not set");
        return None;
    };
    let schema = format!("it_{}", uuid::Uuid::new_v4().simple());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::runtime::Handle::current().spawn(connection);
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{separator}options=-csearch_path%3D{schema}"))
}
