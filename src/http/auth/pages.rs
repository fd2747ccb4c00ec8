//! Plain pages for links that a browser opens: they work without JavaScript, and their forms have
//! stable ids and names. No referrer leaves them, nothing is loaded from elsewhere (attack B2), and
//! nothing frames them.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

use crate::{
    auth::{
        Auth, LinkError,
        links::{Claims, Step},
    },
    domain::{locale::Locale, password::Weakness, return_url::ReturnUrl},
    http::{
        html::{escape, page_in},
        words::{self, Ask, Done, Words},
    },
};

/// What comes out of a URL is cut.
const LONGEST_VALUE: usize = 300;

/// A page of one language.
pub(super) struct Pages<'a> {
    auth: &'a Auth,
    locale: Locale,
    words: &'static Words,
}

/// What was wrong with a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Weak(Weakness),
    TooLong,
    Differ,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(auth: &'a Auth, locale: Locale) -> Self {
        Self { auth, locale, words: words::of(locale) }
    }

    /// Asks for one click to do what a mailed link says, and says for which account (attack B7).
    pub(super) fn confirm(
        &self,
        claims: &Claims,
        token: &str,
        back: Option<&ReturnUrl>,
    ) -> HttpResponse {
        let (ask, new) = match &claims.change {
            None => (&self.words.verify, ""),
            Some(change) => (
                match change.step {
                    Step::ChangeEmailConfirmation => &self.words.confirm_change,
                    Step::ChangeEmailVerification => &self.words.take_address,
                },
                change.to.as_str(),
            ),
        };
        let lead = filled(ask.lead, &[("{email}", &claims.email), ("{new}", new)]);
        let form = button(("verify-email", "verify"), ask, (token, back));
        self.answer(StatusCode::OK, ask.title, &format!("<p>{lead}</p>{form}"))
    }

    pub(super) fn verified(&self, step: Option<Step>) -> HttpResponse {
        self.done(match step {
            None => &self.words.verified,
            Some(Step::ChangeEmailConfirmation) => &self.words.change_mailed,
            Some(Step::ChangeEmailVerification) => &self.words.address_taken,
        })
    }

    pub(super) fn confirm_deletion(
        &self,
        email: &str,
        token: &str,
        back: Option<&ReturnUrl>,
    ) -> HttpResponse {
        let ask = &self.words.delete;
        let lead = filled(ask.lead, &[("{email}", email)]);
        let form = button(("delete-user/callback", "delete"), ask, (token, back));
        self.answer(StatusCode::OK, ask.title, &format!("<p>{lead}</p>{form}"))
    }

    pub(super) fn deleted(&self) -> HttpResponse {
        self.done(&self.words.deleted)
    }

    pub(super) fn last_admin(&self) -> HttpResponse {
        self.told(StatusCode::BAD_REQUEST, &self.words.last_admin, ("", ""))
    }

    pub(super) fn sign_in_first(&self) -> HttpResponse {
        self.told(StatusCode::UNAUTHORIZED, &self.words.sign_in_first, ("", ""))
    }

    /// The form for a new password. What was typed before is not shown again.
    pub(super) fn choose_password(
        &self,
        email: &str,
        fault: Option<Fault>,
        back: Option<&ReturnUrl>,
    ) -> HttpResponse {
        let words = self.words;
        let ask = &words.choose_password;
        let lead = filled(ask.lead, &[("{email}", email)]);
        let why = fault.map_or(String::new(), |fault| {
            format!(r#"<p id="fault" role="alert">{}</p>"#, escape(self.fault(fault)))
        });
        let status = if fault.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let body = format!(
            r#"<p>{lead}</p>{why}
<form id="choose-password" method="post" action="/api/auth/choose-password">
<input type="email" name="email" value="{email}" autocomplete="username" hidden readonly>{back}
<p><label for="password">{new}</label>
<input id="password" name="password" type="password" required autocomplete="new-password" aria-describedby="rules"></p>
<p id="rules">{rules}</p>
<p><label for="again">{again}</label>
<input id="again" name="again" type="password" required autocomplete="new-password"></p>
<button id="choose" type="submit">{button}</button>
</form>"#,
            email = escape(email),
            back = back.map_or(String::new(), |back| {
                format!(
                    r#"<input type="hidden" name="continue" value="{}">"#,
                    escape(back.as_str())
                )
            }),
            new = escape(words.new_password),
            rules = escape(words.rules),
            again = escape(words.again),
            button = escape(ask.button),
        );
        self.answer(status, ask.title, &body)
    }

    /// `back`: what she was about to do when she had forgotten the old one.
    pub(super) fn password_chosen(&self, back: Option<&ReturnUrl>) -> HttpResponse {
        let Done { title, text } = self.words.password_chosen;
        let link = back.map_or_else(
            || self.to_start(),
            |back| {
                let (url, text) = (escape(back.as_str()), escape(self.words.go_on));
                format!(r#"<p><a id="go-on" href="{url}">{text}</a></p>"#)
            },
        );
        self.answer(StatusCode::OK, title, &format!("<p>{}</p>{link}", escape(text)))
    }

    pub(super) fn bad_link(&self, error: &LinkError) -> HttpResponse {
        let why = match error {
            LinkError::Expired => &self.words.expired,
            LinkError::Invalid | LinkError::Auth(_) => &self.words.invalid,
        };
        self.told(StatusCode::UNAUTHORIZED, why, ("", ""))
    }

    /// `code` is what somebody's link says went wrong; `meaning`, in English, what that means.
    pub(super) fn failed(&self, code: &str, meaning: Option<&str>) -> HttpResponse {
        let more = meaning.map_or(String::new(), |meaning| {
            format!(r#"<p id="why" lang="en" dir="ltr">{}</p>"#, escape(meaning))
        });
        self.told(StatusCode::OK, &self.words.failed, (code, &more))
    }

    const fn fault(&self, fault: Fault) -> &'static str {
        match fault {
            Fault::Weak(Weakness::TooShort) => self.words.too_short,
            Fault::Weak(Weakness::TooPlain) => self.words.too_plain,
            Fault::Weak(Weakness::Common) => self.words.too_common,
            Fault::TooLong | Fault::Weak(Weakness::TooLong) => self.words.too_long,
            Fault::Differ => self.words.differ,
        }
    }

    fn done(&self, done: &Done) -> HttpResponse {
        self.told(StatusCode::OK, done, ("", ""))
    }

    fn told(&self, status: StatusCode, done: &Done, (code, more): (&str, &str)) -> HttpResponse {
        let text = filled(done.text, &[("{code}", code)]);
        let body = format!("<p>{text}</p>{more}{}", self.to_start());
        self.answer(status, done.title, &body)
    }

    fn to_start(&self) -> String {
        format!(r#"<p><a href="/">{}</a></p>"#, escape(self.words.start_page))
    }

    fn answer(&self, status: StatusCode, title: &str, body: &str) -> HttpResponse {
        // A form's answer may lead to another allowed site: browsers hold form-action against that.
        let others: Vec<_> =
            self.auth.origins().others().iter().map(|it| format!(" {it}")).collect();
        let policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors \
             'none'; form-action 'self'{}",
            others.concat()
        );
        let body = format!("<h1>{}</h1>{body}", escape(title));
        HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CONTENT_LANGUAGE, self.locale.tag()))
            .insert_header((header::VARY, "Accept-Language"))
            .insert_header((header::CONTENT_SECURITY_POLICY, policy))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(page_in(self.locale, title, &body))
    }
}

/// A form with one button, by the call that it makes and the button's id.
fn button(
    (call, id): (&str, &str),
    ask: &Ask,
    (token, back): (&str, Option<&ReturnUrl>),
) -> String {
    let form = call.split('/').next().unwrap_or_default();
    let back = back.map_or(String::new(), |back| {
        let value = escape(back.as_str());
        format!(r#"<input type="hidden" name="callbackURL" value="{value}">"#)
    });
    format!(
        r#"<form id="{form}" method="post" action="/api/auth/{call}">
<input type="hidden" name="token" value="{}">{back}
<button id="{id}" type="submit">{}</button>
</form>"#,
        escape(token),
        escape(ask.button)
    )
}

/// Text with its places filled, ready to stand in HTML.
fn filled(text: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(escape(text), |text, (place, value)| {
        let value: String = value.chars().take(LONGEST_VALUE).collect();
        text.replace(place, &format!("<bdi>{}</bdi>", escape(&value)))
    })
}
