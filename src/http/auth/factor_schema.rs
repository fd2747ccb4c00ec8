//! The bodies of the calls about factors and providers, for the `OpenAPI` document alone (as in
//! `schema.rs`).
#![expect(dead_code, reason = "these types describe; nothing makes or reads them")]

use serde_json::Value;
use utoipa::ToSchema;

use super::schema::UserBody;

#[derive(ToSchema)]
#[schema(as = Password)]
pub(super) struct PasswordBody {
    /// Not needed by somebody who has none.
    password: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = EnableTwoFactor)]
pub(super) struct EnableBody {
    password: Option<String>,
    /// `totp`, or `otp` for codes by mail.
    method: Option<String>,
    /// The name that the authenticator app shows.
    issuer: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = TwoFactorEnabled, rename_all = "camelCase")]
pub(super) struct EnabledBody {
    method: String,
    /// With `totp`.
    #[schema(rename = "totpURI")]
    totp_uri: Option<String>,
    /// With `totp`.
    backup_codes: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(as = SendCode, rename_all = "camelCase")]
pub(super) struct SendBody {
    /// Says nothing here: `verify-otp` asks it.
    trust_device: Option<bool>,
}

#[derive(ToSchema)]
#[schema(as = FactorCode, rename_all = "camelCase")]
pub(super) struct CodeBody {
    code: String,
    /// Do not ask on this device for 30 days.
    trust_device: Option<bool>,
    /// The signed query of a page to which an app's request led; without it that of the sign-in
    /// counts.
    #[schema(rename = "oauth_query")]
    oauth_query: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = FactorProved)]
pub(super) struct ProvedBody {
    /// The session's token.
    token: String,
    user: UserBody,
    /// Where it goes on for an app, if one asked for the sign-in.
    redirect: Option<bool>,
    url: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = TotpUri)]
pub(super) struct UriBody {
    #[schema(rename = "totpURI")]
    totp_uri: String,
}

#[derive(ToSchema)]
#[schema(as = BackupCodes, rename_all = "camelCase")]
pub(super) struct CodesBody {
    status: bool,
    backup_codes: Vec<String>,
}

#[derive(ToSchema)]
#[schema(as = Passkey, rename_all = "camelCase")]
pub(super) struct PasskeyBody {
    id: String,
    #[schema(required)]
    name: Option<String>,
    user_id: String,
    #[schema(rename = "credentialID")]
    credential_id: String,
    counter: i64,
    /// `singleDevice` or `multiDevice`.
    device_type: String,
    backed_up: bool,
    #[schema(required)]
    transports: Option<String>,
    created_at: String,
}

#[derive(ToSchema)]
#[schema(as = PasskeyUpdated)]
pub(super) struct UpdatedBody {
    passkey: PasskeyBody,
}

#[derive(ToSchema)]
#[schema(as = PasskeyResponse)]
pub(super) struct ResponseBody {
    /// What the browser's authenticator answered, binary as base64url.
    response: Value,
    name: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = PasskeyId)]
pub(super) struct IdBody {
    id: String,
}

#[derive(ToSchema)]
#[schema(as = PasskeyName)]
pub(super) struct NameBody {
    id: String,
    name: String,
}

#[derive(ToSchema)]
#[schema(as = SocialCallback)]
pub(super) struct CallbackBody {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    /// RFC 9207.
    iss: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = SocialSignIn, rename_all = "camelCase")]
pub(super) struct SocialBody {
    provider: String,
    #[schema(rename = "callbackURL")]
    callback: Option<String>,
    #[schema(rename = "newUserCallbackURL")]
    new_user_callback: Option<String>,
    #[schema(rename = "errorCallbackURL")]
    error_callback: Option<String>,
    request_sign_up: Option<bool>,
    scopes: Option<Vec<String>>,
    login_hint: Option<String>,
    disable_redirect: Option<bool>,
    id_token: Option<IdTokenBody>,
}

#[derive(ToSchema)]
#[schema(as = IdToken, rename_all = "camelCase")]
pub(super) struct IdTokenBody {
    token: String,
    nonce: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_at: Option<i64>,
}

#[derive(ToSchema)]
#[schema(as = Redirect)]
pub(super) struct RedirectBody {
    url: String,
    redirect: bool,
}

#[derive(ToSchema)]
#[schema(as = ProviderAccountName, rename_all = "camelCase")]
pub(super) struct AccountNameBody {
    /// The row's id, as `list-accounts` says.
    account_id: Option<String>,
    provider_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = ProviderToken, rename_all = "camelCase")]
pub(super) struct ProviderTokenBody {
    #[schema(required)]
    access_token: Option<String>,
    #[schema(required)]
    access_token_expires_at: Option<String>,
    scopes: Vec<String>,
    #[schema(required)]
    id_token: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = ProviderTokens, rename_all = "camelCase")]
pub(super) struct RenewedBody {
    #[schema(required)]
    access_token: Option<String>,
    #[schema(required)]
    refresh_token: Option<String>,
    #[schema(required)]
    access_token_expires_at: Option<String>,
    #[schema(required)]
    refresh_token_expires_at: Option<String>,
    #[schema(required)]
    scope: Option<String>,
    #[schema(required)]
    id_token: Option<String>,
    provider_id: String,
    account_id: String,
}

#[derive(ToSchema)]
#[schema(as = SocialProvider)]
pub(super) struct ProviderBody {
    id: String,
    name: String,
}
