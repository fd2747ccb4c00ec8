use super::*;
use crate::{
    domain::role::Role,
    store::{
        accounts::tests::login,
        auth_events::{AuthEvent, AuthEventKind, tests::event},
        contract::on_both,
        db::{read, write},
        oauth_clients::{ClientRow, tests::client},
        oauth_grants::GrantRow,
        schema::session,
        sessions::tests::row,
        staff::SignIns,
        user_admin::{Records, tests::records},
        users::tests::person,
    },
};

pub(crate) const URL: &str = "https://app.example/out";

/// An app that wants to be told at this URL.
pub(crate) fn told_at(id: &str, url: &str) -> ClientRow {
    let metadata = serde_json::json!({ "redirect_uris": [], "backchannel_logout_uri": url });
    ClientRow { metadata: metadata.to_string(), ..client(id) }
}

impl Store {
    pub(crate) async fn have_app(&self, row: ClientRow) {
        let event = event(&format!("made {}", row.id), AuthEventKind::ClientCreated, 1);
        self.insert_client(row, event).await.unwrap();
    }

    pub(crate) async fn disable_app(&self, id: &ClientId) {
        use crate::store::schema::oauth_client;
        let id = id.clone();
        let written: Result<(), StoreError> = write!(self, |conn| {
            diesel::update(oauth_client::table.filter(oauth_client::id.eq(id)))
                .set(oauth_client::disabled.eq(true))
                .execute(conn)
                .await?;
            Ok(())
        });
        written.unwrap();
    }

    /// What a person has let an app do, within a sign-in or beyond it.
    pub(crate) async fn have_grant(
        &self,
        id: &str,
        app: &str,
        (user, browser_sid): (&str, &str),
        offline: bool,
    ) {
        let mut grant = row(id, user);
        grant.client_id = Some(ClientId::new(app));
        grant.parent_id = (!offline).then(|| SessionId::new(browser_sid));
        let more = GrantRow { browser_sid: SessionId::new(browser_sid), granted: "{}".to_owned() };
        let written: Result<(), StoreError> = write!(self, |conn| {
            diesel::insert_into(session::table).values((grant, more)).execute(conn).await?;
            Ok(())
        });
        written.unwrap();
    }

    /// Who is to be told of which sign-in, and how often somebody has tried.
    pub(crate) async fn queued(&self) -> Vec<(String, String, i32)> {
        let all = async || {
            Ok::<Vec<LogoutRow>, StoreError>(read!(self, |conn| oauth_logout::table
                .order(oauth_logout::id)
                .select(LogoutRow::as_select())
                .load(conn)
                .await?))
        };
        let sid = |row: &LogoutRow| row.browser_sid.clone().unwrap().as_str().to_owned();
        let rows = all().await.unwrap();
        rows.iter().map(|row| (row.client_id.to_string(), sid(row), row.tries)).collect()
    }
}

/// Ada on a laptop (s1) and a phone (s2), an app that wants to be told (one) and one that does not
/// (mute), both with her on each; and "one" with Bob (b1).
async fn with_grants(store: &Store) {
    for name in ["ada", "bob"] {
        store.insert_user(person(name, Role::Student), login(name), None).await.unwrap();
    }
    for (id, owner) in [("s1", "ada"), ("s2", "ada"), ("b1", "bob")] {
        store.insert_session(row(id, owner), signed_in(id)).await.unwrap();
    }
    store.have_app(told_at("one", URL)).await;
    store.have_app(client("mute")).await;
    store.have_grant("g1", "one", ("ada", "s1"), false).await;
    store.have_grant("g2", "mute", ("ada", "s1"), false).await;
    // Sorts before its sign-in, which it outlives.
    store.have_grant("a3", "one", ("ada", "s2"), true).await;
    store.have_grant("g4", "mute", ("ada", "s2"), true).await;
    store.have_grant("g5", "one", ("bob", "b1"), false).await;
}

fn signed_in(id: &str) -> AuthEvent {
    event(&format!("in {id}"), AuthEventKind::SignIn, 1)
}

fn over(id: &str) -> AuthEvent {
    event(id, AuthEventKind::SessionRevoked, 5)
}

fn banned(id: &str) -> Records {
    records(id, AuthEventKind::Banned)
}

fn one(sid: &str) -> (String, String, i32) {
    ("one".to_owned(), sid.to_owned(), 0)
}

