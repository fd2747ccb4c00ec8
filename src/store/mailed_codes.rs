//! Codes that were mailed to somebody as her second factor: one for a sign-in at a time, for a few
//! minutes and a few tries. What counts a try is one statement (attack A17).

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change, queue_up},
    db::write,
    outbox::{OutboxMail, note_mail},
    schema::{mailed_code, session, two_factor, user},
    sessions::{Session, end_other_sessions},
    two_factors::{TRIES, TwoFactor, set_enabled},
};
use crate::domain::{
    clock::Millis,
    ids::{SessionId, UserId},
};

#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = mailed_code, treat_none_as_default_value = false)]
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
            queue_up!(conn);
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
            end_other_sessions!(conn, &owner, &begins.id, now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::role::Role,
        store::{
            accounts::tests::login,
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
            sessions::tests::row as session_row,
            two_factors::{After, Means},
            users::tests::person,
        },
    };

    fn ada() -> UserId {
        UserId::new("ada")
    }

    fn code(name: &str, hash: &str) -> MailedCode {
        let (name, code_hash) = (name.to_owned(), hash.to_owned());
        MailedCode { name, user_id: ada(), code_hash, tries: 0, expires_at: 100 }
    }

    fn happened(id: &str) -> AuthEvent {
        event(id, AuthEventKind::MfaCodeMailed, 2)
    }

    async fn begin(store: &Store) {
        store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
        let factor = || TwoFactor {
            user_id: ada(),
            secret_sealed: String::new(),
            verified: false,
            last_step: 0,
            failures: 0,
            locked_until: 0,
            created_at: 1,
            updated_at: 1,
            by_mail: true,
        };
        let begins = |id| session_row(id, "ada");
        store.add_mailed_codes(factor(), begins("s1"), happened("on")).await.unwrap();
        let again = store.add_mailed_codes(factor(), begins("s2"), happened("again")).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
        assert!(store.user(&ada()).await.unwrap().two_factor_enabled);
    }

    /// Attack A17.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_twelve_looks_at_once_five_are_let_and_of_eight_uses_one_counts() {
        on_both(async |store| {
            begin(&store).await;
            store.mail_code(code("a", "old"), None, happened("1")).await.unwrap();
            let looks = (0..12).map(|_| store.look_at_code("a", Millis(3)));
            let looks = futures_util::future::join_all(looks).await;
            let let_in = looks.into_iter().filter(|look| matches!(look, Ok(Look::Go))).count();
            assert_eq!(let_in, 5);
            assert_eq!(store.look_at_code("a", Millis(3)).await.unwrap(), Look::UsedUp);

            store.mail_code(code("a", "new"), None, happened("2")).await.unwrap();
            assert_eq!(store.look_at_code("a", Millis(3)).await.unwrap(), Look::Go);
            assert_eq!(store.look_at_code("a", Millis(100)).await.unwrap(), Look::Expired);
            assert_eq!(store.look_at_code("b", Millis(3)).await.unwrap(), Look::Expired);
            let use_it = async |hash: &str, id: &str| {
                let means = Means::Mailed("a".to_owned(), hash.to_owned());
                let after = After::Prove(SessionId::new("s1"));
                store.prove_factor(&ada(), means, after, happened(id)).await.unwrap()
            };
            assert!(!use_it("old", "3").await, "another took its place");
            let ids: Vec<String> = (0..8).map(|n| format!("use{n}")).collect();
            let uses = ids.iter().map(|id| use_it("new", id));
            let counted = futures_util::future::join_all(uses).await;
            assert_eq!(counted.into_iter().filter(|it| *it).count(), 1);
        })
        .await;
    }
}
