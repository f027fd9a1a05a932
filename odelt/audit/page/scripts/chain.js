// The chain of a file: a card for each job that made some of its files.

function steps(indices, start) {
  return el("ol", { class: "chain" }, jobs(indices).map((job) => card(job, job.includes(start))));
}

function card(job, first) {
  const file = files[job[0]];
  const made = [moment(file.ended), duration(file)].filter(Boolean).join(", took ");
  return el(
    "li",
    {},
    el("h4", {}, stepName(file), isDownload(file) ? "" : el("span", { class: "when" }, made)),
    job.map((index) => fileLine(index, first)),
    file.source !== undefined ? source(file) : null,
    file.verb && !file.inputs.length && !isDownload(file)
      ? el("p", { class: "note" }, "Made from no file: what it holds comes with the packages it ran with.")
      : null,
    file.verb === "train" ? training(file) : null,
    file.verb ? record(file) : null,
  );
}

function isDownload(file) {
  return file.source !== undefined;
}

function stepName(file) {
  const name = file.path.split("/").slice(-2, -1)[0];
  if (file.verb === "train" || file.verb === "import-checkpoint") return `${file.step}: ${name}`;
  return file.step || "File without a record";
}

function fileLine(index, first) {
  const file = files[index];
  return el(
    "div",
    { class: "line" },
    first ? path(file.path) : fileButton(index),
    state(file.state),
    file.sha256 ? more(el("span", {}, "sha256 ", el("code", {}, `${file.sha256.slice(0, 12)}…`)), digest(file.sha256, `the sha256 of ${file.path}`), el("span", { class: "size" }, size(file.bytes))) : null,
    file.problems.length ? el("ul", { class: "problems" }, file.problems.map((problem) => el("li", {}, problem))) : null,
    file.removed ? el("p", { class: "note" }, `Removed on purpose, ${moment(file.removed)}; the hash is the one that it had.`) : null,
  );
}

function source(file) {
  const known = data.sources[file.source];
  if (!known) return el("p", { class: "note" }, `The source “${file.source}” is not in the registry that was kept with the results (sources.yaml).`);
  return facts([
    ["What", known.what],
    ["Licence", known.licence],
    ["Address", el("span", { class: "address" }, el("code", {}, known.address), " ", copyButton(known.address, "the address"))],
    ["Revision", known.revision],
    ["Digest", known.lock],
    ["Fetched", moment(file.ended)],
  ]);
}

function record(file) {
  const code = data.codes[file.code];
  const environment = data.environments[file.environment];
  const modules = Object.entries(code.modules);
  const pairs = data.parameters[file.parameters];
  return more(
    `How: odelt ${file.verb}`,
    facts([
      ["Seed", file.seed],
      ["Code", code.commit ? `commit ${code.commit}${code.dirty ? ", with uncommitted changes" : ""}` : "of no known commit"],
      ["Device", environment.device || "none: nothing was computed on one"],
      ["Python", environment.python],
      ["Packages", environment.packages.map((pair) => pair.join(" ")).join(", ")],
      ...(environment.settings.length ? [["Variables", environment.settings.map((pair) => pair.join("=")).join(", ")]] : []),
      ["Started", moment(file.started)],
      ["Ended", `${moment(file.ended)}${duration(file) ? ` (${duration(file)})` : ""}`],
    ]),
    file.inputs.length ? el("div", {}, el("h5", {}, "Made from"), inputList(file.inputs)) : null,
    pairs.length ? el("div", {}, el("h5", {}, "Parameters"), facts(pairs.map(([name, value]) => [name, el("span", {}, value)]), "pairs")) : null,
    more(`Code: ${count(modules.length, "module")}`, hashes(modules)),
    file.files ? more(`Files in it: ${file.files.count}`, hashes(file.files.first), file.files.count > file.files.first.length ? el("p", { class: "note" }, "and more") : null) : null,
  );
}

function hashes(pairs) {
  return facts(pairs.map(([name, sha256]) => [name, el("code", {}, sha256)]), "pairs");
}
