//! What staff do from the dashboard (`live.md` §2.7). Each act leaves an audit entry, in one
//! transaction with its effect where the store has a part in it.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::{Value, json};

use super::{Hub, Session, Step, threads::store_error};
use crate::{
    actors::{
        peers,
        registry::{self, Deed},
        tutor,
    },
    auth::{Identity, sessions::Device},
    bus::Wake,
    domain::{
        close::Close,
        code::Code,
        ids::{NodeId, SessionId, StayId, TurnId, UserId, prefixed},
        live::{
            frame::{Error, Frame},
            request::{Action, Cancel, DrainNode, Kick, Notice, Revoke, SetQuota},
        },
    },
    store::{
        StoreError, audit::AuditEntry, auth_events::AuthEventKind, ownership::CancelFound,
        staff::SignIns, users::User,
    },
};

/// Bytes of a reason that fit into a Close frame (RFC 6455, 5.5.1: 125, two are the code).
const CLOSE_REASON: usize = 123;

/// Why an act was not done.
enum Refused {
    Forbidden(&'static str),
    BadRequest(&'static str),
    NotFound(&'static str),
    Store(StoreError),
    /// An actor does not answer.
    Away,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<MailboxError> for Refused {
    fn from(_: MailboxError) -> Self {
        Self::Away
    }
}

impl Refused {
    fn error(self, id: u32) -> Error {
        let (code, message) = match self {
            Self::Store(StoreError::NotFound) => (Code::NotFound, "There is no such thing."),
            Self::Store(error) => return store_error(id, &error),
            Self::Forbidden(message) => (Code::Forbidden, message),
            Self::BadRequest(message) => (Code::BadRequest, message),
            Self::NotFound(message) => (Code::NotFound, message),
            Self::Away => (Code::Overloaded, "The server is busy. Try again."),
        };
        Error::new(Some(id), code, message)
    }
}

impl Session {
    /// Answers `ok` with the id of the audit entry.
    pub(super) async fn act(hub: Arc<Hub>, id: u32, action: Action, who: Identity) -> Step {
        let acting = Acting { hub: &hub, who: &who, name: action.name() };
        let done = acting.run(action).await;
        Box::new(move |this, ctx| match done {
            Ok(audit) => this.ok(id, json!({ "audit": audit }), ctx),
            Err(refused) => this.refuse(refused.error(id), ctx),
        })
    }
}

const NOBODY: Refused = Refused::NotFound("Nobody is connected under this session.");

/// A session to do something to.
struct Target {
    stay: StayId,
    /// None: it is here.
    node: Option<NodeId>,
    user: UserId,
    sign_in: SessionId,
}

/// An audit entry of now. It is written by whoever has the transaction. Where an admin acts as
/// somebody, the admin is who did it, and the entry says as whom.
pub(super) fn entry(
    hub: &Hub,
    who: &Identity,
    action: &str,
    target: String,
    detail: &Value,
) -> AuditEntry {
    let now = hub.clock.now();
    let mut detail = detail.clone();
    if let (Some(_), Some(detail)) = (&who.impersonated_by, detail.as_object_mut()) {
        detail.insert("as".to_owned(), who.user.id.as_str().into());
    }
    AuditEntry {
        id: prefixed(&*hub.ids, "aud", now),
        at: now.0,
        actor_id: who.impersonated_by.as_ref().unwrap_or(&who.user.id).clone(),
        action: action.to_owned(),
        target,
        detail: detail.to_string(),
    }
}

/// One act of one person.
struct Acting<'a> {
    hub: &'a Hub,
    who: &'a Identity,
    name: &'static str,
}

impl Acting<'_> {
    async fn run(&self, action: Action) -> Result<String, Refused> {
        if !self.who.is_staff() {
            return Err(Refused::Forbidden("Only instructors and admins may do this."));
        }
        let for_admins =
            matches!(action, Action::Revoke(_) | Action::DrainNode(_) | Action::SetQuota(_));
        if for_admins && !self.who.is_admin() {
            return Err(Refused::Forbidden("Only admins may do this."));
        }
        match action {
            Action::Kick(kick) => self.kick(kick).await,
            Action::Revoke(revoke) => self.revoke(revoke).await,
            Action::CancelTurn(Cancel { turn }) => self.cancel_turn(turn).await,
            Action::DrainNode(drain) => self.drain_node(drain).await,
            Action::Notice(notice) => self.notice(notice).await,
            Action::SetQuota(quota) => self.set_quota(quota).await,
        }
    }

    fn entry(&self, target: impl Into<String>, detail: &Value) -> AuditEntry {
        entry(self.hub, self.who, self.name, target.into(), detail)
    }

    /// Here, or else on the other nodes.
    async fn find(&self, stay: &StayId) -> Result<Target, Refused> {
        let stay = stay.clone();
        if let Some(found) = self.hub.registry.send(registry::Find(stay.clone())).await? {
            let registry::Found { user, sign_in } = found;
            return Ok(Target { stay, node: None, user, sign_in });
        }
        let found = self.hub.peers.send(peers::Find(stay.clone())).await?;
        let peers::FoundAt { node, user, sign_in } = found.ok_or(NOBODY)?;
        Ok(Target { stay, node: Some(node), user, sign_in })
    }

    /// Does something to a session, wherever it is.
    async fn act_on(&self, target: Target, deed: Deed) -> Result<(), Refused> {
        let Target { stay, node, .. } = target;
        match node {
            // One that has gone meanwhile needs it no more.
            None => drop(self.hub.registry.send(registry::Act { stay, deed }).await?),
            // Whether it has gone, or cannot be reached, is not known.
            Some(node) => {
                let done = self.hub.peers.send(peers::Do { node, stay, deed }).await?;
                done.then_some(()).ok_or(NOBODY)?;
            }
        }
        Ok(())
    }

    /// The person, as she is now, if she does not stand above whoever acts.
    async fn below(&self, user: &UserId) -> Result<User, Refused> {
        let user = self.hub.store.user(user).await?;
        if user.role > self.who.user.role {
            return Err(Refused::Forbidden("This person has a higher role than you."));
        }
        Ok(user)
    }

    async fn kick(&self, Kick { session, reason }: Kick) -> Result<String, Refused> {
        let target = self.find(&session).await?;
        self.below(&target.user).await?;
        let detail = json!({ "user": target.user, "reason": reason });
        let audit = self.write(session.as_str(), &detail).await?;
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        self.act_on(target, Deed::Kick { reason }).await?;
        Ok(audit)
    }

    async fn revoke(&self, Revoke { session, user }: Revoke) -> Result<String, Refused> {
        let (target, owner, which) = match (session, user) {
            (Some(stay), _) => {
                let Target { user, sign_in, .. } = self.find(&stay).await?;
                (stay.as_str().to_owned(), user, SignIns::One(sign_in))
            }
            (None, Some(user)) => (user.as_str().to_owned(), user, SignIns::All),
            (None, None) => {
                return Err(Refused::BadRequest("revoke needs either `session` or `user`"));
            }
        };
        let user = self.below(&owner).await?;
        let entry = self.entry(target, &json!({ "user": owner }));
        let audit = entry.id.clone();
        let event = self.hub.auth.event(AuthEventKind::SessionRevoked, &Device::default());
        let event = event.of(&user.id, &user.email);
        self.hub.store.revoke_by_staff(&owner, which, event, entry).await?;
        Ok(audit)
    }

    async fn cancel_turn(&self, turn: TurnId) -> Result<String, Refused> {
        let entry = self.entry(turn.as_str(), &json!({}));
        let audit = entry.id.clone();
        let found = self.hub.store.cancel_by_staff(&turn, entry).await?;
        if found == CancelFound::Requested {
            // Its owner would read the request with the next checkpoint.
            self.hub.bus.wake(Wake::Cancelled { turn: turn.clone() });
            self.hub.tutor.send(tutor::Cancel(turn)).await?;
        }
        Ok(audit)
    }

    async fn drain_node(&self, DrainNode { node }: DrainNode) -> Result<String, Refused> {
        let entry = self.entry(node.as_str(), &json!({}));
        let audit = entry.id.clone();
        self.hub.store.drain_by_staff(&node, entry).await?;
        Ok(audit)
    }

    async fn notice(&self, Notice { session, user, text }: Notice) -> Result<String, Refused> {
        let at = self.hub.clock.now().to_rfc3339();
        let detail = json!({ "text": text });
        match (session, user) {
            (Some(_), Some(_)) => {
                Err(Refused::BadRequest("notice takes `session` or `user`, not both"))
            }
            (Some(stay), None) => {
                let target = self.find(&stay).await?;
                let audit = self.write(stay.as_str(), &detail).await?;
                self.act_on(target, Deed::Notice { text, at }).await?;
                Ok(audit)
            }
            (None, user) => {
                if let Some(user) = &user {
                    self.hub.store.user(user).await?;
                }
                let target = user.as_ref().map_or("everybody", UserId::as_str);
                let audit = self.write(target, &detail).await?;
                let say = registry::Say { user, text, at };
                self.hub.registry.send(say.clone()).await?;
                self.hub.peers.send(say).await?;
                Ok(audit)
            }
        }
    }

    /// For what has no effect in the store.
    async fn write(&self, target: &str, detail: &Value) -> Result<String, StoreError> {
        let entry = self.entry(target, detail);
        let audit = entry.id.clone();
        self.hub.store.insert_audit(entry).await?;
        Ok(audit)
    }

    async fn set_quota(&self, SetQuota { user, limit }: SetQuota) -> Result<String, Refused> {
        let before = self.below(&user).await?.quota_limit;
        let entry = self.entry(user.as_str(), &json!({ "limit": limit, "before": before }));
        let audit = entry.id.clone();
        self.hub.store.set_quota_by_staff(&user, limit, entry).await?;
        Ok(audit)
    }
}

/// One of the staff ends this session. The reason stands in the Close frame, or, if it is too
/// long for that, in a notice before it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Kicked {
    pub reason: Option<String>,
}

impl Handler<Kicked> for Session {
    type Result = ();

    fn handle(&mut self, Kicked { reason }: Kicked, ctx: &mut Self::Context) {
        match reason {
            Some(reason) if reason.len() <= CLOSE_REASON => self.outbox.explain(reason),
            Some(text) => {
                let at = self.now().to_rfc3339();
                self.send(&Frame::Notice { text, at }, ctx);
            }
            None => {}
        }
        self.close(Close::Kicked, ctx);
    }
}
