import type { ComponentChildren } from "preact";

export interface Tab {
  id: string;
  title: string;
}

/** One table at a time; the arrow keys move between them. */
export function TabList({ tabs, current, open, label }: {
  tabs: (Tab & { count: number | null })[]; current: string; open: (id: string) => void; label: string;
}) {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === current);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    open(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map(({ id, title, count }) => (
        <button
          key={id} id={`tab-${id}`} type="button" role="tab" class="tab" aria-selected={id === current} aria-controls={`panel-${id}`}
          tabIndex={id === current ? 0 : -1} onClick={() => open(id)}
        >
          {title}{count !== null && <span class="tab-count">{count}</span>}
        </button>
      ))}
    </div>
  );
}

export function TabPanel({ id, children }: { id: string; children: ComponentChildren }) {
  return <div id={`panel-${id}`} role="tabpanel" aria-labelledby={`tab-${id}`} class="panel tab-panel">{children}</div>;
}
