use std::sync::Arc;

use actix_web::{
    App,
    http::Method,
    test::{TestRequest, call_service, init_service, read_body},
};
use serde_json::{Value, json};

use super::*;
use crate::{auth::tests::Bench, domain::role::Role, store::outbox::tests::mail};

async fn call(bench: &Bench, method: Method, path: &str, token: &str) -> (u16, Value) {
    let app = App::new()
        .app_data(Data::from(Arc::clone(&bench.auth)))
        .app_data(Data::from(Arc::clone(&bench.store)))
        .configure(crate::http::routes(crate::config::Roles::ALL));
    let request = TestRequest::default()
        .method(method)
        .uri(&format!("/api/v1/admin/mail{path}"))
        .insert_header(("authorization", format!("Bearer {token}")));
    let answer = call_service(&init_service(app).await, request.to_request()).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&read_body(answer).await).unwrap_or_default())
}

async fn with_dead_letter(bench: &Bench) {
    bench.store.insert_mail(mail("m1", "ada@x.example", "reset-password", 5)).await.unwrap();
    bench.store.claim_mails("c", 1, 100, Millis(6)).await.unwrap();
    bench.store.mail_failed(("m1", "c"), "550 no", None, Millis(7)).await.unwrap();
    bench.store.insert_mail(mail("m2", "eve@x.example", "verify-email", 8)).await.unwrap();
}

#[actix_web::test]
async fn an_admin_sees_dead_letters_without_their_content_and_tries_or_removes_them() {
    let bench = Bench::new().await;
    let (_, token) = bench.signed_in_with_token("root", Role::Admin).await;
    with_dead_letter(&bench).await;

    let (status, page) = call(&bench, Method::GET, "?state=dead", &token).await;
    assert_eq!(status, 200, "{page}");
    let expected = json!([{
        "id": "m1", "at": "1970-01-01T00:00:00.005Z", "kind": "reset-password",
        "to": "ada@x.example", "subject": "s", "state": "dead", "tries": 1,
        "last_error": "550 no",
    }]);
    assert_eq!(page["mails"], expected);
    let (_, all) = call(&bench, Method::GET, "", &token).await;
    assert_eq!(all["mails"].as_array().unwrap().len(), 2);
    assert!(!all.to_string().contains("https://x.example/"), "{all}");

    assert_eq!(call(&bench, Method::POST, "/m1/retry", &token).await.0, 204);
    let (_, dead) = call(&bench, Method::GET, "?state=dead", &token).await;
    assert_eq!(dead["mails"], json!([]));
    assert_eq!(call(&bench, Method::POST, "/m2/retry", &token).await.0, 404);
    assert_eq!(call(&bench, Method::DELETE, "/m2", &token).await.0, 204);
    assert_eq!(call(&bench, Method::DELETE, "/m2", &token).await.0, 404);
    let audit = bench.store.audit_page(None).await.unwrap();
    let audit: Vec<_> =
        audit.iter().map(|(it, _)| (it.action.as_str(), it.target.as_str())).collect();
    assert_eq!(audit.len(), 2, "{audit:?}");
    assert!(audit.contains(&("retry_mail", "m1")) && audit.contains(&("remove_mail", "m2")));
}

#[actix_web::test]
async fn nobody_below_an_admin_sees_or_touches_mail() {
    let bench = Bench::new().await;
    with_dead_letter(&bench).await;
    for (name, role) in [("ada", Role::Student), ("ina", Role::Instructor)] {
        let (_, token) = bench.signed_in_with_token(name, role).await;
        for (method, path) in
            [(Method::GET, "?state=dead"), (Method::POST, "/m1/retry"), (Method::DELETE, "/m1")]
        {
            let (status, body) = call(&bench, method, path, &token).await;
            assert_eq!((status, &body["error"]["code"]), (403, &json!("forbidden")), "{name}");
        }
    }
}

#[actix_web::test]
async fn a_state_or_a_cursor_that_is_none_is_a_bad_request() {
    let bench = Bench::new().await;
    let (_, token) = bench.signed_in_with_token("root", Role::Admin).await;
    for query in ["?state=lost", "?before=x", "?state=%00"] {
        assert_eq!(call(&bench, Method::GET, query, &token).await.0, 400, "{query}");
    }
    assert_eq!(call(&bench, Method::DELETE, "/%00", &token).await.0, 404);
}
