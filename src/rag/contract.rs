//! What every index must keep, run on each twin.

use super::{Chunk, Query};
use crate::domain::{
    ids::{BlockId, CourseId, LessonId},
    stage::{Allowed, Stage},
};

/// A chunk of the course "c" in a lesson of the same name, whose title is the one term "t".
pub(super) fn chunk(id: &str, stage: i32, text: &str) -> Chunk {
    Chunk {
        id: id.to_owned(),
        course: CourseId::new("c"),
        stage: Stage::new(stage).unwrap(),
        lesson: LessonId::new(id),
        lesson_title: "t".to_owned(),
        heading: String::new(),
        blocks: vec![BlockId::new(format!("b-{id}"))],
        text: text.to_owned(),
    }
}

pub(super) fn query(text: &str, allowed: Allowed) -> Query {
    let course = Some(CourseId::new("c"));
    Query { text: text.to_owned(), vector: None, course, allowed, limit: 10 }
}

/// Names and scores, which is all that a reader could tell two answers apart by.
pub(super) fn told(hits: &[super::Hit]) -> Vec<(String, f32)> {
    hits.iter().map(|hit| (hit.chunk.id.clone(), hit.score)).collect()
}

macro_rules! contract {
    ($make:expr) => {
        mod contract {
            use super::*;
            use $crate::{
                domain::stage::{Allowed, Stage},
                rag::contract::{chunk, query, told},
            };

            fn up_to(stage: i32) -> Allowed {
                Allowed::up_to(Stage::new(stage).unwrap())
            }

            fn open_stages() -> Vec<Chunk> {
                vec![
                    chunk("one", 1, "A clock drifts and a clock jumps."),
                    chunk("two", 2, "A log is copied to the followers, clock or no clock."),
                ]
            }

            #[tokio::test]
            async fn the_passage_about_the_question_comes_first() {
                let index = $make.await;
                index.replace(&CourseId::new("c"), open_stages()).await.unwrap();

                let hits = index.search(&query("copying logs", Allowed::ALL)).await.unwrap();

                assert_eq!(hits.len(), 1);
                assert_eq!(hits[0].chunk.id, "two");
            }

            #[tokio::test]
            async fn nothing_of_a_locked_stage_is_found_however_well_it_fits() {
                let index = $make.await;
                index.replace(&CourseId::new("c"), open_stages()).await.unwrap();

                let hits = index.search(&query("followers clock", up_to(1))).await.unwrap();
                let none = index.search(&query("followers clock", Allowed::NONE)).await.unwrap();

                assert_eq!(hits.iter().map(|h| h.chunk.id.as_str()).collect::<Vec<_>>(), ["one"]);
                assert!(none.is_empty());
            }

            #[tokio::test]
            async fn a_locked_stage_more_changes_no_score() {
                let index = $make.await;
                let course = CourseId::new("c");
                index.replace(&course, open_stages()).await.unwrap();
                let ask = query("clock followers log", up_to(2));
                let before = told(&index.search(&ask).await.unwrap());

                let mut more = open_stages();
                more.extend((0..50).map(|n| chunk(&format!("l{n}"), 3, "Clock, log, clock, log.")));
                index.replace(&course, more).await.unwrap();

                assert_eq!(told(&index.search(&ask).await.unwrap()), before);
                assert_eq!(before.len(), 2);
            }

            #[tokio::test]
            async fn a_course_is_searched_alone_and_all_are_searched_together() {
                let index = $make.await;
                index.replace(&CourseId::new("c"), open_stages()).await.unwrap();
                let other = vec![chunk("other", 1, "A clock in another course.")];
                index.replace(&CourseId::new("d"), other).await.unwrap();

                let alone = index.search(&query("clock", up_to(1))).await.unwrap();
                let every = Query { course: None, ..query("clock", up_to(1)) };
                let together = index.search(&every).await.unwrap();

                assert_eq!(alone.len(), 1);
                assert_eq!(together.len(), 2);
            }

            #[tokio::test]
            async fn a_replaced_course_has_none_of_its_old_passages_and_a_removed_one_none() {
                let index = $make.await;
                let course = CourseId::new("c");
                index.replace(&course, open_stages()).await.unwrap();
                index.replace(&course, vec![chunk("new", 1, "A ladder.")]).await.unwrap();
                let ask = |text| query(text, Allowed::ALL);

                assert!(index.search(&ask("clock")).await.unwrap().is_empty());
                assert_eq!(index.search(&ask("ladders")).await.unwrap().len(), 1);
                index.remove(&course).await.unwrap();
                assert!(index.search(&ask("ladders")).await.unwrap().is_empty());
            }

            #[tokio::test]
            async fn the_best_of_many_are_given_and_ties_stand_in_reading_order() {
                let index = $make.await;
                let many = (0..30).map(|n| chunk(&format!("n{n:02}"), 1, "same words")).collect();
                index.replace(&CourseId::new("c"), many).await.unwrap();

                let three = Query { limit: 3, ..query("words", Allowed::ALL) };
                let hits = index.search(&three).await.unwrap();

                let ids: Vec<_> = hits.iter().map(|hit| hit.chunk.id.as_str()).collect();
                assert_eq!(ids, ["n00", "n01", "n02"]);
            }

            #[tokio::test]
            async fn a_question_of_stop_words_finds_nothing() {
                let index = $make.await;
                index.replace(&CourseId::new("c"), open_stages()).await.unwrap();

                assert!(index.search(&query("is it?", Allowed::ALL)).await.unwrap().is_empty());
            }

            #[tokio::test]
            async fn an_index_is_ready_once_every_course_is_in() {
                let index = $make.await;

                assert!(!index.ready());
                index.loaded();
                assert!(index.ready());
            }
        }
    };
}
pub(super) use contract;
