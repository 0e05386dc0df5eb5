"""
A shop platform's reward programme as its file says it: websites, groups, actions, subscriptions, caps (S1).

examples/adobe-commerce.toml: 10 points for every 2.00 USD, less for wholesale customers and in the outlet; 10 points
pay 0.20, and 0.10 in the outlet.
"""

import pytest
from attrs import evolve

from pointsledger import EarnRule, ExpiryPolicy, Money, Tender
from pointsledger.port import Storage
from pointsledger.reports.statement import statement
from tests.scenarios.examples import example
from tests.scenarios.scenario import ANN, BY_HAND, Shop, instant, line, order, taken

PROGRAM = example("adobe-commerce")


def usd(amount: str) -> Money:
    """
    Return dollars.
    """
    return Money(amount, "USD")


def bought(shop: Shop, id: str, price: str, **details) -> int:
    """
    Sell one thing, invoice it, and return the points of the order.
    """
    shop.ledger.process(order(id, line("thing", price, currency="USD"), **details))
    return shop.ledger.invoice(id, "inv", {"thing": 1}, account=details.get("account", ANN)).points


def test_subscriptions(storage: Storage) -> None:
    """
    Balance updates and expiry notifications are two flags of a customer; unsaid, the shop's default holds (S1.4).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.set_profile(ANN, balance_updates=False)
    shop.ledger.act(ANN, "registration")
    shop.ledger.act("bo", "registration")
    assert [(n.account, n.kind) for n in shop.ledger.due_notices()] == [("bo", "balance_update")]
    warned = shop.on("2025-02-16").due_notices()
    assert [(n.account, n.kind) for n in warned] == [("ann", "expiry_warning"), ("bo", "expiry_warning")]


def test_reasons_of_the_history(storage: Storage) -> None:
    """
    Purchases every time, registering and the newsletter once, invitations and reviews: each entry says which (S1.9).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.act(ANN, "registration")
    shop.ledger.act(ANN, "newsletter", subject="first")
    shop.ledger.act(ANN, "newsletter", subject="again")
    shop.ledger.act(ANN, "invitation_to_customer", subject="i-1", invitee="bo")
    shop.ledger.act(ANN, "review_approved", subject="r-1")
    bought(shop, "o-1", "8.00")
    bought(shop, "o-2", "8.00")
    history = [(e.rule or e.order, e.points) for e in shop.ledger.entries(ANN) if e.points]
    assert history == [
        ("registration", 50),
        ("newsletter", 25),
        ("invitation-to-customer", 40),
        ("review", 15),
        ("o-1", 40),
        ("o-2", 40),
    ]


def test_switches(storage: Storage) -> None:
    """
    Off for everybody, off on the storefront, history hidden: flags of the program, which the shop's pages read
    (S1.11, S1.12, S1.13).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.act(ANN, "registration")
    assert not shop.under(evolve(PROGRAM, active=False)).balance(ANN).shown
    shop.under(evolve(PROGRAM, storefront=False))
    assert shop.ledger.redeem(ANN, 10, currency="USD", actor="admin").money == usd("0.20")
    hidden = evolve(PROGRAM, history_shown=False)
    assert (PROGRAM.history_shown, hidden.history_shown) == (True, False)
    assert len(shop.under(hidden).entries(ANN)) == 2  # the ledger keeps it


def test_the_cap_on_the_balance(storage: Storage) -> None:
    """
    Nobody accrues beyond 5,000; what was cut off is recorded (S1.15).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.adjust(ANN, 4990, **BY_HAND)
    assert bought(shop, "o-1", "8.00") == 10
    assert shop.ledger.entries(ANN)[-1].withheld == 30
    assert shop.balance() == "5000 available"


