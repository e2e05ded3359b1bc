// Rotates the webhook secret of a GitHub App, and warns of credentials that only people can renew. Knows no SDK: what it
// needs of the world is handed in. Never logs a secret.
//
// The order matters: the ingress takes the current value and the one before it, and looks for new ones every 5 minutes. So the
// new value becomes current first, and GitHub signs with it only when every ingress must have read it. No webhook is refused
// at any moment, and if the last step fails, GitHub goes on with the old value, which is good until the next rotation.
import { createSign, randomBytes } from "node:crypto";

/** Every ingress has looked by then: it does so every 5 minutes. */
export const INGRESS_HAS_LOOKED_MS = 6 * 60_000;
const DAY_MS = 86_400_000;
/** Before a credential is over, the team has so long. */
const NOTICE_DAYS = 14;

/** The handler: a step of Secrets Manager's rotation, or the daily look. */
export function rotation(world) {
  return async (event) => {
    if (event.Step === undefined) return look(world);
    const { SecretId: id, ClientRequestToken: version, Step: step } = event;
    const stages = (await world.describe(id)).VersionIdsToStages?.[version];
    if (stages === undefined) throw new Error("this version is not one of the secret's");
    switch (step) {
      case "createSecret":
        if (!(await isThere(world, id, "AWSPENDING", version))) {
          await world.put(id, version, randomBytes(32).toString("hex"));
        }
        return;
      case "setSecret":
        return; // The ingress must know it before GitHub signs with it: see finishSecret.
      case "testSecret":
        // Also asked about a value that people put there, when the schedule is made.
        if (!/^\S{20,}$/.test(await world.read(id, "AWSPENDING"))) throw new Error("the new value is too short for a secret");
        return;
      case "finishSecret":
        return finish(world, id, version);
      default:
        throw new Error(`${step} is no step of a rotation`);
    }
  };
}

async function isThere(world, id, stage, version) {
  const versions = (await world.describe(id)).VersionIdsToStages ?? {};
  if (!versions[version]?.includes(stage)) return false;
  try {
    return (await world.read(id, stage)) !== undefined;
  } catch (error) {
    if (error.name === "ResourceNotFoundException") return false; // The stage is set, its value isn't yet.
    throw error;
  }
}

async function finish(world, id, version) {
  const versions = (await world.describe(id)).VersionIdsToStages ?? {};
  const current = Object.keys(versions).find((one) => versions[one].includes("AWSCURRENT"));
  if (current !== version) {
    await world.promote(id, version, current);
    await world.sleep(INGRESS_HAS_LOOKED_MS);
  }
  try {
    await tellGitHub(world, await world.read(id, "AWSCURRENT"));
  } catch (error) {
    await world.tell(
      world.settings.CRITICAL_TOPIC,
      "Eco-Coder: the webhook secret is half rotated",
      `The new webhook secret is in Secrets Manager, and GitHub still signs with the one before it (${error.message}). ` +
        "Webhooks are taken as before until the next rotation. Put the current value of eco-coder/webhook-secret into the " +
        "GitHub App's settings; docs/runbook.md, Secrets.",
    );
    throw error;
  }
}

/** Signs in as the App, and changes the secret of its webhook. */
async function tellGitHub(world, secret) {
  const { GITHUB_API_URL: api, GITHUB_APP_ID: app, APP_KEY_SECRET: key } = world.settings;
  const jwt = signIn(app, await world.read(key, "AWSCURRENT"), world.now());
  const answer = await world.fetch(`${api.replace(/\/$/, "")}/app/hook/config`, {
    method: "PATCH",
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${jwt}`,
      "content-type": "application/json",
      "user-agent": "eco-coder-rotation",
    },
    body: JSON.stringify({ secret }),
  });
  if (!answer.ok) throw new Error(`GitHub answered ${answer.status}`);
}

/** A JSON Web Token as GitHub wants it of Apps: RS256, ten minutes at most, a minute of grace for clocks. */
export function signIn(app, pem, now) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const seconds = Math.floor(now / 1000);
  const text = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iat: seconds - 60, exp: seconds + 540, iss: app })}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(pem, "base64url")}`;
}

/** How old is what people renew? A warning a day from two weeks before its time. */
async function look(world) {
  const days = Number(world.settings.ROTATION_DAYS);
  for (const name of world.settings.BY_HAND.split(",").filter(Boolean)) {
    const { LastChangedDate: changed } = await world.describe(name);
    const age = Math.floor((world.now() - changed.getTime()) / DAY_MS);
    if (age < days - NOTICE_DAYS) continue;
    await world.tell(
      world.settings.WARNING_TOPIC,
      `Eco-Coder: renew ${name}`,
      `${name} is ${age} days old; it is to be renewed every ${days}. GitHub lets no program do it: docs/runbook.md, ` +
        "Secrets, has the steps.",
    );
  }
}
