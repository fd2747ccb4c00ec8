//! Which methods a resource answers (RFC 9110 §9; attack E5).

use actix_web::{Route, dev::ResourceDef, guard, http::Method, web};

use super::openapi;

/// What a GET does something at: HEAD, which link checkers send, is refused there.
const ACTS: &[&str] = &[
    "/api/auth/account-info",
    "/api/auth/callback/{provider}",
    "/api/auth/delete-user/callback",
    "/api/auth/get-session",
    "/api/auth/oauth2/authorize",
    "/api/auth/oauth2/consent",
    "/api/auth/oauth2/device/verify",
    "/api/auth/oauth2/end-session",
    "/api/auth/oauth2/select-account",
    "/api/auth/passkey/generate-authenticate-options",
    "/api/auth/passkey/generate-register-options",
    "/api/auth/verify-email",
    "/api/v1/admin/auth-events/export",
    "/api/v1/threads/{id}/events",
];

/// A GET that changes nothing, so that HEAD gets the same answer without its body.
pub(super) fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The methods of every call that is documented.
pub(crate) struct Methods {
    calls: Vec<(ResourceDef, String)>,
    /// Of `calls`, those whose GET acts.
    acts: Vec<ResourceDef>,
}

impl Methods {
    pub(super) fn new() -> Self {
        let document = openapi::document();
        let calls = document.paths.paths.iter().map(|(path, item)| {
            let reads = !ACTS.contains(&path.as_str());
            let allow: Vec<&str> = [
                ("GET", item.get.is_some()),
                ("HEAD", item.get.is_some() && reads),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ]
            .into_iter()
            .filter_map(|(name, there)| there.then_some(name))
            .collect();
            (ResourceDef::new(path.as_str()), allow.join(", "))
        });
        Self {
            calls: calls.collect(),
            acts: ACTS.iter().map(|path| ResourceDef::new(*path)).collect(),
        }
    }

    /// Whether no resource at all, or not this one, may be asked with the method.
    pub(super) fn refuses(&self, method: &Method, path: &str) -> bool {
        match *method {
            Method::GET
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS => false,
            Method::HEAD => self.acts.iter().any(|call| call.is_match(path)),
            _ => true,
        }
    }

    /// What stands in `Allow`; nothing where there is no resource.
    pub(super) fn allow(&self, path: &str) -> Option<&str> {
        let known = self.calls.iter().find(|(call, _)| call.is_match(path));
        // What is not documented is a page or a document.
        known.map(|(_, allow)| allow.as_str()).or_else(|| {
            (path.starts_with('/') && !path.starts_with("/api/")).then_some("GET, HEAD")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{
        App,
        test::{TestRequest, call_service, init_service},
        web::Data,
    };

    use super::*;
    use crate::auth::tests::Bench;

    /// Attack E5: whoever adds a GET says whether it acts.
    #[actix_web::test]
    async fn head_is_answered_exactly_where_get_does_nothing() {
        let bench = Bench::new().await;
        let app = App::new()
            .app_data(Data::from(Arc::clone(&bench.auth)))
            .app_data(Data::from(Arc::clone(&bench.store)))
            .configure(crate::http::routes(crate::config::Roles::ALL));
        let app = init_service(app).await;
        for (path, item) in openapi::document().paths.paths {
            let uri = path.replace("{stage}", "1").replace(['{', '}'], "");
            let request = TestRequest::default().method(Method::HEAD).uri(&uri).to_request();
            let status = call_service(&app, request).await.status().as_u16();
            let answers = item.get.is_some() && !ACTS.contains(&path.as_str());
            assert_eq!(![404, 405].contains(&status), answers, "HEAD {path}: {status}");
        }
    }

    #[test]
    fn what_acts_is_there_and_each_resource_names_its_methods() {
        let (methods, document) = (Methods::new(), openapi::document());
        for path in ACTS {
            assert!(document.paths.paths.get(*path).is_some_and(|it| it.get.is_some()), "{path}");
        }
        for (path, allow) in [
            ("/api/auth/sign-out", Some("POST")),
            ("/api/auth/verify-email", Some("GET, POST")),
            ("/api/v1/courses", Some("GET, HEAD")),
            ("/api/v1/threads/thr_1", Some("PATCH, DELETE")),
            ("/lesson", Some("GET, HEAD")),
            ("/api/v1/nothing", None),
        ] {
            assert_eq!(methods.allow(path), allow, "{path}");
        }
    }
}
