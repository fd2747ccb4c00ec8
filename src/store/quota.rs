//! Units of the daily quota: one row an accepted message, so that the count is exact whatever
//! node accepts, and a failed turn's unit is given back by deleting its row.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Store, StoreError, db::read, schema::quota_use};
use crate::domain::{
    clock::Millis,
    ids::UserId,
    quota::{Quota, window_start},
};

/// Units used within the window and when the oldest was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    pub count: i64,
    pub oldest: Option<Millis>,
}

impl Used {
    pub(crate) fn quota(self, limit: Option<i64>) -> Quota {
        Quota::of(limit, self.count, self.oldest)
    }
}

/// Counts inside a transaction that has locked the user.
macro_rules! count_used {
    ($conn:expr, $user:expr, $now:expr) => {{
        let (count, oldest): (i64, Option<i64>) = quota_use::table
            .filter(quota_use::user_id.eq($user))
            .filter(quota_use::used_at.gt($crate::domain::quota::window_start($now).0))
            .select((diesel::dsl::count_star(), diesel::dsl::min(quota_use::used_at)))
            .get_result($conn)
            .await?;
        $crate::store::quota::Used { count, oldest: oldest.map($crate::domain::clock::Millis) }
    }};
}
pub(crate) use count_used;

impl Store {
    pub(crate) async fn quota_used(&self, user: &UserId, now: Millis) -> Result<Used, StoreError> {
        Ok(read!(self, |conn| count_used!(conn, user, now)))
    }

    /// Units that count no more.
    pub(crate) async fn forget_quota(&self, now: Millis) -> Result<usize, StoreError> {
        super::db::write!(self, |conn| Ok::<_, StoreError>(
            diesel::delete(quota_use::table.filter(quota_use::used_at.le(window_start(now).0)))
                .execute(conn)
                .await?
        ))
    }
}
