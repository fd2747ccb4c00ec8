//! A relying party as others write it: the crate `openidconnect`, which checks what it gets.

use std::convert::Infallible;

use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeVerifier, RedirectUrl, TokenResponse, TokenUrl,
    UserInfoUrl,
    core::{CoreClient, CoreJsonWebKeySet, CoreUserInfoClaims},
    http,
};

use super::*;

impl World {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Infallible> {
        let (parts, body) = request.into_parts();
        let headers: Vec<(&str, &str)> =
            parts.headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        let method: Method = parts.method.as_str().parse().unwrap();
        let answer = self.send(method, parts.uri.path(), &headers, body).await;
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in &answer.headers {
            response = response.header(name.as_str(), value.as_bytes());
        }
        Ok(response.body(answer.text.into_bytes()).unwrap())
    }
}

#[actix_web::test]
async fn the_relying_party_takes_the_tokens_refreshes_them_and_reads_userinfo() {
    let world = World::new().await;
    let code = world.code(&world.granted("openid email offline_access"));
    let keys: CoreJsonWebKeySet = serde_json::from_slice(&world.bench.auth.jwks()).unwrap();
    let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
    let client = CoreClient::new(ClientId::new("app".to_owned()), issuer, keys)
        .set_client_secret(ClientSecret::new(SECRET.to_owned()))
        .set_token_uri(TokenUrl::new(format!("http://localhost:8080{TOKEN}")).unwrap())
        .set_user_info_url(UserInfoUrl::new(format!("http://localhost:8080{USERINFO}")).unwrap())
        .set_redirect_uri(RedirectUrl::new(BACK.to_owned()).unwrap());
    let http = |request| world.answer(request);
    let now = json!(world.bench.clock.now().to_rfc3339());
    let verifier = client
        .id_token_verifier()
        .set_time_fn(move || serde_json::from_value(now.clone()).unwrap());

    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(PkceCodeVerifier::new(VERIFIER.to_owned()))
        .request_async(&http)
        .await
        .unwrap();

    let token = tokens.id_token().unwrap();
    let said = token.claims(&verifier, &Nonce::new("the-nonce".to_owned())).unwrap();
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        token.signing_alg().unwrap(),
        token.signing_key(&verifier).unwrap(),
    );
    assert_eq!(Some(&hash.unwrap()), said.access_token_hash());
    let told: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(said.subject().clone()))
        .request_async(&http)
        .await
        .unwrap();
    assert_eq!(told.email_verified(), Some(true));
    let again = client
        .exchange_refresh_token(tokens.refresh_token().unwrap())
        .request_async(&http)
        .await
        .unwrap();
    let said_again =
        again.id_token().unwrap().claims(&verifier, |_: Option<&Nonce>| Ok(())).unwrap();
    assert_eq!(said_again.subject(), said.subject());
}
