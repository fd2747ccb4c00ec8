//! The admin calls, as Better-Auth's admin client makes them.

use super::*;

const BASE: &str = "/api/auth/admin";

struct School {
    bench: Bench,
    root: String,
    ada: String,
}

impl School {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let (_, root) = bench.signed_in_with_token("root", Role::Admin).await;
        let (_, ada) = bench.signed_in_with_token("ada", Role::Student).await;
        Self { bench, root, ada }
    }

    async fn post(&self, call: &str, body: Value) -> Answer {
        self.post_as(&self.root, call, body).await
    }

    async fn post_as(&self, token: &str, call: &str, body: Value) -> Answer {
        let call = self.bench.post(&format!("{BASE}/{call}"), &body);
        call.with("authorization", &format!("Bearer {token}")).send().await
    }

    async fn get(&self, call: &str) -> Answer {
        let call = self.bench.get(&format!("{BASE}/{call}"));
        call.with("authorization", &format!("Bearer {}", self.root)).send().await
    }

    async fn audited(&self) -> Vec<String> {
        let page = self.bench.store.audit_page(None).await.unwrap();
        page.into_iter().rev().map(|(entry, _)| entry.action).collect()
    }
}

const CALLS: [&str; 12] = [
    "create-user",
    "update-user",
    "set-role",
    "ban-user",
    "unban-user",
    "set-user-password",
    "remove-user",
    "list-user-sessions",
    "revoke-user-session",
    "revoke-user-sessions",
    "impersonate-user",
    "list-users",
];

#[actix_web::test]
async fn nobody_below_an_admin_gets_through_and_strangers_are_told_nothing() {
    let school = School::new().await;
    let (ina, ina_token) = school.bench.signed_in_with_token("ina", Role::Instructor).await;
    let (root, _) = school.bench.signed_in_with_token("eve", Role::Admin).await;
    let jwt = school.bench.auth.issue_access_token(&root).unwrap();
    for call in CALLS {
        let ask = |header: Option<String>| {
            let path = format!("{BASE}/{call}");
            let body = json!({"userId": "ada"});
            let asked = match call {
                "list-users" => school.bench.get(&path),
                _ => school.bench.post(&path, &body),
            };
            match header {
                Some(header) => asked.with("authorization", &header),
                None => asked,
            }
        };
        for nobody in [None, Some("Bearer nonsense".to_owned()), Some(format!("Bearer {jwt}"))] {
            let answer = ask(nobody).send().await;
            assert_eq!((answer.status, answer.text.as_str()), (401, ""), "{call}");
        }
        for token in [&school.ada, &ina_token] {
            let answer = ask(Some(format!("Bearer {token}"))).send().await;
            assert_eq!(answer.status, 403, "{call}");
            assert!(answer.code().starts_with("YOU_ARE_NOT_ALLOWED_TO_"), "{}", answer.text);
        }
    }
    assert!(school.audited().await.is_empty());
    assert!(school.bench.store.user(&ina.user.id).await.is_ok());
}

