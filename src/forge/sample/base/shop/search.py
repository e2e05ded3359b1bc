"""Search in the catalogue: what a customer typed, against titles and descriptions."""

import unicodedata

STOP_WORDS = frozenset({"a", "an", "and", "for", "in", "of", "the", "with"})


def normalize(text: str) -> str:
    """Lower case without accents, so that "Café" finds "cafe"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    return [word for word in normalize(text).split() if word not in STOP_WORDS]


def score(query: list[str], product: dict) -> int:
    """Three points for a word in the title, one for a word in the description."""
    title, description = words(product["title"]), words(product["description"])
    return sum(3 * (word in title) + (word in description) for word in query)


def search(products: list[dict], text: str, limit: int = 20) -> list[dict]:
    query = words(text)
    if not query:
        return []
    scored = [(score(query, product), product) for product in products]
    found = [pair for pair in scored if pair[0] > 0]
    found.sort(key=lambda pair: (-pair[0], pair[1]["title"]))
    return [product for _, product in found[:limit]]
