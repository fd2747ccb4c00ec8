//! Which of our modules and which foreign crates a source file names, however it writes it.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, File, Item, ItemMod, ItemUse, Macro, Meta, Path, UseTree,
    visit::{self, Visit},
};

/// What one file names outside its test modules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Imports {
    /// First segments of paths into our own crate (`store`); `*` for the root as a whole.
    pub(crate) ours: BTreeSet<String>,
    /// Paths that begin elsewhere, as written (`tokio::sync::mpsc`, `std::env`).
    pub(crate) foreign: BTreeSet<String>,
    /// Modules declared `#[cfg(test)] mod name;`: files that are tests as a whole.
    pub(crate) test_files: BTreeSet<String>,
}

/// Reads `text`, the file of the module `at` (`["http", "auth"]` for `src/http/auth.rs`).
pub(crate) fn imports(text: &str, at: &[String]) -> Imports {
    let file: File = syn::parse_file(text).expect("the source parses");
    let mut reader = Reader { module: at.to_vec(), found: Imports::default() };
    if !is_test(&file.attrs) {
        reader.visit_file(&file);
    }
    reader.found
}

struct Reader {
    module: Vec<String>,
    found: Imports,
}

impl Reader {
    /// Takes a path as written and files it under ours or foreign.
    fn note(&mut self, segments: &[String]) {
        let Some(first) = segments.first() else { return };
        if !["crate", "super", "self"].contains(&first.as_str()) {
            self.found.foreign.insert(segments.join("::"));
            return;
        }
        let mut at = if first == "crate" { Vec::new() } else { self.module.clone() };
        let mut rest = segments.iter().skip(usize::from(first == "crate")).peekable();
        while let Some(step) = rest.next_if(|step| ["self", "super"].contains(&step.as_str())) {
            if step == "super" {
                at.pop();
            }
        }
        at.extend(rest.cloned());
        // The root itself, under another name or with a star, could bring anything.
        self.found.ours.insert(at.first().cloned().unwrap_or_else(|| "*".to_owned()));
    }

    fn note_use(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            path.push(name.to_string());
            path
        };
        match tree {
            UseTree::Path(path) => self.note_use(&with(&path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => self.note(before),
            UseTree::Name(name) => self.note(&with(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => self.note(before),
            UseTree::Rename(rename) => self.note(&with(&rename.ident)),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_use(before, tree);
                }
            }
        }
    }

    /// A macro's input is not parsed as Rust: read paths off its tokens.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if path.is_empty() || colons == 2 => {
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.end_of_path(&mut path);
                    colons = 0;
                    match other {
                        TokenTree::Ident(name) => path.push(name.to_string()),
                        TokenTree::Group(group) => self.note_tokens(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.end_of_path(&mut path);
    }

    fn end_of_path(&mut self, path: &mut Vec<String>) {
        if path.len() > 1 {
            self.note(path);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        } else if let Item::Mod(ItemMod { ident, content: None, .. }) = item {
            self.found.test_files.insert(ident.to_string());
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.note_use(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.len() > 1 {
            let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
            self.note(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.note_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.note_tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Path>().is_ok_and(|path| path.is_ident("test"))
    })
}
