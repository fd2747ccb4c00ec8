//! What apps may do in a person's name. A grant is a session, so that all that ends sessions ends it;
//! its refresh tokens are kept until they expire, so that one used twice is known. Codes are redeemed
//! and refresh tokens exchanged in one transaction each, of which every database lets exactly one win.
//!
//! A code names the session that its grant will be: it is spent while that is there. Once it has ended,
//! `oauth_ended_grant` has its name for as long as somebody may have the code.
//!
//! Each of these takes hold of what it needs in the order of `changes::queue_up`: the person and the
//! app, so that neither is removed meanwhile; the session; then what hangs on it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::queue_up,
    db::{look, write},
    dialect::Keeper,
    schema::{oauth_ended_grant, oauth_refresh, oauth_request, session, user},
    sessions::{Session, end_session},
    users::User,
};
use crate::domain::{
    clock::Millis,
    ids::{ClientId, SessionId},
    oidc::scope::Scopes,
};

/// What the session of a grant has beyond others. It hangs on the sign-in in the browser unless it
/// outlives that.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = session, treat_none_as_default_value = false)]
pub(crate) struct GrantRow {
    /// The sign-in in the browser, which all apps of it share. It may be gone.
    #[diesel(select_expression = session::browser_sid.assume_not_null())]
    pub browser_sid: SessionId,
    /// A [`crate::domain::oidc::granted::Granted`] as JSON.
    #[diesel(select_expression = session::granted.assume_not_null())]
    pub granted: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_refresh, treat_none_as_default_value = false)]
pub(crate) struct RefreshRow {
    /// SHA-256 of the token, lower-case hex, perhaps with its time in front.
    pub hash: String,
    pub session_id: SessionId,
    pub expires_at: i64,
    pub created_at: i64,
    pub used_at: Option<i64>,
    /// The answer that it was exchanged for, sealed, for as long as it may be sent again.
    pub replay: Option<String>,
    pub replay_until: Option<i64>,
}

/// A code that is about to be redeemed, for the session that it names.
#[derive(Debug, Clone)]
pub(crate) struct Redeemed {
    pub expires_at: i64,
    /// What the person must still agree to; none where nobody asks her.
    pub agreed: Option<Scopes>,
}

/// A grant that is about to begin.
#[derive(Debug, Clone)]
pub(crate) struct NewGrant {
    /// It has a `client_id`.
    pub session: Session,
    pub grant: GrantRow,
    pub refresh: Option<RefreshRow>,
}

/// A refresh token with all that it opens.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub token: RefreshRow,
    pub grant: GrantRow,
    pub session: Session,
    pub user: User,
}

impl Held {
    /// Whether it was given to this app.
    pub(crate) fn is_of(&self, client: &ClientId) -> bool {
        self.session.client_id.as_ref() == Some(client)
    }
}

/// One refresh token for another.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// The hash of the one that is used up.
    pub used: String,
    /// The answer, sealed, and until when it may be sent again.
    pub replay: Option<(String, Millis)>,
    /// Its `expires_at` is the grant's new end.
    pub next: RefreshRow,
}

/// Keeps the names of grants that are about to end, out of these sessions, inside a transaction: codes
/// of them may still be about. One that is older has none.
macro_rules! note_ended_grants {
    ($conn:expr, $sessions:expr, $now:expr) => {{
        use $crate::{
            domain::clock::{HOUR, Millis},
            store::schema::{oauth_ended_grant, session},
        };
        let now: Millis = $now;
        let young =
            session::browser_sid.is_not_null().and(session::created_at.gt(now.plus(-HOUR).0));
        let until = now.plus(HOUR).0.into_sql::<diesel::sql_types::BigInt>();
        diesel::insert_into(oauth_ended_grant::table)
            .values(
                session::table
                    .filter(session::id.eq_any($sessions).and(young))
                    .select((session::id, until)),
            )
            .on_conflict_do_nothing()
            .execute($conn)
            .await?;
    }};
}
pub(super) use note_ended_grants;

/// Whether there was a grant of this name that has ended, inside a transaction.
macro_rules! ended {
    ($conn:expr, $id:expr) => {
        match $id {
            None => false,
            Some(id) => {
                diesel::select(diesel::dsl::exists(oauth_ended_grant::table.find(id)))
                    .get_result($conn)
                    .await?
            }
        }
    };
}

