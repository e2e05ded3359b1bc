// Writes eslint's complexity of each function of a directory's JavaScript and TypeScript, for complexity.py:
//
//   npm install eslint@9 eslint-plugin-sonarjs@3 @typescript-eslint/parser@8 typescript@5
//   node complexity.mjs cyclomatic|cognitive DIRECTORY > theirs.json
//
// Cyclomatic complexity is that of eslint's own rule `complexity`, cognitive complexity that of SonarSource's plugin.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const { Linter } = require("eslint");
const sonarjs = require("eslint-plugin-sonarjs");
const parser = require("@typescript-eslint/parser");

const [measure, root] = process.argv.slice(2);
const rules = measure === "cyclomatic" ? { complexity: ["error", 0] } : { "sonarjs/cognitive-complexity": ["error", 0] };
const said = measure === "cyclomatic" ? /complexity of (\d+)/ : /Complexity from (\d+)/;
const linter = new Linter({ cwd: "/" });
const config = [
  {
    files: ["**/*.js", "**/*.cjs", "**/*.mjs", "**/*.jsx", "**/*.ts", "**/*.mts", "**/*.cts", "**/*.tsx"],
    plugins: { sonarjs: sonarjs.default ?? sonarjs },
    languageOptions: { parser, parserOptions: { ecmaFeatures: { jsx: true } } },
    linterOptions: { reportUnusedDisableDirectives: "off" },
    rules,
  },
];

function* files(directory) {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (/\.([cm]?js|[cm]?ts|tsx|jsx)$/.test(name) && !/\.d\.[cm]?ts$|\.min\.js$/.test(name)) yield path;
  }
}

const found = {};
for (const path of files(root)) {
  const text = readFileSync(path, "utf8");
  if (text.length > 500_000) continue;
  const messages = linter.verify(text, config, { filename: resolve(path), allowInlineConfig: false });
  found[relative(root, path)] = messages
    .map((message) => [message.line, Number(said.exec(message.message)?.[1])])
    .filter(([, value]) => Number.isFinite(value));
}
console.log(JSON.stringify({ measure, files: found }));
