//! The hearing end of the line: keeps a connection subscribed to what is followed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redis::{FromRedisValue, PushInfo, PushKind, RedisError};
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, timeout},
};

use super::words::{Closed, Names};
use crate::{
    bus::{Here, Wake},
    domain::ids::ThreadId,
    link::{Conn, Link, PING_EVERY, Pause, RESPONSE},
};

/// Channels of one command.
const PORTION: usize = 512;

pub(super) struct Ear {
    link: Link,
    names: Arc<Names>,
    here: Here,
    wants: Mutex<Wants>,
    /// Something is wanted that is not so yet.
    wanting: Notify,
}

struct Wants {
    /// Threads that are followed, and whether the subscription is confirmed.
    followed: HashMap<ThreadId, bool>,
    /// Threads whose subscription may not be what it should.
    changed: HashSet<ThreadId>,
    waiting: Vec<(ThreadId, oneshot::Sender<()>)>,
    /// How often the server has still to confirm that a channel is given up.
    given_up: HashMap<ThreadId, usize>,
    cut: bool,
}

impl Wants {
    /// A channel is closed. True: not because we asked for it.
    fn closed(&mut self, thread: &ThreadId) -> bool {
        match self.given_up.get_mut(thread) {
            Some(1) => {
                self.given_up.remove(thread);
                false
            }
            Some(count) => {
                *count -= 1;
                false
            }
            None => self.followed.contains_key(thread),
        }
    }
}

impl Ear {
    pub(super) fn new(link: Link, names: Arc<Names>, here: Here) -> Self {
        let wants = Wants {
            followed: HashMap::new(),
            changed: HashSet::new(),
            waiting: Vec::new(),
            given_up: HashMap::new(),
            cut: true,
        };
        Self { link, names, here, wants: Mutex::new(wants), wanting: Notify::new() }
    }

