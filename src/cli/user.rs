//! `user`: accounts made and changed by the operator, beside a running server, which learns of a
//! change within a second.

use std::{
    io::{self, BufRead},
    process::ExitCode,
    sync::Arc,
};

use serde_json::json;

use super::{Context, Failure, say};
use crate::{
    auth::{Auth, AuthError, NewPerson, Settings, random_password},
    domain::{email::Email, ids::Ids, password::Password, role::Role},
    store::{Store, StoreError, users::User},
};

mod one;

/// How many people one look at the store brings.
const PAGE: i64 = 500;
const MOST: u32 = 100_000;

/// Accounts: who is there, new ones, and their roles.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make an account, or many alike for a load test.
    #[command(after_help = "Examples:
  intellistack user create ada@school.example --name Ada --verified
  pass show ada | intellistack user create ada@school.example --password-stdin
  intellistack user create --count 200 --prefix load --json > accounts.jsonl")]
    Create(CreateArgs),
    /// Give a person another role. It holds at once, in sessions that are open too.
    #[command(after_help = "Example:
  intellistack user set-role ada@school.example instructor")]
    SetRole(SetRoleArgs),
    /// End every sign-in of a person. Her open sockets close at once.
    #[command(after_help = "Example:
  intellistack user sign-out ada@school.example")]
    SignOut(SignOutArgs),
    /// List everybody, oldest account first.
    List(ListArgs),
    /// Show one person.
    Show(NamedArgs),
    /// Shut a person out and end her sign-ins. Her open sockets close at once.
    #[command(after_help = "Example:
  intellistack user ban eve@school.example --reason 'shared exam answers' --days 14")]
    Ban(BanArgs),
    /// Lift a ban.
    Unban(NamedArgs),
    /// List the live sign-ins of a person.
    Sessions(NamedArgs),
    /// End one sign-in of a person, by the id that `user sessions` shows.
    #[command(after_help = "Example:
  intellistack user revoke ada@school.example 3kQ9…
All of them: intellistack user sign-out ada@school.example")]
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// The address to sign in with.
    #[arg(required_unless_present = "count", conflicts_with = "count")]
    email: Option<String>,
    /// The name that others see; the address's first part if absent.
    #[arg(long)]
    name: Option<String>,
    /// student, instructor or admin.
    #[arg(long, default_value = "student")]
    role: Role,
    /// Take the address as verified. (Without it the person must open a mailed link.)
    #[arg(long)]
    verified: bool,
    /// Read the password from the first line of standard input. Without it one is made up and
    /// printed.
    #[arg(long)]
    password_stdin: bool,
    /// Make so many verified accounts that share one password: PREFIX1@load.example and so on.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    count: Option<u32>,
    /// What the addresses of --count begin with.
    #[arg(long, default_value = "load", requires = "count")]
    prefix: String,
    /// Print one JSON object a line: id, email, password, role.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct SetRoleArgs {
    email: String,
    /// student, instructor or admin.
    role: Role,
}

