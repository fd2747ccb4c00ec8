//! Floor 2, the importer: reads a course from where it was written (a book, a file of documents,
//! this program itself) into [`Course`](crate::domain::course::Course). It writes nothing; putting
//! the course into the store is one transaction of the store's.

use std::path::PathBuf;

pub(crate) mod builtin;
mod html;
pub(crate) mod jsonl;
mod links;
mod markdown;
pub(crate) mod mdbook;

/// Why a course could not be read. Nothing was imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("cannot read {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    /// The folder holds nothing that we can read as a book.
    #[error("{path} is no mdBook: {why}")]
    NotABook { path: PathBuf, why: String },
    /// A line of a JSONL file; nothing of the file was imported.
    #[error("line {line}: {why}; nothing was imported")]
    BadLine { line: usize, why: String },
    /// The course does not keep the rules of its format.
    #[error("the course is not sound: {0}")]
    Unsound(String),
}

impl ImportError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// Told how far a long import is: done, and how much there is in all.
pub(crate) type Progress<'a> = &'a dyn Fn(u64, u64);
