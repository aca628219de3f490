"use strict";
// Tables that sort and filter, a flame graph that widens, a timeline that zooms. Without scripts the tables stay as they are.
document.documentElement.classList.add("scripted");

for (const head of document.querySelectorAll("th[data-sort]")) {
  head.tabIndex = 0;
  head.setAttribute("role", "button");
  const sort = () => {
    const table = head.closest("table"), column = [...head.parentNode.children].indexOf(head);
    const numbers = head.dataset.sort === "number";
    const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numbers;
    const value = (row) => {
      const cell = row.children[column];
      return numbers ? Number(cell.dataset.value) : cell.textContent.trim();
    };
    // What has no number comes last, whichever way.
    const order = (a, b) => numbers ? (Number.isNaN(a) - Number.isNaN(b)) || (down ? b - a : a - b)
      : (down ? b.localeCompare(a) : a.localeCompare(b));
    const rows = [...table.tBodies[0].rows].sort((a, b) => order(value(a), value(b)));
    table.tBodies[0].append(...rows);
    if (table.dataset.long === "few") shorten(table, true);
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
}

// Long tables show their first rows until they are asked for all, or searched.
const FEW = 12;
const shorten = (table, on) => [...table.tBodies[0].rows].forEach((row, number) => { row.hidden = on && number >= FEW; });
for (const table of document.querySelectorAll("table[data-long]")) {
  const many = table.tBodies[0].rows.length;
  if (many <= FEW + 3) continue;
  const button = document.createElement("button");
  button.className = "more";
  const set = (on) => {
    table.dataset.long = on ? "few" : "all";
    if (table.tFoot) table.tFoot.hidden = on;
    button.textContent = on ? `Show all ${many}` : `Show the first ${FEW}`;
    shorten(table, on);
  };
  button.addEventListener("click", () => set(table.dataset.long !== "few"));
  table.after(button);
  const linked = location.hash && table.querySelector(`#${CSS.escape(location.hash.slice(1))}`);
  set(!linked);
  addEventListener("beforeprint", () => set(false));
}

for (const input of document.querySelectorAll("input.filter")) {
  const table = document.getElementById(input.dataset.table);
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    if (!wanted && table.dataset.long === "few") { shorten(table, true); return; }
    for (const row of table.tBodies[0].rows) {
      const name = row.querySelector("[title]")?.title ?? row.textContent;
      row.hidden = !name.toLowerCase().includes(wanted);
    }
  });
}

for (const flame of document.querySelectorAll(".flame")) {
  const frames = [...flame.children].map((element) => (
    { element, left: parseFloat(element.style.left), width: parseFloat(element.style.width), top: parseFloat(element.style.top) }));
  const show = (chosen) => {
    for (const frame of frames) {
      const around = frame.left <= chosen.left + 1e-6 && frame.left + frame.width >= chosen.left + chosen.width - 1e-6;
      const left = around ? 0 : 100 * (frame.left - chosen.left) / chosen.width;
      const width = around ? 100 : 100 * frame.width / chosen.width;
      frame.element.style.left = `${left}%`;
      frame.element.style.width = `${width}%`;
      frame.element.hidden = left >= 100 || left + width <= 0;
    }
  };
  for (const frame of frames) {
    frame.element.tabIndex = 0;
    const choose = () => show(frame);
    frame.element.addEventListener("click", choose);
    frame.element.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(); });
  }
}

const ROW = 18, GAP = 24, AXIS = 22;
const time = (us) => us >= 1e6 ? `${(us / 1e6).toPrecision(3)} s` : us >= 1e3 ? `${(us / 1e3).toPrecision(3)} ms` : us >= 1 ? `${us.toPrecision(3)} µs` : `${Math.round(us * 1e3)} ns`;

