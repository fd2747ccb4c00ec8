//! The bodies of the account calls, for the `OpenAPI` document alone: calls are read field by field
//! (`body.rs`) and answers are written as Better-Auth's client wants them (`shapes.rs`).
#![expect(dead_code, reason = "these types describe; nothing makes or reads them")]

use utoipa::ToSchema;

/// A refusal in Better-Auth's dialect.
#[derive(ToSchema)]
#[schema(as = Refusal)]
pub(super) struct RefusalBody {
    code: String,
    message: String,
}

/// A refusal in OAuth's dialect (RFC 6749 §5.2).
#[derive(ToSchema)]
#[schema(as = OAuthRefusal)]
pub(in crate::http) struct OAuthRefusalBody {
    error: String,
    error_description: String,
}

#[derive(ToSchema)]
#[schema(as = User, rename_all = "camelCase")]
pub(super) struct UserBody {
    id: String,
    name: String,
    email: String,
    email_verified: bool,
    #[schema(required)]
    image: Option<String>,
    created_at: String,
    updated_at: String,
    /// `student`, `instructor` or `admin`.
    role: String,
    banned: bool,
    #[schema(required)]
    ban_reason: Option<String>,
    #[schema(required)]
    ban_expires: Option<String>,
    two_factor_enabled: bool,
}

#[derive(ToSchema)]
#[schema(as = Session, rename_all = "camelCase")]
pub(super) struct SessionBody {
    id: String,
    token: String,
    user_id: String,
    expires_at: String,
    created_at: String,
    updated_at: String,
    #[schema(required)]
    ip_address: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(required)]
    impersonated_by: Option<String>,
}

/// One of a list.
#[derive(ToSchema)]
#[schema(as = ListedSession, rename_all = "camelCase")]
pub(super) struct ListedBody {
    id: String,
    /// A handle that ends the session and signs nobody in.
    token: String,
    user_id: String,
    expires_at: String,
    created_at: String,
    updated_at: String,
    #[schema(required)]
    ip_address: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(required)]
    impersonated_by: Option<String>,
    /// Of what an app was granted: the app, and its name.
    client_id: Option<String>,
    client_name: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = CurrentSession)]
pub(super) struct CurrentBody {
    session: SessionBody,
    user: UserBody,
}

#[derive(ToSchema)]
#[schema(as = Profile)]
pub(super) struct ProfileBody {
    name: Option<String>,
    image: Option<String>,
}

/// A way to sign in.
#[derive(ToSchema)]
#[schema(as = Account, rename_all = "camelCase")]
pub(super) struct WayBody {
    id: String,
    /// The person's name at the provider.
    account_id: String,
    /// `credential` for a password.
    provider_id: String,
    user_id: String,
    created_at: String,
    updated_at: String,
    scopes: Vec<String>,
}

#[derive(ToSchema)]
#[schema(as = Unlink, rename_all = "camelCase")]
pub(super) struct UnlinkBody {
    /// The account's `id`; beside a `providerId` also its `accountId`.
    account_id: Option<String>,
    provider_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = SignUp)]
pub(super) struct SignUpBody {
    name: String,
    email: String,
    password: String,
    image: Option<String>,
    #[schema(rename = "rememberMe", default = true)]
    remember: Option<bool>,
    #[schema(rename = "callbackURL")]
    callback: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = SignedUp)]
pub(super) struct SignedUpBody {
    #[schema(required)]
    token: Option<String>,
    user: UserBody,
}

#[derive(ToSchema)]
#[schema(as = SignIn)]
pub(super) struct SignInBody {
    email: String,
    password: String,
    #[schema(rename = "rememberMe", default = true)]
    remember: Option<bool>,
    #[schema(rename = "callbackURL")]
    callback: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = SignedIn)]
pub(super) struct SignedInBody {
    /// Whether `url` is there.
    redirect: bool,
    token: String,
    url: Option<String>,
    user: UserBody,
}

#[derive(ToSchema)]
#[schema(as = Success)]
pub(super) struct SuccessBody {
    success: bool,
}

#[derive(ToSchema)]
#[schema(as = Status)]
pub(super) struct StatusBody {
    status: bool,
}

#[derive(ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenBody {
    token: String,
}

#[derive(ToSchema)]
#[schema(as = SendVerification)]
pub(super) struct SendBody {
    email: String,
    #[schema(rename = "callbackURL")]
    callback: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = ConfirmVerification)]
pub(super) struct ConfirmBody {
    token: String,
    #[schema(rename = "callbackURL")]
    callback: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = RequestPasswordReset)]
pub(super) struct RequestResetBody {
    email: String,
    #[schema(rename = "redirectTo")]
    redirect: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = PasswordResetSent)]
pub(super) struct SentBody {
    status: bool,
    message: String,
}

#[derive(ToSchema)]
#[schema(as = ResetPassword)]
pub(super) struct ResetBody {
    #[schema(rename = "newPassword")]
    password: String,
    /// Here or in the query.
    token: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = Ok)]
pub(super) struct OkBody {
    ok: bool,
}

#[derive(ToSchema)]
#[schema(as = ChoosePassword)]
pub(super) struct ChooseForm {
    password: String,
    again: String,
    /// Where she goes on: a path of ours, or a page of an allowed origin.
    r#continue: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = Password)]
pub(super) struct PasswordBody {
    password: String,
}

#[derive(ToSchema)]
#[schema(as = ChangePassword, rename_all = "camelCase")]
pub(super) struct ChangePasswordBody {
    current_password: String,
    new_password: String,
    revoke_other_sessions: Option<bool>,
}

#[derive(ToSchema)]
#[schema(as = ChangeEmail)]
pub(super) struct ChangeEmailBody {
    #[schema(rename = "newEmail")]
    new_email: String,
    #[schema(rename = "callbackURL")]
    callback: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = DeleteUser)]
pub(super) struct DeleteUserBody {
    password: Option<String>,
    /// Of the mailed link.
    token: Option<String>,
    #[schema(rename = "callbackURL")]
    callback: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = UserDeleted)]
pub(super) struct DeletedBody {
    success: bool,
    message: String,
}
