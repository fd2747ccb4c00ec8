// Runs before the first paint so that a chosen theme does not flash.
try {
  var chosen = localStorage.getItem("intellistack.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch (_) {
  // Storage can be blocked; the system's scheme then decides.
}
