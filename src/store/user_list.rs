//! The list of everybody as admins see it: searched, filtered, sorted, a window at a time. Columns
//! and comparisons are closed sets, and every value is bound: no text of a caller is SQL (attack
//! A22).

use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Store, StoreError, db::read, schema::user, users::User};

/// A column of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextColumn {
    Id,
    Name,
    Email,
    Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagColumn {
    EmailVerified,
    Banned,
    TwoFactorEnabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeColumn {
    CreatedAt,
    UpdatedAt,
    BanExpires,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Text(TextColumn),
    Flag(FlagColumn),
    Time(TimeColumn),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
}

/// Where in a text another one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Contains,
    StartsWith,
    EndsWith,
}

impl Part {
    /// A LIKE pattern (escape character `\`) that takes `words` as they stand.
    pub(super) fn pattern(self, words: &str) -> String {
        let mut escaped = String::with_capacity(words.len() + 2);
        for character in words.chars() {
            if matches!(character, '%' | '_' | '\\') {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        match self {
            Self::Contains => format!("%{escaped}%"),
            Self::StartsWith => format!("{escaped}%"),
            Self::EndsWith => format!("%{escaped}"),
        }
    }
}

/// What must hold of a person who is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Text(TextColumn, Compare, String),
    /// In any case of its letters.
    Like(TextColumn, Part, String),
    OneOf(TextColumn, Vec<String>),
    NoneOf(TextColumn, Vec<String>),
    Flag(FlagColumn, bool),
    Time(TimeColumn, Compare, i64),
}

/// A window onto the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserQuery {
    /// All of these hold.
    pub tests: Vec<Test>,
    pub sort: Column,
    pub descending: bool,
    pub limit: i64,
    pub offset: i64,
}

