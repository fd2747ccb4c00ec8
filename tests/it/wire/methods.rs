//! Methods that should do nothing.

use reqwest::Method;
use serde_json::json;

use super::{Peer, field};
use crate::{
    live::ask,
    support::{
        person::{Person, read},
        server::Home,
    },
};

const OVERRIDES: [&str; 3] = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];

/// Attack E5.
#[tokio::test]
async fn trace_track_connect_and_unknown_methods_are_answered_405() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    for method in ["TRACE", "TRACK", "CONNECT", "PROPFIND", "FOO", "get"] {
        for (path, allow) in [
            ("/", Some("GET, HEAD")),
            ("/healthz", Some("GET, HEAD")),
            ("/.well-known/openid-configuration", Some("GET, HEAD")),
            ("/api/auth/sign-out", Some("POST")),
            ("/api/auth/oauth2/token", Some("POST")),
            ("/api/auth/oauth2/authorize", Some("GET, POST")),
            ("/api/v1/courses", Some("GET, HEAD")),
            ("/api/v1/threads/thr_1", Some("PATCH, DELETE")),
            ("/api/v1/nothing", None),
        ] {
            let mut peer = Peer::open(&server.address());
            let cookie = &student.cookie;
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n");
            peer.say(request.as_bytes());
            let (head, body) = peer.answer();
            assert!(head.starts_with("HTTP/1.1 405 "), "{request}{head}");
            assert_eq!(field(&head, "allow").as_deref(), allow, "{request}{head}");
            // TRACE would have shown a script the cookie.
            assert!(!head.contains(cookie) && !body.contains(cookie), "{request}{head}{body}");
        }
    }
    let mut peer = Peer::open(&server.address());
    peer.say(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\nhello");
    assert!(peer.rest().starts_with("HTTP/1.1 405 "));
}

/// Attack E5: a method counts as it stands in the request's first line, whatever else is said.
#[tokio::test]
async fn a_header_or_field_that_names_another_method_has_no_effect() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, mut reader) = ask(&mut live, "m1", "What is a clock?").await;
    reader.finish(&mut live).await;
    let thread = format!("/api/v1/threads/{}", ok["thread"].as_str().unwrap());
    let put = |method: Method, path: &str, other: &str| {
        let request = student.request(method, &format!("{path}?_method={other}"));
        OVERRIDES.iter().fold(request, |request, name| request.header(*name, other))
    };
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();

    // GET stays GET: nobody is signed out, nothing is removed or renamed.
    assert_eq!(status(put(Method::GET, "/api/auth/sign-out", "POST")).await, 404);
    assert_eq!(status(put(Method::GET, "/api/auth/delete-user", "POST")).await, 404);
    assert_eq!(status(put(Method::GET, &thread, "DELETE")).await, 404);
    assert_eq!(status(put(Method::POST, &thread, "DELETE")).await, 404);
    // PATCH stays PATCH.
    let rename = put(Method::PATCH, &thread, "DELETE").json(&json!({ "title": "Clocks" }));
    assert!(status(rename).await.is_success());
    let (_, page) = student.get("/api/v1/threads").await;
    assert_eq!(page["threads"][0]["title"], "Clocks", "{page}");
    // A method that is refused is not let in by another's name.
    assert_eq!(status(put(Method::TRACE, "/api/v1/courses", "GET")).await, 405);
    // Nor by a field of a form: POST is asked, and POST is answered.
    let form = |path: &str, body: &'static str| {
        let kind = "application/x-www-form-urlencoded";
        student.request(Method::POST, path).header("content-type", kind).body(body)
    };
    let token = form("/api/auth/oauth2/token", "_method=GET&grant_type=authorization_code");
    let (status, answer) = read(token.send().await.unwrap()).await;
    assert!((400..=401).contains(&status), "{answer}");
    let body = "_method=DELETE&email=a%40b.example&password=x";
    let sign_in = form("/api/auth/sign-in/email", body);
    let (status, answer) = read(sign_in.send().await.unwrap()).await;
    assert!((400..=401).contains(&status), "{answer}");

    let (_, me) = student.get("/api/auth/get-session").await;
    assert_eq!(me["user"]["role"], "student", "{me}");
}

