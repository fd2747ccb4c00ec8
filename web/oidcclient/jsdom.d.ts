/** The part of jsdom that `page.ts` uses; its own types are a package of their own. */
declare module "jsdom" {
  export class JSDOM {
    constructor(html: string, options?: { url?: string });
    readonly window: { readonly document: Document };
  }
}
