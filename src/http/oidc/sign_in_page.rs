//! How the page looks on which people sign in for an app.

use actix_web::{HttpResponse, http::StatusCode};

use super::{
    SIGN_IN,
    sheet::{Sheet, filled},
    sign_in::Place,
};
use crate::{
    auth::Auth,
    http::{
        html::escape,
        words::sign_in::{self, Words},
    },
};

/// The web app's page.
const APP_SIGN_IN: &str = "/sign-in";

#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub sheet: &'a Sheet<'a>,
    pub auth: &'a Auth,
    pub place: &'a Place,
}

/// What stands in the form: what was typed, but never a password.
pub(super) struct Form<'a> {
    pub status: StatusCode,
    pub email: &'a str,
    pub fault: Option<&'static str>,
}

impl Default for Form<'_> {
    fn default() -> Self {
        Self { status: StatusCode::OK, email: "", fault: None }
    }
}

impl Page<'_> {
    pub(super) const fn words(&self) -> &'static Words {
        sign_in::of(self.sheet.locale)
    }

    pub(super) fn form(&self, form: &Form<'_>) -> HttpResponse {
        let words = self.words();
        let lead = match &self.place.app {
            Some(app) => format!("<p>{}</p>", filled(words.lead, &[("{app}", app)])),
            None => String::new(),
        };
        let body = format!(
            r#"{lead}{why}
<form id="sign-in-form" method="post" action="{SIGN_IN}">
<input type="hidden" name="continue" value="{back}">
<p><label for="email">{email}</label>
<input id="email" name="email" type="email" value="{typed}" required autocomplete="username"></p>
<p><label for="password">{password}</label>
<input id="password" name="password" type="password" required autocomplete="current-password"></p>
<button id="sign-in" type="submit">{button}</button>
</form>{links}"#,
            why = fault(form.fault),
            back = escape(&self.place.back),
            email = escape(words.email),
            typed = escape(form.email),
            password = escape(words.password),
            button = escape(words.button),
            links = self.links(),
        );
        self.sheet.answer(form.status, words.title, &body)
    }

    /// Ways that need scripts are on the web app's own pages, which come back here. Its sign-in page
    /// asks her who is signed in already too: the app may want just that.
    fn links(&self) -> String {
        let words = self.words();
        let back: String =
            url::form_urlencoded::byte_serialize(self.place.back.as_bytes()).collect();
        let link = |id: &str, path: &str, text: &str| {
            let anew = if path == APP_SIGN_IN { "&prompt=login" } else { "" };
            let url = escape(&format!("{path}?callbackURL={back}{anew}"));
            format!(r#"<li><a id="{id}" href="{url}">{}</a></li>"#, escape(text))
        };
        let providers: Vec<_> = self
            .auth
            .providers()
            .iter()
            .map(|(id, title)| link(&format!("with-{}", escape(id)), APP_SIGN_IN, title))
            .collect();
        format!(
            "<ul>{}{}{}{}</ul>",
            link("sign-up", "/sign-up", words.create),
            link("forgot", "/forgot", words.forgot),
            providers.concat(),
            link("other-ways", APP_SIGN_IN, words.other_ways),
        )
    }

    pub(super) fn code(&self, status: StatusCode, why: Option<&'static str>) -> HttpResponse {
        let words = self.words();
        let body = format!(
            r#"<p>{lead}</p>{why}
<form id="code-form" method="post" action="{SIGN_IN}">
<input type="hidden" name="continue" value="{back}">
<p><label for="code">{label}</label>
<input id="code" name="code" required autocomplete="one-time-code" autocapitalize="none"></p>
<button id="verify" type="submit">{button}</button>
</form>"#,
            lead = escape(words.code_lead),
            why = fault(why),
            back = escape(&self.place.back),
            label = escape(words.code),
            button = escape(words.verify),
        );
        self.sheet.answer(status, words.code_title, &body)
    }
}

fn fault(text: Option<&str>) -> String {
    text.map_or(String::new(), |text| format!(r#"<p id="fault" role="alert">{}</p>"#, escape(text)))
}
