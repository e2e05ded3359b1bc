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
