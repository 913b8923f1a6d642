// Keeps an open page as the server has it: by one stream of events, or by asking again every few seconds. A page that
// nobody looks at asks for nothing.
"use strict";

(() => {
  const find = (selector, from = document) => from.querySelector(selector);

  // Longest log that a page holds, in characters; what came before is in the download.
  const LOG_MAX = 2_000_000;
  // Jobs that are counted as new; more are not told apart.
  const NEW_MAX = 1000;
  // Least time between two looks, and how many times as long as a look takes: whatever a page costs, most of the time
  // nothing is asked for.
  const REST = 400;
  const SHARE = 4;

  // What a person did to the page is kept when it is made anew: the server knows nothing of it.
  const own = {
    "open": "details, dialog",
    "hidden": "button, .zoom",
    "width": "svg.graph",
    "height": "svg.graph",
    "aria-pressed": "button",
    "data-on": "tr",
    "data-moving": ".canvas",
  };
  htmx.registerExtension("keep", {
    htmx_before_morph_attr: (node, { attrName }) => !(attrName in own && node.matches(own[attrName])),
    // The log grows by its own stream.
    htmx_before_morph_node: (node) => !(node instanceof Element && node.matches("[data-log]")),
  });

  const say = (isLive) => { find("[data-unlive]").hidden = isLive; };

  let isDue = false;
  let ended = -Infinity;
  let took = 0;
  const look = async () => {
    const begun = performance.now();
    let status = 0;
    const note = (event) => { status = event.detail.ctx.response?.status ?? 0; };
    document.addEventListener("htmx:after:request", note);
    try {
      await htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerMorph" });
    } finally {
      document.removeEventListener("htmx:after:request", note);
    }
    ended = performance.now();
    took = ended - begun;
    // Whoever is not signed in any more is asked for it, and comes back here.
    if (status === 401) location.reload();
    return status > 0 && status < 500 && status !== 429;
  };
  const refresh = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(async () => {
      const isLive = document.hidden || await look().catch(() => false);
      isDue = false;
      if (!stream || stream.readyState === EventSource.OPEN) say(isLive);
      if (!isLive) setTimeout(refresh, 5000);
    }, Math.max(REST, SHARE * took - (performance.now() - ended)));
  };

  // What is new is counted and shown on request: nothing moves what somebody reads.
  const seen = new Set();
  let isMore = false;
  const showPill = () => {
    const pill = find("[data-pill]");
    if (!pill) return;
    pill.textContent = seen.size === 0 ? "New ones" : `${seen.size}${isMore ? "+" : ""} new`;
    pill.hidden = false;
  };
  const count = (event) => {
    seen.add(JSON.parse(event.data).job);
    isMore ||= seen.size >= NEW_MAX;
    if (seen.size >= NEW_MAX) close();
    showPill();
  };
  // What came while nobody listened is not counted, but told.
  const peek = async () => {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const first = (of) => find("[data-list] tbody a", of)?.getAttribute("href");
    if (!answer.ok || first(page) === first(document)) return;
    isMore = true;
    showPill();
  };

  // Characters that turn or hide what stands around them are made visible, as the server does.
  const obeyed = new RegExp("[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b\\u200e\\u200f\\u2028-"
    + "\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]", "gu");
  const visible = (character) => {
    if (character === "\r") return "\\r";
    const number = character.codePointAt(0);
    return number < 0x100 ? `\\x${number.toString(16).padStart(2, "0")}` : `\\u{${number.toString(16)}}`;
  };
  const shown = (text) =>
    text.replace(/\u001b\[[0-9;]*m/g, "").replace(/\r\n/g, "\n").replace(obeyed, visible);

  // The last piece of the log that is on the page: attempt and number.
  let last = null;
  const logOf = (attempt) => {
    const log = find(`pre[data-attempt="${attempt}"]`);
    if (log) return log;
    const section = find("[data-log]");
    find("[data-nothing]", section)?.remove();
    const title = Object.assign(document.createElement("h3"), { textContent: `Attempt ${attempt}` });
    const fresh = Object.assign(document.createElement("pre"), { className: "log", tabIndex: 0 });
    fresh.dataset.attempt = attempt;
    section.append(title, fresh);
    return fresh;
  };
  const append = (event) => {
    const { attempt, no, text } = JSON.parse(event.data);
    if (last && (attempt < last[0] || (attempt === last[0] && no <= last[1]))) return;
    last = [attempt, no];
    const log = logOf(attempt);
    const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
    log.append(shown(text));
    let length = Number(log.dataset.length ?? log.textContent.length) + text.length;
    while (length > LOG_MAX && log.childNodes.length > 1) {
      length -= log.firstChild.length;
      log.firstChild.remove();
    }
    log.dataset.length = length;
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  };

  const jobStates = ["scheduled", "running", "succeeded", "failed", "cancelled", "timed_out"];
  const taskStates = ["waiting", "ready", "dispatched", "retrying", ...jobStates.slice(2), "skipped"];
  const types = [...jobStates.map((state) => `job.${state}`), ...taskStates.map((state) => `task.${state}`)];

  // One stream for a tab that is looked at, so that many tabs do not use up the connections.
  let stream = null;
  let again = null;
  let isLate = false;
  const close = () => {
    stream?.close();
    stream = null;
    clearTimeout(again);
  };
  // A log goes on after the last piece that is shown, whatever the page said when it was loaded.
  const place = (source) => {
    const url = new URL(source.dataset.stream, location.href);
    if (last) url.searchParams.set("cursor", last.join("."));
    else if (url.searchParams.has("cursor") && source.dataset.follow === "log") {
      last = url.searchParams.get("cursor").split(".").map(Number);
    }
    return url.href;
  };
  const follow = () => {
    close();
    const source = find("[data-stream]");
    if (!source || document.hidden || seen.size >= NEW_MAX) return;
    const how = source.dataset.follow;
    const opened = new EventSource(place(source));
    stream = opened;
    if (how === "log") opened.addEventListener("log", append);
    else for (const type of types) opened.addEventListener(type, how === "pill" ? count : refresh);
    const catchUp = () => {
      if (how === "page") refresh();
      if (how === "pill") peek().catch(() => {});
    };
    opened.addEventListener("gap", catchUp);
    opened.onopen = () => {
      say(true);
      if (isLate) catchUp();
      isLate = false;
    };
    opened.onerror = () => {
      if (opened !== stream) return;
      isLate = true;
      if (opened.readyState !== EventSource.CLOSED) return;
      // A log ends with its task; everything else was refused.
      if (how === "log") refresh();
      else say(false);
      again = setTimeout(follow, 5000 + Math.random() * 5000);
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return close();
    isLate = true;
    if (find("[data-again]")) refresh();
    return follow();
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!find("[data-stream]")) close();
  });

  // Only what goes on is looked at again, and only while somebody looks.
  setInterval(() => {
    const seconds = Number(find("[data-again]")?.dataset.again ?? Infinity);
    if (!document.hidden && performance.now() - Math.max(ended, 0) >= seconds * 1000) refresh();
  }, 1000);
  follow();
})();
