// Values as readers expect them: times, sizes, states.

function moment(text) {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(\+00:00|Z)$/.exec(text || "");
  return parts ? `${parts[1]} ${parts[2]} UTC` : text || "";
}

function duration(file) {
  const seconds = (Date.parse(file.ended) - Date.parse(file.started)) / 1000;
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 1) return "under 1 s";
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) [bytes, unit] = [bytes / 1024, unit + 1];
  return `${unit && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

function state(name) {
  return el("span", { class: `state ${name.split(" ")[0]}` }, name);
}

// Whether a name needs no quoting in a shell. Every name that the workflow gives is plain.
function isPlain(name) {
  return /^[A-Za-z0-9_][A-Za-z0-9_.\/-]*$/.test(name);
}
