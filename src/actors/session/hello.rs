//! The beginning and the end of a membership: hello and welcome, new tokens, revocation.

use std::{collections::BTreeMap, sync::Arc};

use actix::prelude::*;

use super::{Hub, Member, Proof, Session, Step, Transport, cursor::Cursor, snapshot};
use crate::{
    actors::presence,
    auth::{AuthError, Identity},
    course::CourseError,
    domain::{
        clock::{MINUTE, Millis, SECOND},
        close::Close,
        code::Code,
        ids::{ConnectionId, CourseId, StayId, ThreadId},
        live::{
            frame::{Error, Frame, Mode, Resumed, TutorKind, Welcome, Who},
            limits,
            request::{Auth, Hello, Page, Resume},
        },
        quota::Quota,
        resume::{Plan, plan},
        stage::Stage,
    },
    store::StoreError,
};

/// A token's end is announced this long before, and tolerated this long after.
const ASK_BEFORE: i64 = MINUTE;
const TOLERATE: i64 = 30 * SECOND;

impl Session {
    pub(super) fn greet(&mut self, id: u32, hello: Hello, ctx: &mut Context<Self>) {
        let Some(proof) = self.proof.take() else { return };
        if hello.resume.len() > self.hub.limits.open_threads {
            return self.close(Close::BadFrame, ctx);
        }
        self.working = true;
        let generation = self.hub.auth.generation();
        let greeting = Greeting {
            hub: Arc::clone(&self.hub),
            connection: self.connection.clone(),
            session: ctx.address(),
        };
        let step = async move { greeting.answer(id, proof, hello).await };
        ctx.spawn(step.into_actor(self).map(move |step, this, ctx| {
            this.working = false;
            step(this, ctx);
            // A revocation between our look and the registry's knowing of us told nobody.
            if this.hub.auth.generation() != generation {
                this.recheck(ctx);
            }
            this.work(ctx);
        }));
    }

    /// Asks for a new token before the old one ends, and closes after it.
    pub(super) fn watch_expiry(&mut self, now: Millis, ctx: &mut Context<Self>) {
        let Some(member) = &mut self.member else { return };
        let left = member.identity.expires.since(now);
        if left < -TOLERATE {
            return self.close(Close::TokenExpired, ctx);
        }
        if left <= ASK_BEFORE && !std::mem::replace(&mut member.asked_for_token, true) {
            let expires = member.identity.expires.to_rfc3339();
            self.send(&Frame::Auth { expires }, ctx);
        }
    }

    /// Looks at the person and the sign-in again.
    pub(super) fn recheck(&mut self, ctx: &mut Context<Self>) {
        let Some(member) = &self.member else { return };
        let (hub, identity) = (Arc::clone(&self.hub), member.identity.clone());
        let look = async move {
            let fresh = hub.auth.refreshed(&identity).await?;
            let stages = hub.courses.stages_of(&fresh.user.id, fresh.user.role).await;
            Ok::<_, AuthError>((fresh, stages))
        };
        ctx.spawn(look.into_actor(self).map(|fresh, this, ctx| match fresh {
            Ok((identity, Ok(stages))) => this.renew(identity, stages, ctx),
            Ok((_, Err(error))) => {
                tracing::warn!(%error, "a person's stages cannot be looked up");
                this.close(Close::StoreUnavailable, ctx);
            }
            Err(AuthError::Banned) => this.close(Close::Banned, ctx),
            Err(AuthError::NotSignedIn | AuthError::BadToken) => {
                this.close(Close::SessionRevoked, ctx);
            }
            // Trusting what may be revoked is worse than a reconnect.
            Err(error) => {
                tracing::warn!(%error, "a changed person cannot be looked up");
                this.close(Close::StoreUnavailable, ctx);
            }
        }));
    }

    fn renew(
        &mut self,
        identity: Identity,
        stages: BTreeMap<CourseId, u8>,
        ctx: &mut Context<Self>,
    ) {
        let Some(member) = &mut self.member else { return };
        let role = identity.user.role;
        let news = member.identity.user.role != role || member.stages != stages;
        member.identity = identity;
        member.stages.clone_from(&stages);
        if news {
            self.send(&Frame::You { role, stages }, ctx);
        }
        self.check_watches(ctx);
    }

