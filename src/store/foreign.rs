//! People whom another issuer vouches for, and their sign-ins. A sign-in of theirs is a session like
//! any other, so that all that ends sessions ends it; what is kept besides is which sign-ins may
//! begin none any more.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accounts::Account,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change, queue_up},
    db::{read, write},
    oauth_logouts::queue_logouts,
    schema::{account, foreign_sign_in, session, spent_nonce, user},
    sessions::{Session, end_session},
    users::User,
};
use crate::domain::{
    clock::{DAY, HOUR, Millis},
    ids::{SessionId, UserId},
    role::Role,
};

/// A foreign token is believed for this long after it was issued, whatever it says. So a closed
/// sign-in can be forgotten this long after it closed.
pub(crate) const LONGEST_TOKEN: i64 = DAY;

/// A person at an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub issuer: String,
    pub subject: String,
}

/// The first sight of a sign-in, maybe of the person too.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub who: Subject,
    pub issued_at: i64,
    /// As she is stored if she is new. Her address is the issuer's word.
    pub person: User,
    /// Her address where that one is taken: nobody is linked by an address.
    pub spare_email: String,
    /// The session's `user_id` is whoever the person turns out to be.
    pub session: Session,
    pub account_id: String,
    /// The names under which this sign-in may have been closed, its own among them.
    pub names: Vec<String>,
    pub event: AuthEvent,
}

impl Arrival {
    fn link(&self, now: Millis) -> Account {
        Account {
            id: self.account_id.clone(),
            account_id: self.who.subject.clone(),
            provider_id: self.who.issuer.clone(),
            user_id: self.person.id.clone(),
            password: None,
            created_at: now.0,
            updated_at: self.issued_at,
        }
    }
}

/// What a newer token says of a person.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub who: Subject,
    pub user: UserId,
    pub issued_at: i64,
    pub name: String,
    pub role: Role,
    pub verified: bool,
    /// If the role is another one.
    pub event: Option<AuthEvent>,
}

/// An issuer's word that sign-ins are over.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    /// The logout token's own name: it counts once.
    pub nonce: String,
    pub nonce_expires: Millis,
    pub issuer: String,
    pub subject: Option<String>,
    /// One sign-in; none: all of the subject.
    pub session: Option<SessionId>,
    /// How the ids begin of sessions whose sign-in the issuer did not name. They end with any
    /// sign-in of the subject, since it may be theirs.
    pub unnamed: &'static str,
    /// What begins no session any more with tokens issued before `closes_at`.
    pub names: Vec<String>,
    pub closes_at: i64,
    pub event: AuthEvent,
}

impl Ending {
    /// Whether the session `id` of `whose` is meant; `owner` is the subject as we know her.
    fn ends(&self, id: &SessionId, whose: &UserId, owner: Option<&UserId>) -> bool {
        let hers = owner == Some(whose);
        if self.subject.is_some() && !hers {
            return false;
        }
        match &self.session {
            None => true,
            Some(named) => id == named || (hers && id.as_str().starts_with(self.unnamed)),
        }
    }
}

/// Closes a sign-in for tokens from before `at`, inside a transaction. It never opens one again.
macro_rules! close_sign_in {
    ($conn:expr, $name:expr, $at:expr) => {{
        let closes_at = foreign_sign_in::closes_at.eq($at);
        diesel::insert_into(foreign_sign_in::table)
            .values((foreign_sign_in::id.eq($name), closes_at))
            .on_conflict_do_nothing()
            .execute($conn)
            .await?;
        let earlier = foreign_sign_in::id.eq($name).and(foreign_sign_in::closes_at.lt($at));
        diesel::update(foreign_sign_in::table.filter(earlier))
            .set(closes_at)
            .execute($conn)
            .await?;
    }};
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// So many sessions ended.
    Sessions(usize),
    /// The same word was heard before.
    Heard,
}

impl Store {
    /// The session that a foreign sign-in has here, expired or not; its person; and when the token
    /// was issued that was last believed about her.
    pub(crate) async fn foreign_session(
        &self,
        id: &SessionId,
        who: &Subject,
    ) -> Result<(Session, User, i64), StoreError> {
        let link = account::provider_id
            .eq(&who.issuer)
            .and(account::account_id.eq(&who.subject))
            .and(account::user_id.eq(session::user_id));
        Ok(read!(self, |conn| session::table
            .inner_join(user::table.on(session::user_id.eq(user::id)))
            .inner_join(account::table.on(link))
            .filter(session::id.eq(id))
            .select((Session::as_select(), User::as_select(), account::updated_at))
            .get_result(conn)
            .await?))
    }

