from decimal import Decimal

import pytest

from shop.pricing import discounted, total


def test_total_is_rounded_once():
    assert total([(Decimal("0.333"), 3), (Decimal("1.50"), 2)]) == Decimal("4.00")


def test_an_empty_basket_costs_nothing():
    assert total([]) == Decimal("0.00")


def test_a_discount_is_taken_off():
    assert discounted(Decimal("19.99"), 15) == Decimal("16.99")


@pytest.mark.parametrize("percent", [-1, 101])
def test_odd_discounts_are_refused(percent):
    with pytest.raises(ValueError):
        discounted(Decimal("1.00"), percent)
