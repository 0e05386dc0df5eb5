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
INSERT INTO "pointsledger_accounts" VALUES('club','ann',7,1749204000000000,65,40,0,140,25,40,40,60,0,0,0,0,1749682800000000,1757113200000000,0,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_accounts" VALUES('club','bob',3,1742551200000000,0,0,80,80,0,80,0,0,80,0,0,0,1748818800000000,1750460400000000,0,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
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
INSERT INTO "pointsledger_allocations" VALUES('club','ann',2,0,1,40);
INSERT INTO "pointsledger_allocations" VALUES('club','ann',4,0,1,60);
INSERT INTO "pointsledger_allocations" VALUES('club','ann',7,0,1,40);
INSERT INTO "pointsledger_allocations" VALUES('club','bob',2,0,1,80);
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
INSERT INTO "pointsledger_entries" VALUES('club','ann',1,'earned',100,100,1736503200000000,1736503200000000,' process/1/1',0,'{"command":"process","order":"1","document":{"id":"1","account":"ann","lines":[{"product":"tea","unit_price":"50.00 USD","quantity":2}],"channel":"web"}}','1',1737072000000000,1768694400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1744326000000000,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',2,'redeemed',-40,60,1738404000000000,1738404000000000,' redeem/1/2',0,'{"command":"redeem","channel":"shop","points":40,"order":"2","to_pay":"30.00 USD"}','2',NULL,NULL,0,NULL,0,0,10,'1.00 USD','4.00 USD','26.00 USD',1746140400000000,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',3,'noted',0,60,1738404000000000,1738404000000000,' process/1/2',0,'{"command":"process","order":"2","document":{"id":"2","account":"ann","lines":[{"product":"tea","unit_price":"15.00 USD","quantity":2}]}}','2',NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',4,'expired',-60,0,1746140400000000,1748772000000000,NULL,0,'{"command":"expire"}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',5,'adjusted',25,25,1748858400000000,1748858400000000,'k1',0,'{"command":"adjust","actor":"op","reason":"goodwill","comment":"sorry","points":25}',NULL,1748858400000000,1780441200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,NULL,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',6,'earned',40,65,1749117600000000,1749117600000000,' process/1/3',0,'{"command":"process","order":"3","document":{"id":"3","account":"ann","lines":[{"product":"tea","unit_price":"20.00 USD","quantity":2}]}}','3',1749682800000000,1781305200000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1757113200000000,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','ann',7,'restored',40,105,1749204000000000,1749204000000000,' cancel/1/2',0,'{"command":"cancel","order":"2"}','2',NULL,NULL,0,2,40,0,10,'1.00 USD',NULL,NULL,NULL,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',1,'earned',80,80,1740823200000000,1740823200000000,'e1',0,'{"command":"earn","points":80}',NULL,1741392000000000,1773014400000000,0,NULL,0,0,10,'1.00 USD',NULL,NULL,1748818800000000,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',2,'redeemed',-80,0,1742464800000000,1742464800000000,'r1',0,'{"command":"redeem","points":80}',NULL,NULL,NULL,0,NULL,0,0,10,'1.00 USD','8.00 USD',NULL,1750460400000000,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
INSERT INTO "pointsledger_entries" VALUES('club','bob',3,'reversed',0,0,1742551200000000,1742551200000000,'x1',0,'{"command":"reverse","actor":"op","reason":"error","entry":1}',NULL,NULL,NULL,80,1,80,80,10,'1.00 USD',NULL,NULL,NULL,'cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b');
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
INSERT INTO "pointsledger_lots" VALUES('club','ann',1,100,40,1736503200000000,1737072000000000,1768694400000000,60,0);
INSERT INTO "pointsledger_lots" VALUES('club','ann',5,25,25,1748858400000000,1748858400000000,1780441200000000,0,0);
INSERT INTO "pointsledger_lots" VALUES('club','ann',6,40,40,1749117600000000,1749682800000000,1781305200000000,0,1);
INSERT INTO "pointsledger_lots" VALUES('club','bob',1,80,0,1740823200000000,1741392000000000,1773014400000000,0,0);
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
INSERT INTO "pointsledger_terms" VALUES('club','ann','cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club","pending":{"kind":"after","period":"1 week"},"timezone":"Europe/London"}');
INSERT INTO "pointsledger_terms" VALUES('club','bob','cd26fb78da935f353954fabba9feeb347a98fa8d7d7529c6cfd805cb34b2567b','{"earn_rules":[{"id":"per_amount","kind":"per_amount","per":"1.00 USD","points":1}],"exchange_rates":[{"money":"1.00 USD","points":10}],"expiry":{"kind":"earlier_of","policies":[{"kind":"after","period":"1 year"},{"kind":"inactivity","period":"3 months","resets":["earn","redeem"]}]},"id":"club","pending":{"kind":"after","period":"1 week"},"timezone":"Europe/London"}');
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
