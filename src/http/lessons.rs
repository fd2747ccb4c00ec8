//! `/api/v1/courses`: what a learner reads, and the quizzes that open more of it.

use std::collections::BTreeMap;

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    error::ApiError,
    extract::{Learner, SignedIn},
    methods::reading,
    openapi::ErrorBody,
};
use crate::{
    auth::Identity,
    course::{CourseView, Courses, LessonView, QuizResult, QuizView},
    domain::{
        ids::{CourseId, LessonId},
        role::Role,
    },
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/courses", reading().to(list))
        .route("/courses/{course}/lessons/{lesson}", reading().to(lesson))
        .route("/courses/{course}/stages/{stage}/quiz", reading().to(quiz))
        .route("/courses/{course}/stages/{stage}/quiz", web::post().to(submit));
}

#[derive(OpenApi)]
#[openapi(paths(list, lesson, quiz, submit))]
pub(in crate::http) struct Docs;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CourseList)]
struct ListBody {
    courses: Vec<CourseView>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = QuizAnswers)]
#[serde(deny_unknown_fields)]
struct SubmitBody {
    /// Item to the number of the chosen option, from 0.
    answers: BTreeMap<String, u32>,
}

/// Staff read every stage; a token that was not given staff rights reads as a student.
fn role_of(who: &Identity) -> Role {
    if who.is_staff() { who.user.role } else { Role::Student }
}

