//! What the tutor must know to answer a turn: the learner's words, where she is, what is open to
//! her, and what was said before. Names come from the client; texts come from the store.

use super::turn::Bench;
use crate::{
    course::CourseError,
    domain::{
        hint::Step, ids::BlockId, intent::GradedItem, live::request::Page, quiz::QuizItem,
        stage::Allowed,
    },
    llm::Author,
    store::{
        StoreError,
        threads::ThreadRow,
        turns::{HINT, REGENERATE, TurnRow},
    },
    tutor::Question,
};

/// Messages of the thread that the tutor is reminded of.
const HISTORY: i64 = 20;

/// The page that the question was asked from.
#[derive(Default)]
struct View {
    allowed: Allowed,
    title: Option<String>,
    stage: Option<u8>,
    block_text: Option<String>,
    graded: Vec<GradedItem>,
}

pub(super) async fn build(
    bench: &Bench,
    turn: &TurnRow,
    thread: &ThreadRow,
    prefix: &str,
) -> Result<Question, CourseError> {
    let user = bench.store.user(&turn.user_id).await?;
    let page: Option<Page> =
        turn.page.as_deref().map(serde_json::from_str).transpose().map_err(StoreError::from)?;
    let (course, lesson, block) = match page {
        Some(page) => (Some(page.course), page.lesson, page.block.map(BlockId::new)),
        None => (thread.course_id.clone(), thread.lesson_id.clone(), None),
    };
    let mut view = View::default();
    if let Some(course) = &course {
        view.allowed = bench.courses.allowed(&user.id, user.role, course).await?;
        let items = bench.courses.open_items(course, view.allowed).await?;
        let graded = |QuizItem { id, prompt, options, .. }| GradedItem { id, prompt, options };
        view.graded = items.into_iter().map(graded).collect();
        if let Some(lesson) = &lesson {
            let place = (course, lesson);
            // A lesson that was locked or removed meanwhile: answered without it.
            if let Ok(page) = bench.courses.page(&user.id, user.role, place, block.as_ref()).await {
                view.title = Some(page.lesson_title);
                view.stage = Some(page.stage.number());
                view.block_text = page.block_text;
            }
        }
    }
    // A hint goes on behind the answers that the question has had; the answer that is replaced
    // does not stand any more.
    let from = turn.first_seq();
    let rows = bench.store.items_before(&thread.id, from, from, HISTORY).await?;
    let history = rows
        .into_iter()
        .filter(|row| row.id != turn.question_item)
        .map(|row| {
            let author = if row.kind == "user_message" { Author::User } else { Author::Assistant };
            (author, row.text)
        })
        .collect();
    Ok(Question {
        turn: turn.id.clone(),
        thread: thread.id.clone(),
        course,
        lesson,
        lesson_title: view.title,
        stage: view.stage,
        block,
        block_text: view.block_text,
        allowed: view.allowed,
        text: turn.question.clone(),
        step: step(turn),
        quote: turn.quote.clone(),
        hint: serde_json::from_str(&thread.hint).unwrap_or_default(),
        history,
        graded: view.graded,
        prefix: prefix.to_owned(),
        upstream: turn.upstream.clone(),
        attempt: u32::try_from(turn.attempt).unwrap_or(1),
    })
}

/// What a turn that answers again counts as on the hint ladder; the others are read for it.
fn step(turn: &TurnRow) -> Option<Step> {
    match turn.kind.as_str() {
        HINT => Some(Step::Hint),
        REGENERATE => Some(Step::Stay),
        _ => None,
    }
}
