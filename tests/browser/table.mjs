// What a table says: cells by the words of their row and column, as a reader finds them.

/** The row whose heading is `name`. */
export function rowOf(page, name) {
  const heading = page.getByRole("rowheader", { name, exact: true });
  return page.getByRole("row").filter({ has: heading });
}

/** The headings of the columns. */
export async function columnsOf(page) {
  return (await page.getByRole("columnheader").allInnerTexts()).map((text) => text.trim());
}

/** The cell in the row of `name`, in the column `column`. */
export async function cellOf(page, name, column) {
  const place = (await columnsOf(page)).indexOf(column);
  return rowOf(page, name).locator("th, td").nth(place);
}

/** Looks at `path` again and again until `read` finds what it looks for: some cells are filled in later. */
export async function lookUntil(page, path, read) {
  const end = Date.now() + 10_000;
  do {
    await page.goto(path);
    if (await read()) return;
  } while (Date.now() < end);
  throw new Error(`${path} never showed it`);
}
