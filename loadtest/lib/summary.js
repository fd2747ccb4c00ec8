// What the scripts print at their end: a few lines that a person or a script reads.

export const TRENDS = ["min", "med", "p(95)", "p(99)", "max"];

/** Readers of k6's data by metric and field. */
export function figures(data) {
  const value = (metric, field) => data.metrics[metric]?.values[field] ?? 0;
  const ms = (metric, field) => Math.round(value(metric, field));
  const trend = (metric) =>
    `${ms(metric, "med")} ms median, ${ms(metric, "p(95)")} p95, ${ms(metric, "p(99)")} p99, ${ms(metric, "max")} max`;
  return { value, trend };
}

/** The thresholds that were not kept. */
export function missed(data) {
  return Object.entries(data.metrics).flatMap(([metric, { thresholds }]) =>
    Object.entries(thresholds ?? {})
      .filter(([, threshold]) => !threshold.ok)
      .map(([rule]) => `${metric} ${rule}`));
}

/** Named lines, and whether all thresholds were kept. */
export function summary(data, lines) {
  const failed = missed(data);
  const verdict = failed.length ? `FAILED: ${failed.join(", ")}` : "passed";
  const named = lines.map(([name, words]) => `${name.padEnd(18)} ${words}`);
  return { stdout: [...named, verdict, ""].join("\n") };
}
