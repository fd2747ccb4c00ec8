//! What admins do to accounts (`auth-api.md` §6). Who may is the caller's to know; each deed is
//! written down with both ids, the admin's and the person's.

use serde_json::{Map, Value, json};

use super::{Auth, AuthError, Identity, hash_token, people::ID_LENGTH, sessions::Device};
use crate::{
    domain::{
        clock::{Millis, SECOND},
        email::Email,
        ids::{UserId, prefixed},
        password::{Password, Weakness},
        role::Role,
    },
    store::{
        StoreError,
        accounts::{Account, CREDENTIAL},
        audit::AuditEntry,
        auth_events::AuthEventKind,
        sessions::Session,
        staff::SignIns,
        user_admin::{Records, UserEdit},
        user_list::UserQuery,
        users::User,
    },
};

/// What a ban without a reason says.
const NO_REASON: &str = "No reason";

#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("there is no such person")]
    NotFound,
    #[error("the address is taken")]
    Taken,
    #[error("no admin would be left")]
    LastAdmin,
    /// Nobody does this to herself.
    #[error("this is yourself")]
    Yourself,
    #[error(transparent)]
    Weak(Weakness),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            error => Self::Auth(error.into()),
        }
    }
}

/// An admin at work, and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub admin: &'a Identity,
    pub device: &'a Device,
}

/// An account that an admin makes.
#[derive(Debug, Clone)]
pub(crate) struct NewUser {
    pub email: Email,
    pub name: String,
    pub password: Option<Password>,
    pub role: Role,
    pub verified: bool,
    pub image: Option<String>,
}

impl Auth {
    pub(crate) async fn admin_list(
        &self,
        query: &UserQuery,
    ) -> Result<(Vec<User>, i64), AdminError> {
        Ok(self.store.list_users(query).await?)
    }

    pub(crate) async fn admin_user(&self, id: &UserId) -> Result<User, AdminError> {
        Ok(self.store.user(id).await?)
    }

    pub(crate) async fn admin_create(&self, by: By<'_>, new: NewUser) -> Result<User, AdminError> {
        let NewUser { email, name, password, role, verified, image } = new;
        let hash = match password {
            Some(password) => Some(self.checked_hash(password).await?),
            None => None,
        };
        let has_password = hash.is_some();
        let person = super::NewPerson { email, name, role, verified };
        let (mut user, login) = self.rows(person, hash.unwrap_or_default());
        user.image = image;
        let detail = json!({ "role": role });
        let records = self.records(by, AuthEventKind::UserCreated, &user, &detail);
        let made =
            self.store.create_by_admin(user.clone(), has_password.then_some(login), records).await;
        made.map_err(taken)?;
        Ok(user)
    }

    /// Changes name, picture, address or whether that is verified. Another address is unverified
    /// unless the admin vouches for it.
    pub(crate) async fn admin_edit(
        &self,
        by: By<'_>,
        id: &UserId,
        mut edit: UserEdit,
    ) -> Result<User, AdminError> {
        let before = self.store.user(id).await?;
        let moved = edit.email.as_ref().is_some_and(|email| *email != before.email);
        if moved && edit.email_verified.is_none() {
            edit.email_verified = Some(false);
        }
        let (kind, detail) = if moved {
            (AuthEventKind::EmailChanged, json!({ "before": before.email, "after": edit.email }))
        } else {
            let mut changed = Map::new();
            if let Some(name) = &edit.name {
                changed.insert("name".to_owned(), name.as_str().into());
            }
            if let Some(verified) = edit.email_verified {
                changed.insert("email_verified".to_owned(), verified.into());
            }
            (AuthEventKind::ProfileChanged, Value::Object(changed))
        };
        let records = self.records(by, kind, &before, &detail);
        self.store.edit_by_admin(id, edit, records).await.map_err(taken)
    }

    pub(crate) async fn admin_set_role(
        &self,
        by: By<'_>,
        id: &UserId,
        role: Role,
    ) -> Result<User, AdminError> {
        let user = self.store.user(id).await?;
        let detail = json!({ "before": user.role, "after": role });
        let records = self.records(by, AuthEventKind::RoleChanged, &user, &detail);
        self.store.set_role_by_admin(id, role, records).await.map_err(last_admin)
    }

