// Elements of the page. Texts of the data become text nodes only, never markup.

function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  return fill(element, ...children);
}

function fill(element, ...children) {
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A list of names and values: "facts", "brief" (side by side) or "pairs" (small).
function facts(pairs, look = "facts") {
  const shown = pairs.filter(([, value]) => value !== null && value !== "" && value !== undefined);
  return el("dl", { class: look }, shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// A path; its lines may break after slashes.
function path(text) {
  const parts = text.split("/").flatMap((part, k) => (k ? ["/", document.createElement("wbr"), part] : [part]));
  return el("span", { class: "path" }, parts);
}

function more(summary, ...children) {
  return el("details", {}, el("summary", {}, summary), ...children);
}

// Keeps "T = 1" on one line.
function unbroken(text) {
  return text.replaceAll(" = ", "\u00a0=\u00a0");
}

function count(number, singular) {
  return `${number} ${singular}${number === 1 ? "" : "s"}`;
}

// Announces a text to screen readers.
function say(text) {
  const status = document.getElementById("status");
  status.textContent = "";
  requestAnimationFrame(() => (status.textContent = text));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not every browser gives a page from disk the clipboard.
    const area = el("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    (panel.open ? panel : document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function copyButton(text, what) {
  const onclick = async ({ currentTarget: button }) => {
    const done = await copy(text);
    button.focus();
    button.textContent = done ? "Copied" : "Select and copy it by hand";
    say(done ? `Copied ${what}` : `The browser does not let this page copy ${what}`);
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
  return el("button", { type: "button", class: "copy", "aria-label": `Copy ${what}`, onclick }, "Copy");
}

function command(text, what) {
  return el("div", { class: "command" }, el("code", {}, text.split(" ").flatMap((word, k) => [k ? " " : "", path(word)])), copyButton(text, what));
}

function digest(sha256, what) {
  return el("span", { class: "digest" }, el("code", {}, sha256), " ", copyButton(sha256, what));
}
