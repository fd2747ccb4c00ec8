//! The one place that makes events of accounts: what happened, when, from where. The store writes
//! them with what they tell of.

use super::{Auth, Identity, sessions::Device};
use crate::{
    domain::ids::prefixed,
    store::auth_events::{AuthEvent, AuthEventKind},
};

impl Auth {
    /// An event of now, which names no account yet.
    pub(crate) fn event(&self, kind: AuthEventKind, device: &Device) -> AuthEvent {
        let now = self.clock.now();
        AuthEvent {
            id: prefixed(&*self.ids, "evt", now),
            at: now.0,
            kind: kind.as_str().to_owned(),
            user_id: None,
            email: None,
            address: Some(device.address.clone()).filter(|address| !address.is_empty()),
            agent: device.short_agent(),
            detail: "{}".to_owned(),
        }
    }

    /// An event of now that `identity` made with her own account; with the id of the admin who acts
    /// as her, if one does.
    pub(crate) fn event_by(
        &self,
        kind: AuthEventKind,
        identity: &Identity,
        device: &Device,
    ) -> AuthEvent {
        let Identity { user, impersonated_by, .. } = identity;
        let event = self.event(kind, device).of(&user.id, &user.email);
        match impersonated_by {
            Some(admin) => event.with("impersonated_by", admin.as_str()),
            None => event,
        }
    }

    /// Writes an event that changes nothing else. A lost one fails nobody's request.
    pub(super) async fn note(&self, event: AuthEvent) {
        let kind = event.kind.clone();
        if let Err(error) = self.store.insert_auth_event(event).await {
            tracing::warn!(kind, %error, "an event of an account was not written down");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        auth::{
            sessions::Device,
            sign_in::SignIn,
            sign_up::{SignUp, SignedUp},
            tests::Bench,
        },
        domain::{email::Email, password::Password, return_url::ReturnUrl, role::Role},
        store::auth_events::AuthEvent,
    };

    const PASSWORD: &str = "Owl-Lamp-7 road";

    fn device() -> Device {
        let agent = Some(format!("Browser/1 {}", "x".repeat(5_000)));
        Device { address: "192.0.2.1".to_owned(), agent, ..Device::default() }
    }

    fn email(name: &str) -> Email {
        Email::parse(&format!("{name}@school.example")).unwrap()
    }

    async fn sign_in(bench: &Bench, name: &str, password: &str) -> bool {
        let form = SignIn {
            email: email(name),
            password: Password::parse(password).unwrap(),
            remember: true,
            replaces: None,
            known_device: None,
        };
        later(bench);
        bench.auth.sign_in(form, device(), None).await.is_ok()
    }

    /// Events of one millisecond have no order.
    fn later(bench: &Bench) {
        bench.clock.advance(1);
    }

    async fn ada(bench: &Bench) -> String {
        let form = SignUp {
            name: "Ada".to_owned(),
            email: email("ada"),
            password: Password::parse(PASSWORD).unwrap(),
            image: None,
            remember: true,
            back: ReturnUrl::home(),
        };
        match bench.auth.sign_up(form, device(), None).await.unwrap() {
            SignedUp::In(started) => started.token,
            SignedUp::Neutral(_) => panic!("addresses are not hidden here"),
        }
    }

    async fn events(bench: &Bench) -> Vec<AuthEvent> {
        let mut events = bench.store.newest_auth_events(100).await.unwrap();
        events.reverse();
        events
    }

    /// FR-028.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_happens_to_an_account_is_written_down_with_its_place_and_without_secrets() {
        let bench = Bench::new().await;
        let token = ada(&bench).await;
        assert!(!sign_in(&bench, "ada", "Wrong-Lamp-7 road").await);
        assert!(!sign_in(&bench, "nobody", "Wrong-Lamp-7 road").await);
        assert!(sign_in(&bench, "ada", PASSWORD).await);
        let who = bench.auth.by_session_token(&token).await.unwrap();
        later(&bench);
        bench.auth.revoke_others(&who, &device()).await.unwrap();
        later(&bench);
        bench.auth.set_role(&email("ada"), Role::Instructor).await.unwrap();
        later(&bench);
        bench.auth.sign_out(&who, &device()).await.unwrap();
        later(&bench);
        let back = ReturnUrl::home();
        bench.auth.request_reset(&email("ada"), &back, &device()).await.unwrap();
        bench.auth.request_reset(&email("nobody"), &back, &device()).await.unwrap();

        let events = events(&bench).await;
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        let expected = [
            "sign_up",
            "sign_in_failed",
            "sign_in_failed",
            "sign_in",
            "session_revoked",
            "role_changed",
            "sign_out",
            "password_reset_requested",
            "password_reset_requested",
        ];
        assert_eq!(kinds, expected);
        for event in &events {
            let known = event.email.as_deref() != Some("nobody@school.example");
            assert_eq!(event.user_id.as_ref() == Some(&who.user.id), known, "{event:?}");
            assert!(event.email.is_some(), "{event:?}");
            let by_operator = event.kind == "role_changed";
            assert_eq!(event.address.is_none(), by_operator, "{event:?}");
            assert!(event.agent.as_ref().is_none_or(|agent| agent.len() == 400));
        }
        let text = format!("{events:?}");
        assert!(!text.contains("Lamp") && !text.contains(&token), "{text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_fifth_wrong_password_is_told_as_a_locked_account_once() {
        let bench = Bench::new().await;
        ada(&bench).await;
        for _ in 0..7 {
            assert!(!sign_in(&bench, "ada", "Wrong-Lamp-7 road").await);
        }

        let events = events(&bench).await;
        let count = |kind| events.iter().filter(|event| event.kind == kind).count();
        assert_eq!((count("sign_in_failed"), count("account_locked")), (5, 1));
    }
}
