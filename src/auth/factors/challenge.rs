//! Sign-ins whose second factor is still to come.

use crate::{
    auth::{Auth, AuthError, hash_token, sessions::Device, sign_up::Started},
    domain::clock::MINUTE,
    store::{StoreError, auth_events::AuthEventKind, two_factors::Challenge as Row, users::User},
};

/// How long a sign-in waits.
pub(crate) const CHALLENGE_LIFE: i64 = 10 * MINUTE;
const NAME_LENGTH: usize = 20;

/// A sign-in that waits for its second factor.
#[derive(Debug)]
pub(crate) struct Challenge {
    pub user: User,
    /// The cookie's value; stored as a hash.
    pub name: String,
    pub remember: bool,
    /// What it may be proved with, in the peer's words.
    pub methods: Vec<&'static str>,
}

/// Where a first factor led.
#[derive(Debug)]
pub(crate) enum Entered {
    In(Box<Started>),
    SecondFactor(Box<Challenge>),
}

impl Auth {
    /// What follows a first factor other than the password. The caller has refused the banned.
    pub(in crate::auth) async fn enter(
        &self,
        user: User,
        device: Device,
    ) -> Result<Entered, AuthError> {
        if user.two_factor_enabled {
            let challenge = self.ask_second_factor(user, true).await?;
            return Ok(Entered::SecondFactor(Box::new(challenge)));
        }
        let event = self.event(AuthEventKind::SignIn, &device).of(&user.id, &user.email);
        let (session, token) = self.new_session(&user.id, true, device);
        self.store.insert_session(session, event).await?;
        Ok(Entered::In(Box::new(Started { user, token })))
    }

    /// What the person's second factor can be proved with. Recovery codes always can, and are not
    /// told.
    async fn methods(&self, user: &User) -> Result<Vec<&'static str>, AuthError> {
        let factor = match self.store.two_factor(&user.id).await {
            Err(StoreError::NotFound) => return Ok(Vec::new()),
            factor => factor?,
        };
        let by_mail = factor.by_mail && self.mails();
        Ok([("totp", factor.verified), ("otp", by_mail)]
            .into_iter()
            .filter_map(|(name, possible)| possible.then_some(name))
            .collect())
    }

    /// Lets a sign-in wait.
    pub(in crate::auth) async fn ask_second_factor(
        &self,
        user: User,
        remember: bool,
    ) -> Result<Challenge, AuthError> {
        let name = format!("2fa-{}", self.ids.token(NAME_LENGTH));
        let now = self.clock.now();
        let row = Row {
            token_hash: hash_token(&name),
            user_id: user.id.clone(),
            remember,
            tries: 0,
            expires_at: now.plus(CHALLENGE_LIFE).0,
            created_at: now.0,
        };
        self.store.begin_challenge(row).await?;
        let methods = self.methods(&user).await?;
        Ok(Challenge { user, name, remember, methods })
    }
}