/// Attack E5: RFC 9110 §9.3.2.
#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut peer = Peer::open(&server.address());
    for path in [
        "/",
        "/healthz",
        "/nothing.png",
        "/.well-known/openid-configuration",
        "/api/auth/ok",
        "/api/auth/jwks",
        "/api/auth/oauth2/sign-in",
        "/api/auth/oauth2/userinfo",
        "/api/auth/list-sessions",
        "/api/v1/config",
        "/api/v1/courses",
        "/api/v1/threads",
        "/api/v1/admin/mail",
    ] {
        let mut ask = |method: &str| {
            let cookie = &student.cookie;
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n");
            peer.say(request.as_bytes());
        };
        // On one connection: a byte of a body would stand before the next answer.
        ask("HEAD");
        ask("GET");
        let head = peer.head();
        let (get, _) = peer.answer();
        assert_eq!(head.lines().next(), get.lines().next(), "{path}");
        for name in ["content-type", "content-length", "cache-control", "etag", "www-authenticate"]
        {
            assert_eq!(field(&head, name), field(&get, name), "{path} {name}\n{head}{get}");
        }
    }
}

/// Attack E5: what looks at links asks with HEAD.
#[tokio::test]
async fn head_changes_nothing() {
    let home = Home::quick();
    let server = home.start();
    let eve = Person::sign_up(&server, "eve@school.example").await;
    let request = json!({ "email": "eve@school.example" });
    assert!(eve.post("/api/auth/request-password-reset", &request).await.status().is_success());
    let (_, mails) = eve.get("/dev/mail.json").await;
    let link = |kind: &str| {
        let mails = mails.as_array().unwrap().iter();
        let links = mails.flat_map(|mail| mail["links"].as_array().unwrap().clone());
        let mut links = links.map(|link| link.as_str().unwrap().to_owned());
        let found = links.find(|link| link.contains(kind)).unwrap();
        found.strip_prefix(server.url()).unwrap().to_owned()
    };
    let (verify, reset) = (link("/verify-email"), link("/reset-password/"));

    for (path, status) in [
        (verify.as_str(), 405),
        (&reset, 302),
        ("/api/auth/sign-out", 404),
        ("/api/auth/delete-user/callback?token=a", 405),
        ("/api/auth/callback/google?code=a&state=b", 405),
        ("/api/auth/oauth2/authorize?client_id=a&response_type=code", 405),
        ("/api/auth/oauth2/end-session?id_token_hint=a", 405),
        ("/api/auth/oauth2/consent?request=a", 405),
        ("/api/auth/oauth2/select-account?request=a", 405),
        ("/api/auth/oauth2/device/verify?user_code=a", 405),
        ("/api/auth/oauth2/token", 404),
        ("/api/auth/passkey/generate-register-options", 405),
        ("/api/auth/get-session", 405),
        ("/api/v1/threads/thr_1/events", 405),
        ("/api/v1/live/ticket", 404),
    ] {
        // As a page's own call, which is what a link acts at once for.
        let head = eve.request(Method::HEAD, path).header("sec-fetch-mode", "cors");
        let answer = head.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert!(!answer.headers().contains_key("set-cookie"), "{path}");
        assert_eq!(answer.headers().contains_key("allow"), status == 405, "{path}");
    }

    let (_, me) = eve.get("/api/auth/get-session").await;
    assert_eq!(me["user"]["emailVerified"], false, "{me}");
    // Both links are as good as they were.
    let opened = eve.request(Method::GET, &verify).header("sec-fetch-mode", "cors");
    assert_eq!(opened.send().await.unwrap().status(), 302);
    let (_, me) = eve.get("/api/auth/get-session").await;
    assert_eq!(me["user"]["emailVerified"], true, "{me}");
    let token = reset.split("/reset-password/").nth(1).unwrap().split('?').next().unwrap();
    let password = json!({ "token": token, "newPassword": "Another-Horse-8-Battery" });
    let (status, answer) = read(eve.post("/api/auth/reset-password", &password).await).await;
    assert_eq!(status, 200, "{answer}");
}
