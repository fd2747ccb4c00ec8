//! The bodies of the calls, as the API's description has them.
#![expect(dead_code, reason = "they describe what handlers read and write by hand")]

use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(as = PushedRequest)]
pub(super) struct PushedBody {
    request_uri: String,
    /// Seconds.
    expires_in: i64,
}

#[derive(ToSchema)]
#[schema(as = GoOn)]
pub(super) struct OnBody {
    redirect: bool,
    url: String,
}

#[derive(ToSchema)]
#[schema(as = OauthContinue)]
pub(super) struct ContinueBody {
    /// The signed query of the page.
    oauth_query: String,
    /// The person goes on with the account that she is signed in with.
    selected: Option<bool>,
    created: Option<bool>,
    #[schema(rename = "postLogin")]
    post_login: Option<bool>,
}

#[derive(ToSchema)]
#[schema(as = OauthConsent)]
pub(super) struct ConsentBody {
    accept: bool,
    /// The signed query of the page.
    oauth_query: String,
    /// Less than was asked for.
    scope: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = AgreedConsent, rename_all = "camelCase")]
pub(super) struct AgreedBody {
    id: String,
    client_id: String,
    client_name: Option<String>,
    user_id: String,
    scopes: Vec<String>,
    resources: Vec<String>,
    /// The school lets the app in without asking anybody.
    by_school: bool,
    created_at: String,
    updated_at: String,
}

#[derive(ToSchema)]
#[schema(as = NarrowConsent)]
pub(super) struct NarrowBody {
    id: String,
    update: NarrowerBody,
}

#[derive(ToSchema)]
#[schema(as = NarrowerConsent)]
pub(super) struct NarrowerBody {
    scopes: Vec<String>,
}

#[derive(ToSchema)]
#[schema(as = WithdrawConsent)]
pub(super) struct WithdrawBody {
    id: String,
}
