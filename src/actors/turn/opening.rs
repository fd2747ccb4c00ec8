//! Where a new owner begins: it makes the log its own and brings it up to the store.

use std::rc::Rc;

use super::{Bench, Handle, Lost, Writer};
use crate::{
    domain::{
        clock::Millis,
        event::{Entry, LogEvent, Running},
        ids::Epoch,
        item::Item,
    },
    store::{StoreError, ownership::Claimed, turns::TurnRow},
    turnlog::{LogError, Start, Tail, Take, View},
};

/// What an owner goes on from.
struct Found {
    epoch: Epoch,
    seq: i64,
    running: Running,
    /// What the log has and the store lacks: an owner died between two checkpoints. Without it the
    /// checkpoints would have a hole.
    unsaved: Vec<Entry>,
    /// The log has this owner's fence.
    is_open: bool,
}

impl Writer {
    pub(super) async fn open(
        bench: std::sync::Arc<Bench>,
        claimed: Claimed,
        handle: Rc<Handle>,
    ) -> Result<Result<Self, Lost>, StoreError> {
        let turn = &claimed.turn;
        let found = match in_log(&bench, &claimed).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                let found = in_store(&bench, turn).await?;
                if !bench.store.begin_epoch(&claimed.thread.id, turn.fence, &found.epoch).await? {
                    return Ok(Err(Lost));
                }
                found
            }
            Err(lost) => return Ok(Err(lost)),
        };
        let Found { epoch, seq, mut running, unsaved, is_open } = found;
        running.attempt = turn.attempt;
        let start = Start {
            epoch: epoch.clone(),
            fence: turn.fence,
            seq,
            running: (!running.text.is_empty()).then(|| running.clone()),
        };
        if !is_open && !begins(&bench, &claimed, start.clone()).await {
            return Ok(Err(Lost));
        }
        let Claimed { turn, mut thread, .. } = claimed;
        thread.epoch = epoch;
        handle.owes(unsaved, &bench.backlog);
        let mut writer = Self {
            bench,
            handle,
            turn,
            thread,
            seq,
            running,
            start,
            first_text: None,
            latest_text: None,
            refused_at: None,
        };
        Ok(writer.announce().await.map(|()| writer))
    }

    /// The `message` event, where the log lacks it.
    async fn announce(&mut self) -> Result<(), Lost> {
        if !self.turn.has_message() || self.seq >= self.turn.message_seq {
            return Ok(());
        }
        let TurnRow { question_item, question, quote, created_at, .. } = &self.turn;
        let item = Item::question(
            question_item.clone(),
            self.thread.id.clone(),
            Millis(*created_at),
            question,
            quote.as_deref(),
        );
        self.append(LogEvent::Message { item, replaces: self.turn.replaces.clone() }).await
    }
}

/// What the log has of the turn, if all that readers may have seen is in it.
async fn in_log(bench: &Bench, claimed: &Claimed) -> Result<Option<Found>, Lost> {
    let Claimed { turn, thread, left_by, .. } = claimed;
    let asked_at = turn.first_seq() - 1;
    let nothing = Running::new(turn.id.clone(), turn.attempt);
    let epoch = thread.epoch.clone();
    let Some(left_by) = *left_by else {
        return match view(bench, claimed).await {
            // It holds what the store does not know.
            Ok(Some(view)) if view.seq > asked_at => Ok(None),
            // Nothing of this turn has been shown. A log that ends earlier begins anew there.
            _ => {
                let (running, unsaved) = (nothing, Vec::new());
                Ok(Some(Found { epoch, seq: asked_at, running, unsaved, is_open: false }))
            }
        };
    };
    let checkpointed = bench.store.checkpointed_to(&turn.id).await.map_err(|_| Lost)?;
    let saved = asked_at.max(checkpointed.unwrap_or(asked_at));
    let take = Take { epoch: epoch.clone(), fence: turn.fence, left_by, seq: saved };
    let view = match bench.log.take(&thread.id, take).await {
        Ok(Some(view)) => view,
        Err(LogError::Fenced) => return Err(Lost),
        Ok(None) | Err(_) => return Ok(None),
    };
    let most = usize::try_from(view.seq - saved).unwrap_or_default();
    let Ok(Tail::Entries(unsaved)) = bench.log.read(&thread.id, &epoch, saved, most).await else {
        return Ok(None);
    };
    let running = view.running.filter(|running| running.turn == turn.id).unwrap_or(nothing);
    Ok(Some(Found { epoch, seq: view.seq, running, unsaved, is_open: true }))
}

/// Begins the log where `start` says.
async fn begins(bench: &Bench, claimed: &Claimed, start: Start) -> bool {
    let (turn, seq) = (&claimed.turn.id, start.seq);
    match bench.log.open(&claimed.thread.id, start).await {
        Ok(head) if head.seq == seq => true,
        Ok(head) => {
            tracing::error!(%turn, seq, head = head.seq, "a log moved under its owner");
            false
        }
        Err(_) => false,
    }
}

async fn view(bench: &Bench, claimed: &Claimed) -> Result<Option<View>, LogError> {
    let thread = &claimed.thread;
    let view = bench.log.view(&thread.id).await?;
    Ok(view.filter(|view| view.epoch == thread.epoch))
}

/// What was checkpointed. Readers may have seen more, so they must start afresh.
async fn in_store(bench: &Bench, turn: &TurnRow) -> Result<Found, StoreError> {
    let entries = bench.store.checkpoints(&turn.id).await?;
    let mut running = Running::new(turn.id.clone(), turn.attempt);
    for entry in &entries {
        running.apply(entry);
    }
    let seq = entries.last().map_or(turn.first_seq() - 1, |entry| entry.seq);
    let epoch = Epoch::new(bench.ids.token(8));
    Ok(Found { epoch, seq, running, unsaved: Vec::new(), is_open: false })
}
