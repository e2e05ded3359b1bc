// The Lambda function's entry: the SDK that the runtime brings, GitHub, and time. What is done is in rotation.mjs.
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { rotation } from "./rotation.mjs";

const secrets = new SecretsManagerClient({});
const sns = new SNSClient({});

export const handler = rotation({
  settings: process.env,
  now: () => Date.now(),
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  fetch: (url, request) => fetch(url, { ...request, signal: AbortSignal.timeout(10_000) }),
  describe: (SecretId) => secrets.send(new DescribeSecretCommand({ SecretId })),
  read: async (SecretId, VersionStage) =>
    (await secrets.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString,
  put: (SecretId, ClientRequestToken, SecretString) =>
    secrets.send(
      new PutSecretValueCommand({ SecretId, ClientRequestToken, SecretString, VersionStages: ["AWSPENDING"] }),
    ),
  promote: (SecretId, MoveToVersionId, RemoveFromVersionId) =>
    secrets.send(
      new UpdateSecretVersionStageCommand({
        SecretId,
        VersionStage: "AWSCURRENT",
        MoveToVersionId,
        RemoveFromVersionId,
      }),
    ),
  tell: (TopicArn, Subject, Message) => sns.send(new PublishCommand({ TopicArn, Subject, Message })),
});
