import * as oidc from "openid-client";
import { beforeAll, expect, test } from "vitest";
import { App, refusal, returned } from "./app";
import { Browser } from "./browser";
import { newAccount, type Account } from "./target";

const ROUNDS = Number(process.env["ROUNDS"] ?? 12);
const RIVALS = 12;

let ada: Account;
let app: App;
let browser: Browser;
beforeAll(async () => {
  [ada, app, browser] = [await newAccount(), await App.make(), new Browser()];
  await app.signIn(browser, ada);
});

interface Outcome {
  status: number;
  body: { access_token?: string; refresh_token?: string; error?: string };
}

async function redeemed(parameters: Record<string, string>): Promise<Outcome> {
  const { client_id, client_secret = "" } = app.client;
  const answer = await fetch(app.config.serverMetadata().token_endpoint ?? "", {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
    body: new URLSearchParams(parameters),
  });
  return { status: answer.status, body: (await answer.json()) as Outcome["body"] };
}

/** The same request so many times at once, each on a connection of its own. */
const atOnce = (parameters: Record<string, string>): Promise<Outcome[]> => Promise.all(Array.from({ length: RIVALS }, () => redeemed(parameters)));

async function codeAndVerifier(): Promise<Record<string, string>> {
  const visit = await app.visit({ scope: "openid email offline_access", prompt: "consent" });
  const code = returned(await browser.walk(visit.url, { consent: "accept" })).get("code") ?? "";
  return { grant_type: "authorization_code", code, code_verifier: visit.verifier, redirect_uri: visit.url.searchParams.get("redirect_uri") ?? "" };
}

/** Exactly one got tokens, the others were told in the words of the standard, and nothing broke. */
function judged(outcomes: Outcome[]): Outcome["body"] {
  const told = outcomes.map(({ status, body }) => (status === 200 ? "200" : `${status} ${body.error}`)).sort();
  expect(told).toEqual(["200", ...Array.from({ length: RIVALS - 1 }, () => "400 invalid_grant")]);
  return outcomes.find(({ status }) => status === 200)?.body ?? {};
}

/** What the winner holds works or is dead, all of it alike: a replay ends the family (RFC 6749 §4.1.2). */
async function whole({ access_token = "", refresh_token = "" }: Outcome["body"]): Promise<string> {
  const read = await refusal(oidc.fetchUserInfo(app.config, access_token, oidc.skipSubjectCheck));
  const renewed = await refusal(oidc.refreshTokenGrant(app.config, refresh_token));
  expect([`${read}, ${renewed}`]).toEqual([expect.stringMatching(/^(none, none|401 invalid_token, 400 invalid_grant)$/)]);
  return read === "none" ? "alive" : "dead";
}

/** Attack D4. */
test(`${RIVALS} at once redeem one code: one wins, nothing breaks, ${ROUNDS} rounds`, async () => {
  const ends: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    const end = await whole(judged(await atOnce(await codeAndVerifier())));
    ends[end] = (ends[end] ?? 0) + 1;
  }
  console.log("the winner's tokens after the race:", ends);
});

/** Attack D5. */
test(`${RIVALS} at once use one refresh token: one wins, nothing breaks, ${ROUNDS} rounds`, async () => {
  const ends: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    const { body } = await redeemed(await codeAndVerifier());
    const end = await whole(judged(await atOnce({ grant_type: "refresh_token", refresh_token: body.refresh_token ?? "" })));
    ends[end] = (ends[end] ?? 0) + 1;
  }
  console.log("the winner's tokens after the race:", ends);
});
