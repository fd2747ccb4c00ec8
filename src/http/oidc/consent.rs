//! `/oauth2/consent`: a person says whether an app may what it asks for. By our page's form, or by a
//! page of somebody's own through Better-Auth's client (`auth-api.md` §9).

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};
use serde_json::Value;

use super::{
    CONSENT,
    answer::refuse,
    authorize::follow,
    error::OauthError,
    incoming::Incoming,
    oauth_query::opened,
    schema::{ConsentBody, OnBody},
    sheet::{PageFault, Sheet, filled, titled},
};
use crate::{
    auth::{
        Auth, AuthError, Identity,
        oidc::{
            authorize::{Seen, Step},
            waiting::Waiting,
        },
    },
    domain::oidc::{
        request::{AuthRequest, Fault},
        scope::{self, Scopes},
    },
    http::{
        auth::{at, body::Fields, error::Refusal, own_caller, session_token},
        html::escape,
        words::consent::{self, Words},
    },
    store::StoreError,
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/oauth2/consent", vec![web::get().to(shown), web::post().to(said)]);
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(shown, said))]
pub(super) struct Docs;

#[utoipa::path(
    get,
    path = "/oauth2/consent",
    operation_id = "showConsent",
    tag = "openid",
    summary = "The page on which people let an app in",
    security(()),
    responses(
        (status = 200, description = "The form", body = String, content_type = "text/html"),
        (status = 303, description = "There is nothing to agree to"),
        (status = "4XX", description = "A page that says why the app is not answered", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn shown(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, OauthError> {
    let Ok(incoming) = opened(&auth, Some(request.query_string())).await else {
        return Ok(Sheet::asked(&auth, &request, None).fault(&PageFault::Gone));
    };
    let asked = match &incoming.request {
        Ok(asked) => asked,
        Err(fault) => return Ok(refuse(&request, &auth, &incoming.reply, fault)),
    };
    let asking = incoming.asking(asked, false);
    let step = auth.authorization_step(asking, session_token(&request, &auth).as_deref()).await?;
    match (step, &incoming.waiting) {
        (Step::Consent(seen), Some(waiting)) => {
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
    let words = consent::of(sheet.locale);
    let warning = if incoming.client.metadata.ours.verified {
        String::new()
    } else {
        format!(
            r#"<p id="unverified" role="note"><strong>{}</strong></p>"#,
            escape(words.unverified)
        )
    };
    let body = format!(
        r#"<p>{who}</p>{warning}<p>{may}</p><ul id="scopes">{list}</ul><p id="leads-to">{to}</p>
<form id="consent-form" method="post" action="{CONSENT}">
<input type="hidden" name="oauth_query" value="{query}">
<input type="hidden" name="form_token" value="{token}">
<button id="accept" name="accept" value="yes" type="submit">{accept}</button>
<button id="decline" name="decline" value="yes" type="submit">{decline}</button>
</form><p>{later}</p>"#,
        who = filled(words.lead, &[("{email}", &seen.user.email)]),
        may = escape(words.may),
        list = list(words, asked),
        to = filled(words.leads_to, &[("{host}", &incoming.reply.host())]),
        query = escape(request.query_string()),
        token = escape(&auth.form_token(seen.session.id.as_str(), &waiting.uri)),
        accept = escape(words.accept),
        decline = escape(words.decline),
        later = escape(words.withdraw_later),
    );
    let title = titled(words.title, "{app}", &incoming.client.name);
    sheet.answer(StatusCode::OK, &title, &body)
}

/// What is asked for, in words.
fn list(words: &Words, asked: &AuthRequest) -> String {
    let told = asked.told();
    let scopes = told.iter().map(|word| match word {
        scope::OPENID => escape(words.openid),
        scope::PROFILE => escape(words.profile),
        scope::EMAIL => escape(words.email),
        scope::OFFLINE_ACCESS => escape(words.offline_access),
        scope::TUTOR => escape(words.tutor),
        scope::ADMIN => escape(words.admin),
        other => escape(other),
    });
    let resources =
        asked.resources.iter().map(|uri| filled(words.resource, &[("{resource}", uri)]));
    scopes.chain(resources).map(|item| format!("<li>{item}</li>")).collect::<Vec<_>>().concat()
}

#[utoipa::path(
    post,
    path = "/oauth2/consent",
    operation_id = "oauth2Consent",
    tag = "openid",
    summary = "Lets an app in, or does not",
    request_body(content = ConsentBody),
    responses(
        (status = 200, description = "Where to go, for a script", body = OnBody),
        (status = 303, description = "On to the app"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn said(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Error> {
    let query = fields.optional_text("oauth_query");
    let form_token = fields.optional_text("form_token");
    let accepted = is_yes(fields.value("accept").as_ref());
    let declined = is_yes(fields.value("decline").as_ref());
    let narrower = fields.optional_text("scope");
    fields.finish()?;
    let incoming = opened(&auth, query.as_deref()).await?;
    let caller = own_caller(&request, &auth).await?;
    let Some(waiting) = &incoming.waiting else {
        return Err(OauthError::invalid_request("No request waits.").into());
    };
    check_form(&request, &auth, form_token.as_deref(), (&caller, waiting))?;
    let asked = match &incoming.request {
        Ok(asked) => asked,
        Err(fault) => return Ok(refuse(&request, &auth, &incoming.reply, fault)),
    };
    if !accepted || declined {
        return Ok(decline(&request, &auth, (&incoming, waiting)).await?);
    }
    let asked = narrowed(asked, narrower.as_deref())?;
    let asking = incoming.asking(&asked, true);
    let token = session_token(&request, &auth);
    let step = auth.authorization_step(asking, token.as_deref()).await.map_err(OauthError::from)?;
    Ok(follow(&request, &auth, &incoming, (asking, step)).await?)
}

/// Buttons say `yes`, programs `true`.
fn is_yes(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => matches!(text.as_str(), "yes" | "true"),
        _ => false,
    }
}

/// A form of ours was made for this session and this request; a script's call has its Origin checked
/// and a type of contents that no form can send.
pub(super) fn check_form(
    request: &HttpRequest,
    auth: &Auth,
    shown: Option<&str>,
    (caller, waiting): (&Identity, &Waiting),
) -> Result<(), Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = kind.is_some_and(|it| it.to_ascii_lowercase().starts_with("application/json"));
    let shown = shown.unwrap_or_default();
    if is_json || auth.is_form_token(shown, caller.session.as_str(), &waiting.uri) {
        return Ok(());
    }
    Err(Refusal::forbidden(
        "INVALID_FORM",
        "This form is not yours, or is too old. Go back to the app and start again.",
    ))
}

async fn decline(
    request: &HttpRequest,
    auth: &Auth,
    (incoming, waiting): (&Incoming, &Waiting),
) -> Result<HttpResponse, OauthError> {
    match auth.decline_request(waiting).await {
        Ok(()) => {
            let fault = Fault::new("access_denied", "The person does not let the app in.");
            Ok(refuse(request, auth, &incoming.reply, &fault))
        }
        Err(AuthError::Store(StoreError::Conflict(_))) => {
            Ok(Sheet::asked(auth, request, None).fault(&PageFault::Gone))
        }
        Err(error) => Err(error.into()),
    }
}

/// A person may let an app do less than it asks for.
fn narrowed(asked: &AuthRequest, scope: Option<&str>) -> Result<AuthRequest, OauthError> {
    let mut asked = asked.clone();
    if let Some(text) = scope {
        let wanted = Scopes::parse(text).unwrap_or_default();
        if wanted.is_empty() || !wanted.is_within(&asked.scopes) {
            let text = "The scope holds something that was not asked for.";
            return Err(OauthError::bad("invalid_scope", text));
        }
        asked.scopes = wanted;
        // Single claims would bring back what she took out.
        asked.claims = None;
    }
    Ok(asked)
}
