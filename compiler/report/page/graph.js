/*
 * The graph.  Every block has a layout of its own, with the blocks inside it
 * closed.  Opening a block stretches the layout around it by an increasing map of
 * each axis, so boxes that did not overlap before still do not.
 */

const PAD = 10,
    BAR = 24;

/* An increasing map that stretches every interval to the width it needs. */
function stretch(intervals) {
    const cuts = [...new Set(intervals.flatMap((i) => [i.from, i.to]))].sort((a, b) => a - b);
    const factor = cuts.map((c, k) =>
        Math.max(
            1,
            ...intervals
                .filter((i) => k + 1 < cuts.length && i.from <= c && i.to >= cuts[k + 1])
                .map((i) => i.need / (i.to - i.from)),
        ),
    );
    return (x) => {
        let y = x;
        for (let k = 0; k + 1 < cuts.length; k++)
            y += (factor[k] - 1) * Math.max(0, Math.min(x, cuts[k + 1]) - cuts[k]);
        return y;
    };
}

/* Sizes first, from the inside out: an open block must fit its contents. */
function place(path) {
    const drawing = net.diagram[path],
        across = [],
        down = [];
    const boxes = drawing.boxes.map((b) => {
        const inner = b.block !== undefined && open.has(b.block) ? place(b.block) : null;
        const w = inner ? Math.max(b.w, inner.w + 2 * PAD) : b.w,
            h = inner ? inner.h + BAR + PAD : b.h;
        across.push({from: b.x - b.w / 2, to: b.x + b.w / 2, need: w});
        down.push({from: b.y - b.h / 2, to: b.y + b.h / 2, need: h});
        return {b, inner, w, h};
    });
    const X = stretch(across.filter((i) => i.need > i.to - i.from + 0.1)),
        Y = stretch(down.filter((i) => i.need > i.to - i.from + 0.1));
    for (const box of boxes) {
        box.x = (X(box.b.x - box.b.w / 2) + X(box.b.x + box.b.w / 2)) / 2;
        box.y = (Y(box.b.y - box.b.h / 2) + Y(box.b.y + box.b.h / 2)) / 2;
    }
    return {boxes, lines: drawing.lines, X, Y, w: X(drawing.w), h: Y(drawing.h)};
}

const HEAD = 7; /* of an arrow */

/* A curve along the mapped points, begun and ended at the boxes as they are now;
 * the arrow's head points straight down at the box. */
function drawLine(placed, line) {
    const p = line.points,
        from = placed.boxes[line.from],
        to = placed.boxes[line.to];
    const inside = (x, box) => Math.max(box.x - box.w / 2 + 3, Math.min(box.x + box.w / 2 - 3, x));
    const at = (k) => [placed.X(p[k]), placed.Y(p[k + 1])];
    const first = at(0),
        last = at(p.length - 2),
        sign = last[1] >= first[1] ? 1 : -1;
    const end = [inside(last[0], to), to.y - (sign * to.h) / 2],
        stop = [end[0], end[1] - sign * HEAD];
    let d = "M" + [inside(first[0], from), from.y + (sign * from.h) / 2] + "L" + first;
    for (let k = 2; k + 5 < p.length; k += 6)
        d +=
            "C" +
            at(k) +
            " " +
            at(k + 2) +
            " " +
            (k + 6 < p.length ? at(k + 4) : last[1] * sign > stop[1] * sign ? stop : at(k + 4));
    const head = "M" + end + "L" + [end[0] - HEAD / 2, stop[1]] + "L" + [end[0] + HEAD / 2, stop[1]] + "Z";
    const g = make("g", {}, make("path", {class: "line", d: d + "L" + stop}), make("path", {class: "head", d: head}));
    paintLine(g, from.b);
    return g;
}

function kindOf(l) {
    if (l.weighted) return "weighted";
    if (l.sources.length > 1) return "joins";
    const source = l.sources[0] < 0 ? net.inputs[-1 - l.sources[0]].shape : net.layers[l.sources[0]].output;
    return source.length === 3 && l.output.length === 3 && (source[1] !== l.output[1] || source[2] !== l.output[2])
        ? "resizes"
        : "other";
}

function toggle(path) {
    if (open.has(path)) open.delete(path);
    else open.add(path);
    drawGraph();
    const again = [...document.querySelectorAll("#drawing .block")].find((e) => e.dataset.path === path);
    if (again) again.querySelector(".handle").focus({preventScroll: true});
}

/* The page may colour boxes and lines: paintBox(g, b), paintLine(g, from). */
function drawBox(box, x, y) {
    const b = box.b,
        left = x + box.x - box.w / 2,
        top = y + box.y - box.h / 2;
    const g = make("g", {class: "box"});
    g.append(
        make("rect", {
            x: left,
            y: top,
            width: box.w,
            height: box.h,
            rx: b.kind === "layer" ? 4 : b.kind === "block" ? 6 : Math.min(10, box.h / 2),
        }),
    );
    if (b.kind === "in" || b.kind === "out") {
        g.classList.add("end");
        if (b.w > 30) g.append(make("text", {x: x + box.x, y: y + box.y + 4, "text-anchor": "middle"}, b.text));
        return b.text && b.w <= 30
            ? withTip(
                  g,
                  () => (b.kind === "in" ? "from " + b.text : b.text),
                  () => [],
              )
            : g;
    }
    const titleY = box.inner ? top + 16 : y + box.y - 4;
    g.append(
        make(
            "text",
            {x: x + box.x, y: titleY, "text-anchor": "middle", "font-weight": b.kind === "block" ? 600 : 400},
            b.text,
        ),
    );
    if (!box.inner)
        g.append(make("text", {x: x + box.x, y: y + box.y + 12, "text-anchor": "middle", class: "soft"}, b.under));
    if (b.kind === "block") drawBlock(g, b.block, box, x, y, top);
    else drawLayer(g, b.layer, left, top, box);
    paintBox(g, box);
    return g;
}

