use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::config::{Overrides, load};

/// Answers one request after another as a script says, and remembers what was asked.
struct Server {
    url: String,
    asked: std::sync::Arc<Mutex<Vec<String>>>,
    _serving: tokio::task::JoinSet<()>,
}

async fn serve(answers: Vec<(&'static str, &'static str)>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::<Mutex<Vec<String>>>::default();
    let mut serving = tokio::task::JoinSet::new();
    let seen = std::sync::Arc::clone(&asked);
    serving.spawn(async move {
        for (status, body) in answers {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            loop {
                let mut piece = [0; 4_096];
                let read = client.read(&mut piece).await.unwrap();
                request.extend_from_slice(&piece[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.to_lowercase();
                let length = length.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                if body.len() >= length {
                    break;
                }
            }
            seen.lock().unwrap().push(String::from_utf8(request).unwrap());
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            client.write_all(answer.as_bytes()).await.unwrap();
        }
        // Then it hangs: connections wait to be accepted.
        std::future::pending::<()>().await;
    });
    Server { url, asked, _serving: serving }
}

fn resend(server: &Server) -> Resend {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let variables = [
        ("TRANSPORT", "resend"),
        ("FROM", "School <no-reply@school.example>"),
        ("RESEND_KEY", "re_s3cret"),
        ("RESEND_URL", server.url.as_str()),
        ("TIMEOUT_S", "1"),
    ]
    .map(|(key, text)| (format!("INTELLISTACK__MAIL__{key}"), text.to_owned()));
    Resend::new(&load(None, variables, &Overrides::default()).unwrap().mail).unwrap()
}

fn letter() -> Letter {
    let text = |text: &str| text.to_owned();
    Letter {
        id: text("mail_1"),
        to: text("ada@school.example"),
        subject: text("Hello"),
        text: text("Hello"),
        html: text("<p>Hello"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_posted_with_the_key_and_the_same_id_at_every_try() {
    let server = serve(vec![("503 Busy", "{}"), ("200 OK", r#"{"id":"x"}"#)]).await;
    let resend = resend(&server);

    let first = resend.deliver(&letter()).await;
    assert!(matches!(first, Err(Undelivered::Later(_))));
    resend.deliver(&letter()).await.unwrap();

    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    for request in asked.iter() {
        let head = request.to_lowercase();
        assert!(head.starts_with("post /emails http/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nidempotency-key: mail_1\r\n"), "{head}");
        assert!(head.contains("\r\nauthorization: bearer re_s3cret\r\n"), "{head}");
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body["to"], json!(["ada@school.example"]));
        assert_eq!((&body["text"], &body["html"]), (&json!("Hello"), &json!("<p>Hello")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_letter_is_given_up_and_a_refused_key_or_a_silent_server_is_not() {
    let script = [
        ("422 Unprocessable", r#"{"message":"Invalid `to` field"}"#),
        ("401 Unauthorized", r#"{"message":"API key is invalid"}"#),
        ("403 Forbidden", "{}"),
        ("429 Too Many", "no JSON"),
        ("409 Conflict", r#"{"message":"concurrent_idempotent_requests"}"#),
    ];
    let server = serve(script.to_vec()).await;
    let resend = resend(&server);

    let refused = resend.deliver(&letter()).await;
    let Err(Undelivered::Never(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("Invalid `to` field"), "{why}");
    // The last one: nobody answers.
    for _ in 1..=script.len() {
        let later = resend.deliver(&letter()).await;
        let Err(Undelivered::Later(why)) = later else { panic!("{later:?}") };
        assert!(!why.contains("re_s3cret"), "{why}");
    }
}
