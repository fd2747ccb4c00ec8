use actix_web::{
    App,
    test::{TestRequest, call_service, init_service, read_body},
};

use super::*;
use crate::{auth::tests::Bench, domain::role::Role, store::auth_events::tests::event};

struct Answer {
    status: u16,
    kind: String,
    text: String,
}

async fn get(bench: &Bench, path: &str, token: &str) -> Answer {
    let app = App::new()
        .app_data(Data::from(Arc::clone(&bench.auth)))
        .app_data(Data::from(Arc::clone(&bench.store)))
        .configure(crate::http::routes(crate::config::Roles::ALL));
    let request = TestRequest::get()
        .uri(&format!("/api/v1/admin/auth-events{path}"))
        .insert_header(("authorization", format!("Bearer {token}")));
    let answer = call_service(&init_service(app).await, request.to_request()).await;
    let kind = answer.headers().get("content-type");
    let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = answer.status().as_u16();
    let text = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
    Answer { status, kind, text }
}

async fn admin(bench: &Bench) -> String {
    bench.signed_in_with_token("root", Role::Admin).await.1
}

async fn put(bench: &Bench, id: &str, kind: AuthEventKind, email: &str) {
    let event = event(id, kind, 5).tried(email);
    bench.store.insert_auth_event(event).await.unwrap();
}

/// FR-028: time, user, address and type can be asked for.
#[actix_web::test]
async fn events_are_read_page_by_page_and_by_kind() {
    let bench = Bench::new().await;
    let token = admin(&bench).await;
    for number in 0..PAGE {
        put(&bench, &format!("e{number:03}"), AuthEventKind::SignInFailed, "eve@x.example").await;
    }
    let ban = event("f", AuthEventKind::Banned, 6).with("by", "root");
    bench.store.insert_auth_event(ban).await.unwrap();

    let page: Value = serde_json::from_str(&get(&bench, "", &token).await.text).unwrap();
    let expected = json!({
        "id": "f", "at": "1970-01-01T00:00:00.006Z", "type": "banned", "user": null,
        "email": null, "address": null, "agent": null, "detail": { "by": "root" },
    });
    assert_eq!(page["events"][0], expected);
    let next = page["next"].as_str().unwrap();
    let rest = get(&bench, &format!("?before={next}"), &token).await.text;
    let rest: Value = serde_json::from_str(&rest).unwrap();
    assert_eq!((rest["events"].as_array().unwrap().len(), rest.get("next")), (1, None));
    let failed = get(&bench, "?type=banned&email=&user=", &token).await.text;
    let failed: Value = serde_json::from_str(&failed).unwrap();
    assert_eq!(failed["events"].as_array().unwrap().len(), 1);
    for (query, expected) in
        [("?email=EVE@x.example", 50), ("?from=1970-01-02", 0), ("?to=1970-01-01", 50)]
    {
        let found = get(&bench, query, &token).await.text;
        let found: Value = serde_json::from_str(&found).unwrap();
        assert_eq!(found["events"].as_array().unwrap().len(), expected, "{query}");
    }
}

/// Attack A22.
#[actix_web::test]
async fn what_is_no_filter_is_refused_or_finds_nothing() {
    let bench = Bench::new().await;
    let token = admin(&bench).await;
    put(&bench, "e", AuthEventKind::SignIn, "ada@x.example").await;

    for query in
        ["?type=x", "?from=soon", "?email=%00", "?before=x", "?user=a%00b", "?address=a%0d%0ab"]
    {
        assert_eq!(get(&bench, query, &token).await.status, 400, "{query}");
    }
    assert_eq!(get(&bench, "/export?format=exe", &token).await.status, 400);
    for query in ["?email=%25", "?user=%27%20OR%201=1--", "?address=_"] {
        let answer = get(&bench, query, &token).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"events":[]}"#), "{query}");
    }
}

/// Attack E2: strangers' words in a file that a spreadsheet opens.
#[actix_web::test]
async fn an_export_holds_every_event_and_no_formula() {
    let bench = Bench::new().await;
    let token = admin(&bench).await;
    let count = usize::try_from(BATCH).unwrap() + 3;
    for number in 0..count {
        let kind = AuthEventKind::SignInFailed;
        put(&bench, &format!("e{number:04}"), kind, "=cmd|'/c calc'!A1").await;
    }
    let agent = Some("a \"b\"\r\n@x".to_owned());
    let last = AuthEvent { agent, ..event("f", AuthEventKind::SignIn, 9) };
    bench.store.insert_auth_event(last).await.unwrap();

    let csv = get(&bench, "/export", &token).await;
    assert!(csv.kind.starts_with("text/csv"), "{}", csv.kind);
    let (head, rows) = csv.text.split_once("\r\n").unwrap();
    assert_eq!(head, "id,at,type,user,email,address,agent,detail");
    assert!(rows.starts_with(
        "\"f\",\"1970-01-01T00:00:00.009Z\",\"sign_in\",\"\",\"\",\"\",\"a \"\"b\"\"\r\n@x\",\"{}\"\r\n"
    ));
    assert_eq!(rows.matches("\"'=cmd|").count(), count);
    assert!(!rows.contains("\"=cmd"));

    let lines = get(&bench, "/export?format=jsonl&type=sign_in_failed", &token).await;
    assert_eq!(lines.kind, "application/jsonl");
    let ids: std::collections::BTreeSet<_> = lines
        .text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].to_string())
        .collect();
    assert_eq!(ids.len(), count, "none twice, none left out");

    let audit = bench.store.audit_page(None).await.unwrap();
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[0].0.action, "export_auth_events");
}

#[test]
fn what_a_spreadsheet_takes_for_a_formula_is_text() {
    for (cell, expected) in [
        ("=1", "\"'=1\""),
        ("+1", "\"'+1\""),
        ("-1", "\"'-1\""),
        ("@a", "\"'@a\""),
        ("\t=1", "\"'\t=1\""),
        (" =1", "\"' =1\""),
        ("＝1", "\"'＝1\""),
        ("a=1", "\"a=1\""),
        ("", "\"\""),
    ] {
        assert_eq!(quoted(cell), expected, "{cell:?}");
    }
}

#[actix_web::test]
async fn nobody_below_an_admin_reads_or_takes_them() {
    let bench = Bench::new().await;
    for (name, role) in [("ada", Role::Student), ("ina", Role::Instructor)] {
        let token = bench.signed_in_with_token(name, role).await.1;
        for path in ["", "/export"] {
            assert_eq!(get(&bench, path, &token).await.status, 403, "{name} {path}");
        }
    }
}
