import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Refused } from "../live/refused";

export function Notice({ kind = "info", children, onClose }: { kind?: "info" | "good" | "warn" | "bad"; children: ComponentChildren; onClose?: () => void }) {
  return (
    <div class={`notice notice-${kind}`} role={kind === "bad" ? "alert" : "status"}>
      <div class="notice-body">{children}</div>
      {onClose && (
        <button type="button" class="quiet-button" onClick={onClose}>
          Dismiss
        </button>
      )}
    </div>
  );
}

export function Spinner({ label }: { label: string }) {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {label}
    </p>
  );
}

export interface Loaded<T> {
  data: T | null;
  error: Refused | null;
  reload: () => void;
}

/** Loads once per `key`; an answer that comes after the key changed is dropped. */
export function useLoad<T>(load: () => Promise<T>, key: string): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: Refused | null }>({ key, data: null, error: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let current = true;
    load().then(
      (data) => current && setState({ key, data, error: null }),
      (error: unknown) => current && setState({ key, data: null, error: asRefused(error) }),
    );
    return () => {
      current = false;
    };
  }, [key, round]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  const fresh = state.key === key;
  return { data: fresh ? state.data : null, error: fresh ? state.error : null, reload };
}

export function asRefused(error: unknown): Refused {
  if (error instanceof Refused) return error;
  return new Refused("internal", error instanceof Error ? error.message : "Something went wrong.");
}

export function LoadError({ error, reload }: { error: Refused; reload: () => void }) {
  return (
    <Notice kind="bad">
      <p>{error.message}</p>
      <button type="button" class="button button-small" onClick={reload}>
        Try again
      </button>
    </Notice>
  );
}

/** Sets the window's title and moves focus to the page's heading, as a page load would. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "IntelliStack" : `${title} · IntelliStack`;
  }, [title]);
}
