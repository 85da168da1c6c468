/**
 * Tells when the page or the network comes back: the tab is shown, thawed, restored from the back/forward cache, or online again.
 * Phones freeze pages without closing their sockets, so only asking shows whether the connection still lives. Answers how
 * to stop; does nothing outside of a browser.
 */
export function watchWakes(onWake: () => void): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") return () => undefined;
  const shown = (): void => {
    if (document.visibilityState === "visible") onWake();
  };
  window.addEventListener("pageshow", onPageShow);
  window.addEventListener("online", onWake);
  document.addEventListener("visibilitychange", shown);
  document.addEventListener("resume", onWake);
  return () => {
    window.removeEventListener("pageshow", onPageShow);
    window.removeEventListener("online", onWake);
    document.removeEventListener("visibilitychange", shown);
    document.removeEventListener("resume", onWake);
  };

  function onPageShow(event: PageTransitionEvent): void {
    if (event.persisted) onWake();
  }
}
