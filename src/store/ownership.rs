//! Who writes a turn: claim, checkpoint, end, each only for the holder of the fence
//! (`turns.md`, The parts, 2 to 7).

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    dialect::lease_time,
    items::ItemRow,
    nodes::Owner,
    schema::{item, node, quota_use, thread, turn, turn_chunk},
    threads::ThreadRow,
    turns::{RUNNING, TurnRow, UNFINISHED},
};
use crate::domain::{
    clock::Millis,
    event::{End, Ending, Entry},
    ids::{NodeId, ThreadId, TurnId, UserId},
};

/// A turn that this process may now write.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub turn: TurnRow,
    pub thread: ThreadRow,
    /// The fence of whoever owned it before.
    pub left_by: Option<i64>,
    /// Who, if it was another node that did not hand it over.
    pub from: Option<NodeId>,
}

/// Events of one turn since its last checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub turn: TurnId,
    pub fence: i64,
    pub entries: Vec<Entry>,
    /// An earlier checkpoint failed, or its answer was lost: what it stored from this seq on is
    /// replaced.
    pub again: Option<i64>,
}

/// The end of a turn, on its way into the store.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    pub fence: i64,
    /// Seq of the `end` event.
    pub seq: i64,
    pub end: End,
    /// The hint ladder as it stands now, as JSON; none if it did not move.
    pub hint: Option<String>,
}

/// How a running turn stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub turn: TurnId,
    /// False: somebody else owns it, or its thread is gone. Write no more.
    pub mine: bool,
    pub cancel_requested: bool,
}

/// What a cancel found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CancelFound {
    Requested,
    /// It had ended already, so.
    Ended(String),
}

/// Whether the owner of a turn is another process than `me`, and its lease holds.
macro_rules! is_alive {
    ($conn:expr, $turn:expr, $me:expr, $now:expr) => {{
        let living: i64 = node::table
            .filter(node::id.nullable().eq(&$turn.node))
            .filter(node::incarnation.nullable().eq(&$turn.incarnation))
            .filter(node::lease_until.gt($now.0).and(node::incarnation.ne(&$me.incarnation)))
            .count()
            .get_result($conn)
            .await?;
        living > 0
    }};
}

/// Whether a turn has ended just so by this fence.
macro_rules! has_ended {
    ($conn:expr, $end:expr, $fence:expr, $seq:expr) => {{
        let ended: i64 = turn::table
            .inner_join(thread::table)
            .filter(turn::id.eq(&$end.turn).and(turn::fence.eq($fence)))
            .filter(turn::status.eq($end.status.as_str()).and(turn::sha256.eq(&$end.sha256)))
            .filter(thread::seq.eq($seq))
            .count()
            .get_result($conn)
            .await?;
        ended == 1
    }};
}

impl Store {
    /// Makes `me` the owner if the turn is unfinished and nobody living owns it; see
    /// [`Store::unowned_turns`].
    pub(crate) async fn claim(
        &self,
        id: &TurnId,
        me: &Owner,
        of_the_dead: bool,
        now: Millis,
    ) -> Result<Option<Claimed>, StoreError> {
        let (id, me, database_time) = (id.clone(), me.clone(), self.database_time);
        write!(self, |conn| {
            let found: Option<(TurnRow, ThreadRow)> = turn::table
                .inner_join(thread::table)
                .filter(turn::id.eq(&id).and(turn::status.eq_any(UNFINISHED)))
                .select((TurnRow::as_select(), ThreadRow::as_select()))
                .get_result(conn)
                .await
                .optional()?;
            let Some((before, mut thread)) = found else { return Ok::<_, StoreError>(None) };
            let now = lease_time!(database_time, conn, now);
            let others = before.node.as_ref().is_some_and(|node| *node != me.node);
            if is_alive!(conn, &before, &me, now) || (others && !of_the_dead) {
                return Ok(None);
            }
            let wrote: i64 = turn_chunk::table
                .filter(turn_chunk::turn_id.eq(&id).and(turn_chunk::fence.eq(before.fence)))
                .count()
                .get_result(conn)
                .await?;
            let left_by = (before.attempt > 0).then_some(before.fence);
            let after = TurnRow {
                status: RUNNING.to_owned(),
                attempt: before.attempt + 1,
                // Who handed it over is not held to what it wrote.
                barren: match (&before.node, wrote) {
                    (Some(_), 0) => before.barren + 1,
                    (None, 0) => before.barren,
                    _ => 0,
                },
                fence: thread.fence + 1,
                node: Some(me.node),
                incarnation: Some(me.incarnation),
                ..before.clone()
            };
            // The old fence in the condition: of two that claim at once, one changes no row.
            let won = diesel::update(
                turn::table.filter(turn::id.eq(&id).and(turn::fence.eq(before.fence))),
            )
            .set((
                turn::status.eq(&after.status),
                turn::attempt.eq(after.attempt),
                turn::barren.eq(after.barren),
                turn::fence.eq(after.fence),
                turn::node.eq(&after.node),
                turn::incarnation.eq(&after.incarnation),
            ))
            .execute(conn)
            .await?;
            if won == 0 {
                return Ok(None);
            }
            diesel::update(thread::table.filter(thread::id.eq(&thread.id)))
                .set(thread::fence.eq(after.fence))
                .execute(conn)
                .await?;
            thread.fence = after.fence;
            let from = before.node.filter(|_| others);
            Ok(Some(Claimed { turn: after, thread, left_by, from }))
        })
    }

