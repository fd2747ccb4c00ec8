import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "../../components/icons";

/** A sheet at the side: it takes the focus, Escape closes it, and the focus goes back. */
export function Drawer({ label, title, close, about, children }: {
  label: string; title: ComponentChildren; close: () => void; about: Record<`data-${string}`, string>; children: ComponentChildren;
}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    // Of the whole page: a button that was pressed and is disabled since has lost the focus.
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) close();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [close]);
  return (
    <div class="drawer" role="dialog" aria-label={label} ref={box} tabIndex={-1} {...about}>
      <header class="drawer-head">
        <h2>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" onClick={close}><CloseIcon /></button>
      </header>
      <div class="drawer-body">{children}</div>
    </div>
  );
}
