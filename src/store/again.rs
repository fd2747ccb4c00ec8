//! Answering the newest question again: another answer in place of the one that stands
//! (`regenerate`), or one level more of help (`hint`). The order of the checks is that of
//! [`accept`](super::accept).

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accept::{Accepted, Receipt, find_first},
    db::write,
    quota::{Used, count_used},
    schema::{item, quota_use, thread, turn, user},
    threads::ThreadRow,
    turns::{HINT, NewTurn, REGENERATE, TurnRow},
};
use crate::domain::{
    clock::Millis,
    code::Code,
    ids::{Epoch, ItemId, MessageId, TurnId, UserId},
    quota::admits,
};

/// Hints that one question may have: none of them costs a unit of quota.
const HINTS: i64 = 5;

/// A request to answer again.
#[derive(Debug, Clone)]
pub(crate) struct NewAnswer {
    pub owner: UserId,
    pub again: Again,
    pub message_id: MessageId,
    pub turn: TurnId,
    /// A refusal that the caller found, as in [`NewMessage`](super::accept::NewMessage).
    pub gate: Option<Code>,
    pub limit: Option<i64>,
    pub now: Millis,
}

#[derive(Debug, Clone)]
pub(crate) enum Again {
    /// The answer that is not wanted, or the question where it has none.
    Regenerate(ItemId),
    Hint {
        of: TurnId,
        /// The ladder goes further.
        allowed: bool,
    },
}

/// What the newest turn of a thread is asked for.
struct Newest {
    thread: ThreadRow,
    turn: TurnRow,
    /// The request names this turn, or its answer or question.
    is_meant: bool,
    /// Hints that its question has had.
    hints: i64,
}

/// The newest turn of the thread that the request names. None: no such thing of the owner's.
macro_rules! find_newest {
    ($conn:expr, $new:expr) => {{
        let owned = thread::table.filter(thread::owner_id.eq(&$new.owner));
        let thread: Option<ThreadRow> = match &$new.again {
            Again::Regenerate(id) => owned
                .inner_join(item::table)
                .filter(item::id.eq(id))
                .select(ThreadRow::as_select())
                .get_result($conn)
                .await
                .optional()?,
            Again::Hint { of, .. } => owned
                .inner_join(turn::table)
                .filter(turn::id.eq(of))
                .select(ThreadRow::as_select())
                .get_result($conn)
                .await
                .optional()?,
        };
        match thread {
            None => None,
            Some(thread) => {
                let turn: TurnRow = turn::table
                    .filter(turn::thread_id.eq(&thread.id))
                    .order((turn::message_seq.desc(), turn::created_at.desc(), turn::id.desc()))
                    .select(TurnRow::as_select())
                    .first($conn)
                    .await?;
                let hints: i64 = turn::table
                    .filter(turn::question_item.eq(&turn.question_item).and(turn::kind.eq(HINT)))
                    .count()
                    .get_result($conn)
                    .await?;
                let is_meant = match &$new.again {
                    Again::Regenerate(id) => {
                        turn.answer_item.as_ref() == Some(id) || turn.question_item == *id
                    }
                    Again::Hint { of, .. } => turn.id == *of,
                };
                Some(Newest { thread, turn, is_meant, hints })
            }
        }
    }};
}

impl Store {
    pub(crate) async fn answer_again(&self, new: NewAnswer) -> Result<Accepted, StoreError> {
        write!(self, |conn| {
            // As in `accept`: two nodes must not both count.
            diesel::update(user::table.filter(user::id.eq(&new.owner)))
                .set(user::id.eq(&new.owner))
                .execute(conn)
                .await?;
            let used = count_used!(conn, &new.owner, new.now);
            let newest = find_newest!(conn, &new);
            let first = find_first!(conn, &new.owner, &new.message_id);
            let newest = match settle(&new, newest, first, used) {
                Ok(newest) => newest,
                Err(outcome) => return Ok::<_, StoreError>(Accepted { outcome, used }),
            };
            let row = new_turn(&new, &newest);
            if let Some(answer) = &row.replaces {
                diesel::update(item::table.filter(item::id.eq(answer)))
                    .set(item::until.eq(row.first_seq()))
                    .execute(conn)
                    .await?;
            }
            diesel::insert_into(turn::table).values(&row).execute(conn).await?;
            diesel::update(thread::table.filter(thread::id.eq(&newest.thread.id)))
                .set(thread::updated_at.eq(new.now.0))
                .execute(conn)
                .await?;
            let used = if row.kind == REGENERATE {
                diesel::insert_into(quota_use::table)
                    .values((
                        quota_use::turn_id.eq(&row.id),
                        quota_use::user_id.eq(&row.user_id),
                        quota_use::used_at.eq(new.now.0),
                    ))
                    .execute(conn)
                    .await?;
                Used { count: used.count + 1, oldest: used.oldest.or(Some(new.now)) }
            } else {
                used
            };
            let seq = row.first_seq();
            let receipt = Receipt {
                thread: newest.thread.id,
                epoch: newest.thread.epoch,
                item: row.question_item,
                turn: row.id,
                seq,
                duplicate: false,
            };
            Ok(Accepted { outcome: Ok(receipt), used })
        })
    }
}

/// The turn to answer again, or the answer without writing anything.
fn settle(
    new: &NewAnswer,
    newest: Option<Newest>,
    first: Option<(TurnRow, Epoch)>,
    used: Used,
) -> Result<Newest, Result<Receipt, Code>> {
    let Some(newest) = newest else { return Err(Err(Code::NotFound)) };
    if let Some((turn, epoch)) = first {
        let repeat = turn.fingerprint == fingerprint(&new.again);
        return Err(if repeat { Ok(Receipt::of_repeat(turn, epoch)) } else { Err(Code::Conflict) });
    }
    if let Some(code) = new.gate {
        return Err(Err(code));
    }
    if !newest.is_meant {
        return Err(Err(Code::TurnEnded));
    }
    if newest.turn.is_unfinished() {
        return Err(Err(Code::BusyTurn));
    }
    match new.again {
        Again::Regenerate(_) if !admits(new.limit, used.count) => Err(Err(Code::QuotaExceeded)),
        Again::Hint { allowed, .. } if !allowed || newest.hints >= HINTS => {
            Err(Err(Code::Forbidden))
        }
        _ => Ok(newest),
    }
}

/// Tells a repeated request from another under the same message id.
fn fingerprint(again: &Again) -> String {
    match again {
        Again::Regenerate(item) => format!("regenerate {item}"),
        Again::Hint { of, .. } => format!("hint {of}"),
    }
}

fn new_turn(new: &NewAnswer, newest: &Newest) -> TurnRow {
    let Newest { thread, turn: before, .. } = newest;
    let (kind, replaces) = match new.again {
        Again::Regenerate(_) => (REGENERATE, before.answer_item.clone()),
        Again::Hint { .. } => (HINT, None),
    };
    TurnRow::from(NewTurn {
        id: new.turn.clone(),
        thread_id: thread.id.clone(),
        user_id: new.owner.clone(),
        message_id: new.message_id.clone(),
        fingerprint: fingerprint(&new.again),
        question_item: before.question_item.clone(),
        question: before.question.clone(),
        quote: before.quote.clone(),
        page: before.page.clone(),
        message_seq: thread.seq,
        created_at: new.now.0,
        kind,
        replaces,
    })
}
