//! Back from a provider, or here with a token that an app got from one.

use std::net::IpAddr;

use super::{
    Answer, Profile, Provider, ProviderError, Tokens,
    linking::{Decision, Rules, decide},
    state::{Journey, Ways},
};
use crate::{
    auth::{
        Auth, AuthError, Identity,
        factors::{Challenge, Entered},
        hash_token,
        people::ID_LENGTH,
        random_password,
        sessions::Device,
        sign_up::Started,
    },
    domain::{email::Email, ids::UserId, password::Password, return_url::ReturnUrl, role::Role},
    mail::Notice,
    store::{StoreError, auth_events::AuthEventKind, users::User},
};

const MAX_NAME: usize = 256;
const MAX_IMAGE: usize = 2_048;

/// What the provider sent back with the browser.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    pub code: Option<String>,
    pub state: Option<String>,
    pub error: Option<String>,
    pub iss: Option<String>,
}

/// The browser that came.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    /// The state that its cookie holds.
    pub state: Option<String>,
    pub session: Option<String>,
    pub device: Device,
    pub address: Option<IpAddr>,
}

/// A token that an app got from a provider.
#[derive(Debug)]
pub(crate) struct ByIdToken {
    pub provider: String,
    pub token: String,
    pub nonce: Option<String>,
}

/// Why nobody is signed in or linked; [`Failure::as_str`] is what the page gets as `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    StateMismatch,
    AccessDenied,
    LoginRequired,
    IssuerMismatch,
    InvalidCode,
    ProviderAway,
    NotLinked,
    EmailDoesNotMatch,
    LinkedElsewhere,
    NoEmail,
    SignUpClosed,
    Banned,
    TooMany,
}

impl Failure {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::StateMismatch => "state_mismatch",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::InvalidCode => "invalid_code",
            Self::ProviderAway => "provider_unavailable",
            Self::NotLinked => "account_not_linked",
            Self::EmailDoesNotMatch => "email_does_not_match",
            Self::LinkedElsewhere => "account_already_linked_to_different_user",
            Self::NoEmail => "email_not_found",
            Self::SignUpClosed => "signup_disabled",
            Self::Banned => "banned",
            Self::TooMany => "too_many_requests",
        }
    }

    fn of(error: &ProviderError) -> Self {
        match error {
            ProviderError::Away(_) => Self::ProviderAway,
            ProviderError::Refused(_) | ProviderError::Invalid(_) => Self::InvalidCode,
        }
    }
}

/// Where it led.
#[derive(Debug)]
pub(crate) enum Outcome {
    In {
        started: Box<Started>,
        back: ReturnUrl,
        /// Our row of the account at the provider; so below.
        account: String,
    },
    SecondFactor {
        challenge: Box<Challenge>,
        back: ReturnUrl,
        account: String,
    },
    Linked {
        back: ReturnUrl,
        account: String,
    },
    /// `way`: the caller's page for failures, if she named one.
    Failed {
        way: Option<ReturnUrl>,
        why: Failure,
    },
}

/// Somebody let in, and whether she is new.
struct Admitted {
    entered: Entered,
    new: bool,
    /// The row of her account at the provider.
    account: String,
}

/// What became of an account at a provider.
enum Done {
    Admitted(Admitted),
    /// It is joined to the person who asked for it; its row.
    Joined(String),
}

/// Refused, or a failure of ours.
enum Refused {
    Because(Failure),
    Auth(AuthError),
}

impl<E: Into<AuthError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Auth(error.into())
    }
}

