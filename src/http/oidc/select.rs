//! Which account an app is to get: the one that is signed in, or another
//! (`prompt=select_account`). And `POST /oauth2/continue`, by which Better-Auth's client goes on.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, ServiceConfig},
};

use super::{
    SIGN_IN,
    answer::{on, refuse},
    authorize::{follow, page_url, path_of},
    error::OauthError,
    incoming::Incoming,
    oauth_query::opened,
    schema::{ContinueBody, OnBody},
    sheet::{Sheet, filled},
};
use crate::{
    auth::{
        Auth,
        oidc::{
            authorize::{Seen, Step},
            waiting::Waiting,
        },
    },
    domain::oidc::request::AuthRequest,
    http::{
        auth::{at, body::Fields, own_caller, post, session_token},
        html::escape,
        words::sign_in,
    },
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/oauth2/select-account", vec![web::get().to(shown)]);
    post(cfg, "/oauth2/continue", go_on);
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(shown, go_on))]
pub(super) struct Docs;

#[utoipa::path(
    get,
    path = "/oauth2/select-account",
    operation_id = "showAccounts",
    tag = "openid",
    summary = "The page on which people choose an account",
    security(()),
    responses(
        (status = 200, description = "The form", body = String, content_type = "text/html"),
        (status = 303, description = "There is nothing to choose"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn shown(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, OauthError> {
    let incoming = opened(&auth, Some(request.query_string())).await?;
    let asked = match &incoming.request {
        Ok(asked) => asked,
        Err(fault) => return Ok(refuse(&request, &auth, &incoming.reply, fault)),
    };
    let asking = incoming.asking(asked, false);
    let step = auth.authorization_step(asking, session_token(&request, &auth).as_deref()).await?;
    match (step, &incoming.waiting) {
        (Step::Select(seen), Some(waiting)) => {
            Ok(page(&request, &auth, &incoming, (asked, waiting, &seen)))
        }
        (step, _) => follow(&request, &auth, &incoming, (asking, step)).await,
    }
}

fn page(
    request: &HttpRequest,
    auth: &Auth,
    incoming: &Incoming,
    (asked, waiting, seen): (&AuthRequest, &Waiting, &Seen),
) -> HttpResponse {
    let mut sheet = Sheet::asked(auth, request, asked.ui_locales.as_deref());
    sheet.sources.extend(incoming.reply.source());
    let words = sign_in::of(sheet.locale);
    let another = page_url(auth, SIGN_IN, (incoming.client.id.as_str(), &waiting.uri), asked);
    let body = format!(
        r#"<p>{who}</p>
<form id="select-form" method="post" action="/api/auth/oauth2/continue">
<input type="hidden" name="oauth_query" value="{query}">
<input type="hidden" name="form_token" value="{token}">
<input type="hidden" name="selected" value="true">
<button id="continue" type="submit">{go_on}</button>
</form><p><a id="another-account" href="{another}">{another_text}</a></p>"#,
        who = filled(words.signed_in_as, &[("{email}", &seen.user.email)]),
        query = escape(request.query_string()),
        token = escape(&auth.form_token(seen.session.id.as_str(), &waiting.uri)),
        go_on = escape(words.go_on),
        another = escape(&another),
        another_text = escape(words.another),
    );
    sheet.answer(StatusCode::OK, words.select_title, &body)
}

#[utoipa::path(
    post,
    path = "/oauth2/continue",
    operation_id = "oauth2Continue",
    tag = "openid",
    summary = "Goes on with an app's request",
    request_body(content = ContinueBody),
    responses(
        (status = 200, description = "Where to go, for a script", body = OnBody),
        (status = 303, description = "On"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn go_on(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Error> {
    let query = fields.optional_text("oauth_query");
    let form_token = fields.optional_text("form_token");
    let selected = fields.flag("selected", false);
    // What these two say shows in the session itself.
    let _ = (fields.flag("created", false), fields.flag("postLogin", false));
    fields.finish()?;
    let caller = own_caller(&request, &auth).await?;
    let incoming = opened(&auth, query.as_deref()).await?;
    let Some(waiting) = &incoming.waiting else {
        return Err(OauthError::invalid_request("No request waits.").into());
    };
    if selected {
        super::consent::check_form(&request, &auth, form_token.as_deref(), (&caller, waiting))?;
        let token = session_token(&request, &auth).unwrap_or_default();
        auth.select_account(waiting, &token).await.map_err(OauthError::from)?;
    }
    Ok(on(&request, &auth, &path_of(incoming.client.id.as_str(), &waiting.uri)))
}
