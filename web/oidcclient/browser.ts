import { request } from "node:http";
import { Page, type Answer, type Sent } from "./page";
import { BASE, type Account } from "./target";

/** How a walk through the pages goes on where a person decides. */
export interface Walk {
  as?: Account;
  /** `decline` presses the other button. */
  consent?: "accept" | "decline";
  /** What to type where a code of a device is asked for. */
  userCode?: string;
}

export interface Hop {
  method: string;
  url: URL;
  status: number;
  headers: Headers;
}

interface Cookie {
  value: string;
  path: string;
}

/** What stops a walk: the way out to an app, or a page that asks nothing it knows an answer to. */
export type Stop = { left: URL; post?: URLSearchParams; page?: undefined } | { left?: undefined; post?: undefined; page: Page };

/** A browser without JavaScript: cookies, redirects one by one, forms. It leaves our server for nobody. */
export class Browser {
  readonly cookies = new Map<string, Cookie>();
  /** Each answer, redirects and all. */
  readonly hops: Hop[] = [];
  /** Which pages asked for a password, or for consent: what prompts a person saw. */
  readonly seen: ("sign-in" | "consent" | "sign-out" | "device")[] = [];

  /** Opens an address and does what the pages ask, until it leads away or a page asks nothing. */
  async walk(url: URL | string, walk: Walk = {}): Promise<Stop> {
    return this.#go(await this.open(url), walk);
  }

  /** The same, from a page that is open. */
  async on(page: Page, walk: Walk = {}): Promise<Stop> {
    return this.#go({ page }, walk);
  }

  async open(url: URL | string): Promise<Stop> {
    return this.#follow(new URL(url, BASE), "GET", null, null);
  }

  /** What a button or a script sends; `from` is the page with the form. */
  async send(sent: Sent, from: Page | null = null): Promise<Stop> {
    if (sent.method === "GET") {
      sent.url.search = sent.fields.toString();
      return this.#follow(sent.url, "GET", null, from);
    }
    return this.#follow(sent.url, "POST", sent.fields, from);
  }

  async #go(stop: Stop, walk: Walk): Promise<Stop> {
    for (let pages = 0; pages < 8; pages += 1) {
      if (!stop.page) return stop;
      const { page } = stop;
      const sent = this.#decide(page, walk);
      if (!sent) return stop;
      stop = await this.send(sent, page);
    }
    throw new Error(`the pages ask without an end, the last at ${stop.page?.url}`);
  }

  /** What a person would send from here; null when the walk says nothing about it. */
  #decide(page: Page, walk: Walk): Sent | null {
    if (page.has("#sign-in") && page.has("#password")) {
      // Twice would be a refusal, which the test wants to see.
      if (!walk.as || page.has("#fault")) return null;
      this.seen.push("sign-in");
      return page.press("#sign-in", { email: walk.as.email, password: walk.as.password });
    }
    if (page.has("#accept")) {
      if (!walk.consent) return null;
      this.seen.push("consent");
      return page.press(walk.consent === "accept" ? "#accept" : "#decline");
    }
    if (page.has("[name=user_code]")) {
      const typed = walk.userCode ?? page.value("[name=user_code]");
      if (!typed || page.has("#fault")) return null;
      this.seen.push("device");
      const button = page.has("#continue") ? "#continue" : "form [type=submit], form button";
      return page.press(button, { user_code: typed });
    }
    return null;
  }

  async #follow(first: URL, how: string, body: URLSearchParams | null, from: Page | null): Promise<Stop> {
    let [url, method, fields] = [first, how, body];
    for (let hops = 0; hops < 10; hops += 1) {
      if (url.origin !== new URL(BASE).origin) return fields ? { left: url, post: fields } : { left: url };
      const answer = await this.#ask(url, method, fields, from);
      const location = answer.headers.get("location");
      if (answer.status < 300 || answer.status > 399 || location === null) return this.#arrived(new Page(answer));
      url = new URL(location, url);
      if (answer.status === 307 || answer.status === 308) throw new Error(`${answer.status} from ${answer.url} sends a form on (C8)`);
      [method, fields] = ["GET", null];
    }
    throw new Error(`more than ten redirects, the last to ${url}`);
  }

  /** Runs the one script that a page here may need: the form of response_mode=form_post. */
  async #arrived(page: Page): Promise<Stop> {
    if (!page.has("form")) return { page };
    const sent = page.submit();
    const away = sent.url.origin !== new URL(BASE).origin;
    return sent.method === "POST" && (away || /\.submit\(\)/.test(page.text)) ? this.send(sent, page) : { page };
  }

  async #ask(url: URL, method: string, fields: URLSearchParams | null, from: Page | null): Promise<Answer> {
    const body = fields?.toString();
    const silent = /no-referrer/.test(from?.headers.get("referrer-policy") ?? "");
    const headers: Record<string, string> = {
      accept: "text/html,application/xhtml+xml,*/*;q=0.8",
      "accept-language": "en",
      "sec-fetch-dest": "document",
      "sec-fetch-mode": "navigate",
      "sec-fetch-site": from ? "same-origin" : "cross-site",
      ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded", "content-length": String(Buffer.byteLength(body)) }),
      // So do browsers, for a form on a page whose policy is no-referrer.
      ...(method === "GET" ? {} : { origin: !from ? "https://rp.example" : silent ? "null" : BASE }),
    };
    const cookies = [...this.cookies].filter(([, { path }]) => url.pathname.startsWith(path)).map(([name, { value }]) => `${name}=${value}`);
    if (cookies.length > 0) headers["cookie"] = cookies.join("; ");
    const answer = await plain(url, method, headers, body);
    this.#keep(answer.headers);
    this.hops.push({ method, url, status: answer.status, headers: answer.headers });
    return answer;
  }

  #keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = "", ...rest] = line.split(";").map((part) => part.trim());
      const at = pair.indexOf("=");
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const attribute = (key: string): string | undefined => rest.find((part) => part.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
      const expires = attribute("expires");
      const gone = value === "" || attribute("max-age") === "0" || (expires !== undefined && new Date(expires).getTime() < Date.now());
      if (gone) this.cookies.delete(name);
      else this.cookies.set(name, { value, path: attribute("path") ?? "/" });
    }
  }
}

/** Without fetch, which sets headers of its own in the place of a browser's. */
function plain(url: URL, method: string, headers: Record<string, string>, body: string | undefined): Promise<Answer> {
  return new Promise((answered, failed) => {
    const asked = request(url, { method, headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => (text += piece));
      answer.on("end", () => {
        const got = new Headers();
        for (let n = 0; n + 1 < answer.rawHeaders.length; n += 2) got.append(answer.rawHeaders[n] ?? "", answer.rawHeaders[n + 1] ?? "");
        answered({ url, status: answer.statusCode ?? 0, headers: got, text });
      });
    });
    asked.once("error", failed);
    asked.end(body);
  });
}
