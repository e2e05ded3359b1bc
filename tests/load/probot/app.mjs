// Probot as its documentation starts it: verified, parsed, one handler that does nothing.
import { Probot, Server } from "probot";

const [port, privateKey] = [Number(process.argv[2]), process.env.PRIVATE_KEY];
const server = new Server({
  port,
  host: "127.0.0.1",
  webhookPath: "/webhooks/github",
  Probot: Probot.defaults({ appId: 1, privateKey, secret: process.env.ECO_CODER_WEBHOOK_SECRET, logLevel: "fatal" }),
});
await server.load((app) => {
  app.on("pull_request", async () => {});
});
await server.start();
