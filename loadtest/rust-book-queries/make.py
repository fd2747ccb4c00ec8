#!/usr/bin/env python3
"""Makes a TREC set from the quizzes of the Rust book: a question's prompt is the query, the page
that its quiz stands on is the one document that fits.

    make.py QUIZ_FOLDER OUT_FOLDER

QUIZ_FOLDER holds the TOML files of cognitive-engineering-lab/rust-book (MIT OR Apache-2.0).
OUT_FOLDER gets queries.tsv and qrels.txt for the course `rust-book`
(`intellistack course import mdbook --rust-book`).
"""

import pathlib
import re
import sys
import tomllib

# The quizzes' book numbers some chapters otherwise than the toolchain's; pages are named by the
# toolchain's. Quizzes on pages that only their book has (inventories, design challenges, the
# ownership pages of chapter 4) are left out.
PAGES = """
ch01-01-installation ch01-02-hello-world ch01-03-hello-cargo ch03-01-variables-and-mutability
ch03-02-data-types ch03-03-how-functions-work ch03-05-control-flow ch04-01-what-is-ownership
ch04-02-references-and-borrowing ch04-03-slices ch05-01-defining-structs ch05-02-example-structs
ch05-03-method-syntax ch06-01-defining-an-enum ch06-02-match ch06-03-if-let
ch07-01-packages-and-crates ch07-02-defining-modules-to-control-scope-and-privacy
ch07-03-paths-for-referring-to-an-item-in-the-module-tree
ch07-04-bringing-paths-into-scope-with-the-use-keyword
ch07-05-separating-modules-into-different-files ch08-01-vectors ch08-02-strings ch08-03-hash-maps
ch09-01-unrecoverable-errors-with-panic ch09-02-recoverable-errors-with-result
ch09-03-to-panic-or-not-to-panic ch10-01-syntax ch10-02-traits ch10-03-lifetime-syntax
ch11-01-writing-tests ch11-02-running-tests ch11-03-test-organization ch13-01-closures
ch13-02-iterators ch14-01-release-profiles ch14-02-publishing-to-crates-io
ch14-03-cargo-workspaces ch15-01-box ch15-02-deref ch15-03-drop ch15-04-rc
ch15-05-interior-mutability ch15-06-reference-cycles ch16-01-threads ch16-02-message-passing
ch16-03-shared-state ch16-04-extensible-concurrency-sync-and-send ch17-01-futures-and-syntax
ch17-02-concurrency-with-async ch17-03-more-futures ch17-04-streams ch17-05-traits-for-async
ch18-01-what-is-oo ch18-02-trait-objects ch18-03-oo-design-patterns
ch19-01-all-the-places-for-patterns ch19-02-refutability ch19-03-pattern-syntax
ch20-01-unsafe-rust ch20-02-advanced-traits ch20-03-advanced-types
ch20-04-advanced-functions-and-closures ch20-05-macros
""".split()
BY_NUMBER = {tuple(map(int, re.match(r"ch(\d+)-(\d+)", page).groups())): page for page in PAGES}
# Chapter 19 of the quizzes has lost its section 2.
ADVANCED = {(19, 1): (20, 1), (19, 3): (20, 2), (19, 4): (20, 3), (19, 5): (20, 4), (19, 6): (20, 5)}
OTHER_PAGES = ("inventory", "design-challenge", "fixing-ownership", "ownership-recap", "example-quiz")


def page_of(name):
    """The page of the quiz file `name`, or None."""
    if any(word in name for word in OTHER_PAGES):
        return None
    if name.startswith("async-"):
        return BY_NUMBER.get((17, int(name.split("-")[1])))
    chapter, section = map(int, re.match(r"ch(\d+)-(\d+)", name).groups())
    if (chapter, section) == (4, 4):
        return BY_NUMBER[(4, 3)]
    if chapter == 19:
        chapter, section = ADVANCED[(chapter, section)]
    elif chapter in (17, 18):
        chapter += 1
    return BY_NUMBER.get((chapter, section))


def text_of(question):
    prompt = question["prompt"]
    return " ".join(f"{prompt.get('prompt', '')} {prompt.get('program', '')}".split())


def main(quizzes, out):
    queries, qrels = [], []
    for path in sorted(pathlib.Path(quizzes).glob("*.toml")):
        page = page_of(path.stem)
        if page is None:
            continue
        for question in tomllib.loads(path.read_text())["questions"]:
            text = text_of(question)
            if text:
                queries.append(f"{question['id']}\t{text}")
                qrels.append(f"{question['id']} 0 {page} 1")
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "queries.tsv").write_text("\n".join(queries) + "\n")
    (out / "qrels.txt").write_text("\n".join(qrels) + "\n")
    print(f"{len(queries)} queries over {len({line.split()[2] for line in qrels})} pages")


if __name__ == "__main__":
    main(*sys.argv[1:])
