import { useRef, useState } from "preact/hooks";
import { ThumbDownIcon, ThumbUpIcon } from "../components/icons";
import { useStore } from "../lib/use-store";
import { LIMITS, type Opinion } from "../live/frames";
import { say } from "./again";
import { chat } from "./state";

const WORDS: Record<Opinion, { label: string; ask: string }> = {
  positive: { label: "This helped", ask: "What helped?" },
  negative: { label: "This did not help", ask: "What was wrong?" },
};

/** Thumbs up or down: noted at once, and asked for the reason. */
export function Opinions({ item }: { item: string }) {
  const given = useStore(chat, (state) => state.opinions[item] ?? null);
  const [asking, setAsking] = useState<Opinion | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const give = async (kind: Opinion) => {
    setSaid(null);
    const failed = await say(item, kind);
    setSaid(failed);
    setAsking(failed === null ? kind : null);
  };
  return (
    <>
      {(["positive", "negative"] as const).map((kind) => (
        <button
          key={kind} type="button" class="icon-button icon-small" aria-label={WORDS[kind].label} title={WORDS[kind].label}
          aria-pressed={given === kind} onClick={() => void give(kind)}
        >
          {kind === "positive" ? <ThumbUpIcon /> : <ThumbDownIcon />}
        </button>
      ))}
      {asking && <Reason key={asking} item={item} kind={asking} done={(words) => { setAsking(null); setSaid(words); }} />}
      <span class="said" role="status">{said}</span>
    </>
  );
}

function Reason({ item, kind, done }: { item: string; kind: Opinion; done: (said: string | null) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    const reason = field.current?.value.trim() ?? "";
    if (reason === "") return done(null);
    setBusy(true);
    done((await say(item, kind, reason)) ?? "Thank you.");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    done(null);
  };
  return (
    <form class="reason" onSubmit={(event) => void send(event)}>
      <input ref={field} aria-label={WORDS[kind].ask} placeholder={WORDS[kind].ask} maxLength={LIMITS.reason} disabled={busy} onKeyDown={onKeyDown} />
      <button type="submit" class="button button-small" disabled={busy}>Send</button>
      <button type="button" class="quiet-button" disabled={busy} onClick={() => done(null)}>Skip</button>
    </form>
  );
}
