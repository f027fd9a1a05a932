// Addresses within the page: #table=<experiment>/<name> and #file=<path>.

// Shows the file or the table that the address names.
function follow() {
  const [, kind, name] = /^#(table|file)=(.*)$/.exec(decoded(location.hash)) || [];
  if (kind === "file") {
    const index = fileIndex.get(name);
    const number = history.state && numbers[history.state.number];
    if (index !== undefined) show({ index, number: number && number.files.includes(index) ? number : null });
    else say(`There is no file ${name} in this audit`);
  } else {
    panel.close();
    const section = kind && [...document.querySelectorAll("section")].find((other) => other.dataset.table === name);
    if (section) {
      search.value = "";
      filter();
      section.scrollIntoView();
      section.querySelector("h2").focus({ preventScroll: true });
    }
  }
}

function decoded(hash) {
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}
