import { readFileSync } from "node:fs";

interface Ready {
  url: string;
  /** Only the reference has one: what it is. */
  peer?: string;
  accounts: { email: string; password: string; role: string }[];
}

const path = process.env["INTELLISTACK_READY"];
if (!path) throw new Error("INTELLISTACK_READY must name the ready file of: intellistack serve --demo --ready-file FILE");
const ready = JSON.parse(readFileSync(path, "utf8")) as Ready;

export const BASE = ready.url.replace(/\/$/, "");
/** These tests run against npm's better-auth, to learn what its client expects. */
export const PEER = ready.peer !== undefined;

export function account(role: string): { email: string; password: string } {
  const found = ready.accounts.find((entry) => entry.role === role);
  if (!found) throw new Error(`the ready file has no ${role}`);
  return found;
}

interface Mail {
  to: string;
  kind: string;
  text: string;
  links: string[];
}

/** Newest first. */
export async function mailTo(address: string): Promise<Mail[]> {
  const answer = await fetch(`${BASE}/dev/mail.json?to=${encodeURIComponent(address)}`);
  return (await answer.json()) as Mail[];
}

/** The links that were mailed to an address and have this in them, newest first. */
export async function linksTo(address: string, part: string): Promise<URL[]> {
  const links = (await mailTo(address)).flatMap((mail) => mail.links);
  return links.filter((link) => link.includes(part)).map((link) => new URL(link));
}

/** The newest of them, once there are so many; mail may be posted after the answer. */
export async function mailedLink(address: string, part: string, count = 1): Promise<URL> {
  for (let tries = 0; tries < 100; tries += 1) {
    const [link, ...older] = await linksTo(address, part);
    if (link && older.length + 1 >= count) return link;
    await new Promise((later) => setTimeout(later, 50));
  }
  throw new Error(`no mail number ${count} with a link to ${part} for ${address}`);
}

/** The token that a link carries, as parameter or as the last part of its path. */
export function tokenOf(link: URL): string {
  return link.searchParams.get("token") ?? link.pathname.split("/").at(-1) ?? "";
}
