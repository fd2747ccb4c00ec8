//! What apps may do in a person's name. A grant is a session and a row beside it, so that all that
//! ends sessions ends it; its refresh tokens are kept until they expire, so that one used twice is
//! known. Codes are redeemed and refresh tokens exchanged in one transaction each, of which every
//! database lets exactly one win.
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
    schema::{oauth_grant, oauth_refresh, oauth_request, oauth_spent_code, session, user},
    sessions::{Session, end_session},
    users::User,
};
use crate::domain::{
    clock::{HOUR, Millis},
    ids::{ClientId, SessionId, UserId},
    oidc::scope::Scopes,
};

/// A code that comes once more within this time still ends the grant that it became.
const CODES_KEPT: i64 = HOUR;

/// What stands beside the session of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_grant)]
pub(crate) struct GrantRow {
    pub session_id: SessionId,
    pub client_id: ClientId,
    pub user_id: UserId,
    /// The sign-in in the browser, which all apps of it share. It may be gone.
    pub browser_sid: SessionId,
    /// Whether it outlives that sign-in.
    pub offline: bool,
    /// A [`crate::domain::oidc::granted::Granted`] as JSON.
    pub granted: String,
    pub created_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_refresh)]
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

/// A code that is about to be redeemed.
#[derive(Debug, Clone)]
pub(crate) struct Redeemed {
    pub id: String,
    pub expires_at: i64,
    /// What the person must still agree to; none where nobody asks her.
    pub agreed: Option<Scopes>,
}

/// A grant that is about to begin.
#[derive(Debug, Clone)]
pub(crate) struct NewGrant {
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
        write!(self, |conn| {
            let NewGrant { session, grant, refresh } = new;
            let of = (&grant.user_id, &grant.client_id);
            let Some(consent) = conn.keep_sign_in(of, &grant.browser_sid, now).await? else {
                return Ok(false);
            };
            if let Some(Redeemed { id, expires_at, agreed }) = code {
                if let Some(agreed) = agreed {
                    let stands = consent.and_then(|scope| Scopes::parse(&scope).ok());
                    if !stands.is_some_and(|stands| agreed.is_within(&stands)) {
                        return Ok(false);
                    }
                }
                let spent = (
                    oauth_spent_code::id.eq(id),
                    oauth_spent_code::grant_sid.eq(&grant.session_id),
                    oauth_spent_code::expires_at.eq(expires_at),
                );
                let won = diesel::insert_into(oauth_spent_code::table)
                    .values(spent)
                    .on_conflict(oauth_spent_code::id)
                    .do_nothing()
                    .execute(conn)
                    .await?;
                if won == 0 {
                    return Ok(false);
                }
            }
            diesel::insert_into(session::table).values(session).execute(conn).await?;
            diesel::insert_into(oauth_grant::table).values(grant).execute(conn).await?;
            if let Some(refresh) = refresh {
                diesel::insert_into(oauth_refresh::table).values(refresh).execute(conn).await?;
            }
            Ok(true)
        })
    }

    /// The session of the grant that a code became; none if it was not redeemed.
    pub(crate) async fn redeemed_to(&self, code: &str) -> Result<Option<SessionId>, StoreError> {
        Ok(look!(self, |conn| oauth_spent_code::table
            .filter(oauth_spent_code::id.eq(code))
            .select(oauth_spent_code::grant_sid)
            .get_result(conn)
            .await
            .optional()?))
    }

    /// A refresh token, used or not, expired or not.
    pub(crate) async fn refresh_token(&self, hash: &str) -> Result<Held, StoreError> {
        let (token, grant, session, user) = look!(self, |conn| oauth_refresh::table
            .inner_join(
                oauth_grant::table.on(oauth_refresh::session_id.eq(oauth_grant::session_id))
            )
            .inner_join(session::table.on(oauth_refresh::session_id.eq(session::id)))
            .inner_join(user::table.on(oauth_grant::user_id.eq(user::id)))
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
            let there: i64 = oauth_grant::table
                .filter(oauth_grant::session_id.eq(&id))
                .count()
                .get_result(conn)
                .await?;
            if there > 0 {
                end_session!(conn, &id, now);
                note_event!(conn, event);
            }
            Ok(there > 0)
        })
    }

    /// Removes codes, refresh tokens and requests that nobody can use any more.
    pub(crate) async fn forget_grants(&self, now: Millis) -> Result<usize, StoreError> {
        // One after the other: who removes a person takes them in another order.
        let codes: Result<usize, StoreError> = write!(self, |conn| {
            let over = oauth_spent_code::expires_at.lt(now.plus(-CODES_KEPT).0);
            Ok(diesel::delete(oauth_spent_code::table.filter(over)).execute(conn).await?)
        });
        let tokens: Result<usize, StoreError> = write!(self, |conn| {
            let over = oauth_refresh::expires_at.lt(now.0);
            Ok(diesel::delete(oauth_refresh::table.filter(over)).execute(conn).await?)
        });
        let requests: Result<usize, StoreError> = write!(self, |conn| {
            let over = oauth_request::expires_at.lt(now.0);
            Ok(diesel::delete(oauth_request::table.filter(over)).execute(conn).await?)
        });
        Ok(codes? + tokens? + requests?)
    }
}

#[cfg(test)]
mod tests;
