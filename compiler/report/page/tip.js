/*
 * What every drawing has: the tooltip, and frames that say that a box holds more.
 */

/* Shades the edges of the frame beyond which a scrolled box holds more. */
function markOverflow(box) {
    const frame = box.parentElement.classList;
    frame.toggle("more-left", box.scrollLeft > 1);
    frame.toggle("more-right", box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
    frame.toggle("more-below", box.scrollHeight - box.clientHeight - box.scrollTop > 1);
}

/* At once: a ResizeObserver waits for the next frame. */
function markFrames() {
    document.querySelectorAll(".frame > .scroll").forEach((box) => markOverflow(box));
}

function watchOverflow() {
    const watcher = new ResizeObserver((entries) => entries.forEach((e) => markOverflow(e.target.closest(".scroll"))));
    for (const box of document.querySelectorAll(".frame > .scroll")) {
        box.addEventListener("scroll", () => markOverflow(box), {passive: true});
        watcher.observe(box);
        if (box.firstElementChild) watcher.observe(box.firstElementChild);
    }
}

function showTip(event, title, rows) {
    const tip = byId("tip"),
        list = make("dl");
    for (const [name, value] of rows) if (value !== "") list.append(make("dt", {}, name), make("dd", {}, value));
    tip.replaceChildren(make("b", {}, title), list);
    tip.hidden = false;
    const box = tip.getBoundingClientRect(),
        at = event.target.getBoundingClientRect();
    const x = event.clientX || at.left + at.width / 2,
        y = event.clientY || at.bottom;
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = Math.max(4, y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18) + "px";
}

function hideTip() {
    byId("tip").hidden = true;
}

function withTip(element, title, rows) {
    for (const name of ["pointerenter", "pointermove", "focus"])
        element.addEventListener(name, (e) => showTip(e, title(), rows()));
    for (const name of ["pointerleave", "blur"]) element.addEventListener(name, hideTip);
    return element;
}
