import { page } from "./browser.ts";

/** Keeps the screen on while the page is in front, where the browser can; a device that sleeps does not work. Gives what ends it. */
export function keepAwake(): () => void {
  let ended = false;
  let lock: { release(): Promise<void> } | undefined;
  const take = async (): Promise<void> => {
    if (ended || page.document.visibilityState === "hidden") return;
    // Browsers refuse it when the battery is low; then the page works on as long as it may.
    lock = await page.navigator.wakeLock?.request("screen").catch(() => undefined);
    if (ended) await lock?.release();
  };
  // Browsers let go of the lock when the page goes out of sight.
  const seen = (): void => void take();
  page.document.addEventListener("visibilitychange", seen);
  seen();
  return () => {
    ended = true;
    page.document.removeEventListener("visibilitychange", seen);
    void lock?.release();
  };
}