/// `oidcc-backchannel-rp-initiated-logout`: who is told.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_out_is_told_of_to_the_apps_of_that_sign_in_which_asked_for_it() {
    on_both(async |store| {
        with_grants(&store).await;
        let ada = UserId::new("ada");

        assert!(store.revoke_session(&ada, "g2", "", over("1")).await.unwrap());
        assert_eq!(store.queued().await, [], "an app's own end is no sign-out");
        assert!(store.revoke_session(&ada, "s1", "", over("2")).await.unwrap());
        assert_eq!(store.queued().await, [one("s1")]);
        assert!(store.revoke_session(&ada, "s2", "", over("3")).await.unwrap());
        assert_eq!(store.queued().await, [one("s1"), one("s2")]);
        // What outlives the sign-in still lives.
        assert!(store.session(&SessionId::new("a3")).await.is_ok());
        assert!(store.session(&SessionId::new("g1")).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_which_sign_ins_end_tells_the_apps() {
    for way in ["others", "all", "staff", "ban", "removed", "deleted"] {
        on_both(async |store| {
            with_grants(&store).await;
            let ada = UserId::new("ada");
            let expected = match way {
                "others" => {
                    let kept = SessionId::new("s1");
                    store.revoke_other_sessions(&ada, &kept, over("1")).await.unwrap();
                    vec![one("s2")]
                }
                _ => vec![one("s1"), one("s2")],
            };
            match way {
                "others" => {}
                "all" => store.revoke_sessions(&ada, over("1")).await.unwrap(),
                "staff" => {
                    let entry = crate::store::audit::tests::entry("1", "revoke", "x");
                    store.revoke_by_staff(&ada, SignIns::All, over("1"), entry).await.unwrap();
                }
                "ban" => {
                    let root = person("root", Role::Admin);
                    store.insert_user(root, login("root"), None).await.unwrap();
                    store.ban(&ada, "why".to_owned(), None, banned("1")).await.unwrap();
                }
                "removed" => {
                    let root = person("root", Role::Admin);
                    store.insert_user(root, login("root"), None).await.unwrap();
                    store.remove_by_admin(&ada, banned("1")).await.unwrap();
                }
                _ => store.delete_user(&ada, None, over("1")).await.unwrap(),
            }
            assert_eq!(store.queued().await, expected, "{way}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_app_is_not_told_and_a_removed_one_takes_its_queue_along() {
    on_both(async |store| {
        with_grants(&store).await;
        store.have_app(ClientRow { disabled: true, ..told_at("off", URL) }).await;
        store.have_grant("g6", "off", ("bob", "b1"), false).await;

        store.revoke_sessions(&UserId::new("bob"), over("1")).await.unwrap();

        assert_eq!(store.queued().await, [one("b1")]);
    })
    .await;
}

/// Two nodes, and one that dies.
#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_token_is_nobody_elses_until_the_claim_ends() {
    on_both(async |store| {
        with_grants(&store).await;
        store.revoke_sessions(&UserId::new("ada"), over("1")).await.unwrap();
        let now = Millis(1_000);
        assert!(store.has_logouts(now).await.unwrap());

        let claims = (0..6).map(|_| store.claim_logouts(9, 100, now));
        let claims = futures_util::future::join_all(claims).await;
        let mut taken: Vec<LogoutRow> = claims.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(taken.len(), 2, "each by one");
        let (late, other) = (taken.remove(0), taken.remove(0));
        assert!(store.end_logout(&other).await.unwrap());
        assert!(store.claim_logouts(9, 100, Millis(1_099)).await.unwrap().is_empty());

        let again = store.claim_logouts(9, 100, Millis(1_100)).await.unwrap().remove(0);
        assert_eq!((&again.id, again.tries), (&late.id, 2));
        assert!(!store.end_logout(&late).await.unwrap(), "its claim is over");
        assert!(!store.postpone_logout(&late, 1, now).await.unwrap());
        assert!(store.postpone_logout(&again, 5_000, Millis(1_100)).await.unwrap());
        assert!(store.claim_logouts(9, 100, Millis(6_099)).await.unwrap().is_empty());
        assert_eq!(store.claim_logouts(9, 100, Millis(6_100)).await.unwrap().len(), 1);

        assert_eq!(store.forget_logouts(Millis(5)).await.unwrap(), 0);
        assert_eq!(store.forget_logouts(Millis(6)).await.unwrap(), 1);
        assert!(!store.has_logouts(Millis(i64::MAX / 2)).await.unwrap());
    })
    .await;
}

/// The token of an app lives for hours, the sign-in for days.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_told_of_a_sign_out_after_its_access_token_has_expired() {
    on_both(async |store| {
        with_grants(&store).await;
        store.extend_session(&SessionId::new("s1"), Millis(500), Millis(2)).await.unwrap();

        store.forget_sessions(Millis(200)).await.unwrap();
        assert_eq!(store.sessions_of(&UserId::new("ada"), Millis(200)).await.unwrap().len(), 1);
        assert!(store.session(&SessionId::new("s2")).await.is_err());
        store.revoke_session(&UserId::new("ada"), "s1", "", over("1")).await.unwrap();

        assert_eq!(store.queued().await, [one("s1")]);
    })
    .await;
}
