//! Authorization codes: issued once, redeemed once.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::read,
    schema::{oauth_code, session, user},
    sessions::Session,
    users::User,
};
use crate::domain::ids::{ClientId, SessionId, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_code)]
pub(crate) struct CodeRow {
    /// SHA-256 of the code, lower-case hex.
    pub hash: String,
    pub client_id: ClientId,
    pub user_id: UserId,
    /// The sign-in in the browser that it was issued in; the code goes with it.
    pub browser_sid: SessionId,
    pub redirect_uri: String,
    /// BASE64URL(SHA-256(verifier)) (RFC 7636 §4.2).
    pub code_challenge: Option<String>,
    /// A [`crate::domain::oidc::granted::Granted`] as JSON.
    pub granted: String,
    pub expires_at: i64,
    pub created_at: i64,
    pub used_at: Option<i64>,
    /// The session of the grant that it became.
    pub grant_sid: Option<SessionId>,
}

impl Store {
    /// A code, used or not, with the sign-in that it was issued in and its person.
    pub(crate) async fn code(&self, hash: &str) -> Result<(CodeRow, Session, User), StoreError> {
        Ok(read!(self, |conn| oauth_code::table
            .inner_join(session::table.on(oauth_code::browser_sid.eq(session::id)))
            .inner_join(user::table.on(oauth_code::user_id.eq(user::id)))
            .filter(oauth_code::hash.eq(hash))
            .select((CodeRow::as_select(), Session::as_select(), User::as_select()))
            .first(conn)
            .await?))
    }
}

#[cfg(test)]
impl Store {
    pub(crate) async fn insert_code(&self, row: CodeRow) -> Result<(), StoreError> {
        crate::store::db::write!(self, |conn| {
            diesel::insert_into(oauth_code::table).values(row).execute(conn).await?;
            Ok(())
        })
    }

    /// All codes, the newest first.
    pub(crate) async fn codes(&self) -> Result<Vec<CodeRow>, StoreError> {
        Ok(crate::store::db::read!(self, |conn| oauth_code::table
            .order(oauth_code::created_at.desc())
            .select(CodeRow::as_select())
            .load(conn)
            .await?))
    }
}
