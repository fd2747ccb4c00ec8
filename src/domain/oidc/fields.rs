//! The members of client metadata, one by one: each of its kind and of a bounded size, or a fault
//! that names it. `null` counts as absent (RFC 7592 §2.2).

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    redirect,
    register::{APP_ALGS, Fault},
    scope::Scopes,
};

/// Characters of a name or another text.
const LONGEST: usize = 300;
/// Characters of a scope, as of a list's entry.
const LONGEST_ENTRY: usize = 2_000;

pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text for people to read; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| Fault::new(name, "it must be a text"))?.trim();
        if text.chars().count() > LONGEST {
            return Err(Fault::new(name, format!("it has more than {LONGEST} characters")));
        }
        if text.chars().any(is_unseen) {
            return Err(Fault::new(
                name,
                "it has control characters, or such as turn a text round",
            ));
        }
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }

    /// An address of the app on the web.
    pub(super) fn url(&self, name: &str, local: bool) -> Result<Option<String>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| Fault::new(name, "it must be a text"))?;
        if text.is_empty() {
            return Ok(None);
        }
        redirect::check_url(text, local).map_err(|why| Fault::new(name, why))?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.get(name) {
            None => Ok(false),
            Some(value) => {
                value.as_bool().ok_or_else(|| Fault::new(name, "it must be true or false"))
            }
        }
    }

    pub(super) fn seconds(&self, name: &str, most: i64) -> Result<Option<i64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let seconds = value.as_i64().filter(|seconds| (0..=most).contains(seconds));
        seconds.map(Some).ok_or_else(|| Fault::new(name, "it must be a number of seconds"))
    }

    pub(super) fn texts(&self, name: &str, most: usize) -> Result<Option<Vec<String>>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let fault = || Fault::new(name, "it must be a list of texts");
        let list = value.as_array().ok_or_else(fault)?;
        if list.len() > most {
            return Err(Fault::new(name, format!("it has more than {most} entries")));
        }
        let mut texts: Vec<String> = Vec::with_capacity(list.len());
        for entry in list {
            let text = entry.as_str().ok_or_else(fault)?;
            if text.is_empty() || text.len() > LONGEST_ENTRY || text.chars().any(is_unseen) {
                return Err(Fault::new(name, "an entry is empty, too long or unprintable"));
            }
            if !texts.iter().any(|other| other == text) {
                texts.push(text.to_owned());
            }
        }
        Ok(Some(texts))
    }

    /// A word of a closed set.
    pub(super) fn one_of<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        parse(name, value).map(Some)
    }

    /// A list of words of a closed set, each once.
    pub(super) fn known<T: DeserializeOwned + PartialEq>(
        &self,
        name: &str,
    ) -> Result<Option<Vec<T>>, Fault> {
        let Some(words) = self.texts(name, 10)? else { return Ok(None) };
        words
            .into_iter()
            .map(|word| parse(name, &Value::String(word)))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// What the app signs with.
    pub(super) fn alg(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if APP_ALGS.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        Err(Fault::new(name, format!("it must be one of {}", APP_ALGS.join(", "))))
    }

    /// Words with spaces between, or a list of them.
    pub(super) fn scopes(&self, name: &str) -> Result<Option<Scopes>, Fault> {
        let text = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(_) => self.texts(name, 50)?.unwrap_or_default().join(" "),
        };
        if text.len() > LONGEST_ENTRY {
            return Err(Fault::new(name, "it is too long"));
        }
        Scopes::parse(&text).map(Some).map_err(|error| Fault::new(name, error.to_string()))
    }
}

fn parse<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, Fault> {
    T::deserialize(value).map_err(|_| {
        let word = value.as_str().unwrap_or("that").escape_default().to_string();
        let word: String = word.chars().take(60).collect();
        Fault::new(name, format!("{word} is not served here"))
    })
}

/// Control characters, and those by which one text looks like another (attack D19). The joiners
/// U+200C and U+200D are letters' business in Arabic script and stay.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}