#[actix_web::test]
async fn people_are_listed_in_the_peers_shape_and_window() {
    let school = School::new().await;

    let all = school.get("list-users?limit=1&offset=1&sortBy=email&sortDirection=desc").await;
    let all = all.json();
    assert_eq!((&all["total"], &all["limit"], &all["offset"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(all["users"][0]["email"], "ada@school.example");
    assert!(all["users"][0]["createdAt"].as_str().unwrap().ends_with('Z'));
    for (query, found) in [
        ("searchValue=ROO&searchField=name", 1),
        ("searchValue=ro&searchOperator=ends_with", 0),
        ("filterField=role&filterValue=admin&filterOperator=eq", 1),
        ("filterField=role&filterValue=admin,student&filterOperator=in", 2),
        ("filterField=emailVerified&filterValue=true", 2),
        ("filterField=createdAt&filterOperator=gt&filterValue=2000-01-01", 0),
    ] {
        let answer = school.get(&format!("list-users?{query}")).await.json();
        assert_eq!(answer["total"], json!(found), "{query}");
    }
    let one = school.get("get-user?id=ada").await.json();
    assert_eq!((&one["name"], &one["role"]), (&json!("ada"), &json!("student")));
    let nobody = school.get("get-user?id=nobody").await;
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "USER_NOT_FOUND"));
}

/// Attack A22.
#[actix_web::test]
async fn hostile_parameters_of_the_list_are_refused_or_find_nobody() {
    let school = School::new().await;
    for query in [
        "sortBy=password",
        "sortBy=email;DROP%20TABLE%20user",
        "sortDirection=sideways",
        "searchField=role",
        "searchValue=%00",
        "searchOperator=regex",
        "filterField=token_hash&filterValue=x",
        "filterField=banned&filterValue=maybe",
        "filterField=banned&filterValue=true&filterOperator=contains",
        "filterField=createdAt&filterValue=x",
        "limit=-1",
        "limit=99999999999999999999",
        "offset=x",
        "filterField=email&filterValue=a%00b&filterOperator=in",
    ] {
        let answer = school.get(&format!("list-users?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "VALIDATION_ERROR"), "{query}");
    }
    for words in ["%25", "_", "%5C", "%27%20OR%201=1--", "%F0%9F%98%80", "%FF"] {
        let answer = school.get(&format!("list-users?searchValue={words}")).await;
        assert_eq!((answer.status, &answer.json()["total"]), (200, &json!(0)), "{words}");
    }
    for body in [json!({"userId": "a\u{0}b"}), json!({"userId": ["ada"]}), json!({"userId": 7})] {
        for call in ["ban-user", "remove-user", "impersonate-user"] {
            assert_eq!(school.post(call, body.clone()).await.status, 400, "{call} {body}");
        }
    }
}

#[actix_web::test]
async fn an_admin_makes_an_account_that_signs_in() {
    let school = School::new().await;
    let made = school
        .post(
            "create-user",
            json!({"email": "Bob@School.example", "name": "Bob", "password": PASSWORD,
                   "role": "instructor", "data": {"emailVerified": true}}),
        )
        .await;

    assert_eq!(made.status, 200, "{}", made.text);
    let user = made.json()["user"].clone();
    assert_eq!((&user["role"], &user["emailVerified"]), (&json!("instructor"), &json!(true)));
    assert_eq!(school.bench.sign_in("bob@school.example", PASSWORD).await.status, 200);
    let without = json!({"email": "cy@school.example", "name": "Cy"});
    assert_eq!(school.post("create-user", without.clone()).await.json()["user"]["role"], "student");
    let again = school.post("create-user", without).await;
    assert_eq!(again.code(), "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_eq!(school.audited().await, ["user_created", "user_created"]);
}

/// Attacks A20 and A21: what nobody may set so is refused, for admins too.
#[actix_web::test]
async fn privileged_and_unknown_fields_and_roles_are_refused() {
    let school = School::new().await;
    let new = |extra: Value| {
        let mut body = json!({"email": "x@school.example", "name": "X"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    for (call, body, code) in [
        ("create-user", new(json!({"id": "root"})), "VALIDATION_ERROR"),
        ("create-user", new(json!({"data": {"role": "admin"}})), "FIELD_NOT_ALLOWED"),
        ("create-user", new(json!({"data": {"id": "root"}})), "FIELD_NOT_ALLOWED"),
        ("create-user", new(json!({"data": []})), "VALIDATION_ERROR"),
        ("create-user", new(json!({"password": "short"})), "PASSWORD_TOO_SHORT"),
        (
            "create-user",
            new(json!({"role": "root"})),
            "YOU_ARE_NOT_ALLOWED_TO_SET_NON_EXISTENT_VALUE",
        ),
        ("create-user", new(json!({"role": ["student", "admin"]})), "VALIDATION_ERROR"),
        ("update-user", json!({"userId": "ada", "data": {"banned": false}}), "FIELD_NOT_ALLOWED"),
        ("update-user", json!({"userId": "ada", "data": {"id": "x"}}), "FIELD_NOT_ALLOWED"),
        ("update-user", json!({"userId": "ada", "data": {}}), "NO_DATA_TO_UPDATE"),
        ("update-user", json!({"userId": "ada", "data": {"name": "a\r\nb"}}), "VALIDATION_ERROR"),
        (
            "set-role",
            json!({"userId": "ada", "role": "student,admin"}),
            "YOU_ARE_NOT_ALLOWED_TO_SET_NON_EXISTENT_VALUE",
        ),
        ("set-role", json!({"userId": "ada"}), "VALIDATION_ERROR"),
        ("ban-user", json!({"userId": "ada", "banExpiresIn": "soon"}), "VALIDATION_ERROR"),
        ("ban-user", json!({"userId": "ada", "banExpiresIn": -5}), "VALIDATION_ERROR"),
        ("set-user-password", json!({"userId": "ada", "newPassword": "x"}), "PASSWORD_TOO_SHORT"),
    ] {
        let answer = school.post(call, body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{call} {body}");
    }
    assert!(school.audited().await.is_empty());
}

#[actix_web::test]
async fn a_person_is_changed_and_another_address_is_not_verified() {
    let school = School::new().await;
    let edit = json!({"userId": "ada", "data": {"name": "Ada L", "image": null}});
    let named = school.post("update-user", edit).await.json();
    assert_eq!((&named["name"], &named["emailVerified"]), (&json!("Ada L"), &json!(true)));

    school.bench.clock.advance(1);
    let edit = json!({"userId": "ada", "data": {"email": "ada@new.example"}});
    let moved = school.post("update-user", edit).await.json();
    assert_eq!(
        (&moved["email"], &moved["emailVerified"]),
        (&json!("ada@new.example"), &json!(false))
    );
    let edit = json!({"userId": "ada", "data": {"email": "root@school.example"}});
    let taken = school.post("update-user", edit).await;
    assert_eq!(taken.code(), "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_eq!(school.audited().await, ["profile_changed", "email_changed"]);
}

#[actix_web::test]
async fn a_role_is_changed_for_running_servers_too_and_the_last_admin_keeps_hers() {
    let school = School::new().await;
    let before = school.bench.store.last_change().await.unwrap();

    let body = json!({"userId": "ada", "role": ["instructor"]});
    let changed = school.post("set-role", body).await.json();
    assert_eq!(changed["user"]["role"], "instructor");
    let told = school.bench.store.changes_after(before).await.unwrap();
    assert_eq!((told[0].kind.as_str(), told[0].subject.as_str()), ("user", "ada"));

    for (call, body, code) in [
        ("set-role", json!({"userId": "root", "role": "student"}), "LAST_ADMIN"),
        ("ban-user", json!({"userId": "root"}), "YOU_CANNOT_BAN_YOURSELF"),
        ("remove-user", json!({"userId": "root"}), "YOU_CANNOT_REMOVE_YOURSELF"),
    ] {
        let answer = school.post(call, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{call}");
    }
}

/// Attack C11.
#[actix_web::test]
async fn a_ban_ends_sessions_at_once_and_lifts_by_itself() {
    let school = School::new().await;
    let set = json!({"userId": "ada", "newPassword": PASSWORD});
    assert_eq!(school.post("set-user-password", set).await.json(), json!({"status": true}));

    let banned = school.post("ban-user", json!({"userId": "ada", "banExpiresIn": 60})).await;
    let user = banned.json()["user"].clone();
    assert_eq!((&user["banned"], &user["banReason"]), (&json!(true), &json!("No reason")));
    assert!(user["banExpires"].is_string());
    let cookie = format!("Bearer {}", school.ada);
    let gone =
        school.bench.get("/api/auth/get-session").with("authorization", &cookie).send().await;
    assert_eq!(gone.text, "null");
    let refused = school.bench.sign_in("ada@school.example", PASSWORD).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "BANNED_USER"));

    school.bench.clock.advance(60_000);
    let back = school.bench.sign_in("ada@school.example", PASSWORD).await.json();
    assert_eq!(
        (&back["user"]["banned"], &back["user"]["banExpires"]),
        (&json!(false), &json!(null))
    );
    school.post("ban-user", json!({"userId": "ada", "banReason": "rude"})).await;
    school.bench.clock.advance(1);
    let free = school.post("unban-user", json!({"userId": "ada"})).await.json();
    assert_eq!(
        (&free["user"]["banned"], &free["user"]["banReason"]),
        (&json!(false), &json!(null))
    );
    let expected = ["password_set", "banned", "banned", "unbanned"];
    assert_eq!(school.audited().await, expected);
}

/// Attack C11: sessions of others, by handles that sign nobody in.
#[actix_web::test]
async fn sessions_of_a_person_are_listed_and_ended_by_their_handles() {
    let school = School::new().await;
    let listed = school.post("list-user-sessions", json!({"userId": "ada"})).await.json();
    let handle = listed["sessions"][0]["token"].as_str().unwrap().to_owned();
    assert_eq!(school.post_as(&handle, "has-permission", json!({})).await.status, 401);

    let ended = school.post("revoke-user-session", json!({"sessionToken": handle})).await;
    assert_eq!(ended.json(), json!({"success": true}));
    let again = school.post("revoke-user-session", json!({"sessionToken": handle})).await;
    assert_eq!(again.json(), json!({"success": true}), "it is over already");
    let left = school.post("list-user-sessions", json!({"userId": "ada"})).await.json();
    assert_eq!(left, json!({"sessions": []}));
    let all = school.post("revoke-user-sessions", json!({"userId": "nobody"})).await;
    assert_eq!(all.status, 404);
    let all = school.post("revoke-user-sessions", json!({"userId": "ada"})).await;
    assert_eq!(all.json(), json!({"success": true}));
    assert_eq!(school.audited().await, ["session_revoked", "session_revoked"]);
}

#[actix_web::test]
async fn a_removed_person_is_gone() {
    let school = School::new().await;
    let removed = school.post("remove-user", json!({"userId": "ada"})).await;
    assert_eq!(removed.json(), json!({"success": true}));
    assert_eq!(school.get("get-user?id=ada").await.status, 404);
    assert_eq!(school.post("remove-user", json!({"userId": "ada"})).await.status, 404);
    let events = school.bench.store.newest_auth_events(1).await.unwrap();
    assert_eq!(
        (events[0].kind.as_str(), &events[0].detail()["by"]),
        ("user_removed", &json!("root"))
    );
}

#[actix_web::test]
async fn permissions_are_those_of_the_peers_statements() {
    let school = School::new().await;
    for (permissions, admin, student) in [
        (json!({"user": ["ban", "list"], "session": ["revoke"]}), true, false),
        (json!({"user": ["impersonate-admins"]}), false, false),
        (json!({"user": ["fly"]}), false, false),
        (json!({"castle": ["storm"]}), false, false),
    ] {
        let body = json!({"permissions": permissions});
        for (token, expected) in [(&school.root, admin), (&school.ada, student)] {
            let answer = school.post_as(token, "has-permission", body.clone()).await.json();
            assert_eq!(answer, json!({"error": null, "success": expected}), "{permissions}");
        }
    }
    assert_eq!(school.post("has-permission", json!({"x": 1})).await.status, 400);
}

fn browser(answer: &Answer) -> String {
    let live = answer.cookies().into_iter().filter(|cookie| !cookie.contains("Max-Age=0"));
    live.map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect::<Vec<_>>().join("; ")
}

/// Attack C10.
#[actix_web::test]
async fn an_admin_acts_as_a_student_in_a_browser_and_comes_back() {
    let school = School::new().await;
    let cookie = format!(
        "{SESSION_COOKIE}={}",
        crate::auth::cookie::escape(&school.bench.auth.signed(&school.root))
    );
    let body = json!({"userId": "ada"});
    let begun =
        school.bench.post(&format!("{BASE}/impersonate-user"), &body).by_page(&cookie).send().await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    assert_eq!(begun.json()["session"]["impersonatedBy"], "root");
    assert_eq!(begun.json()["user"]["id"], "ada");
    let acting = browser(&begun);
    assert!(acting.contains("better-auth.admin_session=") && acting.contains("dont_remember"));
    let session_line = begun.cookies().into_iter().find(|it| it.contains(SESSION_COOKIE)).unwrap();
    assert!(!session_line.contains("Max-Age"), "it ends with the browser: {session_line}");

    // She is a student now: no admin, and nobody else's part can be played on top.
    for (call, body) in [
        ("impersonate-user", json!({"userId": "ada"})),
        ("set-role", json!({"userId": "ada", "role": "admin"})),
    ] {
        let nested =
            school.bench.post(&format!("{BASE}/{call}"), &body).by_page(&acting).send().await;
        assert_eq!(nested.status, 403, "{call}");
    }
    school.bench.clock.advance(1);
    let stopped = school
        .bench
        .post(&format!("{BASE}/stop-impersonating"), &json!({}))
        .by_page(&acting)
        .send()
        .await;
    assert_eq!((stopped.status, &stopped.json()["user"]["id"]), (200, &json!("root")));
    let own = browser(&stopped);
    assert!(!own.contains("admin_session"));
    let session = school.bench.get("/api/auth/get-session").by_page(&own).send().await.json();
    assert_eq!(
        (&session["user"]["id"], &session["session"]["impersonatedBy"]),
        (&json!("root"), &json!(null))
    );
    let again = school
        .bench
        .post(&format!("{BASE}/stop-impersonating"), &json!({}))
        .by_page(&own)
        .send()
        .await;
    assert_eq!(
        (again.status, &again.json()["message"]),
        (400, &json!("You are not impersonating anyone"))
    );
    assert_eq!(school.audited().await, ["impersonation_started", "impersonation_ended"]);
}

/// Attack C10: after the hour the admin is herself; a forged cookie brings nobody back.
#[actix_web::test]
async fn after_the_hour_the_browser_is_the_admins_again_unless_she_signed_out() {
    let school = School::new().await;
    let cookie = format!(
        "{SESSION_COOKIE}={}",
        crate::auth::cookie::escape(&school.bench.auth.signed(&school.root))
    );
    let body = json!({"userId": "ada"});
    let begun =
        school.bench.post(&format!("{BASE}/impersonate-user"), &body).by_page(&cookie).send().await;
    let acting = browser(&begun);
    school.bench.clock.advance(3_600_000);

    let session = async |cookie: &str| {
        school.bench.get("/api/auth/get-session").by_page(cookie).send().await.json()
    };
    assert_eq!(session(&acting).await["user"]["id"], "root");
    let reopened = acting.split("; ").find(|pair| pair.contains("admin_session=")).unwrap();
    assert_eq!(session(reopened).await["user"]["id"], "root");
    let forged = acting.replace("admin_session=", "admin_session=x");
    assert_eq!(session(&forged).await, json!(null));
    let out = school.bench.post("/api/auth/sign-out", &json!({})).by_page(&cookie).send().await;
    assert_eq!(out.status, 200);
    assert_eq!(session(&acting).await, json!(null));
}

/// Attack C10.
#[actix_web::test]
async fn admins_and_nobody_cannot_be_acted_as() {
    let school = School::new().await;
    school.bench.signed_in("eve", Role::Admin).await;
    for (id, status, code) in [
        ("eve", 403, "YOU_CANNOT_IMPERSONATE_ADMINS"),
        ("root", 403, "YOU_CANNOT_IMPERSONATE_ADMINS"),
        ("nobody", 404, "USER_NOT_FOUND"),
    ] {
        let answer = school.post("impersonate-user", json!({"userId": id})).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{id}");
    }
    let stop = school.bench.post(&format!("{BASE}/stop-impersonating"), &json!({})).send().await;
    assert_eq!((stop.status, stop.text.as_str()), (401, ""));
}

/// Attack E3: the seed's widget sent such headers.
#[actix_web::test]
async fn identity_headers_from_outside_make_nobody_an_admin() {
    let school = School::new().await;
    let call = school.bench.get(&format!("{BASE}/list-users"));
    let answer = call
        .with("x-user-id", "root")
        .with("x-user-role", "admin")
        .with("authorization", &format!("Bearer {}", school.ada))
        .send()
        .await;
    assert_eq!(answer.status, 403);
    let call = school.bench.get(&format!("{BASE}/list-users")).with("x-user-id", "root");
    assert_eq!(call.send().await.status, 401);
}

/// Attack C1: the admin's cookie alone, from another page.
#[actix_web::test]
async fn another_page_does_nothing_with_an_admins_cookie() {
    let school = School::new().await;
    let cookie = format!(
        "{SESSION_COOKIE}={}",
        crate::auth::cookie::escape(&school.bench.auth.signed(&school.root))
    );
    for origin in ["http://evil.example", "null"] {
        let call = school.bench.post(&format!("{BASE}/remove-user"), &json!({"userId": "ada"}));
        let answer = call.with("cookie", &cookie).with("origin", origin).send().await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(school.get("get-user?id=ada").await.status, 200);
}