    /// Begins a session, and stores its person if she is new. Says whether it was begun: not if the
    /// sign-in was closed. [`StoreError::Conflict`]: somebody else did it at the same moment.
    pub(crate) async fn begin_foreign_session(
        &self,
        arrival: Arrival,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let link = arrival.link(now);
        write!(self, |conn| {
            queue_up!(conn);
            let Arrival { mut person, mut session, .. } = arrival;
            let closed: i64 = foreign_sign_in::table
                .filter(foreign_sign_in::id.eq_any(&arrival.names))
                .filter(foreign_sign_in::closes_at.gt(arrival.issued_at))
                .count()
                .get_result(conn)
                .await?;
            if closed > 0 {
                return Ok(false);
            }
            let known: Option<(UserId, String)> = account::table
                .inner_join(user::table.on(account::user_id.eq(user::id)))
                .filter(account::provider_id.eq(&link.provider_id))
                .filter(account::account_id.eq(&link.account_id))
                .select((user::id, user::email))
                .get_result(conn)
                .await
                .optional()?;
            let (owner, email) = if let Some(known) = known {
                known
            } else {
                let address = user::table.filter(user::email.eq(&person.email));
                if address.count().get_result::<i64>(conn).await? > 0 {
                    person.email = arrival.spare_email;
                }
                let new = (person.id.clone(), person.email.clone());
                diesel::insert_into(user::table).values(person).execute(conn).await?;
                diesel::insert_into(account::table).values(link).execute(conn).await?;
                new
            };
            let closes_at = foreign_sign_in::closes_at.eq(session.expires_at);
            diesel::insert_into(foreign_sign_in::table)
                .values((foreign_sign_in::id.eq(session.id.as_str()), closes_at))
                .on_conflict(foreign_sign_in::id)
                .do_update()
                .set(closes_at)
                .execute(conn)
                .await?;
            // One that nobody used for so long that it ended by itself.
            let over = session::id.eq(&session.id).and(session::expires_at.le(now.0));
            diesel::delete(session::table.filter(over)).execute(conn).await?;
            session.user_id = owner.clone();
            diesel::insert_into(session::table).values(session).execute(conn).await?;
            note_event!(conn, arrival.event.of(&owner, &email));
            Ok(true)
        })
    }

    /// Believes a token about a person, unless a newer one was believed already.
    pub(crate) async fn believe_claims(
        &self,
        claimed: Claimed,
        now: Millis,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            queue_up!(conn);
            let Claimed { who, user: id, issued_at, name, role, verified, event } = claimed;
            let older = account::provider_id
                .eq(who.issuer)
                .and(account::account_id.eq(who.subject))
                .and(account::updated_at.lt(issued_at));
            let newer = diesel::update(account::table.filter(older))
                .set(account::updated_at.eq(issued_at))
                .execute(conn)
                .await?;
            if newer == 0 {
                return Ok(());
            }
            diesel::update(user::table.filter(user::id.eq(&id)))
                .set((
                    user::name.eq(name),
                    user::role.eq(role),
                    user::email_verified.eq(verified),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            if let Some(event) = event {
                note_event!(conn, event);
            }
            Ok(())
        })
    }

    /// Prolongs a session, and with it the time for which its sign-in is remembered.
    pub(crate) async fn extend_foreign_session(
        &self,
        id: &SessionId,
        expires_at: Millis,
        now: Millis,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        write!(self, |conn| {
            let found = diesel::update(session::table.filter(session::id.eq(&id)))
                .set((session::expires_at.eq(expires_at.0), session::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            // Not of one that was ended meanwhile.
            if found == 1 {
                diesel::update(foreign_sign_in::table.filter(foreign_sign_in::id.eq(id.as_str())))
                    .set(foreign_sign_in::closes_at.eq(expires_at.0))
                    .execute(conn)
                    .await?;
            }
            Ok(())
        })
    }

    /// Ends sign-ins at their issuer's word, once. Every node is told.
    pub(crate) async fn end_foreign_sessions(&self, ending: Ending) -> Result<Ended, StoreError> {
        let now = ending.event.at();
        write!(self, |conn| {
            queue_up!(conn);
            let nonce = spent_nonce::nonce.eq(&ending.nonce);
            let spent = diesel::insert_into(spent_nonce::table)
                .values((nonce, spent_nonce::expires_at.eq(ending.nonce_expires.0)))
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
            if spent == 0 {
                return Ok(Ended::Heard);
            }
            for name in &ending.names {
                close_sign_in!(conn, name, ending.closes_at);
            }
            let owner: Option<UserId> = account::table
                .filter(account::provider_id.eq(&ending.issuer))
                .filter(account::account_id.eq(ending.subject.as_deref().unwrap_or_default()))
                .select(account::user_id)
                .get_result(conn)
                .await
                .optional()?;
            let nobody = (SessionId::new(""), UserId::new(""));
            let named = ending.session.as_ref().unwrap_or(&nobody.0);
            let of = owner.as_ref().unwrap_or(&nobody.1);
            let mut over: Vec<(SessionId, UserId)> = session::table
                .filter(session::id.eq(named).or(session::user_id.eq(of)))
                .select((session::id, session::user_id))
                .load(conn)
                .await?;
            over.retain(|(id, of)| ending.ends(id, of, owner.as_ref()));
            // Before any ends: a grant that does not hang on its sign-in may end first.
            let sids: Vec<String> = over.iter().map(|(id, _)| id.as_str().to_owned()).collect();
            if let [(_, owner), ..] = over.as_slice() {
                queue_logouts!(conn, owner, session::browser_sid.eq_any(sids), now);
            }
            for (id, _) in &over {
                end_session!(conn, id, now);
            }
            let count = over.len();
            if let Some((_, owner)) = over.pop() {
                let email: String = user::table
                    .filter(user::id.eq(&owner))
                    .select(user::email)
                    .get_result(conn)
                    .await?;
                note_event!(conn, ending.event.of(&owner, &email));
            }
            Ok(Ended::Sessions(count))
        })
    }

    /// Forgets sign-ins whose tokens are all dead.
    pub(crate) async fn forget_foreign_sign_ins(&self, now: Millis) -> Result<usize, StoreError> {
        let before = now.plus(-LONGEST_TOKEN - HOUR);
        write!(self, |conn| Ok(diesel::delete(
            foreign_sign_in::table.filter(foreign_sign_in::closes_at.lt(before.0))
        )
        .execute(conn)
        .await?))
    }
}

#[cfg(test)]
mod tests;
