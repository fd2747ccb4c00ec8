//! Putting in many rows at once: the one thing that the two databases want said differently.
//! SQLite takes row by row, PostgreSQL many rows a statement.

use diesel::{QueryResult, insert_into};
use diesel_async::AsyncPgConnection;
use futures_util::{FutureExt, future::BoxFuture};

use super::{
    courses::StageRow,
    lessons::{BlockRow, LessonRow},
    lite::LiteConnection,
    quiz::QuizRow,
    schema::{block, lesson, quiz_item, stage},
};

/// Rows a statement: PostgreSQL takes 65,535 values in one, and our widest row has 11.
const ROWS: usize = 1_000;

pub(super) trait Bulk {
    fn insert_stages(&mut self, rows: Vec<StageRow>) -> BoxFuture<'_, QueryResult<()>>;
    fn insert_lessons(&mut self, rows: Vec<LessonRow>) -> BoxFuture<'_, QueryResult<()>>;
    fn insert_blocks(&mut self, rows: Vec<BlockRow>) -> BoxFuture<'_, QueryResult<()>>;
    fn insert_quiz(&mut self, rows: Vec<QuizRow>) -> BoxFuture<'_, QueryResult<()>>;
}

macro_rules! bulk {
    ($($name:ident: $row:ty => $table:expr),* $(,)?) => {
        impl Bulk for LiteConnection {$(
            fn $name(&mut self, rows: Vec<$row>) -> BoxFuture<'_, QueryResult<()>> {
                async move {
                    for row in &rows {
                        let insert = insert_into($table).values(row);
                        diesel_async::RunQueryDsl::execute(insert, self).await?;
                    }
                    Ok(())
                }
                .boxed()
            }
        )*}

        impl Bulk for AsyncPgConnection {$(
            fn $name(&mut self, rows: Vec<$row>) -> BoxFuture<'_, QueryResult<()>> {
                async move {
                    for part in rows.chunks(ROWS) {
                        let insert = insert_into($table).values(part);
                        diesel_async::RunQueryDsl::execute(insert, self).await?;
                    }
                    Ok(())
                }
                .boxed()
            }
        )*}
    };
}

bulk! {
    insert_stages: StageRow => stage::table,
    insert_lessons: LessonRow => lesson::table,
    insert_blocks: BlockRow => block::table,
    insert_quiz: QuizRow => quiz_item::table,
}
