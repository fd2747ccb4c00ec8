//! `course`: imports, the list, and stages opened by hand. Works beside a running server, which
//! takes the change over within a second.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, Failure, say};
use crate::{
    domain::{
        course::Course,
        ids::CourseId,
        stage::{MAX_STAGES, Stage},
    },
    importer::{builtin, jsonl, mdbook},
    store::{Store, StoreError, courses::Saved},
};

/// Courses: what is there, and more of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Read a course from a book, a file of documents, or this program, and store it.
    #[command(subcommand)]
    Import(Import),
    /// List the courses that are stored.
    List(ListArgs),
    /// Open the stages of a course up to a number to one learner. What is open stays open.
    Unlock(UnlockArgs),
}

/// An import can be repeated: only what changed is written.
#[derive(Debug, clap::Subcommand)]
enum Import {
    /// An mdBook: its rendered folder (with toc.html) or its sources (with SUMMARY.md).
    #[command(after_help = "Examples:
  intellistack course import mdbook --rust-book
  intellistack course import mdbook ./my-book --course mine --stages 2,5,9")]
    Mdbook(MdbookArgs),
    /// A file of documents, one `{"id","title","text"}` a line, as lessons of one stage.
    #[command(after_help = "Example:
  intellistack course import jsonl cranfield.jsonl --course cranfield")]
    Jsonl(JsonlArgs),
    /// The course that this program carries.
    Builtin,
}

#[derive(Debug, clap::Args)]
struct MdbookArgs {
    /// The book's folder, or a file in it.
    #[arg(required_unless_present = "rust_book", conflicts_with = "rust_book")]
    path: Option<PathBuf>,
    /// The Rust book that the toolchain carries (`rustc --print sysroot`).
    #[arg(long)]
    rust_book: bool,
    /// The course's id; made from the title if absent (the Rust book is `rust-book`).
    #[arg(long, value_name = "ID")]
    course: Option<String>,
    /// The course's title; the book's own if absent.
    #[arg(long)]
    title: Option<String>,
    /// The last chapter of each stage but the last, such as 3,6,10,15 (the Rust book's). Without
    /// it another book is one stage: it has no quiz that could open a second.
    #[arg(long, value_delimiter = ',', value_name = "CHAPTER,…")]
    stages: Vec<u16>,
}

