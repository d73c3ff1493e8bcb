-- The state of format_1.sql, brought to format 2 by kbsync at commit b311059, the last with format 2.
PRAGMA application_id = 1801614201;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE attempts (
    attempt INTEGER PRIMARY KEY,
    intended_s REAL NOT NULL,
    sent_s REAL,
    duration_ms REAL NOT NULL,
    verdict TEXT NOT NULL,
    doubt INTEGER NOT NULL,
    http_status INTEGER,
    code,
    message TEXT NOT NULL,
    log_id TEXT NOT NULL
);
INSERT INTO "attempts" VALUES(1001,1795000001.0,1795000001.0,250.0,'accepted',0,200,0,'success','20261121095707A0B1C2D3');
INSERT INTO "attempts" VALUES(2001,1795000002.0,1795000002.0,250.0,'lost',1,NULL,NULL,'','');
INSERT INTO "attempts" VALUES(2002,1795000003.0,1795000003.0,250.0,'lost',1,NULL,NULL,'','');
INSERT INTO "attempts" VALUES(3001,1795000004.0,1795000004.0,250.0,'lost',0,NULL,NULL,'','');
INSERT INTO "attempts" VALUES(3002,1795000005.0,1795000005.0,250.0,'accepted',0,200,0,'success','20261121095707A0B1C2D3');
INSERT INTO "attempts" VALUES(4001,1795000006.0,1795000006.0,250.0,'accepted',0,200,0,'success','20261121095707A0B1C2D3');
CREATE TABLE changes (
    change INTEGER PRIMARY KEY,
    container INTEGER NOT NULL REFERENCES containers,
    id TEXT NOT NULL,
    operation INTEGER NOT NULL REFERENCES operations,
    reason TEXT NOT NULL,
    fields TEXT NOT NULL,
    file INTEGER NOT NULL REFERENCES files,
    line INTEGER NOT NULL,
    "column" INTEGER NOT NULL
);
INSERT INTO "changes" VALUES(1,1,'744667080521909001',1,'new','{"caption":["小猫"]}',1,1,5);
INSERT INTO "changes" VALUES(2,1,'744667080521909002',1,'new','{"caption":["小狗"]}',1,1,5);
INSERT INTO "changes" VALUES(3,2,'doc1',2,'new','{"meta.行业":[{"type":"string","value":"企业服务"}],"meta.score":[{"type":"float32","value":0.5}]}',2,3,1);
INSERT INTO "changes" VALUES(4,3,'738694205603010001',3,'new','{"name":["cozeoverview"],"update_rule":[{"update_type":1,"update_interval":24}]}',1,9,5);
INSERT INTO "changes" VALUES(5,1,'744667080521909001',1,'changed','{"caption":["新","小猫"]}',1,1,5);
INSERT INTO "changes" VALUES(6,1,'744667080521909003',1,'new','{"caption":["鸟"]}',1,1,5);
CREATE TABLE containers (
    container INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES targets,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    UNIQUE (target, name, kind)
);
INSERT INTO "containers" VALUES(1,1,'744632974166804001','image');
INSERT INTO "containers" VALUES(2,2,'default/test_collection_name','document');
INSERT INTO "containers" VALUES(3,1,'744632974166804001','document');
CREATE TABLE files (file INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO "files" VALUES(1,'a.yaml');
INSERT INTO "files" VALUES(2,'b.jsonl');
CREATE TABLE intents (attempt INTEGER PRIMARY KEY, intended_s REAL NOT NULL);
INSERT INTO "intents" VALUES(5001,1795000107.0);
CREATE TABLE items (
    container INTEGER NOT NULL REFERENCES containers,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    known INTEGER NOT NULL REFERENCES known,
    PRIMARY KEY (container, id)
) WITHOUT ROWID;
INSERT INTO "items" VALUES(1,'744667080521909001',X'B71C44A5B8ADD97D359731659D453594',1);
INSERT INTO "items" VALUES(2,'doc1',X'29AF499B639BDE6AA7CAE700325D7ADD',2);
INSERT INTO "items" VALUES(3,'738694205603010001',X'3DBC1D288E38D5C0A3BECE8244150744',3);
CREATE TABLE known (known INTEGER PRIMARY KEY, fields TEXT NOT NULL);
INSERT INTO "known" VALUES(1,'{"caption":"小猫"}');
INSERT INTO "known" VALUES(2,'{"meta.score":{"type":"float32","value":0.5},"meta.行业":{"type":"string","value":"企业服务"}}');
INSERT INTO "known" VALUES(3,'{"name":"cozeoverview","update_rule":{"update_interval":24,"update_type":1}}');
CREATE TABLE leftovers (
    run INTEGER NOT NULL REFERENCES runs,
    target INTEGER NOT NULL REFERENCES targets,
    reason TEXT NOT NULL,
    PRIMARY KEY (run, target)
) WITHOUT ROWID;
CREATE TABLE operations (operation INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO "operations" VALUES(1,'coze.image.caption');
INSERT INTO "operations" VALUES(2,'volcengine.document.meta');
INSERT INTO "operations" VALUES(3,'coze.document.update');
CREATE TABLE outcomes (
    change INTEGER PRIMARY KEY REFERENCES changes,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    duration_ms REAL NOT NULL,
    http_status INTEGER,
    code,
    message TEXT NOT NULL,
    log_id TEXT NOT NULL
);
INSERT INTO "outcomes" VALUES(1,'updated','',1,5.0,200,0,'success','20261121095707A0B1C2D3');
INSERT INTO "outcomes" VALUES(2,'unknown','told',2,5.0,200,0,'success','20261121095707A0B1C2D3');
INSERT INTO "outcomes" VALUES(3,'updated','',2,5.0,200,0,'success','20261121095707A0B1C2D3');
INSERT INTO "outcomes" VALUES(4,'updated','',1,5.0,200,0,'success','20261121095707A0B1C2D3');
CREATE TABLE reads (
    read INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES targets,
    operation INTEGER NOT NULL REFERENCES operations,
    items INTEGER NOT NULL,
    intended_s REAL NOT NULL,
    sent_s REAL,
    duration_ms REAL,
    verdict TEXT,
    http_status INTEGER,
    code,
    message TEXT,
    log_id TEXT
);
INSERT INTO "reads" VALUES(1,2,2,1,1795000000.0,1795000000.0,12.0,'accepted',200,0,'','');
INSERT INTO "reads" VALUES(2,2,2,1,1795000107.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE released (
    run INTEGER NOT NULL REFERENCES runs,
    container INTEGER NOT NULL REFERENCES containers,
    id TEXT NOT NULL,
    PRIMARY KEY (run, container, id)
) WITHOUT ROWID;
CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    plan_id TEXT NOT NULL,
    kbsync TEXT NOT NULL,
    serial INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    started_s REAL NOT NULL,
    finished_s REAL,
    first_change INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    first_read INTEGER NOT NULL,
    in_sync INTEGER NOT NULL,
    manifest_items INTEGER,
    guards TEXT NOT NULL,
    allow_reason TEXT NOT NULL,
    stopped TEXT NOT NULL DEFAULT '{}',
    exits TEXT NOT NULL DEFAULT '[]',
    totals TEXT
);
INSERT INTO "runs" VALUES(1,'20261118T110640Z-fd872a','5f0c','0.1.0',1,4711,'build-7',1795000000.0,1795000006.0,1,4,1,0,4,'[]','','{}','[3]','{"unknown":1,"updated":3}');
INSERT INTO "runs" VALUES(2,'20261118T110826Z-fd8794','5f0c','0.1.0',2,4711,'build-7',1795000106.0,NULL,5,2,2,0,5,'[["max-changes","over 1",true]]','the move','{}','[]',NULL);
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    lineage TEXT NOT NULL,
    serial INTEGER NOT NULL,
    declared_items INTEGER NOT NULL,
    created_s REAL NOT NULL,
    kbsync TEXT NOT NULL
, epoch INTEGER NOT NULL DEFAULT 0);
INSERT INTO "state" VALUES(1,'00000000-0000-4000-8000-000000000001',2,5,1795000000.0,'0.1.0',0);
CREATE TABLE targets (
    target INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_send_s REAL
);
INSERT INTO "targets" VALUES(1,'coze-cn',1795000006.0);
INSERT INTO "targets" VALUES(2,'volc-bj',1795000005.0);
CREATE INDEX changes_by_item ON changes (container, id);
CREATE INDEX reads_open ON reads (read) WHERE verdict IS NULL;
CREATE INDEX attempts_in_doubt ON attempts (doubt) WHERE doubt;
COMMIT;
