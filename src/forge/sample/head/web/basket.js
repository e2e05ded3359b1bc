// The basket in the browser: keeps it in local storage, and asks the server for prices.

const KEY = 'green-shop-basket';

export function load() {
  return JSON.parse(localStorage.getItem(KEY) ?? '[]');
}

export function save(lines) {
  localStorage.setItem(KEY, JSON.stringify(lines));
}

export function add(lines, sku, quantity = 1) {
  const known = lines.find((line) => line.sku === sku);
  if (known) {
    known.quantity += quantity;
  } else {
    lines.push({ sku, quantity });
  }
  return lines;
}

export async function price(sku) {
  const response = await fetch(`/api/products/${encodeURIComponent(sku)}/price`);
  if (!response.ok) {
    throw new Error(`no price for ${sku}: ${response.status}`);
  }
  return (await response.json()).cents;
}

// What the basket costs, in cents, with the prices of this moment.
export async function total(lines) {
  const costs = [];
  for (const line of lines) {
    const cents = await price(line.sku);
    costs.push(cents * line.quantity);
  }
  return costs.reduce((sum, cost) => sum + cost, 0);
}

// Quantities by product, as the checkout wants them.
export function quantities(lines) {
  return lines.reduce((found, line) => ({ ...found, [line.sku]: (found[line.sku] ?? 0) + line.quantity }), {});
}
