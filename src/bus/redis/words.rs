//! What goes over the line: the channel says which thread, a word says who speaks and what of.

use crate::{
    bus::{Note, Wake},
    domain::ids::{NodeId, ThreadId},
};

/// That a thread's log has grown, and that it has its first words: said for every few tokens.
const GROWN: &str = "t";
const FIRST_WORDS: &str = "f";

/// The channels of an installation, as one node uses them.
pub(super) struct Names {
    prefix: String,
    node: NodeId,
    /// In front of each word, so that a node does not hear its own.
    speaker: String,
}

/// A word on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Said {
    pub(super) channel: String,
    pub(super) word: String,
}

impl Names {
    pub(super) fn new(prefix: &str, node: NodeId, speaker: String) -> Self {
        Self { prefix: prefix.to_owned(), node, speaker }
    }

    /// The thread is the hash tag, as with its log.
    pub(super) fn thread(&self, thread: &ThreadId) -> String {
        format!("{}:{{{thread}}}:wake", self.prefix)
    }

    /// The thread of a channel; none for the others.
    fn thread_of(&self, channel: &str) -> Option<ThreadId> {
        let name =
            channel.strip_prefix(&self.prefix)?.strip_prefix(":{")?.strip_suffix("}:wake")?;
        Some(ThreadId::new(name))
    }

    fn all(&self) -> String {
        format!("{}:nodes", self.prefix)
    }

    fn one(&self, node: &NodeId) -> String {
        format!("{}:node:{node}", self.prefix)
    }

    /// What is heard whatever is followed.
    pub(super) fn always(&self) -> Vec<String> {
        vec![self.all(), self.one(&self.node)]
    }

    pub(super) fn say(&self, wake: &Wake) -> Option<Said> {
        let json = || serde_json::to_string(wake).ok();
        let (channel, word) = match wake {
            Wake::Thread { thread } => (self.thread(thread), GROWN.to_owned()),
            Wake::FirstWords { thread } => (self.thread(thread), FIRST_WORDS.to_owned()),
            Wake::Typing { thread, .. } => (self.thread(thread), json()?),
            Wake::Titled { .. }
            | Wake::Cancelled { .. }
            | Wake::HandedOver
            | Wake::Changed
            | Wake::Note(Note { to: None, .. }) => (self.all(), json()?),
            Wake::Note(Note { to: Some(node), .. }) => (self.one(node), json()?),
            // Each line says its own.
            Wake::Gap => return None,
        };
        Some(Said { channel, word: format!("{}{word}", self.speaker) })
    }

    /// None for our own words, and for what a later version may say.
    pub(super) fn heard(&self, channel: &str, word: &str) -> Option<Wake> {
        let (speaker, word) = word.split_at_checked(self.speaker.len())?;
        if speaker == self.speaker {
            return None;
        }
        match word {
            GROWN => Some(Wake::Thread { thread: self.thread_of(channel)? }),
            FIRST_WORDS => Some(Wake::FirstWords { thread: self.thread_of(channel)? }),
            json => serde_json::from_str(json).ok(),
        }
    }

    /// What a channel that the server has closed was for.
    pub(super) fn closed(&self, channel: &str) -> Closed {
        self.thread_of(channel).map_or(Closed::Always, Closed::Thread)
    }
}

pub(super) enum Closed {
    Thread(ThreadId),
    /// One that is never given up.
    Always,
}
