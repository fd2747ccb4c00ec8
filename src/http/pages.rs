//! The web pages, embedded in the binary. What is no file and wants HTML gets the app's page, which
//! routes by itself.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Built by Vite (`npm run build` in `web/`); read from the folder itself in a debug build.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[exclude = "*.map"]
struct Files;

const PAGE: &str = "index.html";
/// Vite puts a hash into these names, so they never change.
const HASHED: &str = "assets/";
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; font-src 'self'; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const NOT_BUILT: &str = "<!doctype html><title>IntelliStack</title>\
    <p>The web pages are not built into this program. Run <code>make run</code>: it builds both.";

/// The last resort of every path.
pub(crate) async fn serve(request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, "GET, HEAD"))
            .finish();
    }
    let path = request.path().trim_start_matches('/');
    if let Some(file) = Files::get(path).filter(|_| path != PAGE) {
        return answer(&request, path, file);
    }
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wants_page = path.is_empty() || accept.is_some_and(|accept| accept.contains("text/html"));
    if path.starts_with("api/") || !wants_page {
        return HttpResponse::NotFound().content_type("text/plain").body("Not found\n");
    }
    match Files::get(PAGE) {
        Some(page) => answer(&request, PAGE, page),
        None => HttpResponse::ServiceUnavailable()
            .content_type("text/html; charset=utf-8")
            .body(NOT_BUILT),
    }
}

fn answer(request: &HttpRequest, path: &str, file: EmbeddedFile) -> HttpResponse {
    let tag = format!("\"{}\"", crate::domain::event::hex(&file.metadata.sha256_hash()));
    let cached =
        if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, cached))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    if known {
        return response.finish();
    }
    response.content_type(file.metadata.mimetype()).body(file.data.into_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn status(path: &str, accept: Option<&str>) -> u16 {
        let request = TestRequest::get().uri(path);
        let request = match accept {
            Some(accept) => request.insert_header((header::ACCEPT, accept)),
            None => request,
        };
        serve(request.to_http_request()).await.status().as_u16()
    }

    /// 200 with the pages built, 503 without: the page either way.
    #[actix_web::test]
    async fn the_front_page_is_for_everybody_and_other_paths_are_for_browsers() {
        for (path, accept) in
            [("/", None), ("/", Some("*/*")), ("/courses/agree", Some("text/html,*/*;q=0.8"))]
        {
            assert!(matches!(status(path, accept).await, 200 | 503), "{path} {accept:?}");
        }
        assert_eq!(status("/assets/none.js", Some("*/*")).await, 404);
        assert_eq!(status("/api/v1/none", Some("text/html")).await, 404);
    }
}
