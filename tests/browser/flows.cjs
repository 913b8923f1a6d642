// Drives the dashboard with a real browser, as a person would: `node flows.cjs URL FOLDER`. Screenshots go to FOLDER.
// With `guarded` behind that, where the tokens `boss-token` and `reader-token` are known.
// Each flow is a line on stdout; the first that fails ends it all, with what was seen. With ONLY in the environment
// those alone whose names have these words.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const puppeteer = require("puppeteer-core");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [url, folder, guarded] = process.argv.slice(2);
const programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM || programs.find((program) => fs.existsSync(program));

const HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u001b[31m\u202e</td></textarea>";

const faults = [];

const check = (fact, words) => {
  if (!fact) throw new Error(words);
};

const watch = (page) => {
  page.on("console", (message) => {
    const text = message.text();
    // What is refused on purpose is told by the browser too.
    if (message.type() === "error" && !/status of (4\d\d)/.test(text)) faults.push(`console: ${text}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) faults.push(`asks ${request.url()}`);
  });
};

const open = async (page, place) => {
  const answer = await page.goto(`${url}/${place}`, { waitUntil: "load" });
  return answer.status();
};

const text = (page) => page.evaluate(() => document.body.innerText);

const submit = async (job) => {
  const answer = await fetch(`${url}/api/v1/jobs`, { method: "POST", body: JSON.stringify(job) });
  const body = await answer.json();
  check(answer.ok, `submit: ${JSON.stringify(body)}`);
  return body.id;
};

const until = async (what, look) => {
  for (let i = 0; i < 300; i += 1) {
    if (await look()) return;
    await new Promise((done) => { setTimeout(done, 100); });
  }
  throw new Error(`${what} did not come`);
};

// A tab that somebody leaves for another one, or comes back to.
const turn = (page, isHidden) => page.evaluate((hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, isHidden);

const refreshed = (page) => page.waitForResponse((answer) =>
  answer.url() === page.url() && answer.request().resourceType() !== "document");

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

const state = async (id) => (await (await fetch(`${url}/api/v1/jobs/${id}`)).json()).state;

const put = async (place, body) => {
  const answer = await fetch(`${url}/api/v1/${place}`, { method: "PUT", body: JSON.stringify(body) });
  check(answer.ok, `${place}: ${await answer.text()}`);
};

const press = async (page, label) => {
  const button = await page.$(`::-p-aria([name="${label}"][role="button"])`)
    || await page.$(`::-p-aria([name="${label}"][role="link"])`);
  check(button, `nothing is called ${label} on ${page.url()}`);
  await Promise.all([page.waitForNavigation(), button.click()]);
};

const furnish = async () => {
  await submit({ id: "shop-1", name: "nightly-report", labels: { team: "growth", region: "eu" }, tasks: {
    extract: { kind: "shop.ok" },
    clean: { kind: "shop.ok", needs: ["extract"] },
    train: { kind: "shop.ok", needs: ["clean"] },
    check: { kind: "shop.ok", needs: ["clean"] },
    shards: { kind: "shop.ok", needs: ["clean"], for_each: { items: [...Array(12).keys()], max_parallel: 3 } },
    report: { kind: "shop.ok", needs: ["train", "check", "shards", "extract"] },
  } });
  const retry = { max_attempts: 2, delay: "100ms" };
  await submit({ id: "broken-1", kind: "shop.fail", labels: { team: "growth" }, retry });
  await submit({ id: "stuck-1", kind: "nobody.serves", queue: "lonely" });
  for (const key of ["1", "2"]) {
    await submit({ id: `approve-${key}`, name: "approve", tasks: {
      ask: { kind: "warrener.wait", input: { event: "approval", key } },
      go: { kind: "shop.ok", needs: ["ask"] },
    } });
  }
  await submit({ id: "hostile-1", name: "hostile", labels: { note: HOSTILE.slice(0, 60) }, tasks: {
    talk: { kind: "shop.echo", input: { [HOSTILE]: HOSTILE, big: 1 } },
  } });
  await submit({ id: "later-1", kind: "shop.ok", delay: "1h" });
  const report = { kind: "shop.ok", labels: { team: "growth" }, input: { day: "${{ schedule.local }}" } };
  await put("schedules/nightly-report", {
    description: "Counts what was sold the day before", cron: "30 2 * * *", zone: "Europe/Berlin", job: report,
  });
  await put("schedules/every-quarter", { every: "15m", phase: "1m", overlap: "queue", job: { kind: "shop.ok" } });
  await put("schedules/odd-days", { cron: ["0 6 1-7 * MON", "@monthly"], paused: true, job: { kind: "shop.ok" } });
  await put("limits/tenants", {
    on: "kind:nobody.limited", key: "${{ job.labels.tenant }}", concurrency: 2, rate: "600/m", burst: 20,
  });
  await put("limits/tenants/keys/acme", { concurrency: 5 });
  await put(`limits/tenants/keys/${encodeURIComponent("a/b & co")}`, { paused_until: "2037-01-01T00:00:00Z" });
  for (const tenant of ["acme", "acme", "globex", "initech", "initech", "initech"]) {
    await submit({ kind: "nobody.limited", queue: "lonely", labels: { tenant } });
  }
  const kinds = ["fetch", "parse", "embed", "score"];
  const tasks = {};
  for (let at = 0; at < 400; at += 1) {
    const other = Math.floor(at / 80) * 80 - 80 + ((at * 7) % 80);
    const needs = at < 80 ? [] : [...new Set([`t${at - 80}`, `t${other}`])];
    tasks[`t${at}`] = { kind: `demo.${kinds[at % 4]}`, queue: "lonely", needs };
  }
  await submit({ id: "large-1", name: "large", tasks });
  await until("the report", async () => await state("shop-1") === "succeeded");
  await until("the failure", async () => await state("broken-1") === "failed");
};

const flows = {
  "a failed job is found, and says why": async (page) => {
    await open(page, "jobs");
    await page.click('a[href*="state%3Afailed"]');
    await page.waitForSelector("td.main a");
    await Promise.all([page.waitForNavigation(), page.click("td.main a")]);
    check((await text(page)).includes("broken on purpose"), await text(page));
  },
  "it is tried again by a button": async (page) => {
    await open(page, "jobs/broken-1");
    await press(page, "Retry");
    check(page.url().endsWith("/jobs/broken-1"), page.url());
    await until("the end", async () => await state("broken-1") === "failed");
  },
  "a queue is paused and resumed": async (page) => {
    await open(page, "queues");
    const queues = async () => (await (await fetch(`${url}/api/v1/queues`)).json()).items;
    const paused = async () => (await queues()).find((one) => one.name === "lonely").paused;
    const button = 'form[action*="/lonely/"] button';
    await Promise.all([page.waitForNavigation(), page.click(button)]);
    check(await paused(), "it is not paused");
    await Promise.all([page.waitForNavigation(), page.click(button)]);
    check(!await paused(), "it is still paused");
  },
  "a job is cancelled after a question": async (page) => {
    await open(page, "jobs/stuck-1");
    check((await text(page)).includes("Why it waits"), await text(page));
    await press(page, "Cancel");
    check((await text(page)).includes("Tasks that run are stopped"), await text(page));
    await press(page, "Cancel");
    await until("the end", async () => await state("stuck-1") === "cancelled");
  },
  "a job is written, judged as one types, and submitted": async (page) => {
    await open(page, "submit");
    await page.type("#job", '{"kind": "shop.ok", "inptu": 1}');
    await page.waitForSelector("#verdict .bad");
    check((await text(page)).includes("/inptu"), await text(page));
    await page.$eval("#job", (field) => { field.value = ""; });
    await page.type("#job", '{"id": "typed-1", "kind": "shop.ok"}');
    await page.waitForSelector("#verdict .good");
    await press(page, "Submit");
    check(page.url().endsWith("/jobs/typed-1"), page.url());
  },
  "everything is reached by keys alone": async (page) => {
    await open(page, "jobs");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    check(page.url().includes("/jobs/"), page.url());
    await page.keyboard.press("g");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("q")]);
    check(page.url().endsWith("/queues"), page.url());
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Escape");
    await open(page, "jobs");
    await page.keyboard.press("/");
    await page.keyboard.type("state:succeeded");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    check(page.url().includes("state%3Asucceeded"), page.url());
  },
  "pages are read and used without JavaScript": async (page) => {
    await page.setJavaScriptEnabled(false);
    await open(page, "jobs/large-1");
    check((await text(page)).includes("t0"), await text(page));
    await press(page, "Pause");
    check((await text(page)).includes("paused"), await text(page));
    await press(page, "Resume");
    await page.setJavaScriptEnabled(true);
  },
  "colours are chosen by hand and kept": async (page) => {
    await open(page, "jobs");
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    await page.keyboard.press("t");
    const after = await ground();
    check(before !== after, "the colours did not change");
    await open(page, "queues");
    check(await ground() === after, "the next page has other colours");
    await page.keyboard.press("t");
  },
  "the graph is moved and enlarged": async (page) => {
    await open(page, "jobs/large-1/graph?all=true");
    const wide = () => page.$eval(".canvas svg", (picture) => picture.getBoundingClientRect().width);
    const before = await wide();
    await page.click('button[data-zoom="in"]');
    check(await wide() > before, "it did not grow");
  },
  "what is new is counted and moves nothing": async (page) => {
    await open(page, "jobs");
    const rows = () => page.$$eval("tbody tr", (all) => all.length);
    const before = await rows();
    await submit({ id: "fresh-1", kind: "shop.ok" });
    await page.waitForFunction(() => document.querySelector("[data-pill]:not([hidden])")?.textContent === "1 new");
    check(await rows() === before, "the list moved");
    await Promise.all([page.waitForNavigation(), page.click("[data-pill]")]);
    check((await text(page)).includes("fresh-1"), "it is not shown");
  },
  "a waiting task is answered by a form": async (page) => {
    await open(page, "jobs/approve-2/tasks/ask");
    check((await text(page)).includes("Why it waits"), await text(page));
    await page.$eval("#answer", (field) => { field.value = ""; });
    await page.type("#answer", '{"yes": 1.50}');
    await press(page, "Answer");
    check((await text(page)).includes("1.50"), "the answer is not shown as it was given");
  },
  "a job is followed to its end without a hand": async (page) => {
    await open(page, "jobs/approve-1");
    const events = page.waitForRequest((request) => request.url().includes("/api/v1/events"));
    await page.reload();
    await events;
    const answer = await fetch(`${url}/api/v1/events/approval/1`, { method: "POST", body: "true" });
    check(answer.ok, `the answer was refused: ${answer.status}`);
    await page.waitForFunction(() => document.querySelector("h1").innerText.includes("succeeded"));
  },
  "a log is followed through other tabs, each line once and harmless": async (page) => {
    await submit({ id: "slow-1", tasks: { talk: { kind: "shop.slow" } } });
    await open(page, "jobs/slow-1");
    await page.waitForFunction(() => document.querySelector("td[data-label=State]").innerText.includes("running"));
    await open(page, "jobs/slow-1/tasks/talk");
    const log = () => page.evaluate(() => document.querySelector("pre.log")?.textContent ?? "");
    await page.waitForFunction(() => document.querySelector("pre.log")?.textContent.includes("line 3."));
    for (let round = 0; round < 2; round += 1) {
      await turn(page, true);
      await pause(1000);
      await turn(page, false);
      await pause(700);
    }
    await page.waitForFunction(() => document.querySelector("h1").innerText.includes("succeeded"));
    await page.waitForFunction(() => document.querySelector("pre.log").textContent.includes("over"));
    const lines = (await log()).split("\n").filter((line) => line.startsWith("line"));
    check(lines.join(" ") === [...Array(12).keys()].map((no) => `line ${no + 1}.`).join(" "), lines.join(" "));
    check((await log()).includes("\\u{202e}over\\x1b[2J"), JSON.stringify(await log()));
  },
  "a page that is looked at again keeps what one did to it": async (page) => {
    const task = { kind: "nobody.serves", queue: "other" };
    const input = { list: [1, { deep: true }] };
    await submit({ id: "open-1", input, tasks: { first: task, second: { ...task, needs: ["first"] } } });
    await open(page, "jobs/open-1/graph");
    const wide = () => page.$eval(".canvas svg", (picture) => picture.getBoundingClientRect().width);
    await page.click('button[data-zoom="in"]');
    const before = await wide();
    await page.click('button[data-zoom="running"]');
    await refreshed(page);
    await pause(500);
    check(await wide() === before, `it was ${before} wide and is ${await wide()}`);
    check(await page.$eval(".zoom", (zoom) => !zoom.hidden), "the buttons are gone");
    const pressed = await page.$eval('button[data-zoom="running"]', (button) => button.getAttribute("aria-pressed"));
    check(pressed === "true", "it follows no more");
    await open(page, "jobs/open-1/data");
    await page.click(".tree summary");
    await refreshed(page);
    await pause(500);
    check(await page.$eval(".tree details", (details) => !details.open), "it unfolded by itself");
  },
  "a stream that is refused is said and tried again": async (page) => {
    let refused = 0;
    await page.setRequestInterception(true);
    page.on("request", (request) => {
      if (!request.url().includes("/api/v1/events") || refused > 0) return request.continue();
      refused += 1;
      return request.respond({ status: 429, body: "too many" });
    });
    await open(page, "jobs");
    await page.waitForSelector("[data-unlive]:not([hidden])");
    await page.waitForSelector("[data-unlive]", { hidden: true, timeout: 15000 });
    await submit({ id: "fresh-2", kind: "shop.ok" });
    await page.waitForFunction(() => document.querySelector("[data-pill]:not([hidden])")?.textContent.includes("new"));
    check(refused === 1, "it was not refused");
  },
  "what came while a tab was hidden is told": async (page) => {
    await open(page, "jobs");
    await turn(page, true);
    await submit({ id: "fresh-3", kind: "shop.ok" });
    await pause(500);
    await turn(page, false);
    await page.waitForFunction(() => /new/i.test(document.querySelector("[data-pill]:not([hidden])")?.textContent));
  },
  "two jobs are marked by keys and cancelled": async (page) => {
    for (const no of [1, 2, 3]) await submit({ id: `mark-${no}`, kind: "nobody.serves", queue: "lonely" });
    await open(page, "jobs?q=id:mark-*");
    check(await page.$eval("[data-picked]", (bar) => bar.hidden), "nothing is marked yet");
    for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
    check((await text(page)).includes("2 marked:"), await text(page));
    await Promise.all([page.waitForNavigation(), page.click('[data-bulk="cancel"]')]);
    check((await text(page)).includes("Cancel 2 jobs?"), await text(page));
    await press(page, "Cancel them");
    await until("the end of two", async () =>
      await state("mark-3") === "cancelled" && await state("mark-2") === "cancelled");
    check(await state("mark-1") === "running", "the third was cancelled too");
  },
  "the overview goes on by itself": async (page) => {
    await open(page, "");
    const tile = () => page.$eval('a.tile[href*="scheduled"] strong', (count) => Number(count.textContent));
    const before = await tile();
    await submit({ id: "later-2", kind: "shop.ok", delay: "1h" });
    await until("the new number", async () => await tile() === before + 1);
    await turn(page, true);
    let asked = 0;
    page.on("request", () => { asked += 1; });
    await pause(7000);
    check(asked === 0, "a page that nobody looks at asks for something");
  },
  "a schedule is paused, run and backfilled": async (page) => {
    await open(page, "schedules");
    await Promise.all([page.waitForNavigation(), page.click('a[href$="/nightly-report"]')]);
    check(/gap: the clocks|fold: the clocks/.test(await text(page)), await text(page));
    await press(page, "Pause");
    check((await text(page)).includes("Nothing of these starts"), await text(page));
    await press(page, "Resume");
    await press(page, "Run now");
    check(page.url().includes("/jobs/nightly-report%3A"), page.url());
    await open(page, "schedules/nightly-report");
    await press(page, "Backfill");
    await page.$eval("#from", (field) => { field.value = "2026-01-01T00:00:00Z"; });
    await page.$eval("#to", (field) => { field.value = "2026-01-04T00:00:00Z"; });
    await press(page, "What would it start?");
    check((await text(page)).includes("3 ticks would be started"), await text(page));
    await press(page, "Start them");
    await until("the ticks", async () => {
      await page.reload();
      return (await page.$$("td .started")).length === 4;
    });
  },
  "a key of a limit is paused, resumed and set": async (page) => {
    await open(page, "limits");
    await Promise.all([page.waitForNavigation(), page.click('a[href$="/tenants"]')]);
    check((await text(page)).includes("initech"), await text(page));
    await Promise.all([page.waitForNavigation(), page.click('a[href$="key=globex"]')]);
    await press(page, "Pause");
    check((await text(page)).includes("Paused until"), await text(page));
    await press(page, "Resume");
    check(!(await text(page)).includes("Paused until"), await text(page));
    await page.type("#concurrency", "7");
    await press(page, "Set");
    check((await text(page)).includes("of 7"), await text(page));
    await open(page, "limits/tenants?q=key:a*");
    check(!(await text(page)).includes("globex"), "the filter does nothing");
  },
  "a made up address is answered with a page": async (page) => {
    for (const place of ["jobs/none", "jobs?q=stat:x", "nothing/here", "jobs?cursor=%00", "dead/77"]) {
      const status = await open(page, place);
      check(status >= 400 && status < 500, `${place}: ${status}`);
      check(await page.$(".notice.bad"), `${place} does not say what is wrong`);
    }
  },
};

// Comes last: nothing is worked on any more.
const drain = async (page) => {
  await open(page, "workers");
  await press(page, "Drain");
  await press(page, "Drain");
  const workers = async () => (await (await fetch(`${url}/api/v1/workers`)).json()).items;
  await until("the drain", async () => (await workers()).some((worker) => worker.draining));
};

const PLACES = [
  "", "jobs", "jobs/shop-1", "jobs/shop-1/graph", "jobs/shop-1/timeline", "jobs/shop-1/events", "jobs/shop-1/data",
  "jobs/shop-1/tasks/report", "jobs/broken-1", "jobs/broken-1/tasks/task", "jobs/broken-1/timeline",
  "jobs/hostile-1", "jobs/hostile-1/data", "jobs/hostile-1/tasks/talk", "jobs/approve-1", "jobs/large-1/graph",
  "jobs/shop-1/do/delete", "queues", "workers", "dead", "audit", "config", "schedules", "schedules/nightly-report",
  "schedules/odd-days", "schedules/nightly-report/backfill",
  "schedules/nightly-report/backfill?from=2026-01-01T00:00:00Z&to=2026-01-04T00:00:00Z",
  "limits", "limits/tenants", "limits/tenants/key?key=acme", "limits/tenants/key?key=a%2Fb%20%26%20co", "submit?example=graph", "sign-in", "jobs/none",
];

const signIn = async (page, token) => {
  await page.type("#token", token);
  await press(page, "Sign in");
};

const guardedFlows = {
  "one signs in, is led to the page that was wanted, and signs out": async (page) => {
    check(await open(page, "jobs?q=kind:a") === 401, "nobody was asked who it is");
    await signIn(page, "wrong-token");
    check((await text(page)).includes("not known"), await text(page));
    await signIn(page, "boss-token");
    check(page.url().endsWith("/jobs?q=kind%3Aa"), page.url());
    check((await text(page)).includes("Audit"), await text(page));
    const seen = await page.evaluate(() => document.cookie);
    check(!seen.includes("warrener_session"), "scripts see the session");
    await press(page, "Sign out");
    check(await open(page, "jobs") === 401, "one is still signed in");
  },
  "a reader sees no button that would be refused": async (page) => {
    const headers = { authorization: "Bearer boss-token" };
    const body = JSON.stringify({ id: "a", kind: "nobody.serves" });
    await fetch(`${url}/api/v1/jobs`, { method: "POST", headers, body });
    await open(page, "jobs/a");
    await signIn(page, "reader-token");
    check(page.url().endsWith("/jobs/a"), page.url());
    check(await page.$("main form, main .button") === null, "there is a button");
    const status = await page.evaluate(async () => (await fetch("a/do/cancel", { method: "POST" })).status);
    check(status === 403, `${status}`);
    check(await open(page, "audit") === 403, "a reader sees the audit");
  },
};

const name = (place) => place.replace(/[^a-z0-9]+/gi, "-") || "overview";

// Every page in both colours and on a desk and in a hand: no fault of accessibility, nothing wider than the screen.
const look = async (page) => {
  const wrong = [];
  // Colours are those of the system again.
  await page.deleteCookie({ name: "warrener_theme", url });
  for (const scheme of ["light", "dark"]) {
    const calm = { name: "prefers-reduced-motion", value: "reduce" };
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, calm]);
    for (const width of [1440, 390, 360]) {
      await page.setViewport({ width, height: 900 });
      for (const place of PLACES) {
        await open(page, place);
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (excess > 0) wrong.push(`${place} at ${width}: ${excess} px too wide`);
        if (width === 360) continue;
        await page.evaluate(axe);
        const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
        for (const violation of found.violations) {
          const nodes = violation.nodes.slice(0, 3).map((node) => node.target.join(" "));
          wrong.push(`${place} ${scheme} ${width}: ${violation.id}: ${nodes.join("; ")}`);
        }
        await page.screenshot({ path: path.join(folder, `${name(place)}-${width}-${scheme}.png`) });
      }
    }
  }
  check(wrong.length === 0, wrong.join("\n"));
};

const main = async () => {
  fs.mkdirSync(folder, { recursive: true });
  // The tests may run as root, where Chromium has no sandbox.
  const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    if (!guarded) await furnish();
    const everything = { ...flows, "every page is sound in every size and colour": look, "a worker is drained": drain };
    const wanted = ([what]) => what.includes(process.env.ONLY ?? "");
    for (const [what, flow] of Object.entries(guarded ? guardedFlows : everything).filter(wanted)) {
      const page = await browser.newPage();
      await page.setViewport({ width: 1440, height: 900 });
      watch(page);
      await flow(page).catch((error) => {
        error.message = `${what}: ${error.message}`;
        throw error;
      });
      await page.close();
      check(faults.length === 0, `${what}: ${[...new Set(faults)].join("\n")}`);
      console.log(`ok ${what}`);
    }
  } finally {
    await browser.close();
  }
};

main().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