diesel::define_sql_function! {
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

macro_rules! compared {
    ($query:expr, $column:expr, $compare:expr, $value:expr) => {
        match $compare {
            Compare::Eq => $query.filter($column.eq($value)),
            Compare::Ne => $query.filter($column.ne($value)),
            Compare::Lt => $query.filter($column.lt($value)),
            Compare::Lte => $query.filter($column.le($value)),
            Compare::Gt => $query.filter($column.gt($value)),
            Compare::Gte => $query.filter($column.ge($value)),
        }
    };
}

/// Does something with the column that is meant.
macro_rules! on_text {
    ($column:expr, |$name:ident| $body:expr) => {
        match $column {
            TextColumn::Id => {
                let $name = user::id;
                $body
            }
            TextColumn::Name => {
                let $name = user::name;
                $body
            }
            TextColumn::Email => {
                let $name = user::email;
                $body
            }
            TextColumn::Role => {
                let $name = user::role;
                $body
            }
        }
    };
}

macro_rules! on_flag {
    ($column:expr, |$name:ident| $body:expr) => {
        match $column {
            FlagColumn::EmailVerified => {
                let $name = user::email_verified;
                $body
            }
            FlagColumn::Banned => {
                let $name = user::banned;
                $body
            }
            FlagColumn::TwoFactorEnabled => {
                let $name = user::two_factor_enabled;
                $body
            }
        }
    };
}

macro_rules! on_time {
    ($column:expr, |$name:ident| $body:expr) => {
        match $column {
            TimeColumn::CreatedAt => {
                let $name = user::created_at;
                $body
            }
            TimeColumn::UpdatedAt => {
                let $name = user::updated_at;
                $body
            }
            TimeColumn::BanExpires => {
                let $name = user::ban_expires;
                $body
            }
        }
    };
}

macro_rules! narrowed {
    ($tests:expr) => {{
        let mut query = user::table.into_boxed();
        for test in $tests {
            query = match test {
                Test::Text(column, compare, text) => {
                    on_text!(column, |it| compared!(query, it, compare, text.clone()))
                }
                Test::Like(column, part, words) => {
                    // The database may know less of letters than we do: so the words as they
                    // stand count as well.
                    let exact = part.pattern(words);
                    let folded = part.pattern(&words.to_lowercase());
                    on_text!(column, |it| query.filter(
                        lower(it).like(folded).escape('\\').or(it.like(exact).escape('\\'))
                    ))
                }
                Test::OneOf(column, texts) => {
                    on_text!(column, |it| query.filter(it.eq_any(texts.clone())))
                }
                Test::NoneOf(column, texts) => {
                    on_text!(column, |it| query.filter(it.ne_all(texts.clone())))
                }
                Test::Flag(column, flag) => on_flag!(column, |it| query.filter(it.eq(*flag))),
                Test::Time(column, compare, time) => {
                    on_time!(column, |it| compared!(query, it, compare, *time))
                }
            };
        }
        query
    }};
}

macro_rules! sorted {
    ($query:expr, $column:expr, $descending:expr) => {
        if $descending {
            $query.order(($column.desc(), user::id.desc()))
        } else {
            $query.order(($column.asc(), user::id.asc()))
        }
    };
}

impl Store {
    /// The window, and how many people there are that the tests hold of.
    pub(crate) async fn list_users(
        &self,
        wanted: &UserQuery,
    ) -> Result<(Vec<User>, i64), StoreError> {
        let UserQuery { tests, sort, descending, limit, offset } = wanted;
        Ok(read!(self, |conn| {
            let total: i64 = narrowed!(tests).select(count_star()).get_result(conn).await?;
            let query = narrowed!(tests);
            let query = match sort {
                Column::Text(column) => on_text!(column, |it| sorted!(query, it, *descending)),
                Column::Flag(column) => on_flag!(column, |it| sorted!(query, it, *descending)),
                Column::Time(column) => on_time!(column, |it| sorted!(query, it, *descending)),
            };
            let query = query.limit(*limit).offset(*offset).select(User::as_select());
            (query.load(conn).await?, total)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::role::Role,
        store::{accounts::tests::login, contract::on_both, users::tests::person},
    };

    async fn school(store: &Store) {
        for (at, (id, role)) in
            [("ada", Role::Student), ("bob_1", Role::Student), ("ina", Role::Instructor)]
                .into_iter()
                .enumerate()
        {
            let mut user = person(id, role);
            user.created_at = i64::try_from(at).unwrap() * 10;
            user.banned = id == "ina";
            user.ban_expires = (id == "ina").then_some(99);
            user.name = if id == "ada" { "Ada 100%".to_owned() } else { user.name };
            store.insert_user(user, login(id), None).await.unwrap();
        }
    }

    fn query(tests: Vec<Test>) -> UserQuery {
        let sort = Column::Time(TimeColumn::CreatedAt);
        UserQuery { tests, sort, descending: false, limit: 10, offset: 0 }
    }

    async fn ids(store: &Store, query: UserQuery) -> Vec<String> {
        let (users, total) = store.list_users(&query).await.unwrap();
        assert!(total >= i64::try_from(users.len()).unwrap());
        users.into_iter().map(|user| user.id.as_str().to_owned()).collect()
    }

    /// Attack A22.
    #[tokio::test(flavor = "multi_thread")]
    async fn people_are_searched_in_any_case_and_wildcards_mean_themselves() {
        on_both(async |store| {
            school(&store).await;
            let like =
                |part, words: &str| query(vec![Test::Like(TextColumn::Name, part, words.into())]);

            assert_eq!(ids(&store, like(Part::Contains, "AD")).await, ["ada"]);
            assert_eq!(ids(&store, like(Part::EndsWith, "%")).await, ["ada"]);
            assert_eq!(ids(&store, like(Part::StartsWith, "bob_")).await, ["bob_1"]);
            for hostile in ["b_b", "' OR 1=1--", "\\", "%%"] {
                assert!(ids(&store, like(Part::Contains, hostile)).await.is_empty(), "{hostile}");
            }
            let email = Test::Like(TextColumn::Email, Part::Contains, "@school".into());
            assert_eq!(ids(&store, query(vec![email])).await.len(), 3);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_column_is_compared_as_what_it_is() {
        on_both(async |store| {
            school(&store).await;
            let roles = || vec!["student".to_owned(), "admin".to_owned()];
            for (test, expected) in [
                (Test::Text(TextColumn::Role, Compare::Eq, "instructor".into()), vec!["ina"]),
                (Test::Text(TextColumn::Id, Compare::Gt, "ada".into()), vec!["bob_1", "ina"]),
                (Test::OneOf(TextColumn::Role, roles()), vec!["ada", "bob_1"]),
                (Test::NoneOf(TextColumn::Role, roles()), vec!["ina"]),
                (Test::Flag(FlagColumn::Banned, true), vec!["ina"]),
                (Test::Flag(FlagColumn::EmailVerified, true), vec![]),
                (Test::Time(TimeColumn::CreatedAt, Compare::Gte, 10), vec!["bob_1", "ina"]),
                (Test::Time(TimeColumn::BanExpires, Compare::Lt, 100), vec!["ina"]),
            ] {
                assert_eq!(ids(&store, query(vec![test.clone()])).await, expected, "{test:?}");
            }
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_window_is_sorted_and_says_how_many_there_are() {
        on_both(async |store| {
            school(&store).await;
            let sort = Column::Text(TextColumn::Email);
            let window =
                UserQuery { sort, descending: true, limit: 1, offset: 1, ..query(Vec::new()) };

            let (users, total) = store.list_users(&window).await.unwrap();

            assert_eq!((users.len(), users[0].id.as_str(), total), (1, "bob_1", 3));
            let by_flag = UserQuery { sort: Column::Flag(FlagColumn::Banned), ..window };
            assert_eq!(store.list_users(&by_flag).await.unwrap().1, 3);
        })
        .await;
    }
}
