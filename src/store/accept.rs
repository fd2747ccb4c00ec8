//! Accepting a message: one transaction that writes the question, a unit of quota and the turn,
//! or nothing (`turns.md`, The parts, 1). The order of the checks is `live.md` §2.2's.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::write,
    items::ItemRow,
    quota::{Used, count_used},
    schema::{item, quota_use, thread, turn, user},
    threads::ThreadRow,
    turns::{ASK, QUEUED, TurnRow, UNFINISHED},
};
use crate::domain::{
    clock::Millis,
    code::Code,
    ids::{CourseId, Epoch, ItemId, LessonId, MessageId, ThreadId, TurnId, UserId},
    item::Item,
    quota::admits,
};

/// A message that has the right shape, on its way into the store.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage {
    pub owner: UserId,
    pub target: Target,
    pub message_id: MessageId,
    pub fingerprint: String,
    pub item: ItemId,
    pub turn: TurnId,
    pub text: String,
    pub quote: Option<String>,
    /// JSON of the page.
    pub page: Option<String>,
    pub course: Option<CourseId>,
    pub lesson: Option<LessonId>,
    /// Title of a new thread.
    pub title: String,
    /// A refusal that the caller found: unverified, or a locked stage. It comes after the checks
    /// for an unknown thread and a repeated message, and before those for a busy thread and quota.
    pub gate: Option<Code>,
    /// Messages a day; none for staff.
    pub limit: Option<i64>,
    pub now: Millis,
}

#[derive(Debug, Clone)]
pub(crate) enum Target {
    Existing(ThreadId),
    New { id: ThreadId, epoch: Epoch },
}

/// What the sender is told; a repeated message gets the first one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub thread: ThreadId,
    pub epoch: Epoch,
    pub item: ItemId,
    pub turn: TurnId,
    pub seq: i64,
    pub duplicate: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub outcome: Result<Receipt, Code>,
    pub used: Used,
}

/// Writes the rows of an accepted message.
macro_rules! insert {
    ($conn:expr, $begins:expr, $thread:expr, $turn:expr, $item:expr, $now:expr) => {{
        if $begins {
            diesel::insert_into(thread::table).values($thread).execute($conn).await?;
        } else {
            diesel::update(thread::table.filter(thread::id.eq($thread.id.clone())))
                .set((thread::seq.eq($thread.seq), thread::updated_at.eq($thread.updated_at)))
                .execute($conn)
                .await?;
        }
        diesel::insert_into(turn::table).values($turn).execute($conn).await?;
        diesel::insert_into(item::table).values($item).execute($conn).await?;
        diesel::insert_into(quota_use::table)
            .values((
                quota_use::turn_id.eq($turn.id.clone()),
                quota_use::user_id.eq($turn.user_id.clone()),
                quota_use::used_at.eq($now.0),
            ))
            .execute($conn)
            .await?;
    }};
}

impl Store {
    pub(crate) async fn accept(&self, new: NewMessage) -> Result<Accepted, StoreError> {
        write!(self, |conn| {
            // Locks the user's row: on PostgreSQL two nodes would otherwise both count 19.
            diesel::update(user::table.filter(user::id.eq(&new.owner)))
                .set(user::id.eq(&new.owner))
                .execute(conn)
                .await?;
            let used = count_used!(conn, &new.owner, new.now);
            let existing: Option<ThreadRow> = match &new.target {
                Target::New { .. } => None,
                Target::Existing(id) => thread::table
                    .filter(thread::id.eq(id).and(thread::owner_id.eq(&new.owner)))
                    .select(ThreadRow::as_select())
                    .first(conn)
                    .await
                    .optional()?,
            };
            let first: Option<(TurnRow, Epoch)> = turn::table
                .inner_join(thread::table)
                .filter(turn::user_id.eq(&new.owner).and(turn::message_id.eq(&new.message_id)))
                .select((TurnRow::as_select(), thread::epoch))
                .first(conn)
                .await
                .optional()?;
            let busy: i64 = match &existing {
                None => 0,
                Some(thread) => {
                    turn::table
                        .filter(turn::thread_id.eq(&thread.id).and(turn::status.eq_any(UNFINISHED)))
                        .count()
                        .get_result(conn)
                        .await?
                }
            };
            if let Some(outcome) = settled(&new, existing.as_ref(), first, busy > 0, used) {
                return Ok::<_, StoreError>(Accepted { outcome, used });
            }
            let (thread, turn, item) = rows(&new, existing.as_ref())?;
            insert!(conn, existing.is_none(), &thread, &turn, &item, new.now);
            let receipt = Receipt {
                thread: thread.id,
                epoch: thread.epoch,
                item: item.id,
                turn: turn.id,
                seq: thread.seq,
                duplicate: false,
            };
            let oldest = used.oldest.or(Some(new.now));
            let used = Used { count: used.count + 1, oldest };
            Ok(Accepted { outcome: Ok(receipt), used })
        })
    }
}

