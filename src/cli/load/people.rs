//! Who the simulated learners are: accounts from a file, signed in before anything is measured.

use std::{fs, path::Path, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::progress;
use crate::{
    cli::{
        Failure,
        client::{
            door::{self, Door, DoorError},
            nodes::Nodes,
        },
    },
    config::Secret,
};

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) password: Secret,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    List(Vec<Account>),
    /// What `serve --ready-file` writes.
    Ready {
        accounts: Vec<Account>,
    },
}

/// Reads what `user create --json` prints (an object a line), a JSON list, or the ready file of a
/// demo server.
pub(crate) fn accounts(path: &Path) -> Result<Vec<Account>, Failure> {
    let failed = |why: String| Failure::new(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let accounts = parse(&text).map_err(failed)?;
    if accounts.is_empty() {
        return Err(failed("there is no account in it".to_owned()));
    }
    Ok(accounts)
}

fn parse(text: &str) -> Result<Vec<Account>, String> {
    if let Ok(File::List(accounts) | File::Ready { accounts }) = serde_json::from_str(text) {
        return Ok(accounts);
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))
        })
        .collect()
}

/// Somebody who has signed in. Several sockets may be of one person.
pub(crate) struct Person {
    door: Mutex<Door>,
    token: Mutex<Secret>,
}

impl Person {
    async fn sign_in(
        http: reqwest::Client,
        nodes: (Nodes, usize),
        account: &Account,
    ) -> Result<Arc<Self>, DoorError> {
        let password = account.password.clone();
        let mut door = Door::sign_in(http, nodes, &account.email, password).await?;
        let token = Mutex::new(door.token().await?);
        Ok(Arc::new(Self { door: Mutex::new(door), token }))
    }

    /// The access token at hand; it lives for hours.
    pub(crate) async fn token(&self) -> Secret {
        self.token.lock().await.clone()
    }

    /// A new one, after the server has asked for it or refused the old one.
    pub(crate) async fn renew(&self) -> Result<Secret, DoorError> {
        let token = self.door.lock().await.token().await?;
        *self.token.lock().await = token.clone();
        Ok(token)
    }
}

/// Signs in each account once, so many at a time: each costs the server a password hash. The nodes
/// are asked in turn.
pub(crate) async fn sign_in(
    nodes: &Nodes,
    accounts: Vec<Account>,
    at_once: usize,
) -> Result<Vec<Arc<Person>>, Failure> {
    let http = door::http()?;
    let count = accounts.len();
    progress(&format!("signing in {count} people"));
    let people = stream::iter(accounts.into_iter().enumerate())
        .map(|(place, account)| {
            let (http, nodes) = (http.clone(), nodes.clone());
            async move {
                let person = Person::sign_in(http, (nodes, place), &account).await;
                person.map_err(|error| Failure::new(format!("{}: {error}", account.email)))
            }
        })
        .buffered(at_once.max(1))
        .try_collect()
        .await?;
    progress("everybody has signed in");
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emails(text: &str) -> Vec<String> {
        parse(text).unwrap().into_iter().map(|account| account.email).collect()
    }

    #[test]
    fn accounts_come_as_lines_as_a_list_or_as_the_file_of_a_demo_server() {
        let lines = "{\"id\":\"u1\",\"email\":\"a@x\",\"password\":\"p\",\"role\":\"student\"}\n\n\
                     {\"email\":\"b@x\",\"password\":\"p\"}\n";
        assert_eq!(emails(lines), ["a@x", "b@x"]);
        assert_eq!(emails("{\"email\":\"b@x\",\"password\":\"p\"}"), ["b@x"]);
        assert_eq!(emails(r#"[{"email":"c@x","password":"p"}]"#), ["c@x"]);
        let ready = r#"{"url":"http://x","pid":1,"accounts":[{"email":"d@x","password":"p"}]}"#;
        assert_eq!(emails(ready), ["d@x"]);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let lines = "{\"email\":\"a@x\",\"password\":\"p\"}\n{\"email\":\"b@x\"}\n";
        assert!(parse(lines).unwrap_err().starts_with("line 2: missing field `password`"));
    }
}