    /// A poisoned lock means a panic between two whole updates: the state is still sound.
    fn wants(&self) -> MutexGuard<'_, Wants> {
        self.wants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.wants().cut
    }

    pub(super) async fn follow(&self, thread: &ThreadId) {
        let confirmed = {
            let mut wants = self.wants();
            if *wants.followed.entry(thread.clone()).or_insert(false) || wants.cut {
                return;
            }
            let (sender, confirmed) = oneshot::channel();
            wants.changed.insert(thread.clone());
            wants.waiting.push((thread.clone(), sender));
            confirmed
        };
        self.wanting.notify_one();
        // An error: the line was cut meanwhile.
        let _ = confirmed.await;
    }

    pub(super) fn unfollow(&self, thread: &ThreadId) {
        let mut wants = self.wants();
        if wants.followed.remove(thread).is_some() && !wants.cut {
            wants.changed.insert(thread.clone());
            self.wanting.notify_one();
        }
    }

    /// Hears for as long as the line lives.
    pub(super) async fn hear(self: Arc<Self>) {
        let mut pause = Pause::default();
        loop {
            let broken = Arc::new(Notify::new());
            match timeout(3 * RESPONSE, self.connect(&broken)).await {
                Ok(Ok(conn)) => {
                    pause = Pause::default();
                    let why = self.attend(conn, &broken).await;
                    tracing::debug!(why, "the line to other nodes is cut");
                    self.cut();
                }
                Ok(Err(error)) => tracing::debug!(%error, "the line to other nodes stays cut"),
                Err(_) => tracing::debug!("the line to other nodes stays cut: no answer in time"),
            }
            self.link.rest(&mut pause).await;
        }
    }

    fn cut(&self) {
        let mut wants = self.wants();
        wants.cut = true;
        wants.followed.values_mut().for_each(|confirmed| *confirmed = false);
        wants.changed.clear();
        wants.waiting.clear();
        wants.given_up.clear();
    }

    /// A new connection, subscribed to all that is wanted.
    async fn connect(self: &Arc<Self>, broken: &Arc<Notify>) -> Result<Conn, RedisError> {
        let (ear, sign) = (Arc::downgrade(self), Arc::clone(broken));
        let pushes = move |push: PushInfo| -> Result<(), ()> {
            if let Some(ear) = ear.upgrade()
                && ear.pushed(&push)
            {
                sign.notify_one();
            }
            Ok(())
        };
        let mut conn = self.link.open_for_pushes(pushes).await?;
        conn.subscribe(&self.names.always()).await?;
        let mut subscribed = HashSet::new();
        // Whoever begins to follow meanwhile does not wait: the gap that is said must come after.
        while let Some(missing) = self.missing(&subscribed) {
            for portion in self.channels(&missing).chunks(PORTION) {
                conn.subscribe(portion).await?;
            }
            subscribed.extend(missing);
        }
        self.wanting.notify_one();
        self.here.send(Wake::Gap);
        Ok(conn)
    }

    /// What is followed and not among these; none, and the line is whole, if there is nothing.
    fn missing(&self, subscribed: &HashSet<ThreadId>) -> Option<Vec<ThreadId>> {
        let mut wants = self.wants();
        let followed = wants.followed.keys();
        let missing: Vec<_> = followed.filter(|one| !subscribed.contains(one)).cloned().collect();
        if !missing.is_empty() {
            return Some(missing);
        }
        let surplus = subscribed.iter().filter(|one| !wants.followed.contains_key(one));
        wants.changed = surplus.cloned().collect();
        wants.followed.values_mut().for_each(|confirmed| *confirmed = true);
        wants.cut = false;
        None
    }

    fn channels(&self, threads: &[ThreadId]) -> Vec<String> {
        threads.iter().map(|thread| self.names.thread(thread)).collect()
    }

    /// What the server pushes. True: the connection is no longer good.
    fn pushed(&self, push: &PushInfo) -> bool {
        let text = |at: usize| {
            push.data.get(at).and_then(|value| String::from_redis_value_ref(value).ok())
        };
        match push.kind {
            PushKind::Message | PushKind::SMessage => {
                if let (Some(channel), Some(word)) = (text(0), text(1))
                    && let Some(wake) = self.names.heard(&channel, &word)
                {
                    self.here.send(wake);
                }
                false
            }
            // A slot that moves to another node takes its channels with it.
            PushKind::SUnsubscribe => {
                text(0).is_some_and(|channel| match self.names.closed(&channel) {
                    Closed::Thread(thread) => self.wants().closed(&thread),
                    Closed::Always => true,
                })
            }
            PushKind::Disconnection => true,
            _ => false,
        }
    }

    /// Subscribes and unsubscribes, and asks whether the connection lives, until it does not. Says
    /// why.
    async fn attend(&self, mut conn: Conn, broken: &Notify) -> String {
        let mut changes = self.link.changes();
        loop {
            let done = tokio::select! {
                () = broken.notified() => return "disconnected".to_owned(),
                () = self.wanting.notified() => timeout(RESPONSE, self.adjust(&mut conn)).await,
                () = sleep(PING_EVERY) => timeout(RESPONSE, conn.check()).await,
                // What befell the other connection may have befallen this one.
                () = changes.next() => timeout(RESPONSE, conn.check()).await,
            };
            match done {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "no answer in time".to_owned(),
            }
        }
    }

    async fn adjust(&self, conn: &mut Conn) -> Result<(), RedisError> {
        let (on, off): (Vec<ThreadId>, Vec<ThreadId>) = {
            let mut wants = self.wants();
            let changed = std::mem::take(&mut wants.changed);
            let (on, off): (Vec<_>, Vec<_>) =
                changed.into_iter().partition(|thread| wants.followed.contains_key(thread));
            if self.link.is_cluster() {
                for thread in &off {
                    *wants.given_up.entry(thread.clone()).or_default() += 1;
                }
            }
            (on, off)
        };
        for portion in self.channels(&off).chunks(PORTION) {
            conn.unsubscribe(portion).await?;
        }
        for portion in self.channels(&on).chunks(PORTION) {
            conn.subscribe(portion).await?;
        }
        let mut wants = self.wants();
        for thread in &on {
            if let Some(confirmed) = wants.followed.get_mut(thread) {
                *confirmed = true;
            }
        }
        // Dropping the sender tells as well. One that was given up and is wanted again meanwhile
        // comes with the next adjustment.
        let heard: HashSet<&ThreadId> = on.iter().collect();
        let Wants { waiting, followed, .. } = &mut *wants;
        waiting.retain(|(thread, _)| !heard.contains(thread) && followed.contains_key(thread));
        Ok(())
    }
}
