//! An admin acts as somebody else, to see what that person sees: for an hour at most, in a session
//! that says so, that hangs on the admin's own and ends with it (attack C10).

use serde_json::json;

use super::{
    Auth, AuthError, Identity,
    admin::{AdminError, By},
    hash_token,
    sessions::Device,
};
use crate::{
    domain::{clock::HOUR, ids::UserId, role::Role},
    store::{
        StoreError, auth_events::AuthEventKind, impersonation::Ending, sessions::Session,
        user_admin::Records, users::User,
    },
};

/// It ends after this time, and is never prolonged.
const MOST: i64 = HOUR;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ActingError {
    #[error("an admin is nobody's part to play")]
    IsAdmin,
    #[error("this person is banned")]
    IsBanned,
    #[error("nobody is acted as")]
    NotActing,
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl From<StoreError> for ActingError {
    fn from(error: StoreError) -> Self {
        Self::Admin(error.into())
    }
}

impl From<AuthError> for ActingError {
    fn from(error: AuthError) -> Self {
        Self::Admin(error.into())
    }
}

/// A session as somebody, and its token.
#[derive(Debug)]
pub(crate) struct Acting {
    pub session: Session,
    pub user: User,
    pub token: String,
}

/// Whether `token` is of this session.
pub(crate) fn is_token_of(token: &str, session: &Session) -> bool {
    hash_token(token) == session.token_hash
}

impl Auth {
    pub(crate) async fn impersonate(&self, by: By<'_>, id: &UserId) -> Result<Acting, ActingError> {
        let user = self.store.user(id).await?;
        if user.role == Role::Admin {
            return Err(ActingError::IsAdmin);
        }
        if user.is_banned(self.clock.now()) {
            return Err(ActingError::IsBanned);
        }
        let (mut session, token) = self.new_session(&user.id, false, by.device.clone());
        let end = self.clock.now().plus(MOST).min(by.admin.expires);
        session.expires_at = session.expires_at.min(end.0);
        session.impersonated_by = Some(by.admin.user.id.as_str().to_owned());
        // The admin proved to be herself, not to be this person.
        session.proved_at = 0;
        let detail = json!({ "session": session.id });
        let records = self.records(by, AuthEventKind::ImpersonationStarted, &user, &detail);
        match self.store.begin_acting(session.clone(), &by.admin.session, records).await {
            Err(StoreError::NotFound) => Err(AuthError::NotSignedIn.into()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(Acting { session, user, token }),
        }
    }

    /// Back to the admin's own session, which has gone on meanwhile.
    pub(crate) async fn stop_impersonating(
        &self,
        identity: &Identity,
        device: &Device,
    ) -> Result<(Session, User), ActingError> {
        let records = self.ending(identity, device).await?;
        let own = self.store.end_acting(&identity.session, Ending::Acting, records).await?;
        Ok(self.load(self.store.session(&own).await).await?)
    }

    /// Whoever signs out while she acts as somebody signs out herself: nothing of hers stays.
    pub(super) async fn sign_out_both(
        &self,
        identity: &Identity,
        device: &Device,
    ) -> Result<(), AuthError> {
        let records = match self.ending(identity, device).await {
            Ok(records) => records,
            Err(ActingError::Admin(AdminError::Auth(error))) => return Err(error),
            // Over already.
            Err(_) => return Ok(()),
        };
        match self.store.end_acting(&identity.session, Ending::Both, records).await {
            Ok(_) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn ending(&self, identity: &Identity, device: &Device) -> Result<Records, ActingError> {
        let by = identity.impersonated_by.as_ref().ok_or(ActingError::NotActing)?;
        let user = self.store.user(&identity.user.id).await?;
        let mut admin = identity.clone();
        admin.user = self.store.user(by).await?.into();
        let by = By { admin: &admin, device };
        let detail = json!({ "session": identity.session });
        Ok(self.records(by, AuthEventKind::ImpersonationEnded, &user, &detail))
    }

    /// Who acts as somebody else must be an admin still, and that somebody none.
    pub(super) async fn check_acting(
        &self,
        session: &Session,
        user: &User,
    ) -> Result<(), AuthError> {
        let Some(by) = &session.impersonated_by else { return Ok(()) };
        let admin = match self.store.user(&UserId::new(by)).await {
            Err(StoreError::NotFound) => return Err(AuthError::NotSignedIn),
            found => found?,
        };
        let may = admin.role == Role::Admin && !admin.is_banned(self.clock.now());
        if may && user.role != Role::Admin { Ok(()) } else { Err(AuthError::NotSignedIn) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::Bench;

    /// An admin who acts as Ada: the admin, the one she acts as, and the token.
    pub(crate) async fn acting(bench: &Bench) -> (Identity, Identity, String) {
        let root = bench.signed_in("root", Role::Admin).await;
        let ada = bench.signed_in("ada", Role::Student).await;
        let by = By { admin: &root, device: &Device::default() };
        let acting = bench.auth.impersonate(by, &ada.user.id).await.unwrap();
        let as_ada = bench.auth.by_session_token(&acting.token).await.unwrap();
        (root, as_ada, acting.token)
    }

    async fn is_over(bench: &Bench, token: &str) -> bool {
        matches!(bench.auth.by_session_token(token).await, Err(AuthError::NotSignedIn))
    }

    /// Attack C10.
    #[tokio::test(flavor = "multi_thread")]
    async fn acting_as_somebody_lasts_an_hour_is_never_prolonged_and_never_fresh() {
        let bench = Bench::new().await;
        let (root, as_ada, token) = acting(&bench).await;

        assert_eq!(as_ada.impersonated_by, Some(root.user.id));
        assert!(!bench.auth.is_fresh(&as_ada) && !as_ada.is_admin());
        bench.clock.advance(HOUR - 1);
        let known = bench.auth.known_session(&token).await.unwrap();
        assert!(bench.auth.renew(&token, &known).await.unwrap().is_none());
        assert!(!is_over(&bench, &token).await);
        bench.clock.advance(1);
        assert!(is_over(&bench, &token).await);
    }

    /// Attack C10: `act` as in RFC 8693 §4.1.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_of_an_acting_session_names_the_admin_and_ends_with_the_hour() {
        let bench = Bench::new().await;
        let (root, as_ada, token) = acting(&bench).await;
        let jwt = bench.auth.issue_access_token(&as_ada).unwrap();
        let payload = jwt.split('.').nth(1).unwrap();
        let payload =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload);
        let claims: serde_json::Value = serde_json::from_slice(&payload.unwrap()).unwrap();

        assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&json!("ada"), &json!("root")));
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(life, HOUR / 1_000);
        let shown = bench.auth.by_bearer(&jwt).await.unwrap();
        assert_eq!(shown.impersonated_by, Some(root.user.id.clone()));

        let own = bench.auth.issue_access_token(&root).unwrap();
        let own = bench.auth.by_bearer(&own).await.unwrap();
        assert_eq!(own.impersonated_by, None);
        bench.auth.stop_impersonating(&as_ada, &Device::default()).await.unwrap();
        assert!(matches!(bench.auth.by_bearer(&jwt).await, Err(AuthError::BadToken)));
        assert!(is_over(&bench, &token).await);
    }

    /// Attack C10: the end of the admin's session, role or ban.
    #[tokio::test(flavor = "multi_thread")]
    async fn acting_ends_with_the_admins_session_role_or_ban() {
        for ending in ["sign out", "role", "ban", "made admin"] {
            let bench = Bench::new().await;
            let (root, as_ada, token) = acting(&bench).await;
            let device = Device::default();
            let eve = bench.signed_in("eve", Role::Admin).await;
            let by = By { admin: &eve, device: &device };
            match ending {
                "sign out" => bench.auth.sign_out(&root, &device).await.unwrap(),
                "role" => {
                    let role = Role::Instructor;
                    bench.auth.admin_set_role(by, &root.user.id, role).await.unwrap();
                }
                "ban" => {
                    bench.auth.admin_ban(by, &root.user.id, None, None).await.unwrap();
                }
                _ => {
                    let role = Role::Admin;
                    bench.auth.admin_set_role(by, &as_ada.user.id, role).await.unwrap();
                }
            }
            assert!(is_over(&bench, &token).await, "{ending}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_acts_as_an_admin_or_as_somebody_who_is_banned() {
        let bench = Bench::new().await;
        let root = bench.signed_in("root", Role::Admin).await;
        let eve = bench.signed_in("eve", Role::Admin).await;
        let bob = bench.signed_in("bob", Role::Student).await;
        let by = By { admin: &root, device: &Device::default() };
        bench.auth.admin_ban(by, &bob.user.id, None, None).await.unwrap();

        for (id, expected) in [
            (&eve.user.id, "an admin is nobody's part to play"),
            (&root.user.id, "an admin is nobody's part to play"),
            (&bob.user.id, "this person is banned"),
            (&UserId::new("nobody"), "there is no such person"),
        ] {
            let refused = bench.auth.impersonate(by, id).await.unwrap_err();
            assert_eq!(refused.to_string(), expected, "{id}");
        }
    }

    /// Attack C10: signing out ends all.
    #[tokio::test(flavor = "multi_thread")]
    async fn who_signs_out_while_acting_is_signed_out_herself_and_both_ids_are_written_down() {
        let bench = Bench::new().await;
        let (root, as_ada, token) = acting(&bench).await;

        bench.auth.sign_out(&as_ada, &Device::default()).await.unwrap();

        assert!(is_over(&bench, &token).await);
        let own = bench.auth.identity_of(&root.session).await;
        assert!(matches!(own, Err(AuthError::NotSignedIn)));
        let audit = bench.store.audit_page(None).await.unwrap();
        let audit: Vec<_> = audit
            .iter()
            .map(|(entry, _)| {
                (entry.actor_id.as_str(), entry.target.as_str(), entry.action.as_str())
            })
            .collect();
        assert!(audit.contains(&("root", "ada", "impersonation_started")), "{audit:?}");
        assert!(audit.contains(&("root", "ada", "impersonation_ended")), "{audit:?}");
        let events = bench.store.newest_auth_events(1).await.unwrap();
        assert_eq!(events[0].user_id, Some(as_ada.user.id));
        assert_eq!(events[0].detail()["by"], "root");
    }
}
