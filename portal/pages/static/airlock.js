// Behaviour that HTML has not: uploads that go on where they stopped, one status line, copying a pass.
// Texts come from the page (data-word-...); nothing here writes HTML.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  // A problem is what its reader should meet first.
  const problem = document.querySelector("[data-focus]");
  if (problem) problem.focus();

  // The review: say which file is shown, and mark it.
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "preview") return;
    const said = byId("preview-said");
    said.textContent = `${said.dataset.word} ${byId("h-preview").dataset.said}`;
    const link = event.detail.requestConfig.elt;
    for (const file of document.querySelectorAll(".file-pick")) {
      file.dataset.shown = file.contains(link) ? "yes" : "no";
    }
    if (!matchMedia("(min-width: 60rem)").matches) byId("preview").scrollIntoView();
  });

  // A session that ended must not be swapped into the middle of a page.
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 401) window.location.reload();
  });

  const copy = document.querySelector("[data-copy]");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(byId(copy.dataset.copy).textContent);
      byId("copy-said").textContent = copy.dataset.said;
    });
  }

  const drop = byId("upload");
  if (drop) uploads(drop);

  function uploads(place) {
    const words = place.dataset;
    const slice = Number(words.slice);
    const atOnce = 3;
    const tries = 8;
    const state = { waiting: [], failed: [], running: 0, all: 0, done: 0, bytes: 0, came: 0 };
    place.hidden = false;

    class Failed extends Error {}

    async function call(method, address, body, type) {
      let answer;
      try {
        const headers = { "Tre-Form-Token": words.token, "Content-Type": type, Accept: "application/json" };
        answer = await fetch(address, { method, body, headers, credentials: "same-origin" });
      } catch {
        return { again: true };
      }
      if (answer.status >= 500 || answer.status === 429 || answer.status === 408) return { again: true };
      const told = await answer.json().catch(() => ({}));
      if (answer.ok) return { told };
      if (answer.status === 409 && /^\d+$/.test(told.offset)) return { offset: Number(told.offset) };
      throw new Failed([told.what, told.remedy].filter(Boolean).join(". "));
    }

    async function patiently(work) {
      for (let attempt = 0; attempt < tries; attempt += 1) {
        const answer = await work();
        if (!answer.again) return answer;
        say(words.wordAgain);
        await wait(Math.min(250 * 2 ** attempt, 10000));
      }
      throw new Failed(words.wordRetry);
    }

    async function announce(item) {
      const body = JSON.stringify({ path: item.path, size: item.file.size, media_type: item.file.type || null });
      const { told } = await patiently(() => call("POST", words.add, body, "application/json"));
      return told;
    }

    async function send(item) {
      let known = await announce(item);
      let offset = known.size;
      count(item, offset);
      while (!known.complete) {
        const part = item.file.slice(offset, offset + slice);
        const last = offset + part.size >= item.file.size;
        const address = `${words.add}/${known.id}/content?offset=${offset}&last=${last ? 1 : 0}`;
        const answer = await call("PUT", address, part, "application/octet-stream");
        if (answer.told) {
          known = answer.told;
          offset = known.size;
          item.attempts = 0;
        } else if (answer.offset !== undefined) {
          offset = answer.offset;
        } else {
          item.attempts += 1;
          if (item.attempts >= tries) throw new Failed(words.wordRetry);
          say(words.wordAgain);
          await wait(Math.min(250 * 2 ** item.attempts, 10000));
          known = await announce(item);
          offset = known.size;
        }
        count(item, offset);
      }
    }

    function count(item, offset) {
      state.came += offset - item.came;
      item.came = offset;
      show();
    }

    function show() {
      const part = state.bytes ? state.came / state.bytes : state.done / Math.max(state.all, 1);
      byId("going").hidden = false;
      byId("going-bar").value = part;
      byId("going-text").textContent = fill(words.wordGoing, {
        done: state.done, all: state.all, percent: Math.floor(part * 100),
      });
    }

    function say(text) {
      const said = byId("going-said");
      if (said.textContent !== text) said.textContent = text;
    }

    function fail(item, why) {
      state.failed.push(item);
      const line = document.createElement("li");
      line.className = "is-bad";
      line.textContent = fill(words.wordFailed, { path: item.path, why });
      byId("going-failed").append(line);
    }

    async function run() {
      state.running += 1;
      for (let item = state.waiting.shift(); item; item = state.waiting.shift()) {
        try {
          await send(item);
          state.done += 1;
          if (!state.failed.length) say("");
        } catch (error) {
          fail(item, error.message);
        }
        show();
      }
      state.running -= 1;
      if (!state.running) rest();
    }

    function rest() {
      const failed = state.failed.length > 0;
      say(failed ? words.wordSome : words.wordDone);
      byId("going-retry").hidden = !failed;
      window.htmx.trigger(document.body, "files-changed");
    }

    function begin(items) {
      for (const item of items) {
        state.all += 1;
        state.bytes += item.file.size;
        state.waiting.push(item);
      }
      show();
      while (state.running < atOnce && state.running < state.waiting.length + state.running && state.waiting.length) run();
    }

    const made = (file, path) => ({ file, path, came: 0, attempts: 0 });
    for (const pick of [byId("pick-files"), byId("pick-folder")]) {
      pick.addEventListener("change", () => {
        begin([...pick.files].map((file) => made(file, file.webkitRelativePath || file.name)));
        pick.value = "";
      });
    }

    byId("going-retry").addEventListener("click", () => {
      const again = state.failed.splice(0);
      byId("going-failed").replaceChildren();
      for (const item of again) {
        state.all -= 1;
        state.bytes -= item.file.size;
        state.came -= item.came;
        item.came = 0;
        item.attempts = 0;
      }
      begin(again);
    });

    async function entries(entry, before, found) {
      if (entry.isFile) {
        const file = await new Promise((done, failed) => entry.file(done, failed));
        found.push(made(file, before + entry.name));
        return;
      }
      const reader = entry.createReader();
      const some = () => new Promise((done, failed) => reader.readEntries(done, failed));
      for (let list = await some(); list.length; list = await some()) {
        for (const each of list) await entries(each, `${before}${entry.name}/`, found);
      }
    }

    place.addEventListener("dragover", (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", async (event) => {
      event.preventDefault();
      place.classList.remove("over");
      const dropped = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
      const found = [];
      for (const entry of dropped) await entries(entry, "", found);
      begin(found);
    });

    window.addEventListener("beforeunload", (event) => {
      if (state.running) event.preventDefault();
    });
  }
})();
