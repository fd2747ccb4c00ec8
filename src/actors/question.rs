//! What the tutor must know to answer a turn: the learner's words, where she is, what is open to
//! her, and what was said before. Names come from the client; texts come from the store.

use super::turn::Bench;
use crate::{
    domain::{ids::BlockId, live::request::Page},
    llm::Author,
    store::{StoreError, threads::ThreadRow, turns::TurnRow},
    tutor::Question,
};

/// Messages of the thread that the tutor is reminded of.
const HISTORY: i64 = 20;

pub(super) async fn build(
    bench: &Bench,
    turn: &TurnRow,
    thread: &ThreadRow,
    prefix: &str,
) -> Result<Question, StoreError> {
    let user = bench.store.user(&turn.user_id).await?;
    let page: Option<Page> = turn.page.as_deref().map(serde_json::from_str).transpose()?;
    let (course, lesson, block) = match page {
        Some(page) => (Some(page.course), page.lesson, page.block.map(BlockId::new)),
        None => (thread.course_id.clone(), thread.lesson_id.clone(), None),
    };
    let (mut allowed, mut lesson_title, mut block_text) = Default::default();
    if let Some(course) = &course {
        allowed = bench.courses.allowed(&user.id, user.role, course).await?;
        if let Some(lesson) = &lesson {
            let in_view =
                bench.courses.in_view(course, lesson, block.as_ref(), allowed).await?;
            (lesson_title, block_text) = in_view.unzip();
        }
    }
    let rows = bench.store.items_before(&thread.id, turn.message_seq, HISTORY).await?;
    let history = rows
        .into_iter()
        .map(|row| {
            let author =
                if row.kind == "user_message" { Author::User } else { Author::Assistant };
            (author, row.text)
        })
        .collect();
    Ok(Question {
        turn: turn.id.clone(),
        thread: thread.id.clone(),
        course,
        lesson,
        block_text,
        lesson_title,
        allowed,
        text: turn.question.clone(),
        quote: turn.quote.clone(),
        hint: serde_json::from_str(&thread.hint).unwrap_or_default(),
        history,
        prefix: prefix.to_owned(),
        attempt: u32::try_from(turn.attempt).unwrap_or(1),
    })
}
