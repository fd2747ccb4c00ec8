//! What staff did: who, what, to whom. An entry stands in the transaction of what it tells of,
//! where the store has a part in it, and is never changed.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    schema::{audit, user},
};
use crate::domain::ids::UserId;

/// Entries a page.
pub(crate) const PAGE: i64 = 50;

/// One act of one of the staff.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
pub(crate) struct AuditEntry {
    pub id: String,
    pub at: i64,
    pub actor_id: UserId,
    /// The request's `type` on the wire, such as `kick`.
    pub action: String,
    /// Id of what it was done to.
    pub target: String,
    /// What else there is to say, as a JSON object.
    pub detail: String,
}

/// Writes an entry inside a transaction.
macro_rules! note_audit {
    ($conn:expr, $entry:expr) => {
        diesel_async::RunQueryDsl::execute(
            diesel::insert_into($crate::store::schema::audit::table).values($entry),
            $conn,
        )
        .await?
    };
}
pub(crate) use note_audit;

impl Store {
    /// For what has no effect in the store.
    pub(crate) async fn insert_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        write!(self, |conn| {
            note_audit!(conn, entry);
            Ok::<_, StoreError>(())
        })
    }

    /// One page, newest first, each entry with its actor's name if she still has an account.
    /// `before`: time and id of the last entry of the page before.
    pub(crate) async fn audit_page(
        &self,
        before: Option<(i64, String)>,
    ) -> Result<Vec<(AuditEntry, Option<String>)>, StoreError> {
        Ok(read!(self, |conn| {
            let mut query = audit::table
                .left_join(user::table.on(user::id.eq(audit::actor_id)))
                .order((audit::at.desc(), audit::id.desc()))
                .limit(PAGE)
                .select((AuditEntry::as_select(), user::name.nullable()))
                .into_boxed();
            if let Some((at, id)) = &before {
                query = query.filter(audit::at.lt(at).or(audit::at.eq(at).and(audit::id.lt(id))));
            }
            query.load(conn).await?
        }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        domain::role::Role,
        store::{accounts::tests::login, contract::on_both, users::tests::person},
    };

    pub(crate) fn entry(id: &str, action: &str, target: &str) -> AuditEntry {
        AuditEntry {
            id: id.to_owned(),
            at: 7,
            actor_id: UserId::new("root"),
            action: action.to_owned(),
            target: target.to_owned(),
            detail: "{}".to_owned(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn entries_of_one_moment_are_paged_without_gap_and_named() {
        on_both(async |store| {
            store.insert_user(person("root", Role::Admin), login("root"), None).await.unwrap();
            let count = usize::try_from(PAGE).unwrap() + 3;
            for number in 0..count {
                let id = format!("aud_{number:04}");
                store.insert_audit(entry(&id, "kick", "s_1")).await.unwrap();
            }
            let gone = AuditEntry { actor_id: UserId::new("eve"), ..entry("aud_9", "kick", "s") };
            store.insert_audit(gone).await.unwrap();

            let first = store.audit_page(None).await.unwrap();
            let last = first.last().map(|(entry, _)| (entry.at, entry.id.clone()));
            let rest = store.audit_page(last).await.unwrap();

            assert_eq!(first[0].1, None, "the actor has no account any more");
            assert_eq!(first[1].1.as_deref(), Some("root"));
            let mut ids: Vec<_> = first.iter().chain(&rest).map(|(entry, _)| &entry.id).collect();
            assert_eq!(ids.len(), count + 1);
            ids.dedup();
            assert_eq!(ids.len(), count + 1);
        })
        .await;
    }
}
