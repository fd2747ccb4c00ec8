//! A forgotten password: a link by mail, good for an hour and for one use. It ends all sessions,
//! and leaves a second factor as it is (attack A18).

use super::{
    Auth, AuthError, hash_token,
    links::{LINK_LIFE, LinkError},
    outbox::to,
    sessions::Device,
    verify::{escaped, link_error},
};
use crate::{
    domain::{email::Email, ids::UserId, password::Password, return_url::ReturnUrl},
    mail::Mail,
    store::{
        auth_events::AuthEventKind,
        users::User,
        verifications::{NewProof, Reset},
    },
};

const TOKEN_LENGTH: usize = 24;

impl Auth {
    /// Mails a link, if there is such an account; to somebody without a password, how she signs in
    /// instead. Nobody is told whether there is: the same work is
    /// done and the same is written for an address that has none (attack A3).
    pub(crate) async fn request_reset(
        &self,
        email: &Email,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<(), AuthError> {
        let login = self.store.login_by_email(email.as_str()).await?;
        let (token, now) = (self.ids.token(TOKEN_LENGTH), self.clock.now());
        let link =
            format!("{}/reset-password/{token}?callbackURL={}", self.issuer(), escaped(back));
        let event = self.event(AuthEventKind::PasswordResetRequested, device);
        let (nobody, life) = (UserId::new(format!("nobody {}", now.0)), 0);
        // Asked for everybody, since that too takes its time.
        let owner = login.as_ref().map_or(&nobody, |(user, _)| &user.id);
        let ways = self.other_ways(owner).await?;
        let new = if let Some((user, Some(_))) = &login {
            let proof = self.proof(identifier(&token), &user.id, LINK_LIFE);
            let mail = self.mailer.row(Mail::reset_password(to(user, device), &link))?;
            let event = event.of(&user.id, &user.email);
            self.store.insert_verification(NewProof { proof, mail }, event).await
        } else if let Some((user, None)) = &login {
            // Whom somebody else vouches for has no password that could be forgotten.
            let sign_in = format!("{}/sign-in", self.origins().own());
            let (providers, passkey) = &ways;
            let titles: Vec<&str> =
                providers.iter().map(|name| self.provider_title(name)).collect();
            let mail = Mail::no_password(to(user, device), (&titles, *passkey), &sign_in);
            let new = NewProof {
                proof: self.proof(identifier(&token), &nobody, life),
                mail: self.mailer.row(mail)?,
            };
            self.store.insert_verification(new, event.of(&user.id, &user.email)).await
        } else {
            let proof = self.proof(identifier(&token), &nobody, life);
            let event = event.tried(email.as_str());
            self.store.insert_verification(NewProof { proof, mail: None }, event).await
        };
        new?;
        self.mailer.told();
        Ok(())
    }

    /// With which providers of ours somebody signs in, and whether with a passkey.
    async fn other_ways(&self, owner: &UserId) -> Result<(Vec<String>, bool), AuthError> {
        let ways = self.store.ways_of(owner).await?.into_iter().map(|way| way.provider_id);
        let offered = |name: &String| self.providers().iter().any(|(id, _)| id == name);
        let passkey = !self.store.passkeys_of(owner).await?.is_empty();
        Ok((ways.filter(offered).collect(), passkey))
    }

    /// Whose link it is, if it is good still; it stays good.
    pub(crate) async fn check_reset(&self, token: &str) -> Result<User, LinkError> {
        let found = self.store.verification(&identifier(token), self.clock.now()).await;
        let owner = UserId::new(found.map_err(link_error)?);
        self.store.user(&owner).await.map_err(link_error)
    }

    /// Uses the link up. A password that the caller has not checked is not taken.
    pub(crate) async fn reset_password(
        &self,
        token: &str,
        password: Password,
        device: &Device,
    ) -> Result<(), LinkError> {
        // No work is spent on a password for a link that is no good.
        let user = self.check_reset(token).await?;
        let reset = Reset {
            proof: identifier(token),
            hash: self.hasher.hash(password, self.ids.as_ref()).await?,
            notice: self.mailer.row(Mail::password_changed(to(&user, device)))?,
        };
        let event = self.event(AuthEventKind::PasswordReset, device);
        self.store.reset_password(reset, event).await.map_err(link_error)?;
        self.unlock(&user.email).await?;
        self.mailer.told();
        Ok(())
    }
}

/// The token itself is stored nowhere.
fn identifier(token: &str) -> String {
    format!("reset-password:{}", hash_token(token))
}
