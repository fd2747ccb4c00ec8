//! `POST /api/auth/oauth2/device`: a device without a browser asks for a code (RFC 8628 §3.1). Its
//! person types that in at `<public_url>/device` (`device_pages.rs`).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, ServiceConfig},
};
use serde::Serialize;
use url::Url;
use utoipa::{OpenApi, ToSchema};

use super::{
    client_auth::authenticate,
    error::OauthError,
    params::{Form, Params},
    plain::see_other,
};
use crate::{
    auth::{
        Auth,
        oidc::{
            client::Client,
            device::{Begun, INTERVAL, LIFE},
        },
    },
    domain::oidc::{
        client::GrantType,
        scope::{self, Scopes},
    },
    http::{
        auth::{device, post, schema::OAuthRefusalBody},
        methods::reading,
    },
};

/// Where people type codes, from the root of the site: short, since it is typed as well.
const SHORT: &str = "/device";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/oauth2/device", begin);
}

/// At the root of the host.
pub(super) fn short(cfg: &mut ServiceConfig) {
    cfg.route("/device", reading().to(on));
}

#[derive(OpenApi)]
#[openapi(paths(begin))]
pub(super) struct Docs;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeviceAuthorization)]
struct Authorization {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    /// Seconds.
    expires_in: i64,
    /// Seconds to wait between two questions at the token endpoint.
    interval: i64,
}

/// The client proves to be itself as at the token endpoint.
#[utoipa::path(
    post,
    path = "/oauth2/device",
    operation_id = "beginDevice",
    tag = "openid",
    summary = "A device asks for a code that its person types in (RFC 8628)",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 200, description = "The codes", body = Authorization),
        (status = "4XX", description = "Refused", body = OAuthRefusalBody),
        (status = "5XX", description = "Failed", body = OAuthRefusalBody),
    ),
)]
async fn begin(
    request: HttpRequest,
    auth: Data<Auth>,
    Form(params): Form,
) -> Result<HttpResponse, OauthError> {
    let client = authenticate(&request, &auth, &params).await?;
    if !client.metadata.may_use(GrantType::DeviceCode) {
        let text = "The client has not registered the grant type of devices.";
        return Err(OauthError::bad("unauthorized_client", text));
    }
    let scopes = scopes(&client, params.get("scope"))?;
    check_resources(&auth, &params)?;
    let (place, address) = device(&request, &auth);
    let asked = (scopes, params.resources());
    let Begun { device_code, user_code } =
        auth.begin_device(&client, asked, &place, address).await?;
    let verification_uri = format!("{}{SHORT}", auth.origins().own());
    let answer = Authorization {
        device_code,
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        user_code,
        verification_uri,
        expires_in: LIFE / 1_000,
        interval: INTERVAL / 1_000,
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}

/// The short address leads to the page.
async fn on(request: HttpRequest) -> HttpResponse {
    let query = request.query_string();
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let page = format!("{}{query}", super::device_pages::PAGE);
    see_other(&mut HttpResponse::SeeOther(), &page)
}

/// What is asked for, if the client may; what it registered, if it asks for nothing.
fn scopes(client: &Client, asked: Option<&str>) -> Result<Scopes, OauthError> {
    let refused = |why: &'static str| OauthError::bad("invalid_scope", why);
    let scopes = match asked {
        Some(text) => {
            Scopes::parse(text).map_err(|_| refused("The scope has characters that none has."))?
        }
        None if client.metadata.scope.is_empty() => [scope::OPENID, scope::PROFILE, scope::EMAIL]
            .iter()
            .fold(Scopes::default(), |mut all, word| {
                all.add(word);
                all
            }),
        None => client.metadata.scope.clone(),
    };
    let sound = scopes.iter().all(|it| scope::ALL.contains(&it) && client.metadata.may_ask(it));
    if sound && !scopes.is_empty() {
        Ok(scopes)
    } else {
        Err(refused("The client may not ask for one of these scopes, or there is none such."))
    }
}

/// RFC 8707 §2: resources that we issue tokens for.
fn check_resources(auth: &Auth, params: &Params) -> Result<(), OauthError> {
    let own = auth.api_audience();
    let known = |asked: &String| {
        let absolute = Url::parse(asked).is_ok_and(|url| url.fragment().is_none());
        absolute && (*asked == own || auth.oidc().resources.contains(asked))
    };
    if params.resources().iter().all(known) {
        return Ok(());
    }
    Err(OauthError::bad("invalid_target", "There are no tokens for one of these resources."))
}
