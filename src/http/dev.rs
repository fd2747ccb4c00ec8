//! `/dev`: what only a demonstration shows: mail that was "sent", and the demo accounts. Outside
//! demo mode there is nothing here. Pages of other hosts cannot read it by pointing a name of
//! theirs at this machine (DNS rebinding): the Host must be a name of this machine.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::ApiError,
    html::{escape, page},
    methods::reading,
};
use crate::{
    auth::Auth,
    domain::{clock::Millis, email::Email, origin::Origin},
    store::{Store, outbox::OutboxMail},
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/dev/mail", reading().to(mail_page))
        .route("/dev/mail.json", reading().to(mail_json))
        .route("/dev/accounts.json", reading().to(accounts));
}

#[derive(Debug, Deserialize)]
struct Filter {
    to: Option<String>,
    kind: Option<String>,
}

impl Filter {
    async fn mails(&self, store: &Store) -> Result<Vec<OutboxMail>, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.contains('\0'));
        let (to, kind) = (given(&self.to), given(&self.kind));
        let to = to.map(|to| Email::parse(&to).map_or(to, |email| email.to_string()));
        Ok(store.mails(to.as_deref(), kind.as_deref()).await?)
    }
}

async fn mail_json(
    request: HttpRequest,
    auth: Data<Auth>,
    store: Data<Store>,
    filter: Query<Filter>,
) -> Result<HttpResponse, ApiError> {
    only_here(&request, &auth)?;
    let mails = filter.mails(&store).await?;
    let shown: Vec<_> = mails
        .into_iter()
        .map(|mail| {
            let links: Value = serde_json::from_str(&mail.links).unwrap_or_default();
            json!({
                "to": mail.recipient,
                "kind": mail.kind,
                "subject": mail.subject,
                "links": links,
                "text": mail.body,
                "html": mail.html,
                "state": mail.state,
                "at": Millis(mail.created_at).to_rfc3339(),
            })
        })
        .collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(shown))
}

async fn mail_page(
    request: HttpRequest,
    auth: Data<Auth>,
    store: Data<Store>,
    filter: Query<Filter>,
) -> Result<HttpResponse, ApiError> {
    only_here(&request, &auth)?;
    let mut body = String::from("<h1>Mail</h1><p>Newest first.</p>");
    for mail in filter.mails(&store).await? {
        body.push_str(&article(&mail));
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .body(page("Mail", &body)))
}

fn article(mail: &OutboxMail) -> String {
    let links: Vec<String> = serde_json::from_str(&mail.links).unwrap_or_default();
    let links: Vec<String> =
        links.iter().map(|link| format!(r#"<p><a href="{0}">{0}</a></p>"#, escape(link))).collect();
    format!(
        "<article><strong>{}</strong><br>to {} · {} · {} · {}<pre>{}</pre>{}</article>",
        escape(&mail.subject),
        escape(&mail.recipient),
        escape(&mail.kind),
        escape(&mail.state),
        Millis(mail.created_at).to_rfc3339(),
        escape(&mail.body),
        links.concat()
    )
}

async fn accounts(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, ApiError> {
    only_here(&request, &auth)?;
    let accounts = auth.demo_accounts()?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(accounts))
}

/// Demo mode, a client on this machine, and a Host that is this machine.
fn only_here(request: &HttpRequest, auth: &Auth) -> Result<(), ApiError> {
    let near = super::address(request, auth).is_some_and(|it| it.to_canonical().is_loopback());
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let named = host.is_some_and(|host| {
        Origin::parse(&format!("http://{host}")).is_ok_and(|origin| origin.is_loopback())
    });
    if auth.is_demo() && near && named { Ok(()) } else { Err(ApiError::not_found()) }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use actix_web::{App, test};

    use super::*;
    use crate::{auth::tests::Bench, store::outbox::tests::mail};

    async fn get(bench: &Bench, path: &str, host: &str, peer: &str) -> (u16, String) {
        let app = App::new()
            .app_data(Data::from(std::sync::Arc::clone(&bench.auth)))
            .app_data(Data::from(std::sync::Arc::clone(&bench.store)))
            .configure(routes);
        let app = test::init_service(app).await;
        let peer: SocketAddr = peer.parse().unwrap();
        let request = test::TestRequest::get().uri(path).peer_addr(peer);
        let request = request.insert_header(("host", host)).to_request();
        let response = test::call_service(&app, request).await;
        let status = response.status().as_u16();
        (status, String::from_utf8(test::read_body(response).await.to_vec()).unwrap())
    }

    const HERE: &str = "127.0.0.1:5";

    #[actix_web::test]
    async fn demo_accounts_are_shown_on_this_machine_in_demo_mode_alone() {
        let demo = Bench::new().await;
        let accounts = demo.auth.ensure_demo_accounts().await.unwrap();

        let (status, body) = get(&demo, "/dev/accounts.json", "localhost:8080", HERE).await;
        assert_eq!(status, 200);
        assert!(body.contains(&accounts[0].password));
        for (host, peer) in
            [("localhost:8080", "192.0.2.1:5"), ("evil.example:8080", HERE), ("", HERE)]
        {
            assert_eq!(get(&demo, "/dev/accounts.json", host, peer).await.0, 404, "{host} {peer}");
        }

        let real = Bench::at("http://localhost:8080", false).await;
        for path in ["/dev/accounts.json", "/dev/mail", "/dev/mail.json"] {
            assert_eq!(get(&real, path, "localhost:8080", HERE).await.0, 404, "{path}");
        }
    }

    #[actix_web::test]
    async fn mail_is_shown_newest_first_with_its_links_and_as_text() {
        let bench = Bench::new().await;
        for (at, to) in [(1, "ada@x.example"), (2, "bob@x.example"), (3, "ada@x.example")] {
            let row = OutboxMail {
                subject: format!("<b>{at}</b>"),
                body: "Open https://x.example/?a=1&b=2".to_owned(),
                links: r#"["https://x.example/?a=1&b=2"]"#.to_owned(),
                ..mail(&at.to_string(), to, "verify-email", at)
            };
            bench.store.insert_mail(row).await.unwrap();
        }

        let path = "/dev/mail.json?to=Ada@X.example&kind=verify-email";
        let (_, body) = get(&bench, path, "localhost:8080", HERE).await;
        let mails: Vec<Value> = serde_json::from_str(&body).unwrap();
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0]["subject"], "<b>3</b>");
        assert_eq!(mails[0]["links"], json!(["https://x.example/?a=1&b=2"]));

        let (_, html) = get(&bench, "/dev/mail", "127.0.0.1:1", HERE).await;
        assert!(html.contains("&lt;b&gt;3&lt;/b&gt;") && !html.contains("<b>3"), "{html}");
        let nothing = get(&bench, "/dev/mail.json?kind=%00", "localhost:1", HERE).await;
        assert_eq!(nothing.0, 200);
    }
}
