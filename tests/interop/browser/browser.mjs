// Browsers in a room: LiveKit's own web client in Chromium or Firefox, with the browser's fake camera and microphone.
// Usage: node browser.mjs BROWSER.  Reads lines {id, page, call, args} and answers each with a line {id, result} or
// {id, error}; a page is made when it is first named. Twice a second a line {page, report} for each page that joined.
// Ends with its standard input.
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as actions from "./actions.mjs";

const [executablePath] = process.argv.slice(2);
const client = fileURLToPath(new URL("node_modules/livekit-client/dist/livekit-client.umd.js", import.meta.url));
const firefox = /firefox/.test(executablePath);
const browser = await (firefox ? launchFirefox() : launchChromium());

function launchChromium() {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--allow-loopback-in-peer-connection",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
}

// Debian's Firefox is no build of Playwright's; Puppeteer drives it as it is.
function launchFirefox() {
  return puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    timeout: 120_000,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.peerconnection.ice.loopback": true,
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      "media.autoplay.default": 0,
      "network.proxy.type": 0,
    },
  });
}

// Cameras, microphones and servers of this machine are only open to pages that came from this machine.
const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<body></body>"));
await once(server.listen(0, "127.0.0.1"), "listening");

const pages = new Map();
const joined = new Set();
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

async function open() {
  const context = await (firefox ? browser.createBrowserContext() : browser.newContext());
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.addScriptTag({ path: client });
  return page;
}

async function obey({ id, page: name, call, args }) {
  try {
    if (!pages.has(name)) pages.set(name, open());
    const page = await pages.get(name);
    const result = await page.evaluate(actions[call], args ?? {});
    if (call === "join") joined.add(name);
    say({ id, result: result ?? null });
  } catch (error) {
    say({ id, error: String(error) });
  }
}

const timer = setInterval(async () => {
  for (const name of joined) {
    const page = await pages.get(name);
    const report = await page.evaluate(actions.report).catch(() => null);
    if (report) say({ page: name, report });
  }
}, 500);

try {
  for await (const line of createInterface({ input: process.stdin })) void obey(JSON.parse(line));
} finally {
  clearInterval(timer);
  for (const name of joined) await (await pages.get(name)).evaluate(actions.leave).catch(() => {});
  await browser.close();
  server.close();
}
