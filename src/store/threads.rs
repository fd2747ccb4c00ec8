//! Conversations. Always looked up with their owner: somebody else's thread is not found.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    schema::{item, lesson, thread, turn},
    turns::UNFINISHED,
};
use crate::domain::{
    clock::Millis,
    ids::{CourseId, Epoch, LessonId, ThreadId, TurnId, UserId},
};

pub(crate) const PAGE: i64 = 50;

/// A conversation between one user and the tutor.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = thread, treat_none_as_default_value = false)]
pub(crate) struct ThreadRow {
    pub id: ThreadId,
    pub owner_id: UserId,
    pub course_id: Option<CourseId>,
    pub lesson_id: Option<LessonId>,
    pub title: String,
    pub status: String,
    /// Names the unbroken log that clients follow.
    pub epoch: Epoch,
    /// Seq of the newest event that is committed for good: a question or an end.
    pub seq: i64,
    /// Rises with each claim of any of its turns.
    pub fence: i64,
    /// State of the hint ladder, as JSON.
    pub hint: String,
    pub created_at: i64,
    /// Time of the last message: lists are ordered by it.
    pub updated_at: i64,
}

/// Which of a user's threads.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadFilter {
    pub course: Option<CourseId>,
    pub lesson: Option<LessonId>,
    /// Words of the title or of a message.
    pub search: Option<String>,
    /// Where the page before ended: time and id of its last thread.
    pub before: Option<(i64, ThreadId)>,
}

/// How far a thread is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    pub epoch: Epoch,
    /// As [`ThreadRow::seq`].
    pub seq: i64,
    /// The turn that has not ended.
    pub running: Option<TurnId>,
}

diesel::define_sql_function! {
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

impl Store {
    pub(crate) async fn thread_of(
        &self,
        owner: &UserId,
        id: &ThreadId,
    ) -> Result<ThreadRow, StoreError> {
        Ok(read!(self, |conn| thread::table
            .filter(thread::id.eq(id).and(thread::owner_id.eq(owner)))
            .select(ThreadRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// How far a thread is whose reader was let in before.
    pub(crate) async fn stand_of(&self, id: &ThreadId) -> Result<Stand, StoreError> {
        let (epoch, seq, running) = read!(self, |conn| thread::table
            .left_join(
                turn::table.on(turn::thread_id.eq(thread::id).and(turn::status.eq_any(UNFINISHED)))
            )
            .filter(thread::id.eq(id))
            .select((thread::epoch, thread::seq, turn::id.nullable()))
            .get_result(conn)
            .await?);
        Ok(Stand { epoch, seq, running })
    }

    /// One page by last activity, newest first, with the title of each thread's lesson.
    pub(crate) async fn threads_of(
        &self,
        owner: &UserId,
        filter: &ThreadFilter,
    ) -> Result<Vec<(ThreadRow, Option<String>)>, StoreError> {
        let pattern = filter.search.as_deref().map(contains);
        Ok(read!(self, |conn| {
            let mut query = thread::table
                .left_join(
                    lesson::table.on(lesson::course_id
                        .nullable()
                        .eq(thread::course_id)
                        .and(lesson::id.nullable().eq(thread::lesson_id))),
                )
                .filter(thread::owner_id.eq(owner))
                .order((thread::updated_at.desc(), thread::id.desc()))
                .limit(PAGE)
                .select((ThreadRow::as_select(), lesson::title.nullable()))
                .into_boxed();
            if let Some(course) = &filter.course {
                query = query.filter(thread::course_id.eq(course));
            }
            if let Some(lesson) = &filter.lesson {
                query = query.filter(thread::lesson_id.eq(lesson));
            }
            if let Some(pattern) = &pattern {
                let said = item::table
                    .filter(lower(item::text).like(pattern).escape('\\'))
                    .select(item::thread_id);
                query = query.filter(
                    lower(thread::title).like(pattern).escape('\\').or(thread::id.eq_any(said)),
                );
            }
            if let Some((time, id)) = &filter.before {
                query = query.filter(
                    thread::updated_at
                        .lt(time)
                        .or(thread::updated_at.eq(time).and(thread::id.lt(id))),
                );
            }
            query.load(conn).await?
        }))
    }

    pub(crate) async fn rename_thread(
        &self,
        owner: &UserId,
        id: &ThreadId,
        title: &str,
    ) -> Result<ThreadRow, StoreError> {
        let (owner, id, title) = (owner.clone(), id.clone(), title.to_owned());
        write!(self, |conn| Ok::<_, StoreError>(
            diesel::update(thread::table.filter(thread::id.eq(id).and(thread::owner_id.eq(owner))))
                .set(thread::title.eq(title))
                .returning(ThreadRow::as_returning())
                .get_result(conn)
                .await?
        ))
    }

    /// Deletes the thread with its items and turns; a running answer is fenced off by it.
    pub(crate) async fn delete_thread(
        &self,
        owner: &UserId,
        id: &ThreadId,
    ) -> Result<(), StoreError> {
        let (owner, id) = (owner.clone(), id.clone());
        let gone: usize = write!(self, |conn| Ok::<_, StoreError>(
            diesel::delete(thread::table.filter(thread::id.eq(id).and(thread::owner_id.eq(owner))))
                .execute(conn)
                .await?
        ))?;
        if gone == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Gives the thread a new log: what readers have may not continue it. Only the claimer may.
    pub(crate) async fn begin_epoch(
        &self,
        id: &ThreadId,
        fence: i64,
        epoch: &Epoch,
    ) -> Result<bool, StoreError> {
        let (id, epoch) = (id.clone(), epoch.clone());
        let changed: usize = write!(self, |conn| Ok::<_, StoreError>(
            diesel::update(thread::table.filter(thread::id.eq(id).and(thread::fence.eq(fence))))
                .set(thread::epoch.eq(epoch))
                .execute(conn)
                .await?
        ))?;
        Ok(changed == 1)
    }

    /// Removes threads whose owner's enrolment ended before `ended_before` (`tutor.md` §6).
    pub(crate) async fn expire_threads(&self, ended_before: Millis) -> Result<usize, StoreError> {
        use super::schema::enrolment;
        write!(self, |conn| {
            let over = enrolment::table
                .filter(enrolment::user_id.eq(thread::owner_id))
                .filter(enrolment::course_id.nullable().eq(thread::course_id))
                .filter(enrolment::ended_at.lt(ended_before.0));
            Ok::<_, StoreError>(
                diesel::delete(thread::table.filter(diesel::dsl::exists(over)))
                    .execute(conn)
                    .await?,
            )
        })
    }
}

/// A LIKE pattern (escape character `\`) for texts that contain `words` as they stand.
fn contains(words: &str) -> String {
    let mut pattern = String::from("%");
    for character in words.to_lowercase().chars().filter(|c| *c != '\0') {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
