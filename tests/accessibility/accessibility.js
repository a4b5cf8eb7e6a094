/*
 * What WCAG 2 AA asks of a page that a script can see, in data-probe of the root: contrast of all
 * texts (1.4.3), names of controls and pictures (1.1.1, 4.1.2), one h1 and no level left out, no id
 * twice, scrolled regions that the keyboard reaches (2.1.1), no page wider than the window (1.4.10).
 */
"use strict";
addEventListener("load", () => {
    const wrong = new Set();
    const all = (selector, root = document) => [...root.querySelectorAll(selector)];
    const named = (e) => `${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""}${e.getAttribute("class") ? "." + e.getAttribute("class") : ""}`;
    const seen = (e) => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && e.getBoundingClientRect().width > 0;
    const rgba = (text) => {
        const n = (text.match(/[\d.]+/g) || []).map(Number);
        return text.startsWith("rgb") ? [n[0], n[1], n[2], n.length > 3 ? n[3] : 1] : [0, 0, 0, 0];
    };
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const luminance = (c) => {
        const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => {
        const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
        return (x + 0.05) / (y + 0.05);
    };
    const canvas = () => (matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1]);
    const siblingsUnder = (e) => { // those drawn before it that are under its middle, the last first
        const found = [], box = e.getBoundingClientRect(), x = (box.left + box.right) / 2;
        for (let at = e.previousElementSibling; at; at = at.previousElementSibling) {
            const b = at.getBoundingClientRect(), style = getComputedStyle(at), color = rgba(style.backgroundColor);
            color[3] *= Number(style.opacity);
            if (x >= b.left && x <= b.right) found.push(color);
        }
        return found;
    };
    const behind = (e) => { // of the boxes of HTML around it
        const layers = [];
        for (let at = e; at; at = at.parentElement) {
            layers.push(rgba(getComputedStyle(at).backgroundColor));
            if (getComputedStyle(at).position === "absolute") layers.push(...siblingsUnder(at));
        }
        return layers.reverse().reduce((below, top) => over(top, below), canvas());
    };
    const behindInDrawing = (text) => { // and of the shapes that were drawn under its middle before it
        const svg = text.closest("svg"), box = text.getBoundingClientRect();
        const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
        let color = behind(svg);
        for (const shape of all("rect, circle, polygon", svg)) {
            const b = shape.getBoundingClientRect();
            if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
            if (x < b.left || x > b.right || y < b.top || y > b.bottom) continue;
            const style = getComputedStyle(shape), fill = rgba(style.fill);
            fill[3] *= Number(style.fillOpacity) * Number(style.opacity);
            color = over(fill, color);
        }
        return color;
    };
    const check = (e) => {
        const style = getComputedStyle(e), size = parseFloat(style.fontSize), drawn = e instanceof SVGElement;
        const ground = drawn ? behindInDrawing(e) : behind(e), ink = rgba(drawn ? style.fill : style.color);
        const enough = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
        const ratio = contrast(over(ink, ground), ground);
        if (ratio < enough) wrong.add(`${named(e)} '${e.textContent.trim().slice(0, 20)}': contrast ${ratio.toFixed(2)}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let count = 0;
    for (let t; (t = texts.nextNode());) {
        const e = t.parentElement;
        if (!t.data.trim() || e.closest("script, style, noscript, option, title") || !seen(e) || e.disabled) continue;
        check(e);
        count++;
    }
    if (!count) wrong.add("there is no text");
    for (const e of all("input, select, button, textarea"))
        if (seen(e) && !e.ariaLabel && !e.labels?.length && !e.textContent.trim()) wrong.add(`${named(e)}: no name`);
    for (const e of all("svg"))
        if (seen(e) && !e.closest("[aria-hidden=true]") && !e.getAttribute("aria-label") && !e.querySelector(":scope > title"))
            wrong.add(`${named(e)} in ${named(e.parentElement)}: a picture without a name`);
    for (const e of all("canvas, img"))
        if (seen(e) && !e.closest("[aria-hidden=true]") && !e.ariaLabel && !e.alt) wrong.add(`${named(e)}: a picture without a name`);
    let level = 0;
    for (const e of all("h1, h2, h3, h4").filter(seen)) {
        const own = Number(e.tagName[1]);
        if (own > level + 1) wrong.add(`${named(e)}: a level is left out`);
        level = own;
    }
    if (all("h1").length !== 1) wrong.add("not one h1");
    const ids = all("[id]").map((e) => e.id);
    ids.filter((id, i) => ids.indexOf(id) < i).forEach((id) => wrong.add(`id ${id} is there twice`));
    for (const e of all(".scroll").filter(seen))
        if ((e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && e.tabIndex < 0 && !e.querySelector("a, button, [tabindex]"))
            wrong.add(`${named(e)} of ${named(e.closest("section, div:not(.scroll)"))}: scrolls, and the keyboard does not reach it`);
    if (document.documentElement.scrollWidth > innerWidth) wrong.add("wider than the window");
    const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    document.documentElement.setAttribute("data-probe", `${scheme} ${wrong.size ? [...wrong].slice(0, 12).join("; ").replace(/"/g, "'") : "ok"}`);
});
