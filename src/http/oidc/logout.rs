//! `/api/auth/oauth2/end-session`: an app sends a browser here to sign its person out (OpenID
//! Connect RP-Initiated Logout 1.0). Whoever shows an ID token of the very sign-in has been asked
//! already; everybody else is asked here (attack C12). The way back leads to exactly a registered
//! address of the app, or nowhere (attack D20).

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};
use url::form_urlencoded::Serializer;
use utoipa::OpenApi;

use super::{
    params::{Form, FormError, Params},
    plain::{Page, error_page, failed, filled, hidden, locale, see_other, signed_in, source_of},
};
use crate::{
    auth::{
        Auth, AuthError, Identity,
        oidc::{client::Client, hint::Hint},
    },
    domain::locale::Locale,
    http::{
        auth::{at, device, forget_sign_in, post},
        extract,
        html::escape,
        words::logout::{self as words, Words},
    },
};

const HERE: &str = "/api/auth/oauth2/end-session";
/// What the page that asks sends back.
const KEPT: [&str; 5] =
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/oauth2/end-session", vec![web::get().to(asked), web::post().to(sent)]);
    post(cfg, "/oauth2/end-session/confirm", confirmed);
}

#[derive(OpenApi)]
#[openapi(paths(asked, sent, confirmed))]
pub(super) struct Docs;

/// Why an app's wish is not heard.
#[derive(Debug)]
enum Fault {
    Request,
    Hint,
    Client,
    Address,
    /// Not from a page of ours.
    Foreign,
    Auth(AuthError),
}

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl Fault {
    fn page(&self, locale: Locale) -> HttpResponse {
        let words = words::of(locale);
        let (status, why) = match self {
            Self::Request => (StatusCode::BAD_REQUEST, words.bad_request),
            Self::Hint => (StatusCode::BAD_REQUEST, words.bad_hint),
            Self::Client => (StatusCode::BAD_REQUEST, words.bad_client),
            Self::Address => (StatusCode::BAD_REQUEST, words.bad_address),
            Self::Foreign => (StatusCode::FORBIDDEN, words.foreign_page),
            Self::Auth(error) => return failed(error, locale, (words.refused, words.failed)),
        };
        error_page(status, locale, (words.refused, why))
    }
}

/// What an app wants, as far as it may.
struct Wish {
    hint: Option<Hint>,
    client: Option<Arc<Client>>,
    /// Where the browser goes afterwards, without the state.
    back: Option<String>,
    state: Option<String>,
}

impl Wish {
    async fn read(auth: &Auth, params: &Params) -> Result<Self, Fault> {
        let hint = match params.get("id_token_hint") {
            Some(jwt) => Some(auth.open_hint(jwt).await.ok_or(Fault::Hint)?),
            None => None,
        };
        let client = match (params.get("client_id"), &hint) {
            (Some(id), Some(hint)) if !hint.is_for(id) => return Err(Fault::Client),
            (Some(id), _) => Some(auth.client(id).await?.ok_or(Fault::Client)?),
            // An app that is gone cannot have the browser back, but its people can sign out.
            (None, Some(hint)) => match hint.client() {
                Some(id) => auth.client(id).await?,
                None => None,
            },
            (None, None) => None,
        };
        let back = match (params.get("post_logout_redirect_uri"), &client, &hint) {
            // One that is nobody's: as if it were not there.
            (None, ..) | (Some(_), None, None) => None,
            (Some(uri), Some(client), _) => {
                let registered = &client.metadata.post_logout_redirect_uris;
                let known = registered.iter().any(|own| own == uri);
                Some(known.then(|| uri.to_owned()).ok_or(Fault::Address)?)
            }
            (Some(_), None, Some(_)) => return Err(Fault::Address),
        };
        let state = params.get("state").map(str::to_owned);
        Ok(Self { hint, client, back, state })
    }

    /// The registered address with the state behind it.
    fn way_back(&self) -> Option<String> {
        let back = self.back.as_ref()?;
        let Some(state) = &self.state else { return Some(back.clone()) };
        let pair = Serializer::new(String::new()).append_pair("state", state).finish();
        let (address, fragment) = match back.split_once('#') {
            Some((address, fragment)) => (address, format!("#{fragment}")),
            None => (back.as_str(), String::new()),
        };
        let joint = if address.contains('?') { '&' } else { '?' };
        Some(format!("{address}{joint}{pair}{fragment}"))
    }
}

/// From an app's link. A person who did not just confirm it there is asked.
#[utoipa::path(
    get,
    path = "/oauth2/end-session",
    operation_id = "endSession",
    tag = "openid",
    summary = "Signs out at an app's wish (RP-initiated logout)",
    params(
        ("id_token_hint" = Option<String>, Query, description = "An ID token of the sign-in"),
        ("client_id" = Option<String>, Query, description = "The app"),
        ("post_logout_redirect_uri" = Option<String>, Query, description = "A registered address"),
        ("state" = Option<String>, Query, description = "Comes back with the browser"),
        ("logout_hint" = Option<String>, Query, description = "Whom the app means"),
        ("ui_locales" = Option<String>, Query, description = "Languages, best first"),
    ),
    security(()),
    responses(
        (status = 200, description = "A page: signed out, or a question", body = String, content_type = "text/html"),
        (status = 303, description = "Signed out; back to the app"),
        (status = "4XX", description = "A page that says what is wrong", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed", body = String, content_type = "text/html"),
    ),
)]
async fn asked(request: HttpRequest, auth: Data<Auth>) -> HttpResponse {
    let Ok(params) = Params::parse(request.query_string().as_bytes()) else {
        return Fault::Request.page(locale(&request, None));
    };
    let locale = locale(&request, params.get("ui_locales"));
    let answer = async {
        let wish = Wish::read(&auth, &params).await?;
        let who = signed_in(&request, &auth).await?;
        Ok::<_, Fault>(match (who, &wish.hint) {
            (Some(who), Some(hint)) if hint.is_of(&who) => {
                auth.sign_out(&who, &device(&request, &auth).0).await?;
                left(&request, &auth, &wish, locale)
            }
            (Some(who), _) => question(locale, &who, &wish, &params),
            (None, Some(_)) => left(&request, &auth, &wish, locale),
            (None, None) => signed_out(HttpResponse::Ok(), locale, &wish),
        })
    };
    answer.await.unwrap_or_else(|fault| fault.page(locale))
}

