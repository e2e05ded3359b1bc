"""Talks to the payment provider."""

import os

import requests

API = os.environ.get("PAYMENTS_API", "https://payments.example/v2")
TIMEOUT_SECONDS = 10


class PaymentError(Exception):
    """The provider refused, or could not be reached."""


def charge(order_id: int, amount_cents: int, token: str) -> str:
    """Charges a card once; repeating it with the same order is safe. Returns the provider's reference."""
    try:
        answer = requests.post(
            f"{API}/charges",
            json={"amount": amount_cents, "currency": "EUR", "source": token},
            headers={"Idempotency-Key": f"order-{order_id}"},
            timeout=TIMEOUT_SECONDS,
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise PaymentError(f"order {order_id} was not charged") from error
    return answer.json()["reference"]
