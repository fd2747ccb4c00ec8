//! `search`: what the tutor would find, with scores, so that its quality can be seen from outside.

use std::process::ExitCode;

use serde_json::json;

use super::{Context, Failure, course::known_course, say};
use crate::{
    course::passages,
    domain::{
        ids::CourseId,
        stage::{Allowed, Stage},
    },
    rag::{Hit, Index as _, Query, bm25::Bm25},
    store::Store,
};

/// Prints the passages that fit best, best first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  intellistack search \"why do clocks disagree\" --course agree
  intellistack search \"moving a value\" --course rust-book --stage 2 --json")]
pub(super) struct Args {
    /// The question.
    text: String,
    #[arg(long, value_name = "ID")]
    course: String,
    /// Search as a learner who has the stages up to N open; all of them if absent.
    #[arg(long, value_name = "N")]
    stage: Option<i32>,
    #[arg(long, default_value_t = 8, value_name = "COUNT")]
    limit: usize,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Characters of a passage that a person is shown.
const SHOWN: usize = 160;

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    context.config.check(crate::config::Purpose::default())?;
    let allowed = match args.stage {
        None => Allowed::ALL,
        Some(stage) => Stage::new(stage)
            .map(Allowed::up_to)
            .ok_or_else(|| Failure::new("--stage is a number from 1 to 64"))?,
    };
    let store = context.open_store().await?;
    let course = known_course(&store, &args.course).await?;
    let index = index_of(&store, &course).await?;
    let (text, course) = (args.text.clone(), Some(course));
    let query = Query { text, vector: None, course, allowed, limit: args.limit };
    let hits = index.search(&query).await?;
    if args.json {
        let hits: Vec<_> = (1..).zip(&hits).map(|(rank, hit)| as_json(rank, hit)).collect();
        let found = json!({ "query": args.text, "course": args.course, "hits": hits });
        say(&found.to_string())?;
    } else {
        for (rank, hit) in (1..).zip(&hits) {
            say(&as_text(rank, hit))?;
        }
        if hits.is_empty() {
            say("nothing fits")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The stored course in an index of its own.
pub(super) async fn index_of(store: &Store, course: &CourseId) -> Result<Bm25, Failure> {
    let index = Bm25::new();
    index.replace(course, passages(store, course).await?).await?;
    index.loaded();
    Ok(index)
}

fn as_json(rank: u32, hit: &Hit) -> serde_json::Value {
    let chunk = &hit.chunk;
    json!({
        "rank": rank, "score": hit.score, "lesson": chunk.lesson, "title": chunk.lesson_title,
        "stage": chunk.stage, "heading": chunk.heading, "blocks": chunk.blocks,
        "text": chunk.text,
    })
}

fn as_text(rank: u32, hit: &Hit) -> String {
    let chunk = &hit.chunk;
    let words = chunk.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().take(SHOWN).collect();
    let more = if shown.len() < words.len() { "…" } else { "" };
    let (score, lesson, stage) = (hit.score, &chunk.lesson, chunk.stage.number());
    format!("{rank:2}. {score:.3}  {lesson} (stage {stage}) {}\n    {shown}{more}", chunk.heading)
}