/// Unverified people may see what there is.
#[utoipa::path(
    get,
    path = "/courses",
    operation_id = "listCourses",
    tag = "courses",
    summary = "The courses, with the stages that are open to the caller",
    responses(
        (status = 200, description = "The courses", body = ListBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn list(who: SignedIn, courses: Data<Courses>) -> Result<Json<ListBody>, ApiError> {
    let courses = courses.list(&who.user.id, role_of(&who)).await?;
    Ok(Json(ListBody { courses }))
}

#[utoipa::path(
    get,
    path = "/courses/{course}/lessons/{lesson}",
    operation_id = "readLesson",
    tag = "courses",
    summary = "A lesson of an open stage",
    params(("course" = String, Path), ("lesson" = String, Path)),
    responses(
        (status = 200, description = "The lesson", body = LessonView),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn lesson(
    who: Learner,
    courses: Data<Courses>,
    path: Path<(CourseId, LessonId)>,
) -> Result<Json<LessonView>, ApiError> {
    let (course, lesson) = path.into_inner();
    Ok(Json(courses.lesson(&who.user.id, role_of(&who), &course, &lesson).await?))
}

#[utoipa::path(
    get,
    path = "/courses/{course}/stages/{stage}/quiz",
    operation_id = "readQuiz",
    tag = "courses",
    summary = "The quiz of an open stage, without its answers",
    params(("course" = String, Path), ("stage" = u8, Path)),
    responses(
        (status = 200, description = "The quiz", body = QuizView),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn quiz(
    who: Learner,
    courses: Data<Courses>,
    path: Path<(CourseId, i32)>,
) -> Result<Json<QuizView>, ApiError> {
    let (course, stage) = path.into_inner();
    Ok(Json(courses.quiz(&who.user.id, role_of(&who), &course, stage).await?))
}

#[utoipa::path(
    post,
    path = "/courses/{course}/stages/{stage}/quiz",
    operation_id = "submitQuiz",
    tag = "courses",
    summary = "Answers a quiz; a pass opens the next stage",
    params(("course" = String, Path), ("stage" = u8, Path)),
    request_body = SubmitBody,
    responses(
        (status = 200, description = "How it went", body = QuizResult),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn submit(
    who: Learner,
    courses: Data<Courses>,
    path: Path<(CourseId, i32)>,
    body: Json<SubmitBody>,
) -> Result<Json<QuizResult>, ApiError> {
    let (course, stage) = path.into_inner();
    let answers = body.into_inner().answers;
    Ok(Json(courses.submit(&who.user.id, role_of(&who), (&course, stage), &answers).await?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{App, test};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        auth::tests::{Bench, PAGE},
        domain::clock::{ManualClock, SharedClock},
        rag::bm25::Bm25,
        store::sample::course,
    };

    /// A school with the course "c" (lessons one, two, three in stages of their own).
    struct School {
        bench: Bench,
        courses: Arc<Courses>,
    }

    impl School {
        async fn new() -> Self {
            let bench = Bench::new().await;
            let clock: SharedClock = Arc::<ManualClock>::clone(&bench.clock);
            let courses =
                Arc::new(Courses::new(Arc::clone(&bench.store), Arc::new(Bm25::new()), clock));
            courses.save(course("c", &["one", "two", "three"])).await.unwrap();
            Self { bench, courses }
        }

        async fn token(&self, name: &str, role: Role) -> String {
            self.bench.signed_in_with_token(name, role).await.1
        }

        /// Asks as the owner of `token`: `GET /path`, or `POST /path` with a body.
        async fn ask(&self, token: &str, what: &str, body: Option<Value>) -> (u16, Value) {
            let app = App::new()
                .app_data(Data::from(Arc::clone(&self.bench.auth)))
                .app_data(Data::from(Arc::clone(&self.courses)))
                .configure(crate::http::routes(crate::config::Roles::ALL));
            let app = test::init_service(app).await;
            let (method, path) = what.split_once(' ').unwrap();
            let mut request = test::TestRequest::default()
                .method(method.parse().unwrap())
                .uri(&format!("/api/v1{path}"))
                .insert_header(("origin", PAGE));
            if !token.is_empty() {
                request = request.insert_header(("authorization", format!("Bearer {token}")));
            }
            if let Some(body) = body {
                request = request.set_json(body);
            }
            let response = test::call_service(&app, request.to_request()).await;
            let status = response.status().as_u16();
            (status, test::read_body_json(response).await)
        }
    }

    fn code(body: &Value) -> &str {
        body["error"]["code"].as_str().unwrap_or_default()
    }

    fn all(option: u32) -> Value {
        let answers: BTreeMap<String, u32> =
            (1..=4).map(|n| (format!("c-1-{n}"), option)).collect();
        json!({ "answers": answers })
    }

    #[actix_web::test]
    async fn a_student_lists_and_reads_what_is_open() {
        let school = School::new().await;
        let ada = school.token("ada", Role::Student).await;

        let (status, list) = school.ask(&ada, "GET /courses", None).await;
        assert_eq!(status, 200);
        insta::assert_json_snapshot!(list, @r#"
        {
          "courses": [
            {
              "description": "For tests.",
              "id": "c",
              "lessons": [
                {
                  "id": "one",
                  "stage": 1,
                  "title": "Lesson one"
                }
              ],
              "stages": [
                {
                  "has_quiz": true,
                  "number": 1,
                  "title": "Stage 1"
                }
              ],
              "title": "Course c",
              "unlocked": 1
            }
          ]
        }
        "#);
        let (status, lesson) = school.ask(&ada, "GET /courses/c/lessons/one", None).await;
        assert_eq!(status, 200);
        insta::assert_json_snapshot!(lesson, @r#"
        {
          "blocks": [
            {
              "html": "<h2>About one</h2>",
              "id": "about-one-9d2b07b5a3",
              "kind": "heading"
            },
            {
              "html": "<p>The lesson one says so.</p>",
              "id": "about-one-0b2d936a03",
              "kind": "paragraph"
            }
          ],
          "course": "c",
          "id": "one",
          "next": null,
          "previous": null,
          "stage": 1,
          "title": "Lesson one"
        }
        "#);
    }

    /// Issue 2, "To show": a locked stage's lesson.
    #[actix_web::test]
    async fn a_locked_stages_lesson_and_quiz_are_refused_as_is_what_does_not_exist() {
        let school = School::new().await;
        let ada = school.token("ada", Role::Student).await;

        for path in ["lessons/two", "lessons/none", "stages/2/quiz", "stages/9/quiz"] {
            let (status, body) = school.ask(&ada, &format!("GET /courses/c/{path}"), None).await;
            assert_eq!((status, code(&body)), (403, "stage_locked"), "{path}");
        }
        let (status, body) = school.ask(&ada, "GET /courses/none/lessons/one", None).await;
        assert_eq!((status, code(&body)), (403, "stage_locked"));
        let (status, body) = school.ask(&ada, "POST /courses/c/stages/2/quiz", Some(all(1))).await;
        assert_eq!((status, code(&body)), (403, "stage_locked"));
    }

    #[actix_web::test]
    async fn a_passed_quiz_opens_the_next_stage() {
        let school = School::new().await;
        let ada = school.token("ada", Role::Student).await;

        let (status, quiz) = school.ask(&ada, "GET /courses/c/stages/1/quiz", None).await;
        assert_eq!((status, quiz["questions"].as_array().unwrap().len()), (200, 4));
        assert_eq!(
            quiz["questions"][0],
            json!({"id": "c-1-1", "prompt": "Question 1?", "options": ["no", "yes", "perhaps", "never"]})
        );
        let (_, failed) = school.ask(&ada, "POST /courses/c/stages/1/quiz", Some(all(0))).await;
        assert_eq!((&failed["passed"], &failed["unlocked"]), (&json!(false), &json!(1)));
        let (status, passed) =
            school.ask(&ada, "POST /courses/c/stages/1/quiz", Some(all(1))).await;
        assert_eq!((status, &passed["unlocked"]), (200, &json!(2)));
        assert_eq!(
            passed["results"]["c-1-1"],
            json!({"correct": true, "explanation": "It is yes, for the reason 1."})
        );
        assert_eq!(school.ask(&ada, "GET /courses/c/lessons/two", None).await.0, 200);
    }

    #[actix_web::test]
    async fn a_body_of_another_shape_is_a_bad_request() {
        let school = School::new().await;
        let ada = school.token("ada", Role::Student).await;

        for body in [json!({"answers": {"c-1-1": -1}}), json!({"unlocked": 5}), json!([])] {
            let (status, answer) =
                school.ask(&ada, "POST /courses/c/stages/1/quiz", Some(body)).await;
            assert_eq!((status, code(&answer)), (400, "bad_request"));
        }
        assert_eq!(school.ask(&ada, "GET /courses/c/stages/x/quiz", None).await.0, 404);
    }

    /// Issue 2: lessons refuse unverified people, who may see the list.
    #[actix_web::test]
    async fn an_unverified_person_lists_courses_and_reads_none() {
        let school = School::new().await;
        let eve = school.bench.unverified("eve").await;

        assert_eq!(school.ask(&eve, "GET /courses", None).await.0, 200);
        for path in ["lessons/one", "lessons/two", "stages/1/quiz"] {
            let (status, body) = school.ask(&eve, &format!("GET /courses/c/{path}"), None).await;
            assert_eq!((status, code(&body)), (403, "email_unverified"), "{path}");
        }
    }

    #[actix_web::test]
    async fn who_is_not_signed_in_sees_nothing() {
        let school = School::new().await;

        for path in ["/courses", "/courses/c/lessons/one", "/courses/c/stages/1/quiz"] {
            let (status, body) = school.ask("", &format!("GET {path}"), None).await;
            assert_eq!((status, code(&body)), (401, "unauthorized"), "{path}");
        }
    }

    #[actix_web::test]
    async fn staff_read_every_stage() {
        let school = School::new().await;
        let ina = school.token("ina", Role::Instructor).await;

        let (_, list) = school.ask(&ina, "GET /courses", None).await;
        assert_eq!(list["courses"][0]["unlocked"], 3);
        let (status, lesson) = school.ask(&ina, "GET /courses/c/lessons/two", None).await;
        assert_eq!((status, &lesson["next"]["id"]), (200, &json!("three")));
    }
}