    /// `seconds`: how long; none is for good.
    pub(crate) async fn admin_ban(
        &self,
        by: By<'_>,
        id: &UserId,
        reason: Option<String>,
        seconds: Option<i64>,
    ) -> Result<User, AdminError> {
        let user = self.store.user(id).await?;
        if user.id == by.admin.user.id {
            return Err(AdminError::Yourself);
        }
        let reason = reason.filter(|text| !text.is_empty()).unwrap_or_else(|| NO_REASON.to_owned());
        let until = self.ban_end(seconds);
        let detail = json!({ "reason": reason, "until": until.map(Millis::to_rfc3339) });
        let records = self.records(by, AuthEventKind::Banned, &user, &detail);
        self.store.ban(id, reason, until, records).await.map_err(last_admin)
    }

    pub(crate) async fn admin_unban(&self, by: By<'_>, id: &UserId) -> Result<User, AdminError> {
        let user = self.store.user(id).await?;
        let records = self.records(by, AuthEventKind::Unbanned, &user, &json!({}));
        Ok(self.store.unban(id, records).await?)
    }

    /// Each with the name of the app that it was granted to, if it was.
    pub(crate) async fn admin_sessions(
        &self,
        id: &UserId,
    ) -> Result<Vec<(Session, Option<String>)>, AdminError> {
        self.store.user(id).await?;
        Ok(self.store.sessions_with_apps(id, self.clock.now()).await?)
    }

    /// Ends one session, named by its handle or its real token. An unknown one is no error: it is
    /// over already.
    pub(crate) async fn admin_revoke(&self, by: By<'_>, name: &str) -> Result<(), AdminError> {
        let by_handle = self.store.session(&crate::domain::ids::SessionId::new(name)).await;
        let found = match by_handle {
            Err(StoreError::NotFound) => self.store.session_by_hash(&hash_token(name)).await,
            found => found,
        };
        let (session, user) = match found {
            Err(StoreError::NotFound) => return Ok(()),
            found => found?,
        };
        let detail = json!({ "session": session.id });
        self.end_sessions(by, &user, SignIns::One(session.id), &detail).await
    }

    pub(crate) async fn admin_revoke_all(&self, by: By<'_>, id: &UserId) -> Result<(), AdminError> {
        let user = self.store.user(id).await?;
        self.end_sessions(by, &user, SignIns::All, &json!({ "session": "all" })).await
    }

    async fn end_sessions(
        &self,
        by: By<'_>,
        user: &User,
        which: SignIns,
        detail: &Value,
    ) -> Result<(), AdminError> {
        let records = self.records(by, AuthEventKind::SessionRevoked, user, detail);
        let Records { event, entry } = records;
        let Some(entry) = entry else { return Ok(()) };
        match self.store.revoke_by_staff(&user.id, which, event, entry).await {
            // It ended by itself meanwhile.
            Err(StoreError::NotFound) => Ok(()),
            done => Ok(done?),
        }
    }

    /// Another password; ends all sessions and lifts a lock on the account.
    pub(crate) async fn admin_set_password(
        &self,
        by: By<'_>,
        id: &UserId,
        password: Password,
    ) -> Result<(), AdminError> {
        let user = self.store.user(id).await?;
        let hash = self.checked_hash(password).await?;
        let now = self.clock.now().0;
        let login = Account {
            id: self.ids.token(ID_LENGTH),
            account_id: user.id.as_str().to_owned(),
            provider_id: CREDENTIAL.to_owned(),
            user_id: user.id.clone(),
            password: Some(hash),
            created_at: now,
            updated_at: now,
        };
        let records = self.records(by, AuthEventKind::PasswordSet, &user, &json!({}));
        self.store.set_password_by_admin(login, records).await?;
        self.unlock(&user.email).await?;
        Ok(())
    }

    pub(crate) async fn admin_remove(&self, by: By<'_>, id: &UserId) -> Result<(), AdminError> {
        let user = self.store.user(id).await?;
        if user.id == by.admin.user.id {
            return Err(AdminError::Yourself);
        }
        let detail = json!({ "email": user.email, "name": user.name });
        let records = self.records(by, AuthEventKind::UserRemoved, &user, &detail);
        self.store.remove_by_admin(id, records).await.map_err(last_admin)
    }

