//! Mail that is to go out, kept so that a crash loses none. Whoever delivers one claims it first,
//! so that two nodes do not send it twice; a claim ends by itself, so that none is lost with a node.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    audit::{AuditEntry, note_audit},
    db::{read, write},
    dialect::lease_time,
    schema::outbox,
};
use crate::domain::clock::Millis;

/// One mail to one person.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
pub(crate) struct OutboxMail {
    pub id: String,
    pub kind: String,
    pub recipient: String,
    pub subject: String,
    /// The plain text; or, sealed, all of the content.
    pub body: String,
    /// The links within the body, as a JSON list.
    pub links: String,
    pub created_at: i64,
    pub sent_at: Option<i64>,
    pub html: String,
    /// A [`MailState`].
    pub state: String,
    pub sealed: bool,
    /// How often somebody set out to deliver it.
    pub tries: i32,
    pub next_try_at: i64,
    pub claim: Option<String>,
    pub last_error: Option<String>,
}

/// How a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailState {
    /// To be delivered.
    Queued,
    /// Only shown, at `/dev/mail`.
    Kept,
    Sent,
    /// Given up.
    Dead,
}

impl MailState {
    pub(crate) const ALL: [Self; 4] = [Self::Queued, Self::Kept, Self::Sent, Self::Dead];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Kept => "kept",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

/// How many mails there are that somebody has to care for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MailCounts {
    pub queued: i64,
    pub dead: i64,
    /// When the next try is due.
    pub next: Option<Millis>,
}

/// How many mails [`Store::mails`] shows, and how many a page has.
pub(crate) const SHOWN: i64 = 100;

/// Writes a mail, if there is one, inside a transaction.
macro_rules! note_mail {
    ($conn:expr, $mail:expr) => {
        if let Some(mail) = $mail {
            diesel_async::RunQueryDsl::execute(
                diesel::insert_into($crate::store::schema::outbox::table).values(mail),
                $conn,
            )
            .await?;
        }
    };
}
pub(crate) use note_mail;

impl Store {
    pub(crate) async fn insert_mail(&self, row: OutboxMail) -> Result<(), StoreError> {
        write!(self, |conn| {
            note_mail!(conn, Some(row));
            Ok::<_, StoreError>(())
        })
    }

    /// The newest mails first; `to` and `kind` narrow them.
    pub(crate) async fn mails(
        &self,
        to: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        Ok(read!(self, |conn| {
            let mut query = outbox::table.into_boxed();
            if let Some(to) = to {
                query = query.filter(outbox::recipient.eq(to));
            }
            if let Some(kind) = kind {
                query = query.filter(outbox::kind.eq(kind));
            }
            query
                .order((outbox::created_at.desc(), outbox::id.desc()))
                .limit(SHOWN)
                .select(OutboxMail::as_select())
                .load(conn)
                .await?
        }))
    }

    /// One page, newest first. `before`: time and id of the last mail of the page before.
    pub(crate) async fn mails_page(
        &self,
        state: Option<MailState>,
        before: Option<(i64, String)>,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        Ok(read!(self, |conn| {
            let mut query = outbox::table.into_boxed();
            if let Some(state) = state {
                query = query.filter(outbox::state.eq(state.as_str()));
            }
            if let Some((at, id)) = &before {
                let older = outbox::created_at.lt(at);
                query = query.filter(older.or(outbox::created_at.eq(at).and(outbox::id.lt(id))));
            }
            query
                .order((outbox::created_at.desc(), outbox::id.desc()))
                .limit(SHOWN)
                .select(OutboxMail::as_select())
                .load(conn)
                .await?
        }))
    }

    pub(crate) async fn mail_counts(&self) -> Result<MailCounts, StoreError> {
        let open = [MailState::Queued.as_str(), MailState::Dead.as_str()];
        let rows: Vec<(String, i64, Option<i64>)> = read!(self, |conn| outbox::table
            .filter(outbox::state.eq_any(open))
            .group_by(outbox::state)
            .select((
                outbox::state,
                diesel::dsl::count_star(),
                diesel::dsl::min(outbox::next_try_at)
            ))
            .load(conn)
            .await?);
        let mut counts = MailCounts::default();
        for (state, count, next) in rows {
            if state == MailState::Dead.as_str() {
                counts.dead = count;
            } else {
                (counts.queued, counts.next) = (count, next.map(Millis));
            }
        }
        Ok(counts)
    }

