// Counts what the rules about React claim, with react and react-dom from where you are:
// `npm install react react-dom jsdom && NODE_PATH=node_modules node .../react_effects.cjs`.

const { JSDOM } = require("jsdom");
const dom = new JSDOM("<div id=root></div>");
const { window } = dom;
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
const React = require("react");
const { createRoot } = require("react-dom/client");
const { createElement: h, createContext, memo, useContext, useEffect, useMemo, useState } = React;

const Context = createContext(null);
let readers = 0;
let requests = 0;
let next;

const Reader = memo(() => {
  readers++;
  return useContext(Context).user;
});
const list = Array.from({ length: 100 }, (_, i) => h(Reader, { key: i }));

function Inline() {
  const [n, set] = useState(0);
  next = () => set(n + 1);
  return h(Context.Provider, { value: { user: "ann" } }, list);
}
function Kept() {
  const [n, set] = useState(0);
  next = () => set(n + 1);
  return h(Context.Provider, { value: useMemo(() => ({ user: "ann" }), []) }, list);
}
function EachTime() {
  const [n, set] = useState(0);
  next = () => set(n + 1);
  useEffect(() => { requests++; });
  return n;
}
function Once() {
  const [n, set] = useState(0);
  next = () => set(n + 1);
  useEffect(() => { requests++; }, []);
  return n;
}

async function renders(component) {
  readers = requests = 0;
  const root = createRoot(document.createElement("div"));
  await React.act(() => root.render(h(component)));
  for (let i = 0; i < 10; i++) await React.act(() => next());
  await React.act(() => root.unmount());
}

(async () => {
  console.log(`React ${React.version}, Node ${process.version}; 11 renders of the parent`);
  await renders(Inline);
  const inline = readers;
  await renders(Kept);
  console.log(`100 memoised readers: ${inline} renders with an inline object, ${readers} with useMemo`);
  await renders(EachTime);
  const each = requests;
  await renders(Once);
  console.log(`effects run: ${each} without a list of dependencies, ${requests} with []`);
})();
