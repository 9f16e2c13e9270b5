// Improves Rapport's page, which works without it: filters and pages change without a reload, the arrow keys move over
// the days of the chart, and an opened table stays open.
"use strict";
{
  const isThisView = (url) => url.origin === location.origin && url.pathname === location.pathname;
  let latest = 0;

  // Replaces the view's content by that of another address of the same view.
  const go = async (url, push) => {
    const number = ++latest;
    const main = document.getElementById("main");
    main.setAttribute("aria-busy", "true");
    let answer;
    try {
      answer = await fetch(url, { headers: { accept: "text/html" }, credentials: "same-origin" });
    } catch {
      location.assign(url);
      return;
    }
    const html = await answer.text();
    if (number !== latest) return;
    const page = new DOMParser().parseFromString(html, "text/html");
    const next = page.getElementById("main");
    // A login, an error, or any other page than this view is loaded as a whole.
    if (!answer.ok || answer.redirected || !next || !next.classList.contains("page")) {
      location.assign(url);
      return;
    }
    const focused = document.activeElement && main.contains(document.activeElement) ? place(document.activeElement) : null;
    const open = opened(main);
    main.replaceWith(next);
    reopen(next, open);
    document.title = page.title;
    if (push) history.pushState(null, "", url);
    prepare(next);
    if (focused) next.querySelector(focused)?.focus({ preventScroll: true });
    const target = url.hash && push ? document.getElementById(url.hash.slice(1)) : null;
    if (target && target.getBoundingClientRect().top < 0) target.scrollIntoView();
    announce("The numbers have changed.");
  };

  // Returns a selector of an element's position, so that the element in the same position can take the focus.
  const place = (element) => {
    const steps = [];
    for (let at = element; at && at.id !== "main"; at = at.parentElement) {
      steps.unshift(at.id ? `#${CSS.escape(at.id)}` : `${at.localName}:nth-child(${[...at.parentElement.children].indexOf(at) + 1})`);
      if (at.id) break;
    }
    return steps.join(" > ");
  };

  const opened = (main) => [...main.querySelectorAll("details.more")].map((more) => more.open);
  const reopen = (main, open) => main.querySelectorAll("details.more").forEach((more, at) => { more.open = !!open[at]; });

  // Announces words to screen readers.
  const announce = (words) => {
    let live = document.getElementById("live");
    if (!live) {
      live = document.createElement("p");
      live.id = "live";
      live.className = "vh";
      live.setAttribute("role", "status");
      document.body.append(live);
    }
    live.textContent = words;
  };

  // Lets the arrow keys move over a chart's days.
  const prepare = (main) => {
    const chart = main.querySelector(".chart:has(.day)");
    if (!chart) return;
    const days = [...chart.querySelectorAll(".day")];
    let at = -1;
    const show = (next) => {
      days[at]?.classList.remove("shown");
      at = Math.max(0, Math.min(days.length - 1, next));
      days[at].classList.add("shown");
      announce([...days[at].querySelectorAll("text")].map((text) => text.textContent).join("; "));
    };
    chart.setAttribute("tabindex", "0");
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) show(at < 0 && step < 0 ? days.length - 1 : at + step);
      else if (event.key === "Home") show(0);
      else if (event.key === "End") show(days.length - 1);
      else return;
      event.preventDefault();
    });
    chart.addEventListener("blur", () => { days[at]?.classList.remove("shown"); at = -1; });
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("main a[href]");
    const plain = !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || link.hasAttribute("download") || link.target || link.getAttribute("href").startsWith("#")) return;
    const url = new URL(link.href);
    if (!isThisView(url)) return;
    event.preventDefault();
    go(url, true);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "get" || !form.closest("main")) return;
    const url = new URL(form.action);
    if (!isThisView(url)) return;
    const pairs = [...new FormData(form)].filter(([, value]) => value !== "");
    url.search = new URLSearchParams(pairs).toString();
    event.preventDefault();
    go(url, true);
  });

  window.addEventListener("popstate", () => go(new URL(location.href), false));
  prepare(document.getElementById("main"));
}
