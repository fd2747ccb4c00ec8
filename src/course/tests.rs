use super::*;
use crate::{
    domain::{
        clock::{ManualClock, Millis},
        course::BlockKind,
    },
    rag::{Query, bm25::Bm25},
    store::{
        contract::on_lite,
        sample::{course, insert_user},
    },
};

/// Courses over a real store and index, with a sample course "c" of three stages.
pub(crate) struct Bench {
    pub(crate) courses: Courses,
    pub(crate) store: Arc<Store>,
    pub(crate) index: Arc<Bm25>,
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let (store, folder) = on_lite().await;
        let bench = Self::over(Arc::new(store), folder);
        for name in ["ada", "eve"] {
            insert_user(&bench.store, name).await;
        }
        bench.courses.save(course("c", &["one", "two", "three"])).await.unwrap();
        bench
    }

    fn over(store: Arc<Store>, folder: tempfile::TempDir) -> Self {
        let index = Arc::new(Bm25::new());
        let shared: Arc<dyn Index> = Arc::<Bm25>::clone(&index);
        let clock = Arc::new(ManualClock::at(Millis(7)));
        let courses = Courses::new(Arc::clone(&store), shared, clock);
        Self { courses, store, index, folder }
    }

    async fn pass(&self, name: &str, stage: i32) -> QuizResult {
        self.answer(name, stage, 1).await.unwrap()
    }

    /// Gives the same option to all four questions of the sample's stage.
    async fn answer(&self, name: &str, stage: i32, option: u32) -> Result<QuizResult, CourseError> {
        let answers = (1..=4).map(|n| (format!("c-{stage}-{n}"), option)).collect();
        let (user, id) = (UserId::new(name), CourseId::new("c"));
        self.courses.submit(&user, Role::Student, (&id, stage), &answers).await
    }

    async fn lesson(
        &self,
        name: &str,
        role: Role,
        lesson: &str,
    ) -> Result<LessonView, CourseError> {
        let (user, id) = (UserId::new(name), CourseId::new("c"));
        self.courses.lesson(&user, role, &id, &LessonId::new(lesson)).await
    }

    fn found(&self, text: &str, allowed: Allowed) -> usize {
        let (text, course) = (text.to_owned(), Some(CourseId::new("c")));
        self.index.find(&Query { text, vector: None, course, allowed, limit: 10 }).len()
    }
}

