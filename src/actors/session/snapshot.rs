//! A thread as a late reader needs it: its items, the text of a running answer, and the seq up to
//! which all of that stands. The log is read first and decides the seq; what the store has beyond
//! it follows as events.

use crate::{
    actors::Hub,
    domain::{
        event::Running,
        ids::{Epoch, ItemId, ThreadId, UserId},
        live::{
            frame::{EndedTurn, Snapshot, SnapshotTurn},
            limits,
        },
        resume::Have,
    },
    store::{StoreError, threads::ThreadRow, turns::TurnRow},
};

pub(super) struct Loaded {
    pub epoch: Epoch,
    pub seq: i64,
    pub oldest: Option<i64>,
    /// Not from the log: the store may be behind what its readers have seen.
    behind: bool,
    pub snapshot: Snapshot,
}

impl Loaded {
    pub(super) fn have(&self) -> Have {
        let Self { epoch, seq, oldest, behind, .. } = self;
        Have { epoch: epoch.clone(), seq: *seq, oldest: *oldest, behind: *behind }
    }
}

/// So often a thread is read again because an answer began or ended meanwhile.
const TRIES: u32 = 5;

/// Of this owner's threads only.
pub(super) async fn load(hub: &Hub, owner: &UserId, id: &ThreadId) -> Result<Loaded, StoreError> {
    let mut tries = 1;
    loop {
        let (loaded, committed) = look(hub, owner, id).await?;
        // An end that was committed between two of the queries would be in one and not in another.
        if hub.store.stand_of(id).await?.seq == committed {
            return Ok(loaded);
        }
        if tries == TRIES {
            return Err(StoreError::Overloaded);
        }
        tries += 1;
    }
}

/// A thread, and its committed seq before the rest was read.
async fn look(hub: &Hub, owner: &UserId, id: &ThreadId) -> Result<(Loaded, i64), StoreError> {
    let view = hub.log.view(id).await;
    let away = view.is_err();
    let thread = hub.store.thread_of(owner, id).await?;
    let view = view.ok().flatten().filter(|view| view.epoch == thread.epoch);
    let (seq, running, oldest) = if let Some(view) = view
        && !lags(hub, &thread, view.seq).await?
    {
        let running = match view.running {
            Some(running) => Some(running),
            None => begun(hub, &thread, view.seq).await?,
        };
        (view.seq, running, Some(view.oldest))
    } else {
        let (seq, running) = from_store(hub, &thread).await?;
        (seq, running, None)
    };
    // A living owner fills a log again that was lost; if it is dead, there will be a new epoch.
    let behind = away || (oldest.is_none() && running.is_some());
    let snapshot = snapshot(hub, &thread, seq, running).await?;
    Ok((Loaded { epoch: thread.epoch, seq, oldest, behind, snapshot }, thread.seq))
}

/// Whether the store has more than the log: of a running answer, because its owner cannot reach the
/// log, or an end that has not come there, or that was lost with it.
async fn lags(hub: &Hub, thread: &ThreadRow, logged: i64) -> Result<bool, StoreError> {
    if thread.seq > logged {
        return Ok(true);
    }
    let Some(turn) = hub.store.stand_of(&thread.id).await?.running else { return Ok(false) };
    Ok(hub.store.checkpointed_to(&turn).await?.is_some_and(|seq| seq > logged))
}

/// A turn whose question is in the log at `seq` and that has said nothing since.
async fn begun(hub: &Hub, thread: &ThreadRow, seq: i64) -> Result<Option<Running>, StoreError> {
    let turn = hub.store.unfinished_turn(&thread.id).await?;
    let turn = turn.filter(|turn| turn.first_seq() <= seq);
    Ok(turn.map(|turn| Running::new(turn.id, turn.attempt.max(1))))
}

/// Where a thread without a log stands: at its last commit, or, if its answer awaits another
/// owner, at the last checkpoint.
async fn from_store(hub: &Hub, thread: &ThreadRow) -> Result<(i64, Option<Running>), StoreError> {
    let Some(turn) = hub.store.unfinished_turn(&thread.id).await? else {
        return Ok((thread.seq, None));
    };
    let entries = hub.store.checkpoints(&turn.id).await?;
    let seq = entries.last().map_or(thread.seq, |entry| entry.seq.max(thread.seq));
    let mut running = Running::new(turn.id, turn.attempt.max(1));
    for entry in &entries {
        running.apply(entry);
    }
    Ok((seq, Some(running)))
}

async fn snapshot(
    hub: &Hub,
    thread: &ThreadRow,
    seq: i64,
    running: Option<Running>,
) -> Result<Snapshot, StoreError> {
    let rows = hub.store.items_before(&thread.id, seq + 1, seq, limits::SNAPSHOT_ITEMS + 1).await?;
    let surplus = rows.len().saturating_sub(usize::try_from(limits::SNAPSHOT_ITEMS).unwrap_or(0));
    let shown = rows.get(surplus..).unwrap_or_default();
    let first = shown.first().map_or(0, |row| row.position);
    let items = shown.iter().map(crate::store::items::ItemRow::item).collect::<Result<_, _>>()?;
    let is_running = |turn: &TurnRow| running.as_ref().is_some_and(|r| r.turn == turn.id);
    let turns = hub.store.ended_turns(&thread.id, first).await?;
    let ended = turns.iter().filter(|turn| turn.first_seq() <= seq && !is_running(turn));
    let stands = |id: &ItemId| shown.iter().any(|row| row.id == *id);
    Ok(Snapshot {
        thread: thread.id.clone(),
        epoch: thread.epoch.clone(),
        seq,
        title: thread.title.clone(),
        items,
        ended: ended.map(|turn| ended_turn(turn, stands)).collect(),
        turn: running.map(snapshot_turn),
        before: (surplus > 0).then(|| first.to_string()),
    })
}

fn snapshot_turn(running: Running) -> SnapshotTurn {
    let Running { turn, attempt, text, hint_level, sources, .. } = running;
    SnapshotTurn { id: turn, attempt, status: "running", text, hint_level, sources }
}

/// Its answer is named where it stands in the conversation.
fn ended_turn(turn: &TurnRow, stands: impl Fn(&ItemId) -> bool) -> EndedTurn {
    EndedTurn {
        turn: turn.id.clone(),
        status: turn.status.clone(),
        item: turn.answer_item.clone().filter(|id| stands(id)),
        length: turn.length.unwrap_or_default(),
        sha256: turn.sha256.clone().unwrap_or_default(),
    }
}
