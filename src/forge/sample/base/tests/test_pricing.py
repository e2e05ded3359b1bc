from decimal import Decimal

from shop.pricing import total


def test_total_is_rounded_once():
    assert total([(Decimal("0.333"), 3), (Decimal("1.50"), 2)]) == Decimal("4.00")


def test_an_empty_basket_costs_nothing():
    assert total([]) == Decimal("0.00")
