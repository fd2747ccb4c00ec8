//! `client`: apps that people sign in to with their account here, made and changed by the operator,
//! beside a running server.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Map, Value, json};

use super::{Context, Failure, say};
use crate::{
    auth::{
        Auth,
        oidc::clients::{Change, ClientError, Hand, Registered},
    },
    domain::{clock::Millis, oidc::client::AuthMethod},
};

mod flags;

use flags::Flags;

/// How many apps one look at the store brings.
const PAGE: i64 = 200;
/// Bytes of a file of metadata, as over HTTP.
const MOST: u64 = 64 * 1_024;

/// Apps that people sign in to with their account here: make, list, change, remove.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Register an app. Its secret is shown this once.
    #[command(after_help = "Examples:
  intellistack client create --name Timetable --redirect-uri https://timetable.example/callback
  intellistack client create --name Reader --type native --auth-method none \\
      --redirect-uri http://127.0.0.1/callback --redirect-uri com.example.reader:/callback
  intellistack client create --name Reports --grant-type client_credentials \\
      --client-credentials-scope tutor
  intellistack client create --file timetable.json
  echo '{\"redirect_uris\":[\"https://timetable.example/callback\"]}' | intellistack client create --json -")]
    Create(Box<CreateArgs>),
    /// List the apps, newest first.
    List(ListArgs),
    /// Show one app.
    Show(NamedArgs),
    /// Change what is named of an app; an empty text takes a member away.
    #[command(after_help = "Examples:
  intellistack client update 3kQ9… --redirect-uri https://timetable.example/callback
  intellistack client update 3kQ9… --skip-consent --logo-uri ''
  intellistack client update 3kQ9… --skip-consent=false")]
    Update(Box<UpdateArgs>),
    /// Give an app another secret. The old one is good for nothing from then on.
    RotateSecret(NamedArgs),
    /// Remove an app and end all that people granted to it.
    Delete(NamedArgs),
    /// Let an app in again.
    Enable(NamedArgs),
    /// Shut an app out and end all that people granted to it.
    Disable(NamedArgs),
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    #[command(flatten)]
    given: Given,
    /// Print the answer of RFC 7591 as JSON; with `-`, read the metadata from standard input.
    #[arg(long, value_name = "-", num_args = 0..=1, default_missing_value = "", value_parser = ["-", ""])]
    json: Option<String>,
}

#[derive(Debug, clap::Args)]
struct UpdateArgs {
    /// The app's id.
    id: String,
    #[command(flatten)]
    given: Given,
    #[arg(long)]
    json: bool,
}

