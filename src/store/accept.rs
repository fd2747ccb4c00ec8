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
    turns::{ASK, EDIT, NewTurn, TurnRow, UNFINISHED},
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
    New {
        id: ThreadId,
        epoch: Epoch,
    },
    /// Stands in for this question of the owner's; it and all behind it leave the conversation.
    Edit(ItemId),
}

/// Where a message goes that begins no thread.
struct Place {
    thread: ThreadRow,
    /// The question that it stands in for.
    edited: Option<TurnRow>,
    busy: bool,
}

/// What the sender is told; a repeated message gets the first one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub thread: ThreadId,
    pub epoch: Epoch,
    /// The question.
    pub item: ItemId,
    pub turn: TurnId,
    /// Of the turn's first event.
    pub seq: i64,
    pub duplicate: bool,
}

impl Receipt {
    /// What the first of two equal requests was told.
    pub(super) fn of_repeat(turn: TurnRow, epoch: Epoch) -> Self {
        Self {
            seq: turn.first_seq(),
            thread: turn.thread_id,
            epoch,
            item: turn.question_item,
            turn: turn.id,
            duplicate: true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub outcome: Result<Receipt, Code>,
    pub used: Used,
}

/// The turn that a message id already has, if any, with its thread's epoch.
macro_rules! find_first {
    ($conn:expr, $owner:expr, $message_id:expr) => {{
        let first: Option<(TurnRow, Epoch)> = turn::table
            .inner_join(thread::table)
            .filter(turn::user_id.eq($owner).and(turn::message_id.eq($message_id)))
            .select((TurnRow::as_select(), thread::epoch))
            .get_result($conn)
            .await
            .optional()?;
        first
    }};
}
pub(crate) use find_first;

/// The owner's thread that a message is for. None: it begins one, or there is none such.
macro_rules! find_place {
    ($conn:expr, $new:expr) => {{
        let edited: Option<TurnRow> = match &$new.target {
            Target::Edit(id) => turn::table
                .inner_join(item::table.on(item::id.eq(turn::question_item)))
                .filter(turn::user_id.eq(&$new.owner).and(turn::question_item.eq(id)))
                .filter(turn::kind.eq_any([ASK, EDIT]).and(item::until.is_null()))
                .select(TurnRow::as_select())
                .get_result($conn)
                .await
                .optional()?,
            _ => None,
        };
        let id = match (&$new.target, &edited) {
            (Target::Existing(id), _) => Some(id.clone()),
            (_, edited) => edited.as_ref().map(|turn| turn.thread_id.clone()),
        };
        let thread: Option<ThreadRow> = match &id {
            None => None,
            Some(id) => thread::table
                .filter(thread::id.eq(id).and(thread::owner_id.eq(&$new.owner)))
                .select(ThreadRow::as_select())
                .get_result($conn)
                .await
                .optional()?,
        };
        match thread {
            None => None,
            Some(thread) => {
                let busy: i64 = turn::table
                    .filter(turn::thread_id.eq(&thread.id).and(turn::status.eq_any(UNFINISHED)))
                    .count()
                    .get_result($conn)
                    .await?;
                Some(Place { thread, edited, busy: busy > 0 })
            }
        }
    }};
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
            let place = find_place!(conn, &new);
            let first = find_first!(conn, &new.owner, &new.message_id);
            if let Some(outcome) = settled(&new, place.as_ref(), first, used) {
                return Ok::<_, StoreError>(Accepted { outcome, used });
            }
            let (thread, turn, item) = rows(&new, place.as_ref())?;
            if let Some(edited) = place.as_ref().and_then(|place| place.edited.as_ref()) {
                diesel::update(
                    item::table
                        .filter(item::thread_id.eq(&thread.id).and(item::until.is_null()))
                        .filter(item::position.ge(edited.message_seq)),
                )
                .set(item::until.eq(thread.seq))
                .execute(conn)
                .await?;
            }
            insert!(conn, place.is_none(), &thread, &turn, &item, new.now);
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
    place: Option<&Place>,
    first: Option<(TurnRow, Epoch)>,
    used: Used,
) -> Option<Result<Receipt, Code>> {
    // A repeated edit finds its question gone from the conversation: the first one took it out.
    let repeats_edit =
        |turn: &TurnRow, of: &ItemId| turn.kind == EDIT && turn.replaces.as_ref() == Some(of);
    let same = |turn: &TurnRow| match &new.target {
        Target::Existing(id) => *id == turn.thread_id,
        // A repeat that names no thread is one of the message that began its thread.
        Target::New { .. } => turn.message_seq == 1,
        Target::Edit(of) => repeats_edit(turn, of),
    };
    let is_repeat = first.as_ref().is_some_and(|(turn, _)| same(turn));
    if place.is_none() && !is_repeat && !matches!(new.target, Target::New { .. }) {
        return Some(Err(Code::NotFound));
    }
    if let Some((turn, epoch)) = first {
        if !is_repeat || turn.fingerprint != new.fingerprint {
            return Some(Err(Code::Conflict));
        }
        return Some(Ok(Receipt::of_repeat(turn, epoch)));
    }
    if let Some(code) = new.gate {
        return Some(Err(code));
    }
    if place.is_some_and(|place| place.busy) {
        return Some(Err(Code::BusyTurn));
    }
    if !admits(new.limit, used.count) {
        return Some(Err(Code::QuotaExceeded));
    }
    None
}

fn rows(
    new: &NewMessage,
    place: Option<&Place>,
) -> Result<(ThreadRow, TurnRow, ItemRow), StoreError> {
    let mut thread = match (place, &new.target) {
        (Some(place), _) => place.thread.clone(),
        (None, Target::New { id, epoch }) => begin(new, id.clone(), epoch.clone()),
        (None, Target::Existing(_) | Target::Edit(_)) => return Err(StoreError::NotFound),
    };
    let edited = place.and_then(|place| place.edited.as_ref());
    // An edited question was asked where the first one was.
    let (quote, page) = match edited {
        Some(edited) => (&edited.quote, &edited.page),
        None => (&new.quote, &new.page),
    };
    thread.seq += 1;
    thread.updated_at = new.now.0;
    let turn = TurnRow::from(NewTurn {
        id: new.turn.clone(),
        thread_id: thread.id.clone(),
        user_id: new.owner.clone(),
        message_id: new.message_id.clone(),
        fingerprint: new.fingerprint.clone(),
        question_item: new.item.clone(),
        question: new.text.clone(),
        quote: quote.clone(),
        page: page.clone(),
        message_seq: thread.seq,
        created_at: new.now.0,
        kind: if edited.is_some() { EDIT } else { ASK },
        replaces: edited.map(|edited| edited.question_item.clone()),
    });
    let item =
        Item::question(new.item.clone(), thread.id.clone(), new.now, &new.text, quote.as_deref());
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
