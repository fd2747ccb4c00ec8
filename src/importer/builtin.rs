//! The course that the program carries, so that it can be tried with nothing else at hand.

use std::{borrow::Cow, collections::BTreeSet};

use rust_embed::RustEmbed;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    ImportError,
    links::{Links, Pages},
    markdown::{self, RawHtml},
};
use crate::domain::{
    course::{BlockKind, Course, Lesson, Source, StageTitle},
    ids::{CourseId, LessonId},
    quiz::QuizItem,
    stage::Stage,
};

#[derive(RustEmbed)]
#[folder = "course/agree"]
struct Files;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CourseFile {
    id: String,
    title: String,
    description: String,
    stage: Vec<StagePart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StagePart {
    number: i32,
    title: String,
    lessons: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuizFile {
    item: Vec<ItemPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemPart {
    id: String,
    stage: i32,
    lesson: String,
    section: String,
    prompt: String,
    options: Vec<String>,
    answer: u32,
    forms: Vec<String>,
    explanation: String,
}

/// The built-in course.
pub(crate) fn read() -> Result<Course, ImportError> {
    read_from(&|path| {
        let file = Files::get(path)?;
        String::from_utf8(file.data.into_owned()).ok().map(Cow::Owned)
    })
}

type Open<'a> = &'a dyn Fn(&str) -> Option<Cow<'static, str>>;

fn unsound(why: impl Into<String>) -> ImportError {
    ImportError::Unsound(why.into())
}

fn toml_file<T: DeserializeOwned>(open: Open<'_>, path: &str) -> Result<T, ImportError> {
    let text = open(path).ok_or_else(|| unsound(format!("{path} is missing")))?;
    toml::from_str(&text).map_err(|error| unsound(format!("{path}: {error}")))
}

fn read_from(open: Open<'_>) -> Result<Course, ImportError> {
    let file: CourseFile = toml_file(open, "course.toml")?;
    let id = CourseId::new(file.id);
    let mut pages = Pages::default();
    let mut stages = Vec::new();
    for part in &file.stage {
        let number = Stage::new(part.number)
            .filter(|number| stages.last().is_none_or(|last: &StageTitle| last.number < *number))
            .ok_or_else(|| unsound(format!("stage {} is out of order", part.number)))?;
        stages.push(StageTitle { number, title: part.title.clone() });
        for name in &part.lessons {
            pages.insert(&format!("lessons/{name}.md"), LessonId::new(name), number);
        }
    }
    let mut lessons: Vec<Lesson> = Vec::new();
    for (part, stage) in file.stage.iter().zip(&stages) {
        for name in &part.lessons {
            let path = format!("lessons/{name}.md");
            let links = Links { course: &id, pages: &pages, path: &path, stage: stage.number };
            lessons.push(lesson(open, name, &links)?);
        }
    }
    let items: QuizFile = toml_file(open, "quiz.toml")?;
    let quiz = quiz(items, &lessons)?;
    let (title, description) = (file.title, file.description);
    Ok(Course { id, title, description, source: Source::Builtin, stages, lessons, quiz })
}

fn lesson(open: Open<'_>, name: &str, links: &Links<'_>) -> Result<Lesson, ImportError> {
    let path = links.path;
    let text = open(path).ok_or_else(|| unsound(format!("{path} is missing")))?;
    let (title, rest) = markdown::split_title(&text)
        .ok_or_else(|| unsound(format!("{path} does not begin with `# Title`")))?;
    let blocks = markdown::blocks(rest, title, RawHtml::Shown, links);
    if blocks.is_empty() {
        return Err(unsound(format!("{path} is empty")));
    }
    Ok(Lesson { id: LessonId::new(name), stage: links.stage, title: title.to_owned(), blocks })
}

fn quiz(file: QuizFile, lessons: &[Lesson]) -> Result<Vec<QuizItem>, ImportError> {
    let mut seen = BTreeSet::new();
    file.item
        .into_iter()
        .map(|part| {
            if !seen.insert(part.id.clone()) {
                return Err(unsound(format!("two quiz items are named {}", part.id)));
            }
            item(part, lessons)
        })
        .collect()
}

/// An item must be about a heading of a lesson that its stage has opened.
fn item(part: ItemPart, lessons: &[Lesson]) -> Result<QuizItem, ImportError> {
    let wrong = |why: &str| unsound(format!("quiz item {}: {why}", part.id));
    let stage = Stage::new(part.stage).ok_or_else(|| wrong("its stage cannot be"))?;
    let lesson = lessons
        .iter()
        .find(|lesson| lesson.id.as_str() == part.lesson && lesson.stage <= stage)
        .ok_or_else(|| wrong("its lesson is unknown or of a later stage"))?;
    let is_section = |block: &crate::domain::course::Block| {
        block.kind == BlockKind::Heading && block.body == part.section
    };
    if !lesson.blocks.iter().any(is_section) {
        return Err(wrong("its section is no heading of the lesson"));
    }
    let options: BTreeSet<&String> = part.options.iter().collect();
    let answer = usize::try_from(part.answer).unwrap_or(usize::MAX);
    if options.len() != part.options.len() || part.options.len() < 2 || answer >= options.len() {
        return Err(wrong("its options must differ, and one of them be the answer"));
    }
    Ok(QuizItem {
        stage,
        lesson: lesson.id.clone(),
        id: part.id,
        section: part.section,
        prompt: part.prompt,
        options: part.options,
        answer: part.answer,
        forms: part.forms,
        explanation: part.explanation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_course_has_five_stages_fifteen_lessons_and_twenty_questions() {
        let course = read().unwrap();

        assert_eq!(course.id.as_str(), "agree");
        assert_eq!((course.stages.len(), course.lessons.len()), (5, 15));
        for stage in &course.stages {
            let here = |s: Stage| s == stage.number;
            assert_eq!(course.lessons.iter().filter(|lesson| here(lesson.stage)).count(), 3);
            assert_eq!(course.quiz.iter().filter(|item| here(item.stage)).count(), 4);
        }
        assert!(course.lessons.iter().all(|lesson| lesson.blocks.len() > 10));
        assert!(course.lessons.is_sorted_by_key(|lesson| lesson.stage));
    }

    fn files(quiz: &str) -> impl Fn(&str) -> Option<Cow<'static, str>> {
        let quiz = quiz.to_owned();
        move |path| {
            Some(Cow::Owned(match path {
                "course.toml" => "id = 'c'\ntitle = 'T'\ndescription = 'D'\n\
                    [[stage]]\nnumber = 1\ntitle = 'S'\nlessons = ['a']"
                    .to_owned(),
                "lessons/a.md" => "# A\n\n## Part\n\nText.\n".to_owned(),
                "quiz.toml" => quiz.clone(),
                _ => return None,
            }))
        }
    }

    fn item_with(changed: &str, to: &str) -> String {
        "[[item]]\nid = 'q'\nstage = 1\nlesson = 'a'\nsection = 'Part'\nprompt = '?'\n\
         options = ['x', 'y']\nanswer = 1\nforms = ['y']\nexplanation = 'E'\n"
            .replace(changed, to)
    }

    #[test]
    fn a_quiz_item_must_point_at_a_heading_and_have_its_answer_among_its_options() {
        assert_eq!(read_from(&files(&item_with("", ""))).unwrap().quiz.len(), 1);
        for (changed, to, why) in [
            ("'Part'", "'Other'", "section"),
            ("lesson = 'a'", "lesson = 'b'", "lesson"),
            ("answer = 1", "answer = 2", "options"),
            ("['x', 'y']", "['x', 'x']", "options"),
        ] {
            let refused = read_from(&files(&item_with(changed, to))).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