fn ada() -> UserId {
    UserId::new("ada")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_says_nothing_of_locked_stages() {
    let bench = Bench::new().await;

    let list = bench.courses.list(&ada(), Role::Student).await.unwrap();

    let text = serde_json::to_string(&list).unwrap();
    assert!(text.contains("Lesson one") && text.contains("Stage 1"), "{text}");
    for hidden in ["two", "three", "Stage 2", "Stage 3"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    assert_eq!(list[0].unlocked, 1);
    assert!(list[0].stages[0].has_quiz);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_every_stage() {
    let bench = Bench::new().await;

    let list = bench.courses.list(&ada(), Role::Instructor).await.unwrap();

    assert_eq!((list[0].unlocked, list[0].lessons.len(), list[0].stages.len()), (3, 3, 3));
    assert!(bench.lesson("ada", Role::Admin, "three").await.is_ok());
    assert_eq!(bench.store.enrolment(&ada(), &CourseId::new("c")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_lesson_and_one_that_does_not_exist_are_refused_alike() {
    let bench = Bench::new().await;
    let student = Role::Student;

    for lesson in ["two", "three", "none"] {
        let refused = bench.lesson("ada", student, lesson).await;
        assert!(matches!(refused, Err(CourseError::StageLocked)), "{lesson}");
    }
    let none = CourseId::new("none");
    let refused = bench.courses.lesson(&ada(), student, &none, &LessonId::new("one")).await;
    assert!(matches!(refused, Err(CourseError::StageLocked)));
    assert_eq!(bench.store.enrolments_of(&ada()).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_shows_its_blocks_and_no_locked_neighbour_and_enrols_its_reader() {
    let bench = Bench::new().await;

    let one = bench.lesson("ada", Role::Student, "one").await.unwrap();

    assert_eq!((one.previous, one.next), (None, None));
    let kinds: Vec<_> = one.blocks.iter().map(|block| block.kind.as_str()).collect();
    assert_eq!(kinds, [BlockKind::Heading.as_str(), BlockKind::Paragraph.as_str()]);
    assert_eq!(one.blocks[1].html, "<p>The lesson one says so.</p>");
    let stages = bench.courses.stages_of(&ada(), Role::Student).await.unwrap();
    assert_eq!(stages, BTreeMap::from([(CourseId::new("c"), 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_a_quiz_opens_the_next_stage_for_good_and_for_her_alone() {
    let bench = Bench::new().await;
    bench.lesson("ada", Role::Student, "one").await.unwrap();

    let failed = bench.answer("ada", 1, 0).await.unwrap();
    assert_eq!((failed.passed, failed.correct, failed.needed, failed.unlocked), (false, 0, 3, 1));
    assert!(bench.lesson("ada", Role::Student, "two").await.is_err());

    let passed = bench.pass("ada", 1).await;
    assert_eq!((passed.passed, passed.correct, passed.total, passed.unlocked), (true, 4, 4, 2));
    assert_eq!(passed.results["c-1-2"].explanation, "It is yes, for the reason 2.");
    let two = bench.lesson("ada", Role::Student, "two").await.unwrap();
    assert_eq!(two.previous.unwrap().id, LessonId::new("one"));
    assert_eq!(two.next, None);

    assert_eq!(bench.answer("ada", 1, 0).await.unwrap().unlocked, 2);
    assert!(bench.lesson("eve", Role::Student, "two").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiz_shows_no_answer_and_a_locked_one_is_refused() {
    let bench = Bench::new().await;
    let id = CourseId::new("c");

    let quiz = bench.courses.quiz(&ada(), Role::Student, &id, 1).await.unwrap();
    let text = serde_json::to_string(&quiz).unwrap();
    assert_eq!(quiz.questions.len(), 4);
    for hidden in ["answer", "forms", "explanation", "reason"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    for stage in [2, 3, 4, 0, -1, 65] {
        let refused = bench.courses.quiz(&ada(), Role::Student, &id, stage).await;
        assert!(matches!(refused, Err(CourseError::StageLocked)), "{stage}");
        let refused = bench.answer("ada", stage, 1).await;
        assert!(matches!(refused, Err(CourseError::StageLocked)), "{stage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_without_a_quiz_has_none_to_show() {
    let bench = Bench::new().await;
    bench.pass("ada", 1).await;

    let refused = bench.courses.quiz(&ada(), Role::Student, &CourseId::new("c"), 2).await;
    assert!(matches!(refused, Err(CourseError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_question_is_read_from_the_store_if_it_is_open() {
    let bench = Bench::new().await;
    let (id, one) = (CourseId::new("c"), LessonId::new("one"));
    let blocks = bench.store.blocks_of(&id, &one).await.unwrap();
    let page = async |lesson: &str, block: Option<&BlockId>| {
        let lesson = LessonId::new(lesson);
        bench.courses.page(&ada(), Role::Student, (&id, &lesson), block).await
    };

    let open = page("one", Some(&blocks[1].id)).await.unwrap();
    assert_eq!(open.block_text.as_deref(), Some("The lesson one says so."));
    assert_eq!((open.lesson_title.as_str(), open.stage), ("Lesson one", Stage::FIRST));
    assert_eq!(open.allowed, Allowed::up_to(Stage::FIRST));
    assert_eq!(page("one", Some(&BlockId::new("none"))).await.unwrap().block_text, None);
    for lesson in ["two", "none"] {
        assert!(matches!(page(lesson, None).await, Err(CourseError::StageLocked)), "{lesson}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_course_allows_nothing() {
    let bench = Bench::new().await;
    let none = CourseId::new("none");

    assert_eq!(bench.courses.allowed(&ada(), Role::Student, &none).await.unwrap(), Allowed::NONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_follows_what_is_stored() {
    let bench = Bench::new().await;
    assert_eq!(bench.found("lesson two", Allowed::ALL), 3);
    assert_eq!(bench.found("two", Allowed::up_to(Stage::FIRST)), 0);

    // As the command line does it, beside the running server.
    bench.store.save_course(course("c", &["ladder"]), Millis(8)).await.unwrap();
    assert_eq!(bench.found("ladder", Allowed::ALL), 0);
    bench.courses.reload(&CourseId::new("c")).await.unwrap();
    assert_eq!(bench.found("ladders", Allowed::ALL), 1);
    bench.courses.reload(&CourseId::new("none")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_finds_what_was_stored_and_is_ready_then() {
    let Bench { store, folder, .. } = Bench::new().await;
    let restarted = Bench::over(store, folder);

    assert!(!restarted.index.ready());
    restarted.courses.load_index().await.unwrap();
    assert!(restarted.index.ready());
    assert_eq!(restarted.found("three", Allowed::ALL), 1);
}
