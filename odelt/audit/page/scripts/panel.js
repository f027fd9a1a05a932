// The panel: a number or a file, with its chain.

const panel = document.getElementById("panel");
const NARROW = matchMedia("(max-width: 60rem)");
const UNFOLDED = 60; // a longer chain shows the direct inputs only
let openedFrom = null; // the button that gets the focus back

function openChain(what) {
  if (what.from.isConnected && !panel.contains(what.from)) openedFrom = what.from;
  const hash = `#file=${files[what.index].path.split("/").map(encodeURIComponent).join("/")}`;
  // The address names the file only. The history entry keeps the number, for Back and Forward.
  const state = what.number ? { number: numbers.indexOf(what.number) } : null;
  if (location.hash === hash) history.replaceState(state, "", hash);
  else history.pushState(state, "", hash);
  follow();
}

function show({ index, number }) {
  const narrow = NARROW.matches;
  panel.replaceChildren(
    el(
      "div",
      { class: "panel-head" },
      el("h2", { id: "panel-title", tabindex: "-1" }, number ? number.heading : stepName(files[index])),
      el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => panel.close() }, "Close"),
    ),
    number ? numberPart(number) : el("p", {}, path(files[index].path)),
    el("div", { id: "chain" }, chainPart(index, number)),
  );
  if (!panel.open) narrow ? panel.showModal() : panel.show();
  document.body.classList.add("opened");
  panel.scrollTop = 0;
  mark(number ? number.button : null);
  document.getElementById("panel-title").focus({ preventScroll: true });
}

function numberPart(number) {
  const sound = number.files.every((index) => files[index].sound);
  const exact = number.exact && number.exact !== number.text ? el("span", { class: "exact" }, `in full ${number.exact}`) : null;
  const chips = number.files.map((index) => {
    const onclick = ({ currentTarget: chip }) => {
      chip.parentElement.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === chip)));
      document.getElementById("chain").replaceChildren(...chainPart(index, number));
    };
    return el("button", { type: "button", class: "chip", "aria-pressed": String(index === number.files[0]), onclick }, path(files[index].path));
  });
  return el(
    "div",
    {},
    el("p", { class: "value" }, el("strong", {}, number.text), " ", exact),
    el("p", { class: "about" }, number.about.map(([name, value]) => el("span", {}, el("span", { class: "name" }, name), ` ${value} `))),
    sound ? null : el("p", { class: "warning" }, "Not verified: something in the chain behind this number is not what was recorded. It is marked below."),
    publishedPart(number),
    chips.length > 1 ? el("div", { class: "chips" }, el("p", { class: "note" }, `Read from ${chips.length} files. Chain of:`), chips) : null,
  );
}

function publishedPart(number) {
  if (number.published === null) return null;
  const comparison = data.published[number.published];
  const known = data.published_in[comparison.published_source] || {};
  const earlier = known["earlier_run.machine"]; // set where the suite has an earlier run in place of a publication
  const where = [known.title || comparison.published_source, known.repository, known.commit && `commit ${known.commit}`, known.date, earlier];
  const differs = comparison.verdict.startsWith("differs");
  return el(
    "div",
    { class: "published" },
    el("h3", {}, earlier ? "Expected, from an earlier run" : "Published"),
    facts([
      ["Number", el("span", {}, el("strong", {}, comparison.published), comparison.published_std ? ` ± ${comparison.published_std}` : "", comparison.published_statistics ? ` (FID to the reference statistics “${comparison.published_statistics}”)` : "")],
      ["Where", where.filter(Boolean).join(", ")],
      ["Ours less it", comparison.difference],
      ["Verdict", el("strong", { class: differs ? "differs" : "" }, comparison.verdict)],
      ["Rule", rule()],
      ["Note", comparison.published_ambiguous ? "The source does not say which model it means." : ""],
      ["Others", comparison.published_others],
    ]),
  );
}

function chainPart(index, number) {
  const all = ancestors(index);
  const parts = [commandPart(number ? number.files : [index], index, number ? "number" : "file")];
  if (all.length > UNFOLDED) {
    const inputs = files[index].inputs.filter(([to]) => typeof to === "number");
    parts.push(
      el("h3", {}, "The chain"),
      steps([index], index),
      el("h3", {}, `Made from ${count(inputs.length, "file")}`),
      el("p", { class: "note" }, "Each opens its own chain."),
      inputList(inputs),
    );
  } else {
    const [chain, measurement] = split(index, all);
    parts.push(el("h3", {}, "The chain, back to its sources"), steps(chain, index));
    if (measurement.length) parts.push(el("h3", {}, "What it is measured against, and with"), steps(measurement, index));
  }
  const shown = number ? [] : numbers.filter((other) => other.files.includes(index));
  if (shown.length)
    parts.push(
      el("h3", {}, "Where it is shown"),
      el("ul", { class: "files" }, shown.slice(0, 100).map((other) => el("li", {}, numberButton(other, index)))),
    );
  return parts;
}

function numberButton(number, index) {
  const onclick = () => openChain({ number, index, from: number.button });
  return el("span", {}, el("button", { type: "button", class: "file", onclick }, `${number.heading} ${number.text}`), ` in ${number.table}`);
}

function commandPart(indices, index, what) {
  const named = indices.map((k) => files[k]);
  const file = files[index];
  if (!named.every(({ verb, path }) => verb && isPlain(path)) || !isPlain(data.suite))
    return el("p", { class: "note" }, "No command makes this again: it has no record, or not a name that the workflow gives.");
  const targets = named.map(({ path }) => `results/${data.suite}/${path}`);
  const made = indices.length > 1 ? "these files" : "this file";
  const code = data.codes[file.code];
  const commit = code.commit
    ? `in a checkout of commit ${code.commit.slice(0, 12)}${code.dirty ? ", which had uncommitted changes" : ""}`
    : "in a checkout of the project";
  return el(
    "div",
    { class: "again" },
    el("h3", {}, `Make this ${what} again`),
    command(`snakemake --cores all --config suite=${data.suite} --force ${targets.join(" ")}`, "the command"),
    el("p", { class: "note" }, `Type it ${commit}. It makes ${made} again; with `, el("code", {}, "--forceall"), " in place of ", el("code", {}, "--force"), " everything below is made again too."),
  );
}

// Marks the number that the panel explains, and keeps it in sight.
function mark(button) {
  document.querySelectorAll("button[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  if (!button) return;
  button.setAttribute("aria-current", "true");
  button.scrollIntoView({ block: "nearest", inline: "nearest" });
}

panel.addEventListener("close", () => {
  document.body.classList.remove("opened");
  if (location.hash.startsWith("#file=")) history.pushState(null, "", "#");
  mark(null);
  if (openedFrom && openedFrom.isConnected) openedFrom.focus();
  openedFrom = null;
});
