//! What `list-users` may ask for. Fields and operators are closed sets (attack A22).

use actix_web::HttpRequest;

use super::super::error::Refusal;
use crate::{
    domain::clock::Millis,
    store::user_list::{
        Column, Compare, FlagColumn, Part, Test, TextColumn, TimeColumn, UserQuery,
    },
};

const LIMIT: i64 = 100;
const MOST: i64 = 1_000;
/// Characters of a searched text.
const LONGEST: usize = 256;

/// The parameters by name; of one that stands twice all values.
pub(super) struct Params(Vec<(String, String)>);

pub(super) struct Asked {
    pub query: UserQuery,
    /// As they were asked for, to be told again.
    pub limit: Option<i64>,
    pub offset: Option<i64>,
}

impl Params {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
        Self(pairs.map(|(name, text)| (name.into_owned(), text.into_owned())).collect())
    }

    /// A text; empty counts as absent, as a form sends it.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let found = self.0.iter().find(|(found, _)| found == name);
        let text = found.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty());
        match text {
            Some(text) if text.chars().any(char::is_control) => {
                Err(wrong(name, "text without control characters"))
            }
            Some(text) if text.chars().count() > LONGEST => Err(wrong(name, "a shorter text")),
            text => Ok(text),
        }
    }

    fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(found, _)| found == name);
        values.flat_map(|(_, text)| text.split(',')).map(str::to_owned).collect()
    }

    fn number(&self, name: &str, most: i64) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (0..=most).contains(number));
        number.map(Some).ok_or_else(|| wrong(name, "a number in range"))
    }

    pub(super) fn read(&self) -> Result<Asked, Refusal> {
        let limit = self.number("limit", i64::from(u32::MAX))?;
        let offset = self.number("offset", i64::from(u32::MAX))?;
        let sort = match self.text("sortBy")? {
            Some(name) => column("sortBy", name)?,
            None => Column::Time(TimeColumn::CreatedAt),
        };
        let descending = match self.text("sortDirection")? {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(wrong("sortDirection", "asc or desc")),
        };
        let tests = [self.search()?, self.filter()?].into_iter().flatten().collect();
        let window = limit.filter(|limit| *limit > 0).unwrap_or(LIMIT).min(MOST);
        let query =
            UserQuery { tests, sort, descending, limit: window, offset: offset.unwrap_or(0) };
        Ok(Asked { query, limit, offset })
    }

    fn search(&self) -> Result<Option<Test>, Refusal> {
        let column = match self.text("searchField")? {
            None | Some("email") => TextColumn::Email,
            Some("name") => TextColumn::Name,
            Some(_) => return Err(wrong("searchField", "email or name")),
        };
        let operator = self.text("searchOperator")?.unwrap_or("contains");
        let part = part(operator)
            .ok_or_else(|| wrong("searchOperator", "contains, starts_with or ends_with"))?;
        let words = self.text("searchValue")?;
        Ok(words.map(|words| Test::Like(column, part, words.to_owned())))
    }

    fn filter(&self) -> Result<Option<Test>, Refusal> {
        let Some(value) = self.text("filterValue")? else { return Ok(None) };
        let column = column("filterField", self.text("filterField")?.unwrap_or("email"))?;
        let operator = self.text("filterOperator")?.unwrap_or("eq");
        let unfit = || wrong("filterOperator", "an operator that fits the field");
        let test = match column {
            Column::Text(column) => match operator {
                "in" => Test::OneOf(column, self.all("filterValue")),
                "not_in" => Test::NoneOf(column, self.all("filterValue")),
                _ => match (part(operator), compare(operator)) {
                    (Some(part), _) => Test::Like(column, part, value.to_owned()),
                    (_, Some(compare)) => Test::Text(column, compare, value.to_owned()),
                    (None, None) => return Err(unfit()),
                },
            },
            Column::Flag(column) => {
                let flag = match value {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err(wrong("filterValue", "true or false")),
                };
                match operator {
                    "eq" => Test::Flag(column, flag),
                    "ne" => Test::Flag(column, !flag),
                    _ => return Err(unfit()),
                }
            }
            Column::Time(column) => {
                let time = Millis::parse(value).ok_or_else(|| wrong("filterValue", "a time"))?;
                Test::Time(column, compare(operator).ok_or_else(unfit)?, time.0)
            }
        };
        Ok(Some(test))
    }
}

fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::validation(format!("[query.{name}] Invalid input: expected {expected}"))
}

fn column(parameter: &str, name: &str) -> Result<Column, Refusal> {
    Ok(match name {
        "id" => Column::Text(TextColumn::Id),
        "name" => Column::Text(TextColumn::Name),
        "email" => Column::Text(TextColumn::Email),
        "role" => Column::Text(TextColumn::Role),
        "emailVerified" => Column::Flag(FlagColumn::EmailVerified),
        "banned" => Column::Flag(FlagColumn::Banned),
        "twoFactorEnabled" => Column::Flag(FlagColumn::TwoFactorEnabled),
        "createdAt" => Column::Time(TimeColumn::CreatedAt),
        "updatedAt" => Column::Time(TimeColumn::UpdatedAt),
        "banExpires" => Column::Time(TimeColumn::BanExpires),
        _ => return Err(wrong(parameter, "a field of a user")),
    })
}

fn part(operator: &str) -> Option<Part> {
    match operator {
        "contains" => Some(Part::Contains),
        "starts_with" => Some(Part::StartsWith),
        "ends_with" => Some(Part::EndsWith),
        _ => None,
    }
}

fn compare(operator: &str) -> Option<Compare> {
    match operator {
        "eq" => Some(Compare::Eq),
        "ne" => Some(Compare::Ne),
        "lt" => Some(Compare::Lt),
        "lte" => Some(Compare::Lte),
        "gt" => Some(Compare::Gt),
        "gte" => Some(Compare::Gte),
        _ => None,
    }
}