    /// Counts another attempt of the same owner. None if it is not the owner.
    pub(crate) async fn begin_attempt(
        &self,
        id: &TurnId,
        fence: i64,
    ) -> Result<Option<i32>, StoreError> {
        let id = id.clone();
        write!(self, |conn| Ok::<_, StoreError>(
            diesel::update(
                turn::table
                    .filter(turn::id.eq(id).and(turn::fence.eq(fence)))
                    .filter(turn::status.eq(RUNNING)),
            )
            .set(turn::attempt.eq(turn::attempt + 1))
            .returning(turn::attempt)
            .get_result(conn)
            .await
            .optional()?
        ))
    }

    /// Notes under which name the model's provider has the answer. False if `fence` is not the
    /// owner's.
    pub(crate) async fn note_upstream(
        &self,
        id: &TurnId,
        fence: i64,
        name: &str,
    ) -> Result<bool, StoreError> {
        let (id, name) = (id.clone(), name.to_owned());
        let noted = write!(self, |conn| Ok::<_, StoreError>(
            diesel::update(
                turn::table
                    .filter(turn::id.eq(id).and(turn::fence.eq(fence)))
                    .filter(turn::status.eq(RUNNING)),
            )
            .set(turn::upstream.eq(name))
            .execute(conn)
            .await?
        ))?;
        Ok(noted == 1)
    }

    /// Stores what was written since the last checkpoint, for all of a node's turns in one
    /// transaction, and says which of them are still this node's.
    pub(crate) async fn checkpoint(&self, chunks: Vec<Chunk>) -> Result<Vec<Standing>, StoreError> {
        write!(self, |conn| {
            let ids: Vec<&TurnId> = chunks.iter().map(|chunk| &chunk.turn).collect();
            // An update that changes nothing: it locks the rows against a claim meanwhile.
            let rows: Vec<(TurnId, i64, bool)> = diesel::update(
                turn::table.filter(turn::id.eq_any(ids).and(turn::status.eq(RUNNING))),
            )
            .set(turn::status.eq(RUNNING))
            .returning((turn::id, turn::fence, turn::cancel_requested))
            .get_results(conn)
            .await?;
            let mut standings = Vec::with_capacity(chunks.len());
            for Chunk { turn, fence, entries, again } in &chunks {
                let row = rows.iter().find(|(id, now, _)| id == turn && now == fence);
                standings.push(Standing {
                    turn: turn.clone(),
                    mine: row.is_some(),
                    cancel_requested: row.is_some_and(|(_, _, cancel)| *cancel),
                });
                let (Some(_), Some(last)) = (row, entries.last()) else { continue };
                if let Some(from) = again {
                    diesel::delete(
                        turn_chunk::table
                            .filter(turn_chunk::turn_id.eq(turn).and(turn_chunk::seq.ge(from))),
                    )
                    .execute(conn)
                    .await?;
                }
                diesel::insert_into(turn_chunk::table)
                    .values((
                        turn_chunk::turn_id.eq(turn),
                        turn_chunk::seq.eq(last.seq),
                        turn_chunk::fence.eq(fence),
                        turn_chunk::events.eq(serde_json::to_string(entries)?),
                    ))
                    .execute(conn)
                    .await?;
            }
            Ok::<_, StoreError>(standings)
        })
    }