#[derive(Debug, clap::Args)]
struct JsonlArgs {
    file: PathBuf,
    #[arg(long, value_name = "ID")]
    course: String,
    /// The course's title; its id if absent.
    #[arg(long)]
    title: Option<String>,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct UnlockArgs {
    /// The learner's email address.
    email: String,
    #[arg(long, value_name = "ID")]
    course: String,
    #[arg(long, value_name = "N")]
    stage: i32,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    context.config.check(crate::config::Purpose::default())?;
    match args.action {
        Action::Import(what) => import(context, what).await?,
        Action::List(args) => list(context, &args).await?,
        Action::Unlock(args) => unlock(context, &args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn import(context: &Context, what: Import) -> Result<(), Failure> {
    let course = match what {
        Import::Mdbook(args) => read_book(args)?,
        Import::Jsonl(args) => read_documents(&args)?,
        Import::Builtin => builtin::read()?,
    };
    let (id, title) = (course.id.clone(), course.title.clone());
    let store = context.open_store().await?;
    let saved = store.save_course(course, context.clock.now()).await?;
    say(&format!("{id} “{title}”: {}", report(saved)))?;
    Ok(())
}

fn report(saved: Saved) -> String {
    let Saved { new, changed, unchanged, gone, written } = saved;
    let what = format!("{new} lessons new, {changed} changed, {unchanged} unchanged, {gone} gone");
    if written { what } else { format!("{what}; nothing to do") }
}

fn read_book(args: MdbookArgs) -> Result<Course, Failure> {
    let path = match args.path {
        Some(path) => path,
        None => rust_book()?,
    };
    let settings = mdbook::Settings {
        course: args.course.as_deref().map(course_id).transpose()?,
        title: args.title,
        stages: args.stages,
    };
    let bar = bar("{bar:40} {pos}/{len} pages");
    let course = mdbook::read(&path, &settings, &|done, total| tell(&bar, done, total));
    bar.finish_and_clear();
    Ok(course?)
}

fn read_documents(args: &JsonlArgs) -> Result<Course, Failure> {
    let id = course_id(&args.course)?;
    let open = |error| Failure::new(format!("cannot read {}: {error}", args.file.display()));
    let file = File::open(&args.file).map_err(open)?;
    let size = file.metadata().map_err(open)?.len();
    let title = args.title.as_deref().unwrap_or(&args.course);
    let bar = bar("{bar:40} {bytes}/{total_bytes}");
    let progress = |done, total| tell(&bar, done, total);
    let course = jsonl::read(BufReader::new(file), size, &id, title, &progress);
    bar.finish_and_clear();
    course.map_err(|error| Failure::new(format!("{}: {error}", args.file.display())))
}

/// A course's id stands in addresses.
fn course_id(text: &str) -> Result<CourseId, Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        return Err(Failure::new(format!(
            "{text:?} cannot be a course's id: use up to 64 of a-z, 0-9, `-`, `_`, `.`"
        )));
    }
    Ok(CourseId::new(text))
}

fn rust_book() -> Result<PathBuf, Failure> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().map_err(|error| {
        Failure::new(format!(
            "cannot ask rustc where its book is ({error}); give the book's folder instead"
        ))
    })?;
    let sysroot = String::from_utf8_lossy(&output.stdout);
    let path = Path::new(sysroot.trim()).join("share/doc/rust/html/book");
    if path.is_dir() {
        return Ok(path);
    }
    Err(Failure::new(format!(
        "this toolchain carries no book ({} is missing): a minimal toolchain lacks it. \
         `rustup component add rust-docs` brings it, or give the folder of another book",
        path.display()
    )))
}

/// Drawn on a terminal only.
fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn tell(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

async fn list(context: &Context, args: &ListArgs) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let (stages, lessons) = (store.stages().await?, store.lessons().await?);
    let courses = store.courses().await?;
    for course in &courses {
        let stages = stages.iter().filter(|row| row.course_id == course.id).count();
        let lessons = lessons.iter().filter(|row| row.course_id == course.id).count();
        let line = if args.json {
            serde_json::json!({
                "id": course.id, "title": course.title, "source": course.source,
                "stages": stages, "lessons": lessons,
            })
            .to_string()
        } else {
            let (id, title, source) = (&course.id, &course.title, &course.source);
            format!("{id}  “{title}”  {stages} stages, {lessons} lessons ({source})")
        };
        say(&line)?;
    }
    if courses.is_empty() && !args.json {
        say("no course yet: `intellistack course import builtin` brings the first")?;
    }
    Ok(())
}

async fn unlock(context: &Context, args: &UnlockArgs) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let course = known_course(&store, &args.course).await?;
    let last = store.stages().await?.into_iter().filter(|row| row.course_id == course);
    let last = last.map(|row| row.number).max().unwrap_or(i32::from(MAX_STAGES));
    let stage = Stage::new(args.stage).filter(|_| args.stage <= last);
    let stage = stage.ok_or_else(|| {
        Failure::new(format!("{course} has the stages 1 to {last}, not {}", args.stage))
    })?;
    let user = match store.user_by_email(&args.email.to_lowercase()).await {
        Err(StoreError::NotFound) => {
            return Err(Failure::new(format!("nobody has the email address {:?}", args.email)));
        }
        user => user?,
    };
    store.unlock(&user.id, &course, stage, context.clock.now()).await?;
    say(&format!("{} may read {course} up to stage {}", user.email, args.stage))?;
    Ok(())
}

/// The id of a stored course, or a failure that says which there are.
pub(super) async fn known_course(store: &Store, id: &str) -> Result<CourseId, Failure> {
    let courses = store.courses().await?;
    if let Some(course) = courses.iter().find(|course| course.id.as_str() == id) {
        return Ok(course.id.clone());
    }
    let known: Vec<&str> = courses.iter().map(|course| course.id.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Failure::new(format!("there is no course {id:?}; there are: {known}")))
}
