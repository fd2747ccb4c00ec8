//! `keys`: the keys that sign what this server issues, looked at and replaced beside running
//! servers, which learn of it within a second.

use std::{process::ExitCode, sync::Arc};

use serde_json::json;

use super::{Context, Failure, say};
use crate::{
    auth::{Auth, Settings},
    domain::{clock::Millis, oidc::alg::SigningAlg},
    store::keys::SigningKey,
};

/// The keys that sign tokens: which there are, and new ones.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the keys that sign and those that are still published, oldest first.
    List(ListArgs),
    /// Make new keys, which sign from now on, on every node. What the old ones have signed stays
    /// good: they are published for 30 days more.
    #[command(after_help = "Examples:
  intellistack keys rotate
  intellistack keys rotate --alg RS256 --json")]
    Rotate(RotateArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RotateArgs {
    /// RS256, ES256, EdDSA or all.
    #[arg(long, default_value = "all", value_parser = algs)]
    alg: Algs,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone)]
struct Algs(Vec<SigningAlg>);

fn algs(name: &str) -> Result<Algs, String> {
    if name == "all" {
        return Ok(Algs(SigningAlg::ALL.to_vec()));
    }
    let one = name.parse().map_err(|_| format!("{name:?} is none of RS256, ES256, EdDSA, all"))?;
    Ok(Algs(vec![one]))
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    // No link leaves this command, so the port of an unset public URL does not matter.
    let url = context.config.public_url_for(8080);
    let settings = Settings::from_config(&context.config, url, false, context.ids.as_ref())?;
    let store = context.open_store().await?;
    let auth =
        Auth::open(settings, store, Arc::clone(&context.clock), Arc::clone(&context.ids)).await?;
    for line in lines(&auth, args.action).await? {
        say(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn lines(auth: &Auth, action: Action) -> Result<Vec<String>, Failure> {
    match action {
        Action::List(args) => {
            let keys = auth.signing_keys().await?;
            Ok(keys.iter().map(|key| line(key, args.json)).collect())
        }
        Action::Rotate(args) => {
            let keys = auth.rotate_keys(&args.alg.0).await?;
            Ok(keys.iter().map(|key| line(key, args.json)).collect())
        }
    }
}

fn line(key: &SigningKey, as_json: bool) -> String {
    let (made, until) = (Millis(key.created_at), key.dead_at());
    if as_json {
        return json!({
            "kid": key.kid, "alg": key.alg, "signs": until.is_none(),
            "createdAt": made.to_rfc3339(),
            "retiredAt": key.retired_at.map(|at| Millis(at).to_rfc3339()),
            "publishedUntil": until.map(Millis::to_rfc3339),
        })
        .to_string();
    }
    let state = match until {
        Some(until) => format!("retired, published until {}", until.to_rfc3339()),
        None => "signs".to_owned(),
    };
    format!("{}\t{}\tsince {}\t{state}", key.kid, key.alg, made.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;
    use crate::{auth::tests::Bench, domain::clock::DAY};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    async fn on(bench: &Bench, words: &str) -> Result<Vec<String>, Failure> {
        let line =
            Line::try_parse_from([&["keys"], &words.split(' ').collect::<Vec<_>>()[..]].concat())?;
        lines(&bench.auth, line.args.action).await
    }

    async fn listed(bench: &Bench) -> Vec<Value> {
        let lines = on(bench, "list --json").await.unwrap();
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_rotation_is_seen_in_the_list_until_the_old_key_is_dead() {
        let bench = Bench::new().await;
        let first = listed(&bench).await;
        assert_eq!(first.len(), 3);
        assert!(first.iter().all(|key| key["signs"] == true));

        bench.clock.advance(1);
        let made = on(&bench, "rotate --alg ES256 --json").await.unwrap();
        let made: Value = serde_json::from_str(&made[0]).unwrap();

        assert_eq!((&made["alg"], &made["signs"]), (&json!("ES256"), &json!(true)));
        let then = listed(&bench).await;
        assert_eq!((then.len(), &then[3]), (4, &made));
        let old = then.iter().find(|key| key["signs"] == false).unwrap();
        assert_eq!(old["alg"], "ES256");
        let words = on(&bench, "list").await.unwrap().join("\n");
        assert!(words.contains("retired, published until 20"), "{words}");

        bench.clock.advance(30 * DAY);
        assert_eq!(listed(&bench).await.len(), 3);
        assert_eq!(on(&bench, "rotate").await.unwrap().len(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unknown_algorithm_is_refused_with_those_that_exist() {
        let bench = Bench::new().await;
        let error = on(&bench, "rotate --alg HS256").await.unwrap_err().to_string();
        assert!(error.contains("RS256, ES256, EdDSA, all"), "{error}");
    }
}
