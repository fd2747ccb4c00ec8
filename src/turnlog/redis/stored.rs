//! The logs as Redis has them: one script a deed, so that each is whole.

use redis::{Value, from_redis_value};

use super::{codec, refusal, running};
use crate::{
    domain::{
        event::Entry,
        ids::{Epoch, ThreadId},
    },
    link::{Link, Script},
    turnlog::{LogError, Start, Tail, Take, View},
};

/// What the scripts say below a seq.
const GONE: i64 = -1;
const FENCED: i64 = -2;
const NOT_NEXT: i64 = -3;

macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("common.lua"), include_str!($file)))
    };
}

pub(super) struct Shelf {
    link: Link,
    open: Script,
    take: Script,
    append: Script,
    read: Script,
    view: Script,
}

/// How Redis took what was appended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Taken,
    /// It stands at this seq.
    NotNext(i64),
}

impl Shelf {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            open: script!("open.lua"),
            take: script!("take.lua"),
            append: script!("append.lua"),
            read: script!("read.lua"),
            view: script!("view.lua"),
        }
    }

    pub(super) async fn up(&self) {
        self.link.up().await;
    }

    /// Head and entries. The thread is the hash tag: a cluster keeps both in one place.
    fn keys(&self, thread: &ThreadId) -> [String; 2] {
        ["head", "log"].map(|name| format!("{}:{{{thread}}}:{name}", self.link.prefix()))
    }

    /// Opens the log for a new owner that has it up to `have`; gives what stands behind that.
    pub(super) async fn open(
        &self,
        thread: &ThreadId,
        start: &Start,
        have: i64,
    ) -> Result<codec::Stored, LogError> {
        let base = codec::base(start.running.as_ref());
        let opened = self
            .open
            .run(&self.link, &self.keys(thread), |command| {
                let epoch = start.epoch.as_str();
                command.arg(epoch).arg(start.fence).arg(start.seq).arg(&base).arg(have);
            })
            .await?;
        match refusal(&opened) {
            Some(_) => Err(LogError::Fenced),
            None => codec::opened(opened),
        }
    }

    /// All of the log, for its new owner. None if it is not as the last one left it.
    pub(super) async fn take(
        &self,
        thread: &ThreadId,
        take: &Take,
    ) -> Result<Option<codec::Stored>, LogError> {
        let taken = self
            .take
            .run(&self.link, &self.keys(thread), |command| {
                let epoch = take.epoch.as_str();
                command.arg(epoch).arg(take.fence).arg(take.left_by).arg(take.seq);
            })
            .await?;
        match refusal(&taken) {
            Some(FENCED) => return Err(LogError::Fenced),
            Some(_) => return Ok(None),
            None => {}
        }
        let stored = codec::opened(taken)?;
        Ok(is_whole(&stored).then_some(stored))
    }

    pub(super) async fn append(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: &[Entry],
    ) -> Result<Said, LogError> {
        let (whole, rest) = entries.split_at(unbroken(entries));
        let first = whole.first().map_or(0, |entry| entry.first);
        let said = self
            .append
            .run(&self.link, &self.keys(thread), |command| {
                command.arg(fence).arg(first);
                codec::write(command, whole);
            })
            .await?;
        match refusal(&said) {
            Some(GONE) => Err(LogError::Gone),
            Some(FENCED) => Err(LogError::Fenced),
            Some(code) if code <= NOT_NEXT => Ok(Said::NotNext(NOT_NEXT - code)),
            Some(seq) if !rest.is_empty() => Ok(Said::NotNext(seq)),
            Some(_) => Ok(Said::Taken),
            None => Err(codec::unreadable("an answer to an append")),
        }
    }

    pub(super) async fn read(
        &self,
        thread: &ThreadId,
        epoch: &Epoch,
        seq: i64,
        most: usize,
    ) -> Result<Tail, LogError> {
        let found = self
            .read
            .run(&self.link, &self.keys(thread), |command| {
                command.arg(epoch.as_str()).arg(seq).arg(most);
            })
            .await?;
        if refusal(&found).is_some() {
            return Ok(Tail::Gap);
        }
        let (last, entries) = codec::tail(found)?;
        // A server that is short of memory may have dropped the one key without the other.
        let torn = match entries.first() {
            Some(first) => first.first > seq + 1 || unbroken(&entries) < entries.len(),
            None => last > seq,
        };
        Ok(if torn { Tail::Gap } else { Tail::Entries(entries) })
    }

    pub(super) async fn view(&self, thread: &ThreadId) -> Result<Option<View>, LogError> {
        let found = self.view.run(&self.link, &self.keys(thread), |_| {}).await?;
        if refusal(&found).is_some() {
            return Ok(None);
        }
        let (epoch, stored) = codec::viewed(found)?;
        let whole = is_whole(&stored);
        let codec::Stored { seq, oldest, base, entries } = stored;
        let running = running(base, &entries);
        Ok(whole.then(|| View { epoch: Epoch::new(epoch), seq, oldest, running }))
    }

    pub(super) async fn fence(&self, thread: &ThreadId) -> Result<Option<i64>, LogError> {
        let [head, _] = self.keys(thread);
        let mut command = redis::cmd("HGET");
        command.arg(head).arg("fence");
        match self.link.call(command).await? {
            Value::Nil => Ok(None),
            fence => from_redis_value(fence).map(Some).map_err(codec::unreadable),
        }
    }

    pub(super) async fn forget(&self, thread: &ThreadId) {
        let mut command = redis::cmd("UNLINK");
        command.arg(&self.keys(thread));
        if let Err(error) = self.link.call(command).await {
            tracing::debug!(%thread, %error, "a forgotten log stays in Redis until it expires");
        }
    }
}

/// A server that is short of memory may have dropped the one key without the other.
fn is_whole(stored: &codec::Stored) -> bool {
    let codec::Stored { seq, oldest, entries, .. } = stored;
    unbroken(entries) == entries.len()
        && entries.first().map_or(seq + 1, |entry| entry.first) <= *oldest
}

/// How many entries continue each other.
fn unbroken(entries: &[Entry]) -> usize {
    let continues = entries.windows(2).take_while(|pair| match pair {
        [before, after] => before.seq + 1 == after.first,
        _ => false,
    });
    (continues.count() + 1).min(entries.len())
}
