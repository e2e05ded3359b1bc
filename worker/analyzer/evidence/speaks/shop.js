// Code as one meets it, written from the rules' titles alone: `precision.py speaks` says which rules notice.
import crypto from "crypto";
import express from "express";
import fetch from "node-fetch";
import fs from "fs";
import jwt from "jsonwebtoken";

const app = express();

export function renderList(orders, list) {
  for (const order of orders) {
    list.innerHTML += `<li>${order.id}</li>`; // EC-JS-112
  }
}

export function showTotals(orders) {
  for (const order of orders) {
    const total = document.getElementById("total"); // EC-JS-113
    total.textContent = Number(total.textContent) + order.total;
  }
}

window.addEventListener("scroll", () => { // EC-JS-125
  const top = document.querySelector(".header").getBoundingClientRect().top; // EC-JS-125
  document.body.classList.toggle("stuck", top < 0);
});

export function waitForFlag(state) {
  while (!state.ready) {} // EC-JS-401
}

export function slideIn(panel) {
  panel.animate([{ left: "-300px" }, { left: "0" }], { duration: 300 }); // EC-JS-029
}

export function preloadVideo(url) {
  const video = document.createElement("video");
  video.preload = "auto"; // EC-JS-030
  video.autoplay = true; // EC-JS-036
  video.src = url;
  return video;
}

setInterval(() => fetch("/api/messages").then(show), 3000); // EC-JS-402

export function spin(element) {
  let angle = 0;
  setInterval(() => { // EC-JS-403
    angle += 4;
    element.style.transform = `rotate(${angle}deg)`;
  }, 16);
}

export async function presentation() {
  await navigator.wakeLock.request("screen"); // EC-JS-405
}

navigator.geolocation.getCurrentPosition(showMap, fail, { enableHighAccuracy: true }); // EC-JS-423

export function ranks(groups, scores) {
  const ranks = [];
  for (const group of groups) {
    scores.sort((a, b) => b - a); // EC-JS-110
    ranks.push(scores.indexOf(group.best));
  }
  return ranks;
}

export function copyAll(settings, out) {
  for (let i = 0; i < Object.keys(settings).length; i++) { // EC-JS-115
    out.push(Object.keys(settings)[i]); // EC-JS-115
  }
}

export const labels = (orders) =>
  orders.map((order) => new Intl.NumberFormat("de-DE", { style: "currency", currency: "EUR" }).format(order.total)); // EC-JS-122

export const byName = (people) =>
  people.sort((a, b) => a.name.localeCompare(b.name, "de", { sensitivity: "base" })); // EC-JS-123

app.get("/calc", (req, res) => {
  res.json(eval(req.query.expression)); // EC-JS-301
});

export function showMessage(message) {
  document.getElementById("notice").innerHTML = location.hash.slice(1); // EC-JS-305
}

export function newSession(user) {
  const sessionId = Math.random().toString(36).slice(2); // EC-JS-306
  return { user, sessionId };
}

const client = { apiKey: "f3Kd93jfkQ0x81LmPz77" }; // EC-JS-307

export const hashPassword = (password) => crypto.createHash("sha256").update(password).digest("hex"); // EC-JS-308

window.parent.postMessage({ token: client.token }, "*"); // EC-JS-311

export const readToken = (token) => jwt.verify(token, key, { algorithms: ["none", "HS256"] }); // EC-JS-312

app.get("/login", (req, res) => {
  res.cookie("session", newSession(req.user).sessionId, { httpOnly: false }); // EC-JS-317
  res.redirect(req.query.next); // EC-JS-314
});

app.get("/proxy", async (req, res) => {
  const answer = await fetch(req.query.url); // EC-JS-318
  res.send(await answer.text());
});

app.post("/signin", async (req, res) => {
  const user = await User.findOne({ name: req.body.name, password: req.body.password }); // EC-JS-319
  res.json(user);
});

app.get("/hello", (req, res) => {
  res.send(`<h1>Hello ${req.query.name}</h1>`); // EC-JS-320
});
