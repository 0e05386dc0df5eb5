"""
A naive model of the ledger: lists, dicts and Fractions, written from the specification alone.

It imports nothing of the rest of the package, keeps nothing but what was accepted, and works everything out anew from
that list each time, so it is slow and has nothing that can be out of date.
`pointsledger.testing.model.ledger.NaiveLedger` is its face; `pointsledger.testing.model.plain` tells what it is given.
"""
