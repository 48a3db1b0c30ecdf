import { expect, test } from "@playwright/test";

test.beforeEach(({ page }) => page.setContent("<h1>Words</h1><p>one two</p>"));

test("a page has a heading", async ({ page }) => {
  await expect(page.getByRole("heading")).toHaveText("Words");
});

test("a page has three words, which fails", async ({ page }) => {
  expect((await page.locator("p").textContent()).split(" ")).toHaveLength(3);
});

test("a page is there the second time", async ({ page }, { retry }) => {
  await expect(page.getByText("one two")).toHaveCount(retry);
});

test.skip("a page is counted", () => {});
