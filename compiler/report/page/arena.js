/*
 * Scratch memory over time: one rectangle per tensor, spanning its lifetime across
 * and its bytes upwards.
 */

function ticks(most, count) {
    const rough = most / count,
        power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough),
        list = [];
    for (let t = 0; t <= most * 1.0001; t += step) list.push(t);
    return list;
}

function byteTicks(most) {
    const unit = Math.pow(1024, Math.max(0, Math.min(4, Math.floor(Math.log(most) / Math.log(1024)))));
    return ticks(most / unit, 5).map((t) => t * unit);
}

function placeKind(p, program) {
    if (p.first >= program.forward_steps) return "back";
    return p.last >= program.forward_steps ? "keep" : "brief";
}

function arenaFrame(program, w, h, left, bottom) {
    const svg = make("svg", {
        viewBox: "0 0 " + w + " " + h,
        width: "100%",
        role: "img",
        "aria-label": "memory over time",
    });
    const x = (step) => left + ((w - left - 8) * step) / program.steps.length,
        y = (b) => h - bottom - ((h - bottom - 10) * b) / program.scratch;
    for (const t of byteTicks(program.scratch)) {
        svg.append(make("line", {class: "grid", x1: left, x2: w - 8, y1: y(t), y2: y(t)}));
        svg.append(make("text", {class: "soft", x: left - 6, y: y(t) + 4, "text-anchor": "end"}, t ? bytes(t) : "0"));
    }
    return {svg, x, y};
}

function drawArena() {
    const program = net.memory[byId("memory-program").value],
        w = Math.max(320, roomFor("arena")),
        h = w < 600 ? 300 : 400,
        left = 74,
        bottom = 26;
    if (program.scratch === 0)
        return fill("arena", make("p", {class: "hint"}, "No scratch memory is needed: every tensor belongs to the caller."));
    const {svg, x, y} = arenaFrame(program, w, h, left, bottom);
    for (const p of program.places) {
        const thin = y(p.offset) - y(p.offset + p.bytes) < 2.5;
        const rect = make("rect", {
            class: "place " + placeKind(p, program) + (thin ? " thin" : ""),
            x: x(p.first),
            y: y(p.offset + p.bytes),
            width: Math.max(0.8, x(p.last + 1) - x(p.first)),
            height: Math.max(0.6, y(p.offset) - y(p.offset + p.bytes)),
        });
        svg.append(
            withTip(
                rect,
                () => p.name,
                () => [
                    ["bytes", grouped(p.bytes)],
                    ["offset", grouped(p.offset)],
                    ["from", program.steps[p.first].join(": ")],
                    ["to", program.steps[p.last].join(": ")],
                ],
            ),
        );
    }
    if (program.forward_steps < program.steps.length) {
        const at = x(program.forward_steps);
        svg.append(make("line", {class: "split", x1: at, x2: at, y1: 6, y2: h - bottom}));
        svg.append(
            make("text", {class: "soft", x: at - 6, y: h - 8, "text-anchor": "end"}, "forward"),
            make("text", {class: "soft", x: at + 6, y: h - 8}, "loss, backward, update"),
        );
    } else
        svg.append(
            make(
                "text",
                {class: "soft", x: (left + w) / 2, y: h - 8, "text-anchor": "middle"},
                "steps of inference, first to last",
            ),
        );
    svg.append(
        make("line", {class: "axis", x1: left, x2: left, y1: 6, y2: h - bottom}),
        make("line", {class: "axis", x1: left, x2: w - 8, y1: h - bottom, y2: h - bottom}),
    );
    fill("arena", svg);
}

function fillMemory() {
    const m = net.memory,
        select = byId("memory-program"),
        training = m.step.scratch !== undefined;
    select.replaceChildren(
        ...(training ? [make("option", {value: "step"}, "a training step")] : []),
        make("option", {value: "inference"}, "inference"),
    );
    const legend = [
        ["keep", "kept for the backward pass"],
        ["brief", "forward only"],
        ["back", "backward"],
    ];
    fill(
        "memory-legend",
        ...legendEntries(legend.filter((e) => training || e[0] === "brief")),
    );
    const parts = [
        "Inference takes " +
            bytes(m.inference.scratch) +
            " of scratch memory and " +
            bytes(m.model.inference_bytes) +
            " for the model",
    ];
    parts.push(
        training
            ? "a training step " + bytes(m.step.scratch) + " and " + bytes(m.model.training_bytes)
            : "training: n/a, " + m.step["n/a"],
    );
    byId("memory-hint").textContent =
        parts.join("; ") +
        " (batch " +
        net.options.batch +
        "). Each rectangle is a tensor: its height is its size and position, its width its lifetime.";
}