    /// Takes up to `most` mails that are due, to be delivered within `lease` milliseconds: after
    /// that another may take them. Nobody else gets one of them meanwhile.
    pub(crate) async fn claim_mails(
        &self,
        claim: &str,
        most: i64,
        lease: i64,
        now: Millis,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let (claim, by_database) = (claim.to_owned(), self.database_time);
        write!(self, |conn| {
            let now = lease_time!(by_database, conn, now);
            let due =
                || outbox::state.eq(MailState::Queued.as_str()).and(outbox::next_try_at.le(now.0));
            let ids: Vec<String> = outbox::table
                .filter(due())
                .order((outbox::next_try_at, outbox::id))
                .limit(most)
                .select(outbox::id)
                .load(conn)
                .await?;
            // Asked again: another node may have taken one since.
            let mut taken: Vec<OutboxMail> =
                diesel::update(outbox::table.filter(outbox::id.eq_any(ids).and(due())))
                    .set((
                        outbox::claim.eq(Some(claim)),
                        outbox::next_try_at.eq(now.plus(lease).0),
                        outbox::tries.eq(outbox::tries + 1),
                    ))
                    .returning(OutboxMail::as_returning())
                    .get_results(conn)
                    .await?;
            taken.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
            Ok::<_, StoreError>(taken)
        })
    }

    /// The mail that was claimed so is delivered. Its content goes, unless it `stays` to be shown.
    pub(crate) async fn mail_sent(
        &self,
        id: &str,
        claim: &str,
        stays: bool,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let (id, claim) = (id.to_owned(), claim.to_owned());
        write!(self, |conn| {
            let sent = outbox::table.filter(outbox::id.eq(&id).and(outbox::claim.eq(Some(&claim))));
            let known = diesel::update(sent)
                .set((
                    outbox::state.eq(MailState::Sent.as_str()),
                    outbox::sent_at.eq(Some(now.0)),
                    outbox::claim.eq(None::<String>),
                    outbox::last_error.eq(None::<String>),
                ))
                .execute(conn)
                .await?;
            if known > 0 && !stays {
                diesel::update(outbox::table.filter(outbox::id.eq(&id)))
                    .set((
                        outbox::body.eq(""),
                        outbox::html.eq(""),
                        outbox::links.eq("[]"),
                        outbox::sealed.eq(false),
                    ))
                    .execute(conn)
                    .await?;
            }
            Ok::<_, StoreError>(known > 0)
        })
    }

    /// The try has failed: another follows in `again` milliseconds, or none ever.
    pub(crate) async fn mail_failed(
        &self,
        (id, claim): (&str, &str),
        error: &str,
        again: Option<i64>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let (id, claim, error) = (id.to_owned(), claim.to_owned(), error.to_owned());
        let state = if again.is_some() { MailState::Queued } else { MailState::Dead };
        let by_database = self.database_time;
        write!(self, |conn| {
            let now = lease_time!(by_database, conn, now);
            let known = diesel::update(
                outbox::table.filter(outbox::id.eq(id).and(outbox::claim.eq(Some(claim)))),
            )
            .set((
                outbox::state.eq(state.as_str()),
                outbox::next_try_at.eq(now.plus(again.unwrap_or_default()).0),
                outbox::claim.eq(None::<String>),
                outbox::last_error.eq(Some(error)),
            ))
            .execute(conn)
            .await?;
            Ok::<_, StoreError>(known > 0)
        })
    }

    /// A dead letter is tried anew, from the beginning. [`StoreError::NotFound`] if it is none.
    pub(crate) async fn retry_mail(&self, id: &str, entry: AuditEntry) -> Result<(), StoreError> {
        let id = id.to_owned();
        write!(self, |conn| {
            let dead = outbox::id.eq(id).and(outbox::state.eq(MailState::Dead.as_str()));
            let known = diesel::update(outbox::table.filter(dead))
                .set((
                    outbox::state.eq(MailState::Queued.as_str()),
                    outbox::tries.eq(0),
                    outbox::next_try_at.eq(entry.at),
                ))
                .execute(conn)
                .await?;
            if known == 0 {
                return Err(StoreError::NotFound);
            }
            note_audit!(conn, entry);
            Ok(())
        })
    }

    pub(crate) async fn remove_mail(&self, id: &str, entry: AuditEntry) -> Result<(), StoreError> {
        let id = id.to_owned();
        write!(self, |conn| {
            let gone =
                diesel::delete(outbox::table.filter(outbox::id.eq(id))).execute(conn).await?;
            if gone == 0 {
                return Err(StoreError::NotFound);
            }
            note_audit!(conn, entry);
            Ok(())
        })
    }

    /// Removes mail that was written before `before`, however it stands.
    pub(crate) async fn forget_mails(&self, before: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| Ok(diesel::delete(
            outbox::table.filter(outbox::created_at.lt(before.0))
        )
        .execute(conn)
        .await?))
    }
}

#[cfg(test)]
pub(crate) mod tests;
