//! What a check of recorded histories asks of the store. Reads alone, and whoever asks is the
//! operator: there is no owner in these queries.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::read,
    schema::{item, outbox, quota_use, turn, user},
};
use crate::domain::{
    ids::{ItemId, MessageId, ThreadId, TurnId, UserId},
    role::Role,
};

/// A turn as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = turn)]
pub(crate) struct AuditedTurn {
    pub id: TurnId,
    pub thread_id: ThreadId,
    pub user_id: UserId,
    pub message_id: MessageId,
    pub question_item: ItemId,
    pub message_seq: i64,
    pub status: String,
    pub fence: i64,
    pub answer_item: Option<ItemId>,
    pub length: Option<i64>,
    pub sha256: Option<String>,
    pub ended_at: Option<i64>,
}

/// A message as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = item)]
pub(crate) struct AuditedItem {
    pub id: ItemId,
    pub turn_id: Option<TurnId>,
    pub kind: String,
    pub text: String,
}

/// A mail on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub(crate) struct AuditedMail {
    pub id: String,
    pub kind: String,
    pub recipient: String,
    pub body: String,
    pub created_at: i64,
    pub sent_at: Option<i64>,
}

impl Store {
    /// Those of these turns that there are.
    pub(crate) async fn audit_turns(&self, ids: &[TurnId]) -> Result<Vec<AuditedTurn>, StoreError> {
        Ok(read!(self, |conn| turn::table
            .filter(turn::id.eq_any(ids))
            .select(AuditedTurn::as_select())
            .load(conn)
            .await?))
    }

    /// All messages of these turns.
    pub(crate) async fn audit_items(&self, ids: &[TurnId]) -> Result<Vec<AuditedItem>, StoreError> {
        Ok(read!(self, |conn| item::table
            .filter(item::turn_id.eq_any(ids))
            .select(AuditedItem::as_select())
            .load(conn)
            .await?))
    }

    /// Role and own limit of a user; none if there is no such user.
    pub(crate) async fn audit_limit(
        &self,
        id: &UserId,
    ) -> Result<Option<(Role, Option<i32>)>, StoreError> {
        Ok(read!(self, |conn| user::table
            .filter(user::id.eq(id))
            .select((user::role, user::quota_limit))
            .get_result(conn)
            .await
            .optional()?))
    }

    /// A user's units of quota, with their turns and when they were used, oldest first.
    pub(crate) async fn audit_quota(&self, id: &UserId) -> Result<Vec<(TurnId, i64)>, StoreError> {
        Ok(read!(self, |conn| quota_use::table
            .filter(quota_use::user_id.eq(id))
            .order(quota_use::used_at)
            .select((quota_use::turn_id, quota_use::used_at))
            .load(conn)
            .await?))
    }

    /// The outbox, oldest first.
    pub(crate) async fn audit_outbox(&self) -> Result<Vec<AuditedMail>, StoreError> {
        Ok(read!(self, |conn| outbox::table
            .order((outbox::created_at, outbox::id))
            .select(AuditedMail::as_select())
            .load(conn)
            .await?))
    }
}