    pub(super) async fn new_token(hub: Arc<Hub>, id: u32, auth: Auth, of: Identity) -> Step {
        let fresh = hub.auth.by_bearer(&auth.token).await;
        Box::new(move |this, ctx| match fresh {
            Ok(fresh) if fresh.user.id == of.user.id && fresh.session == of.session => {
                let expires = fresh.expires.to_rfc3339();
                if let Some(member) = &mut this.member {
                    member.identity = fresh;
                    member.asked_for_token = false;
                }
                this.ok(id, serde_json::json!({ "expires": expires }), ctx);
            }
            Err(AuthError::Store(StoreError::Unavailable(_)) | AuthError::IssuerAway) => {
                this.close(Close::StoreUnavailable, ctx);
            }
            _ => this.close(Close::TokenInvalid, ctx),
        })
    }
}

/// What the answer to a hello is made with.
struct Greeting {
    hub: Arc<Hub>,
    connection: ConnectionId,
    session: Addr<Session>,
}

impl Greeting {
    async fn answer(self, id: u32, proof: Proof, hello: Hello) -> Step {
        let identity = match self.identify(proof, hello.token.as_deref()).await {
            Ok(identity) => identity,
            Err(close) => return Box::new(move |this, ctx| this.close(close, ctx)),
        };
        match self.welcome(id, identity, hello).await {
            Ok(step) => step,
            Err(error) => {
                tracing::warn!(%error, "a hello cannot be answered");
                Box::new(|this, ctx| this.close(Close::StoreUnavailable, ctx))
            }
        }
    }

    async fn identify(&self, proof: Proof, token: Option<&str>) -> Result<Identity, Close> {
        let known = match (proof, token) {
            (Proof::Refused(close), _) => return Err(close),
            (Proof::Known(identity), _) => self.hub.auth.refreshed(&identity).await,
            (Proof::None, Some(token)) => self.hub.auth.by_bearer(token).await,
            (Proof::None, None) => return Err(Close::TokenInvalid),
        };
        known.map_err(|error| match error {
            AuthError::Banned => Close::Banned,
            AuthError::NotSignedIn | AuthError::BadToken => Close::TokenInvalid,
            AuthError::Overloaded => Close::Overloaded,
            AuthError::Store(_) | AuthError::IssuerAway | AuthError::Broken(_) => {
                Close::StoreUnavailable
            }
        })
    }

    async fn welcome(self, id: u32, identity: Identity, hello: Hello) -> Result<Step, CourseError> {
        let hub = Arc::clone(&self.hub);
        let Hello { session: stay, page, resume, .. } = hello;
        let user = &identity.user;
        let (page, page_error) = read_page(&hub, &identity, page).await;
        let quota = quota_of(&hub, &identity).await?;
        let stages = hub.courses.stages_of(&user.id, user.role).await?;
        let (stay, sessions) = self.arrive(&identity, stay).await;
        Ok(Box::new(move |this, ctx| {
            this.leave_the_silent();
            let frame = Welcome {
                id,
                session: stay.clone(),
                connection: this.connection.clone(),
                node: this.hub.node.clone(),
                user: Who {
                    id: identity.user.id.clone(),
                    name: identity.user.name.clone(),
                    role: identity.user.role,
                    stages: stages.clone(),
                },
                expires: identity.expires.to_rfc3339(),
                heartbeat: this.hub.live.heartbeat_s,
                max_frame: limits::MESSAGE,
                quota,
                tutor: TutorKind { kind: this.hub.tutor_kind },
                page_error,
            };
            let asked_for_token = false;
            this.member = Some(Member { identity, stay, page, stages, asked_for_token });
            this.hub.metrics.session_began(this.transport.as_str());
            let user = frame.user.id.clone();
            this.send(&Frame::Welcome(Box::new(frame)), ctx);
            // Whoever is alone need not be told so.
            if sessions > 1 {
                this.send(&Frame::Presence { user, sessions }, ctx);
            }
            this.resumes = resume.into();
            let now = this.now();
            this.report(now, ctx);
        }))
    }

    async fn arrive(&self, identity: &Identity, stay: Option<StayId>) -> (StayId, usize) {
        let arrive = presence::Arrive {
            stay,
            user: identity.user.id.clone(),
            connection: self.connection.clone(),
            socket: self.session.clone().into(),
        };
        match self.hub.presence.send(arrive).await {
            Ok(arrived) => arrived,
            // Presence is away: this socket is a stay of its own.
            Err(_) => (StayId::new(self.connection.as_str()), 1),
        }
    }
}

