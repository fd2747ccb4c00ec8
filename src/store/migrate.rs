//! Brings a database to this program's schema, and refuses one that it cannot read.

use std::collections::BTreeSet;

use diesel::{Connection, RunQueryDsl, SqliteConnection, migration::MigrationSource};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{StoreError, postgres};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Applies what is missing to the SQLite file at `path` and returns the names of what was applied.
/// Blocks; a file that is damaged, no database, or made by a newer version is left untouched.
pub(crate) fn sqlite(path: &str) -> Result<Vec<String>, StoreError> {
    let mut connection = SqliteConnection::establish(path)
        .map_err(|error| StoreError::Unavailable(format!("{path}: {error}")))?;
    // Whoever closes the file last holds it for a moment.
    diesel::sql_query("PRAGMA busy_timeout = 5000").execute(&mut connection)?;
    check_sound(&mut connection, path)?;
    apply(&mut connection)
}

/// Applies what is missing to the PostgreSQL database at `url`.
/// Needs a multi-thread runtime (the migration harness blocks in place).
pub(crate) async fn postgres(url: &str) -> Result<Vec<String>, StoreError> {
    let mut connection: AsyncPgConnection = postgres::connect(url.to_owned())
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    // Nodes that begin at once wait for each other. The lock goes with the connection.
    let lock =
        diesel::sql_query("SELECT pg_advisory_lock(hashtext('migrate ' || current_schema()))");
    diesel_async::RunQueryDsl::execute(lock, &mut connection).await?;
    apply(&mut AsyncMigrationHarness::new(connection))
}

#[derive(diesel::QueryableByName)]
struct Check {
    #[diesel(sql_type = diesel::sql_types::Text)]
    quick_check: String,
}

fn check_sound(connection: &mut SqliteConnection, path: &str) -> Result<(), StoreError> {
    let damaged = |why: String| {
        StoreError::Broken(format!(
            "{path} is damaged or not a database ({why}); it was left untouched. \
             Restore it from a backup, or move it away to start afresh"
        ))
    };
    let found: Vec<Check> = diesel::sql_query("PRAGMA quick_check(1)")
        .load(connection)
        .map_err(|error| damaged(error.to_string()))?;
    match found.as_slice() {
        [Check { quick_check }] if quick_check == "ok" => Ok(()),
        [first, ..] => Err(damaged(first.quick_check.clone())),
        [] => Err(damaged("no answer to the check".to_owned())),
    }
}

fn apply<DB, H>(harness: &mut H) -> Result<Vec<String>, StoreError>
where
    DB: diesel::backend::Backend,
    H: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
        StoreError::Broken(format!("cannot migrate: {error}"))
    };
    let known: BTreeSet<String> = MigrationSource::<DB>::migrations(&MIGRATIONS)
        .map_err(broken)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = harness.applied_migrations().map_err(broken)?;
    if let Some(newer) = applied.iter().map(ToString::to_string).find(|v| !known.contains(v)) {
        return Err(StoreError::Broken(format!(
            "the database was made by a newer version (migration {newer}); it was left untouched. \
             Start the version that made it, or a later one"
        )));
    }
    let done = harness.run_pending_migrations(MIGRATIONS).map_err(broken)?;
    Ok(done.iter().map(ToString::to_string).collect())
}