#[derive(Debug, clap::Args)]
struct SignOutArgs {
    email: String,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// One person, by her address.
#[derive(Debug, clap::Args)]
struct NamedArgs {
    email: String,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct BanArgs {
    #[command(flatten)]
    who: NamedArgs,
    /// What the person did; admins see it.
    #[arg(long)]
    reason: Option<String>,
    /// Lift it by itself after so many days. Without it the ban stands until it is lifted.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    #[command(flatten)]
    who: NamedArgs,
    session: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let store = context.open_store().await?;
    let lines = match args.action {
        Action::Create(args) => {
            let given = args.password_stdin.then(first_line).transpose()?;
            let auth = open_auth(context, store).await?;
            create(&auth, context.ids.as_ref(), args, given).await?
        }
        Action::SetRole(args) => vec![set_role(&open_auth(context, store).await?, &args).await?],
        Action::SignOut(args) => vec![sign_out(&open_auth(context, store).await?, &args).await?],
        Action::List(args) => list(&store, args.json).await?,
        other => one::run(&open_auth(context, store).await?, other).await?,
    };
    for line in lines {
        say(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The rules of accounts, beside a running server.
pub(super) async fn open_auth(context: &Context, store: Arc<Store>) -> Result<Auth, Failure> {
    // No link leaves this command, so the port of an unset public URL does not matter.
    let url = context.config.public_url_for(8080);
    let ids = context.ids.as_ref();
    let settings = Settings::from_config(&context.config, url, false, ids)?;
    let (clock, ids) = (Arc::clone(&context.clock), Arc::clone(&context.ids));
    Ok(Auth::open(settings, store, clock, ids).await?)
}

fn first_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn create(
    auth: &Auth,
    ids: &dyn Ids,
    args: CreateArgs,
    given: Option<String>,
) -> Result<Vec<String>, Failure> {
    let shown = given.is_none() || args.json;
    let text = given.unwrap_or_else(|| random_password(ids));
    let password = Password::parse(&text)?;
    auth.check_password(&password)?;
    let people = people(&args)?;
    let users = match <[NewPerson; 1]>::try_from(people) {
        Ok([person]) => vec![auth.create_user(person, password).await.map_err(taken)?],
        Err(people) => auth.create_users(people, password).await.map_err(taken)?,
    };
    let line = |user: &User| match (args.json, shown) {
        (true, _) => {
            json!({"id": user.id, "email": user.email, "password": text, "role": user.role})
                .to_string()
        }
        (false, true) => format!("{} ({}), password {text}", user.email, user.role),
        (false, false) => format!("{} ({})", user.email, user.role),
    };
    Ok(users.iter().map(line).collect())
}

fn people(args: &CreateArgs) -> Result<Vec<NewPerson>, Failure> {
    let person = |address: &str, verified| {
        let email =
            Email::parse(address).map_err(|error| Failure::new(format!("{address}: {error}")))?;
        let first = email.as_str().split('@').next().unwrap_or_default().to_owned();
        let name = args.name.clone().unwrap_or(first);
        Ok(NewPerson { email, name, role: args.role, verified })
    };
    match args.count {
        Some(count) => (1..=count)
            .map(|number| person(&format!("{}{number}@load.example", args.prefix), true))
            .collect(),
        None => Ok(vec![person(args.email.as_deref().unwrap_or_default(), args.verified)?]),
    }
}

async fn set_role(auth: &Auth, args: &SetRoleArgs) -> Result<String, Failure> {
    let email = Email::parse(&args.email)?;
    let user = auth.set_role(&email, args.role).await.map_err(|error| unknown(&email, error))?;
    Ok(format!("{} is now {}", user.email, user.role))
}

async fn sign_out(auth: &Auth, args: &SignOutArgs) -> Result<String, Failure> {
    let email = Email::parse(&args.email)?;
    let user = auth.sign_out_everywhere(&email).await.map_err(|error| unknown(&email, error))?;
    Ok(format!("{} is signed out everywhere", user.email))
}

fn unknown(email: &Email, error: AuthError) -> Failure {
    match error {
        AuthError::Store(StoreError::NotFound) => Failure::new(format!("there is no {email}")),
        other => other.into(),
    }
}

async fn list(store: &Store, as_json: bool) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    let mut after = None;
    loop {
        let page = store.users_page(after.take(), PAGE).await?;
        lines.extend(page.iter().map(|user| line_of(user, as_json)));
        match page.last() {
            Some(last) => after = Some((last.created_at, last.id.clone())),
            None => return Ok(lines),
        }
    }
}

fn line_of(user: &User, as_json: bool) -> String {
    let User { id, name, email, email_verified, role, banned, .. } = user;
    if as_json {
        return json!({
            "id": id, "name": name, "email": email, "emailVerified": email_verified,
            "role": role, "banned": banned,
        })
        .to_string();
    }
    let verified = if *email_verified { "verified" } else { "not verified" };
    let banned = if *banned { ", banned" } else { "" };
    format!("{email}\t{role}\t{verified}{banned}\t{name}")
}

fn taken(error: AuthError) -> Failure {
    match error {
        AuthError::Store(StoreError::Conflict(_)) => {
            Failure::new("an account with this address exists already; nothing was changed")
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{auth::tests::Bench, domain::ids::SeededIds};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    async fn on(bench: &Bench, line: &str) -> Result<Vec<String>, Failure> {
        let words = std::iter::once("user").chain(line.split(' '));
        let ids = SeededIds::new(9);
        match Line::try_parse_from(words)?.args.action {
            Action::Create(args) => create(&bench.auth, &ids, args, None).await,
            Action::SetRole(args) => Ok(vec![set_role(&bench.auth, &args).await?]),
            Action::SignOut(args) => Ok(vec![sign_out(&bench.auth, &args).await?]),
            Action::List(args) => list(&bench.store, args.json).await,
            other => one::run(&bench.auth, other).await,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_operator_shows_bans_and_frees_a_person_and_ends_one_sign_in() {
        let bench = Bench::new().await;
        let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;
        let who = "ada@school.example";

        let sessions = on(&bench, &format!("sessions {who} --json")).await.unwrap();
        let session: serde_json::Value = serde_json::from_str(&sessions[0]).unwrap();
        assert_eq!(session["id"], ada.session.as_str());
        let unknown = on(&bench, &format!("revoke {who} nothing")).await.unwrap_err();
        assert!(unknown.to_string().contains("no such sign-in"), "{unknown}");
        let id = ada.session.as_str();
        let ended = on(&bench, &format!("revoke {who} {id}")).await.unwrap();
        assert_eq!(ended, [format!("the sign-in {id} of {who} has ended")]);
        assert!(bench.auth.by_session_token(&token).await.is_err());
        assert!(on(&bench, &format!("sessions {who}")).await.unwrap().is_empty());

        let banned = on(&bench, &format!("ban {who} --reason rude --days 2")).await.unwrap();
        assert!(banned[0].starts_with(&format!("{who} is banned until 2026-11-25T")), "{banned:?}");
        let shown = on(&bench, &format!("show {who} --json")).await.unwrap();
        let shown: serde_json::Value = serde_json::from_str(&shown[0]).unwrap();
        assert_eq!((&shown["banned"], &shown["banReason"]), (&json!(true), &json!("rude")));
        let free = on(&bench, &format!("unban {who}")).await.unwrap();
        assert_eq!(free, [format!("{who} may sign in again")]);
        let kinds = bench.store.newest_auth_events(9).await.unwrap();
        let kinds: std::collections::BTreeSet<_> =
            kinds.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["banned", "session_revoked", "unbanned"].into());
        let root = bench.signed_in("root", Role::Admin).await;
        let last = on(&bench, &format!("ban {}", root.user.email)).await.unwrap_err();
        assert!(last.to_string().contains("last admin"), "{last}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_made_account_gets_a_password_and_a_new_role_is_told_to_running_servers() {
        let bench = Bench::new().await;

        let made = on(&bench, "create Ada@School.example --verified").await.unwrap();
        assert!(made[0].starts_with("ada@school.example (student), password "), "{made:?}");
        let again = on(&bench, "create ada@school.example").await;
        assert!(again.unwrap_err().to_string().contains("exists already"));

        let before = bench.store.last_change().await.unwrap();
        let changed = on(&bench, "set-role ada@school.example admin").await.unwrap();
        assert_eq!(changed, ["ada@school.example is now admin"]);
        assert_eq!(bench.store.changes_after(before).await.unwrap()[0].kind, "user");
        let out = on(&bench, "sign-out ada@school.example").await.unwrap();
        assert_eq!(out, ["ada@school.example is signed out everywhere"]);
        assert_eq!(bench.store.changes_after(before).await.unwrap()[1].kind, "user_sessions");
        let listed = on(&bench, "list").await.unwrap();
        assert_eq!(listed, ["ada@school.example\tadmin\tverified\tada"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_accounts_for_a_load_test_share_one_password_and_all_sign_in() {
        let bench = Bench::new().await;

        let made = on(&bench, "create --count 1200 --prefix k6- --json").await.unwrap();

        assert_eq!(made.len(), 1_200);
        assert_eq!(bench.store.count_users().await.unwrap(), 1_200);
        assert_eq!(on(&bench, "list --json").await.unwrap().len(), 1_200);
        let last: serde_json::Value = serde_json::from_str(&made[1_199]).unwrap();
        assert_eq!(last["email"], "k6-1200@load.example");
        let form = crate::auth::sign_in::SignIn {
            email: Email::parse("k6-1200@load.example").unwrap(),
            password: Password::parse(last["password"].as_str().unwrap()).unwrap(),
            remember: true,
            replaces: None,
            known_device: None,
        };
        let started =
            bench.auth.sign_in(form, crate::auth::sessions::Device::default(), None).await;
        assert!(started.unwrap().user.email_verified);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unknown_role_or_address_and_a_weak_password_are_refused() {
        let bench = Bench::new().await;
        for (line, word) in [
            ("create ada@school.example --role root", "unknown role"),
            ("create ada", "not an email address"),
            ("create a@b.example --count 3", "cannot be used with"),
            ("set-role nobody@school.example admin", "there is no nobody@school.example"),
            ("sign-out nobody@school.example", "there is no nobody@school.example"),
            ("ban nobody@school.example", "there is no nobody@school.example"),
            ("show nobody@school.example", "there is no nobody@school.example"),
            ("ban ada@school.example --days 0", "0 is not in"),
        ] {
            let error = on(&bench, line).await.unwrap_err().to_string();
            assert!(error.contains(word), "{line}: {error}");
        }
        let args = CreateArgs {
            email: Some("ada@school.example".to_owned()),
            name: None,
            role: Role::Student,
            verified: false,
            password_stdin: true,
            count: None,
            prefix: "load".to_owned(),
            json: false,
        };
        let weak = create(&bench.auth, &SeededIds::new(9), args, Some("weak".to_owned())).await;
        assert!(weak.unwrap_err().to_string().contains("at least 12"));
        assert_eq!(bench.store.count_users().await.unwrap(), 0);
    }
}
