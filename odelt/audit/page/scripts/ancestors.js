// The graph of files and the files that they were made from.

const SAMPLES = ["sample-grid", "sample"]; // verbs that make samples

// A file and all files that it was made from, sorted by their longest distance to it. Files in a cycle come last.
function ancestors(start) {
  const inputs = (index) => files[index].inputs.map(([to]) => to).filter((to) => typeof to === "number");
  const reached = new Set([start]);
  for (const index of reached) inputs(index).forEach((to) => reached.add(to));
  const waits = new Map([...reached].map((index) => [index, 0]));
  for (const index of reached) for (const to of inputs(index)) waits.set(to, waits.get(to) + 1);
  const depth = new Map([[start, 0]]);
  const ready = waits.get(start) === 0 ? [start] : [];
  for (const index of ready)
    for (const to of inputs(index)) {
      depth.set(to, Math.max(depth.get(to) || 0, depth.get(index) + 1));
      waits.set(to, waits.get(to) - 1);
      if (waits.get(to) === 0) ready.push(to);
    }
  const done = new Set(ready);
  ready.sort((a, b) => depth.get(a) - depth.get(b));
  return [...ready, ...[...reached].filter((index) => !done.has(index))];
}

// Splits a score's chain in two: the files that lead to the samples, and the files that the samples are measured with.
function split(start, all) {
  const samples = all.filter((index) => SAMPLES.includes(files[index].verb));
  if (!samples.length) return [all, []];
  const below = new Set(samples.flatMap(ancestors));
  const leads = (index) => ancestors(index).some((ancestor) => samples.includes(ancestor));
  const chain = all.filter((index) => index === start || below.has(index) || leads(index));
  return [chain, all.filter((index) => !chain.includes(index))];
}

// Groups files by the job that made them.
function jobs(indices) {
  const groups = new Map();
  for (const index of indices) {
    const file = files[index];
    const key = file.verb ? [file.verb, file.parameters, file.started, file.path.split("/").slice(0, -1).join("/")].join("\n") : file.path;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(index);
  }
  return [...groups.values()];
}
