//! People and sessions as Better-Auth's client expects them (`auth-api.md` §0).

use serde_json::{Value, json};

use crate::{
    domain::clock::Millis,
    store::{sessions::Session, users::User},
};

fn time(ms: i64) -> String {
    Millis(ms).to_rfc3339()
}

pub(crate) fn user(user: &User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "emailVerified": user.email_verified,
        "image": user.image,
        "createdAt": time(user.created_at),
        "updatedAt": time(user.updated_at),
        "role": user.role,
        "banned": user.banned,
        "banReason": user.ban_reason,
        "banExpires": user.ban_expires.map(time),
        "twoFactorEnabled": user.two_factor_enabled,
    })
}

/// All that stands behind the token in the answer of `get-session`, as text: the token is the
/// caller's own and is kept nowhere.
pub(crate) fn behind_token(session_: &Session, user_: &User) -> String {
    let mut rest = session(session_, "");
    if let Some(fields) = rest.as_object_mut() {
        fields.remove("token");
    }
    let rest = rest.to_string();
    format!(",{},\"user\":{}}}", rest.strip_prefix('{').unwrap_or(&rest), user(user_))
}

/// `token`: the real one for its own holder, a handle (the session's id) in lists.
pub(crate) fn session(session: &Session, token: &str) -> Value {
    json!({
        "id": session.id,
        "token": token,
        "userId": session.user_id,
        "expiresAt": time(session.expires_at),
        "createdAt": time(session.created_at),
        "updatedAt": time(session.updated_at),
        "ipAddress": session.ip_address,
        "userAgent": session.user_agent,
        "impersonatedBy": session.impersonated_by,
    })
}

/// One of a list: what stands as `token` signs nobody in. Of what an app was granted the app is named
/// too.
pub(crate) fn listed(session_: &Session, app: Option<&str>) -> Value {
    let mut listed = session(session_, session_.id.as_str());
    if let (Some(id), Some(listed)) = (&session_.client_id, listed.as_object_mut()) {
        listed.insert("clientId".to_owned(), id.as_str().into());
        listed.insert("clientName".to_owned(), app.into());
    }
    listed
}
