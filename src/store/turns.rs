//! Answers, from the accepted question to the end. A turn's row is its own queue: an unfinished
//! one belongs to the node that claimed it, and to whoever comes when that node's lease is over.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::read,
    dialect::lease_time,
    nodes::Owner,
    schema::{node, turn, turn_chunk},
};
use crate::domain::{
    clock::Millis,
    event::Entry,
    ids::{ItemId, MessageId, NodeId, ThreadId, TurnId, UserId},
};

pub(crate) const QUEUED: &str = "queued";
pub(crate) const RUNNING: &str = "running";
/// How a turn came about.
pub(crate) const ASK: &str = "ask";
pub(crate) const EDIT: &str = "edit";
pub(crate) const REGENERATE: &str = "regenerate";
pub(crate) const HINT: &str = "hint";
/// So long, in milliseconds, the node that accepted a question has to begin its answer.
pub(crate) const FRESH: i64 = 2_000;
pub(crate) const UNFINISHED: [&str; 2] = [QUEUED, RUNNING];

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = turn, treat_none_as_default_value = false)]
pub(crate) struct TurnRow {
    pub id: TurnId,
    pub thread_id: ThreadId,
    pub user_id: UserId,
    pub message_id: MessageId,
    /// Hash of what was asked: tells a repeated message from another under the same name.
    pub fingerprint: String,
    pub question_item: ItemId,
    pub question: String,
    pub quote: Option<String>,
    /// Where the learner was, as JSON.
    pub page: Option<String>,
    /// Seq of the question's `message` event; of what stood before, for a turn that answers a
    /// question again.
    pub message_seq: i64,
    /// queued, running, then how it ended.
    pub status: String,
    /// Rises with each owner, and when one asks its model again; what clients see.
    pub attempt: i32,
    /// Owners in a row that wrote nothing; the third makes the turn fail.
    pub barren: i32,
    pub fence: i64,
    pub node: Option<NodeId>,
    pub incarnation: Option<String>,
    pub cancel_requested: bool,
    pub hint_level: i32,
    pub answer_item: Option<ItemId>,
    pub length: Option<i64>,
    pub sha256: Option<String>,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub first_ms: Option<i64>,
    pub total_ms: Option<i64>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub created_at: i64,
    pub ended_at: Option<i64>,
    /// How it came about: [`ASK`], [`EDIT`], [`REGENERATE`] or [`HINT`].
    pub kind: String,
    /// The item that it stands in for.
    pub replaces: Option<ItemId>,
    /// Under which the provider of the model has the answer, written in the background.
    pub upstream: Option<String>,
}

/// A turn that was asked for, before anybody has claimed it.
#[derive(Debug)]
pub(super) struct NewTurn {
    pub id: TurnId,
    pub thread_id: ThreadId,
    pub user_id: UserId,
    pub message_id: MessageId,
    pub fingerprint: String,
    pub question_item: ItemId,
    pub question: String,
    pub quote: Option<String>,
    pub page: Option<String>,
    pub message_seq: i64,
    pub created_at: i64,
    pub kind: &'static str,
    pub replaces: Option<ItemId>,
}

impl From<NewTurn> for TurnRow {
    fn from(new: NewTurn) -> Self {
        Self {
            id: new.id,
            thread_id: new.thread_id,
            user_id: new.user_id,
            message_id: new.message_id,
            fingerprint: new.fingerprint,
            question_item: new.question_item,
            question: new.question,
            quote: new.quote,
            page: new.page,
            message_seq: new.message_seq,
            status: QUEUED.to_owned(),
            attempt: 0,
            barren: 0,
            fence: 0,
            node: None,
            incarnation: None,
            cancel_requested: false,
            hint_level: 0,
            answer_item: None,
            length: None,
            sha256: None,
            input_tokens: 0,
            output_tokens: 0,
            first_ms: None,
            total_ms: None,
            error_code: None,
            error_message: None,
            created_at: new.created_at,
            ended_at: None,
            kind: new.kind.to_owned(),
            replaces: new.replaces,
            upstream: None,
        }
    }
}

impl TurnRow {
    pub(crate) fn is_unfinished(&self) -> bool {
        UNFINISHED.contains(&self.status.as_str())
    }

    /// Whether it begins with a question of its own.
    pub(crate) fn has_message(&self) -> bool {
        matches!(self.kind.as_str(), ASK | EDIT)
    }

    /// Seq of its first event.
    pub(crate) fn first_seq(&self) -> i64 {
        if self.has_message() { self.message_seq } else { self.message_seq + 1 }
    }
}

/// How many turns stand how, for the dashboard.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct TurnCounts {
    pub queued: i64,
    pub running: i64,
    pub done: i64,
    pub failed: i64,
    pub cancelled: i64,
}

