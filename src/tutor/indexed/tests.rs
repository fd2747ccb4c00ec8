//! The tutor over the built-in course and the real index: what issue 2 asks to be measured.

use std::fmt::Write as _;

use futures_util::StreamExt;

use super::*;
use crate::{
    domain::{
        chunk::{Size, chunks},
        course::Course,
        hint::{HintState, Level},
        ids::{CourseId, LessonId, SeededIds, ThreadId, TurnId},
        stage::{Allowed, Stage},
    },
    importer::builtin,
    llm::{Extractive, Pace},
    rag::bm25::Bm25,
    tutor::{Author, Question, Tutor, TutorEvent, TutorSettings},
};

async fn indexed(course: &Course) -> Arc<Bm25> {
    let index = Bm25::new();
    let all = course.lessons.iter().flat_map(|lesson| chunks(&course.id, lesson, Size::PASSAGE));
    index.replace(&course.id, all.collect()).await.unwrap();
    index.loaded();
    Arc::new(index)
}

fn guide(index: Arc<Bm25>) -> Tutor {
    let retriever = Arc::new(Indexed::new(index));
    let ids = Arc::new(SeededIds::new(1));
    let model = Arc::new(Extractive::new(Pace::of_ms(0)));
    Tutor::new(model, retriever, ids, TutorSettings::default())
}

fn question(id: &str, text: &str, allowed: Allowed) -> Question {
    Question {
        turn: TurnId::new(id),
        thread: ThreadId::new("thr_1"),
        course: Some(CourseId::new("agree")),
        lesson: None,
        lesson_title: None,
        stage: None,
        block: None,
        block_text: None,
        allowed,
        step: None,
        text: text.into(),
        quote: None,
        hint: HintState::default(),
        history: Vec::new(),
        graded: Vec::new(),
        prefix: String::new(),
        upstream: None,
        attempt: 1,
    }
}

/// The 45 questions that were written beside the course.
fn queries() -> Vec<(String, String)> {
    include_str!("../../../loadtest/course-queries/queries.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(id, text)| (id.to_owned(), text.to_owned()))
        .collect()
}

/// The question, and then an attempt for each step of the ladder.
const TRIES: [&str; 5] = [
    "{}",
    "I think something restarted halfway and forgot its numbers",
    "maybe two machines disagree since their messages arrive late",
    "my guess: nobody waited until the majority had written everything down",
    "because whoever decides first must also tell everyone else somehow",
];

#[derive(Default)]
struct Answer {
    text: String,
    sources: Vec<String>,
    level: u8,
    hint: HintState,
}

async fn ask(tutor: &Tutor, question: Question) -> Answer {
    let mut answer = Answer::default();
    let mut events = tutor.answer(question);
    while let Some(event) = events.next().await {
        match event {
            TutorEvent::Started { hint_level } => answer.level = hint_level,
            TutorEvent::Citations(all) => {
                answer.sources = all.into_iter().map(|source| source.id).collect();
            }
            TutorEvent::Text(text) => answer.text.push_str(&text),
            TutorEvent::Done { hint, .. } => answer.hint = hint,
            other => panic!("{other:?}"),
        }
    }
    answer
}

/// `(quoted sentence, number of its source)` of each quotation.
fn quotations(text: &str) -> Vec<(&str, usize)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("> ")?.rsplit_once(" ["))
        .map(|(words, number)| (words, number.trim_end_matches(']').parse().unwrap()))
        .collect()
}

/// Whether every quotation stands in a block of the lesson that it cites.
fn is_verbatim(course: &Course, answer: &Answer) -> bool {
    quotations(&answer.text).into_iter().all(|(words, number)| {
        let lesson = answer.sources[number - 1].split('#').next().unwrap();
        let lesson = course.lessons.iter().find(|l| l.id.as_str() == lesson).unwrap();
        let has = |body: &str| words.split("____").all(|piece| body.contains(piece));
        lesson.blocks.iter().any(|block| has(&block.body))
    })
}

