//! Floor 1, the store: what must outlive the process. SQLite in the data directory, or PostgreSQL.
//!
//! One table, one file. There is no lookup of a person's things without an owner: somebody else's
//! thread is [`StoreError::NotFound`].

use std::path::PathBuf;

use tokio::runtime::Handle;

pub(crate) mod accept;
pub(crate) mod accounts;
pub(crate) mod again;
#[cfg(test)]
mod again_tests;
pub(crate) mod audit;
pub(crate) mod audit_turns;
pub(crate) mod auth_events;
mod blocking;
mod bulk;
pub(crate) mod change_email;
pub(crate) mod change_password;
mod changes;
#[cfg(test)]
pub(crate) mod contract;
pub(crate) mod courses;
pub(crate) mod db;
mod delete_user;
mod dialect;
pub(crate) mod enrolments;
mod error;
mod feedback;
pub(crate) mod foreign;
pub(crate) mod impersonation;
pub(crate) mod in_place;
pub(crate) mod items;
pub(crate) mod keys;
pub(crate) mod lessons;
pub(crate) mod limits;
pub(crate) mod lite;
pub(crate) mod mailed_codes;
mod migrate;
pub(crate) mod nodes;
mod nonces;
pub(crate) mod oauth_clients;
pub(crate) mod oauth_consents;
pub(crate) mod oauth_devices;
pub(crate) mod oauth_grants;
pub(crate) mod oauth_logouts;
pub(crate) mod oauth_requests;
pub(crate) mod outbox;
pub(crate) mod ownership;
pub(crate) mod passkeys;
mod postgres;
mod proofs;
pub(crate) mod provider_accounts;
pub(crate) mod quiz;
pub(crate) mod quota;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod schema;
pub(crate) mod sessions;
pub(crate) mod staff;
pub(crate) mod threads;
#[cfg(test)]
mod turn_tests;
pub(crate) mod turns;
pub(crate) mod two_factors;
mod unused_clients;
pub(crate) mod user_admin;
pub(crate) mod user_list;
pub(crate) mod users;
pub(crate) mod verifications;

pub(crate) use changes::Change;
pub(crate) use error::StoreError;

use db::Db;
use lite::Lite;

/// Where the data is kept.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A SQLite file, made if it is not there.
    File(PathBuf),
    /// A PostgreSQL URL and the size of the pool.
    Postgres { url: String, pool: usize },
}

/// The truth: accounts, courses, threads, turns, changes.
pub(crate) struct Store {
    db: Db,
    /// Leases go by the database's clock, where it has one.
    database_time: bool,
}

impl Store {
    /// Migrates and opens. `runtime` is a multi-thread runtime that outlives the store.
    pub(crate) async fn open(place: &Place, runtime: &Handle) -> Result<Self, StoreError> {
        Self::migrate(place, runtime).await?;
        let db = match place {
            Place::File(path) => Db::Lite(Lite::open(path, runtime).await?),
            Place::Postgres { url, pool } => Db::Pg(postgres::pool(url, *pool, runtime)?),
        };
        Ok(Self { db, database_time: true })
    }

    /// Brings the schema up to date and returns the migrations that were applied.
    pub(crate) async fn migrate(
        place: &Place,
        runtime: &Handle,
    ) -> Result<Vec<String>, StoreError> {
        let applied = match place.clone() {
            Place::File(path) => {
                let path = path.to_string_lossy().into_owned();
                runtime.spawn_blocking(move || migrate::sqlite(&path)).await
            }
            Place::Postgres { url, .. } => {
                runtime.spawn(async move { migrate::postgres(&url).await }).await
            }
        };
        applied.map_err(|error| StoreError::Broken(format!("the migration broke off: {error}")))?
    }

    /// Leases go by the times that a test gives.
    #[cfg(test)]
    pub(crate) fn by_given_time(self) -> Self {
        Self { database_time: false, ..self }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }
}
