//! What a reader is shown, in the words of the API.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{BlockId, CourseId, LessonId};

/// A course in the list. Names open stages and their lessons only.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CourseView {
    #[schema(value_type = String)]
    pub id: CourseId,
    pub title: String,
    pub description: String,
    /// The last open stage.
    pub unlocked: u8,
    pub lessons: Vec<LessonLine>,
    pub stages: Vec<StageLine>,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LessonLine {
    #[schema(value_type = String)]
    pub id: LessonId,
    pub title: String,
    pub stage: u8,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StageLine {
    pub number: u8,
    pub title: String,
    pub has_quiz: bool,
}

/// A lesson with its neighbours, where those are open too.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LessonView {
    #[schema(value_type = String)]
    pub id: LessonId,
    #[schema(value_type = String)]
    pub course: CourseId,
    pub title: String,
    pub stage: u8,
    pub blocks: Vec<BlockView>,
    pub previous: Option<Neighbour>,
    pub next: Option<Neighbour>,
}

/// `html` was made or sanitised by the importer.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BlockView {
    #[schema(value_type = String)]
    pub id: BlockId,
    pub kind: String,
    pub html: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Neighbour {
    #[schema(value_type = String)]
    pub id: LessonId,
    pub title: String,
}

/// A quiz without its answers.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct QuizView {
    #[schema(value_type = String)]
    pub course: CourseId,
    pub stage: u8,
    pub questions: Vec<QuestionView>,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct QuestionView {
    pub id: String,
    pub prompt: String,
    pub options: Vec<String>,
}

/// How an attempt at a quiz went.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct QuizResult {
    pub passed: bool,
    pub correct: usize,
    pub total: usize,
    pub needed: usize,
    /// The last open stage, after this attempt.
    pub unlocked: u8,
    pub results: BTreeMap<String, ItemResult>,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ItemResult {
    pub correct: bool,
    pub explanation: String,
}
