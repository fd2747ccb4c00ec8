//! Second factors: the sealed secret, recovery codes, sign-ins that wait for a code, devices that
//! need none. What counts tries and uses things up is one statement or one transaction, so that it
//! holds on every node at once (attack A17).

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change, queue_up},
    db::{read, write},
    dialect::Keeper,
    schema::{
        mailed_code, recovery_code, session, trusted_device, two_factor, two_factor_challenge, user,
    },
    sessions::{BY_CODE, Session, end_other_sessions, prove_session},
};
use crate::domain::{
    clock::{MINUTE, Millis},
    ids::{SessionId, UserId},
};

/// Codes that one sign-in may try.
pub(crate) const TRIES: i32 = 5;
/// Wrong codes in a row, over all sign-ins, until none is looked at for [`LOCK`].
const FAILURES: i32 = 10;
const LOCK: i64 = 15 * MINUTE;

/// A person's authenticator app, and whether codes may be mailed to her instead.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = two_factor, treat_none_as_default_value = false)]
pub(crate) struct TwoFactor {
    pub user_id: UserId,
    /// Empty: there is no app.
    pub secret_sealed: String,
    /// Whether a first code has shown that the app has the secret. Until then it protects nothing.
    pub verified: bool,
    /// The time step of the last code that was taken; none up to it is taken again.
    pub last_step: i64,
    /// Codes looked at since the last right one.
    pub failures: i32,
    pub locked_until: i64,
    pub created_at: i64,
    pub updated_at: i64,
    /// Whether a code may be mailed to her.
    pub by_mail: bool,
}

impl TwoFactor {
    /// Whether a sign-in must wait for it.
    pub(crate) const fn protects(&self) -> bool {
        self.verified || self.by_mail
    }
}

/// A sign-in whose second factor is still to come. It is no session.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = two_factor_challenge, treat_none_as_default_value = false)]
pub(crate) struct Challenge {
    pub token_hash: String,
    pub user_id: UserId,
    pub remember: bool,
    pub tries: i32,
    pub expires_at: i64,
    pub created_at: i64,
}

/// A device on which the second factor is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = trusted_device, treat_none_as_default_value = false)]
pub(crate) struct TrustedDevice {
    pub token_hash: String,
    pub user_id: UserId,
    pub expires_at: i64,
    pub created_at: i64,
}

/// Leave to look at one code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Try {
    Go(TwoFactor),
    Locked(Millis),
    /// The sign-in has had its [`TRIES`].
    UsedUp,
}

/// What proves the factor; it is used up by it.
#[derive(Debug, Clone)]
pub(crate) enum Means {
    Step(i64),
    /// A recovery code's hash.
    Code(String),
    /// A mailed code: whose it is by name, and its hash.
    Mailed(String, String),
}

/// What the proof leads to.
#[derive(Debug, Clone)]
pub(crate) enum After {
    /// A sign-in that waited.
    SignIn { challenge: String, session: Session },
    /// The first code: from now on the factor protects. All sessions end and this one begins.
    Activate(Session),
    /// The holder of a session has proved once more to be its person.
    Prove(SessionId),
}

/// Writes down whether a person has a second factor, and tells the other nodes.
macro_rules! set_enabled {
    ($conn:expr, $owner:expr, $enabled:expr, $now:expr) => {
        diesel::update(user::table.filter(user::id.eq($owner)))
            .set((
                user::two_factor_enabled.eq($enabled),
                user::version.eq(user::version + 1_i64),
                user::updated_at.eq($now.0),
            ))
            .execute($conn)
            .await?;
        note_change!($conn, "user", $owner.as_str(), $now.plus(KEPT).0, $now.0);
    };
}
pub(super) use set_enabled;

