import { Component, type FunctionComponent, createElement } from "preact";

/** Renders again only when a property changed: `preact/compat`'s memo without the rest of compat. */
export function memo<P extends object>(view: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as unknown as Record<string, unknown>;
      const then = next as unknown as Record<string, unknown>;
      const names = new Set([...Object.keys(now), ...Object.keys(then)]);
      for (const name of names) if (!Object.is(now[name], then[name])) return true;
      return false;
    }
    render() {
      return createElement(view, this.props as P);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