/// What is registered: a file, and what the flags say over it.
#[derive(Debug, clap::Args)]
struct Given {
    /// Read the metadata (RFC 7591, as JSON) from a file; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Words of the name, or a whole id.
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// One app.
#[derive(Debug, clap::Args)]
struct NamedArgs {
    /// The app's id.
    id: String,
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let store = context.open_store().await?;
    let auth = super::user::open_auth(context, store).await?;
    for line in act(&auth, args.action, &mut io::stdin().lock()).await? {
        say(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn act(
    auth: &Auth,
    action: Action,
    input: &mut (impl Read + ?Sized),
) -> Result<Vec<String>, Failure> {
    match action {
        Action::Create(args) => {
            let CreateArgs { mut given, json } = *args;
            if json.as_deref() == Some("-") {
                given.file = Some(PathBuf::from("-"));
            }
            let metadata = given.read(input)?;
            let app = auth.register_client(Hand::Operator, &metadata).await.map_err(refused)?;
            Ok(if json.is_some() { vec![object(&app)] } else { told(&app) })
        }
        Action::List(args) => list(auth, args).await,
        Action::Show(args) => {
            let app = find(auth, &args.id).await?;
            Ok(if args.json { vec![object(&app)] } else { described(&app) })
        }
        Action::Update(args) => {
            let UpdateArgs { id, given, json } = *args;
            let app = change(auth, &id, &given.read(input)?).await?;
            Ok(if json { vec![object(&app)] } else { told(&app) })
        }
        Action::RotateSecret(args) => {
            let found = find(auth, &args.id).await?;
            let app = auth.rotate_client_secret(Hand::Operator, found).await.map_err(refused)?;
            Ok(if args.json { vec![object(&app)] } else { told(&app) })
        }
        Action::Delete(args) => {
            let app = find(auth, &args.id).await?;
            auth.remove_client(Hand::Operator, &app).await.map_err(refused)?;
            Ok(vec![if args.json {
                json!({ "client_id": args.id, "removed": true }).to_string()
            } else {
                format!("{} is removed", app.row.name)
            }])
        }
        Action::Enable(args) => switch(auth, args, false).await,
        Action::Disable(args) => switch(auth, args, true).await,
    }
}

impl Given {
    /// The metadata of the file, if there is one, with what the flags say over it.
    fn read(self, input: &mut (impl Read + ?Sized)) -> Result<Map<String, Value>, Failure> {
        let mut metadata = match self.file.as_deref() {
            None => Map::new(),
            Some(path) if path == Path::new("-") => parse(input, "standard input")?,
            Some(path) => {
                let name = path.display().to_string();
                let mut file = std::fs::File::open(path)
                    .map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
                parse(&mut file, &name)?
            }
        };
        metadata.extend(self.flags.read()?);
        Ok(metadata)
    }
}

fn parse(input: &mut (impl Read + ?Sized), name: &str) -> Result<Map<String, Value>, Failure> {
    let mut text = Vec::new();
    input.take(MOST + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MOST) {
        return Err(Failure::new(format!("{name} is larger than 64 KiB")));
    }
    serde_json::from_slice(&text)
        .map_err(|error| Failure::new(format!("{name} is no JSON object: {error}")))
}

async fn find(auth: &Auth, id: &str) -> Result<Registered, Failure> {
    auth.find_client(Hand::Operator, id).await.map_err(|error| match error {
        ClientError::NotFound => {
            Failure::new(format!("there is no app {id}; `intellistack client list` shows them"))
        }
        error => refused(error),
    })
}

async fn change(auth: &Auth, id: &str, given: &Map<String, Value>) -> Result<Registered, Failure> {
    let found = find(auth, id).await?;
    auth.change_client(Hand::Operator, found, given, Change::Some).await.map_err(refused)
}

async fn switch(auth: &Auth, args: NamedArgs, off: bool) -> Result<Vec<String>, Failure> {
    let mut given = Map::new();
    given.insert("disabled".to_owned(), off.into());
    let app = change(auth, &args.id, &given).await?;
    let state = if off { "shut out" } else { "let in" };
    Ok(vec![if args.json { object(&app) } else { format!("{} is {state}", app.row.name) }])
}

async fn list(auth: &Auth, args: ListArgs) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    let mut before = None;
    loop {
        let hand = Hand::Operator;
        let page = auth.list_clients(hand, args.search.clone(), before.take(), PAGE).await;
        let page = page.map_err(refused)?;
        lines.extend(page.iter().map(|app| if args.json { object(app) } else { line(app) }));
        match page.last() {
            Some(last) => before = Some((last.row.created_at, last.row.id.to_string())),
            None => return Ok(lines),
        }
    }
}

fn object(app: &Registered) -> String {
    Value::Object(app.to_json(true)).to_string()
}

fn line(app: &Registered) -> String {
    let row = &app.row;
    let off = if row.disabled { ", shut out" } else { "" };
    let whose = match (&row.owner_id, &row.registration_hash) {
        (Some(owner), _) => format!("of {owner}"),
        (None, Some(_)) => "registered itself".to_owned(),
        (None, None) => "of the school".to_owned(),
    };
    let checked = if app.metadata.ours.verified { "" } else { ", unverified" };
    format!("{}\t{}\t{whose}{checked}{off}", row.id, row.name)
}

/// What was made, for a person: the id, and a secret if there is a new one.
fn told(app: &Registered) -> Vec<String> {
    let mut lines = vec![app.row.name.clone(), format!("client_id      {}", app.row.id)];
    match &app.secret {
        Some(secret) => {
            lines.push(format!("client_secret  {secret}"));
            lines.push("Keep the secret now: it is shown this once.".to_owned());
        }
        None if app.metadata.token_endpoint_auth_method == AuthMethod::None => {
            lines.push("A public app: it has no secret, and uses PKCE.".to_owned());
        }
        None => {}
    }
    lines
}

fn described(app: &Registered) -> Vec<String> {
    let mut lines = vec![
        format!("name: {}", app.row.name),
        format!("since: {}", Millis(app.row.created_at).to_rfc3339()),
    ];
    for (name, value) in app.to_json(true) {
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Array(list) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        };
        lines.push(format!("{name}: {text}"));
    }
    lines
}

fn refused(error: ClientError) -> Failure {
    match error {
        ClientError::Auth(error) => error.into(),
        other => Failure::new(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
