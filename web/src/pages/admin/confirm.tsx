import { useState } from "preact/hooks";

/** A button that asks once more, in its own place. */
export function Confirmed({ label, question, yes, run, disabled = false }: {
  label: string; question: string; yes: string; run: () => Promise<unknown>; disabled?: boolean;
}) {
  const [state, setState] = useState<"rest" | "asking" | "busy">("rest");
  if (state === "rest") {
    return <button type="button" class="button button-small button-danger" disabled={disabled} onClick={() => setState("asking")}>{label}</button>;
  }
  const go = async () => {
    setState("busy");
    await run();
    setState("rest");
  };
  return (
    <span class="confirm" role="alertdialog" aria-label={question}>
      <span>{question}</span>
      <button type="button" class="button button-small button-danger" disabled={state === "busy"} ref={(button) => button?.focus()} onClick={() => void go()}>{yes}</button>
      <button type="button" class="quiet-button" disabled={state === "busy"} onClick={() => setState("rest")}>No</button>
    </span>
  );
}
