//! What a node does not serve, and what it refuses to be.

use reqwest::{Method, header};
use serde_json::Value;

use super::Bearer;
use crate::support::{
    live::Live,
    person::{Person, read},
    server::Home,
};

/// Each path, with the role that serves it.
const PATHS: &[(&str, &str)] = &[
    ("GET /api/auth/get-session", "auth"),
    ("POST /api/auth/sign-in/email", "auth"),
    ("GET /.well-known/jwks.json", "auth"),
    ("GET /api/auth/jwks", "auth"),
    ("GET /.well-known/openid-configuration", "auth"),
    ("POST /api/v1/live/ticket", "chat"),
    ("GET /api/v1/courses", "chat"),
    ("GET /api/v1/threads", "chat"),
    ("GET /api/v1/threads/thr_1/events", "chat"),
    ("GET /api/v1/admin/overview", "chat"),
    ("GET /api/v1/live", "chat"),
    ("GET /", "web"),
    ("GET /courses/agree", "web"),
];

async fn ask(person: &Bearer, call: &str) -> (u16, Value) {
    let (method, path) = call.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    let request = person.http.request(method, format!("{}{path}", person.url));
    read(request.header(header::ACCEPT, "text/html").send().await.unwrap()).await
}

fn words(body: &Value) -> &str {
    body["error"]["message"].as_str().or_else(|| body["message"].as_str()).unwrap_or_default()
}

#[tokio::test]
async fn a_node_answers_for_its_own_roles_and_says_of_the_others_that_they_are_elsewhere() {
    for roles in ["auth", "chat", "web", "chat,auth"] {
        let home = Home::quick();
        let server = home.start_with(&["--roles", roles]);
        let nobody = Bearer::new(server.url(), "");
        for (call, role) in PATHS {
            let (status, body) = ask(&nobody, call).await;
            let named = words(&body).contains(&format!("(role {role})"));
            if roles.split(',').any(|it| it == *role) {
                assert!(!named && (status != 404), "{roles}: {call}: {status} {body}");
            } else {
                let code = body["error"]["code"].as_str().or(body["code"].as_str()).unwrap();
                assert_eq!((status, named), (404, true), "{roles}: {call}: {body}");
                assert_eq!(code.to_lowercase(), "not_found", "{roles}: {call}");
            }
        }
        for path in ["/healthz", "/readyz", "/metrics", "/api/v1/config"] {
            assert_eq!(nobody.get(path).await.status(), 200, "{roles}: {path}");
        }
        let live = Live::open(server.url(), None, None).await;
        assert_eq!(live.err(), (!roles.contains("chat")).then_some(404), "{roles}");
    }
}

#[tokio::test]
async fn a_node_without_an_issuer_takes_no_logout_token() {
    let home = Home::quick();
    let server = home.start_with(&["--roles", "chat"]);
    let (status, body) = Bearer::new(server.url(), "").logout("x").await;
    assert_eq!(status, 404, "{body}");
}

#[test]
fn an_unknown_role_or_none_refuses_to_start_with_those_that_exist() {
    let home = Home::quick();
    for roles in ["auth,chats", "", "all"] {
        let output = home.run(&["serve", "--listen", "127.0.0.1:0", "--roles", roles]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{roles:?}");
        assert!(said.contains("auth, chat and web"), "{roles:?}: {said}");
    }
    for roles in ["[]", r#"["auth", "chats"]"#] {
        let home = Home::with(&[("INTELLISTACK__SERVER__ROLES", roles)]);
        let output = home.run(&["serve", "--listen", "127.0.0.1:0"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{roles}");
        assert!(said.contains("server.roles") && said.contains("auth, chat and web"), "{said}");
    }
}

#[tokio::test]
async fn the_settings_choose_the_roles_and_the_command_line_wins() {
    let home = Home::with(&[("INTELLISTACK__SERVER__ROLES", r#"["web"]"#)]);
    let server = home.start();
    assert_eq!(Bearer::new(server.url(), "").status().await, 404);
    drop(server);

    let server = home.start_with(&["--roles", "chat,auth"]);
    let student = Person::demo(&server, "student").await;
    assert_eq!(student.get("/api/v1/courses").await.0, 200);
}
