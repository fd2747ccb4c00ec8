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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Place, Store, contract::postgres_place};

    /// A grant with its refresh token, as a database of migration 16 holds them.
    const GRANTED: &str = r#"
        INSERT INTO "user" (id, name, email, email_verified, role, banned, two_factor_enabled,
            version, created_at, updated_at)
        VALUES ('ada', 'Ada', 'ada@school.example', TRUE, 'student', FALSE, FALSE, 1, 1, 1);
        INSERT INTO oauth_client (id, name, disabled, metadata, created_at, updated_at)
        VALUES ('app', 'App', FALSE, '{}', 1, 1);
        INSERT INTO session (id, token_hash, user_id, expires_at, remember, ip_address, client_id,
            created_at, updated_at)
        VALUES ('grant', 'none', 'ada', 100, FALSE, '', 'app', 1, 1);
        INSERT INTO oauth_grant (session_id, client_id, user_id, browser_sid, offline, granted,
            created_at)
        VALUES ('grant', 'app', 'ada', 'web', TRUE, '{}', 1);
        INSERT INTO oauth_refresh (hash, session_id, expires_at, created_at, used_at)
        VALUES ('first', 'grant', 100, 1, 2), ('second', 'grant', 100, 2, NULL);
    "#;

    fn apply_up_to<DB, H>(harness: &mut H, last: &str)
    where
        DB: diesel::backend::Backend,
        H: MigrationHarness<DB>,
        EmbeddedMigrations: MigrationSource<DB>,
    {
        let mut all = MigrationSource::<DB>::migrations(&MIGRATIONS).unwrap();
        all.retain(|it| it.name().version().to_string().as_str() <= last);
        all.sort_by_key(|it| it.name().version().to_string());
        // Makes the table in which they are noted.
        assert!(harness.applied_migrations().unwrap().is_empty());
        harness.run_migrations(&all).unwrap();
    }

    /// Nobody has to sign in again after an update.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_apps_were_granted_outlives_the_change_of_its_table() {
        const BEFORE: &str = "00000000000016";
        let check = async |place: Place| {
            let runtime = tokio::runtime::Handle::current();
            let store = Store::open(&place, &runtime).await.unwrap();
            for (hash, used_at) in [("first", Some(2)), ("second", None)] {
                let held = store.refresh_token(hash).await.unwrap();
                assert_eq!((held.grant.browser_sid.as_str(), held.token.used_at), ("web", used_at));
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let mut lite = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        apply_up_to(&mut lite, BEFORE);
        diesel::connection::SimpleConnection::batch_execute(&mut lite, GRANTED).unwrap();
        drop(lite);
        check(Place::File(file)).await;

        let Some(place) = postgres_place().await else { return };
        let Place::Postgres { url, .. } = &place else { unreachable!() };
        let mut pg = AsyncMigrationHarness::new(postgres::connect(url.clone()).await.unwrap());
        apply_up_to(&mut pg, BEFORE);
        diesel_async::SimpleAsyncConnection::batch_execute(&mut pg.into_inner(), GRANTED)
            .await
            .unwrap();
        check(place).await;
    }
}
