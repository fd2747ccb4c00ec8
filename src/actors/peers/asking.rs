//! Questions to other nodes, and answers to theirs.

use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{
    Peers,
    words::{Question, Reply, Word},
};
use crate::{
    actors::registry::{self, Deed},
    domain::ids::{NodeId, SessionId, StayId, UserId},
};

/// After this time nobody has what was asked for.
const LIMIT: Duration = Duration::from_secs(1);
/// Questions that wait at once; further ones find nobody.
const MOST: usize = 256;

/// A question that waits. It is asked again with each round, since the bus may lose it.
pub(super) struct Asked {
    to: Option<NodeId>,
    question: Question,
    answer: oneshot::Sender<(NodeId, Reply)>,
}

/// Something that was done here for another node: asked again, it is not done again.
pub(super) struct Done {
    by: NodeId,
    id: String,
    /// None: it is being done.
    reply: Option<Reply>,
}

impl Peers {
    /// The first answer, if one comes in time.
    fn ask(
        &mut self,
        to: Option<NodeId>,
        question: Question,
    ) -> impl Future<Output = Option<(NodeId, Reply)>> + 'static {
        let (answer, answered) = oneshot::channel();
        if !self.is_alone() && self.asked.len() < MOST {
            let id = self.ways.ids.token(16);
            self.tell(to.as_ref(), &Word::Ask { id: id.clone(), question: question.clone() });
            self.asked.insert(id, Asked { to, question, answer });
        }
        // Without a sender the answer is there at once: none.
        async move { actix_rt::time::timeout(LIMIT, answered).await.ok()?.ok() }
    }

    pub(super) fn ask_again(&mut self) {
        self.asked.retain(|_, asked| !asked.answer.is_closed());
        for (id, Asked { to, question, .. }) in &self.asked {
            let (id, question) = (id.clone(), question.clone());
            self.tell(to.as_ref(), &Word::Ask { id, question });
        }
    }

    pub(super) fn take_answer(&mut self, from: &NodeId, id: &str, reply: Reply) {
        if let Some(asked) = self.asked.remove(id) {
            // Whoever asked may be gone.
            let _ = asked.answer.send((from.clone(), reply));
        }
    }

    pub(super) fn answer(
        &mut self,
        from: &NodeId,
        id: String,
        question: Question,
        ctx: &mut Context<Self>,
    ) {
        match question {
            Question::Find { stay } => {
                let (find, to) = (self.ways.find.send(registry::Find(stay)), from.clone());
                ctx.spawn(find.into_actor(self).map(move |found, this, _| {
                    if let Ok(Some(registry::Found { user, sign_in })) = found {
                        let reply = Reply::Found { user, sign_in };
                        this.tell(Some(&to), &Word::Answer { id, reply });
                    }
                }));
            }
            Question::Do { stay, deed } => self.act(from, id, registry::Act { stay, deed }, ctx),
        }
    }

    fn act(&mut self, from: &NodeId, id: String, act: registry::Act, ctx: &mut Context<Self>) {
        if let Some(done) = self.done.iter().find(|done| done.id == id && done.by == *from) {
            if let Some(reply) = done.reply.clone() {
                self.tell(Some(from), &Word::Answer { id, reply });
            }
            return;
        }
        if self.done.len() >= MOST {
            self.done.pop_front();
        }
        self.done.push_back(Done { by: from.clone(), id: id.clone(), reply: None });
        let (act, by) = (self.ways.act.send(act), from.clone());
        ctx.spawn(act.into_actor(self).map(move |acted, this, _| {
            if !acted.unwrap_or(false) {
                // Nobody to do it to. Silence says so.
                return;
            }
            let done = this.done.iter_mut().find(|done| done.id == id && done.by == by);
            if let Some(done) = done {
                done.reply = Some(Reply::Done);
            }
            this.tell(Some(&by), &Word::Answer { id, reply: Reply::Done });
        }));
    }
}

/// Who is behind a stay that has its socket on another node. None, if no node says so in time.
#[derive(Debug, Message)]
#[rtype(result = "Option<FoundAt>")]
pub(crate) struct Find(pub StayId);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FoundAt {
    pub node: NodeId,
    pub user: UserId,
    pub sign_in: SessionId,
}

impl Handler<Find> for Peers {
    type Result = ResponseFuture<Option<FoundAt>>;

    fn handle(&mut self, Find(stay): Find, _: &mut Self::Context) -> Self::Result {
        let asked = self.ask(None, Question::Find { stay });
        Box::pin(async move {
            match asked.await {
                Some((node, Reply::Found { user, sign_in })) => {
                    Some(FoundAt { node, user, sign_in })
                }
                _ => None,
            }
        })
    }
}

/// Has something done to a stay on another node. Answers whether that node says so in time.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct Do {
    pub node: NodeId,
    pub stay: StayId,
    pub deed: Deed,
}

impl Handler<Do> for Peers {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, Do { node, stay, deed }: Do, _: &mut Self::Context) -> Self::Result {
        let asked = self.ask(Some(node), Question::Do { stay, deed });
        Box::pin(async move { matches!(asked.await, Some((_, Reply::Done))) })
    }
}

/// Staff say something to a person, or to everybody: on all other nodes too.
impl Handler<registry::Say> for Peers {
    type Result = ();

    fn handle(&mut self, say: registry::Say, _: &mut Self::Context) {
        if !self.is_alone() {
            let registry::Say { user, text, at } = say;
            self.tell(None, &Word::Notice { user, text, at });
        }
    }
}
