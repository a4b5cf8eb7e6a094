/*
 * Goes through a trace step by step as a reader does, with the keys, the buttons and the slider,
 * and says what is wrong in data-probe.
 */
"use strict";
addEventListener("load", () => {
    const wrong = [...probeErrors];
    const expect = (what, is) => is || wrong.push(what);
    const drawn = (kind) => document.querySelectorAll(`#drawing .${kind}`).length;
    const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key}));
    const calls = data.calls.length,
        last = () => document.getElementById("last").click();
    expect("gradients before the backward pass", drawn("gradient") === 0);
    let values = drawn("value"),
        gradients = 0;
    for (let i = 1; i <= calls; i++) {
        press("ArrowRight");
        expect(`step ${i}: not shown`, document.getElementById("where").textContent.startsWith(`${i} of ${calls}`));
        expect(`step ${i}: a value is gone`, drawn("value") >= values);
        expect(`step ${i}: a gradient is gone`, drawn("gradient") >= gradients);
        values = drawn("value");
        gradients = drawn("gradient");
        const value = [data.calls[i - 1].value].flat(Infinity),
            pictures = document.querySelectorAll("#now .array-tiles canvas, #now .histogram rect").length;
        expect(`step ${i}: pictures`, pictures > 0 === (value.length > 32 && new Set(value).size > 1));
    }
    expect("values are missing", values === data.steps.length);
    expect("gradients are missing", gradients === data.steps.filter((s) => s.gradient !== null).length);
    press("Home");
    expect("Home", document.getElementById("back").disabled && drawn("gradient") === 0);
    const slider = document.getElementById("at");
    slider.value = calls;
    slider.dispatchEvent(new Event("input"));
    expect("the slider", drawn("gradient") === gradients && document.getElementById("forth").disabled);
    document.getElementById("back").click();
    last();
    expect("the buttons", document.getElementById("where").textContent.startsWith(`${calls} of`));
    data.steps.forEach((step, i) => {
        if (!step.window) return;
        document.querySelectorAll("#drawing .box")[i].dispatchEvent(new Event("click"));
        const canvas = document.getElementById("output-image");
        expect(`${step.name}: no window`, !document.getElementById("window").hidden && canvas.width > 0);
        const box = canvas.getBoundingClientRect();
        canvas.dispatchEvent(new PointerEvent("pointermove", {clientX: box.right - 2, clientY: box.bottom - 2}));
        const image = step.value[0][0],
            corner = `(${image.length - 1}, ${image[0].length - 1})`;
        const widest = Math.max(...image.flat().map((x) => canvas.getContext("2d").measureText(number(x)).width));
        expect(`${step.name}: numbers overlap`, canvas.cell < 24 || widest <= canvas.cell);
        expect(`${step.name}: no hover`, document.getElementById("window-text").textContent.includes(corner));
    });
    dispatchEvent(new Event("beforeprint"));
    dispatchEvent(new Event("beforeprint")); /* printed twice */
    document.querySelectorAll("#calls tr td:last-child").forEach((cell, i) => {
        const value = [data.calls[i].value].flat(Infinity),
            drawn = value.length > 32 && new Set(value).size > 1;
        expect(`call ${i + 1}: pictures on paper`, cell.querySelectorAll(".array-tiles, .histogram").length === (drawn ? 1 : 0));
    });
    expect("wider than the window", document.documentElement.scrollWidth <= innerWidth);
    document.body.setAttribute("data-probe", wrong.length ? wrong.join("; ").replace(/"/g, "'") : "ok");
});