impl Session {
    /// Brings a client that has part of a thread up to date (`live.md` §2.1).
    pub(super) fn resume(
        &mut self,
        have: Resume,
        loaded: Result<snapshot::Loaded, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        let Resume { thread, epoch, seq } = have;
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return self.lose(&thread, &error, ctx),
        };
        if loaded.snapshot.turn.is_some() {
            // Its owner may be dead.
            self.hub.look_for_orphans();
        }
        let Plan { mode, reason } = plan(&loaded.have(), epoch.as_ref(), seq);
        let theirs = seq.unwrap_or_default();
        let (first, at) = match mode {
            Mode::Replay => (Some(theirs + 1), theirs),
            // It may have more than the store.
            Mode::Current => (None, theirs.max(loaded.seq)),
            Mode::Snapshot | Mode::Reset => (None, loaded.seq),
        };
        let whole = matches!(mode, Mode::Snapshot | Mode::Reset);
        self.hub.metrics.resumed(mode.as_str());
        let resumed = Resumed {
            thread: thread.clone(),
            epoch: loaded.epoch.clone(),
            mode,
            first,
            seq: (!whole).then_some(at.max(loaded.seq)),
            reason,
        };
        self.send(&Frame::Resumed(resumed), ctx);
        if whole {
            self.send(&Frame::Snapshot(Box::new(loaded.snapshot)), ctx);
        }
        self.cursors.insert(thread.clone(), Cursor::at(loaded.epoch, at));
        self.follow(thread.clone(), ctx.address());
        self.pump(&thread, ctx);
    }

    /// A thread that does not exist is no longer followed, and the socket lives. One that cannot be
    /// read just now ends the socket: the client comes back with what it has, and loses nothing.
    pub(super) fn lose(&mut self, thread: &ThreadId, error: &StoreError, ctx: &mut Context<Self>) {
        if !matches!(error, StoreError::NotFound) {
            return self.close(Close::StoreUnavailable, ctx);
        }
        self.cursors.remove(thread);
        self.unfollow(thread);
        let message = "This conversation does not exist.";
        let error =
            Error { thread: Some(thread.clone()), ..Error::new(None, Code::NotFound, message) };
        self.refuse(error, ctx);
        if self.transport == Transport::Sse {
            // It was for this thread alone.
            self.close(Close::Normal, ctx);
        }
    }

    pub(super) fn unfollow(&self, thread: &ThreadId) {
        let threads = vec![thread.clone()];
        let connection = self.connection.clone();
        let unfollow = crate::actors::relay::Unfollow { threads, connection };
        if self.hub.relay.try_send(unfollow).is_err() {
            tracing::debug!("the relay is full; wakes for a closed thread are ignored");
        }
    }
}

/// Subscribes to a thread before it is read, so that nothing falls between.
pub(super) async fn follow(
    hub: &Hub,
    connection: &ConnectionId,
    thread: &ThreadId,
    session: &Addr<Session>,
) {
    let (thread, connection) = (thread.clone(), connection.clone());
    let follow = crate::actors::relay::Follow { thread, connection, session: session.clone() };
    if hub.relay.send(follow).await.is_err() {
        tracing::warn!("the relay is away; a session follows again with its next report");
    }
}

/// The page that a client names, if it is one that this person may see.
pub(super) async fn read_page(
    hub: &Hub,
    identity: &Identity,
    page: Option<serde_json::Value>,
) -> (Option<Page>, Option<String>) {
    let Some(page) = page.filter(|page| !page.is_null()) else { return (None, None) };
    let page: Page = match serde_json::from_value(page) {
        Ok(page) => page,
        Err(error) => return (None, Some(error.to_string())),
    };
    if may_see(hub, identity, &page).await {
        (Some(page), None)
    } else {
        (None, Some("this page is not open to you".to_owned()))
    }
}

/// Whether the course and the lesson of a page are open to this person.
pub(super) async fn may_see(hub: &Hub, identity: &Identity, page: &Page) -> bool {
    let (id, role) = (&identity.user.id, identity.user.role);
    match &page.lesson {
        Some(lesson) => hub.courses.page(id, role, (&page.course, lesson), None).await.is_ok(),
        None => hub
            .courses
            .allowed(id, role, &page.course)
            .await
            .is_ok_and(|allowed| allowed.contains(Stage::FIRST)),
    }
}

pub(super) fn limit_of(hub: &Hub, identity: &Identity) -> Option<i64> {
    let user = &identity.user;
    if user.role.is_staff() {
        return None;
    }
    let default = i64::from(hub.limits.messages_per_day);
    Some(user.quota_limit.map_or(default, i64::from))
}

pub(super) async fn quota_of(hub: &Hub, identity: &Identity) -> Result<Quota, StoreError> {
    let used = hub.store.quota_used(&identity.user.id, hub.clock.now()).await?;
    Ok(used.quota(limit_of(hub, identity)))
}
