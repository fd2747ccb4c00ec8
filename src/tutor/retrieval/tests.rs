use std::{collections::BTreeSet, sync::Mutex};

use super::*;
use crate::{
    domain::{
        hint::HintState,
        ids::{BlockId, LessonId, ThreadId, TurnId},
        words::stems,
    },
    tutor::Author,
};

/// A few passages on a shelf, scored by the words they share with the search.
#[derive(Default)]
pub(in crate::tutor) struct Shelf {
    pub passages: Vec<Passage>,
    pub is_away: bool,
    pub is_filling: bool,
    pub searches: Mutex<Vec<Search>>,
}

#[async_trait]
impl Retriever for Shelf {
    fn ready(&self) -> bool {
        !self.is_filling
    }

    async fn search(&self, search: &Search) -> Result<Vec<Passage>, RetrievalError> {
        self.searches.lock().unwrap().push(search.clone());
        if self.is_away {
            return Err(RetrievalError("by test".to_owned()));
        }
        let asked: BTreeSet<String> = stems(&search.text).into_iter().collect();
        let open = |p: &&Passage| {
            Stage::new(i32::from(p.stage)).is_some_and(|stage| search.allowed.contains(stage))
        };
        let mut found: Vec<Passage> = self.passages.iter().filter(open).cloned().collect();
        for passage in &mut found {
            let shared = stems(&passage.text).iter().filter(|stem| asked.contains(*stem)).count();
            passage.score = f32::from(u8::try_from(shared).unwrap());
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(search.limit);
        Ok(found)
    }
}

pub(in crate::tutor) fn passage(id: &str, stage: u8, text: &str) -> Passage {
    let title = id.split('#').next().unwrap().to_owned();
    Passage { id: id.into(), title, stage, score: 1.0, text: text.into() }
}

pub(in crate::tutor) fn shelf() -> Shelf {
    let passages = vec![
        passage(
            "clocks#b1",
            1,
            "The wall clock is corrected now and then, so it can jump backwards. The monotonic \
             clock counts up and never returns. Its value means nothing on another machine.",
        ),
        passage("quorums#b1", 4, "A quorum is a majority of the members. Locked words stay here."),
    ];
    Shelf { passages, ..Shelf::default() }
}

pub(in crate::tutor) fn question(text: &str) -> Question {
    Question {
        turn: TurnId::new("trn_1"),
        thread: ThreadId::new("thr_1"),
        course: Some(CourseId::new("agree")),
        lesson: Some(LessonId::new("clocks")),
        lesson_title: Some("Clocks".into()),
        stage: Some(1),
        block: Some(BlockId::new("b7")),
        block_text: Some("Quartz drifts with temperature, by parts in a million.".into()),
        allowed: Allowed::up_to(Stage::FIRST),
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

async fn found(shelf: &Shelf, question: &Question) -> Found {
    look_up(shelf, question, &about(question), &TutorSettings::default()).await
}

fn ids(found: &Found) -> Vec<&str> {
    found.passages.iter().map(|passage| passage.id.as_str()).collect()
}

#[tokio::test]
async fn the_passage_comes_first_and_the_block_in_view_goes_along() {
    let found = found(&shelf(), &question("can the monotonic clock jump backwards?")).await;

    assert_eq!(ids(&found), ["clocks#b1", "clocks#b7"]);
    assert!(found.on_topic && !found.degraded);
}

#[tokio::test]
async fn what_was_selected_makes_the_block_in_view_the_first_passage() {
    let asked = Question { quote: Some("Quartz drifts".into()), ..question("why is that so?") };
    let shelf = shelf();

    let found = found(&shelf, &asked).await;

    assert_eq!(ids(&found)[0], "clocks#b7");
    assert!(shelf.searches.lock().unwrap()[0].text.contains("Quartz drifts"));
}

#[tokio::test]
async fn without_the_index_the_lesson_in_view_has_to_do() {
    for shelf in [Shelf { is_away: true, ..shelf() }, Shelf { is_filling: true, ..shelf() }] {
        let found = found(&shelf, &question("is a majority of members a quorum?")).await;

        assert_eq!(ids(&found), ["clocks#b7"]);
        assert!(found.degraded && found.on_topic);
    }
}

#[tokio::test]
async fn a_question_that_no_passage_shares_a_word_with_is_off_topic() {
    let found = found(&shelf(), &question("best pizza restaurant in town?")).await;

    assert!(!found.on_topic);
}

#[tokio::test]
async fn a_short_question_is_searched_with_the_one_before() {
    let history = vec![
        (Author::User, "why can the wall clock jump backwards?".to_owned()),
        (Author::Assistant, "What do you think?".to_owned()),
    ];
    let asked = Question { history, ..question("another hint") };

    assert!(about(&asked).contains("wall clock"));
    assert_eq!(found(&shelf(), &asked).await.passages.len(), 2);
}

#[test]
fn an_attempt_is_about_the_question_that_it_tries_to_answer() {
    let user = |text: &str| (Author::User, text.to_owned());
    let history = vec![
        user("what is a quorum of five members?"),
        user("why can the wall clock jump backwards?"),
        (Author::Assistant, "What do you think?".to_owned()),
        user("I think somebody corrected it while my program ran"),
    ];
    let with = |text: &str| about(&Question { history: history.clone(), ..question(text) });

    let tried = with("maybe the daemon steps it every hour");
    assert_eq!(tried.matches("wall clock jump backwards?").count(), 2, "{tried}");
    assert!(tried.ends_with("every hour") && !tried.contains("quorum"));
    assert_eq!(with("how large is a majority of members?"), "how large is a majority of members?");
}

#[tokio::test]
async fn without_a_course_a_learner_reaches_the_first_stage_alone() {
    let far = Allowed::up_to(Stage::new(4).unwrap());
    let asked = Question { course: None, allowed: far, ..question("what is a quorum of members?") };
    let shelf = shelf();

    let found = found(&shelf, &asked).await;

    assert_eq!(shelf.searches.lock().unwrap()[0].allowed, Allowed::up_to(Stage::FIRST));
    assert!(!ids(&found).contains(&"quorums#b1"));
}

#[tokio::test]
async fn a_block_of_a_locked_stage_is_not_in_view() {
    let asked = Question { stage: Some(3), ..question("why is that?") };

    assert_eq!(ids(&found(&shelf(), &asked).await), Vec::<&str>::new());
}

#[test]
fn passages_stay_within_their_number_and_bytes() {
    let long = "A sentence of some length stands here. ".repeat(60);
    let passages: Vec<Passage> = (0..12).map(|n| passage(&format!("l#{n}"), 1, &long)).collect();
    let settings = TutorSettings::default();

    let kept = within(passages, &settings);

    assert_eq!(kept.len(), 3);
    assert!(kept.iter().map(|p| p.text.len()).sum::<usize>() <= settings.passage_bytes);
    assert!(kept[2].text.ends_with("here."));
}
