//! Short-lived proofs (reset links, sign-in states): kept under a hashed name, used once. What is
//! mailed about one is stored with it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accounts::CREDENTIAL,
    auth_events::{AuthEvent, note_event},
    changes::{note_change, queue_up},
    db::{read, write},
    outbox::{OutboxMail, note_mail},
    schema::{account, outbox, user, verification},
    sessions::{REVOCATION_KEPT, end_all_sessions},
    two_factors::forget_trusted,
};
use crate::domain::{clock::Millis, ids::UserId};

/// A proof that somebody may do one thing once.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = verification, treat_none_as_default_value = false)]
pub(crate) struct Verification {
    pub id: String,
    /// What it is for and the SHA-256 of its secret, such as `reset-password:9f2c…`.
    pub identifier: String,
    pub value: String,
    pub expires_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A proof with the mail that takes it to its owner.
#[derive(Debug, Clone)]
pub(crate) struct NewProof {
    pub proof: Verification,
    /// None: nobody gets it.
    pub mail: Option<OutboxMail>,
}

/// A new password by a mailed proof.
#[derive(Debug, Clone)]
pub(crate) struct Reset {
    /// The proof's identifier.
    pub proof: String,
    pub hash: String,
    pub notice: Option<OutboxMail>,
}

/// What of an account's mailed proofs is worth nothing when its password or its address changes.
pub(super) const MAILED: [&str; 3] = ["reset-password:", "change-email:", "delete-user:"];

/// Takes a proof inside a transaction: of many at once one gets its value.
macro_rules! use_proof {
    ($conn:expr, $identifier:expr, $now:expr) => {{
        use $crate::store::schema::verification;
        diesel_async::RunQueryDsl::get_result::<String>(
            diesel::delete(verification::table.filter(
                verification::identifier.eq($identifier).and(verification::expires_at.gt($now.0)),
            ))
            .returning(verification::value),
            $conn,
        )
        .await?
    }};
}
pub(super) use use_proof;

/// Ends an account's mailed proofs inside a transaction.
macro_rules! end_proofs {
    ($conn:expr, $owner:expr) => {
        for kind in $crate::store::verifications::MAILED {
            use $crate::store::schema::verification;
            let same = verification::value
                .eq($owner.as_str())
                .and(verification::identifier.like(format!("{kind}%")));
            diesel_async::RunQueryDsl::execute(
                diesel::delete(verification::table.filter(same)),
                $conn,
            )
            .await?;
        }
    };
}
pub(super) use end_proofs;

/// Stores a proof inside a transaction. With or without a mail the database is asked as often.
macro_rules! insert_proof {
    ($conn:expr, $new:expr) => {{
        let NewProof { proof, mail } = $new;
        let kind = proof.identifier.split(':').next().unwrap_or_default();
        let same = verification::value
            .eq(proof.value.clone())
            .and(verification::identifier.like(format!("{kind}:%")));
        diesel::delete(verification::table.filter(same)).execute($conn).await?;
        diesel::insert_into(verification::table).values(proof).execute($conn).await?;
        if mail.is_none() {
            diesel::delete(outbox::table.filter(outbox::id.eq(""))).execute($conn).await?;
        }
        note_mail!($conn, mail);
    }};
}

impl Store {
    /// Stores a proof; what `owner` (its value) had of the same kind, which is what stands before
    /// the colon, is worth nothing from now on.
    pub(crate) async fn insert_verification(
        &self,
        new: NewProof,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            insert_proof!(conn, new);
            note_event!(conn, event);
            Ok::<_, StoreError>(())
        })
    }

    /// Uses a proof up and stores the next one of its owner: all or nothing.
    pub(crate) async fn replace_verification(
        &self,
        used: &str,
        new: NewProof,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (used, now) = (used.to_owned(), event.at());
        write!(self, |conn| {
            let owner = use_proof!(conn, used, now);
            if owner != new.proof.value {
                return Err(StoreError::NotFound);
            }
            insert_proof!(conn, new);
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Whom the proof belongs to, if it is good still. It stays good.
    pub(crate) async fn verification(
        &self,
        identifier: &str,
        now: Millis,
    ) -> Result<String, StoreError> {
        Ok(read!(self, |conn| verification::table
            .filter(verification::identifier.eq(identifier).and(verification::expires_at.gt(now.0)))
            .select(verification::value)
            .get_result(conn)
            .await?))
    }

    /// Uses the proof up, gives its owner a new password and ends all her sessions, her other
    /// mailed proofs and the trust in her devices: all or nothing; of many at once one wins. [`StoreError::NotFound`] if it is
    /// unknown, used or expired.
    pub(crate) async fn reset_password(
        &self,
        reset: Reset,
        event: AuthEvent,
    ) -> Result<UserId, StoreError> {
        let now = event.at();
        write!(self, |conn| {
            queue_up!(conn);
            let Reset { proof, hash, notice } = reset;
            let owner = UserId::new(use_proof!(conn, proof, now));
            let login = account::user_id.eq(&owner).and(account::provider_id.eq(CREDENTIAL));
            diesel::update(account::table.filter(login))
                .set((account::password.eq(Some(hash)), account::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            end_proofs!(conn, owner);
            forget_trusted!(conn, &owner);
            end_all_sessions!(conn, &owner, now);
            let until = now.plus(REVOCATION_KEPT).0;
            note_change!(conn, "user_sessions", owner.as_str(), until, now.0);
            let email: String = user::table
                .filter(user::id.eq(&owner))
                .select(user::email)
                .get_result(conn)
                .await?;
            note_event!(conn, event.of(&owner, &email));
            note_mail!(conn, notice);
            Ok(owner)
        })
    }

    pub(crate) async fn forget_verifications(&self, now: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| Ok(diesel::delete(
            verification::table.filter(verification::expires_at.lt(now.0))
        )
        .execute(conn)
        .await?))
    }
}

#[cfg(test)]
pub(crate) mod tests;
