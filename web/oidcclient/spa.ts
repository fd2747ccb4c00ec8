import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { UserManager, UserManagerSettings } from "oidc-client-ts";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { ISSUER, type Account } from "./target";

const LIBRARY = new URL("../node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js", import.meta.url);

/** What the page makes of the library's script: `window.manager`, by the settings that a test gives it. */
declare global {
  interface Window {
    oidc: typeof import("oidc-client-ts");
    manager: UserManager;
  }
}

/** An app without a server of its own: one page at every address, and the library beside it. */
export class Spa {
  readonly origin: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    // The name that the provider has, too: to the browser they are one site, as app and provider of one owner are.
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  }

  static async open(): Promise<Spa> {
    const script = readFileSync(LIBRARY);
    const server = createServer((request, response) => {
      if (request.url === "/oidc-client-ts.js") return response.writeHead(200, { "content-type": "text/javascript" }).end(script);
      response.writeHead(200, { "content-type": "text/html" }).end(html(request.url ?? "/"));
      return undefined;
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return new Spa(server);
  }

  settings(client_id: string, more: Partial<UserManagerSettings> = {}): UserManagerSettings {
    return {
      authority: ISSUER,
      client_id,
      redirect_uri: `${this.origin}/callback`,
      silent_redirect_uri: `${this.origin}/silent`,
      popup_redirect_uri: `${this.origin}/popup`,
      post_logout_redirect_uri: `${this.origin}/out`,
      scope: "openid profile email",
      loadUserInfo: true,
      ...more,
    };
  }

  get redirects(): string[] {
    return ["callback", "silent", "popup"].map((path) => `${this.origin}/${path}`);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Windows that the library opened itself end by its own callbacks. */
function html(path: string): string {
  const callback = path.startsWith("/silent") ? "signinSilentCallback" : path.startsWith("/popup") ? "signinPopupCallback" : null;
  const run = callback ? `<script>new oidc.UserManager({ authority: ${JSON.stringify(ISSUER)}, client_id: "", redirect_uri: "" }).${callback}()</script>` : "";
  return `<!doctype html><title>App</title><h1>App</h1><script src="/oidc-client-ts.js"></script>${run}`;
}

/** A tab of Chromium with the app in it. */
export class Tab {
  readonly page: Page;
  readonly #settings: UserManagerSettings;
  readonly #dpop: boolean;

  constructor(page: Page, settings: UserManagerSettings, dpop = false) {
    this.page = page;
    this.#settings = settings;
    this.#dpop = dpop;
  }

  /** Opens the app, as it stands at an address of its own, and makes its manager. */
  async ready(): Promise<void> {
    await this.page.waitForFunction(() => "oidc" in window);
    await this.page.evaluate(
      ({ settings, dpop }) => {
        const bound = dpop ? { dpop: { bind_authorization_code: true, store: new window.oidc.IndexedDbDPoPStore() } } : {};
        window.manager = new window.oidc.UserManager({ ...settings, ...bound, userStore: new window.oidc.WebStorageStateStore({ store: window.localStorage }) });
      },
      { settings: this.#settings, dpop: this.#dpop },
    );
  }

  /** To the provider and back, by its pages. */
  async signIn(as: Account): Promise<void> {
    await this.page.goto(new URL("/", this.#settings.redirect_uri).href);
    await this.ready();
    await Promise.all([this.page.waitForURL((url) => url.href.startsWith(ISSUER.replace("/api/auth", "/"))), this.page.evaluate(() => void window.manager.signinRedirect())]);
    await through(this.page, as, this.#settings.redirect_uri);
    await this.ready();
    await this.page.evaluate(() => window.manager.signinCallback());
  }
}

/** Fills in the provider's pages until the browser is back at the app. */
export async function through(page: Page, as: Account, back: string): Promise<void> {
  const asked = page.locator("#sign-in, #accept, h1:text-is('App')");
  for (let pages = 0; pages < 4; pages += 1) {
    await asked.first().waitFor();
    if (page.url().startsWith(new URL(back).origin)) return;
    const before = page.url();
    if (await page.locator("#sign-in").count()) {
      await page.fill("#email", as.email);
      await page.fill("#password", as.password);
      await page.click("#sign-in");
    } else await page.click("#accept");
    await page.waitForURL((url) => url.href !== before);
  }
}

/** Chromium, as the end-to-end tests start it. */
export function chromiumHere(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

export async function tab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  return page;
}
