// What pages can do beyond links and forms. Nothing here is needed to read them.
"use strict";

(() => {
  const root = document.documentElement;
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // Colours by hand. The server writes them into the next page, so that nothing flashes.
  const chooseTheme = () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    const path = new URL(root.dataset.root, location.href).pathname;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `warrener_theme=${root.dataset.theme}; path=${path}; max-age=31536000; samesite=lax${secure}`;
  };

  // Without https there is no clipboard to write to, but a selection can be copied.
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  };

  const units = [[86400, "d", 172800], [3600, "h", 3600], [60, "min", 60], [1, "s", 0]];
  const distance = (time) => {
    const seconds = Math.trunc((Date.now() - Date.parse(time)) / 1000);
    const size = Math.abs(seconds);
    if (size === 0) return "now";
    const [unit, name] = units.find(([, , from]) => size >= from);
    const text = `${Math.floor(size / unit)} ${name}`;
    return seconds < 0 ? `in ${text}` : `${text} ago`;
  };
  const refreshTimes = () => {
    if (document.hidden) return;
    for (const one of all("time[data-ago]")) {
      const text = distance(one.dateTime);
      if (one.textContent !== text) one.textContent = text;
    }
  };

  // Words for the term that is being typed, after those that are there already.
  const offerTerms = (field) => {
    const list = field.list;
    const terms = all("option", list).map((option) => option.value);
    field.addEventListener("input", () => {
      const before = field.value.slice(0, field.value.lastIndexOf(" ") + 1);
      const option = (term) => Object.assign(document.createElement("option"), { value: before + term });
      list.replaceChildren(...terms.map(option));
    });
  };

  // A graph is moved by dragging or scrolling, and grows under buttons or the wheel with Ctrl.
  const moveAndGrow = (canvas) => {
    const picture = find("svg", canvas);
    const buttons = canvas.previousElementSibling;
    const running = find('[data-zoom="running"]', buttons);
    let scale = 1;
    const grow = (to, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
      const [, , width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
      const before = scale;
      scale = Math.min(4, Math.max(0.05, to));
      picture.setAttribute("width", Math.round(width * scale));
      picture.setAttribute("height", Math.round(height * scale));
      canvas.scrollLeft = (canvas.scrollLeft + x) * scale / before - x;
      canvas.scrollTop = (canvas.scrollTop + y) * scale / before - y;
    };
    const wide = () => picture.viewBox.baseVal.width;
    const fit = () => grow(Math.min(1, canvas.clientWidth / wide()));
    // What runs stands in the middle, as far as there is one place where something runs.
    const showRunning = () => {
      const node = find(".node.dispatched rect", picture);
      if (running.getAttribute("aria-pressed") !== "true" || !node) return;
      const { x, y, width, height } = node.getBBox();
      const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      canvas.scrollTo({
        left: (x + width / 2) * scale - canvas.clientWidth / 2,
        top: (y + height / 2) * scale - canvas.clientHeight / 2,
        behavior: isCalm ? "auto" : "smooth",
      });
    };
    document.addEventListener("htmx:after:swap", showRunning);
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      grow(scale * (event.deltaY < 0 ? 1.15 : 1 / 1.15), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY, left: canvas.scrollLeft, top: canvas.scrollTop, far: false };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      from.far ||= Math.hypot(x, y) > 4;
      if (from.far) {
        canvas.dataset.moving = "";
        canvas.scrollTo(from.left - x, from.top - y);
      }
    });
    const drop = () => {
      delete canvas.dataset.moving;
      setTimeout(() => { from = null; });
    };
    canvas.addEventListener("pointerup", drop);
    canvas.addEventListener("pointerleave", drop);
    canvas.addEventListener("dragstart", (event) => event.preventDefault());
    canvas.addEventListener("click", (event) => { if (from?.far) event.preventDefault(); }, true);
    buttons.addEventListener("click", (event) => {
      const how = event.target.dataset.zoom;
      if (how === "in") grow(scale * 1.3);
      if (how === "out") grow(scale / 1.3);
      if (how === "fit") fit();
      if (how === "running") {
        running.setAttribute("aria-pressed", running.getAttribute("aria-pressed") !== "true");
        showRunning();
      }
    });
    buttons.hidden = false;
    if (wide() > canvas.clientWidth) grow(Math.max(0.5, canvas.clientWidth / wide()), 0, 0);
  };

  // Keys, as every list of them in the help below.
  const keys = [
    ["/", "go to the filter"],
    ["j", "next row"],
    ["k", "row before"],
    ["Enter", "open the row"],
    ["x", "mark the row"],
    ["g j", "jobs"],
    ["g o", "overview"],
    ["g q", "queues"],
    ["g w", "workers"],
    ["g s", "schedules"],
    ["g l", "limits"],
    ["g d", "dead letters"],
    ["n", "next page"],
    ["t", "light or dark"],
    ["?", "this help"],
  ];
  const places = { j: "jobs", o: "", q: "queues", w: "workers", s: "schedules", l: "limits", d: "dead" };
  let row = -1;
  let going = false;

  const rows = () => all("[data-list] tbody tr");
  const choose = (step) => {
    const list = rows();
    if (list.length === 0) return;
    list[row]?.removeAttribute("data-on");
    row = Math.min(Math.max(row + step, 0), list.length - 1);
    list[row].setAttribute("data-on", "");
    find("a", list[row])?.focus({ preventScroll: true });
    list[row].scrollIntoView({ block: "nearest" });
  };
  const help = () => {
    let dialog = find("dialog[data-keys]");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.dataset.keys = "";
      dialog.setAttribute("aria-label", "Keys");
      const list = document.createElement("dl");
      list.className = "facts";
      for (const [key, what] of keys) {
        const pair = document.createElement("div");
        const name = document.createElement("dt");
        const mark = document.createElement("kbd");
        mark.textContent = key;
        name.append(mark);
        const text = document.createElement("dd");
        text.textContent = what;
        pair.append(name, text);
        list.append(pair);
      }
      const close = Object.assign(document.createElement("button"), { textContent: "Close" });
      close.addEventListener("click", () => dialog.close());
      dialog.append(list, close);
      document.body.append(dialog);
    }
    dialog.showModal();
  };

  const pressed = {
    "/": () => find("input[type=search]")?.focus(),
    "?": help,
    j: () => choose(1),
    k: () => choose(-1),
    n: () => find("a[rel=next]")?.click(),
    t: chooseTheme,
    x: () => {
      const box = find("input[type=checkbox]", rows()[row] ?? document.createElement("tr"));
      box?.click();
    },
    g: () => {
      going = true;
      setTimeout(() => { going = false; }, 1000);
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, dialog")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (going && event.key in places) {
      going = false;
      location.href = new URL(places[event.key], new URL(root.dataset.root, location.href)).href;
      return;
    }
    const act = pressed[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do === "theme") chooseTheme();
    if (button?.dataset.do === "keys") help();
    if (button?.dataset.pill !== undefined) location.reload();
    if (button?.dataset.copy !== undefined) {
      copy(button.dataset.copy).then(() => {
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
    }
  });

  // Marked jobs are acted on like those that fit a filter: by one that names them.
  const FILTER_MAX = 2000;
  const boxes = () => all("td[data-pick] input");
  const marked = () => boxes().filter((box) => box.checked).map((box) => `"${box.value}"`);
  const showMarked = () => {
    const bar = find("[data-picked]");
    if (!bar) return;
    const ids = marked();
    const filter = `id:${ids.join(",")}`;
    const fits = filter.length <= FILTER_MAX && ids.length <= 200;
    bar.hidden = ids.length === 0;
    const words = fits ? "marked:" : "marked are too many to name one by one; narrow the filter instead.";
    find("[data-count]", bar).textContent = `${ids.length} ${words}`;
    for (const button of all("[data-bulk]", bar)) button.disabled = !fits;
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) {
      for (const box of boxes()) box.checked = event.target.checked;
    }
    if (event.target.closest("[data-pick]")) showMarked();
  });
  document.addEventListener("click", (event) => {
    const action = event.target.closest("[data-bulk]")?.dataset.bulk;
    if (!action) return;
    const url = new URL(find("[data-picked]").dataset.picked, location.href);
    url.searchParams.set("action", action);
    url.searchParams.set("q", `id:${marked().join(",")}`);
    location.href = url.href;
  });
  for (const cell of all("[data-pick]")) cell.hidden = false;
  addEventListener("pageshow", showMarked);

  const showButtons = () => {
    for (const button of all("button[data-do], button[data-copy]")) button.hidden = false;
  };
  showButtons();
  document.addEventListener("htmx:after:swap", showButtons);
  for (const canvas of all("[data-pan]")) moveAndGrow(canvas);
  for (const field of all("input[data-terms]")) offerTerms(field);
  setInterval(refreshTimes, 15000);
})();