impl Store {
    /// Begins a grant, in place of `code` if there is one. Says whether it was begun: not if the
    /// code was redeemed before or has expired, not if the sign-in is over that it comes from, its
    /// person or app is gone, and not if she has changed her mind.
    pub(crate) async fn begin_grant(
        &self,
        code: Option<Redeemed>,
        new: NewGrant,
        now: Millis,
    ) -> Result<bool, StoreError> {
        if code.as_ref().is_some_and(|code| code.expires_at <= now.0) {
            return Ok(false);
        }
        let begun: Result<(), StoreError> = write!(self, |conn| {
            let NewGrant { session, grant, refresh } = new;
            let client = session.client_id.as_ref().ok_or(StoreError::NotFound)?;
            let of = (&session.user_id, client);
            let consent = conn.keep_sign_in(of, &grant.browser_sid, now).await?;
            let consent = consent.ok_or(StoreError::NotFound)?;
            let id = code.is_some().then(|| session.id.clone());
            if let Some(agreed) = code.and_then(|code| code.agreed) {
                let stands = consent.and_then(|scope| Scopes::parse(&scope).ok());
                if !stands.is_some_and(|stands| agreed.is_within(&stands)) {
                    return Err(StoreError::NotFound);
                }
            }
            diesel::insert_into(session::table).values((session, grant)).execute(conn).await?;
            // Only now, when whoever was about to end it has done so.
            if ended!(conn, id) {
                return Err(StoreError::NotFound);
            }
            if let Some(refresh) = refresh {
                diesel::insert_into(oauth_refresh::table).values(refresh).execute(conn).await?;
            }
            Ok(())
        });
        match begun {
            // It conflicts with itself where it was begun before.
            Err(StoreError::NotFound | StoreError::Conflict(_)) => Ok(false),
            begun => begun.map(|()| true),
        }
    }

    /// A refresh token, used or not, expired or not.
    pub(crate) async fn refresh_token(&self, hash: &str) -> Result<Held, StoreError> {
        let (token, grant, session, user) = look!(self, |conn| oauth_refresh::table
            .inner_join(session::table.on(oauth_refresh::session_id.eq(session::id)))
            .inner_join(user::table.on(session::user_id.eq(user::id)))
            .filter(oauth_refresh::hash.eq(hash))
            .select((
                RefreshRow::as_select(),
                GrantRow::as_select(),
                Session::as_select(),
                User::as_select(),
            ))
            .get_result(conn)
            .await?);
        Ok(Held { token, grant, session, user })
    }

    /// Gives one refresh token for another, and moves the grant's end on. Says whether it did: not
    /// if the token was used meanwhile or the grant has ended.
    pub(crate) async fn exchange_refresh(
        &self,
        exchange: Exchange,
        now: Millis,
    ) -> Result<bool, StoreError> {
        write!(self, |conn| {
            let Exchange { used, replay, next } = exchange;
            let stands = diesel::update(session::table.filter(session::id.eq(&next.session_id)))
                .set((session::expires_at.eq(next.expires_at), session::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            let unused = oauth_refresh::hash
                .eq(used)
                .and(oauth_refresh::used_at.is_null())
                .and(oauth_refresh::expires_at.gt(now.0));
            let (replay, until) = replay.map(|(text, until)| (text, until.0)).unzip();
            let won = diesel::update(oauth_refresh::table.filter(unused))
                .set((
                    oauth_refresh::used_at.eq(Some(now.0)),
                    oauth_refresh::replay.eq(replay),
                    oauth_refresh::replay_until.eq(until),
                ))
                .execute(conn)
                .await?;
            if stands == 0 || won == 0 {
                return Ok(false);
            }
            diesel::insert_into(oauth_refresh::table).values(next).execute(conn).await?;
            Ok(true)
        })
    }

    /// Ends a grant, on every node within a second. Says whether there was one; the event is
    /// written only then.
    pub(crate) async fn end_grant(
        &self,
        id: &SessionId,
        event: AuthEvent,
    ) -> Result<bool, StoreError> {
        let (id, now) = (id.clone(), event.at());
        write!(self, |conn| {
            queue_up!(conn);
            let grant = session::id.eq(&id).and(session::browser_sid.is_not_null());
            let there: i64 = session::table.filter(grant).count().get_result(conn).await?;
            if there > 0 {
                end_session!(conn, &id, now);
                note_event!(conn, event);
            }
            Ok(there > 0)
        })
    }

    /// Removes names of ended grants, refresh tokens and requests that nobody can use any more.
    pub(crate) async fn forget_grants(&self, now: Millis) -> Result<usize, StoreError> {
        // One after the other: who removes a person takes them in another order.
        let ended: Result<usize, StoreError> = write!(self, |conn| {
            let over = oauth_ended_grant::expires_at.lt(now.0);
            Ok(diesel::delete(oauth_ended_grant::table.filter(over)).execute(conn).await?)
        });
        let tokens: Result<usize, StoreError> = write!(self, |conn| {
            let over = oauth_refresh::expires_at.lt(now.0);
            Ok(diesel::delete(oauth_refresh::table.filter(over)).execute(conn).await?)
        });
        let requests: Result<usize, StoreError> = write!(self, |conn| {
            let over = oauth_request::expires_at.lt(now.0);
            Ok(diesel::delete(oauth_request::table.filter(over)).execute(conn).await?)
        });
        Ok(ended? + tokens? + requests?)
    }
}

#[cfg(test)]
mod tests;
