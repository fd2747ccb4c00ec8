//! Accounts made and changed by the operator: on the command line, and in demo mode.

use super::{Auth, AuthError, sessions::Device};
use crate::{
    domain::{email::Email, ids::UserId, password::Password, role::Role},
    store::{
        StoreError,
        accounts::{Account, CREDENTIAL},
        auth_events::{AuthEvent, AuthEventKind},
        users::User,
    },
};

pub(super) const ID_LENGTH: usize = 32;
/// How many rows one transaction makes.
const BATCH: usize = 500;

/// A person to be.
#[derive(Debug, Clone)]
pub(crate) struct NewPerson {
    pub email: Email,
    pub name: String,
    pub role: Role,
    pub verified: bool,
}

impl Auth {
    /// Makes an account. [`StoreError::Conflict`] if the address is taken.
    pub(crate) async fn create_user(
        &self,
        person: NewPerson,
        password: Password,
    ) -> Result<User, AuthError> {
        let hash = self.hasher.hash(password, self.ids.as_ref()).await?;
        let (user, login) = self.rows(person, hash);
        self.store.insert_user(user.clone(), login, None).await?;
        Ok(user)
    }

    /// Makes many accounts with one password, hashed once: for load tests.
    pub(crate) async fn create_users(
        &self,
        people: Vec<NewPerson>,
        password: Password,
    ) -> Result<Vec<User>, AuthError> {
        let hash = self.hasher.hash(password, self.ids.as_ref()).await?;
        let rows: Vec<_> =
            people.into_iter().map(|person| self.rows(person, hash.clone())).collect();
        for batch in rows.chunks(BATCH) {
            self.store.insert_users(batch.to_vec()).await?;
        }
        Ok(rows.into_iter().map(|(user, _)| user).collect())
    }

    /// Gives the person with this address another role. Running servers learn it within a second.
    pub(crate) async fn set_role(&self, email: &Email, role: Role) -> Result<User, AuthError> {
        let user = self.store.user_by_email(email.as_str()).await?;
        let event = self.by_operator(AuthEventKind::RoleChanged, &user);
        Ok(self.store.set_role(&user.id, role, event).await?)
    }

    /// Ends every sign-in of the person with this address. Running servers learn it within a
    /// second.
    pub(crate) async fn sign_out_everywhere(&self, email: &Email) -> Result<User, AuthError> {
        let user = self.store.user_by_email(email.as_str()).await?;
        let event = self.by_operator(AuthEventKind::SessionRevoked, &user);
        self.store.revoke_sessions(&user.id, event).await?;
        Ok(user)
    }

    /// What is done on the command line comes from no address.
    pub(super) fn by_operator(&self, kind: AuthEventKind, user: &User) -> AuthEvent {
        self.event(kind, &Device::default()).of(&user.id, &user.email)
    }

    /// Makes sure that this account is there, verified, and has this password and role.
    pub(super) async fn ensure_user(
        &self,
        person: NewPerson,
        password: Password,
    ) -> Result<(), AuthError> {
        let user = match self.store.user_by_email(person.email.as_str()).await {
            Err(StoreError::NotFound) => {
                return self.create_user(person, password).await.map(|_| ());
            }
            found => found?,
        };
        let now = self.clock.now();
        let hash = self.hasher.hash(password, self.ids.as_ref()).await?;
        self.store.set_password(&user.id, hash, now).await?;
        let verified = self.by_operator(AuthEventKind::EmailVerified, &user);
        self.store.set_verified(&user.id, &user.email, verified).await?;
        if user.role != person.role {
            let changed = self.by_operator(AuthEventKind::RoleChanged, &user);
            self.store.set_role(&user.id, person.role, changed).await?;
        }
        Ok(())
    }

    pub(super) fn rows(&self, person: NewPerson, hash: String) -> (User, Account) {
        let now = self.clock.now().0;
        let id = UserId::new(self.ids.token(ID_LENGTH));
        let login = Account {
            id: self.ids.token(ID_LENGTH),
            account_id: id.as_str().to_owned(),
            provider_id: CREDENTIAL.to_owned(),
            user_id: id.clone(),
            password: Some(hash),
            created_at: now,
            updated_at: now,
        };
        let user = User {
            id,
            name: person.name,
            email: person.email.as_str().to_owned(),
            email_verified: person.verified,
            image: None,
            role: person.role,
            banned: false,
            ban_reason: None,
            ban_expires: None,
            two_factor_enabled: false,
            quota_limit: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        (user, login)
    }
}
