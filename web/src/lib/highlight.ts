import type { HLJSApi } from "highlight.js";

let loading: Promise<HLJSApi> | null = null;

/** The highlighter comes when the first code block is shown: most of the pages need none. */
function load(): Promise<HLJSApi> {
  loading ??= import("./highlight-languages").then((module) => module.highlighter);
  return loading;
}

/** Colours the code blocks below `root` that name a language and are not coloured yet. */
export async function highlightIn(root: HTMLElement): Promise<void> {
  const blocks = [...root.querySelectorAll<HTMLElement>("pre > code[class*='language-']:not([data-lit])")];
  if (blocks.length === 0) return;
  const highlighter = await load();
  for (const block of blocks) {
    const name = /language-([\w+#-]+)/.exec(block.className)?.[1]?.split(",")[0] ?? "";
    if (!highlighter.getLanguage(name) || !block.isConnected) continue;
    block.innerHTML = highlighter.highlight(block.textContent ?? "", { language: name, ignoreIllegals: true }).value;
    block.dataset["lit"] = "true";
  }
}
