"""Search in the catalogue: what a customer typed, against titles and descriptions."""

import re
import unicodedata

STOP_WORDS = frozenset({"a", "an", "and", "for", "in", "of", "the", "with"})


def normalize(text: str) -> str:
    """Lower case without accents, so that "Café" finds "cafe"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """Words of letters and digits; a hyphen or an apostrophe inside a word belongs to it."""
    found = []
    for word in normalize(text).split():
        match = re.search(r"[a-z0-9]+(?:['-][a-z0-9]+)*", word)
        if match and match.group() not in STOP_WORDS:
            found.append(match.group())
    return found


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


def highlight(text: str, query: list[str]) -> str:
    """The text with every found word in bold, for the list of results."""
    marked = ""
    for word in text.split():
        if normalize(word) in query:
            marked += "<b>" + word + "</b> "
        else:
            marked += word + " "
    return marked.rstrip()
