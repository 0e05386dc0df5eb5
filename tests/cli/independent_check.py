"""
Count invoices, customers and points of an online-retail export with nothing but csv and Decimal.

    python tests/cli/independent_check.py FILE.csv[.gz]

One point per whole 1.00 of an invoice; lines of goods, of known customers, with positive quantity and price.
"""

import csv
import gzip
import sys
from collections import defaultdict
from decimal import Decimal

open_text = gzip.open if sys.argv[1].endswith(".gz") else open
amounts, customers = defaultdict(Decimal), set()
with open_text(sys.argv[1], "rt", encoding="utf-8", newline="") as file:
    for row in csv.DictReader(file, restval=""):
        invoice, quantity, price = row["InvoiceNo"], row["Quantity"], row["UnitPrice"]
        if not (invoice.isdigit() and row["StockCode"][:5].isdigit() and row["CustomerID"]):
            continue
        # Digits only: no sign, no word.
        if quantity.isdigit() and price.replace(".", "", 1).isdigit() and Decimal(price) > 0:
            amounts[invoice] += int(quantity) * Decimal(price)
            customers.add(row["CustomerID"])
print(f"invoices {len(amounts)}, customers {len(customers)}, points {sum(map(int, amounts.values()))}")