    /// Ends a turn for good: the answer, the usage, the status and the thread's seq at once.
    /// False if the fence is somebody else's by now, or it has ended otherwise.
    pub(crate) async fn finish(&self, finish: Finish, now: Millis) -> Result<bool, StoreError> {
        let Finish { fence, seq, end, hint } = finish;
        write!(self, |conn| {
            let ended: Option<ThreadId> = diesel::update(
                turn::table
                    .filter(turn::id.eq(&end.turn).and(turn::fence.eq(fence)))
                    .filter(turn::status.eq(RUNNING)),
            )
            .set((
                turn::status.eq(end.status.as_str()),
                turn::answer_item.eq(end.item.as_ref().map(|item| &item.id)),
                turn::length.eq(end.length),
                turn::sha256.eq(&end.sha256),
                turn::input_tokens.eq(end.usage.input),
                turn::output_tokens.eq(end.usage.output),
                turn::first_ms.eq(end.timing_ms.first),
                turn::total_ms.eq(end.timing_ms.total),
                turn::error_code.eq(end.error.as_ref().map(error_code)),
                turn::error_message.eq(end.error.as_ref().map(|error| &error.message)),
                turn::ended_at.eq(now.0),
            ))
            .returning(turn::thread_id)
            .get_result(conn)
            .await
            .optional()?;
            let Some(thread) = ended else {
                // An earlier try, whose answer was lost, may have succeeded.
                return Ok::<_, StoreError>(has_ended!(conn, &end, fence, seq));
            };
            if let Some(answer) = &end.item {
                let row = ItemRow::new(answer, seq, &end.turn, now)?;
                diesel::insert_into(item::table).values(row).execute(conn).await?;
            }
            diesel::update(thread::table.filter(thread::id.eq(&thread)))
                .set((thread::seq.eq(seq), thread::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            if let Some(hint) = hint {
                diesel::update(thread::table.filter(thread::id.eq(&thread)))
                    .set(thread::hint.eq(hint))
                    .execute(conn)
                    .await?;
            }
            if end.status == Ending::Failed {
                diesel::delete(quota_use::table.filter(quota_use::turn_id.eq(&end.turn)))
                    .execute(conn)
                    .await?;
            }
            diesel::delete(turn_chunk::table.filter(turn_chunk::turn_id.eq(&end.turn)))
                .execute(conn)
                .await?;
            Ok(true)
        })
    }

    /// Whether the turn runs and this is the fence of its owner.
    pub(crate) async fn is_owned(&self, id: &TurnId, fence: i64) -> Result<bool, StoreError> {
        let owned: i64 = read!(self, |conn| turn::table
            .filter(turn::id.eq(id).and(turn::fence.eq(fence)))
            .filter(turn::status.eq(RUNNING))
            .count()
            .get_result(conn)
            .await?);
        Ok(owned == 1)
    }

    /// Leaves the turns of a process that ends to whoever looks first.
    pub(crate) async fn hand_over(&self, me: &Owner) -> Result<usize, StoreError> {
        let Owner { node, incarnation } = me.clone();
        write!(self, |conn| Ok::<_, StoreError>(
            diesel::update(
                turn::table
                    .filter(turn::node.eq(node).and(turn::incarnation.eq(incarnation)))
                    .filter(turn::status.eq_any(UNFINISHED)),
            )
            .set((turn::node.eq(None::<NodeId>), turn::incarnation.eq(None::<String>)))
            .execute(conn)
            .await?
        ))
    }

    /// Asks the owner of a turn to stop. Not found if it is not this user's.
    pub(crate) async fn request_cancel(
        &self,
        user: &UserId,
        id: &TurnId,
    ) -> Result<CancelFound, StoreError> {
        let (user, id) = (user.clone(), id.clone());
        write!(self, |conn| {
            let asked = diesel::update(
                turn::table
                    .filter(turn::id.eq(&id).and(turn::user_id.eq(&user)))
                    .filter(turn::status.eq_any(UNFINISHED)),
            )
            .set(turn::cancel_requested.eq(true))
            .execute(conn)
            .await?;
            if asked == 1 {
                return Ok::<_, StoreError>(CancelFound::Requested);
            }
            let status = turn::table
                .filter(turn::id.eq(&id).and(turn::user_id.eq(&user)))
                .select(turn::status)
                .get_result(conn)
                .await?;
            Ok(CancelFound::Ended(status))
        })
    }
}

fn error_code(error: &crate::domain::event::Failure) -> String {
    serde_json::to_value(error.code)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
