// node --test infra/rotation
import assert from "node:assert/strict";
import { createVerify, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { INGRESS_HAS_LOOKED_MS, rotation, signIn } from "./rotation.mjs";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});
const NOW = Date.UTC(2026, 10, 22);

/** Secrets Manager, GitHub, topics and a clock, in memory; `log` has what was done, in order. */
function world(overrides = {}) {
  const secrets = {
    hook: { values: { v1: "a".repeat(64) }, stages: { v1: ["AWSCURRENT"], v2: ["AWSPENDING"] }, changed: NOW },
    key: { values: { k1: privateKey }, stages: { k1: ["AWSCURRENT"] }, changed: NOW },
  };
  const log = [];
  const at = (id, stage) => Object.keys(secrets[id].stages).find((version) => secrets[id].stages[version].includes(stage));
  return {
    secrets,
    log,
    at,
    settings: {
      GITHUB_API_URL: "https://api.github.test/",
      GITHUB_APP_ID: "Iv23",
      APP_KEY_SECRET: "key",
      BY_HAND: "key",
      ROTATION_DAYS: "90",
      CRITICAL_TOPIC: "critical",
      WARNING_TOPIC: "warning",
    },
    now: () => NOW,
    sleep: async (ms) => log.push(["sleep", ms]),
    describe: async (id) => ({
      VersionIdsToStages: structuredClone(secrets[id].stages),
      LastChangedDate: new Date(secrets[id].changed),
    }),
    read: async (id, stage) => {
      const value = secrets[id].values[at(id, stage)];
      if (value === undefined) throw Object.assign(new Error("no value"), { name: "ResourceNotFoundException" });
      return value;
    },
    put: async (id, version, value) => {
      log.push(["put", id]);
      secrets[id].values[version] = value;
    },
    promote: async (id, to, from) => {
      log.push(["promote", to, from]);
      Object.assign(secrets[id].stages, { [to]: ["AWSCURRENT"], [from]: ["AWSPREVIOUS"] });
    },
    fetch: async (url, request) => {
      log.push(["github", request.method, url, JSON.parse(request.body).secret, request.headers.authorization]);
      return { ok: true, status: 200 };
    },
    tell: async (topic, subject, message) => log.push(["tell", topic, subject, message]),
    ...overrides,
  };
}

const step = (Step) => ({ SecretId: "hook", ClientRequestToken: "v2", Step });

test("GitHub signs with the new value only after every ingress has had the time to read it", async () => {
  const w = world();
  const handler = rotation(w);
  for (const name of ["createSecret", "setSecret", "testSecret", "finishSecret"]) await handler(step(name));
  const value = w.secrets.hook.values.v2;
  assert.match(value, /^[0-9a-f]{64}$/);
  assert.deepEqual(w.log.slice(0, 3), [["put", "hook"], ["promote", "v2", "v1"], ["sleep", INGRESS_HAS_LOOKED_MS]]);
  const [, method, url, secret, authorization] = w.log[3];
  assert.deepEqual([method, url, secret], ["PATCH", "https://api.github.test/app/hook/config", value]);
  const [head, body, signature] = authorization.replace("Bearer ", "").split(".");
  assert.ok(createVerify("RSA-SHA256").update(`${head}.${body}`).verify(publicKey, signature, "base64url"));
  assert.deepEqual(w.secrets.hook.stages, { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] });
  assert.equal(w.log.length, 4);
});

test("a step that is repeated makes no second value and moves nothing twice", async () => {
  const w = world();
  const handler = rotation(w);
  await handler(step("createSecret"));
  const value = w.secrets.hook.values.v2;
  await handler(step("createSecret"));
  assert.equal(w.secrets.hook.values.v2, value);
  await handler(step("finishSecret"));
  await handler(step("finishSecret"));
  const done = w.log.map(([what]) => what);
  assert.deepEqual(done, ["put", "promote", "sleep", "github", "github"]);
});

test("if GitHub refuses, the pager is told, the old value stays good, and no secret is in the words", async () => {
  const w = world({ fetch: async () => ({ ok: false, status: 403 }) });
  const handler = rotation(w);
  await handler(step("createSecret"));
  await assert.rejects(handler(step("finishSecret")), /GitHub answered 403/);
  const [, topic, , message] = w.log.at(-1);
  assert.equal(topic, "critical");
  assert.ok(message.includes("403") && !message.includes(w.secrets.hook.values.v2) && !message.includes("BEGIN"));
  assert.deepEqual(w.secrets.hook.stages.v1, ["AWSPREVIOUS"]);
});

test("a version that is not the secret's, an unknown step and a value that is no secret are refused", async () => {
  const w = world();
  const handler = rotation(w);
  await assert.rejects(handler({ ...step("createSecret"), ClientRequestToken: "v9" }), /not one of the secret's/);
  await assert.rejects(handler(step("other")), /no step/);
  w.secrets.hook.values.v2 = "password";
  await assert.rejects(handler(step("testSecret")), /too short/);
  assert.deepEqual(w.log, []);
});

test("the team is warned of what people renew from two weeks before its time, and not a day sooner", async () => {
  const w = world();
  const handler = rotation(w);
  w.secrets.key.changed = NOW - 75 * 86_400_000;
  await handler({ source: "aws.events" });
  assert.deepEqual(w.log, []);
  w.secrets.key.changed = NOW - 76 * 86_400_000;
  await handler({ source: "aws.events" });
  assert.equal(w.log.length, 1);
  assert.deepEqual(w.log[0].slice(0, 3), ["tell", "warning", "Eco-Coder: renew key"]);
  assert.ok(w.log[0][3].includes("76 days"));
});

test("a token is good for ten minutes at most, and from a minute ago", () => {
  const claims = JSON.parse(Buffer.from(signIn("7", privateKey, NOW).split(".")[1], "base64url"));
  assert.deepEqual(claims, { iat: NOW / 1000 - 60, exp: NOW / 1000 + 540, iss: "7" });
});
