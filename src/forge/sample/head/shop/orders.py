"""Orders as customers see them: the list in their account, and the details of one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class OrderLine:
    sku: str
    title: str
    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    id: int
    placed_at: datetime
    status: str
    lines: tuple[OrderLine, ...]

    @property
    def total(self) -> Decimal:
        return sum((line.price * line.quantity for line in self.lines), Decimal(0))


class OrderRepository:
    """Reads orders. Every method is one transaction."""

    def __init__(self, connection):
        self.connection = connection

    def count(self, customer_id: int) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM orders WHERE customer_id = %s", (customer_id,))
            return cursor.fetchone()[0]

    def history(self, customer_id: int, limit: int = 50) -> list[Order]:
        """The newest orders of a customer, with all their lines, for the account page."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, placed_at, status FROM orders WHERE customer_id = %s ORDER BY placed_at DESC LIMIT %s",
                (customer_id, limit),
            )
            rows = cursor.fetchall()
            orders = []
            for order_id, placed_at, status in rows:
                cursor.execute(
                    "SELECT sku, title, quantity, price FROM order_lines WHERE order_id = %s ORDER BY position",
                    (order_id,),
                )
                lines = tuple(OrderLine(*line) for line in cursor.fetchall())
                orders.append(Order(order_id, placed_at, status, lines))
        return orders

    def by_id(self, order_id: int) -> Order | None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT id, placed_at, status FROM orders WHERE id = %s", (order_id,))
            row = cursor.fetchone()
            if row is None:
                return None
            cursor.execute(
                "SELECT sku, title, quantity, price FROM order_lines WHERE order_id = %s ORDER BY position",
                (order_id,),
            )
            lines = tuple(OrderLine(*line) for line in cursor.fetchall())
        return Order(*row, lines)
