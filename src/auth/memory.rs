//! Sessions with their people, apps and consents, as this node knows them, so that looking one up
//! asks the store nothing.
//!
//! What is here is believed as long as the change log was read within the last second: then nothing
//! that was revoked or changed more than a second ago, on any node, is still here. Without a reader
//! of the log (the command line, a store that is away) every look goes to the store.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use super::{Auth, AuthError, Identity, hash_token, identity, oidc::client::Client};
use crate::{
    domain::{
        clock::{Millis, SECOND},
        ids::{ClientId, SessionId, UserId},
        recent::Recent,
    },
    store::{Change, StoreError, oauth_consents::ConsentRow, sessions::Session, users::User},
};

/// How old the last look at the change log may be.
const BELIEVED: i64 = SECOND;

/// A session with its person, and what was made of both.
#[derive(Debug)]
pub(crate) struct Known {
    pub session: Session,
    pub user: User,
    shown: OnceLock<String>,
}

impl Known {
    fn new((session, user): (Session, User)) -> Self {
        Self { session, user, shown: OnceLock::new() }
    }

    /// What `show` makes of it, made once.
    pub(crate) fn shown(&self, show: impl FnOnce(&Session, &User) -> String) -> &str {
        self.shown.get_or_init(|| show(&self.session, &self.user))
    }

    pub(super) fn identity(&self) -> Identity {
        identity(self.session.clone(), self.user.clone())
    }
}

/// An access token that was made of a session.
#[derive(Debug, Clone)]
struct Made {
    token: Arc<str>,
    user_version: i64,
    renew_at: Millis,
}

pub(super) struct Memory {
    state: Mutex<State>,
    tokens: Mutex<Recent<SessionId, Made>>,
}

struct State {
    /// Up to where the change log was read, and when that was asked for; nothing where nobody
    /// reads it.
    heard: Option<(i64, Millis)>,
    /// Rises with every change.
    generation: u64,
    /// By the hash of a token, or by the session's id.
    known: Recent<String, Arc<Known>>,
    clients: Recent<String, Arc<Client>>,
    consents: Recent<(ClientId, UserId), Arc<ConsentRow>>,
}

