// Makes data/instances.json from the npm package @cloud-carbon-footprint/aws 0.15.0 (Apache-2.0).
//
//   node worker/carbon/evidence/instances.mjs DIRECTORY > worker/carbon/data/instances.json
//
// DIRECTORY holds node_modules; worker/carbon/evidence/parity.sh makes it in target/carbon-parity/npm.
//
// Taken: EC2 instance types whose processors all have watts in the package. Left out: types with a GPU or another
// accelerator (a processor's watts are the smaller part of theirs), Macs, and types that the package gives its average of
// all processors (Ice Lake, AMD EPYC 3rd generation, the first Graviton): the average is what an unknown CPU has anyway.
import { createRequire } from "module";
import path from "path";

const home = path.resolve(process.argv[2] ?? "target/carbon-parity/npm");
const load = createRequire(path.join(home, "package.json"));
const { version, license } = load("@cloud-carbon-footprint/aws/package.json");
const types = load("@cloud-carbon-footprint/aws/dist/lib/AWSInstanceTypes.js");
const { AWS_CLOUD_CONSTANTS: watts } = load("@cloud-carbon-footprint/aws/dist/domain/AwsFootprintEstimationConstants.js");

const accelerated = new Set(Object.keys(types.GPU_INSTANCES_TYPES).map((name) => name.split(".")[0]));
for (const family of ["dl1", "f1", "inf1", "mac1", "vt1"]) accelerated.add(family);

const processors = {};
const families = {};
for (const [family, sizes] of Object.entries(types.EC2_INSTANCE_TYPES)) {
  if (accelerated.has(family)) continue;
  const of = (size) => types.INSTANCE_TYPE_COMPUTE_PROCESSOR_MAPPING[`${family}.${size}`];
  const all = Object.values(sizes);
  const row = { server_vcpus: Math.max(...all.map(([vcpus]) => vcpus)), sizes: {} };
  for (const [size, [vcpus, gib, tonnes]] of Object.entries(sizes)) {
    const has = of(size);
    if (!has?.length || !has.every((name) => name in watts.MAX_WATTS_BY_COMPUTE_PROCESSOR)) continue;
    for (const name of has) {
      processors[name] = {
        idle_watts: watts.MIN_WATTS_BY_COMPUTE_PROCESSOR[name],
        full_watts: watts.MAX_WATTS_BY_COMPUTE_PROCESSOR[name],
        arm: name.includes("Graviton"),
      };
    }
    // Tonnes as written, to a tenth of a gram: a product of floats would add dust.
    row.sizes[size] = { vcpus, gib, processors: has, server_kg: Number((tonnes * 1000).toFixed(4)) };
  }
  if (Object.keys(row.sizes).length > 0) families[family] = row;
}

const compact = (value) => JSON.stringify(value).replaceAll('":', '": ').replaceAll(",", ", ");
const table = (rows) =>
  Object.entries(rows).map(([name, row]) => `    ${JSON.stringify(name)}: ${compact(row)}`).join(",\n");
const about =
  "EC2 instance types: the processors a type may have, watts per vCPU of each (idle and full load), vCPUs and GiB of the " +
  "type, vCPUs and embodied emissions (kgCO2e) of the server it is a part of. Made by evidence/instances.mjs, which says " +
  "what is left out and why.";
process.stdout.write(`{
  "about": ${JSON.stringify(about)},
  "source": "Cloud Carbon Footprint, @cloud-carbon-footprint/aws ${version} on npm (AwsFootprintEstimationConstants, AWSInstanceTypes); upstream SPECpower for watts, the Teads dataset for embodied emissions",
  "version": "${version}",
  "date": "2026-11",
  "licence": "${license}",
  "processors": {
${table(processors)}
  },
  "families": {
${table(families)}
  }
}
`);
