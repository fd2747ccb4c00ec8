//! Plain pages for links that a browser opens: they work without JavaScript, and their forms have
//! stable ids and names. No referrer leaves them, and nothing frames them.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

use crate::{
    auth::{Auth, LinkError},
    domain::return_url::ReturnUrl,
    http::html::{escape, page},
};

/// Asks for one click.
pub(super) fn confirm(auth: &Auth, token: &str, back: Option<&ReturnUrl>) -> HttpResponse {
    let back = back.map_or(String::new(), |back| {
        let value = escape(back.as_str());
        format!(r#"<input type="hidden" name="callbackURL" value="{value}">"#)
    });
    let body = format!(
        r#"<h1>Verify your email address</h1>
<p>One click, and your lessons and the tutor are open to you.</p>
<form id="verify-email" method="post" action="/api/auth/verify-email">
<input type="hidden" name="token" value="{}">{back}
<button id="verify" type="submit">Verify my address</button>
</form>"#,
        escape(token)
    );
    answer(auth, StatusCode::OK, "Verify your email address", &body)
}

pub(super) fn verified(auth: &Auth) -> HttpResponse {
    let body = r#"<h1>Your address is verified</h1><p><a href="/">Go to your courses</a></p>"#;
    answer(auth, StatusCode::OK, "Verified", body)
}

pub(super) fn bad_link(auth: &Auth, error: &LinkError) -> HttpResponse {
    let why = match error {
        LinkError::Expired => "This link is older than an hour.",
        LinkError::Invalid | LinkError::Auth(_) => "This link is not valid.",
    };
    let body = format!(
        r#"<h1>This link does not work</h1><p>{why} Sign in and ask for a new one.</p>
<p><a href="/">Go to the start page</a></p>"#
    );
    answer(auth, StatusCode::UNAUTHORIZED, "This link does not work", &body)
}

fn answer(auth: &Auth, status: StatusCode, title: &str, body: &str) -> HttpResponse {
    // A form's answer may lead to another allowed site: browsers hold form-action against that.
    let others: Vec<_> = auth.origins().others().iter().map(|it| format!(" {it}")).collect();
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self'{}",
        others.concat()
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(page(title, body))
}
