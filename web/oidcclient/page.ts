import { JSDOM } from "jsdom";

export interface Answer {
  url: URL;
  status: number;
  headers: Headers;
  text: string;
}

/** What a form sends when it is submitted. */
export interface Sent {
  url: URL;
  method: string;
  fields: URLSearchParams;
}

/** A page as a browser without JavaScript has it: its elements and what its forms send. */
export class Page {
  readonly #answer: Answer;
  readonly #document: Document;

  constructor(answer: Answer) {
    this.#answer = answer;
    const html = /html/.test(answer.headers.get("content-type") ?? "") ? answer.text : "";
    this.#document = new JSDOM(html, { url: answer.url.href }).window.document;
  }

  get url(): URL {
    return this.#answer.url;
  }

  get status(): number {
    return this.#answer.status;
  }

  get headers(): Headers {
    return this.#answer.headers;
  }

  get text(): string {
    return this.#answer.text;
  }

  has(selector: string): boolean {
    return this.#document.querySelector(selector) !== null;
  }

  /** The text of an element; null when the page has none such. */
  words(selector: string): string | null {
    return this.#document.querySelector(selector)?.textContent?.trim() ?? null;
  }

  /** The value of a field, as the page fills it in. */
  value(selector: string): string | undefined {
    return this.#document.querySelector<HTMLInputElement>(selector)?.value;
  }

  /** What pressing this button sends, with these fields filled in. */
  press(button: string, filled: Record<string, string> = {}): Sent {
    const pressed = this.#document.querySelector<HTMLButtonElement>(button);
    if (!pressed?.form) throw new Error(`no form with ${button} at ${this.url}: ${this.text.slice(0, 400)}`);
    return this.#sent(pressed.form, filled, pressed);
  }

  /** What a script's `form.submit()` sends, as the page of response_mode=form_post does. */
  submit(): Sent {
    const form = this.#document.forms[0];
    if (!form) throw new Error(`no form at ${this.url}: ${this.text.slice(0, 400)}`);
    return this.#sent(form, {}, null);
  }

  #sent(form: HTMLFormElement, filled: Record<string, string>, pressed: HTMLButtonElement | null): Sent {
    const fields = new URLSearchParams();
    for (const field of form.elements as unknown as Iterable<HTMLInputElement>) {
      const off = field.disabled || field.tagName === "BUTTON" || (/^(checkbox|radio)$/.test(field.type) && !field.checked);
      if (field.name && !off) fields.append(field.name, field.value);
    }
    for (const [name, value] of Object.entries(filled)) {
      if (!fields.has(name)) throw new Error(`the form at ${this.url} has no field ${name}`);
      fields.set(name, value);
    }
    if (pressed?.name) fields.append(pressed.name, pressed.value);
    const action = pressed?.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
    return { url: new URL(action, this.url), method: form.method.toUpperCase(), fields };
  }
}
