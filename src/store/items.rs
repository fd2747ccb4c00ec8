//! What was said. Items keep the place that their seq gives them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Store, StoreError, db::read, schema::item};
use crate::domain::{
    clock::Millis,
    ids::{ItemId, ThreadId, TurnId},
    item::Item,
};

/// A message as stored: `body` is its JSON, `text` what is searched.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = item, treat_none_as_default_value = false)]
pub(crate) struct ItemRow {
    pub id: ItemId,
    pub thread_id: ThreadId,
    /// Seq of the event that carried it.
    pub position: i64,
    pub kind: String,
    pub turn_id: Option<TurnId>,
    pub text: String,
    pub body: String,
    pub created_at: i64,
    /// Seq of the event at which it left the conversation; none while it stands.
    pub until: Option<i64>,
}

impl ItemRow {
    pub(crate) fn new(
        item: &Item,
        position: i64,
        turn: &TurnId,
        now: Millis,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            id: item.id.clone(),
            thread_id: item.thread_id.clone(),
            position,
            kind: item.kind().to_owned(),
            turn_id: Some(turn.clone()),
            text: item.text(),
            body: serde_json::to_string(item)?,
            created_at: now.0,
            until: None,
        })
    }

    pub(crate) fn item(&self) -> Result<Item, StoreError> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

impl Store {
    /// The newest `limit` items before position `before`, oldest first, of those that stand in
    /// the conversation at seq `at`. The caller has made sure that the thread is the reader's.
    pub(crate) async fn items_before(
        &self,
        thread: &ThreadId,
        before: i64,
        at: i64,
        limit: i64,
    ) -> Result<Vec<ItemRow>, StoreError> {
        let mut rows: Vec<ItemRow> = read!(self, |conn| item::table
            .filter(item::thread_id.eq(thread).and(item::position.lt(before)))
            .filter(item::until.is_null().or(item::until.gt(at)))
            .order(item::position.desc())
            .limit(limit)
            .select(ItemRow::as_select())
            .load(conn)
            .await?);
        rows.reverse();
        Ok(rows)
    }
}
