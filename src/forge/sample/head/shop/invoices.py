"""Invoices as text files, one per order, for customers and for the tax office."""

import os
from pathlib import Path

from shop.orders import Order

DIRECTORY = Path(os.environ.get("INVOICE_DIR", "/var/lib/green-shop/invoices"))
WIDTH = 72


def row(left: str, right: str) -> str:
    return left.ljust(WIDTH - len(right)) + right + "\n"


def render(order: Order) -> str:
    text = row(f"Invoice {order.id}", order.placed_at.strftime("%Y-%m-%d"))
    text += "-" * WIDTH + "\n"
    for line in order.lines:
        text += row(f"{line.quantity} x {line.title}", f"{line.price * line.quantity:.2f}")
    text += "-" * WIDTH + "\n"
    text += row("Total in EUR", f"{order.total:.2f}")
    return text


def write(order: Order) -> Path:
    """Writes the invoice once; an invoice that exists is never changed."""
    path = DIRECTORY / f"{order.id}.txt"
    if path.exists():
        return path
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    open(path, "w", encoding="utf-8").write(render(order))
    return path