def test_a_new_lifetime_for_all_points(storage: Storage) -> None:
    """
    Dynamic expiry: a change of the lifetime moves all existing points when the administrator says so, after a look at
    how many would lapse (S1.18).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.act(ANN, "registration")
    shop.on("2024-03-20").act(ANN, "newsletter")
    shop.under(evolve(PROGRAM, expiry=ExpiryPolicy.after(days=14)))
    preview = shop.ledger.preview_redating(ANN)
    assert (preview.points, preview.lapsing) == (75, 50)
    shop.ledger.redate(ANN, **BY_HAND)
    assert shop.balance() == "25 available"


def test_a_landing_page_has_its_figures(storage: Storage) -> None:
    """
    What a page about the programme says comes from the program itself and from a quote (S1.21, S1.22).
    """
    shop = Shop(storage, PROGRAM)
    assert PROGRAM.unit.count(50) == "50 points"
    assert {rule.action: rule.points for rule in PROGRAM.earn_rules if rule.kind == "per_action"}["registration"] == 50
    basket = order("o-1", line("thing", "8.00", currency="USD"))
    assert shop.ledger.quote(basket).points == 40  # the message in the cart: purchases earn by the exchange rate


def test_the_first_order(storage: Storage) -> None:
    """
    Who is registered before the payment of the first order is captured gets 30 points for it (S1.23).
    """
    shop = Shop(storage, PROGRAM)
    shop.on("2024-03-02").set_profile(ANN, verified=True)
    shop.on("2024-03-03")
    captured = {"ann": instant("2024-03-02 12:00"), "bo": instant("2024-03-02 12:00")}
    shop.ledger.set_profile("bo", verified=True)
    gave = {who: shop.ledger.act(who, "first_order", occurred_at=when).points for who, when in captured.items()}
    assert gave == {"ann": 30, "bo": 0}


def test_actions_with_limits(storage: Storage) -> None:
    """
    Registration and newsletter once, three invited customers, two reviews (S1.24, S1.25, S1.27).
    """
    shop = Shop(storage, PROGRAM)
    for n in range(5):
        shop.ledger.act(ANN, "registration")
        shop.ledger.act(ANN, "newsletter", subject=f"n-{n}")
        shop.ledger.act(ANN, "invitation_to_customer", subject=f"i-{n}", invitee=f"friend-{n}")
        shop.ledger.act(ANN, "review_approved", subject=f"r-{n}")
    assert shop.balance() == f"{50 + 25 + 3 * 40 + 2 * 15} available"


@pytest.mark.parametrize(("mode", "points"), [("first", 3 * 10), ("each", 10 + 40 + 10)])
def test_orders_of_the_invited(storage: Storage, mode: str, points: int) -> None:
    """
    Each order of an invitee or the first only, by the exchange rate, three at most (S1.26): 3.00 and 2.00 give 10, 9.00
    gives 40.
    """
    rules = [
        evolve(rule, of_invitee=mode) if rule.action == "invitation_to_order" else rule for rule in PROGRAM.earn_rules
    ]
    shop = Shop(storage, evolve(PROGRAM, earn_rules=rules))
    orders = [("bo", "3.00"), ("bo", "9.00"), ("cy", "2.00"), ("di", "2.00")]
    for n, (who, amount) in enumerate(orders):
        shop.ledger.act(ANN, "invitation_to_order", subject=f"o-{n}", invitee=who, amount=usd(amount))
    assert shop.ledger.balance(ANN).available == points


def test_warnings_by_mail(storage: Storage) -> None:
    """
    The template is the shop's; the value says whom, how many and until when, 14 days before, never for shorter lives
    (S1.28).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.act(ANN, "registration")
    shop.ledger.adjust(ANN, 7, expires_at=instant("2024-03-10"), **BY_HAND)
    shop.ledger.due_notices()
    assert shop.on("2024-03-05").due_notices() == ()
    _, notice = shop.on("2025-02-16").due_notices()  # before it: that the 7 lapsed
    assert (notice.account, notice.points) == (ANN, 50)
    assert notice.expires_at == instant("2025-03-01 06:00")  # 29 February and 365 days, in Chicago


@pytest.mark.parametrize(
    ("channel", "group", "points", "pays"),
    [
        (None, None, 40, "0.20"),  # all websites, all groups
        ("outlet", None, 20, "0.10"),  # this website, all groups
        (None, "wholesale", 8, "0.20"),  # all websites, this group
        ("outlet", "wholesale", 4, "0.10"),  # both
    ],
)
def test_exchange_rates_by_website_and_group(storage: Storage, channel, group, points: int, pays: str) -> None:
    """
    Of the rates that apply, website and group together count, then the group, then the website (S1.29).
    """
    shop = Shop(storage, PROGRAM)
    assert bought(shop, "o-1", "8.00", channel=channel, customer_group=group) == points
    shop.ledger.adjust(ANN, 100, **BY_HAND)
    where = {"channel": channel, "customer_group": group}
    assert shop.ledger.quote_redemption(ANN, 10, currency="USD", **where).money == usd(pays)


def test_cash_on_delivery(storage: Storage) -> None:
    """
    Paid on delivery, an order earns when it is invoiced: a parcel that comes back unpaid has earned nothing (S1.38).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.process(order("o-1", line("thing", "8.00", currency="USD"), tenders=[Tender("cod", usd("8.00"))]))
    assert shop.balance() == "nothing"
    shop.ledger.cancel("o-1", account=ANN)
    assert shop.balance() == "nothing"
    assert bought(shop, "o-2", "8.00") == 40


def test_private_data(storage: Storage) -> None:
    """
    What is kept of one customer comes out whole under the identifier that the shop gave; it is no name unless the shop
    makes it one (S1.40).
    """
    shop = Shop(storage, PROGRAM)
    shop.ledger.set_profile("c-4711", holder="person")
    shop.ledger.act("c-4711", "registration")
    shop.ledger.act(ANN, "registration")
    found = statement(storage, PROGRAM, "c-4711", until=instant("2025-01-01"))
    assert (found.account, len(found.lines)) == ("c-4711", 2)
    assert all(entry.command.account == "c-4711" for entry in shop.ledger.entries("c-4711"))


def test_a_bonus_of_a_price_rule(storage: Storage) -> None:
    """
    A cart rule adds 20 points, once an order, from 100.00 on (S1.37).
    """
    shop = Shop(storage, PROGRAM)
    assert bought(shop, "o-1", "100.00") == 520
    assert bought(shop, "o-2", "99.99") == 490
    assert EarnRule.per_order(20).kind == "per_order"
    assert taken(shop.ledger.cancel("o-1", account=ANN)) == ["reversed -520"]
