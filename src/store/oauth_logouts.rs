//! Logout tokens that apps are still to be sent (OpenID Connect Back-Channel Logout 1.0). Each is
//! written down in the transaction that ends a sign-in, so that a crash loses none. Whoever sends
//! one claims it first, so that two nodes do not both; a claim ends by itself, so that none is lost
//! with a node.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    dialect::lease_time,
    schema::oauth_logout,
};
use crate::domain::{
    clock::{Millis, SECOND},
    ids::{ClientId, SessionId, UserId},
    oidc::client::Metadata,
};

/// How far a node's clock may be behind the database's.
const SKEW: i64 = 10 * SECOND;

/// One app that is to hear of the end of one sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_logout, treat_none_as_default_value = false)]
pub(crate) struct LogoutRow {
    /// Made of the sign-in and the app, so that the same end is told once.
    pub id: String,
    pub client_id: ClientId,
    /// Whose sign-in. The account may be gone.
    pub subject: UserId,
    pub browser_sid: Option<SessionId>,
    /// How often somebody set out to send it. Names the claim as well.
    pub tries: i32,
    pub due_at: i64,
    pub created_at: i64,
}

/// Of what apps registered (as JSON), those that want to be told, for the sign-ins that end.
pub(super) fn to_be_told(
    ended: Vec<(ClientId, UserId, SessionId)>,
    clients: &[(ClientId, String)],
    now: Millis,
) -> Vec<LogoutRow> {
    let wants = |text: &str| {
        serde_json::from_str::<Metadata>(text).is_ok_and(|it| it.backchannel_logout_uri.is_some())
    };
    let told: Vec<&ClientId> =
        clients.iter().filter(|(_, text)| wants(text)).map(|(id, _)| id).collect();
    let ended = ended.into_iter().filter(|(client, ..)| told.contains(&client));
    ended
        .map(|(client_id, subject, sid)| LogoutRow {
            id: format!("{sid} {client_id}"),
            client_id,
            subject,
            browser_sid: Some(sid),
            tries: 0,
            // At once, whatever the clocks of nodes say.
            due_at: 0,
            created_at: now.0,
        })
        .collect()
}

/// Queues a logout token, inside a transaction, for each app that holds one of the grants of `$owner`
/// that `$which` (of `session`) names, and that wants to be told. Stands before whatever ends the
/// sign-ins, since their grants go with them. It looks at all sessions of the person: an index by sign-in
/// would be written with each grant.
macro_rules! queue_logouts {
    ($conn:expr, $owner:expr, $which:expr, $now:expr) => {{
        use $crate::{
            domain::ids::{ClientId, SessionId, UserId},
            store::{
                oauth_logouts::to_be_told,
                schema::{oauth_client, oauth_logout, session},
            },
        };
        let (app, sid) = (session::client_id, session::browser_sid);
        let ended: Vec<(ClientId, UserId, SessionId)> = session::table
            .filter(session::user_id.eq($owner).and($which))
            .filter(app.is_not_null().and(sid.is_not_null()))
            .select((app.assume_not_null(), session::user_id, sid.assume_not_null()))
            .distinct()
            .load($conn)
            .await?;
        if !ended.is_empty() {
            let named: Vec<String> =
                ended.iter().map(|(client, ..)| client.as_str().to_owned()).collect();
            let clients: Vec<(ClientId, String)> = oauth_client::table
                .filter(oauth_client::id.eq_any(named).and(oauth_client::disabled.eq(false)))
                .select((oauth_client::id, oauth_client::metadata))
                .load($conn)
                .await?;
            for row in to_be_told(ended, &clients, $now) {
                diesel::insert_into(oauth_logout::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute($conn)
                    .await?;
            }
        }
    }};
}
pub(super) use queue_logouts;

impl Store {
    /// Takes up to `most` that are due, to be sent within `lease` milliseconds: after that another
    /// may take them. Nobody else gets one of them meanwhile.
    pub(crate) async fn claim_logouts(
        &self,
        most: i64,
        lease: i64,
        now: Millis,
    ) -> Result<Vec<LogoutRow>, StoreError> {
        let by_database = self.database_time;
        write!(self, |conn| {
            let now = lease_time!(by_database, conn, now);
            let due = || oauth_logout::due_at.le(now.0);
            let ids: Vec<String> = oauth_logout::table
                .filter(due())
                .order((oauth_logout::due_at, oauth_logout::id))
                .limit(most)
                .select(oauth_logout::id)
                .load(conn)
                .await?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            // Asked again: another node may have taken one since.
            let taken = oauth_logout::table.filter(oauth_logout::id.eq_any(ids).and(due()));
            let taken: Vec<LogoutRow> = diesel::update(taken)
                .set((
                    oauth_logout::due_at.eq(now.plus(lease).0),
                    oauth_logout::tries.eq(oauth_logout::tries + 1),
                ))
                .returning(LogoutRow::as_returning())
                .get_results(conn)
                .await?;
            Ok::<_, StoreError>(taken)
        })
    }

    /// Whether any may be due: asked often, and answered without a transaction.
    pub(crate) async fn has_logouts(&self, now: Millis) -> Result<bool, StoreError> {
        let soon = now.plus(SKEW).0;
        let first: Option<String> = read!(self, |conn| oauth_logout::table
            .filter(oauth_logout::due_at.le(soon))
            .select(oauth_logout::id)
            .first(conn)
            .await
            .optional()?);
        Ok(first.is_some())
    }

    /// It has arrived, or is given up. Says whether it was still this claim's.
    pub(crate) async fn end_logout(&self, row: &LogoutRow) -> Result<bool, StoreError> {
        let (id, tries) = (row.id.clone(), row.tries);
        write!(self, |conn| {
            let claimed = oauth_logout::id.eq(id).and(oauth_logout::tries.eq(tries));
            let gone = diesel::delete(oauth_logout::table.filter(claimed)).execute(conn).await?;
            Ok::<_, StoreError>(gone > 0)
        })
    }

    /// It has not arrived: another try follows in `again` milliseconds.
    pub(crate) async fn postpone_logout(
        &self,
        row: &LogoutRow,
        again: i64,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let (id, tries, by_database) = (row.id.clone(), row.tries, self.database_time);
        write!(self, |conn| {
            let now = lease_time!(by_database, conn, now);
            let claimed = oauth_logout::id.eq(id).and(oauth_logout::tries.eq(tries));
            let known = diesel::update(oauth_logout::table.filter(claimed))
                .set(oauth_logout::due_at.eq(now.plus(again).0))
                .execute(conn)
                .await?;
            Ok::<_, StoreError>(known > 0)
        })
    }

    /// Removes what was queued before `before`: no node sends it any more.
    pub(crate) async fn forget_logouts(&self, before: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| {
            let old = oauth_logout::table.filter(oauth_logout::created_at.lt(before.0));
            Ok::<_, StoreError>(diesel::delete(old).execute(conn).await?)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
