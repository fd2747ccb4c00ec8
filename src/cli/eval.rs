//! `eval`: measures on judged data, in the formats of TREC.

use std::{collections::BTreeSet, fs, path::PathBuf, process::ExitCode};

use super::{Context, Failure, course::known_course, say, search::index_of};
use crate::{
    domain::{ids::CourseId, stage::Allowed},
    rag::{
        Index as _, Query,
        bm25::Bm25,
        metrics::{BadLine, Gain, Qrels, Report, evaluate, parse_queries},
    },
};

mod speed;

/// Measures how good the answers are.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Rank a course's lessons for each query, and compare with the judgements.
    Retrieval(RetrievalArgs),
    /// Time searches over many made-up passages.
    Speed(speed::Args),
}

/// Prints one line: nDCG@10, recall@10 and @100, and mean average precision. A lesson stands where
/// its best passage stands.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  intellistack course import jsonl documents.jsonl --course trec
  intellistack eval retrieval --course trec --queries queries.tsv --qrels qrels.txt --json")]
struct RetrievalArgs {
    #[arg(long, value_name = "ID")]
    course: String,
    /// `id<TAB>text` a line.
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// `query 0 document grade` a line; a document is a lesson's id.
    #[arg(long, value_name = "FILE")]
    qrels: PathBuf,
    /// Count a document by its grade (2^grade - 1) in nDCG, not each fitting one alike.
    #[arg(long)]
    graded: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// How far down a ranking is looked at, in documents, as in `trec_eval`.
const DEPTH: usize = 1_000;
/// Passages that are looked at for them.
const PASSAGES: usize = 5_000;

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    match args.what {
        What::Retrieval(args) => retrieval(context, args).await?,
        What::Speed(args) => speed::run(&args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn retrieval(context: &Context, args: RetrievalArgs) -> Result<(), Failure> {
    context.config.check(crate::config::Purpose::default())?;
    let read = |path: &PathBuf| {
        fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
    };
    let bad = |path: &PathBuf| {
        let path = path.display().to_string();
        move |line: BadLine| Failure::new(format!("{path}: {line}"))
    };
    let queries = parse_queries(&read(&args.queries)?).map_err(bad(&args.queries))?;
    let qrels = Qrels::parse(&read(&args.qrels)?).map_err(bad(&args.qrels))?;
    let store = context.open_store().await?;
    let course = known_course(&store, &args.course).await?;
    let lessons = store.lessons_of(&course).await?;
    let judged = qrels.documents();
    if !lessons.iter().any(|lesson| judged.contains(lesson.id.as_str())) {
        let why = format!("no judged document is a lesson of {course}: are these its judgements?");
        return Err(Failure::new(why));
    }
    let index = index_of(&store, &course).await?;
    let mut rankings = Vec::with_capacity(queries.len());
    for (id, text) in queries {
        rankings.push((id, ranking(&index, &course, text).await?));
    }
    let gain = if args.graded { Gain::Graded } else { Gain::Binary };
    let report = evaluate(&qrels, &rankings, gain);
    if report.queries == 0 {
        return Err(Failure::new(
            "none of the queries was judged: do the ids of both files agree?",
        ));
    }
    say(&line(&report, args.json)?)?;
    Ok(())
}

/// The course's lessons, each where its best passage stands.
async fn ranking(index: &Bm25, course: &CourseId, text: String) -> Result<Vec<String>, Failure> {
    let (course, allowed) = (Some(course.clone()), Allowed::ALL);
    let hits =
        index.search(&Query { text, vector: None, course, allowed, limit: PASSAGES }).await?;
    let mut seen = BTreeSet::new();
    let lessons = hits.iter().map(|hit| hit.chunk.lesson.as_str());
    Ok(lessons.filter(|id| seen.insert(*id)).take(DEPTH).map(str::to_owned).collect())
}

fn line(report: &Report, json: bool) -> Result<String, Failure> {
    if json {
        return Ok(serde_json::to_string(report)?);
    }
    let Report { ndcg_10, recall_10, recall_100, map, queries } = report;
    Ok(format!(
        "ndcg@10 {ndcg_10:.4}  recall@10 {recall_10:.4}  recall@100 {recall_100:.4}  \
         map {map:.4}  ({queries} queries)"
    ))
}
