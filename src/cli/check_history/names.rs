//! Ids as small numbers: a long history names the same threads and turns millions of times.

use std::{collections::HashMap, sync::Arc};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(u32);

#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    pub(crate) fn of(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        // A history with four thousand million ids fits into no memory.
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, name);
        name
    }

    pub(crate) fn any(&mut self, text: Option<&str>) -> Option<Name> {
        text.map(|text| self.of(text))
    }

    pub(crate) fn text(&self, name: Name) -> &str {
        let at = usize::try_from(name.0).unwrap_or(usize::MAX);
        self.texts.get(at).map_or("", |text| text)
    }
}
