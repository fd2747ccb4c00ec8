// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import { renderMarkdown, safeLink, sanitise } from "../src/lib/markdown";

const html = (text: string, sources = [{ id: "clocks#b1", title: 'A "title" <b>' }]) => renderMarkdown(text, sources).map((piece) => piece.html).join("");

describe("links", () => {
  test.each([
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:x",
    "//evil.example/x", "/\\evil.example",
  ])("%s is no link", (href) => {
    expect(safeLink(href)).toBeNull();
    expect(html(`[x](<${href}>)`)).not.toContain("href");
  });

  test("a tab inside the scheme does not get a script through", () => {
    expect(sanitise('<a href="java\tscript:alert(1)">x</a>')).not.toContain("href");
  });

  test("a link to another site opens beside this page and tells it nothing", () => {
    expect(html("[x](https://example.org/a)")).toContain('href="https://example.org/a" target="_blank" rel="noopener noreferrer nofollow"');
  });

  test("links of our own stay in the page", () => {
    expect(html("[x](/learn/agree/clocks)")).toContain('<a href="/learn/agree/clocks">');
  });
});

describe("what may not come through", () => {
  test.each([
    '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', "![x](https://example.org/x.png)", '<p style="color:red">x</p>',
    '<iframe src="https://example.org"></iframe>', '<p onclick="x()">x</p>', "<svg><script>1</script></svg>", '<form action="/x"><input></form>',
  ])("%s", (text) => {
    expect(html(text)).not.toMatch(/<script|<img|style=|<iframe|onclick|onerror|<svg|<form|<input/i);
  });
});

describe("citations", () => {
  test("a number becomes a button that names its source", () => {
    const shown = html("So it says [1].");
    expect(shown).toContain('data-cite="clocks#b1"');
    expect(shown).toContain(">1</button>");
    const box = document.createElement("div");
    box.innerHTML = shown;
    expect(box.querySelector("b")).toBeNull();
    expect(box.querySelector("button")?.title).toBe('A "title" <b>');
  });

  test("a marker by id gets its number", () => {
    expect(html("So it says [clocks#b1].")).toContain(">1</button>");
  });

  test("a number without a source stays text", () => {
    expect(html("So [7].")).toContain("So [7].");
  });

  test("code is left alone", () => {
    expect(html("`a[1]` and\n\n```js\nb[1]\n```")).not.toContain("data-cite");
  });
});

describe("streaming", () => {
  test("finished blocks are taken over as they are, only the last is rendered again", () => {
    const before = renderMarkdown("One.\n\nTwo", []);
    const after = renderMarkdown("One.\n\nTwo more", [], before);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  test("cut anywhere, the whole text ends up the same", () => {
    const text = "Look at **this** [1]:\n\n- a\n- b\n\n```rust\nlet x = 1;\n```\n\nWhat now?";
    const whole = renderMarkdown(text, []).map((piece) => piece.html);
    for (let cut = 1; cut < text.length; cut += 1) {
      const half = renderMarkdown(text.slice(0, cut), []);
      expect(renderMarkdown(text, [], half).map((piece) => piece.html)).toEqual(whole);
    }
  });
});
