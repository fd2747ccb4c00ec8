//! Whether an app gets a code, and what its person must do before (OpenID Connect Core §3.1.2).

use super::{
    claims,
    client::Client,
    code::{self, Code},
    hint,
    waiting::Waiting,
};
use crate::{
    auth::{Auth, AuthError, sessions::Device},
    domain::{
        clock::{Millis, SECOND},
        oidc::{
            granted::{Granted, acr},
            request::{AuthRequest, Fault},
            scope::Scopes,
        },
    },
    store::{
        StoreError, auth_events::AuthEventKind, oauth_consents::ConsentRow,
        oauth_requests::Answered, sessions::Session, users::User,
    },
};

const CONSENT_ID: usize = 32;

/// An app's sound request.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub client: &'a Client,
    pub request: &'a AuthRequest,
    /// Where the answer goes.
    pub redirect_uri: &'a str,
    /// The request as it is kept, if it is.
    pub waiting: Option<&'a Waiting>,
    /// Whether the person has just agreed.
    pub agreed: bool,
}

/// Whoever is signed in in the browser.
#[derive(Debug)]
pub(crate) struct Seen {
    pub session: Session,
    pub user: User,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Step {
    SignIn,
    /// To make an account first.
    SignUp,
    /// To say which account.
    Select(Box<Seen>),
    Consent(Box<Seen>),
    /// The app is told that it gets nothing.
    Refused(Fault),
    /// The app gets a code.
    Allowed(Box<Seen>),
}

impl Seen {
    /// When the person last proved to be herself.
    fn proved_at(&self) -> Millis {
        Millis(self.session.created_at.max(self.session.proved_at))
    }

    fn acr(&self) -> &'static str {
        acr(&self.session.amr)
    }
}

impl Asking<'_> {
    /// When the request began to wait for its person.
    fn since(&self) -> Option<Millis> {
        self.waiting.filter(|it| !it.pushed).map(|it| it.created_at)
    }

    /// Whether something happened since the person was asked for it.
    fn is_since(&self, at: Millis) -> bool {
        self.since().is_some_and(|since| at > since)
    }

    fn is_stale(&self, seen: &Seen, now: Millis) -> bool {
        self.request.max_age.is_some_and(|seconds| {
            seconds == 0 || now.since(seen.proved_at()) > seconds.saturating_mul(SECOND)
        })
    }
}

impl Auth {
    /// What a request leads to in a browser with this session token.
    pub(crate) async fn authorization_step(
        &self,
        asking: Asking<'_>,
        token: Option<&str>,
    ) -> Result<Step, AuthError> {
        let step = self.step_of(asking, token).await?;
        if !asking.request.prompt.none {
            return Ok(step);
        }
        let refused = |code, text| Ok(Step::Refused(Fault::new(code, text)));
        match step {
            Step::SignIn | Step::SignUp => {
                refused("login_required", "The person is not signed in, or must do so again.")
            }
            Step::Select(_) => refused("account_selection_required", "An account must be chosen."),
            Step::Consent(_) => refused("consent_required", "The person has not agreed to this."),
            step => Ok(step),
        }
    }

    async fn step_of(&self, asking: Asking<'_>, token: Option<&str>) -> Result<Step, AuthError> {
        let request = asking.request;
        let hinted = match &request.id_token_hint {
            None => None,
            Some(hint) => match self.open_hint(hint).await.map(hint::Hint::into_subject) {
                None => {
                    let text = "The id_token_hint is not an ID token of this issuer.";
                    return Ok(Step::Refused(Fault::new("invalid_request", text)));
                }
                subject => subject,
            },
        };
        let Some(seen) = self.seen(asking, token).await? else {
            return Ok(if request.prompt.create { Step::SignUp } else { Step::SignIn });
        };
        if seen.session.impersonated_by.is_some() {
            let text = "Somebody who acts as another person lets no app in.";
            return Ok(Step::Refused(Fault::new("access_denied", text)));
        }
        if let Some(step) = must_prove(asking, &seen, self.clock.now()) {
            return Ok(step);
        }
        let began = asking.is_since(Millis(seen.session.created_at));
        if hinted.is_some_and(|subject| subject != seen.user.id.as_str()) {
            let text = "Somebody else has signed in than was asked for.";
            let other = Fault::new("login_required", text);
            return Ok(if began { Step::Refused(other) } else { Step::SignIn });
        }
        let selected = asking.waiting.and_then(Waiting::selected);
        if request.prompt.select_account && !began && selected != Some(seen.session.id.as_str()) {
            return Ok(Step::Select(Box::new(seen)));
        }
        self.check_consent(asking, seen).await
    }

    async fn check_consent(&self, asking: Asking<'_>, seen: Seen) -> Result<Step, AuthError> {
        let trusted = asking.client.metadata.ours.skip_consent;
        let asked_anew = asking.request.prompt.consent;
        let agreed = asking.agreed
            || (!asked_anew && (trusted || self.has_agreed(asking, &seen.user).await?));
        let seen = Box::new(seen);
        Ok(if agreed { Step::Allowed(seen) } else { Step::Consent(seen) })
    }

    /// Whether she agreed before to all that is asked for.
    async fn has_agreed(&self, asking: Asking<'_>, user: &User) -> Result<bool, AuthError> {
        // Whoever redeems the code asks again.
        let Some(row) = self.consent(&asking.client.id, &user.id).await? else {
            return Ok(false);
        };
        let scopes = Scopes::parse(&row.scope).unwrap_or_default();
        let resources = resources_of(&row);
        Ok(asking.request.told().is_within(&scopes)
            && asking.request.resources.iter().all(|uri| resources.contains(uri)))
    }

