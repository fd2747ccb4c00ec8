import { useEffect, useState } from "preact/hooks";

/** Light modules around, as scanners want them. */
const QUIET = 4;

/** A text as a QR code. Dark on light in every theme, since not every scanner reads it the other way. */
export function QrPicture({ text, label }: { text: string; label: string }) {
  const [modules, setModules] = useState<boolean[][] | null>(null);
  useEffect(() => {
    let current = true;
    // Few people ever need it, so it is not part of the first page. Without it the key stands beside.
    import("uqr").then(
      ({ encode }) => current && setModules(encode(text, { ecc: "M", border: QUIET }).data),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [text]);
  if (!modules) return null;
  const dark = modules.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg class="qr-picture" role="img" aria-label={label} viewBox={`0 0 ${modules.length} ${modules.length}`} shape-rendering="crispEdges">
      <rect width="100%" height="100%" fill="#fff" />
      <path d={dark.join("")} fill="#000" />
    </svg>
  );
}
