//! Refresh tokens, and what ends them.

use futures_util::future::join_all;

use super::*;
use crate::domain::clock::DAY;

const OFFLINE: &str = "openid email tutor offline_access";

/// `oidcc-refresh-token`.
#[actix_web::test]
async fn a_refresh_gives_new_tokens_of_the_same_sign_in() {
    let world = World::new().await;
    let first = world.tokens(OFFLINE).await;
    world.bench.clock.advance(2 * SECOND);

    let second = world.refresh(&first.text_of("refresh_token"), &[]).await;

    assert_eq!(second.status, 200, "{}", second.text);
    for name in ["access_token", "refresh_token", "id_token"] {
        assert_ne!(first.text_of(name), second.text_of(name), "{name}");
    }
    let (was, is) = (claims(&first.text_of("id_token")), claims(&second.text_of("id_token")));
    for name in ["iss", "sub", "aud", "auth_time", "azp", "sid"] {
        assert_eq!(was[name], is[name], "{name}");
    }
    assert_eq!(second.text_of("scope"), OFFLINE);
    assert_eq!(second.header("cache-control"), Some("no-store"));
    for token in [first, second] {
        assert_eq!(world.api(&token.text_of("access_token")).await, 200);
    }
}

/// Attack D5: reuse.
#[actix_web::test]
async fn a_refresh_token_used_twice_ends_the_whole_grant() {
    let world = World::new().await;
    let first = world.tokens(OFFLINE).await;
    let used = first.text_of("refresh_token");
    let second = world.refresh(&used, &[]).await;

    assert_eq!(world.refresh(&used, &[]).await.refusal(), (400, "invalid_grant".to_owned()));

    let next = world.refresh(&second.text_of("refresh_token"), &[]).await;
    assert_eq!(next.refusal(), (400, "invalid_grant".to_owned()));
    for answer in [first, second] {
        assert_eq!(world.api(&answer.text_of("access_token")).await, 401);
    }
}

/// Attack D5: a race, strict.
#[actix_web::test]
async fn of_twelve_that_refresh_at_once_at_most_one_wins_and_none_fails() {
    let world = World::new().await;
    let token = world.tokens(OFFLINE).await.text_of("refresh_token");

    let answers = join_all((0..12).map(|_| world.refresh(&token, &[]))).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.refusal(), (400, "invalid_grant".to_owned()));
    }
}

/// Attack D5: where the operator lets an answer be sent again, it is that answer and no other.
#[actix_web::test]
async fn within_the_replay_window_the_same_client_gets_the_same_answer() {
    let world = World::with(|settings| settings.oidc.replay = 5 * SECOND).await;
    world.app("other", json!({})).await;
    let token = world.tokens(OFFLINE).await.text_of("refresh_token");

    let answers = join_all((0..12).map(|_| world.refresh(&token, &[]))).await;
    let bodies: std::collections::BTreeSet<_> = answers.iter().map(|it| it.text.clone()).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(answers[0].status, 200);
    let other = [("client_id", "other"), ("client_secret", SECRET)];
    assert_eq!(world.refresh(&token, &other).await.refusal().1, "invalid_grant");
    assert_eq!(world.api(&answers[0].text_of("access_token")).await, 200);

    world.bench.clock.advance(5 * SECOND);
    assert_eq!(world.refresh(&token, &[]).await.refusal().1, "invalid_grant");
    assert_eq!(world.api(&answers[0].text_of("access_token")).await, 401);
}

/// Attack D5: another client, wider scope.
#[actix_web::test]
async fn a_refresh_token_is_its_clients_and_gives_no_more_than_was_granted() {
    let world = World::new().await;
    world.app("other", json!({})).await;
    let token = world.tokens(OFFLINE).await.text_of("refresh_token");
    let other = [("client_id", "other"), ("client_secret", SECRET)];
    assert_eq!(world.refresh(&token, &other).await.refusal().1, "invalid_grant");
    for scope in ["openid admin", "profile", "a\"b", " "] {
        let answer = world.refresh(&token, &[("scope", scope)]).await;
        assert_eq!(answer.refusal(), (400, "invalid_scope".to_owned()), "{scope}");
    }

    let narrow = world.refresh(&token, &[("scope", "openid")]).await;

    assert_eq!(narrow.text_of("scope"), "openid");
    assert_eq!(world.api(&narrow.text_of("access_token")).await, 401);
    let wide = world.refresh(&narrow.text_of("refresh_token"), &[]).await;
    assert_eq!(wide.text_of("scope"), OFFLINE, "the grant is what it was");
}

