/*
 * Gradient flow: the bound on the gradient and the probability that it is zero, by layer.
 */

/* Layers on every path: paths to the layer times paths from it are all paths. */
function trunk() {
    const to = net.layers.map(() => 0n),
        from = net.layers.map(() => 0n),
        main = net.layers.map((l) => l.part === "main");
    net.layers.forEach((l, i) => {
        to[i] = l.sources.reduce((sum, s) => sum + (s < 0 ? 1n : to[s]), 0n);
    });
    const last = main.lastIndexOf(true);
    from[last] = 1n;
    for (let i = last; i >= 0; i--) if (main[i]) for (const s of net.layers[i].sources) if (s >= 0) from[s] += from[i];
    return net.layers.map((l, i) => main[i] && to[i] * from[i] === to[last]);
}

function chart(id, name, points, y, labels, value) {
    const w = Math.max(320, roomFor(id)),
        h = 190,
        left = 64,
        bottom = 24,
        n = Math.max(1, points.length - 1);
    const X = (k) => left + ((w - left - 12) * k) / n,
        Y = (v) => 12 + (h - bottom - 12) * (1 - y(v));
    const svg = make("svg", {
        viewBox: "0 0 " + w + " " + h,
        width: "100%",
        class: name,
        role: "img",
        "aria-label": value,
    });
    for (const [v, text] of labels) {
        svg.append(
            make("line", {class: "grid", x1: left, x2: w - 12, y1: Y(v), y2: Y(v)}),
            make("text", {class: "soft", x: left - 6, y: Y(v) + 4, "text-anchor": "end"}, text),
        );
    }
    const line = points.map((p, k) => [p, k]).filter(([p]) => p.trunk);
    svg.append(
        make("path", {class: "curve", d: line.map(([p, k], i) => (i ? "L" : "M") + X(k) + " " + Y(p.value)).join("")}),
    );
    points.forEach((p, k) =>
        svg.append(
            withTip(
                make("circle", {
                    class: p.trunk ? "dot" : "dot off",
                    cx: X(k),
                    cy: Y(p.value),
                    r: points.length > 150 ? 1.8 : 3,
                }),
                () => p.name,
                () => [[value, real(p.value)]],
            ),
        ),
    );
    svg.append(
        make("text", {class: "soft", x: left, y: h - 6}, "input"),
        make("text", {class: "soft", x: w - 12, y: h - 6, "text-anchor": "end"}, "output"),
    );
    fill(id, make("h3", {}, value), svg);
}

function flowPoints(key, inputKey) {
    const on = trunk(),
        points = net.inputs.map((i) => ({name: i.name, value: i[inputKey], trunk: net.inputs.length === 1}));
    net.layers.forEach((l, i) => {
        if (l.part === "main") points.push({name: l.name, value: l.gradient[key], trunk: on[i]});
    });
    return points.filter((p) => isNumber(p.value));
}

function drawFlow() {
    const bounds = flowPoints("bound", "gradient_bound").filter((p) => p.value > 0),
        deads = flowPoints("dead", "gradient_dead");
    byId("flow-hint").textContent =
        "From the input (left) to the output (right). The line connects the layers that lie on every path; the other dots are layers in branches. Every weighted layer is assumed to scale a gradient by at most " +
        net.options.gain +
        " and to make it zero with probability " +
        net.options.kill +
        ".";
    if (bounds.length) {
        const logs = bounds.map((p) => Math.log10(p.value)),
            low = Math.floor(Math.min(...logs) - 1e-9),
            high = Math.max(low + 1, Math.ceil(Math.max(...logs) + 1e-9)),
            step = Math.max(1, Math.ceil((high - low) / 5)),
            labels = [];
        for (let e = low; e <= high; e += step)
            labels.push([
                Math.pow(10, e),
                e >= -2 && e <= 4 ? String(Number(Math.pow(10, e).toPrecision(3))) : "10^" + e,
            ]);
        chart(
            "flow-bound",
            "bound",
            bounds,
            (v) => (Math.log10(v) - low) / (high - low),
            labels,
            "upper bound on |dL/dy|, relative to the output",
        );
    }
    if (deads.length)
        chart(
            "flow-dead",
            "dead",
            deads,
            (v) => v,
            [
                [0, "0"],
                [0.25, "25%"],
                [0.5, "50%"],
                [0.75, "75%"],
                [1, "100%"],
            ],
            "probability that dL/dy is zero",
        );
}
