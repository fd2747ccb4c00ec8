use actix_web::http::Method;
use serde_json::{Value, json};

use crate::{
    auth::tests::Bench,
    domain::role::Role,
    http::auth::tests::{Answer, Call},
};

const CREATE: &str = "/api/auth/oauth2/create-client";

fn everyday() -> Value {
    json!({"client_name": "Timetable", "redirect_uris": ["https://app.example/cb"]})
}

/// Somebody's calls.
struct Caller<'a> {
    bench: &'a Bench,
    bearer: String,
}

impl<'a> Caller<'a> {
    async fn new(bench: &'a Bench, name: &str, role: Role) -> Self {
        let (_, token) = bench.signed_in_with_token(name, role).await;
        Self { bench, bearer: format!("Bearer {token}") }
    }

    fn sign(&self, call: Call<'a>) -> Call<'a> {
        call.with("authorization", &self.bearer)
    }

    async fn get(&self, path: &str) -> Answer {
        self.sign(self.bench.get(path)).send().await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.sign(self.bench.post(path, body)).send().await
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let call = self.bench.call(method, path).body("application/json", body.to_string());
        self.sign(call).send().await
    }
}

#[actix_web::test]
async fn verified_staff_alone_register_apps() {
    let bench = Bench::new().await;
    let unverified =
        Caller { bearer: format!("Bearer {}", bench.unverified("eve").await), bench: &bench };
    let ada = Caller::new(&bench, "ada", Role::Student).await;
    let ina = Caller::new(&bench, "ina", Role::Instructor).await;

    assert_eq!(bench.post(CREATE, &everyday()).send().await.status, 401);
    for nobody in [&unverified, &ada] {
        let refused = nobody.post(CREATE, &everyday()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "YOU_ARE_NOT_ALLOWED_TO_MANAGE_CLIENTS")
        );
        assert_eq!(nobody.get("/api/auth/oauth2/get-clients").await.status, 403);
        assert_eq!(nobody.get("/api/v1/admin/clients").await.status, 403);
    }
    let made = ina.post(CREATE, &everyday()).await;
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")));
    assert_eq!(
        (&made.json()["user_id"], made.json()["client_secret"].is_string()),
        (&json!("ina"), true)
    );
    let fault = ina.post(CREATE, &json!({"redirect_uris": ["javascript:x"]})).await;
    assert_eq!((fault.status, fault.json()["error"].as_str()), (400, Some("invalid_redirect_uri")));
    let greedy = json!({"redirect_uris": ["https://a.example"], "scope": "admin"});
    assert_eq!(ina.post(CREATE, &greedy).await.json()["error"], "invalid_client_metadata");
}

/// Each call looks for its caller: GHSA-xr8f-h2gw-9xh6.
#[actix_web::test]
async fn nobody_sees_or_changes_anothers_app() {
    let bench = Bench::new().await;
    let ina = Caller::new(&bench, "ina", Role::Instructor).await;
    let ivo = Caller::new(&bench, "ivo", Role::Instructor).await;
    let ada = Caller::new(&bench, "ada", Role::Student).await;
    let made = ina.post(CREATE, &everyday()).await.json();
    let id = made["client_id"].as_str().unwrap();
    let named = json!({"client_id": id, "update": {"client_name": "Stolen"}});
    let before = bench.store.client(&crate::domain::ids::ClientId::new(id)).await.unwrap();
    let row = format!("/api/v1/admin/clients/{id}");

    for (other, status) in [(&ivo, 404), (&ada, 403)] {
        let show = format!("/api/auth/oauth2/get-client?client_id={id}");
        assert_eq!(other.get(&show).await.status, status);
        for path in ["update-client", "client/rotate-secret", "delete-client"] {
            let answer = other.post(&format!("/api/auth/oauth2/{path}"), &named).await;
            assert_eq!(answer.status, status, "{path}");
        }
        assert_eq!(other.get(&row).await.status, status);
        assert_eq!(other.call(Method::PATCH, &row, &named["update"]).await.status, status);
        assert_eq!(other.call(Method::DELETE, &row, &json!({})).await.status, status);
        assert_eq!(other.post(&format!("{row}/secret"), &json!({})).await.status, status);
        let public = other.get(&format!("/api/auth/oauth2/public-client?client_id={id}")).await;
        assert_eq!((public.status, &public.json()["client_name"]), (200, &json!("Timetable")));
        assert_eq!(public.json()["redirect_uris"], json!([]));
    }
    assert_eq!(ivo.get("/api/auth/oauth2/get-clients").await.json(), json!([]));
    assert_eq!(ivo.get("/api/v1/admin/clients").await.json(), json!({"clients": []}));
    assert_eq!(bench.store.client(&before.id).await.unwrap(), before);

    let listed = ina.get("/api/auth/oauth2/get-clients").await.json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["client_id"]), (1, &json!(id)));
    assert!(!listed.to_string().contains(made["client_secret"].as_str().unwrap()));
    let update = json!({"client_id": id, "update": {"client_name": "Mine", "skip_consent": true}});
    let changed = ina.post("/api/auth/oauth2/update-client", &update).await;
    assert_eq!((changed.status, &changed.json()["client_name"]), (200, &json!("Mine")));
    let rotated = ina.post("/api/auth/oauth2/client/rotate-secret", &named).await.json();
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    let client = bench.auth.client(id).await.unwrap().unwrap();
    assert!(client.is_secret(rotated["client_secret"].as_str().unwrap()));
    assert!(!client.metadata.ours.skip_consent);
    assert_eq!(ina.post("/api/auth/oauth2/delete-client", &named).await.status, 200);
    assert!(bench.auth.client(id).await.unwrap().is_none());
}