    /// From memory if it does not matter what the person did within the last second.
    async fn seen(
        &self,
        asking: Asking<'_>,
        token: Option<&str>,
    ) -> Result<Option<Seen>, AuthError> {
        let Some(token) = token else { return Ok(None) };
        let found = if asking.waiting.is_some() || asking.request.wants_proof() {
            self.session_by_token(token).await
        } else {
            let known = self.known_session(token).await;
            known.map(|known| (known.session.clone(), known.user.clone()))
        };
        match found {
            Ok((session, user)) => Ok(Some(Seen { session, user })),
            Err(AuthError::NotSignedIn | AuthError::Banned) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Issues a code, and uses the request up if it is kept, in one transaction with the consent if
    /// there is a new one. [`StoreError::Conflict`] for a request that was answered meanwhile.
    pub(crate) async fn issue_code(
        &self,
        asking: Asking<'_>,
        seen: &Seen,
        device: &Device,
    ) -> Result<String, AuthError> {
        let now = self.clock.now();
        let request = asking.request;
        let granted = Granted {
            scopes: request.scopes.clone(),
            resources: request.resources.clone(),
            claims: request.claims.as_ref().map(claims::narrowed),
            nonce: request.nonce.clone(),
            jkt: asking.waiting.and_then(|it| it.jkt.clone()).or_else(|| request.jkt.clone()),
            ..Granted::proved(&seen.session.amr, seen.proved_at())
        };
        let code = Code {
            grant: self.new_session_id(),
            browser_sid: seen.session.id.clone(),
            redirect_uri: asking.redirect_uri.to_owned(),
            challenge: request.challenge.clone(),
            agreed: (!asking.client.metadata.ours.skip_consent).then(|| request.told()),
            granted,
            expires_at: now.plus(code::LIFE).0,
        };
        let code = self.seal_code(&asking.client.id, &code)?;
        let consent = if asking.agreed {
            let row = self.consent_of(asking, &seen.user, now).await?;
            let event = self
                .event(AuthEventKind::ConsentGiven, device)
                .of(&seen.user.id, &seen.user.email)
                .with("client_id", asking.client.id.as_str());
            Some((row, event.with("scope", request.scopes.to_string())))
        } else {
            None
        };
        let requests = asking.waiting.map(Waiting::hashes).unwrap_or_default();
        self.note_use(asking.client).await?;
        let answered = Answered { requests, consent };
        self.store.answer_request(answered, now).await?;
        Ok(code)
    }

    /// Uses a request up that gets nothing.
    pub(crate) async fn decline_request(&self, waiting: &Waiting) -> Result<(), AuthError> {
        let answered = Answered { requests: waiting.hashes(), ..Answered::default() };
        Ok(self.store.answer_request(answered, self.clock.now()).await?)
    }

    /// All that she has agreed to, with what is new.
    async fn consent_of(
        &self,
        asking: Asking<'_>,
        user: &User,
        now: Millis,
    ) -> Result<ConsentRow, AuthError> {
        let before = match self.store.consent(&asking.client.id, &user.id).await {
            Err(StoreError::NotFound) => None,
            found => Some(found?),
        };
        let mut scopes = before
            .as_ref()
            .map(|row| Scopes::parse(&row.scope).unwrap_or_default())
            .unwrap_or_default();
        for word in asking.request.told().iter() {
            scopes.add(word);
        }
        let mut resources = before.as_ref().map(resources_of).unwrap_or_default();
        for uri in &asking.request.resources {
            if !resources.contains(uri) {
                resources.push(uri.clone());
            }
        }
        Ok(ConsentRow {
            client_id: asking.client.id.clone(),
            user_id: user.id.clone(),
            id: self.ids.token(CONSENT_ID),
            scope: scopes.to_string(),
            detail: serde_json::json!({ "resources": resources }).to_string(),
            created_at: now.0,
            updated_at: now.0,
        })
    }
}

/// What a request asks of the person herself: to sign in (again), or to sign up.
fn must_prove(asking: Asking<'_>, seen: &Seen, now: Millis) -> Option<Step> {
    let request = asking.request;
    // Whoever comes back from there with an account, be it an old one, has had the choice.
    if request.prompt.create && asking.since().is_none() {
        return Some(Step::SignUp);
    }
    let proved = asking.is_since(seen.proved_at());
    if !proved && (request.prompt.login || asking.is_stale(seen, now)) {
        return Some(Step::SignIn);
    }
    let reached = |classes: Vec<String>| classes.iter().any(|class| class == seen.acr());
    if request.essential_acr().is_none_or(reached) {
        return None;
    }
    let text = "The person has signed in, but not as strongly as was asked for.";
    let unmet = Fault::new("unmet_authentication_requirements", text);
    Some(if proved { Step::Refused(unmet) } else { Step::SignIn })
}

/// Resources that somebody agreed to.
pub(super) fn resources_of(row: &ConsentRow) -> Vec<String> {
    #[derive(Default, serde::Deserialize)]
    struct Detail {
        #[serde(default)]
        resources: Vec<String>,
    }
    serde_json::from_str::<Detail>(&row.detail).unwrap_or_default().resources
}