/// The answer without writing anything, if there is one.
fn settled(
    new: &NewMessage,
    existing: Option<&ThreadRow>,
    first: Option<(TurnRow, Epoch)>,
    busy: bool,
    used: Used,
) -> Option<Result<Receipt, Code>> {
    let named = match &new.target {
        Target::Existing(_) if existing.is_none() => return Some(Err(Code::NotFound)),
        Target::Existing(id) => Some(id),
        Target::New { .. } => None,
    };
    if let Some((turn, epoch)) = first {
        // A repeat that names no thread is one of the message that began its thread.
        let same_thread = named.map_or(turn.message_seq == 1, |id| *id == turn.thread_id);
        if !same_thread || turn.fingerprint != new.fingerprint {
            return Some(Err(Code::Conflict));
        }
        return Some(Ok(Receipt {
            thread: turn.thread_id,
            epoch,
            item: turn.question_item,
            turn: turn.id,
            seq: turn.message_seq,
            duplicate: true,
        }));
    }
    if let Some(code) = new.gate {
        return Some(Err(code));
    }
    if busy {
        return Some(Err(Code::BusyTurn));
    }
    if !admits(new.limit, used.count) {
        return Some(Err(Code::QuotaExceeded));
    }
    None
}

fn rows(
    new: &NewMessage,
    existing: Option<&ThreadRow>,
) -> Result<(ThreadRow, TurnRow, ItemRow), StoreError> {
    let mut thread = match (existing, &new.target) {
        (Some(thread), _) => thread.clone(),
        (None, Target::New { id, epoch }) => begin(new, id.clone(), epoch.clone()),
        (None, Target::Existing(_)) => return Err(StoreError::NotFound),
    };
    thread.seq += 1;
    thread.updated_at = new.now.0;
    let turn = TurnRow {
        id: new.turn.clone(),
        thread_id: thread.id.clone(),
        user_id: new.owner.clone(),
        message_id: new.message_id.clone(),
        fingerprint: new.fingerprint.clone(),
        question_item: new.item.clone(),
        question: new.text.clone(),
        quote: new.quote.clone(),
        page: new.page.clone(),
        message_seq: thread.seq,
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
        created_at: new.now.0,
        ended_at: None,
        kind: ASK.to_owned(),
        replaces: None,
    };
    let item = Item::question(
        new.item.clone(),
        thread.id.clone(),
        new.now,
        &new.text,
        new.quote.as_deref(),
    );
    let item = ItemRow::new(&item, thread.seq, &new.turn, new.now)?;
    Ok((thread, turn, item))
}

fn begin(new: &NewMessage, id: ThreadId, epoch: Epoch) -> ThreadRow {
    ThreadRow {
        id,
        owner_id: new.owner.clone(),
        course_id: new.course.clone(),
        lesson_id: new.lesson.clone(),
        title: new.title.clone(),
        status: "active".to_owned(),
        epoch,
        seq: 0,
        fence: 0,
        hint: String::from("{}"),
        created_at: new.now.0,
        updated_at: new.now.0,
    }
}
