//! The bodies of the admin calls, for the `OpenAPI` document alone.
#![expect(dead_code, reason = "these types describe; nothing makes or reads them")]

use serde_json::Value;
use utoipa::ToSchema;

use super::schema::{ListedBody, UserBody};

#[derive(ToSchema)]
#[schema(as = UserList)]
pub(super) struct UserListBody {
    users: Vec<UserBody>,
    /// How many people match, whatever the window.
    total: i64,
    limit: Option<i64>,
    offset: Option<i64>,
}

#[derive(ToSchema)]
#[schema(as = OneUser)]
pub(super) struct OneUserBody {
    user: UserBody,
}

#[derive(ToSchema)]
#[schema(as = CreateUser)]
pub(super) struct CreateUserBody {
    email: String,
    name: String,
    /// Without one the person gets in by another provider, or once an admin sets a password.
    password: Option<String>,
    /// `student` (the default), `instructor` or `admin`.
    role: Option<String>,
    /// `emailVerified`, `image`.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

#[derive(ToSchema)]
#[schema(as = UpdateUser, rename_all = "camelCase")]
pub(super) struct UpdateUserBody {
    user_id: String,
    /// `name`, `email`, `emailVerified`, `image`, `role`.
    #[schema(value_type = Object)]
    data: Value,
}

#[derive(ToSchema)]
#[schema(as = SetRole, rename_all = "camelCase")]
pub(super) struct SetRoleBody {
    user_id: String,
    role: String,
}

#[derive(ToSchema)]
#[schema(as = BanUser, rename_all = "camelCase")]
pub(super) struct BanBody {
    user_id: String,
    ban_reason: Option<String>,
    /// Seconds; without it the ban has no end.
    ban_expires_in: Option<i64>,
}

#[derive(ToSchema)]
#[schema(as = OfUser, rename_all = "camelCase")]
pub(super) struct OfUserBody {
    user_id: String,
}

#[derive(ToSchema)]
#[schema(as = OfSession, rename_all = "camelCase")]
pub(super) struct OfSessionBody {
    /// The handle that `list-user-sessions` shows as `token`.
    session_token: String,
}

#[derive(ToSchema)]
#[schema(as = SetUserPassword, rename_all = "camelCase")]
pub(super) struct SetPasswordBody {
    user_id: String,
    new_password: String,
}

#[derive(ToSchema)]
#[schema(as = UserSessions)]
pub(super) struct SessionsBody {
    sessions: Vec<ListedBody>,
}

#[derive(ToSchema)]
#[schema(as = Permissions)]
pub(super) struct PermissionsBody {
    /// Such as `{"user": ["ban"]}`.
    #[schema(value_type = Object)]
    permissions: Value,
}

#[derive(ToSchema)]
#[schema(as = Permitted)]
pub(super) struct PermittedBody {
    success: bool,
}
