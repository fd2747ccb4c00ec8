//! Mail to a real SMTP server: every mail that was promised arrives, whatever dies.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    databases::free_port,
    nodes::Nodes,
    person::{PASSWORD, Person, read},
    server::Server,
    smtp::{Smtp, home, tls},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the admin's list until it shows `count` mails in this state.
async fn listed(admin: &Person, state: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/v1/admin/mail?state={state}");
    let seen = async {
        loop {
            let (status, page) = admin.get(&path).await;
            assert_eq!(status, 200, "{page}");
            let mails = page["mails"].as_array().unwrap();
            if mails.len() == count {
                return mails.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.expect("the list does not show it")
}

async fn admin(server: &Server) -> Person {
    Person::demo(server, "admin").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_arrives_as_text_and_html_and_its_link_works() {
    let Some(smtp) = Smtp::start(&[]) else { return };
    let home = home(smtp.port, &[]);
    let server = home.start();
    let ada = Person::sign_up(&server, "ada@school.example").await;

    let mail = smtp.next();

    assert_eq!((mail.to.as_str(), mail.code), ("ada@school.example", 250));
    assert_eq!(mail.head("from"), "School <no-reply@school.example>");
    assert_eq!(mail.head("to"), "ada@school.example");
    assert_eq!(mail.head("auto-submitted"), "auto-generated");
    assert!(mail.head("message-id").ends_with("@school.example>"), "{}", mail.raw);
    assert!(mail.head("content-type").starts_with("multipart/alternative"), "{}", mail.raw);
    let plain = mail.raw.replace("=\r\n", "").replace("=3D", "=");
    assert!(plain.contains("text/plain") && plain.contains("text/html"), "{plain}");
    let link = plain.split_whitespace().find(|word| word.starts_with(server.url())).unwrap();
    let path = link.strip_prefix(server.url()).unwrap();
    let opened = ada.request(reqwest::Method::GET, path).header("sec-fetch-mode", "cors");
    assert_eq!(opened.send().await.unwrap().status(), 302, "{link}");
    let (_, me) = ada.get("/api/auth/get-session").await;
    assert_eq!(me["user"]["emailVerified"], true);
    let sent = listed(&admin(&server).await, "sent", 1).await;
    assert_eq!((&sent[0]["tries"], &sent[0]["kind"]), (&json!(1), &json!("verify-email")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_waits_for_a_server_that_is_down() {
    let Some(smtp) = Smtp::start(&[]) else { return };
    let port = smtp.port;
    drop(smtp);
    let home = home(port, &[]);
    let server = home.start();
    Person::sign_up(&server, "ada@school.example").await;
    let admin = admin(&server).await;
    let tried = async { while listed(&admin, "queued", 1).await[0].get("last_error").is_none() {} };
    tokio::time::timeout(PATIENCE, tried).await.unwrap();

    let smtp = Smtp::start(&["--port", &port.to_string()]).unwrap();

    assert_eq!(smtp.next().to, "ada@school.example");
    listed(&admin, "sent", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_a_dead_letter() {
    let Some(mut smtp) = Smtp::start(&[]) else { return };
    let home = home(smtp.port, &[]);
    let server = home.start();
    let admin = admin(&server).await;

    smtp.answers(&[451, 452]);
    Person::sign_up(&server, "ada@school.example").await;
    let tries = [smtp.next(), smtp.next(), smtp.next()];
    assert_eq!(tries.each_ref().map(|it| it.code), [451, 452, 250]);
    let ids: BTreeSet<_> = tries.iter().map(|it| it.head("message-id")).collect();
    assert_eq!(ids.len(), 1, "every try has the same id");

    smtp.answers(&[550]);
    Person::sign_up(&server, "eve@school.example").await;
    assert_eq!(smtp.next().code, 550);
    let dead = listed(&admin, "dead", 1).await.remove(0);
    assert_eq!((&dead["to"], &dead["tries"]), (&json!("eve@school.example"), &json!(1)));
    assert!(dead["last_error"].as_str().unwrap().contains("550"), "{dead}");
    assert!(!dead.to_string().contains("token="), "{dead}");

    let retry = format!("/api/v1/admin/mail/{}/retry", dead["id"].as_str().unwrap());
    assert_eq!(read(admin.post(&retry, &json!({})).await).await.0, 204);
    let again = smtp.next();
    assert_eq!((again.to.as_str(), again.code), ("eve@school.example", 250));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_loses_no_mail() {
    let port = free_port();
    let home = home(port, &[]);
    let server = home.start();
    let address = server.address();
    Person::sign_up(&server, "ada@school.example").await;
    // The sign-up was answered, and nobody takes mail.
    server.kill();

    let Some(smtp) = Smtp::start(&["--port", &port.to_string()]) else { return };
    let _server = home.start_at(&address);

    assert_eq!(smtp.next().to, "ada@school.example");
}

/// The server has taken the letter when the node dies, and the node has not noted it: at least once,
/// with the same id.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_before_it_could_note_the_delivery_sends_the_same_mail_again() {
    let Some(mut smtp) = Smtp::start(&[]) else { return };
    let home = home(smtp.port, &[]);
    let server = home.start();
    let address = server.address();
    smtp.holds(true);
    Person::sign_up(&server, "ada@school.example").await;
    let first = smtp.next();
    server.kill();

    smtp.holds(false);
    let server = home.start_at(&address);
    let second = smtp.next();

    assert_eq!(first.head("message-id"), second.head("message-id"));
    listed(&admin(&server).await, "sent", 1).await;
    assert!(smtp.is_silent(Duration::from_secs(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_given_up_and_tried_again() {
    let Some(mut smtp) = Smtp::start(&[]) else { return };
    let home = home(smtp.port, &[]);
    let server = home.start();
    smtp.holds(true);
    Person::sign_up(&server, "ada@school.example").await;
    smtp.next();
    let admin = admin(&server).await;
    let given_up = async {
        loop {
            let mail = listed(&admin, "queued", 1).await.remove(0);
            if let Some(why) = mail.get("last_error") {
                return why.as_str().unwrap().to_owned();
            }
        }
    };
    let why = tokio::time::timeout(PATIENCE, given_up).await.unwrap();
    assert!(why.contains("does not answer in time"), "{why}");

    smtp.holds(false);
    listed(&admin, "sent", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_over_tls_with_a_checked_certificate_after_signing_in() {
    let ca = tls("ca.pem");
    for (security, more) in [("starttls", &[][..]), ("tls", &["--from-the-start"][..])] {
        let arguments = [&["--user", "school", "pass word"], more].concat();
        let Some(smtp) = Smtp::with_tls(&arguments) else { return };
        let secure = ("INTELLISTACK__MAIL__SMTP_SECURITY", security);
        let user = ("INTELLISTACK__MAIL__SMTP_USER", "school");
        let password = ("INTELLISTACK__MAIL__SMTP_PASSWORD", "pass word");
        let trusted = ("INTELLISTACK__MAIL__SMTP_CA_FILE", ca.as_str());
        let home_of_it = home(smtp.port, &[secure, user, password, trusted]);
        let server = home_of_it.start();
        Person::sign_up(&server, "ada@school.example").await;
        let mail = smtp.next();
        assert!(mail.secure, "{security}");
        assert_eq!(mail.user.as_deref(), Some("school"));

        // A certificate that nobody vouches for, a wrong password: not sent, and not given up.
        let wrong = ("INTELLISTACK__MAIL__SMTP_PASSWORD", "wrong");
        for settings in [vec![secure, user, password], vec![secure, user, wrong, trusted]] {
            let home_of_it = home(smtp.port, &settings);
            let server = home_of_it.start();
            let admin = admin(&server).await;
            Person::sign_up(&server, "eve@school.example").await;
            let tried = async {
                loop {
                    let mail = listed(&admin, "queued", 1).await.remove(0);
                    if let Some(why) = mail.get("last_error") {
                        return why.as_str().unwrap().to_owned();
                    }
                }
            };
            let why = tokio::time::timeout(PATIENCE, tried).await.unwrap();
            assert!(why.contains("certificate") || why.contains("535"), "{why}");
            assert!(!why.contains("pass word") && !why.contains("wrong"), "{why}");
        }
    }
}

/// And outside demo mode nothing of a delivered mail stays in the database.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_send_each_mail_once_and_keep_nothing_of_it() {
    let Some(smtp) = Smtp::start(&[]) else { return };
    let port = smtp.port.to_string();
    let settings = [
        ("MAIL__TRANSPORT", "smtp"),
        ("MAIL__FROM", "no-reply@school.example"),
        ("MAIL__SMTP_HOST", "127.0.0.1"),
        ("MAIL__SMTP_PORT", port.as_str()),
        ("MAIL__SMTP_SECURITY", "plain"),
        ("LIMITS__SIGN_UPS_PER_MINUTE", "1000"),
    ];
    let Some(nodes) = Nodes::start(2, &settings).await else { return };
    let people: Vec<_> = (0..24).map(|number| format!("pupil{number}@school.example")).collect();
    let http = reqwest::Client::new();
    let sign_ups = people.iter().enumerate().map(|(number, email)| {
        let body = json!({ "name": "Pupil", "email": email, "password": PASSWORD });
        http.post(format!("{}/api/auth/sign-up/email", nodes.url(number % 2))).json(&body).send()
    });
    for answer in futures_util::future::join_all(sign_ups).await {
        assert_eq!(answer.unwrap().status(), 200);
    }

    let mut got: Vec<_> = people.iter().map(|_| smtp.next().to).collect();
    got.sort();
    let mut expected = people.clone();
    expected.sort();
    assert_eq!(got, expected);
    assert!(smtp.is_silent(Duration::from_secs(2)));

    let root = nodes.person(0, "root", "admin").await;
    listed(&root, "sent", 24).await;
    let url = nodes.postgres.url_at(nodes.postgres.port());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::runtime::Handle::current().spawn(connection);
    let left = "SELECT count(*) FROM outbox WHERE body <> '' OR html <> '' OR links <> '[]'";
    assert_eq!(client.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
}
