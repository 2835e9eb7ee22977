// An RBM in the page: pixels that are known are held, the others are drawn sweep by sweep.
// `playground_model.js` holds its parameters; the page calls `playground(element, model)`.

"use strict";

// Independent draws of both sides of a machine of binary pixels, a one-hot label and binary hidden
// units, at any temperature. `random` gives numbers in [0, 1).
class Machine {
  constructor({ weights, visible, hidden, nPixels }, random = Math.random) {
    Object.assign(this, { weights, visible, hidden, nPixels, random });
  }

  drawHidden(v, temperature) {
    return this.hidden.map((bias, i) => {
      let field = bias;
      for (let j = 0; j < v.length; j++) if (v[j]) field += this.weights[i][j] * v[j];
      return this.random() < 1 / (1 + Math.exp(-field / temperature)) ? 1 : 0;
    });
  }

  // Means of the visible units, the label's as probabilities.
  meanVisible(h, temperature) {
    const field = this.visible.slice();
    h.forEach((on, i) => {
      if (on) this.weights[i].forEach((w, j) => { field[j] += w; });
    });
    const pixels = field.slice(0, this.nPixels).map((f) => 1 / (1 + Math.exp(-f / temperature)));
    const scores = field.slice(this.nPixels).map((f) => f / temperature);
    const top = Math.max(...scores);
    const shares = scores.map((s) => Math.exp(s - top));
    const sum = shares.reduce((a, b) => a + b, 0);
    return pixels.concat(shares.map((s) => s / sum));
  }

  drawVisible(mean) {
    const states = mean.slice(0, this.nPixels).map((p) => (this.random() < p ? 1 : 0));
    let left = this.random();
    const label = mean.slice(this.nPixels).map((p) => {
      const chosen = left >= 0 && left < p;
      left -= p;
      return chosen ? 1 : 0;
    });
    return states.concat(label);
  }

  // One sweep: hidden units, then visible ones; `known[j]` is 0 or 1, or null for a free unit.
  sweep(v, known, temperature) {
    const mean = this.meanVisible(this.drawHidden(v, temperature), temperature);
    const next = this.drawVisible(mean).map((s, j) => (known[j] === null ? s : known[j]));
    return { states: next, means: mean.map((p, j) => (known[j] === null ? p : known[j])) };
  }
}

function playground(root, model) {
  const side = Math.sqrt(model.nPixels);
  const nLabels = model.visible.length - model.nPixels;
  const machine = new Machine(model);
  root.innerHTML = `
    <div class="playground">
      <canvas width="320" height="320" aria-label="pixels to draw on"></canvas>
      <div class="playground-side">
        <div class="playground-row" role="radiogroup" aria-label="brush">
          <label><input type="radio" name="brush" value="1" checked> ink</label>
          <label><input type="radio" name="brush" value="0"> paper</label>
          <label><input type="radio" name="brush" value="free"> unknown</label>
        </div>
        <div class="playground-row">
          <button data-do="half">erase the lower half</button>
          <button data-do="clear">clear</button>
          <button data-do="forget">forget all</button>
          <button data-do="example">another digit</button>
        </div>
        <label class="playground-row">temperature
          <input type="range" min="0.3" max="2" step="0.05" value="1"> <output>1</output></label>
        <div class="playground-labels"></div>
      </div>
    </div>`;
  const canvas = root.querySelector("canvas");
  const context = canvas.getContext("2d");
  const bars = root.querySelector(".playground-labels");
  for (let k = 0; k < nLabels; k++) bars.innerHTML += `<div><i></i><span>${k}</span></div>`;
  const slider = root.querySelector("input[type=range]");
  const size = canvas.width / side;
  let known, v, average, example = 0;

  const freeAll = () => new Array(model.visible.length).fill(null);

  function restart() {
    average = null;
    v = known.map((k) => (k === null ? (Math.random() < 0.2 ? 1 : 0) : k));
  }

  function show(digit) {
    known = freeAll();
    digit.forEach((on, j) => { known[j] = on; });
    restart();
  }

  const actions = {
    half: () => { for (let j = model.nPixels / 2; j < model.nPixels; j++) known[j] = null; restart(); },
    clear: () => { show(new Array(model.nPixels).fill(0)); },
    forget: () => { known = freeAll(); restart(); },
    example: () => { show(model.examples[example++ % model.examples.length]); actions.half(); },
  };
  root.querySelectorAll("button").forEach((button) => {
    button.addEventListener("click", actions[button.dataset.do]);
  });
  slider.addEventListener("input", () => { root.querySelector("output").textContent = slider.value; });

  function paint(event) {
    if (event.buttons !== 1) return;
    const box = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * side);
    const y = Math.floor(((event.clientY - box.top) / box.height) * side);
    if (x < 0 || y < 0 || x >= side || y >= side) return;
    const brush = root.querySelector("input[name=brush]:checked").value;
    known[y * side + x] = brush === "free" ? null : Number(brush);
    average = null;
    event.preventDefault();
  }
  canvas.addEventListener("pointerdown", paint);
  canvas.addEventListener("pointermove", paint);

  function draw() {
    const temperature = Number(slider.value);
    for (let k = 0; k < 4; k++) {
      const { states, means } = machine.sweep(v, known, temperature);
      v = states;
      average = average ? average.map((a, j) => 0.97 * a + 0.03 * means[j]) : means;
    }
    for (let j = 0; j < model.nPixels; j++) {
      const [x, y] = [(j % side) * size, Math.floor(j / side) * size];
      const grey = Math.round(255 * (1 - average[j]));
      // what is known in black and white, what is drawn in blue
      context.fillStyle = known[j] === null ? `rgb(${grey},${grey},255)` : `rgb(${grey},${grey},${grey})`;
      context.fillRect(x, y, size, size);
      context.strokeStyle = "#ccc";
      context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    }
    bars.querySelectorAll("i").forEach((bar, k) => {
      bar.style.height = `${Math.round(60 * average[model.nPixels + k])}px`;
    });
  }

  function loop() {
    draw();
    requestAnimationFrame(loop);
  }

  actions.example();
  loop();
  return draw;
}
