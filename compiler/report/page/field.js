/*
 * The receptive field of a layer on the input, to scale.
 */

/* A sequence is an image of one row. */
function asImage(shape) {
    return shape.length === 2 ? [shape[0], 1, shape[1]] : shape;
}

function fieldLayers() {
    return net.layers
        .map((l, i) => i)
        .filter((i) => isNumber(net.layers[i].field.covered) && asImage(net.layers[i].output).length === 3);
}

function fillFields() {
    const list = fieldLayers(),
        slide = byId("field-slide"),
        select = byId("field-layer");
    select.replaceChildren(
        ...list.map((i) =>
            make("option", {value: i}, net.layers[i].name + "  (" + shapeText(net.layers[i].output) + ")"),
        ),
    );
    slide.max = Math.max(0, list.length - 1);
    for (const e of [slide, select]) e.disabled = list.length === 0;
}

function choose(index) {
    chosen = index;
    const list = fieldLayers(),
        at = list.indexOf(index);
    if (at >= 0) {
        byId("field-layer").value = index;
        byId("field-slide").value = at;
        drawField();
    }
    for (const e of document.querySelectorAll("#drawing [data-layer]"))
        e.classList.toggle("chosen", Number(e.dataset.layer) === index);
}

/* Along one axis: what the middle element sees, in pixels of the input. */
function axisSpan(l, axis, size) {
    const f = l.field,
        u = Math.floor((asImage(l.output)[axis + 1] - 1) / 2);
    if (!isNumber(f.size[axis]))
        return {whole: true, from: 0, to: size, centre: size / 2, stride: 0, u, first: size / 2};
    const from = -f.padding[axis] + u * f.stride[axis];
    return {
        whole: false,
        from,
        to: from + f.size[axis],
        centre: from + f.size[axis] / 2,
        stride: f.stride[axis],
        u,
        first: f.centre[axis] + 0.5,
    };
}

function centreDots(svg, l, spans, x, y, scale) {
    const [, rows, columns] = asImage(l.output),
        count = rows * columns;
    if (spans.some((s) => s.whole) || count > 1600) return;
    for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
            const middle = i === spans[0].u && j === spans[1].u;
            svg.append(
                make("circle", {
                    class: middle ? "centre" : "dot off",
                    cx: x(spans[1].first + j * spans[1].stride),
                    cy: y(spans[0].first + i * spans[0].stride),
                    r: middle ? 4 : Math.max(1, Math.min(2.2, (scale * spans[0].stride) / 5)),
                }),
            );
        }
    }
}

function drawField() {
    const list = fieldLayers();
    if (list.length === 0) {
        fill("field-picture");
        return fill("field-text", make("p", {}, "n/a: " + why(net.layers[0].field.covered)));
    }
    const l = net.layers[Number(byId("field-layer").value)],
        input = asImage(net.inputs[0].shape);
    const spans = [axisSpan(l, 0, input[1]), axisSpan(l, 1, input[2])],
        room = printing ? 300 : Math.min(480, byId("field-picture").clientWidth || 480);
    const neighbour = !spans[1].whole && asImage(l.output)[2] > 1;
    const low = spans.map((s) => Math.min(0, s.from)),
        high = spans.map((s, k) => Math.max(input[k + 1], s.to + (k && neighbour ? s.stride : 0)));
    const scale = (room - 12) / Math.max(high[0] - low[0], high[1] - low[1]);
    const x = (v) => 6 + (v - low[1]) * scale,
        y = (v) => 6 + (v - low[0]) * scale,
        w = (high[1] - low[1]) * scale + 12,
        h = (high[0] - low[0]) * scale + 12;
    const svg = make("svg", {
        viewBox: "0 0 " + w + " " + h,
        width: w,
        height: h,
        role: "img",
        "aria-label": "receptive field on the input",
    });
    const box = (name, top, bottom, left, right) =>
        make("rect", {
            class: name,
            x: x(left),
            y: y(top),
            width: Math.max(0, (right - left) * scale),
            height: Math.max(0, (bottom - top) * scale),
        });
    const inside = (s, k) => [Math.max(0, Math.min(s.from, input[k + 1])), Math.max(0, Math.min(s.to, input[k + 1]))];
    svg.append(
        box("padding", spans[0].from, spans[0].to, spans[1].from, spans[1].to),
        box("image", 0, input[1], 0, input[2]),
        box("seen", ...inside(spans[0], 0), ...inside(spans[1], 1)),
    );
    if (neighbour)
        svg.append(
            box("next", spans[0].from, spans[0].to, spans[1].from + spans[1].stride, spans[1].to + spans[1].stride),
        );
    centreDots(svg, l, spans, x, y, scale);
    fill("field-picture", svg);
    fieldText(l, spans, input);
}

function fieldText(l, spans, input) {
    const rows = [
        ["element", "(" + spans[0].u + ", " + spans[1].u + ") of " + shapeText(l.output)],
        ["sees", pairText(l.field, "size") + " of " + input[1] + "×" + input[2]],
        ["covers", known(l.field.covered, percent) + " of the input"],
    ];
    if (pairText(l.field, "smallest") !== pairText(l.field, "size"))
        rows.push(["others see", "from " + pairText(l.field, "smallest")]);
    if (!spans[0].whole || !spans[1].whole)
        rows.push(
            ["stride", pairText(l.field, "stride")],
            ["padding", pairText(l.field, "padding")],
            ["first centre", pairText(l.field, "centre")],
        );
    const table = make(
        "table",
        {},
        make(
            "tbody",
            {},
            ...rows.map(([a, b]) => make("tr", {}, make("td", {class: "left"}, a), make("td", {class: "left"}, b))),
        ),
    );
    const notes = [
        make(
            "p",
            {class: "hint"},
            "The outline is the input. The shaded area is what the middle element of the map depends on; the pale area outside is padding. The dashed outline is the same for its right neighbour. Dots are the centres of all elements.",
        ),
    ];
    const places = net.misalignments.filter((m) => net.layers[m.layer] === l);
    if (places.length)
        notes.push(
            make(
                "p",
                {class: "warn"},
                "Paths are misaligned here: strides " +
                    places[0].strides.join(" and ") +
                    ", centres " +
                    places[0].centres.join(" and ") +
                    " (line " +
                    places[0].line +
                    ").",
            ),
        );
    fill("field-text", make("h3", {}, l.name), table, ...notes);
}
