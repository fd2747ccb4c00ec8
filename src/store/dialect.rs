//! What only one of the two databases can say.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    dsl::{exists, sql},
    sql_types::BigInt,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{
    lite::{LiteConnection, LiteReader},
    schema::{oauth_client, oauth_consent, session, user},
};
use crate::domain::{
    clock::Millis,
    ids::{ClientId, SessionId, UserId},
};

/// The time that leases go by. Nodes may disagree on the time; of the database there is one.
pub(super) trait Timekeeper {
    /// `ours`: what the caller's clock says.
    fn lease_time(&mut self, ours: Millis) -> impl Future<Output = QueryResult<Millis>> + Send;
}

impl Timekeeper for AsyncPgConnection {
    async fn lease_time(&mut self, _: Millis) -> QueryResult<Millis> {
        // Not now(), which stands still in a transaction.
        let time = sql::<BigInt>("(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        diesel::select(time).get_result(self).await.map(Millis)
    }
}

/// Only the processes of one machine share a file, so its clock will do.
impl Timekeeper for LiteConnection {
    async fn lease_time(&mut self, ours: Millis) -> QueryResult<Millis> {
        Ok(ours)
    }
}

/// As above.
impl Timekeeper for LiteReader {
    async fn lease_time(&mut self, ours: Millis) -> QueryResult<Millis> {
        Ok(ours)
    }
}

/// Takes hold of rows that a transaction goes by, so that none of them is gone or changed before it
/// ends.
pub(super) trait Keeper {
    /// A person, as a foreign key holds her. [`Error::NotFound`] if she is gone.
    fn keep_person(&mut self, person: &UserId) -> impl Future<Output = QueryResult<()>> + Send;

    /// A person and an app, as a foreign key holds them. Says whether both are there, and the app is
    /// not disabled.
    fn keep(
        &mut self,
        person: &UserId,
        app: &ClientId,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// The two, her sign-in, and what she has agreed to with the app, if she has: whoever withdraws
    /// it waits. Nothing if they do not all stand.
    fn keep_sign_in(
        &mut self,
        of: (&UserId, &ClientId),
        sid: &SessionId,
        now: Millis,
    ) -> impl Future<Output = QueryResult<Option<Option<String>>>> + Send;
}

impl Keeper for AsyncPgConnection {
    async fn keep_person(&mut self, person: &UserId) -> QueryResult<()> {
        let person = user::table.filter(user::id.eq(person)).select(user::id).for_key_share();
        let _: UserId = person.get_result(self).await?;
        Ok(())
    }

    async fn keep(&mut self, person: &UserId, app: &ClientId) -> QueryResult<bool> {
        // She comes first: her own apps are removed after her.
        if self.keep_person(person).await.optional()?.is_none() {
            return Ok(false);
        }
        let app = enabled(app).select(oauth_client::id);
        let app: Option<ClientId> = app.for_key_share().get_result(self).await.optional()?;
        Ok(app.is_some())
    }

    async fn keep_sign_in(
        &mut self,
        (person, app): (&UserId, &ClientId),
        sid: &SessionId,
        now: Millis,
    ) -> QueryResult<Option<Option<String>>> {
        if !self.keep(person, app).await? {
            return Ok(None);
        }
        let sign_in = session::table.filter(stands(sid, now)).select(session::id);
        let sign_in: Option<SessionId> =
            sign_in.for_no_key_update().get_result(self).await.optional()?;
        if sign_in.is_none() {
            return Ok(None);
        }
        let consent = oauth_consent::table.find((app, person)).select(oauth_consent::scope);
        consent.for_no_key_update().get_result(self).await.optional().map(Some)
    }
}

/// There is one writer: what it sees stays until its transaction ends.
impl Keeper for LiteConnection {
    async fn keep_person(&mut self, person: &UserId) -> QueryResult<()> {
        let _: UserId =
            user::table.filter(user::id.eq(person)).select(user::id).get_result(self).await?;
        Ok(())
    }

    async fn keep(&mut self, person: &UserId, app: &ClientId) -> QueryResult<bool> {
        diesel::select(exists(user::table.find(person)).and(exists(enabled(app))))
            .get_result(self)
            .await
    }

    async fn keep_sign_in(
        &mut self,
        (person, app): (&UserId, &ClientId),
        sid: &SessionId,
        now: Millis,
    ) -> QueryResult<Option<Option<String>>> {
        let consent = oauth_consent::table.find((app, person)).select(oauth_consent::scope);
        user::table
            .find(person)
            .filter(exists(enabled(app)))
            .filter(exists(session::table.filter(stands(sid, now))))
            .select(consent.single_value())
            .get_result(self)
            .await
            .optional()
    }
}

#[expect(clippy::elidable_lifetime_names, reason = "`auto_type` wants them named")]
#[diesel::dsl::auto_type]
fn enabled<'a>(app: &'a ClientId) -> _ {
    oauth_client::table.filter(oauth_client::id.eq(app).and(oauth_client::disabled.eq(false)))
}

#[expect(clippy::elidable_lifetime_names, reason = "`auto_type` wants them named")]
#[diesel::dsl::auto_type]
fn stands<'a>(sid: &'a SessionId, now: Millis) -> _ {
    let now: i64 = now.0;
    session::id.eq(sid).and(session::expires_at.gt(now))
}

/// The time of the transaction's database, unless a test goes by its own clock.
macro_rules! lease_time {
    ($by_database:expr, $conn:expr, $now:expr) => {
        if $by_database {
            $crate::store::dialect::Timekeeper::lease_time($conn, $now).await?
        } else {
            $now
        }
    };
}

pub(super) use lease_time;
