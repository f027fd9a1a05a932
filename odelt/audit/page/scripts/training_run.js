// A training run: its settings and its loss curve.

function parameter(file, name) {
  const [, value] = data.parameters[file.parameters].find(([key]) => key === name) || [];
  return value === undefined || value === "null" ? null : value;
}

function training(file) {
  const folder = file.path.slice(0, file.path.lastIndexOf("/"));
  const index = fileIndex.get(`${folder}/training.csv`);
  const start = parameter(file, "start");
  const shown = [
    facts(
      [
        ["Start weights", start ? path(start) : "fresh ones"],
        ["Seed", file.seed],
        ["Steps", parameter(file, "training.steps")],
        ["Batch", parameter(file, "training.batch_size")],
        ["Learning rate", parameter(file, "training.learning_rate")],
        ["Inner ODE", parameter(file, "inner_ode")],
      ],
      "brief",
    ),
  ];
  if (index !== undefined && files[index].curve) shown.push(curve(files[index], index));
  return el("div", {}, shown);
}

function curve(file, index) {
  const { steps, losses } = file.curve;
  const [width, height, left, right, top, bottom] = [400, 140, 48, 6, 8, 24];
  const ends = (values) => {
    const [least, most] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    return least === most ? [least - 1, most + 1] : [least, most];
  };
  const [[x0, x1], [y0, y1]] = [ends(steps), ends(losses)];
  const x = (step) => left + ((step - x0) / (x1 - x0)) * (width - left - right);
  const y = (loss) => height - bottom - ((loss - y0) / (y1 - y0)) * (height - top - bottom);
  const path = steps.map((step, k) => `${k ? "L" : "M"}${x(step).toFixed(1)} ${y(losses[k]).toFixed(1)}`).join("");
  const text = (content, attributes) => svg("text", attributes, content);
  const last = losses[losses.length - 1];
  const number = (value) => Number(value.toPrecision(3)).toString();
  return el(
    "figure",
    {},
    svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Training loss from ${number(losses[0])} at step ${steps[0]} to ${number(last)} at step ${steps[steps.length - 1]}` },
      svg("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }),
      svg("path", { class: "line", d: steps.length > 1 ? path : `M${left} ${y(losses[0])}h2` }),
      text(number(y1), { x: left - 6, y: top + 9, "text-anchor": "end" }),
      text(number(y0), { x: left - 6, y: height - bottom, "text-anchor": "end" }),
      text(String(steps[0]), { x: left, y: height - 6 }),
      text(`step ${steps[steps.length - 1]}`, { x: width - right, y: height - 6, "text-anchor": "end" }),
    ),
    el("figcaption", {}, `Loss, ${number(last)} at the end. `, fileButton(index, "training.csv"), " ", state(file.state)),
  );
}