/// From a form of an app's page. No cookie comes with that, so the browser comes again.
#[utoipa::path(
    post,
    path = "/oauth2/end-session",
    operation_id = "endSessionByForm",
    tag = "openid",
    summary = "The same by a form",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 303, description = "The browser comes again by GET"),
        (status = "4XX", description = "A page that says what is wrong", body = String, content_type = "text/html"),
    ),
)]
async fn sent(request: HttpRequest, form: Result<Form, FormError>) -> HttpResponse {
    match form {
        Ok(Form(params)) => {
            see_other(&mut HttpResponse::SeeOther(), &format!("{HERE}?{}", params.to_query()))
        }
        Err(error) => damaged(&request, &error),
    }
}

/// From the page that asks.
#[utoipa::path(
    post,
    path = "/oauth2/end-session/confirm",
    operation_id = "confirmEndSession",
    tag = "openid",
    summary = "The person wants to be signed out",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A page that says so", body = String, content_type = "text/html"),
        (status = 303, description = "Signed out; back to the app"),
        (status = "4XX", description = "A page that says what is wrong", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed", body = String, content_type = "text/html"),
    ),
)]
async fn confirmed(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Result<Form, FormError>,
) -> HttpResponse {
    let params = match form {
        Ok(Form(params)) => params,
        Err(error) => return damaged(&request, &error),
    };
    let locale = locale(&request, params.get("ui_locales"));
    let answer = async {
        if extract::page_of(&request, &auth) != extract::Page::Allowed {
            return Err(Fault::Foreign);
        }
        let wish = Wish::read(&auth, &params).await?;
        if let Some(who) = signed_in(&request, &auth).await? {
            auth.sign_out(&who, &device(&request, &auth).0).await?;
        }
        Ok(left(&request, &auth, &wish, locale))
    };
    answer.await.unwrap_or_else(|fault| fault.page(locale))
}

fn damaged(request: &HttpRequest, error: &FormError) -> HttpResponse {
    let locale = locale(request, None);
    let words = words::of(locale);
    error_page(error.status_code(), locale, (words.refused, words.bad_request))
}

/// Nobody is signed in any more: the browser forgets, and goes back if it may.
fn left(request: &HttpRequest, auth: &Auth, wish: &Wish, locale: Locale) -> HttpResponse {
    let back = wish.way_back();
    let status = if back.is_some() { StatusCode::SEE_OTHER } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    forget_sign_in(request, &mut response, auth);
    match back {
        Some(back) => see_other(&mut response, &back),
        None => signed_out(response, locale, wish),
    }
}

fn signed_out(
    mut response: actix_web::HttpResponseBuilder,
    locale: Locale,
    wish: &Wish,
) -> HttpResponse {
    let words = words::of(locale);
    // Nobody confirmed anything, so the person chooses herself whether to go there.
    let back = match (wish.way_back(), &wish.client) {
        (Some(back), Some(client)) if is_web(&back) => format!(
            r#"<p><a id="back" href="{}">{}</a></p>"#,
            escape(&back),
            filled(words.back, &[("{app}", &client.name)])
        ),
        _ => String::new(),
    };
    let start = escape(crate::http::words::of(locale).start_page);
    let body = format!(
        r#"<p id="signed-out">{}</p>{back}<p><a href="/">{start}</a></p>"#,
        escape(words.done.text)
    );
    Page::new(locale, words.done.title, body).answer(&mut response)
}

/// No link of ours runs a script.
fn is_web(uri: &str) -> bool {
    url::Url::parse(uri).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn question(locale: Locale, who: &Identity, wish: &Wish, params: &Params) -> HttpResponse {
    let words: &Words = words::of(locale);
    let lead = filled(words.lead, &[("{email}", &who.user.email)]);
    let app = wish.client.as_ref().map_or(String::new(), |client| {
        format!("<p>{}</p>", filled(words.by_app, &[("{app}", &client.name)]))
    });
    let fields: String =
        params.iter().filter(|(name, _)| KEPT.contains(name)).map(hidden).collect();
    let body = format!(
        r#"<p>{lead}</p>{app}
<form id="sign-out-form" method="post" action="{HERE}/confirm">{fields}
<button id="sign-out" type="submit">{}</button>
</form>
<form id="stay-form" method="get" action="/">
<p><button id="stay" type="submit">{}</button></p>
</form>"#,
        escape(words.sign_out),
        escape(words.stay)
    );
    let mut page = Page::new(locale, words.title, body);
    page.leads_to = wish.back.as_deref().and_then(source_of);
    page.answer(HttpResponse::Ok().insert_header((header::PRAGMA, "no-cache")))
}