    /// [`Self::admin_ban`] by the operator, who may be anybody: so no admin is named.
    pub(crate) async fn operator_ban(
        &self,
        email: &Email,
        reason: Option<String>,
        seconds: Option<i64>,
    ) -> Result<User, AdminError> {
        let user = self.store.user_by_email(email.as_str()).await?;
        let reason = reason.unwrap_or_else(|| NO_REASON.to_owned());
        let until = self.ban_end(seconds);
        let event = self.by_operator(AuthEventKind::Banned, &user);
        let event = event.with("reason", reason.as_str());
        let records = Records { event, entry: None };
        self.store.ban(&user.id, reason, until, records).await.map_err(last_admin)
    }

    pub(crate) async fn operator_unban(&self, email: &Email) -> Result<User, AdminError> {
        let user = self.store.user_by_email(email.as_str()).await?;
        let event = self.by_operator(AuthEventKind::Unbanned, &user);
        Ok(self.store.unban(&user.id, Records { event, entry: None }).await?)
    }

    pub(crate) async fn operator_user(&self, email: &Email) -> Result<User, AdminError> {
        Ok(self.store.user_by_email(email.as_str()).await?)
    }

    /// Ends the sign-in of this person that has this id. Says whether there was one.
    pub(crate) async fn operator_revoke(
        &self,
        email: &Email,
        session: &str,
    ) -> Result<bool, AdminError> {
        let user = self.store.user_by_email(email.as_str()).await?;
        let event = self.by_operator(AuthEventKind::SessionRevoked, &user);
        let event = event.with("session", session);
        Ok(self.store.revoke_session(&user.id, session, "", event).await?)
    }

    pub(super) async fn is_banned(&self, id: &UserId) -> Result<bool, AuthError> {
        match self.store.user(id).await {
            Err(StoreError::NotFound) => Ok(false),
            found => Ok(found?.is_banned(self.clock.now())),
        }
    }

    /// A ban that is over shows no more once its person signs in.
    pub(super) async fn without_old_ban(&self, user: User) -> Result<User, AuthError> {
        let now = self.clock.now();
        if !user.banned || user.is_banned(now) {
            return Ok(user);
        }
        Ok(self.store.clear_ban(&user.id, now).await?)
    }

    fn ban_end(&self, seconds: Option<i64>) -> Option<Millis> {
        seconds.map(|seconds| {
            Millis(self.clock.now().0.saturating_add(seconds.saturating_mul(SECOND)))
        })
    }

    async fn checked_hash(&self, password: Password) -> Result<String, AdminError> {
        self.check_password(&password).map_err(AdminError::Weak)?;
        Ok(self.hasher.hash(password, self.ids.as_ref()).await?)
    }

    /// The event of the person's account and the entry of the admin's deed, which names the event's
    /// kind as its action.
    pub(super) fn records(
        &self,
        by: By<'_>,
        kind: AuthEventKind,
        user: &User,
        detail: &Value,
    ) -> Records {
        let By { admin, device } = by;
        let mut event = self.event(kind, device).of(&user.id, &user.email);
        event = event.with("by", admin.user.id.as_str());
        for (name, value) in detail.as_object().into_iter().flatten() {
            event = event.with(name, value.clone());
        }
        let entry = self.audit_entry(admin, kind.as_str(), user.id.as_str(), detail);
        Records { event, entry: Some(entry) }
    }

    /// An audit entry of now. It is written by whoever has the transaction.
    pub(crate) fn audit_entry(
        &self,
        admin: &Identity,
        action: &str,
        target: &str,
        detail: &Value,
    ) -> AuditEntry {
        let now = self.clock.now();
        AuditEntry {
            id: prefixed(&*self.ids, "aud", now),
            at: now.0,
            actor_id: admin.user.id.clone(),
            action: action.to_owned(),
            target: target.to_owned(),
            detail: detail.to_string(),
        }
    }
}

fn taken(error: StoreError) -> AdminError {
    match error {
        StoreError::Conflict(_) => AdminError::Taken,
        error => error.into(),
    }
}

fn last_admin(error: StoreError) -> AdminError {
    match error {
        StoreError::Conflict(_) => AdminError::LastAdmin,
        error => error.into(),
    }
}