/// Attack D5: the absolute end.
#[actix_web::test]
async fn a_grant_lives_on_while_it_is_refreshed_and_ends_after_thirty_days() {
    let world = World::new().await;
    let mut token = world.tokens(OFFLINE).await.text_of("refresh_token");
    for _ in 0..4 {
        world.bench.clock.advance(7 * DAY - SECOND);
        token = world.refresh(&token, &[]).await.text_of("refresh_token");
    }
    world.bench.clock.advance(2 * DAY);
    let late = world.refresh(&token, &[]).await;
    let access = claims(&late.text_of("access_token"));
    assert!(access["exp"].as_i64().unwrap() - world.now() < 21_600, "it ends with the grant");
    world.bench.clock.advance(DAY);
    let over = world.refresh(&late.text_of("refresh_token"), &[]).await;
    assert_eq!(over.refusal(), (400, "invalid_grant".to_owned()));

    let idle = world.new_sign_in().await;
    world.bench.clock.advance(7 * DAY);
    assert_eq!(world.refresh(&idle, &[]).await.refusal().1, "invalid_grant");
}

/// Attack C11.
#[actix_web::test]
async fn whoever_is_signed_out_everywhere_has_no_refresh_token_either() {
    let world = World::new().await;
    let first = world.tokens(OFFLINE).await;

    world.bench.auth.revoke_all(&world.ada, &Device::default()).await.unwrap();

    assert_eq!(
        world.refresh(&first.text_of("refresh_token"), &[]).await.refusal().1,
        "invalid_grant"
    );
    assert_eq!(world.api(&first.text_of("access_token")).await, 401);
}

#[actix_web::test]
async fn what_is_given_back_is_worth_nothing_and_what_is_anothers_stays() {
    let world = World::new().await;
    world.app("other", json!({})).await;
    for kind in ["access_token", "refresh_token"] {
        let tokens = world.tokens(OFFLINE).await;
        let token = tokens.text_of(kind);
        let other = [("token", token.as_str()), ("client_id", "other"), ("client_secret", SECRET)];
        assert_eq!(world.form(REVOKE, &other, &[]).await.status, 200);
        assert_eq!(world.api(&tokens.text_of("access_token")).await, 200);

        let hint = ("token_type_hint", "nonsense");
        let answer = world.form(REVOKE, &[("token", &token), hint], &[]).await;

        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        assert_eq!(answer.header("content-type"), None);
        assert_eq!(world.api(&tokens.text_of("access_token")).await, 401);
        let refresh = tokens.text_of("refresh_token");
        assert_eq!(world.refresh(&refresh, &[]).await.refusal().1, "invalid_grant");
        assert_eq!(world.form(REVOKE, &[("token", &token)], &[]).await.status, 200);
    }
    assert_eq!(world.form(REVOKE, &[("token", "unknown")], &[]).await.status, 200);
    assert_eq!(world.form(REVOKE, &[], &[]).await.refusal().1, "invalid_request");
    let wrong = [("token", "x"), ("client_id", "app"), ("client_secret", "wrong")];
    assert_eq!(world.form(REVOKE, &wrong, &[]).await.refusal().1, "invalid_client");
}

impl World {
    /// Ada signs in anew, since her first sign-in has expired; gives a refresh token.
    async fn new_sign_in(&self) -> String {
        let (session, _) = self.bench.auth.new_session(&self.ada.user.id, true, Device::default());
        let event = self.bench.auth.event(AuthEventKind::SignIn, &Device::default());
        self.bench.store.insert_session(session.clone(), event).await.unwrap();
        let code =
            self.code_for("app", &self.granted(OFFLINE), |code| code.browser_sid = session.id);
        self.redeem(&code, &[]).await.text_of("refresh_token")
    }
}