/// Tutor spec, targets: at least 95 % of the turns end with a question; here all of 45 questions at
/// each of the five levels do, and each answer quotes word for word what it cites.
#[expect(clippy::print_stdout, reason = "the figures, with `--nocapture`")]
#[tokio::test]
async fn every_answer_over_the_built_in_course_quotes_word_for_word_and_ends_with_a_question() {
    let course = builtin::read().unwrap();
    let tutor = guide(indexed(&course).await);
    let mut report = String::new();
    let (mut total, mut asking, mut verbatim, mut right, mut found) = (0, 0, 0, 0, 0);
    for (id, text) in queries() {
        let mut hint = HintState::default();
        let mut history = Vec::new();
        for level in Level::ALL {
            let said = TRIES[usize::from(level.number())].replace("{}", &text);
            let mut asked = question(&id, &said, Allowed::ALL);
            asked.hint = hint;
            asked.history.clone_from(&history);

            let answer = ask(&tutor, asked).await;

            assert_eq!(answer.level, level.number(), "{id}");
            total += 1;
            asking += usize::from(answer.text.ends_with('?'));
            verbatim += usize::from(is_verbatim(&course, &answer));
            if level == Level::Diagnose {
                let cited = quotations(&answer.text).first().map(|(_, n)| &answer.sources[n - 1]);
                let lesson = id.rsplit_once('-').unwrap().0;
                let meant = |id: &String| id.starts_with(&format!("{lesson}#"));
                right += usize::from(cited.is_some_and(meant));
                found += usize::from(answer.sources.first().is_some_and(meant));
            }
            writeln!(report, "\n##### {id} L{}: {said}\n{}", level.number(), answer.text).unwrap();
            history.push((Author::User, said));
            history.push((Author::Assistant, answer.text));
            hint = answer.hint;
        }
    }
    println!("{report}");
    println!(
        "{total} answers, {asking} end with a question, {verbatim} quote word for word; the first \
         quotation is from the lesson that was meant in {right} of 45, the first passage in {found}"
    );

    assert_eq!((total, asking, verbatim), (225, 225, 225));
    // The sentences are as well chosen as the passages: the guide adds no misses of its own.
    assert!(right >= found, "{right} against {found} of 45");
}

#[tokio::test]
async fn the_same_questions_get_the_same_answers_on_another_server() {
    let course = builtin::read().unwrap();
    let (one, other) = (guide(indexed(&course).await), guide(indexed(&course).await));

    for (id, text) in queries() {
        let asked = question(&id, &text, Allowed::ALL);
        let (first, second) = (ask(&one, asked.clone()).await, ask(&other, asked).await);
        assert_eq!(first.text, second.text, "{id}");
        assert_eq!(first.sources, second.sources, "{id}");
    }
}

#[tokio::test]
async fn a_learner_of_the_first_stage_gets_nothing_of_the_others() {
    let course = builtin::read().unwrap();
    let tutor = guide(indexed(&course).await);
    let first: Vec<&str> = course
        .lessons
        .iter()
        .filter(|lesson| lesson.stage == Stage::FIRST)
        .map(|lesson| lesson.id.as_str())
        .collect();

    for (id, text) in queries() {
        let answer = ask(&tutor, question(&id, &text, Allowed::up_to(Stage::FIRST))).await;

        for source in answer.sources {
            let lesson = source.split('#').next().unwrap();
            assert!(first.contains(&lesson), "{id} cites {source}");
        }
    }
}

#[tokio::test]
async fn a_citation_leads_to_a_block_of_its_lesson() {
    let course = builtin::read().unwrap();
    let tutor = guide(indexed(&course).await);

    for (id, text) in queries() {
        let answer = ask(&tutor, question(&id, &text, Allowed::ALL)).await;

        assert!(!answer.sources.is_empty(), "{id}");
        for source in answer.sources {
            let (lesson, block) = source.split_once('#').unwrap();
            let lesson = LessonId::new(lesson);
            let lesson = course.lessons.iter().find(|l| l.id == lesson).unwrap();
            assert!(lesson.blocks.iter().any(|b| b.id.as_str() == block), "{id} cites {source}");
        }
    }
}
