//! Reading a thread behind a cursor: from its log, or, while that cannot be reached, from what the
//! owner of the running answer has put into the store (`turns.md`, When something is away).

use super::Hub;
use crate::{
    domain::{
        event::Entry,
        ids::{Epoch, ThreadId},
    },
    store::{Store, StoreError},
    turnlog::Tail,
};

/// What is behind `seq` in this epoch. A store that cannot be reached either has no news.
pub(super) async fn tail(
    hub: &Hub,
    thread: &ThreadId,
    (epoch, seq): (&Epoch, i64),
    most: usize,
) -> Tail {
    match hub.log.read(thread, epoch, seq, most).await {
        Ok(tail) => tail,
        Err(error) => {
            tracing::debug!(%thread, %error, "a log is read from the store");
            stored(&hub.store, thread, (epoch, seq)).await.unwrap_or(Tail::Entries(Vec::new()))
        }
    }
}

/// The same for a reader whom the log has told nothing for a while: what the store has counts too,
/// and the end of an answer that never came into the log is a gap.
pub(super) async fn tail_in_doubt(
    hub: &Hub,
    thread: &ThreadId,
    cursor: (&Epoch, i64),
    most: usize,
) -> Tail {
    match tail(hub, thread, cursor, most).await {
        Tail::Entries(entries) if entries.is_empty() => {
            stored(&hub.store, thread, cursor).await.unwrap_or(Tail::Entries(entries))
        }
        tail => tail,
    }
}

/// The committed part of a running answer. Whoever had more of it from the log before that went
/// away waits until the store has caught up.
pub(super) async fn stored(
    store: &Store,
    thread: &ThreadId,
    (epoch, seq): (&Epoch, i64),
) -> Result<Tail, StoreError> {
    let stand = store.stand_of(thread).await?;
    if stand.epoch != *epoch {
        return Ok(Tail::Gap);
    }
    let entries = match stand.running {
        Some(turn) => store.checkpoints(&turn).await?,
        None if stand.seq > seq => return Ok(Tail::Gap),
        None => Vec::new(),
    };
    Ok(behind(entries, seq))
}

fn behind(entries: Vec<Entry>, seq: i64) -> Tail {
    let news: Vec<Entry> = entries.into_iter().filter(|entry| entry.seq > seq).collect();
    match news.first() {
        // It covers what the reader has too, and text cannot be cut by seqs.
        Some(first) if first.first != seq + 1 => Tail::Gap,
        _ => Tail::Entries(news),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{event::LogEvent, ids::TurnId};

    fn text(first: i64, seq: i64) -> Entry {
        let turn = TurnId::new("t");
        Entry { first, seq, event: LogEvent::Delta { turn, attempt: 1, text: "x".to_owned() } }
    }

    #[test]
    fn a_reader_goes_on_where_a_chunk_begins_and_else_starts_from_a_snapshot() {
        let chunks = || vec![text(3, 5), text(6, 8)];
        assert_eq!(behind(chunks(), 5), Tail::Entries(vec![text(6, 8)]));
        assert_eq!(behind(chunks(), 2), Tail::Entries(chunks()));
        assert_eq!(behind(chunks(), 4), Tail::Gap);
        assert_eq!(behind(chunks(), 1), Tail::Gap);
        assert_eq!(behind(chunks(), 9), Tail::Entries(vec![]), "it had more from the log");
    }
}
