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
