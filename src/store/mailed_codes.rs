//! Codes that were mailed to somebody as her second factor: one for a sign-in at a time, for a few
//! minutes and a few tries. What counts a try is one statement (attack A17).

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change},
    db::write,
    outbox::{OutboxMail, note_mail},
    schema::{mailed_code, session, two_factor, user},
    sessions::{REVOCATION_KEPT, Session},
    two_factors::{TRIES, TwoFactor, end_sessions, set_enabled},
};
use crate::domain::{
    clock::Millis,
    ids::{SessionId, UserId},
};

#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = mailed_code)]
pub(crate) struct MailedCode {
    /// Of the sign-in that waits for it, or the session that asked for it.
    pub name: String,
    pub user_id: UserId,
    pub code_hash: String,
    pub tries: i32,
    pub expires_at: i64,
}

/// Leave to look at a mailed code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Go,
    /// None was mailed, or it is too old.
    Expired,
    /// It has had its [`TRIES`].
    UsedUp,
}

impl Store {
    /// From now on codes may be mailed: all sessions end and this one begins.
    /// [`StoreError::Conflict`] if they might be before.
    pub(crate) async fn add_mailed_codes(
        &self,
        row: TwoFactor,
        begins: Session,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let now = event.at();
        write!(self, |conn| {
            let owner = row.user_id.clone();
            let other = two_factor::user_id.eq(&owner).and(two_factor::by_mail.eq(false));
            let changed = diesel::update(two_factor::table.filter(other))
                .set((two_factor::by_mail.eq(true), two_factor::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            if changed == 0 {
                diesel::insert_into(two_factor::table).values(row).execute(conn).await?;
            }
            set_enabled!(conn, &owner, true, now);
            end_sessions!(conn, &owner, &begins.id, now);
            diesel::insert_into(session::table).values(begins).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Stores a code with the mail that takes it to its reader; one of the same name is worth
    /// nothing from now on. Those that nobody used are forgotten.
    pub(crate) async fn mail_code(
        &self,
        row: MailedCode,
        mail: Option<OutboxMail>,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let now = event.at();
        write!(self, |conn| {
            let over = mailed_code::expires_at.lt(now.0);
            diesel::delete(mailed_code::table.filter(over)).execute(conn).await?;
            diesel::insert_into(mailed_code::table)
                .values(row.clone())
                .on_conflict(mailed_code::name)
                .do_update()
                .set((
                    mailed_code::user_id.eq(row.user_id),
                    mailed_code::code_hash.eq(row.code_hash),
                    mailed_code::tries.eq(row.tries),
                    mailed_code::expires_at.eq(row.expires_at),
                ))
                .execute(conn)
                .await?;
            note_event!(conn, event);
            note_mail!(conn, mail);
            Ok::<_, StoreError>(())
        })
    }

    /// Leave to look at the code of this name, counted before it is looked at: of many at once no
    /// more get it.
    pub(crate) async fn look_at_code(&self, name: &str, now: Millis) -> Result<Look, StoreError> {
        let name = name.to_owned();
        write!(self, |conn| {
            let alive = mailed_code::name.eq(name).and(mailed_code::expires_at.gt(now.0));
            let tries: Option<i32> = diesel::update(mailed_code::table.filter(alive))
                .set(mailed_code::tries.eq(mailed_code::tries + 1))
                .returning(mailed_code::tries)
                .get_result(conn)
                .await
                .optional()?;
            Ok::<_, StoreError>(match tries {
                None => Look::Expired,
                Some(tries) if tries > TRIES => Look::UsedUp,
                Some(_) => Look::Go,
            })
        })
    }
}