impl Auth {
    /// The end of a journey. Whatever is wrong with it, its state is used up.
    pub(crate) async fn come_back(
        &self,
        provider: &str,
        returned: Returned,
        browser: Browser,
    ) -> Result<Outcome, AuthError> {
        let lost = Outcome::Failed { way: None, why: Failure::StateMismatch };
        let Some(state) = returned.state.as_deref() else { return Ok(lost) };
        let Some(journey) = self.take_journey(state).await? else { return Ok(lost) };
        let ways = journey.ways.clone();
        let failed = |why| Ok(Outcome::Failed { way: ways.error.clone(), why });
        if browser.state.as_deref() != Some(state) || journey.provider != provider {
            return failed(Failure::StateMismatch);
        }
        let Some(known) = self.provider(provider) else { return failed(Failure::StateMismatch) };
        let (profile, tokens) = match self.vouched(known, &journey, &returned).await {
            Ok(vouched) => vouched,
            Err(why) => return failed(why),
        };
        let done = match journey.link {
            Some(owner) => {
                self.join(provider, &owner, (profile, tokens), &browser).await.map(Done::Joined)
            }
            None => {
                self.admit(provider, (profile, tokens), &ways, browser).await.map(Done::Admitted)
            }
        };
        match done {
            Ok(Done::Joined(account)) => Ok(Outcome::Linked { back: ways.back, account }),
            Ok(Done::Admitted(admitted)) => Ok(outcome(admitted, ways)),
            Err(Refused::Because(why)) => failed(why),
            Err(Refused::Auth(error)) => Err(error),
        }
    }

    /// Signs in with a provider's ID token; each is good for one use.
    pub(crate) async fn enter_by_id_token(
        &self,
        by: ByIdToken,
        browser: Browser,
    ) -> Result<Outcome, AuthError> {
        let failed = |why| Ok(Outcome::Failed { way: None, why });
        let Some(Provider::Oidc(provider)) = self.provider(&by.provider) else {
            return failed(Failure::InvalidCode);
        };
        let (profile, expires) = match provider.by_id_token(&by.token, by.nonce.as_deref()).await {
            Ok(verified) => verified,
            Err(error) => {
                tracing::info!(provider = by.provider, %error, "an id_token was refused");
                return failed(Failure::of(&error));
            }
        };
        let once = format!("id-token:{}", hash_token(&by.token));
        if !self.store.spend_nonce(&once, expires).await? {
            return failed(Failure::InvalidCode);
        }
        let ways = Ways { back: ReturnUrl::home(), new_user: None, error: None };
        let tokens = Tokens { id: Some(by.token), ..Tokens::default() };
        match self.admit(&by.provider, (profile, tokens), &ways, browser).await {
            Ok(admitted) => Ok(outcome(admitted, ways)),
            Err(Refused::Because(why)) => failed(why),
            Err(Refused::Auth(error)) => Err(error),
        }
    }

    /// What the provider says of whoever comes back, once it is sure that it is the provider.
    async fn vouched(
        &self,
        provider: &Provider,
        journey: &Journey,
        returned: &Returned,
    ) -> Result<(Profile, Tokens), Failure> {
        let name = &journey.provider;
        let told = |error: ProviderError| {
            tracing::warn!(provider = name, %error, "a sign-in at a provider failed");
            Failure::of(&error)
        };
        if !provider.is_from(returned.iss.as_deref()).await.map_err(told)? {
            return Err(Failure::IssuerMismatch);
        }
        match returned.error.as_deref() {
            None => {}
            Some("login_required" | "interaction_required") => return Err(Failure::LoginRequired),
            Some("server_error" | "temporarily_unavailable") => return Err(Failure::ProviderAway),
            Some(_) => return Err(Failure::AccessDenied),
        }
        let answer = Answer {
            redirect: &self.redirect_uri(name),
            code: returned.code.as_deref().ok_or(Failure::InvalidCode)?,
            nonce: &journey.nonce,
            verifier: &journey.verifier,
        };
        let (profile, tokens) = provider.redeem(&answer).await.map_err(told)?;
        let sane = !profile.subject.is_empty()
            && profile.subject.len() <= 255
            && !profile.subject.contains(char::is_control);
        if sane { Ok((profile, tokens)) } else { Err(Failure::InvalidCode) }
    }