impl TurnCounts {
    pub(crate) const fn all(&self) -> i64 {
        self.queued + self.running + self.done + self.failed + self.cancelled
    }
}

impl Store {
    /// A turn of this user's, or not found.
    pub(crate) async fn turn_of(&self, user: &UserId, id: &TurnId) -> Result<TurnRow, StoreError> {
        Ok(read!(self, |conn| turn::table
            .filter(turn::id.eq(id).and(turn::user_id.eq(user)))
            .select(TurnRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// The turn of a thread that has not ended, if there is one.
    pub(crate) async fn unfinished_turn(
        &self,
        thread: &ThreadId,
    ) -> Result<Option<TurnRow>, StoreError> {
        Ok(read!(self, |conn| turn::table
            .filter(turn::thread_id.eq(thread).and(turn::status.eq_any(UNFINISHED)))
            .select(TurnRow::as_select())
            .get_result(conn)
            .await
            .optional()?))
    }

    /// Turns of a thread that ended, whose question stands at `from` or later.
    pub(crate) async fn ended_turns(
        &self,
        thread: &ThreadId,
        from: i64,
    ) -> Result<Vec<TurnRow>, StoreError> {
        Ok(read!(self, |conn| turn::table
            .filter(turn::thread_id.eq(thread).and(turn::message_seq.ge(from)))
            .filter(turn::ended_at.is_not_null())
            .order(turn::message_seq)
            .select(TurnRow::as_select())
            .load(conn)
            .await?))
    }

    /// Unfinished turns, oldest first, that no living process owns: those that nobody has claimed
    /// or that were handed over, those of `me`'s node, which it may have lost in a restart, and with
    /// `of_the_dead` those of other nodes whose lease is over. A fresh question is left to the node
    /// that accepted it.
    pub(crate) async fn unowned_turns(
        &self,
        me: &Owner,
        of_the_dead: bool,
        now: Millis,
        limit: usize,
    ) -> Result<Vec<TurnId>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(read!(self, |conn| {
            let now = lease_time!(self.database_time, conn, now);
            let living = node::table.on(node::id
                .nullable()
                .eq(turn::node)
                .and(node::incarnation.nullable().eq(turn::incarnation))
                .and(node::lease_until.gt(now.0))
                .and(node::incarnation.ne(&me.incarnation)));
            let mut query = turn::table
                .left_join(living)
                .filter(turn::status.eq_any(UNFINISHED).and(node::id.nullable().is_null()))
                .filter(turn::status.eq(RUNNING).or(turn::created_at.le(now.0 - FRESH)))
                .order(turn::created_at)
                .limit(limit)
                .select(turn::id)
                .into_boxed();
            if !of_the_dead {
                query = query.filter(turn::node.is_null().or(turn::node.eq(&me.node)));
            }
            query.load(conn).await?
        }))
    }

    /// What the owners of an unfinished turn have checkpointed, in order.
    pub(crate) async fn checkpoints(&self, id: &TurnId) -> Result<Vec<Entry>, StoreError> {
        let chunks: Vec<String> = read!(self, |conn| turn_chunk::table
            .filter(turn_chunk::turn_id.eq(id))
            .order(turn_chunk::seq)
            .select(turn_chunk::events)
            .load(conn)
            .await?);
        let mut entries = Vec::new();
        for chunk in &chunks {
            entries.append(&mut serde_json::from_str::<Vec<Entry>>(chunk)?);
        }
        Ok(entries)
    }

    /// Seq up to which an unfinished turn is checkpointed, if it is at all.
    pub(crate) async fn checkpointed_to(&self, id: &TurnId) -> Result<Option<i64>, StoreError> {
        Ok(read!(self, |conn| turn_chunk::table
            .filter(turn_chunk::turn_id.eq(id))
            .select(diesel::dsl::max(turn_chunk::seq))
            .get_result(conn)
            .await?))
    }

    pub(crate) async fn turn_counts(&self, since: Millis) -> Result<TurnCounts, StoreError> {
        let rows: Vec<(String, i64)> = read!(self, |conn| turn::table
            .filter(turn::created_at.ge(since.0))
            .group_by(turn::status)
            .select((turn::status, diesel::dsl::count_star()))
            .load(conn)
            .await?);
        let mut counts = TurnCounts::default();
        for (status, count) in rows {
            match status.as_str() {
                QUEUED => counts.queued = count,
                RUNNING => counts.running = count,
                "done" => counts.done = count,
                "failed" => counts.failed = count,
                "cancelled" => counts.cancelled = count,
                _ => {}
            }
        }
        Ok(counts)
    }
}