/* A triangle that points right on a closed block and down on an open one. */
function drawMark(isOpen, x, y) {
    const d = isOpen ? "M" + [x - 4, y - 2] + "h8l-4 5z" : "M" + [x - 2, y - 4] + "v8l5 -4z";
    return make("path", {class: "mark", d});
}

/* The edge of a second card below a closed block. */
function drawStack(left, top, box) {
    const right = left + box.w,
        bottom = top + box.h;
    return make("path", {
        class: "stack",
        d: "M" + [left + 6, bottom + 3] + "H" + (right - 3) + "Q" + [right + 3, bottom + 3, right + 3, bottom - 3] + "V" + (top + 6),
    });
}

/* What the keyboard reaches of a block: all of a closed one, the bar of an open one, whose boxes lie beside it. */
function drawHandle(path, box, left, top) {
    return make("rect", {
        class: "handle",
        x: left,
        y: top,
        width: box.w,
        height: box.inner ? BAR : box.h,
        rx: 6,
        tabindex: 0,
        role: "button",
        "aria-expanded": box.inner !== null,
        "aria-label": path + (box.inner ? "" : ", " + box.b.under),
    });
}

function drawBlock(g, path, box, x, y, top) {
    const left = x + box.x - box.w / 2,
        handle = drawHandle(path, box, left, top);
    g.classList.add("block");
    g.classList.toggle("open", box.inner !== null);
    g.dataset.path = path;
    withTip(
        handle,
        () => path,
        () => blockRows(path),
    );
    g.addEventListener("click", (e) => {
        e.stopPropagation();
        hideTip();
        toggle(path);
    });
    g.addEventListener("keydown", (e) => {
        if ((e.target !== g && e.target !== handle) || (e.key !== "Enter" && e.key !== " ")) return;
        e.preventDefault();
        e.stopPropagation();
        toggle(path);
    });
    g.append(drawMark(box.inner !== null, left + 11, box.inner ? top + 12 : y + box.y));
    if (!box.inner) g.append(drawStack(left, top, box));
    g.append(handle);
    if (box.inner) g.append(drawPlaced(box.inner, x + box.x - box.inner.w / 2, top + BAR));
}

const RING = 4; /* from a layer's box to the ring that marks it as selected */

function drawLayer(g, index, left, top, box) {
    const l = net.layers[index];
    g.classList.add(kindOf(l));
    if (l.part !== "main") g.classList.add("side");
    g.classList.toggle("chosen", index === chosen);
    g.append(
        make("rect", {
            class: "ring",
            x: left - RING,
            y: top - RING,
            width: box.w + 2 * RING,
            height: box.h + 2 * RING,
            rx: 4 + RING,
        }),
    );
    g.dataset.layer = index;
    g.setAttribute("tabindex", 0);
    g.setAttribute("role", "img");
    g.setAttribute("aria-label", l.name + ": " + box.b.text + ", " + box.b.under);
    withTip(
        g,
        () => l.name,
        () => layerRows(l),
    );
    for (const name of ["pointerenter", "pointermove"]) g.addEventListener(name, (e) => e.stopPropagation());
    g.addEventListener("click", (e) => {
        e.stopPropagation();
        choose(index);
    });
}

function drawPlaced(placed, x, y) {
    const g = make("g", {transform: "translate(" + x + " " + y + ")"});
    for (const line of placed.lines) g.append(drawLine(placed, line));
    for (const box of placed.boxes) g.append(drawBox(box, 0, 0));
    return g;
}

function drawGraph() {
    const holder = byId("drawing"),
        placed = place(""),
        w = placed.w + 8,
        h = placed.h + 8;
    const room = holder.clientWidth - 28,
        scale = zoom || Math.min(1, Math.max(0.55, room / w));
    const svg = make(
        "svg",
        {
            viewBox: "0 0 " + w + " " + h,
            width: w * scale,
            height: h * scale,
            role: "group",
            "aria-label": "graph of the net",
        },
        drawPlaced(placed, 4, 4),
    );
    svg.style.margin = "0 auto";
    holder.replaceChildren(svg);
    markOverflow(holder);
}

/* Opens whole levels of blocks, outermost first, while at most `limit` boxes are
 * shown; if the outermost level alone shows few, also some of the next. */
function openSome(limit) {
    open = new Set();
    const levels = [];
    eachBlock(net.blocks, (b, depth) => (levels[depth] = levels[depth] || []).push(b.path));
    let seen = net.diagram[""].boxes.length;
    for (const level of levels.filter(Boolean)) {
        const more = level.map((path) => net.diagram[path].boxes.length),
            all = more.reduce((a, b) => a + b, 0);
        const fits = seen + all <= limit;
        if (!fits && seen >= 10) return;
        level.forEach((path, k) => {
            if (!fits && seen + more[k] > limit) return;
            open.add(path);
            seen += more[k];
        });
        if (!fits) return;
    }
}