    /// Lets in whoever the provider vouches for, if the rules say so.
    async fn admit(
        &self,
        provider: &str,
        (profile, tokens): (Profile, Tokens),
        ways: &Ways,
        browser: Browser,
    ) -> Result<Admitted, Refused> {
        let found = self.store.user_by_subject(provider, &profile.subject).await;
        let (user, account, new) = match found {
            Ok((user, account)) => {
                self.refuse_banned(&user, &browser.device).await?;
                self.keep_tokens(&account.id, &tokens).await?;
                (user, account.id, false)
            }
            Err(StoreError::NotFound) => {
                self.first_sight(provider, (profile, tokens), ways, &browser).await?
            }
            Err(error) => return Err(error.into()),
        };
        let Browser { session, device, .. } = browser;
        let entered = self.enter(user, device.clone()).await?;
        if let Some(old) = session {
            self.end_replaced(&old, &device).await?;
        }
        Ok(Admitted { entered, new, account })
    }

    /// Somebody whose account at the provider is nobody's here yet. Gives the row that it gets, and
    /// whether the person is new.
    async fn first_sight(
        &self,
        provider: &str,
        (profile, tokens): (Profile, Tokens),
        ways: &Ways,
        browser: &Browser,
    ) -> Result<(User, String, bool), Refused> {
        let email = profile.email.as_deref().and_then(|text| Email::parse(text).ok());
        let found = match &email {
            Some(email) => match self.store.user_by_email(email.as_str()).await {
                Err(StoreError::NotFound) => None,
                found => Some(found?),
            },
            None => None,
        };
        let rules = Rules { link: self.social.link, sign_up: self.allow_sign_up };
        match (decide(&profile, found.as_ref(), rules), found) {
            (Decision::Link, Some(user)) => {
                self.refuse_banned(&user, &browser.device).await?;
                let account =
                    self.link(provider, &user, (&profile, tokens), &browser.device).await?;
                Ok((user, account, false))
            }
            (Decision::Create(email), _) => {
                let (user, account) =
                    self.create(provider, email, (profile, tokens), browser).await?;
                if !user.email_verified {
                    self.mail_verification(&user, &ways.back, &browser.device).await;
                }
                Ok((user, account, true))
            }
            (Decision::Wipe, Some(user)) => {
                self.wipe(&user, ways, browser).await?;
                Err(Refused::Because(Failure::NotLinked))
            }
            (Decision::NoEmail, _) => Err(Refused::Because(Failure::NoEmail)),
            (Decision::Closed, _) => Err(Refused::Because(Failure::SignUpClosed)),
            _ => Err(Refused::Because(Failure::NotLinked)),
        }
    }