/// Leave to look at one code, counted before it is looked at: of many at once no more get it.
macro_rules! count_try {
    ($conn:expr, $owner:expr, $now:expr) => {{
        let mine = two_factor::table.filter(two_factor::user_id.eq($owner));
        let counted: Option<TwoFactor> =
            diesel::update(mine.filter(two_factor::locked_until.le($now.0)))
                .set(two_factor::failures.eq(two_factor::failures + 1))
                .returning(TwoFactor::as_returning())
                .get_result($conn)
                .await
                .optional()?;
        match counted {
            Some(row) => {
                if row.failures >= FAILURES {
                    diesel::update(mine)
                        .set((
                            two_factor::failures.eq(0),
                            two_factor::locked_until.eq($now.plus(LOCK).0),
                        ))
                        .execute($conn)
                        .await?;
                }
                Try::Go(row)
            }
            None => {
                let until = mine.select(two_factor::locked_until).get_result($conn).await?;
                Try::Locked(Millis(until))
            }
        }
    }};
}

/// Puts recovery codes in place of all others inside a transaction.
macro_rules! put_codes {
    ($conn:expr, $owner:expr, $codes:expr) => {
        diesel::delete(recovery_code::table.filter(recovery_code::user_id.eq(&$owner)))
            .execute($conn)
            .await?;
        for hash in $codes {
            let row = (recovery_code::user_id.eq(&$owner), recovery_code::code_hash.eq(hash));
            diesel::insert_into(recovery_code::table).values(row).execute($conn).await?;
        }
    };
}

/// Uses a waiting sign-in up inside a transaction, which is undone if it no longer waits.
macro_rules! use_challenge {
    ($conn:expr, $challenge:expr, $owner:expr) => {
        let mine = two_factor_challenge::token_hash
            .eq($challenge)
            .and(two_factor_challenge::user_id.eq(&$owner));
        let gone = diesel::delete(two_factor_challenge::table.filter(mine)).execute($conn).await?;
        if gone == 0 {
            return Err(StoreError::NotFound);
        }
    };
}

/// Removes what hangs on a second factor inside a transaction.
macro_rules! forget_factors {
    ($conn:expr, $owner:expr) => {
        use $crate::store::schema::recovery_code;
        diesel::delete(recovery_code::table.filter(recovery_code::user_id.eq($owner)))
            .execute($conn)
            .await?;
        $crate::store::two_factors::forget_trusted!($conn, $owner);
    };
}
pub(super) use forget_factors;

/// Forgets inside a transaction where a person's second factor is not asked for, and the sign-ins
/// that wait for it: of neither it is known that they are hers once her password is another.
macro_rules! forget_trusted {
    ($conn:expr, $owner:expr) => {{
        use $crate::store::schema::{mailed_code, trusted_device, two_factor_challenge};
        diesel_async::RunQueryDsl::execute(
            diesel::delete(trusted_device::table.filter(trusted_device::user_id.eq($owner))),
            $conn,
        )
        .await?;
        let waiting = two_factor_challenge::user_id.eq($owner);
        diesel_async::RunQueryDsl::execute(
            diesel::delete(two_factor_challenge::table.filter(waiting)),
            $conn,
        )
        .await?;
        diesel_async::RunQueryDsl::execute(
            diesel::delete(mailed_code::table.filter(mailed_code::user_id.eq($owner))),
            $conn,
        )
        .await?;
    }};
}
pub(super) use forget_trusted;

/// Uses up what proves a factor, inside a transaction. Says of how many rows: none if it was used
/// before.
macro_rules! use_means {
    ($conn:expr, $owner:expr, $means:expr) => {{
        let mine = two_factor::table.filter(two_factor::user_id.eq($owner));
        match $means {
            Means::Step(step) => {
                diesel::update(mine.filter(two_factor::last_step.lt(step)))
                    .set(two_factor::last_step.eq(step))
                    .execute($conn)
                    .await?
            }
            Means::Code(hash) => {
                let code = recovery_code::user_id.eq($owner).and(recovery_code::code_hash.eq(hash));
                diesel::delete(recovery_code::table.filter(code)).execute($conn).await?
            }
            Means::Mailed(name, hash) => {
                let code = mailed_code::name
                    .eq(name)
                    .and(mailed_code::user_id.eq($owner))
                    .and(mailed_code::code_hash.eq(hash));
                diesel::delete(mailed_code::table.filter(code)).execute($conn).await?
            }
        }
    }};
}