impl Memory {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State {
            heard: None,
            generation: 0,
            known: Recent::new(capacity),
            clients: Recent::new(capacity),
            consents: Recent::new(capacity),
        };
        Self { state: Mutex::new(state), tokens: Mutex::new(Recent::new(capacity)) }
    }

    pub(super) fn generation(&self) -> u64 {
        self.state().generation
    }

    /// What is found there, if this node may still believe it.
    fn believed<T>(&self, now: Millis, find: impl FnOnce(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.state();
        let (_, asked_at) = state.heard?;
        if (0..=BELIEVED).contains(&now.since(asked_at)) { find(&mut state) } else { None }
    }

    /// Keeps what was read after `generation` was; not if anything has changed since. A session by
    /// which an admin acts as somebody hangs on that admin too, whom no change of it names.
    fn put(&self, key: String, known: &Arc<Known>, generation: u64) {
        if known.session.impersonated_by.is_some() {
            return;
        }
        self.keep(generation, |state| state.known.insert(key, Arc::clone(known)));
    }

    fn keep(&self, generation: u64, insert: impl FnOnce(&mut State)) {
        let mut state = self.state();
        if state.heard.is_some() && state.generation == generation {
            insert(&mut state);
        }
    }

    fn forget(&self, session: &SessionId) {
        self.state().known.retain(|known| known.session.id != *session);
    }

    fn heard(&self, changes: &[Change], seq: Option<i64>, asked_at: Millis) {
        let mut state = self.state();
        let of = |kinds: &[&str]| -> HashSet<&str> {
            let named = changes.iter().filter(|it| kinds.contains(&it.kind.as_str()));
            named.map(|it| it.subject.as_str()).collect()
        };
        let (sessions, users) = (of(&["session"]), of(&["user", "user_sessions"]));
        let (clients, consents) = (of(&["client"]), of(&["consent"]));
        if [&sessions, &users, &clients, &consents].iter().any(|named| !named.is_empty()) {
            state.generation += 1;
            state.consents.retain(|row| {
                !consents.contains(row.id.as_str())
                    && !clients.contains(row.client_id.as_str())
                    && !users.contains(row.user_id.as_str())
            });
            state.clients.retain(|client| !clients.contains(client.id.as_str()));
            state.known.retain(|known| {
                !sessions.contains(known.session.id.as_str())
                    && !users.contains(known.user.id.as_str())
            });
        }
        let newest = changes.iter().map(|it| it.seq).chain(seq).max().unwrap_or_default();
        let (before, last) = state.heard.unwrap_or((newest, asked_at));
        state.heard = Some((before.max(newest), last.max(asked_at)));
    }

    /// Nothing is believed until the change log is read again.
    fn doubt(&self) {
        let mut state = self.state();
        state.generation += 1;
        state.known.clear();
        state.clients.clear();
        state.consents.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tokens(&self) -> MutexGuard<'_, Recent<SessionId, Made>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a change of the signing keys.
    pub(super) fn forget_tokens(&self) {
        self.tokens().clear();
    }
}

impl Auth {
    /// The session that a token opens, from memory where that is believed.
    pub(crate) async fn known_session(&self, token: &str) -> Result<Arc<Known>, AuthError> {
        let hash = hash_token(token);
        let read = self.store.session_by_hash(&hash);
        self.known(hash.clone(), read).await
    }

    /// [`Auth::by_session_token`] from memory: for what only reads.
    pub(crate) async fn known_by_token(&self, token: &str) -> Result<Identity, AuthError> {
        Ok(self.known_session(token).await?.identity())
    }

    /// A session by its id, from memory where that is believed.
    pub(super) async fn known_by_id(&self, id: &SessionId) -> Result<Arc<Known>, AuthError> {
        let read = self.store.session(id);
        self.known(id.as_str().to_owned(), read).await
    }

    async fn known(
        &self,
        key: String,
        read: impl Future<Output = Result<(Session, User), StoreError>>,
    ) -> Result<Arc<Known>, AuthError> {
        let now = self.clock.now();
        // One that has ended here may have been prolonged elsewhere, which is no change.
        let kept = self.memory.believed(now, |state| state.known.get(&key));
        let kept = kept.filter(|known| known.session.expires_at > now.0);
        if let Some(known) = kept {
            self.check(&known.session, &known.user)?;
            return Ok(known);
        }
        let generation = self.memory.generation();
        let known = Arc::new(Known::new(self.load(read.await).await?));
        self.memory.put(key, &known, generation);
        Ok(known)
    }

    /// The app of this name, unless it is disabled; from memory where that is believed.
    pub(crate) async fn client(&self, id: &str) -> Result<Option<Arc<Client>>, AuthError> {
        let now = self.clock.now();
        if let Some(client) = self.memory.believed(now, |state| state.clients.get(id)) {
            return Ok(Some(client));
        }
        let generation = self.memory.generation();
        let client = match self.store.client(&ClientId::new(id)).await {
            Err(StoreError::NotFound) => return Ok(None),
            Ok(row) if row.disabled => return Ok(None),
            row => Arc::new(Client::read(row?)?),
        };
        let kept = (id.to_owned(), Arc::clone(&client));
        self.memory.keep(generation, |state| state.clients.insert(kept.0, kept.1));
        Ok(Some(client))
    }

    /// What this person has let this app do; from memory where that is believed.
    pub(super) async fn consent(
        &self,
        client: &ClientId,
        user: &UserId,
    ) -> Result<Option<Arc<ConsentRow>>, AuthError> {
        let (key, now) = ((client.clone(), user.clone()), self.clock.now());
        if let Some(row) = self.memory.believed(now, |state| state.consents.get(&key)) {
            return Ok(Some(row));
        }
        let generation = self.memory.generation();
        let row = match self.store.consent(client, user).await {
            Err(StoreError::NotFound) => return Ok(None),
            row => Arc::new(row?),
        };
        let kept = Arc::clone(&row);
        self.memory.keep(generation, |state| state.consents.insert(key, kept));
        Ok(Some(row))
    }

    /// The change log was read up to `seq`, as it stood at `asked_at`: what `changes` names is not
    /// what it was. For the one who reads it all the time.
    pub(crate) fn heard(&self, changes: &[Change], seq: i64, asked_at: Millis) {
        self.memory.heard(changes, Some(seq), asked_at);
    }

    /// The time by which [`Auth::heard`] goes.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Hears of what was changed until now, on this node too: to be awaited between a change and
    /// its answer.
    pub(crate) async fn catch_up(&self) {
        let Some((seq, _)) = self.memory.state().heard else { return };
        let asked_at = self.clock.now();
        match self.store.changes_after(seq).await {
            Ok(changes) => self.memory.heard(&changes, Some(seq), asked_at),
            Err(error) => {
                tracing::warn!(%error, "the change log cannot be read");
                self.memory.doubt();
            }
        }
    }

    /// An access token for the session's own programs: made once a session and version of its
    /// person, and anew when half of its life is over.
    pub(crate) fn session_jwt(&self, known: &Known) -> Result<Arc<str>, AuthError> {
        let (id, now) = (&known.session.id, self.clock.now());
        let kept = self.memory.tokens().get(id);
        if let Some(made) = kept
            && made.user_version == known.user.version
            && made.renew_at > now
        {
            return Ok(made.token);
        }
        let identity = known.identity();
        let token: Arc<str> = self.issue_access_token(&identity)?.into();
        let life = identity.expires.min(now.plus(self.token_life)).since(now);
        let made = Made {
            token: Arc::clone(&token),
            user_version: known.user.version,
            renew_at: now.plus((life / 2).max(SECOND)),
        };
        self.memory.tokens().insert(id.clone(), made);
        Ok(token)
    }

    /// Prolongs the session behind `token` if it is due. Gives it as it is then, if it was.
    pub(crate) async fn renew(
        &self,
        token: &str,
        known: &Known,
    ) -> Result<Option<Arc<Known>>, AuthError> {
        let now = self.clock.now();
        if !self.is_due_for_renewal(&known.session, now) {
            return Ok(None);
        }
        // Another node may have done it.
        let (mut session, user) = self.session_by_token(token).await?;
        if self.is_due_for_renewal(&session, now) {
            let end = now.plus(self.session_life);
            self.store.extend_session(&session.id, end, now).await?;
            (session.expires_at, session.updated_at) = (end.0, now.0);
        }
        self.memory.forget(&session.id);
        Ok(Some(Arc::new(Known::new((session, user)))))
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
