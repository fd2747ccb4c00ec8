//! Floor 4, HTTP: a file an area, extractors that prove who may call, the one error map.

use actix_web::web::{self, JsonConfig, PathConfig, QueryConfig, ServiceConfig};

pub(crate) mod error;
pub(crate) mod extract;
mod lessons;

use error::ApiError;

/// The largest JSON body of `/api/v1`.
const MAX_JSON: usize = 64 * 1_024;

/// Mounts every area. The app must hold `web::Data` of what the areas take
/// ([`Auth`](crate::auth::Auth) first of all).
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::scope("/api/v1").configure(api));
}

/// `/api/v1`: an area's paths are relative to it. What does not parse is a `bad_request`, what is
/// not there a `not_found`, in the dialect of `live.md` §2.6.
fn api(cfg: &mut ServiceConfig) {
    cfg.app_data(
        JsonConfig::default()
            .limit(MAX_JSON)
            .error_handler(|error, _| ApiError::from(error).into()),
    )
    .app_data(QueryConfig::default().error_handler(|error, _| ApiError::bad_request(error).into()))
    .app_data(PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
    .configure(lessons::routes)
    .default_service(web::to(|| async { Err::<&str, _>(ApiError::not_found()) }));
}
