import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Column<R> {
  title: string;
  /** A number: stands on the right. */
  num?: boolean;
  class?: string;
  cell: (row: R) => ComponentChildren;
}

/** From so many rows on only those in view are in the page. */
const WINDOWED = 200;
const ROW = 41;
/** Rows kept ready above and below the view. */
const SPARE = 20;

/** A live table: it scrolls in a box of its own, and holds only the rows in view if they are many. */
export function LiveTable<R>({ label, columns, rows, id, about, empty }: {
  label: string;
  columns: Column<R>[];
  rows: readonly R[];
  id: (row: R) => string;
  /** Attributes of the row, for tests and styles. */
  about?: (row: R) => Record<`data-${string}`, string>;
  empty: string;
}) {
  const windowed = rows.length > WINDOWED;
  const { box, from, to } = useWindow(rows.length, windowed);
  const shown = windowed ? rows.slice(from, to) : rows;
  return (
    <div class={windowed ? "table-box table-tall" : "table-box"} ref={box} tabIndex={0} role="region" aria-label={label}>
      <table class="table" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>{columns.map(({ title, num }) => <th key={title} scope="col" class={num ? "num" : undefined}>{title}</th>)}</tr>
        </thead>
        <tbody>
          {windowed && <Gap columns={columns.length} rows={from} />}
          {shown.map((row, index) => (
            <tr key={id(row)} aria-rowindex={from + index + 2} {...about?.(row)}>
              {columns.map((column) => <td key={column.title} class={[column.num && "num", column.class].filter(Boolean).join(" ") || undefined}>{column.cell(row)}</td>)}
            </tr>
          ))}
          {windowed && <Gap columns={columns.length} rows={rows.length - to} />}
          {rows.length === 0 && <tr><td colSpan={columns.length} class="muted">{empty}</td></tr>}
        </tbody>
      </table>
    </div>
  );
}

/** Stands in for the rows that are out of view. */
function Gap({ columns, rows }: { columns: number; rows: number }) {
  if (rows <= 0) return null;
  return <tr aria-hidden="true" class="table-gap"><td colSpan={columns} style={{ height: `${rows * ROW}px` }} /></tr>;
}

function useWindow(count: number, windowed: boolean) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element || !windowed) return;
    let frame = 0;
    const look = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setTop(element.scrollTop));
    };
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", look);
    };
  }, [windowed]);
  if (!windowed) return { box, from: 0, to: count };
  const view = box.current?.clientHeight ?? 800;
  // Fewer rows than when it was scrolled: the last of them are in view.
  const first = Math.min(Math.floor(top / ROW), Math.max(0, count - Math.ceil(view / ROW)));
  return { box, from: Math.max(0, first - SPARE), to: Math.min(count, first + Math.ceil(view / ROW) + SPARE) };
}
