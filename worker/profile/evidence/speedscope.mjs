// What speedscope makes of a profile: its importer of V8's profiles, or its own sums of its own format. Prints for each
// function of a name its share itself and in total, as JSON. `node speedscope.mjs BUNDLE FILE`; agreement.py makes the
// bundle of the npm package @elg/speedscope, which is speedscope 1.9 with its importers exported.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
const { importFromChromeCPUProfile, StackListProfileBuilder } = require(process.argv[2]);
const file = JSON.parse(readFileSync(process.argv[3], 'utf8'));

function ofSpeedscope(one) {
  const builder = new StackListProfileBuilder(one.endValue - one.startValue);
  const frames = file.shared.frames.map((frame, key) => ({ key, ...frame }));
  one.samples.forEach((stack, n) => builder.appendSampleWithWeight(stack.map((at) => frames[at]), one.weights[n]));
  return builder.build();
}

const profiles = file.nodes ? [importFromChromeCPUProfile(file)] : file.profiles.map(ofSpeedscope);
const sums = {};
// A sample without a frame, as py-spy takes them while Python starts, is part of the whole; V8's idle time isn't.
let whole = file.nodes ? 0 : file.profiles.flatMap((one) => one.weights).reduce((sum, weight) => sum + weight, 0);
for (const profile of profiles) {
  if (file.nodes) whole += profile.getTotalNonIdleWeight();
  // By name, each name once a stack: frames of one name may be several of speedscope's.
  const open = {};
  const enter = (node) => {
    const sum = (sums[node.frame.name] ??= { self: 0, total: 0 });
    sum.self += node.getSelfWeight();
    if (!open[node.frame.name]) sum.total += node.getTotalWeight();
    open[node.frame.name] = (open[node.frame.name] || 0) + 1;
    node.children.forEach(enter);
    open[node.frame.name] -= 1;
  };
  profile.getAppendOrderCalltreeRoot().children.forEach(enter);
}
for (const sum of Object.values(sums)) {
  sum.self /= whole;
  sum.total /= whole;
}
console.log(JSON.stringify(sums));
