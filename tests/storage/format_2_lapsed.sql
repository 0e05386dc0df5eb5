-- A file of the second format: accounts that lapsed by inactivity and went on, and lots with dates given by hand.
-- It was written on 26 November 2026 by commit 1847196, the last one of that format, and dumped by `iterdump`:
--
--     git worktree add /tmp/old-format 1847196
--     PYTHONPATH=/tmp/old-format/src python story.py > dump.sql
--
-- story.py was:
--
--     import sqlite3
--     from datetime import UTC, datetime
--     from pointsledger import *
--     from pointsledger.storage.sqlite import SQLiteStorage
--
--     PROGRAM = Program(
--         id="club",
--         earn_rules=[EarnRule.per_amount(1, per=Money("1.00", "USD"))],
--         exchange_rates=[ExchangeRate(10, Money("1.00", "USD"))],
--         expiry=ExpiryPolicy.earlier_of(ExpiryPolicy.after(months=12), ExpiryPolicy.inactivity(months=3)),
--     )
--     PLUS = Program(
--         id="plus",
--         earn_rules=[*PROGRAM.earn_rules, EarnRule.per_order(7, expiry=ExpiryPolicy.after(days=30))],
--         exchange_rates=PROGRAM.exchange_rates,
--         expiry=ExpiryPolicy.after(months=12),
--         restore=RestorePolicy(lapsed="grace", grace_days=5),
--     )
--     WHY = {"actor": "eve", "reason": "gift"}
--     keys = iter(range(1, 1000))
--
--
--     def at(text):
--         return datetime.fromisoformat(text).replace(tzinfo=UTC)
--
--
--     def buy(order, account, price, day):
--         ledger.process(Order(order, account, [OrderLine("x", Money(price, "USD"))]), at=at(day))
--
--
--     storage = SQLiteStorage("old.db", journal_mode="delete")
--     ledger = Ledger(PROGRAM, storage, new_key=lambda: f"key-{next(keys)}")
--
--     # Ann lapses, and the first command afterwards cancels what she paid for.
--     buy("a-1", "ann", "100.00", "2025-01-10")
--     ledger.adjust("ann", 50, expires_at=at("2026-07-01"), at=at("2025-01-20"), **WHY)
--     ledger.redeem("ann", 40, order="a-2", at=at("2025-02-01"))
--     ledger.cancel("a-2", account="ann", at=at("2025-06-10"))
--     buy("a-3", "ann", "30.00", "2025-06-12")
--
--     # Bob has dates by hand and others, and remarks that look like dates.
--     ledger.adjust("bob", 100, expires_at=at("2025-12-24"), at=at("2025-05-01"), **WHY)
--     ledger.adjust("bob", 20, at=at("2025-05-02"), **WHY)
--     ledger.adjust("bob", 5, at=at("2025-05-03"), actor="eve", reason="expires_at", comment='{"expires_at": "2025"}')
--     buy("b-1", "bob", "35.00", "2025-05-04")
--     ledger.set_balance("bob", 170, at=at("2025-05-05"), **WHY)
--     ledger.adjust("bob", -30, at=at("2025-05-06"), **WHY)
--
--     # Cid lapses twice; the first time the command afterwards is activity.
--     buy("c-1", "cid", "10.00", "2024-06-10")
--     buy("c-2", "cid", "20.00", "2024-12-10")
--     ledger.adjust("cid", 7, at=at("2025-06-10"), **WHY)
--
--     # Dan owes; afterwards one command lapses, credits and repays.
--     buy("d-1", "dan", "50.00", "2025-01-10")
--     ledger.adjust("dan", -50, at=at("2025-01-11"), **WHY)
--     buy("d-2", "dan", "8.00", "2025-02-10")
--     ledger.adjust("dan", 80, expires_at=at("2026-03-01"), at=at("2025-06-10"), **WHY)
--     ledger.cancel("d-1", account="dan", at=at("2025-06-11"))
--     ledger.adjust("dan", -60, allow_debt=True, at=at("2025-06-12"), **WHY)
--     ledger.adjust("dan", 70, at=at("2025-06-13"), **WHY)
--
--     # Eva moves the clock in time; Fay is a moment late; Gus is swept.
--     buy("e-1", "eva", "60.00", "2025-03-10")
--     ledger.redeem("eva", 20, order="e-2", at=at("2025-06-10 23:59:59"))
--     buy("f-1", "fay", "60.00", "2025-03-10")
--     buy("f-2", "fay", "9.00", "2025-06-11")
--     buy("g-1", "gus", "60.00", "2025-01-10")
--     ledger.expire("gus", at=at("2025-05-10"))
--     ledger.adjust("gus", 3, at=at("2025-05-11"), **WHY)
--
--     # Hal uses points before he lapses, and some of those that come afterwards.
--     buy("h-1", "hal", "90.00", "2025-01-10")
--     ledger.adjust("hal", -10, at=at("2025-01-11"), **WHY)
--     ledger.adjust("hal", 5, at=at("2025-06-10"), **WHY)
--     ledger.adjust("hal", -3, at=at("2025-06-11"), **WHY)
--
--     # In another program Rex has points of a rule with an expiry of its own, and Sue has some that came back for a grace.
--     ledger = Ledger(PLUS, storage, new_key=lambda: f"key-{next(keys)}")
--     buy("r-1", "rex", "40.00", "2025-06-01")
--     buy("s-1", "sue", "40.00", "2024-06-01")
--     ledger.redeem("sue", 30, order="s-2", at=at("2024-06-02"))
--     ledger.cancel("s-2", account="sue", at=at("2025-06-20"))
--
--     storage.close()
--     for line in sqlite3.connect("old.db").iterdump():
--         print(line)
--
BEGIN TRANSACTION;
CREATE TABLE pointsledger_accounts (
            program TEXT NOT NULL,
            account TEXT NOT NULL,
            version INTEGER NOT NULL CHECK (version > 0),
            as_of INTEGER NOT NULL,
            available INTEGER NOT NULL CHECK (available >= 0),
            pending INTEGER NOT NULL CHECK (pending >= 0),
            debt INTEGER NOT NULL CHECK (debt >= 0),
            earned INTEGER NOT NULL CHECK (earned >= 0),
            adjusted INTEGER NOT NULL CHECK (adjusted >= 0),
            redeemed INTEGER NOT NULL CHECK (redeemed >= 0),
            restored INTEGER NOT NULL CHECK (restored >= 0),
            expired INTEGER NOT NULL CHECK (expired >= 0),
            reversed INTEGER NOT NULL CHECK (reversed >= 0),
            removed INTEGER NOT NULL CHECK (removed >= 0),
            repaid INTEGER NOT NULL CHECK (repaid >= 0),
            forgiven INTEGER NOT NULL CHECK (forgiven >= 0),
            next_change_at INTEGER,
            lapses_at INTEGER,
            closed INTEGER NOT NULL CHECK (closed IN (0, 1)),
            terms TEXT,
            CHECK (available = 0 OR debt = 0),
            CHECK (earned + adjusted + restored + forgiven
                = available + pending - debt + redeemed + expired + reversed + removed),
            PRIMARY KEY (program, account)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "pointsledger_accounts" VALUES('club','ann',7,1749686400000000,30,0,0,130,50,40,40,150,0,0,0,0,1757721600000000,1757721600000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('club','bob',6,1746489600000000,140,0,0,35,135,0,0,0,0,30,0,0,1754092800000000,1754352000000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('club','cid',5,1749513600000000,7,0,0,30,7,0,0,30,0,0,0,0,1765411200000000,1741651200000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('club','dan',9,1749772800000000,40,0,0,58,150,0,0,8,50,110,30,0,1770768000000000,1746921600000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('club','eva',2,1749599999000000,40,0,0,60,0,20,0,0,0,0,0,0,1749600000000000,1757548800000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('club','fay',3,1749600000000000,9,0,0,69,0,0,0,60,0,0,0,0,1757635200000000,1757635200000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('club','gus',3,1746921600000000,3,0,0,60,3,0,0,60,0,0,0,0,1768089600000000,1744329600000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('club','hal',5,1749600000000000,2,0,0,90,5,0,0,80,0,13,0,0,1768089600000000,1744329600000000,0,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_accounts" VALUES('plus','rex',2,1748736000000000,47,0,0,47,0,0,0,0,0,0,0,0,1751414400000000,NULL,0,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
INSERT INTO "pointsledger_accounts" VALUES('plus','sue',5,1750377600000000,30,0,0,47,0,30,30,17,0,0,0,0,1750896000000000,NULL,0,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
CREATE TABLE pointsledger_allocations (
            program TEXT NOT NULL,
            account TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            part INTEGER NOT NULL,
            lot INTEGER NOT NULL,
            points INTEGER NOT NULL CHECK (points > 0),
            PRIMARY KEY (program, account, sequence, part)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "pointsledger_allocations" VALUES('club','ann',3,0,1,40);
INSERT INTO "pointsledger_allocations" VALUES('club','ann',4,0,1,60);
INSERT INTO "pointsledger_allocations" VALUES('club','ann',4,1,2,50);
INSERT INTO "pointsledger_allocations" VALUES('club','ann',5,0,1,40);
INSERT INTO "pointsledger_allocations" VALUES('club','ann',6,0,1,40);
INSERT INTO "pointsledger_allocations" VALUES('club','bob',6,0,1,30);
INSERT INTO "pointsledger_allocations" VALUES('club','cid',2,0,1,10);
INSERT INTO "pointsledger_allocations" VALUES('club','cid',4,0,3,20);
INSERT INTO "pointsledger_allocations" VALUES('club','dan',2,0,1,50);
INSERT INTO "pointsledger_allocations" VALUES('club','dan',4,0,3,8);
INSERT INTO "pointsledger_allocations" VALUES('club','dan',6,0,5,50);
INSERT INTO "pointsledger_allocations" VALUES('club','dan',7,0,5,30);
INSERT INTO "pointsledger_allocations" VALUES('club','dan',9,0,8,30);
INSERT INTO "pointsledger_allocations" VALUES('club','eva',2,0,1,20);
INSERT INTO "pointsledger_allocations" VALUES('club','fay',2,0,1,60);
INSERT INTO "pointsledger_allocations" VALUES('club','gus',2,0,1,60);
INSERT INTO "pointsledger_allocations" VALUES('club','hal',2,0,1,10);
INSERT INTO "pointsledger_allocations" VALUES('club','hal',3,0,1,80);
INSERT INTO "pointsledger_allocations" VALUES('club','hal',5,0,4,3);
INSERT INTO "pointsledger_allocations" VALUES('plus','sue',3,0,1,7);
INSERT INTO "pointsledger_allocations" VALUES('plus','sue',3,1,2,23);
INSERT INTO "pointsledger_allocations" VALUES('plus','sue',4,0,2,17);
CREATE TABLE pointsledger_entries (
            program TEXT NOT NULL,
            account TEXT NOT NULL,
            sequence INTEGER NOT NULL CHECK (sequence > 0),
            kind TEXT NOT NULL,
            points INTEGER NOT NULL,
            balance_after INTEGER NOT NULL CHECK (balance_after >= 0),
            occurred_at INTEGER NOT NULL,
            recorded_at INTEGER NOT NULL,
            command_key TEXT,
            ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
            command TEXT,
            order_id TEXT,
            available_at INTEGER,
            expires_at INTEGER,
            debt INTEGER NOT NULL,
            reverses INTEGER,
            claimed INTEGER NOT NULL CHECK (claimed >= 0),
            shortfall INTEGER NOT NULL CHECK (shortfall >= 0),
            rate_points INTEGER,
            rate_money TEXT,
            money TEXT,
            still_to_pay TEXT,
            lapses_at INTEGER,
            terms TEXT NOT NULL,
            CHECK ((ordinal = 0) = (command IS NOT NULL)),
            PRIMARY KEY (program, account, sequence)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "pointsledger_entries" VALUES('club','ann',1,'earned',100,100,1736467200000000,1736467200000000,' process/1/a-1',0,'{"command":"process","order":"a-1","document":{"id":"a-1","account":"ann","lines":[{"product":"x","unit_price":"100.00 USD"}]}}','a-1',1736467200000000,1768089600000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1744329600000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',2,'adjusted',50,150,1737331200000000,1737331200000000,'key-1',0,'{"command":"adjust","actor":"eve","reason":"gift","points":50,"expires_at":"2026-07-01T00:00:00+00:00"}',NULL,1737331200000000,1782864000000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',3,'redeemed',-40,110,1738368000000000,1738368000000000,' redeem/1/a-2',0,'{"command":"redeem","points":40,"order":"a-2"}','a-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD','4.00 USD',NULL,1746144000000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',4,'expired',-110,0,1746144000000000,1749513600000000,' cancel/1/a-2',0,'{"command":"cancel","order":"a-2"}','a-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',5,'restored',40,40,1749513600000000,1749513600000000,' cancel/1/a-2',1,NULL,'a-2',NULL,NULL,0,3,40,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',6,'expired',-40,0,1749513600000000,1749513600000000,' cancel/1/a-2',2,NULL,'a-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',7,'earned',30,30,1749686400000000,1749686400000000,' process/1/a-3',0,'{"command":"process","order":"a-3","document":{"id":"a-3","account":"ann","lines":[{"product":"x","unit_price":"30.00 USD"}]}}','a-3',1749686400000000,1781308800000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1757721600000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',1,'adjusted',100,100,1746057600000000,1746057600000000,'key-2',0,'{"command":"adjust","actor":"eve","reason":"gift","points":100,"expires_at":"2025-12-24T00:00:00+00:00"}',NULL,1746057600000000,1766534400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1754092800000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',2,'adjusted',20,120,1746144000000000,1746144000000000,'key-3',0,'{"command":"adjust","actor":"eve","reason":"gift","points":20}',NULL,1746144000000000,1777766400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',3,'adjusted',5,125,1746230400000000,1746230400000000,'key-4',0,'{"command":"adjust","actor":"eve","reason":"expires_at","comment":"{\"expires_at\": \"2025\"}","points":5}',NULL,1746230400000000,1777852800000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',4,'earned',35,160,1746316800000000,1746316800000000,' process/1/b-1',0,'{"command":"process","order":"b-1","document":{"id":"b-1","account":"bob","lines":[{"product":"x","unit_price":"35.00 USD"}]}}','b-1',1746316800000000,1777939200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1754352000000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',5,'adjusted',10,170,1746403200000000,1746403200000000,'key-5',0,'{"command":"set_balance","actor":"eve","reason":"gift","points":170}',NULL,1746403200000000,1778025600000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',6,'adjusted',-30,140,1746489600000000,1746489600000000,'key-6',0,'{"command":"adjust","actor":"eve","reason":"gift","points":-30}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','cid',1,'earned',10,10,1717977600000000,1717977600000000,' process/1/c-1',0,'{"command":"process","order":"c-1","document":{"id":"c-1","account":"cid","lines":[{"product":"x","unit_price":"10.00 USD"}]}}','c-1',1717977600000000,1749600000000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1726012800000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','cid',2,'expired',-10,0,1726012800000000,1733788800000000,' process/1/c-2',0,'{"command":"process","order":"c-2","document":{"id":"c-2","account":"cid","lines":[{"product":"x","unit_price":"20.00 USD"}]}}','c-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','cid',3,'earned',20,20,1733788800000000,1733788800000000,' process/1/c-2',1,NULL,'c-2',1733788800000000,1765411200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1741651200000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','cid',4,'expired',-20,0,1741651200000000,1749513600000000,'key-7',0,'{"command":"adjust","actor":"eve","reason":"gift","points":7}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','cid',5,'adjusted',7,7,1749513600000000,1749513600000000,'key-7',1,NULL,NULL,1749513600000000,1781136000000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',1,'earned',50,50,1736467200000000,1736467200000000,' process/1/d-1',0,'{"command":"process","order":"d-1","document":{"id":"d-1","account":"dan","lines":[{"product":"x","unit_price":"50.00 USD"}]}}','d-1',1736467200000000,1768089600000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1744329600000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',2,'adjusted',-50,0,1736553600000000,1736553600000000,'key-8',0,'{"command":"adjust","actor":"eve","reason":"gift","points":-50}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',3,'earned',8,8,1739145600000000,1739145600000000,' process/1/d-2',0,'{"command":"process","order":"d-2","document":{"id":"d-2","account":"dan","lines":[{"product":"x","unit_price":"8.00 USD"}]}}','d-2',1739145600000000,1770768000000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1746921600000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',4,'expired',-8,0,1746921600000000,1749513600000000,'key-9',0,'{"command":"adjust","actor":"eve","reason":"gift","points":80,"expires_at":"2026-03-01T00:00:00+00:00"}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',5,'adjusted',80,80,1749513600000000,1749513600000000,'key-9',1,NULL,NULL,1749513600000000,1772323200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',6,'reversed',-50,30,1749600000000000,1749600000000000,' cancel/1/d-1',0,'{"command":"cancel","order":"d-1"}','d-1',NULL,NULL,0,1,50,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',7,'adjusted',-30,0,1749686400000000,1749686400000000,'key-10',0,'{"command":"adjust","actor":"eve","reason":"gift","points":-60,"allow_debt":true}',NULL,NULL,NULL,30,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',8,'adjusted',70,70,1749772800000000,1749772800000000,'key-11',0,'{"command":"adjust","actor":"eve","reason":"gift","points":70}',NULL,1749772800000000,1781395200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','dan',9,'repaid',-30,40,1749772800000000,1749772800000000,'key-11',1,NULL,NULL,NULL,NULL,-30,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','eva',1,'earned',60,60,1741564800000000,1741564800000000,' process/1/e-1',0,'{"command":"process","order":"e-1","document":{"id":"e-1","account":"eva","lines":[{"product":"x","unit_price":"60.00 USD"}]}}','e-1',1741564800000000,1773187200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1749600000000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','eva',2,'redeemed',-20,40,1749599999000000,1749599999000000,' redeem/1/e-2',0,'{"command":"redeem","points":20,"order":"e-2"}','e-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD','2.00 USD',NULL,1757548800000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','fay',1,'earned',60,60,1741564800000000,1741564800000000,' process/1/f-1',0,'{"command":"process","order":"f-1","document":{"id":"f-1","account":"fay","lines":[{"product":"x","unit_price":"60.00 USD"}]}}','f-1',1741564800000000,1773187200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1749600000000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','fay',2,'expired',-60,0,1749600000000000,1749600000000000,' process/1/f-2',0,'{"command":"process","order":"f-2","document":{"id":"f-2","account":"fay","lines":[{"product":"x","unit_price":"9.00 USD"}]}}','f-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','fay',3,'earned',9,9,1749600000000000,1749600000000000,' process/1/f-2',1,NULL,'f-2',1749600000000000,1781222400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1757635200000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','gus',1,'earned',60,60,1736467200000000,1736467200000000,' process/1/g-1',0,'{"command":"process","order":"g-1","document":{"id":"g-1","account":"gus","lines":[{"product":"x","unit_price":"60.00 USD"}]}}','g-1',1736467200000000,1768089600000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1744329600000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','gus',2,'expired',-60,0,1744329600000000,1746835200000000,NULL,0,'{"command":"expire"}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','gus',3,'adjusted',3,3,1746921600000000,1746921600000000,'key-12',0,'{"command":"adjust","actor":"eve","reason":"gift","points":3}',NULL,1746921600000000,1778544000000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','hal',1,'earned',90,90,1736467200000000,1736467200000000,' process/1/h-1',0,'{"command":"process","order":"h-1","document":{"id":"h-1","account":"hal","lines":[{"product":"x","unit_price":"90.00 USD"}]}}','h-1',1736467200000000,1768089600000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1744329600000000,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','hal',2,'adjusted',-10,80,1736553600000000,1736553600000000,'key-13',0,'{"command":"adjust","actor":"eve","reason":"gift","points":-10}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','hal',3,'expired',-80,0,1744329600000000,1749513600000000,'key-14',0,'{"command":"adjust","actor":"eve","reason":"gift","points":5}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','hal',4,'adjusted',5,5,1749513600000000,1749513600000000,'key-14',1,NULL,NULL,1749513600000000,1781136000000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('club','hal',5,'adjusted',-3,2,1749600000000000,1749600000000000,'key-15',0,'{"command":"adjust","actor":"eve","reason":"gift","points":-3}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b');
INSERT INTO "pointsledger_entries" VALUES('plus','rex',1,'earned',7,7,1748736000000000,1748736000000000,' process/1/r-1',0,'{"command":"process","order":"r-1","document":{"id":"r-1","account":"rex","lines":[{"product":"x","unit_price":"40.00 USD"}]}}','r-1',1748736000000000,1751414400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
INSERT INTO "pointsledger_entries" VALUES('plus','rex',2,'earned',40,47,1748736000000000,1748736000000000,' process/1/r-1',1,NULL,'r-1',1748736000000000,1780358400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
INSERT INTO "pointsledger_entries" VALUES('plus','sue',1,'earned',7,7,1717200000000000,1717200000000000,' process/1/s-1',0,'{"command":"process","order":"s-1","document":{"id":"s-1","account":"sue","lines":[{"product":"x","unit_price":"40.00 USD"}]}}','s-1',1717200000000000,1719878400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
INSERT INTO "pointsledger_entries" VALUES('plus','sue',2,'earned',40,47,1717200000000000,1717200000000000,' process/1/s-1',1,NULL,'s-1',1717200000000000,1748822400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
INSERT INTO "pointsledger_entries" VALUES('plus','sue',3,'redeemed',-30,17,1717286400000000,1717286400000000,' redeem/1/s-2',0,'{"command":"redeem","points":30,"order":"s-2"}','s-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD','3.00 USD',NULL,NULL,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
INSERT INTO "pointsledger_entries" VALUES('plus','sue',4,'expired',-17,0,1748822400000000,1750377600000000,' cancel/1/s-2',0,'{"command":"cancel","order":"s-2"}','s-2',NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
INSERT INTO "pointsledger_entries" VALUES('plus','sue',5,'restored',30,30,1750377600000000,1750377600000000,' cancel/1/s-2',1,NULL,'s-2',1750377600000000,1750896000000000,0,3,30,0,10,'1.00 USD',NULL,NULL,NULL,'c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5');
CREATE TABLE pointsledger_lots (
            program TEXT NOT NULL,
            account TEXT NOT NULL,
            lot INTEGER NOT NULL,
            points INTEGER NOT NULL CHECK (points > 0),
            remaining INTEGER NOT NULL CHECK (remaining >= 0),
            earned_at INTEGER NOT NULL,
            available_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            expired INTEGER NOT NULL CHECK (expired >= 0),
            waits INTEGER NOT NULL CHECK (waits IN (0, 1)),
            PRIMARY KEY (program, account, lot)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "pointsledger_lots" VALUES('club','ann',1,100,0,1736467200000000,1736467200000000,1768089600000000,100,0);
INSERT INTO "pointsledger_lots" VALUES('club','ann',2,50,0,1737331200000000,1737331200000000,1782864000000000,50,0);
INSERT INTO "pointsledger_lots" VALUES('club','ann',7,30,30,1749686400000000,1749686400000000,1781308800000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','bob',1,100,70,1746057600000000,1746057600000000,1766534400000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','bob',2,20,20,1746144000000000,1746144000000000,1777766400000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','bob',3,5,5,1746230400000000,1746230400000000,1777852800000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','bob',4,35,35,1746316800000000,1746316800000000,1777939200000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','bob',5,10,10,1746403200000000,1746403200000000,1778025600000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','cid',1,10,0,1717977600000000,1717977600000000,1749600000000000,10,0);
INSERT INTO "pointsledger_lots" VALUES('club','cid',3,20,0,1733788800000000,1733788800000000,1765411200000000,20,0);
INSERT INTO "pointsledger_lots" VALUES('club','cid',5,7,7,1749513600000000,1749513600000000,1781136000000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','dan',1,50,0,1736467200000000,1736467200000000,1768089600000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','dan',3,8,0,1739145600000000,1739145600000000,1770768000000000,8,0);
INSERT INTO "pointsledger_lots" VALUES('club','dan',5,80,0,1749513600000000,1749513600000000,1772323200000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','dan',8,70,40,1749772800000000,1749772800000000,1781395200000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','eva',1,60,40,1741564800000000,1741564800000000,1773187200000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','fay',1,60,0,1741564800000000,1741564800000000,1773187200000000,60,0);
INSERT INTO "pointsledger_lots" VALUES('club','fay',3,9,9,1749600000000000,1749600000000000,1781222400000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','gus',1,60,0,1736467200000000,1736467200000000,1768089600000000,60,0);
INSERT INTO "pointsledger_lots" VALUES('club','gus',3,3,3,1746921600000000,1746921600000000,1778544000000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','hal',1,90,0,1736467200000000,1736467200000000,1768089600000000,80,0);
INSERT INTO "pointsledger_lots" VALUES('club','hal',4,5,2,1749513600000000,1749513600000000,1781136000000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('plus','rex',1,7,7,1748736000000000,1748736000000000,1751414400000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('plus','rex',2,40,40,1748736000000000,1748736000000000,1780358400000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('plus','sue',1,7,0,1717200000000000,1717200000000000,1719878400000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('plus','sue',2,40,0,1717200000000000,1717200000000000,1748822400000000,17,0);
INSERT INTO "pointsledger_lots" VALUES('plus','sue',5,30,30,1750377600000000,1750377600000000,1750896000000000,0,0);
CREATE TABLE pointsledger_schema (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "pointsledger_schema" VALUES(1,2);
CREATE TABLE pointsledger_terms (
            program TEXT NOT NULL,
            account TEXT NOT NULL,
            digest TEXT NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (program, account, digest)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "pointsledger_terms" VALUES('club','ann','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('club','bob','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('club','cid','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('club','dan','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('club','eva','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('club','fay','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('club','gus','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('club','hal','988dbcf02f9e440d189642244f88bb3af5f5d5fc00ae4449cdeced006aff9d8b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club"}');
INSERT INTO "pointsledger_terms" VALUES('plus','rex','c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1},{"expiry":{"kind":"after","period":"30 days"},"id":"per_order","kind":"per_order","points":7}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"after","period":"1 year"},"id":"plus","restore":{"grace_days":5,"lapsed":"grace"}}');
INSERT INTO "pointsledger_terms" VALUES('plus','sue','c3667595e128f3bd0fa516669a388032407950c79fbf6bcc4054dc7394ccfab5','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1},{"expiry":{"kind":"after","period":"30 days"},"id":"per_order","kind":"per_order","points":7}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"after","period":"1 year"},"id":"plus","restore":{"grace_days":5,"lapsed":"grace"}}');
CREATE UNIQUE INDEX pointsledger_entries_by_key ON pointsledger_entries (program, account, command_key, ordinal);
CREATE INDEX pointsledger_entries_by_order ON pointsledger_entries (program, account, order_id, sequence)
            WHERE order_id IS NOT NULL
        ;
CREATE INDEX pointsledger_entries_by_reversed ON pointsledger_entries (program, account, reverses, sequence)
            WHERE reverses IS NOT NULL
        ;
CREATE INDEX pointsledger_allocations_by_lot ON pointsledger_allocations (program, account, lot, sequence);
CREATE INDEX pointsledger_lots_by_expiry ON pointsledger_lots (program, account, expires_at, earned_at, lot)
            WHERE remaining > 0
        ;
CREATE INDEX pointsledger_lots_by_age ON pointsledger_lots (program, account, earned_at, lot) WHERE remaining > 0;
CREATE INDEX pointsledger_lots_waiting ON pointsledger_lots (program, account, available_at)
            WHERE waits = 1 AND remaining > 0
        ;
CREATE INDEX pointsledger_accounts_by_change ON pointsledger_accounts (program, next_change_at, account)
            WHERE next_change_at IS NOT NULL
        ;
COMMIT;
