// A browser without JavaScript, as little of one as the sign-in and consent pages need: cookies,
// redirects, forms. web/oidcclient/browser.ts is the real thing; this one needs no packages.
import { ask } from "../accounts/lib.mjs";

const attributes = (tag) => Object.fromEntries([...tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, name, value]) => [name, unescaped(value ?? "")]));
const unescaped = (text) => text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"' })[name] ?? "'");

export class Visitor {
  #agent;
  #home;
  #cookies = new Map();

  constructor(agent, home) {
    [this.#agent, this.#home] = [agent, new URL(home).origin];
  }

  /** Where an address leads to, through the pages that ask who it is and whether that is agreed to. */
  async walk(address, { email, password }) {
    let stop = await this.visit(address);
    for (let pages = 0; stop.text !== undefined; pages += 1) {
      if (pages === 6) throw new Error(`the pages ask without an end, the last at ${stop.url}`);
      if (/id="sign-in"/.test(stop.text)) stop = await this.#press(stop, "sign-in", { email, password });
      else if (/id="accept"/.test(stop.text)) stop = await this.#press(stop, "accept", {});
      else throw new Error(`${stop.url} answered ${stop.status}: ${stop.text.replace(/<style[\s\S]*?<\/style>/g, "").slice(0, 600)}`);
    }
    return stop.left;
  }

  /** One address and its redirects: `left` is where they lead away to, `text` the page that they end on. */
  async visit(address, body = null) {
    let [url, form] = [new URL(address), body];
    for (let hops = 0; hops < 10; hops += 1) {
      if (url.origin !== this.#home) return { left: url };
      const answer = await ask(this.#agent, url, { method: form ? "POST" : "GET", headers: this.#headers(form), body: form });
      this.#keep(answer.headers["set-cookie"] ?? []);
      if (answer.status < 300 || answer.status > 399) return { url, status: answer.status, text: answer.text };
      [url, form] = [new URL(answer.headers.location, url), null];
    }
    throw new Error(`more than ten redirects, the last to ${url}`);
  }

  #headers(form) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    return { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin", ...(form ? { origin: this.#home } : {}), ...(cookie ? { cookie } : {}) };
  }

  #keep(lines) {
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === "" || /max-age=0\b|expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  #press({ url, text }, id, filled) {
    const form = text.split(/(?=<form\b)/).find((part) => part.includes(`id="${id}"`));
    const [open] = /<form\b[^>]*>/.exec(form);
    const [pressed] = new RegExp(`<button\\b[^>]*id="${id}"[^>]*>`).exec(form);
    const fields = new URLSearchParams();
    for (const [tag] of form.matchAll(/<input\b[^>]*>/g)) {
      const { name, value = "", type, checked } = attributes(tag);
      if (name && (type !== "checkbox" || checked !== undefined)) fields.append(name, filled[name] ?? value);
    }
    const button = attributes(pressed);
    if (button.name) fields.append(button.name, button.value ?? "");
    return this.visit(new URL(attributes(open).action ?? "", url), fields);
  }
}
