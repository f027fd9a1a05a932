// The top of the page: the outcome of the audit, the verdicts and the problems.

function summary() {
  const audit = data.audit;
  const whole = audit.broken === 0;
  const removed = audit.removed ? `, ${audit.removed} removed as temporary` : "";
  const outcome = `${count(audit.verified, "file")} verified${removed}, ${audit.broken} not.`;
  const commits = audit.commits.map(({ commit, dirty }) => commit.slice(0, 12) + (dirty ? " with uncommitted changes" : ""));
  fill(
    document.getElementById("top"),
    el("p", { class: "over" }, "Audit of the suite"),
    el("h1", {}, data.suite),
    el("p", { class: `outcome ${whole ? "verified" : "broken"}` }, el("strong", {}, outcome), ` Audited ${moment(audit.made)}.`),
    verdicts(),
    audit.problems.length ? problems(audit.problems) : null,
    facts([
      ["Digest of all records", digest(audit.digest, "the digest")],
      ["Check it now", command(`odelt audit results/${data.suite}`, "the command that audits")],
      [commits.length > 1 ? "Code at commits" : "Code at commit", commits.join(", ")],
      [audit.machines.length > 1 ? "Machines" : "Machine", audit.machines.join("; ")],
    ]),
    el(
      "p",
      { class: "hint" },
      "An underlined number opens the chain behind it, down to the download. Keys: ",
      ...[["/", "search"], ["Tab", "next table"], ["arrows", "within a table"], ["Enter", "open"], ["Esc", "close"]].flatMap(
        ([key, does], k) => [k ? ", " : "", el("kbd", {}, key), ` ${does}`],
      ),
      ".",
    ),
  );
}

// The summary of the verdicts. A warning replaces it if the file of the verdicts is not verified.
function verdicts() {
  const { summary, unverified } = data.verdicts || {};
  if (unverified) return el("p", { class: "warning" }, `The verdicts are not verified: ${unverified}.`, summary ? ` It says: “${summary}”` : "");
  return summary ? el("p", { class: "summary" }, summary) : null;
}

function rule() {
  const { rule: text, unverified } = data.verdicts || {};
  return text && unverified ? `${text} (not verified: ${unverified})` : text;
}

function problems(lines) {
  const listed = el("ul", {}, lines.map((line) => el("li", {}, line)));
  const details = more(`What is not verified (${lines.length})`, listed);
  details.open = lines.length <= 12;
  details.className = "problems";
  return details;
}
