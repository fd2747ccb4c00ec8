//! `intellistack serve`: the server.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Failure, say};
use crate::{
    app::{self, App, Ground, Options},
    auth::DemoAccount,
    config::{NodeRole, Purpose, Roles},
};

/// Start the server.
///
/// Examples:
///   intellistack serve --demo                      try it: demo accounts, mail shown at /dev/mail
///   intellistack --config school.toml serve        run it for a school
///   intellistack serve --roles chat                one node of several: conversations alone
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Make demo accounts and show mail instead of sending it. Listens on this machine only.
    #[arg(long)]
    demo: bool,
    /// Address and port, instead of the setting `server.listen`; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// What this node does, instead of the setting `server.roles`: auth, chat and web, in any
    /// combination.
    #[arg(long, value_name = "LIST")]
    roles: Option<Roles>,
    /// Write a JSON file with the URL, the process id, the node and the demo accounts as soon as
    /// the server answers. Only its owner may read it.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Allow the scripted model outside demo mode, for tests on this machine.
    #[arg(long)]
    test_model: bool,
}

#[derive(Serialize)]
struct Ready<'a> {
    url: &'a str,
    pid: u32,
    node: &'a str,
    accounts: &'a [DemoAccount],
}

pub(crate) fn run(context: Context, args: Args) -> Result<ExitCode, Failure> {
    let mut context = context;
    if let Some(listen) = args.listen {
        context.config.server.listen = listen.to_string();
    }
    if let Some(roles) = args.roles {
        context.config.server.roles = roles;
    }
    let purpose = Purpose { demo: args.demo, test_model: args.test_model };
    context.config.check(purpose)?;
    for note in context.config.notes() {
        tracing::warn!("{note}");
    }
    let accounts = context.config.server.roles.has(NodeRole::Auth);
    if accounts && !args.demo && !context.config.mail.leaves() {
        tracing::warn!(
            "mail.transport is \"outbox\": nobody gets mail, so that nobody can verify an address \
             or reset a password. Set it to \"smtp\" or \"resend\""
        );
    }
    actix_rt::System::new().block_on(serve(context, args))
}

async fn serve(context: Context, args: Args) -> Result<ExitCode, Failure> {
    let address = context.config.listen_address()?;
    let listener = app::bind(address).map_err(|error| {
        Failure::new(format!("cannot listen on {address}: {error}; choose another with --listen"))
    })?;
    let ground = Ground {
        config: context.config.clone(),
        clock: Arc::clone(&context.clock),
        ids: Arc::clone(&context.ids),
        problems: context.problems.clone(),
    };
    let options = Options { demo: args.demo };
    let app = App::build(&ground, options, &listener, context.open_store()).await?;
    let server = app::serve(&app, &ground, listener)?;
    let handle = server.handle();
    let serving = actix_rt::spawn(server);
    if let Some(path) = &args.ready_file {
        write_ready(path, &app)?;
    }
    greet(&app, ground.config.server.roles)?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = serving => {
            ended.map_err(|error| Failure::new(error.to_string()))??;
            return Ok(ExitCode::SUCCESS);
        }
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    app::drain(&app, ground.config.server.drain()).await;
    handle.stop(true).await;
    Ok(ExitCode::SUCCESS)
}

/// Whole or not at all: a script that waits for it never reads half of it.
fn write_ready(path: &Path, app: &App) -> Result<(), Failure> {
    let ready = Ready {
        url: &app.public_url,
        pid: std::process::id(),
        node: app.me.node.as_str(),
        accounts: &app.demo_accounts,
    };
    let draft = path.with_extension("draft");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(&serde_json::to_vec(&ready).map_err(io::Error::from)?)?;
    file.sync_all()?;
    Ok(std::fs::rename(&draft, path)?)
}

fn greet(app: &App, roles: Roles) -> io::Result<()> {
    say(&format!("IntelliStack is ready: {}", app.public_url))?;
    if roles != Roles::ALL {
        say(&format!("This node serves {roles} and no more."))?;
    }
    if app.demo_accounts.is_empty() {
        return Ok(());
    }
    say("")?;
    say("Demo accounts (only on this machine):")?;
    for account in &app.demo_accounts {
        say(&format!("  {:<11} {:<28} {}", account.role, account.email, account.password))?;
    }
    say("")?;
    say(&format!("Mail is shown at {}/dev/mail. Stop with Ctrl-C.", app.public_url))
}
