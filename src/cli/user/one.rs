//! What the operator sees of one person, and does to her.

use serde_json::{Value, json};

use super::{Action, BanArgs, NamedArgs, RevokeArgs, unknown};
use crate::{
    auth::{Auth, AuthError, admin::AdminError},
    cli::Failure,
    domain::{clock::Millis, email::Email},
    store::{sessions::Session, users::User},
};

const DAY_S: i64 = 86_400;

/// The commands that are about one person; the others are not meant.
pub(super) async fn run(auth: &Auth, action: Action) -> Result<Vec<String>, Failure> {
    match action {
        Action::Show(who) => show(auth, &who).await,
        Action::Ban(args) => ban(auth, args).await,
        Action::Unban(who) => unban(auth, &who).await,
        Action::Sessions(who) => sessions(auth, &who).await,
        Action::Revoke(args) => revoke(auth, &args).await,
        Action::Create(_) | Action::SetRole(_) | Action::SignOut(_) | Action::List(_) => {
            Ok(Vec::new())
        }
    }
}

async fn show(auth: &Auth, who: &NamedArgs) -> Result<Vec<String>, Failure> {
    let email = Email::parse(&who.email)?;
    let user = auth.operator_user(&email).await.map_err(|error| failed(&email, error))?;
    if who.json {
        return Ok(vec![object(&user).to_string()]);
    }
    let ban = if user.banned { ban_words(&user) } else { "no".to_owned() };
    let second = if user.two_factor_enabled { "yes" } else { "no" };
    let verified = if user.email_verified { "" } else { " (not verified)" };
    Ok(vec![
        format!("id             {}", user.id),
        format!("name           {}", user.name),
        format!("e-mail         {}{verified}", user.email),
        format!("role           {}", user.role),
        format!("banned         {ban}"),
        format!("second factor  {second}"),
        format!("since          {}", Millis(user.created_at).to_rfc3339()),
    ])
}

async fn ban(auth: &Auth, args: BanArgs) -> Result<Vec<String>, Failure> {
    let BanArgs { who, reason, days } = args;
    let email = Email::parse(&who.email)?;
    let seconds = days.map(|days| i64::from(days) * DAY_S);
    let banned = auth.operator_ban(&email, reason, seconds).await;
    let user = banned.map_err(|error| failed(&email, error))?;
    Ok(vec![line(&who, &user, || format!("{} is banned {}", user.email, ban_words(&user)))])
}

async fn unban(auth: &Auth, who: &NamedArgs) -> Result<Vec<String>, Failure> {
    let email = Email::parse(&who.email)?;
    let user = auth.operator_unban(&email).await.map_err(|error| failed(&email, error))?;
    Ok(vec![line(who, &user, || format!("{} may sign in again", user.email))])
}

async fn sessions(auth: &Auth, who: &NamedArgs) -> Result<Vec<String>, Failure> {
    let email = Email::parse(&who.email)?;
    let user = auth.operator_user(&email).await.map_err(|error| failed(&email, error))?;
    let found = auth.admin_sessions(&user.id).await.map_err(|error| failed(&email, error))?;
    let lines = found.iter();
    Ok(lines.map(|(session, app)| session_line(session, app.as_deref(), who.json)).collect())
}

async fn revoke(auth: &Auth, args: &RevokeArgs) -> Result<Vec<String>, Failure> {
    let RevokeArgs { who, session } = args;
    let email = Email::parse(&who.email)?;
    let ended = auth.operator_revoke(&email, session).await;
    if !ended.map_err(|error| failed(&email, error))? {
        return Err(Failure::new(format!(
            "{email} has no such sign-in; `intellistack user sessions {email}` lists them"
        )));
    }
    Ok(vec![if who.json {
        json!({ "email": email.as_str(), "session": session, "ended": true }).to_string()
    } else {
        format!("the sign-in {session} of {email} has ended")
    }])
}

fn line(who: &NamedArgs, user: &User, words: impl FnOnce() -> String) -> String {
    if who.json { object(user).to_string() } else { words() }
}

fn object(user: &User) -> Value {
    json!({
        "id": user.id, "name": user.name, "email": user.email,
        "emailVerified": user.email_verified, "role": user.role, "banned": user.banned,
        "banReason": user.ban_reason,
        "banExpires": user.ban_expires.map(|at| Millis(at).to_rfc3339()),
        "twoFactorEnabled": user.two_factor_enabled, "quotaLimit": user.quota_limit,
        "createdAt": Millis(user.created_at).to_rfc3339(),
    })
}

fn ban_words(user: &User) -> String {
    let until = user.ban_expires.map(|at| Millis(at).to_rfc3339());
    let until = until.map_or_else(|| "for good".to_owned(), |until| format!("until {until}"));
    let reason = user.ban_reason.as_deref().unwrap_or_default();
    if reason.is_empty() { until } else { format!("{until}: {reason}") }
}

/// `app`: the name of the app that it was granted to.
fn session_line(session: &Session, app: Option<&str>, as_json: bool) -> String {
    let Session { id, ip_address, user_agent, impersonated_by, client_id, .. } = session;
    let (created, expires) =
        (Millis(session.created_at).to_rfc3339(), Millis(session.expires_at).to_rfc3339());
    if as_json {
        return json!({
            "id": id, "createdAt": created, "expiresAt": expires, "ipAddress": ip_address,
            "userAgent": user_agent, "impersonatedBy": impersonated_by,
            "clientId": client_id, "clientName": app,
        })
        .to_string();
    }
    let agent = app.map_or_else(
        || user_agent.as_deref().unwrap_or("unknown device").to_owned(),
        |app| format!("the app {app}"),
    );
    let by = impersonated_by.as_ref().map(|by| format!("\tby the admin {by}")).unwrap_or_default();
    format!("{id}\tsince {created}\t{ip_address}\t{agent}{by}")
}

fn failed(email: &Email, error: AdminError) -> Failure {
    match error {
        AdminError::NotFound => Failure::new(format!("there is no {email}")),
        AdminError::LastAdmin => Failure::new(format!(
            "{email} is the last admin: make somebody else an admin first; nothing was changed"
        )),
        AdminError::Auth(error) => unknown(email, error),
        error @ (AdminError::Taken | AdminError::Yourself | AdminError::Weak(_)) => {
            AuthError::Broken(error.to_string()).into()
        }
    }
}
