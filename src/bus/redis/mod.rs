//! The line to other nodes over Redis's pub/sub: a channel a thread, which is subscribed while the
//! thread is followed, one for all nodes and one for each. On a cluster all are sharded channels.
//! It hears over a connection of its own, and says that there was a gap whenever that is new.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use redis::Cmd;
use tokio::{sync::mpsc, task::JoinSet};

use super::{Here, Line, Wake};
use crate::{
    domain::ids::{NodeId, ThreadId},
    link::Link,
};

mod ear;
#[cfg(test)]
mod tests;
mod words;

use ear::Ear;
use words::{Names, Said};

/// Words that may wait for those in flight; more are dropped.
const QUEUE: usize = 8_192;
/// Words of one pipeline.
const BATCH: usize = 1_024;

/// Its tasks end with it.
pub(crate) struct RedisLine {
    names: Arc<Names>,
    ear: Arc<Ear>,
    said: mpsc::Sender<Said>,
    link: Link,
    _tasks: JoinSet<()>,
}

impl RedisLine {
    /// What other nodes say goes to `here`.
    pub(crate) fn start(link: &Link, node: NodeId, here: Here) -> Self {
        let names = Arc::new(Names::new(link.prefix(), node, link.token()));
        let ear = Arc::new(Ear::new(link.clone(), Arc::clone(&names), here));
        let (said, waiting) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn_on(Arc::clone(&ear).hear(), link.runtime());
        tasks.spawn_on(speak(link.clone(), waiting), link.runtime());
        Self { names, ear, said, link: link.clone(), _tasks: tasks }
    }
}

/// Passes on what is said: what comes while one pipeline is in flight goes with the next.
async fn speak(link: Link, mut waiting: mpsc::Receiver<Said>) {
    let publish = if link.is_cluster() { "SPUBLISH" } else { "PUBLISH" };
    let mut said = Vec::new();
    while waiting.recv_many(&mut said, BATCH).await > 0 {
        // Saying twice that a log has grown is saying it once.
        let mut seen = HashSet::new();
        said.retain(|said| seen.insert(said.clone()));
        let command = |Said { channel, word }: Said| {
            let mut command = Cmd::new();
            command.arg(publish).arg(channel).arg(word);
            command
        };
        let sent = link.all(said.drain(..).map(command).collect()).await;
        let lost = sent.iter().filter(|one| one.is_err()).count();
        link.figures().dropped_wakes.inc_by(u64::try_from(lost).unwrap_or(u64::MAX));
    }
}

#[async_trait]
impl Line for RedisLine {
    fn say(&self, wake: &Wake) {
        if let Some(said) = self.names.say(wake)
            && self.said.try_send(said).is_err()
        {
            self.link.figures().dropped_wakes.inc();
        }
    }

    async fn follow(&self, thread: &ThreadId) {
        self.ear.follow(thread).await;
    }

    fn unfollow(&self, thread: &ThreadId) {
        self.ear.unfollow(thread);
    }

    fn is_cut(&self) -> bool {
        self.ear.is_cut()
    }
}