/// Attack C1, and that an app's own token manages no apps.
#[actix_web::test]
async fn a_cookie_makes_no_app_from_a_foreign_page() {
    let bench = Bench::new().await;
    let (_, token) = bench.signed_in_with_token("ina", Role::Instructor).await;
    let signed = crate::auth::cookie::escape(&bench.auth.signed(&token));
    let cookie = format!("{}={signed}", crate::http::extract::SESSION_COOKIE);
    for path in [CREATE, "/api/v1/admin/clients"] {
        let evil = bench.post(path, &everyday()).with("cookie", &cookie);
        assert_eq!(evil.with("origin", "https://evil.example").send().await.status, 403, "{path}");
        let own = bench.post(path, &everyday()).by_page(&cookie).send().await;
        assert_eq!(own.status, 201, "{path}");
    }
}

#[actix_web::test]
async fn an_admin_finds_changes_disables_and_removes_any_app() {
    let bench = Bench::new().await;
    let root = Caller::new(&bench, "root", Role::Admin).await;
    let ina = Caller::new(&bench, "ina", Role::Instructor).await;
    let hers = ina.post(CREATE, &everyday()).await.json();
    let mut school = everyday();
    school["client_name"] = "<b>School</b>".into();
    school["skip_consent"] = true.into();
    school["redirect_uris"] = json!(["http://localhost:3000/cb"]);
    let made = root.post("/api/v1/admin/clients", &school).await;
    assert_eq!((made.status, &made.json()["owner"]), (201, &Value::Null), "{}", made.text);
    assert_eq!(
        (&made.json()["verified"], &made.json()["skip_consent"]),
        (&json!(true), &json!(true))
    );

    let found = root.get("/api/v1/admin/clients?search=SCHOOL").await.json();
    // Attack D21: text as it was sent; pages escape it.
    assert_eq!(found["clients"][0]["name"], "<b>School</b>");
    assert_eq!(found["clients"].as_array().unwrap().len(), 1);
    let all = root.get("/api/v1/admin/clients").await.json();
    assert_eq!(all["clients"].as_array().unwrap().len(), 2);
    let own = ina.get("/api/v1/admin/clients").await.json();
    assert_eq!(
        (own["clients"].as_array().unwrap().len(), &own["clients"][0]["owner"]),
        (1, &json!("ina"))
    );
    assert!(own["clients"][0].get("skip_consent").is_none());

    let row = format!("/api/v1/admin/clients/{}", hers["client_id"].as_str().unwrap());
    let body = json!({"disabled": true, "client_credentials_scopes": ["tutor"]});
    let off = root.call(Method::PATCH, &row, &body).await;
    assert_eq!((off.status, &off.json()["disabled"]), (200, &json!(true)), "{}", off.text);
    // What an admin has shut its owner does not open.
    let on = ina.call(Method::PATCH, &row, &json!({"disabled": false})).await;
    assert_eq!((on.status, &on.json()["disabled"]), (200, &json!(true)));
    assert_eq!(root.call(Method::PATCH, &row, &json!({"fapi": 7})).await.status, 400);
    let secret = root.post(&format!("{row}/secret"), &json!({})).await.json();
    assert!(secret["client_secret"].is_string());
    assert_eq!(root.call(Method::DELETE, &row, &json!({})).await.status, 204);
    assert_eq!(root.get(&row).await.status, 404);
    for odd in ["search=%00", "before=x", &format!("search={}", "x".repeat(300))] {
        assert_eq!(root.get(&format!("/api/v1/admin/clients?{odd}")).await.status, 400, "{odd}");
    }
}
