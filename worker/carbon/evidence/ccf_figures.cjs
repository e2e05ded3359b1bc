// What Cloud Carbon Footprint itself makes of cases: a JSON object on each line in, its figures on the same line out.
// Run by parity.py. All arithmetic and every coefficient is the packages': the estimators of core, the constants of aws.
const path = require("path");
const { createRequire } = require("module");

const home = createRequire(path.join(path.resolve(process.argv[2]), "package.json"));
const types = home("@cloud-carbon-footprint/aws/dist/lib/AWSInstanceTypes.js");
const domain = home("@cloud-carbon-footprint/aws/dist/domain/AwsFootprintEstimationConstants.js");
// The core that this version of aws depends on.
const core = createRequire(home.resolve("@cloud-carbon-footprint/aws/package.json"))("@cloud-carbon-footprint/core");
const { AWS_CLOUD_CONSTANTS: constants, AWS_EMISSIONS_FACTORS_METRIC_TON_PER_KWH: factors } = domain;
// The newest core has newer factors for the grids of the United States; aws 0.15.0 is the newest of its kind.
const newest = home("@cloud-carbon-footprint/core").US_NERC_REGIONS_EMISSIONS_FACTORS;
const GRAMS_PER_TONNE = 1e6;

// The region's factor as the embedded table has it: aws 0.15.0's, with core 1.0.0's grids of the United States.
function newestFactor(region) {
  const grids = Object.entries(core.US_NERC_REGIONS_EMISSIONS_FACTORS);
  const grid = region.startsWith("us-") ? grids.find(([, factor]) => factor === factors[region]) : undefined;
  return grid ? newest[grid[0]] : factors[region];
}

function figures({ instance_type, vcpu_hours, gib_hours, region, hours }) {
  const processors = types.INSTANCE_TYPE_COMPUTE_PROCESSOR_MAPPING[instance_type] ?? [core.COMPUTE_PROCESSOR_TYPES.UNKNOWN];
  const found = {
    minWatts: constants.getMinWatts(processors),
    maxWatts: constants.getMaxWatts(processors),
    powerUsageEffectiveness: constants.getPUE(region),
  };
  const usage = { timestamp: new Date(0), cpuUtilizationAverage: 100, vCpuHours: vcpu_hours, usesAverageCPUConstant: false };
  const compute = new core.ComputeEstimator().estimate([usage], region, factors, found)[0];
  const memoryEstimator = new core.MemoryEstimator(constants.MEMORY_COEFFICIENT);
  const memory = memoryEstimator.estimate([{ timestamp: new Date(0), gigabyteHours: gib_hours }], region, factors, found)[0];
  let embodied = null;
  if (instance_type) {
    const [family, size] = instance_type.split(".");
    const sizes = Object.values(types.EC2_INSTANCE_TYPES[family]);
    const [instancevCpu, , scopeThreeEmissions] = types.EC2_INSTANCE_TYPES[family][size];
    // As its cost reports do: the largest of a family is its last.
    const largestInstancevCpu = sizes[sizes.length - 1][0];
    const share = { usageTimePeriod: hours, instancevCpu, largestInstancevCpu, scopeThreeEmissions };
    const estimator = new core.EmbodiedEmissionsEstimator(constants.SERVER_EXPECTED_LIFESPAN);
    embodied = estimator.estimate([share], region, factors)[0].co2e * GRAMS_PER_TONNE;
  }
  return {
    kwh: compute.kilowattHours + memory.kilowattHours,
    grams: (compute.co2e + memory.co2e) * GRAMS_PER_TONNE,
    g_per_kwh: factors[region] * GRAMS_PER_TONNE,
    table_g_per_kwh: newestFactor(region) * GRAMS_PER_TONNE,
    embodied_grams: embodied,
  };
}

const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) console.log(JSON.stringify(figures(JSON.parse(line))));
