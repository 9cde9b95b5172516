// What the page carries along is, byte for byte, what the npm registry has at the version of package-lock.json.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const FILES = ["LICENSE", "lit-html.js", "directive.js", "directive-helpers.js", "directives/repeat.js"];

for (const file of FILES) {
  test(`${file} is the published one`, () => {
    const published = readFileSync(new URL(`node_modules/lit-html/${file}`, import.meta.url), "utf8");
    const vendored = readFileSync(new URL(`../../local/web/assets/vendor/${file}`, import.meta.url), "utf8");
    assert.equal(vendored, published);
  });
}
