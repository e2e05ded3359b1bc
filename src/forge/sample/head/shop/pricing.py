"""Prices and discounts. Amounts are decimals in euros, rounded once at the end."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def total(lines: list[tuple[Decimal, int]]) -> Decimal:
    """The price of all lines, each a unit price and a quantity."""
    return sum((price * quantity for price, quantity in lines), Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def discounted(amount: Decimal, percent: int) -> Decimal:
    """The amount less a discount of 0 to 100 percent."""
    if not 0 <= percent <= 100:
        raise ValueError(f"a discount of {percent} percent is out of range")
    return (amount * (100 - percent) / 100).quantize(CENT, ROUND_HALF_UP)
