//! Mail that is to go out, kept so that a crash loses none.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    schema::outbox,
};

/// One mail to one person.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = outbox)]
pub(crate) struct OutboxMail {
    pub id: String,
    pub kind: String,
    pub recipient: String,
    pub subject: String,
    pub body: String,
    /// The links within the body, as a JSON list.
    pub links: String,
    pub created_at: i64,
    pub sent_at: Option<i64>,
}

/// How many mails [`Store::mails`] shows.
const SHOWN: i64 = 100;

impl Store {
    pub(crate) async fn insert_mail(&self, row: OutboxMail) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(outbox::table).values(row).execute(conn).await?;
            Ok(())
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    fn mail(id: &str, to: &str, kind: &str, at: i64) -> OutboxMail {
        OutboxMail {
            id: id.to_owned(),
            kind: kind.to_owned(),
            recipient: to.to_owned(),
            subject: "s".to_owned(),
            body: "b".to_owned(),
            links: "[]".to_owned(),
            created_at: at,
            sent_at: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn mails_are_shown_newest_first_and_narrowed() {
        on_both(async |store| {
            for row in [
                mail("1", "ada", "verify-email", 1),
                mail("2", "bob", "verify-email", 2),
                mail("3", "ada", "reset-password", 3),
            ] {
                store.insert_mail(row).await.unwrap();
            }

            let ids = async |to, kind| -> Vec<String> {
                store.mails(to, kind).await.unwrap().into_iter().map(|mail| mail.id).collect()
            };
            assert_eq!(ids(None, None).await, ["3", "2", "1"]);
            assert_eq!(ids(Some("ada"), None).await, ["3", "1"]);
            assert_eq!(ids(Some("ada"), Some("verify-email")).await, ["1"]);
        })
        .await;
    }
}