impl Store {
    pub(crate) async fn two_factor(&self, owner: &UserId) -> Result<TwoFactor, StoreError> {
        Ok(read!(self, |conn| two_factor::table
            .filter(two_factor::user_id.eq(owner))
            .select(TwoFactor::as_select())
            .get_result(conn)
            .await?))
    }

    /// Stores a secret that is still to be verified, in place of another such.
    /// [`StoreError::Conflict`] if a verified one stands.
    pub(crate) async fn begin_two_factor(
        &self,
        row: TwoFactor,
        codes: Vec<String>,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            let owner = row.user_id.clone();
            conn.keep_person(&owner).await?;
            let pending = two_factor::user_id.eq(&owner).and(two_factor::verified.eq(false));
            let renewed = diesel::update(two_factor::table.filter(pending))
                .set((
                    two_factor::secret_sealed.eq(row.secret_sealed.clone()),
                    two_factor::last_step.eq(0),
                    two_factor::updated_at.eq(row.updated_at),
                ))
                .execute(conn)
                .await?;
            if renewed == 0 {
                diesel::insert_into(two_factor::table).values(row).execute(conn).await?;
            }
            put_codes!(conn, owner, codes);
            Ok(())
        })
    }

    /// New recovery codes in place of all others. [`StoreError::NotFound`] without a factor that
    /// protects.
    pub(crate) async fn replace_codes(
        &self,
        owner: &UserId,
        codes: Vec<String>,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let owner = owner.clone();
        write!(self, |conn| {
            conn.keep_person(&owner).await?;
            let protects = two_factor::verified.eq(true).or(two_factor::by_mail.eq(true));
            let mine = two_factor::user_id.eq(&owner).and(protects);
            let _: UserId =
                two_factor::table.filter(mine).select(two_factor::user_id).get_result(conn).await?;
            put_codes!(conn, owner, codes);
            note_event!(conn, event);
            Ok(())
        })
    }

    /// A sign-in begins to wait. Those that waited in vain are forgotten.
    pub(crate) async fn begin_challenge(&self, row: Challenge) -> Result<(), StoreError> {
        write!(self, |conn| {
            let over = two_factor_challenge::expires_at.lt(row.created_at);
            diesel::delete(two_factor_challenge::table.filter(over)).execute(conn).await?;
            diesel::insert_into(two_factor_challenge::table).values(row).execute(conn).await?;
            Ok(())
        })
    }

    /// A sign-in that waits.
    pub(crate) async fn challenge(
        &self,
        token_hash: &str,
        now: Millis,
    ) -> Result<Challenge, StoreError> {
        let waits = two_factor_challenge::token_hash.eq(token_hash);
        Ok(read!(self, |conn| two_factor_challenge::table
            .filter(waits.and(two_factor_challenge::expires_at.gt(now.0)))
            .select(Challenge::as_select())
            .get_result(conn)
            .await?))
    }

    /// Leave to look at one code of a sign-in that waits.
    pub(crate) async fn try_challenge(
        &self,
        token_hash: &str,
        now: Millis,
    ) -> Result<(Challenge, Try), StoreError> {
        let token_hash = token_hash.to_owned();
        write!(self, |conn| {
            let waits = two_factor_challenge::token_hash
                .eq(token_hash)
                .and(two_factor_challenge::expires_at.gt(now.0));
            let found: Challenge = diesel::update(two_factor_challenge::table.filter(waits))
                .set(two_factor_challenge::tries.eq(two_factor_challenge::tries + 1))
                .returning(Challenge::as_returning())
                .get_result(conn)
                .await?;
            if found.tries > TRIES {
                return Ok((found, Try::UsedUp));
            }
            let tried = count_try!(conn, &found.user_id, now);
            Ok((found, tried))
        })
    }

    /// Leave to look at one code of somebody who has a session.
    pub(crate) async fn try_factor(&self, owner: &UserId, now: Millis) -> Result<Try, StoreError> {
        let owner = owner.clone();
        write!(self, |conn| Ok::<_, StoreError>(count_try!(conn, &owner, now)))
    }

    /// Uses the means up and does what they open: all or nothing. `false` if they were used before.
    /// [`StoreError::NotFound`] if the sign-in no longer waits, nothing is left to activate, or she
    /// is gone.
    pub(crate) async fn prove_factor(
        &self,
        owner: &UserId,
        means: Means,
        after: After,
        event: AuthEvent,
    ) -> Result<bool, StoreError> {
        let (owner, now) = (owner.clone(), event.at());
        write!(self, |conn| {
            if matches!(after, After::Activate(_)) {
                queue_up!(conn);
            }
            // She comes before what hangs on her, as in her removal.
            conn.keep_person(&owner).await?;
            let mine = two_factor::table.filter(two_factor::user_id.eq(&owner));
            let fresh = use_means!(conn, &owner, means);
            if fresh == 0 {
                return Ok(false);
            }
            diesel::update(mine)
                .set((two_factor::failures.eq(0), two_factor::locked_until.eq(0)))
                .execute(conn)
                .await?;
            match after {
                After::SignIn { challenge, session } => {
                    use_challenge!(conn, challenge, owner);
                    diesel::insert_into(session::table).values(session).execute(conn).await?;
                }
                After::Activate(session) => {
                    let pending = mine.filter(two_factor::verified.eq(false));
                    let changed = diesel::update(pending)
                        .set((two_factor::verified.eq(true), two_factor::updated_at.eq(now.0)))
                        .execute(conn)
                        .await?;
                    if changed == 0 {
                        return Err(StoreError::NotFound);
                    }
                    set_enabled!(conn, &owner, true, now);
                    end_other_sessions!(conn, &owner, &session.id, now);
                    diesel::insert_into(session::table).values(session).execute(conn).await?;
                }
                After::Prove(id) => {
                    let by_code = (session::proved_at.eq(now.0), session::amr.eq(BY_CODE));
                    prove_session!(conn, &id, by_code, now);
                }
            }
            note_event!(conn, event);
            Ok(true)
        })
    }

    /// Takes the factor away, with its codes, trusted devices and waiting sign-ins. Every session
    /// but `kept` ends.
    pub(crate) async fn disable_two_factor(
        &self,
        owner: &UserId,
        kept: &SessionId,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (owner, kept, now) = (owner.clone(), kept.clone(), event.at());
        write!(self, |conn| {
            queue_up!(conn);
            let gone = diesel::delete(two_factor::table.filter(two_factor::user_id.eq(&owner)))
                .execute(conn)
                .await?;
            if gone == 0 {
                return Err(StoreError::NotFound);
            }
            forget_factors!(conn, &owner);
            set_enabled!(conn, &owner, false, now);
            end_other_sessions!(conn, &owner, &kept, now);
            note_event!(conn, event);
            Ok(())
        })
    }

    pub(crate) async fn trust_device(&self, row: TrustedDevice) -> Result<(), StoreError> {
        write!(self, |conn| {
            let over = trusted_device::expires_at.lt(row.created_at);
            diesel::delete(trusted_device::table.filter(over)).execute(conn).await?;
            diesel::insert_into(trusted_device::table).values(row).execute(conn).await?;
            Ok(())
        })
    }

    /// A trusted device's word in place of the second factor: it gets a new name (`next`), the
    /// sign-in that waits is used up, its session begins. `false` if the device is not trusted.
    pub(crate) async fn enter_by_trust(
        &self,
        old_hash: &str,
        next: TrustedDevice,
        after: (String, Session),
        event: AuthEvent,
    ) -> Result<bool, StoreError> {
        let (old_hash, now, (challenge, session)) = (old_hash.to_owned(), event.at(), after);
        write!(self, |conn| {
            let owner = next.user_id.clone();
            conn.keep_person(&owner).await?;
            let known = trusted_device::token_hash
                .eq(old_hash)
                .and(trusted_device::user_id.eq(&owner))
                .and(trusted_device::expires_at.gt(now.0));
            let gone = diesel::delete(trusted_device::table.filter(known)).execute(conn).await?;
            if gone == 0 {
                return Ok(false);
            }
            diesel::insert_into(trusted_device::table).values(next).execute(conn).await?;
            use_challenge!(conn, challenge, owner);
            diesel::insert_into(session::table).values(session).execute(conn).await?;
            note_event!(conn, event);
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests;
