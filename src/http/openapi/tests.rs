//! The document and the mounted routes say the same.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use actix_web::{
    App,
    http::Method,
    test::{TestRequest, call_and_read_body_json, call_service, init_service},
    web::Data,
};
use serde_json::{Value, json};

use super::document;
use crate::{auth::tests::Bench, domain::role::Role};

/// Mounted and left out: other names of a call that is documented, and one that always refuses.
const LEFT_OUT: &[&str] = &[
    "POST /api/auth/forget-password",
    "GET /api/auth/.well-known/jwks.json",
    "GET /api/auth/.well-known/oauth-authorization-server",
    "GET /.well-known/jwks.json",
    "GET /.well-known/openid-configuration",
    "GET /.well-known/oauth-authorization-server/api/auth",
    "POST /api/auth/get-session",
    "GET /device",
];
/// Areas at the root of the host; `dev` is for demonstrations alone and not part of the API.
const AT_ROOT: &[&str] = &["/healthz", "/readyz", "/metrics", "/.well-known/", "/device"];
const NO_API: &[&str] = &["dev.rs"];

fn as_json() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// `METHOD /path` of every call with what is said of it.
fn calls(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            all.push((format!("{} {path}", method.to_uppercase()), call.clone()));
        }
    }
    all
}

/// What `routes` functions of a file mount: `.route("…", web::get()`, and in `auth` also
/// `get(cfg, "…"`, `post(cfg, "…"` and `at(cfg, "…", vec![web::get()…])`; `reading()` for a GET that
/// HEAD may ask too.
fn mounted(source: &str, scope: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap().replace("reading()", "web::get()");
    let mut found = Vec::new();
    let mut add = |method: &str, path: &str| {
        let root = AT_ROOT.iter().any(|start| path.starts_with(start));
        let scope = if root { "" } else { scope };
        found.push(format!("{} {scope}{path}", method.to_uppercase()));
    };
    for rest in code.split(".route(").skip(1) {
        if let Some(path) = quoted(rest) {
            add(methods(rest).first().unwrap(), path);
        }
    }
    for method in ["get", "post"] {
        for rest in code.split(&format!("    {method}(cfg, ")).skip(1) {
            found.push(format!("{} {scope}{}", method.to_uppercase(), quoted(rest).unwrap()));
        }
    }
    for rest in code.split("    at(cfg, ").skip(1) {
        let Some(path) = quoted(rest) else { continue };
        let list = if rest.split(';').next().unwrap().contains("vec![") {
            methods(rest.split(';').next().unwrap())
        } else {
            // `let methods = vec![…];` stands on the line before.
            methods(code.split("let methods = ").nth(1).unwrap().split(';').next().unwrap())
        };
        for method in list {
            found.push(format!("{} {scope}{path}", method.to_uppercase()));
        }
    }
    found
}

fn quoted(rest: &str) -> Option<&str> {
    rest.trim_start().strip_prefix('"')?.split('"').next()
}

fn methods(text: &str) -> Vec<&str> {
    text.split("web::").skip(1).filter_map(|rest| rest.split("().to(").next()).collect()
}

fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_mounted_call_is_documented_and_no_other() {
    let mut routes = BTreeSet::new();
    for (folder, scope) in
        [("src/http", "/api/v1"), ("src/http/auth", "/api/auth"), ("src/http/oidc", "/api/auth")]
    {
        for (name, source) in files(folder) {
            if !NO_API.contains(&name.as_str()) {
                routes.extend(mounted(&source, scope));
            }
        }
    }
    for name in LEFT_OUT {
        assert!(routes.remove(*name), "{name} is not mounted");
    }

    let documented: BTreeSet<String> =
        calls(&as_json()).into_iter().map(|(name, _)| name).collect();

    assert_eq!(documented, routes);
}

#[actix_web::test]
async fn every_documented_call_is_answered_by_a_handler() {
    let bench = Bench::new().await;
    let app = App::new()
        .app_data(Data::from(Arc::clone(&bench.auth)))
        .app_data(Data::from(Arc::clone(&bench.store)))
        .configure(crate::http::routes(crate::config::Roles::ALL));
    let app = init_service(app).await;
    for (name, _) in calls(&as_json()) {
        let (method, path) = name.split_once(' ').unwrap();
        let path = path.replace("{stage}", "1").replace(['{', '}'], "");
        let method: Method = method.parse().unwrap();
        let request = TestRequest::default().method(method).uri(&path).to_request();
        let status = call_service(&app, request).await.status().as_u16();
        assert!(![404, 405].contains(&status), "{name}: {status}");
    }
}

#[test]
fn the_document_is_openapi_3_1_with_one_id_a_call_and_no_reference_into_nothing() {
    let document = as_json();

    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = BTreeSet::new();
    for (name, call) in calls(&document) {
        assert!(call["summary"].is_string(), "{name} has no summary");
        assert!(ids.insert(call["operationId"].as_str().unwrap().to_owned()), "{name}");
    }
    let text = document.to_string();
    for rest in text.split("\"$ref\":\"#").skip(1) {
        let pointer = rest.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

/// The account calls' schemas are written by hand beside `shapes.rs`.
#[actix_web::test]
async fn a_session_and_its_person_have_the_documented_fields() {
    let bench = Bench::new().await;
    let token = bench.signed_in_with_token("ada", Role::Student).await.1;
    let app = App::new()
        .app_data(Data::from(Arc::clone(&bench.auth)))
        .app_data(Data::from(Arc::clone(&bench.store)))
        .configure(crate::http::routes(crate::config::Roles::ALL));
    let app = init_service(app).await;
    let request = TestRequest::get()
        .uri("/api/auth/get-session")
        .insert_header(("authorization", format!("Bearer {token}")))
        .to_request();

    let answer: Value = call_and_read_body_json(&app, request).await;

    let fields =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let schemas = &as_json()["components"]["schemas"];
    for (part, schema) in [("session", "Session"), ("user", "User")] {
        assert_eq!(fields(&answer[part]), fields(&schemas[schema]["properties"]), "{part}");
    }
    assert_ne!(answer["user"], json!(null));
}