    /// Joins the account to the person who asked for it, in the same browser.
    async fn join(
        &self,
        provider: &str,
        owner: &UserId,
        (profile, tokens): (Profile, Tokens),
        browser: &Browser,
    ) -> Result<String, Refused> {
        let caller = match &browser.session {
            Some(token) => self.by_session_token(token).await.ok(),
            None => None,
        };
        let hers = |it: &Identity| it.user.id == *owner && it.impersonated_by.is_none();
        let Some(caller) = caller.filter(hers) else {
            return Err(Refused::Because(Failure::StateMismatch));
        };
        match self.store.user_by_subject(provider, &profile.subject).await {
            Ok((user, account)) if user.id == *owner => {
                self.keep_tokens(&account.id, &tokens).await?;
                return Ok(account.id);
            }
            Ok(_) => return Err(Refused::Because(Failure::LinkedElsewhere)),
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let email = profile.email.as_deref().and_then(|text| Email::parse(text).ok());
        if email.as_ref().map(Email::as_str) != Some(&caller.user.email) {
            return Err(Refused::Because(Failure::EmailDoesNotMatch));
        }
        if !profile.email_verified {
            return Err(Refused::Because(Failure::NotLinked));
        }
        let user = self.store.user(owner).await?;
        self.link(provider, &user, (&profile, tokens), &browser.device).await
    }

    async fn link(
        &self,
        provider: &str,
        user: &User,
        (profile, tokens): (&Profile, Tokens),
        device: &Device,
    ) -> Result<String, Refused> {
        let login = self.login(provider, &profile.subject, &user.id, &tokens)?;
        let account = login.id.clone();
        let event = self.event(AuthEventKind::SocialLinked, device).of(&user.id, &user.email);
        match self.store.link_account(login, event).await {
            Ok(()) => {}
            Err(StoreError::Conflict(_)) => {
                return Err(Refused::Because(Failure::LinkedElsewhere));
            }
            Err(error) => return Err(error.into()),
        }
        let told = (user.email.as_str(), user.name.as_str());
        self.mail_notice(told, Notice::Linked(self.provider_title(provider)), device).await;
        Ok(account)
    }

    async fn create(
        &self,
        provider: &str,
        email: Email,
        (profile, tokens): (Profile, Tokens),
        browser: &Browser,
    ) -> Result<(User, String), Refused> {
        if self.limits.sign_up(browser.address).await.is_err() {
            return Err(Refused::Because(Failure::TooMany));
        }
        let name: String =
            profile.name.as_deref().unwrap_or_default().chars().take(MAX_NAME).collect();
        let name = name.replace(char::is_control, " ");
        let name = if name.trim().is_empty() { email.as_str().to_owned() } else { name };
        let now = self.clock.now().0;
        let user = User {
            id: UserId::new(self.ids.token(ID_LENGTH)),
            name,
            email: email.as_str().to_owned(),
            email_verified: profile.email_verified,
            image: profile.image.filter(|it| it.len() <= MAX_IMAGE && it.starts_with("https://")),
            role: Role::Student,
            banned: false,
            ban_reason: None,
            ban_expires: None,
            two_factor_enabled: false,
            quota_limit: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let login = self.login(provider, &profile.subject, &user.id, &tokens)?;
        let account = login.id.clone();
        let event = self.event(AuthEventKind::SignUp, &browser.device).of(&user.id, &user.email);
        match self.store.sign_up_by_provider(user.clone(), login, event).await {
            Ok(()) => Ok((user, account)),
            // Twice at once: who came first is she, or has the address.
            Err(StoreError::Conflict(_)) => {
                match self.store.user_by_subject(provider, &profile.subject).await {
                    Ok((user, account)) => Ok((user, account.id)),
                    Err(StoreError::NotFound) => Err(Refused::Because(Failure::NotLinked)),
                    Err(error) => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whoever signed up with this address without reading its mail loses the account; its owner
    /// gets a link that verifies it, and is linked when she comes again.
    async fn wipe(&self, user: &User, ways: &Ways, browser: &Browser) -> Result<(), Refused> {
        if self.may_mail_to(&user.email, browser.address).await.is_err() {
            return Err(Refused::Because(Failure::TooMany));
        }
        let nobodys = Password::parse(&random_password(self.ids.as_ref()))
            .map_err(|error| AuthError::Broken(error.to_string()))?;
        let hash = self.hasher.hash(nobodys, self.ids.as_ref()).await?;
        let event =
            self.event(AuthEventKind::UnprovedWiped, &browser.device).of(&user.id, &user.email);
        match self.store.wipe_unproved(&user.id, hash, event).await {
            Ok(()) => self.mail_verification(user, &ways.back, &browser.device).await,
            // Verified this very moment: it is hers now, and she may come again.
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn refuse_banned(&self, user: &User, device: &Device) -> Result<(), Refused> {
        if !user.is_banned(self.clock.now()) {
            return Ok(());
        }
        let event = self.event(AuthEventKind::SignInFailed, device);
        self.note(event.of(&user.id, &user.email)).await;
        Err(Refused::Because(Failure::Banned))
    }
}

fn outcome(admitted: Admitted, ways: Ways) -> Outcome {
    let Admitted { entered, new, account } = admitted;
    let back = match ways.new_user {
        Some(page) if new => page,
        _ => ways.back,
    };
    match entered {
        Entered::In(started) => Outcome::In { started, back, account },
        Entered::SecondFactor(challenge) => Outcome::SecondFactor { challenge, back, account },
    }
}
