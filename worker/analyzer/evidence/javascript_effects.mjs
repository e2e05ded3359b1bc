// Measures the effects that JavaScript rules claim: `node javascript_effects.mjs`. The two sides take turns; each time is
// the least of 9 turns, which a busy machine disturbs least.

import crypto from "node:crypto";
import fs from "node:fs";

function compare(name, bad, good, turns = 9) {
  const least = [Infinity, Infinity];
  for (let turn = 0; turn < turns; turn++) {
    [bad, good].forEach((work, side) => {
      const start = performance.now();
      work();
      least[side] = Math.min(least[side], performance.now() - start);
    });
  }
  console.log(`${name}: ${least[0].toFixed(3)} ms against ${least[1].toFixed(3)} ms, ${(least[0] / least[1]).toFixed(1)}x`);
}

/** How late a timer of 1 ms is when `work` is under way, in milliseconds. */
async function lateness(work) {
  const start = performance.now();
  const timer = new Promise((resolve) => setTimeout(() => resolve(performance.now() - start - 1), 1));
  const done = work();
  const late = await timer;
  await done;
  return late;
}

console.log(process.version);
const pairs = Array.from({ length: 2000 }, (_, i) => [`key${i}`, i]);
let sink;

compare(
  "object spread in reduce, 2000 keys",
  () => { sink = pairs.reduce((all, [k, v]) => ({ ...all, [k]: v }), {}); },
  () => { sink = {}; for (const [k, v] of pairs) sink[k] = v; },
);
compare(
  "array spread in a loop, 5000 items",
  () => { let all = []; for (let i = 0; i < 5000; i++) all = [...all, i]; sink = all; },
  () => { const all = []; for (let i = 0; i < 5000; i++) all.push(i); sink = all; },
);
const lines = Array.from({ length: 20000 }, (_, i) => `user${i}=value${i}`);
compare(
  "new RegExp in a loop, 20000 lines",
  () => { sink = 0; for (const line of lines) if (new RegExp("^(\\w+)=(\\w+)$").test(line)) sink++; },
  () => { const re = /^(\w+)=(\w+)$/; sink = 0; for (const line of lines) if (re.test(line)) sink++; },
);
const numbers = Array.from({ length: 100000 }, (_, i) => i);
compare(
  "filter(...)[0] against find(...), 100000 numbers, hit in the middle",
  () => { sink = numbers.filter((n) => n > 50000)[0]; },
  () => { sink = numbers.find((n) => n > 50000); },
);
const wait = () => new Promise((resolve) => setTimeout(resolve, 20));
const start = performance.now();
for (let i = 0; i < 10; i++) await wait();
const middle = performance.now();
await Promise.all(Array.from({ length: 10 }, wait));
console.log(`10 waits of 20 ms: ${(middle - start).toFixed(0)} ms one after the other, ${(performance.now() - middle).toFixed(0)} ms together`);

const scrypt = () => new Promise((resolve) => crypto.scrypt("password", "salt", 64, resolve));
const late = { sync: Infinity, async: Infinity };
for (let turn = 0; turn < 5; turn++) {
  late.sync = Math.min(late.sync, await lateness(() => crypto.scryptSync("password", "salt", 64)));
  late.async = Math.min(late.async, await lateness(scrypt));
}
console.log(`a timer is late by ${late.sync.toFixed(1)} ms beside scryptSync, by ${late.async.toFixed(1)} ms beside scrypt`);
const file = process.execPath;
const size = (fs.statSync(file).size / 1e6).toFixed(0);
const sync = await lateness(() => fs.readFileSync(file));
const async = await lateness(() => fs.promises.readFile(file));
console.log(`a timer is late by ${sync.toFixed(1)} ms beside readFileSync of ${size} MB, by ${async.toFixed(1)} ms beside readFile`);

const ids = Array.from({ length: 20000 }, (_, i) => (i * 7919) % 10007);
compare(
  "duplicates removed with indexOf against a Set, 20000 numbers of which 10007 differ",
  () => { sink = ids.filter((id, i, all) => all.indexOf(id) === i); },
  () => { sink = [...new Set(ids)]; },
);
compare(
  "sort in each round against once, 2000 items",
  () => { const found = []; for (let i = 0; i < 2000; i++) { found.push(ids[i]); found.sort((a, b) => a - b); } sink = found; },
  () => { const found = []; for (let i = 0; i < 2000; i++) found.push(ids[i]); sink = found.sort((a, b) => a - b); },
);
for (const length of [1000, 200000]) {
  compare(
    `queue of ${length} emptied with shift against an index`,
    () => { const queue = Array.from({ length }, (_, i) => i); sink = 0; while (queue.length) sink += queue.shift(); },
    () => { const queue = Array.from({ length }, (_, i) => i); sink = 0; for (let i = 0; i < queue.length; i++) sink += queue[i]; },
    3,
  );
}
compare(
  "for...in against for...of, 100000 numbers",
  () => { sink = 0; for (const i in numbers) sink += numbers[i]; },
  () => { sink = 0; for (const n of numbers) sink += n; },
);
const byKey = Object.fromEntries(pairs);
compare(
  "Object.keys in the condition against before the loop, 2000 keys",
  () => { sink = 0; for (let i = 0; i < Object.keys(byKey).length; i++) sink += i; },
  () => { sink = 0; for (let i = 0, n = Object.keys(byKey).length; i < n; i++) sink += i; },
);
compare(
  "Object.keys(o).includes(key) against Object.hasOwn, 1000 questions to 2000 keys",
  () => { sink = 0; for (let i = 0; i < 1000; i++) if (Object.keys(byKey).includes(`key${i * 3}`)) sink++; },
  () => { sink = 0; for (let i = 0; i < 1000; i++) if (Object.hasOwn(byKey, `key${i * 3}`)) sink++; },
);
const shuffled = numbers.map((n) => (n * 7919) % 100003);
compare(
  "sort(...)[0] against one pass, 100000 numbers",
  () => { sink = [...shuffled].sort((a, b) => a - b)[0]; },
  () => { sink = shuffled.reduce((a, b) => (b < a ? b : a)); },
);
const euro = { style: "currency", currency: "EUR" };
compare(
  "Intl.NumberFormat made for each of 1000 prices against once",
  () => { sink = numbers.slice(0, 1000).map((n) => new Intl.NumberFormat("de", euro).format(n)); },
  () => { const format = new Intl.NumberFormat("de", euro); sink = numbers.slice(0, 1000).map((n) => format.format(n)); },
  5,
);
const day = { month: "long", day: "numeric" };
const dates = numbers.slice(0, 1000).map((n) => new Date(n * 86400000));
compare(
  "toLocaleDateString with options for each of 1000 dates against one Intl.DateTimeFormat",
  () => { sink = dates.map((d) => d.toLocaleDateString("en", day)); },
  () => { const format = new Intl.DateTimeFormat("en", day); sink = dates.map((d) => format.format(d)); },
  5,
);
const names = Array.from({ length: 10000 }, (_, i) => `Name ${(i * 7919) % 10007}`);
compare(
  "sort by localeCompare with options against one Intl.Collator, 10000 names",
  () => { sink = [...names].sort((a, b) => a.localeCompare(b, "de", { numeric: true })); },
  () => { sink = [...names].sort(new Intl.Collator("de", { numeric: true }).compare); },
  5,
);
