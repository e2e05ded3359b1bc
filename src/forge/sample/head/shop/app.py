"""The shop's web pages and its small JSON API."""

import os

import psycopg
from flask import Flask, abort, jsonify, render_template, request, send_file, session

from shop import invoices, payments, search
from shop.orders import OrderRepository

app = Flask(__name__)
app.secret_key = os.environ["SESSION_KEY"]


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"])


def products():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT sku, title, description, cents FROM products WHERE active")
        return [dict(zip(("sku", "title", "description", "cents"), row)) for row in cursor.fetchall()]


@app.get("/search")
def search_page():
    text = request.args.get("q", "")
    found = search.search(products(), text)
    query = search.words(text)
    titles = [search.highlight(product["title"], query) for product in found]
    return render_template("search.html", products=found, titles=titles)


@app.get("/api/products/<sku>/price")
def product_price(sku):
    found = next((product for product in products() if product["sku"] == sku), None)
    return jsonify(cents=found["cents"]) if found else abort(404)


@app.get("/account/orders")
def orders_page():
    with connect() as connection:
        orders = OrderRepository(connection).history(session["customer_id"])
    return render_template("orders.html", orders=orders)


@app.get("/account/orders/<int:order_id>/invoice")
def invoice_page(order_id):
    with connect() as connection:
        orders = OrderRepository(connection).history(session["customer_id"])
    order = next((order for order in orders if order.id == order_id), None) or abort(404)
    return send_file(invoices.write(order), mimetype="text/plain")


@app.post("/orders/<int:order_id>/pay")
def pay(order_id):
    with connect() as connection:
        order = OrderRepository(connection).by_id(order_id) or abort(404)
    reference = payments.charge(order.id, int(order.total * 100), request.form["token"])
    return render_template("paid.html", reference=reference)
