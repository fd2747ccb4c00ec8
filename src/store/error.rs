//! What can go wrong with the store, by what the caller can do about it.

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::{PoolError, deadpool};

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// No such row, or it is somebody else's.
    #[error("not found")]
    NotFound,
    /// A unique name is taken, or a newer version of the row stands.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The database cannot be reached just now: worth another try later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The queue of writes is full: worth another try soon.
    #[error("too many writes are waiting")]
    Overloaded,
    /// A defect of ours or of the data: not worth another try.
    #[error("the database refused: {0}")]
    Broken(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Conflict(info.message().to_owned())
            }
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure,
                info,
            ) => Self::Unavailable(info.message().to_owned()),
            Error::DatabaseError(_, info) if info.message().contains("database is locked") => {
                Self::Overloaded
            }
            Error::BrokenTransactionManager => Self::Unavailable("a transaction broke off".into()),
            other => Self::Broken(other.to_string()),
        }
    }
}

impl From<deadpool::PoolError> for StoreError {
    fn from(error: deadpool::PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<diesel::ConnectionError> for StoreError {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(format!("a stored document cannot be read: {error}"))
    }
}
