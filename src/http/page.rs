//! Where a page of a list ended: time and id of its last row, so that rows of the same millisecond
//! are neither lost nor repeated.

use std::fmt::Display;

use super::error::ApiError;

/// The `next` of a page, to be sent back as `before`.
pub(super) fn write_cursor(time: i64, id: impl Display) -> String {
    format!("{time}.{id}")
}

pub(super) fn read_cursor(cursor: &str) -> Result<(i64, String), ApiError> {
    cursor
        .split_once('.')
        .and_then(|(time, id)| Some((time.parse().ok()?, id.to_owned())))
        .ok_or_else(|| ApiError::bad_request("`before` is not a cursor of ours"))
}