function drawTimeline(canvas) {
  const data = JSON.parse(document.getElementById(canvas.dataset.source).textContent);
  const note = canvas.nextElementSibling;
  let low = 0, high = data.length_us;
  const height = AXIS + data.lanes.reduce((sum, lane) => sum + GAP + ROW * lane.rows, 0);
  canvas.style.height = `${height}px`;
  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    return { ink: read("--ink"), quiet: read("--quiet"), rule: read("--rule"), boxes: ["--c2", "--c3", "--c4", "--c5", "--c8"].map(read).concat("#c9c4b8") };
  };
  const tick = (span) => {
    const power = 10 ** Math.floor(Math.log10(span / 5));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => span / step <= 8);
  };
  function draw() {
    const width = canvas.clientWidth, scale = devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d"), colour = colours(), at = (us) => (us - low) / (high - low) * width;
    pen.scale(scale, scale);
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const step = tick(high - low);
    for (let us = Math.ceil(low / step) * step; us <= high; us += step) {
      pen.fillStyle = colour.rule;
      pen.fillRect(at(us), 0, 1, height);
      pen.fillStyle = colour.quiet;
      pen.fillText(us === 0 ? "0" : time(us), at(us) + 4, AXIS / 2);
    }
    let top = AXIS;
    for (const lane of data.lanes) {
      pen.fillStyle = colour.quiet;
      pen.fillText(lane.title, 4, top + GAP / 2);
      top += GAP;
      for (const [name, start, length, row] of lane.events) {
        const left = Math.max(at(start), -2), right = Math.min(at(start + length), width + 2);
        if (right < 0 || left > width) continue;
        pen.fillStyle = colour.boxes[name % colour.boxes.length];
        pen.fillRect(left, top + row * ROW, Math.max(right - left - 0.5, 0.5), ROW - 1);
        if (right - left > 40) {
          pen.save();
          pen.beginPath();
          pen.rect(left, top + row * ROW, right - left - 2, ROW);
          pen.clip();
          pen.fillStyle = "#10151a";
          pen.fillText(data.names[name], Math.max(left, 0) + 4, top + row * ROW + ROW / 2);
          pen.restore();
        }
      }
      top += ROW * lane.rows;
    }
  }
  function look(from, to) {
    const span = Math.min(Math.max(to - from, 0.05), data.length_us);
    low = Math.min(Math.max(from, 0), data.length_us - span);
    high = low + span;
    requestAnimationFrame(draw);
  }
  const zoom = (factor, middle) => look(middle - (middle - low) * factor, middle + (high - middle) * factor);
  const under = (event) => low + event.offsetX / canvas.clientWidth * (high - low);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, under(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const middle = (low + high) / 2, part = (high - low) / 4;
    const moves = { "+": () => zoom(0.6, middle), "-": () => zoom(1.6, middle), "0": () => look(0, data.length_us),
      ArrowLeft: () => look(low - part, high - part), ArrowRight: () => look(low + part, high + part) };
    if (moves[event.key]) { event.preventDefault(); moves[event.key](); }
  });
  let held = null;
  canvas.addEventListener("pointerdown", (event) => { held = { x: event.offsetX, low, high }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (held) {
      const moved = (event.offsetX - held.x) / canvas.clientWidth * (held.high - held.low);
      look(held.low - moved, held.high - moved);
      return;
    }
    let top = AXIS;
    const us = under(event);
    for (const lane of data.lanes) {
      top += GAP;
      const row = Math.floor((event.offsetY - top) / ROW);
      const hit = lane.events.find(([, start, length, at]) => at === row && start <= us && us <= start + length);
      if (hit) { note.textContent = `${data.names[hit[0]]}: ${time(hit[2])}, from ${time(hit[1])}`; return; }
      top += ROW * lane.rows;
    }
    note.textContent = "";
  });
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

// Those out of sight are drawn when they come near: ten of them would delay the first look.
const watcher = new IntersectionObserver((seen) => {
  for (const entry of seen) if (entry.isIntersecting) { watcher.unobserve(entry.target); drawTimeline(entry.target); }
}, { rootMargin: "400px" });
for (const canvas of document.querySelectorAll("canvas.timeline")) watcher.observe(canvas);
