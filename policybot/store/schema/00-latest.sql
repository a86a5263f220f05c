-- v0 -> v1: Latest schema
-- Times are epoch milliseconds. Lists and maps are JSON text. SERIAL_KEY is an integer key that the
-- database counts up. Rows of governance change their state; only the end of their time deletes them
-- (domain/retention.py: a new table needs a rule there, or a reason why it needs none).

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Events -----------------------------------------------------------------------------------------

CREATE TABLE seen_events (
    event_id TEXT PRIMARY KEY,
    at       BIGINT NOT NULL
);

CREATE TABLE dead_events (
    event_id TEXT PRIMARY KEY,
    room_id  TEXT NOT NULL,
    sender   TEXT NOT NULL,
    type     TEXT NOT NULL,
    error    TEXT NOT NULL,
    at       BIGINT NOT NULL
);

-- Rooms that the bot knows -----------------------------------------------------------------------

CREATE TABLE rooms (
    room_id  TEXT PRIMARY KEY,
    kind     TEXT NOT NULL CHECK (kind IN ('direct', 'review', 'governed', 'other')),
    user_id  TEXT,                        -- the other person of a direct room
    version  TEXT NOT NULL DEFAULT '',
    creators TEXT NOT NULL DEFAULT '[]',
    levels   TEXT NOT NULL DEFAULT '{}',  -- content of m.room.power_levels
    predecessor TEXT NOT NULL DEFAULT '', -- the room that it replaces
    at       BIGINT NOT NULL
);
CREATE INDEX rooms_direct ON rooms (user_id, at) WHERE kind = 'direct';

CREATE TABLE former_rooms (               -- rooms that a filing has left, and for which other one
    room_id   TEXT PRIMARY KEY,
    successor TEXT NOT NULL
);

CREATE TABLE review_members (
    user_id TEXT PRIMARY KEY
);

-- Members ----------------------------------------------------------------------------------------

CREATE TABLE persons (                    -- no name is here: see the vault
    id         TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL,
    erased_at  BIGINT
);

CREATE TABLE verifications (              -- how a person was verified, and until when that is good
    id          SERIAL_KEY,
    person_id   TEXT NOT NULL REFERENCES persons (id),
    source      TEXT NOT NULL CHECK (source IN ('oidc', 'roster', 'document', 'callback')),
    realm       TEXT NOT NULL,            -- an issuer, the roster, a kind of document
    level       INTEGER NOT NULL CHECK (level BETWEEN 1 AND 3),
    process     TEXT NOT NULL,
    verified_at BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    checked_at  BIGINT NOT NULL,          -- when its source was last asked whether it still holds
    ended_at    BIGINT,
    end_reason  TEXT
);
CREATE UNIQUE INDEX verifications_current ON verifications (person_id, source, realm)
    WHERE ended_at IS NULL;
CREATE INDEX verifications_ending ON verifications (expires_at) WHERE ended_at IS NULL;
CREATE INDEX verifications_ended ON verifications (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX verifications_checked ON verifications (checked_at) WHERE ended_at IS NULL;

CREATE TABLE links (
    id         SERIAL_KEY,
    person_id  TEXT NOT NULL REFERENCES persons (id),
    user_id    TEXT NOT NULL,
    slot       INTEGER NOT NULL,          -- one person has at most N accounts: 1..N, each once
    front      TEXT NOT NULL CHECK (front IN ('pseudonym', 'real')),
    created_at BIGINT NOT NULL,
    ended_at   BIGINT,
    end_reason TEXT
);
CREATE INDEX links_user ON links (user_id);
CREATE INDEX links_person ON links (person_id);
CREATE INDEX links_ended ON links (ended_at) WHERE ended_at IS NOT NULL;
CREATE UNIQUE INDEX links_active_user ON links (user_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX links_active_slot ON links (person_id, slot) WHERE ended_at IS NULL;

CREATE TABLE front_names (                -- of linked accounts alone
    user_id TEXT NOT NULL,
    front   TEXT NOT NULL CHECK (front IN ('pseudonym', 'real')),
    name    TEXT NOT NULL,                -- the display name; a real one is in the vault alone
    look    TEXT NOT NULL,                -- a keyed hash of what it looks like
    since   BIGINT NOT NULL,
    PRIMARY KEY (user_id, front),
    CHECK (front = 'pseudonym' OR name = '')
);
CREATE INDEX front_names_look ON front_names (look);

CREATE TABLE lookalikes (                 -- pairs of accounts whose names look the same
    first    TEXT NOT NULL,
    second   TEXT NOT NULL,
    late     TEXT NOT NULL,               -- whose name came too close to the other's
    at       BIGINT NOT NULL,
    told_at  BIGINT,                      -- each is told once, and only so many a day
    ended_at BIGINT,                      -- when one of the two had another name
    PRIMARY KEY (first, second, at)
);
CREATE UNIQUE INDEX lookalikes_pair ON lookalikes (first, second) WHERE ended_at IS NULL;
CREATE INDEX lookalikes_second ON lookalikes (second) WHERE ended_at IS NULL;
CREATE INDEX lookalikes_late ON lookalikes (late, told_at);
CREATE INDEX lookalikes_untold ON lookalikes (at) WHERE told_at IS NULL AND ended_at IS NULL;

CREATE TABLE attempts (                   -- tries to verify an account, by the hash of their link
    token_hash   TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL,
    expires_at   BIGINT NOT NULL,
    wrong_codes  INTEGER NOT NULL DEFAULT 0,
    finds        INTEGER NOT NULL DEFAULT 0, -- begun, whatever came of them
    used_at      BIGINT,
    browser_hash TEXT UNIQUE,             -- the browser that was sent to a provider
    state_hash   TEXT UNIQUE,             -- what it has to bring back, once
    source       TEXT,
    realm        TEXT,
    candidate    TEXT,                    -- under which ID the vault keeps what was found
    code_hash    TEXT,                    -- what the account has to send back
    blind        TEXT,
    likeness     TEXT,
    level        INTEGER,
    process      TEXT,
    verified_at  BIGINT,
    valid_until  BIGINT,
    ticket       TEXT
);
CREATE INDEX attempts_user ON attempts (user_id, expires_at);
CREATE INDEX attempts_code ON attempts (code_hash) WHERE code_hash IS NOT NULL;

CREATE TABLE account_tokens (             -- tokens by which clients showed an account: each is good once
    token_hash TEXT PRIMARY KEY,
    forget_at  BIGINT NOT NULL
);
CREATE INDEX account_tokens_old ON account_tokens (forget_at);

CREATE TABLE results (                    -- what a verification service owes us, by its reference
    reference_hash TEXT PRIMARY KEY,
    token_hash     TEXT NOT NULL,         -- the attempt that waits for it
    way            TEXT NOT NULL,
    browser_hash   TEXT NOT NULL,         -- the browser that left, and has to come back
    brought_hash   TEXT,                  -- the ID of a result that it brought
    posted         INTEGER NOT NULL DEFAULT 0,
    vault_id       TEXT NOT NULL,         -- under which ID the vault keeps what was posted
    wait_until     BIGINT NOT NULL
);
CREATE INDEX results_token ON results (token_hash);
CREATE INDEX results_until ON results (wait_until);

CREATE TABLE webhooks (                   -- what was posted already, so that it counts once
    id_hash   TEXT PRIMARY KEY,
    body_hash TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX webhooks_at ON webhooks (at);

CREATE TABLE roster (                     -- entries of the imported list, by their ID in the vault
    id        TEXT PRIMARY KEY,
    code_hash TEXT UNIQUE,                -- empty once the code was used
    person_id TEXT REFERENCES persons (id),
    left_at   BIGINT                      -- when a newer list no longer had it
);
CREATE INDEX roster_person ON roster (person_id);
CREATE INDEX roster_left ON roster (left_at) WHERE left_at IS NOT NULL;

CREATE TABLE documents (                  -- shown to reviewers; what stands in them is in the vault
    id           BIGINT PRIMARY KEY,
    user_id      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    country      TEXT NOT NULL,
    level        INTEGER NOT NULL CHECK (level BETWEEN 1 AND 3),
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused', 'expired')),
    submitted_at BIGINT NOT NULL,
    candidate    TEXT,                    -- under which ID the vault keeps it; empty once forgotten
    blind        TEXT,                    -- until the decision
    likeness     TEXT,                    -- until the decision
    person_id    TEXT REFERENCES persons (id),
    seen_by      TEXT NOT NULL DEFAULT '[]',
    reviewer     TEXT CHECK (reviewer <> user_id),
    decided_at   BIGINT,
    version      INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX documents_waiting ON documents (user_id) WHERE state = 'waiting';
CREATE INDEX documents_queue ON documents (submitted_at) WHERE state = 'waiting';
CREATE INDEX documents_kept ON documents (decided_at) WHERE candidate IS NOT NULL;

CREATE TABLE openings (                      -- one-time links for reviewers of documents
    token_hash  TEXT PRIMARY KEY,
    document_id BIGINT NOT NULL REFERENCES documents (id),
    reviewer    TEXT NOT NULL,
    purpose     TEXT NOT NULL,            -- open, decide, or the number of a picture
    expires_at  BIGINT NOT NULL
);
CREATE INDEX openings_document ON openings (document_id, reviewer);

CREATE TABLE uploads (                    -- how often an account has sent files within the hour
    user_id TEXT NOT NULL,
    what    TEXT NOT NULL,                -- what for: `document`, `evidence`
    number  INTEGER NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, what)
);

-- The vault --------------------------------------------------------------------------------------
-- It refers to no other table, so that it can move to a database of its own.

CREATE TABLE vault_keys (
    person_id TEXT PRIMARY KEY,
    kek_id    TEXT NOT NULL,              -- the key outside the database that wraps this one
    wrapped   TEXT NOT NULL
);
CREATE INDEX vault_keys_kek ON vault_keys (kek_id);

CREATE TABLE vault_fields (
    person_id   TEXT NOT NULL,
    field_group TEXT NOT NULL,
    sealed      TEXT NOT NULL,
    PRIMARY KEY (person_id, field_group)
);
CREATE INDEX vault_fields_group ON vault_fields (field_group, person_id);

CREATE TABLE vault_index (
    purpose   TEXT NOT NULL,
    blind     TEXT NOT NULL,
    person_id TEXT NOT NULL,
    PRIMARY KEY (purpose, blind)
);
CREATE INDEX vault_index_person ON vault_index (person_id);

CREATE TABLE vault_hints (                -- who may be one person: by name and birth date, blinded
    blind     TEXT NOT NULL,
    person_id TEXT NOT NULL,
    PRIMARY KEY (blind, person_id)
);
CREATE INDEX vault_hints_person ON vault_hints (person_id);

-- The agreement ----------------------------------------------------------------------------------

CREATE TABLE agreements (
    hash             TEXT PRIMARY KEY,    -- of exactly what is signed, in all languages
    number           BIGINT NOT NULL UNIQUE,
    version          TEXT NOT NULL UNIQUE,
    effective_from   BIGINT NOT NULL,     -- as its operator wrote
    binds_from       BIGINT NOT NULL,     -- after the notice that people have
    stricter         INTEGER NOT NULL,
    default_language TEXT NOT NULL,
    texts            TEXT NOT NULL,
    commitments      TEXT NOT NULL,
    first_seen       BIGINT NOT NULL,
    withdrawn_at     BIGINT               -- replaced before it ever bound
);

CREATE TABLE acceptances (
    user_id        TEXT NOT NULL,
    agreement_hash TEXT NOT NULL REFERENCES agreements (hash),
    person_id      TEXT NOT NULL REFERENCES persons (id),
    at             BIGINT NOT NULL,
    method         TEXT NOT NULL,
    language       TEXT NOT NULL,         -- in which it was read
    PRIMARY KEY (user_id, person_id, agreement_hash)
);

CREATE TABLE languages (                  -- the one that somebody chose last
    user_id   TEXT PRIMARY KEY,
    language  TEXT NOT NULL,
    chosen_at BIGINT NOT NULL
);

CREATE TABLE announcements (              -- how far the telling of a version has come
    version_hash TEXT NOT NULL,           -- of an agreement, or of a ladder
    occasion     TEXT NOT NULL,           -- `change`, `reminder 7`, `ladder`, …
    after_user   TEXT NOT NULL,           -- who was told last, in the order of user IDs
    told         BIGINT NOT NULL,
    done_at      BIGINT,
    PRIMARY KEY (version_hash, occasion)
);

-- Who may publish --------------------------------------------------------------------------------

CREATE TABLE standing_restrictions (      -- until they verify, or sign
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    reason  TEXT NOT NULL CHECK (reason IN ('unverified', 'unsigned', 'due')),
    how     TEXT NOT NULL CHECK (how IN ('taken', 'told', 'dry')),
    since   BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_id)
);
CREATE INDEX standing_restrictions_room ON standing_restrictions (room_id);

CREATE TABLE standing_changes (           -- what other processes have to read again, in order
    number  BIGINT PRIMARY KEY,
    subject TEXT NOT NULL,                -- `account …`, `room …`, `agreement …`
    at      BIGINT NOT NULL
);

-- Privacy ----------------------------------------------------------------------------------------

CREATE TABLE reveals (                    -- requests to learn who is behind an account
    id           BIGINT PRIMARY KEY,
    case_id      BIGINT NOT NULL,
    person_id    TEXT NOT NULL REFERENCES persons (id),
    user_id      TEXT NOT NULL,
    requester    TEXT NOT NULL,
    role         TEXT NOT NULL,
    reason       TEXT NOT NULL,           -- as it was configured then
    note         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK
        (state IN ('requested', 'approved', 'opened', 'denied', 'expired', 'lapsed')),
    requested_at BIGINT NOT NULL,
    approver     TEXT CHECK (approver <> requester),
    approved_at  BIGINT,
    token_hash   TEXT UNIQUE,             -- the link that opens it, once
    link_until   BIGINT,
    opened_at    BIGINT,                  -- committed before anything is decrypted
    done_at      BIGINT,
    alarmed_at   BIGINT,                  -- people were told that it was opened and not done
    version      INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX reveals_person ON reveals (person_id);
CREATE INDEX reveals_running ON reveals (state) WHERE state IN ('requested', 'approved');

CREATE TABLE looks (                      -- who looked behind a pseudonym, and when its owner is told
    id        SERIAL_KEY,
    person_id TEXT NOT NULL REFERENCES persons (id),
    kind      TEXT NOT NULL CHECK (kind IN ('reveal', 'same', 'matches', 'document')),
    viewer    TEXT NOT NULL,
    role      TEXT NOT NULL,
    case_no   TEXT NOT NULL,
    what      TEXT NOT NULL,              -- in words; never a value
    reason    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    due_at    BIGINT NOT NULL,
    accounts  TEXT NOT NULL,              -- the person's accounts then: unlinking prevents no notice
    told_at   BIGINT
);
CREATE INDEX looks_person ON looks (person_id, at);
CREATE INDEX looks_viewer ON looks (viewer, at);
CREATE INDEX looks_due ON looks (due_at) WHERE told_at IS NULL;

CREATE TABLE referrals (                  -- what was handed over to somebody outside, and corrections of it
    id             BIGINT PRIMARY KEY,
    case_id        BIGINT NOT NULL,
    decision_id    BIGINT,                -- what it rests on; NULL where nothing was decided yet
    user_id        TEXT NOT NULL,
    person_id      TEXT,
    recipient      TEXT NOT NULL,         -- as it is called in the configuration
    terms          TEXT NOT NULL,         -- to whom, what, on which basis and why, as it was then
    proposer       TEXT NOT NULL,
    state          TEXT NOT NULL CHECK
        (state IN ('proposed', 'approved', 'handed_over', 'denied', 'expired', 'lapsed')),
    proposed_at    BIGINT NOT NULL,
    binding        TEXT NOT NULL,         -- the fingerprint of the document
    approver       TEXT CHECK (approver <> proposer),
    approved_at    BIGINT,
    handed_over_at BIGINT,
    handed_over_by TEXT,
    receipt        TEXT NOT NULL DEFAULT '',
    accounts       TEXT NOT NULL DEFAULT '[]', -- the person's accounts then: unlinking prevents no notice
    due_at         BIGINT,                -- when the person is told at the latest
    told_at        BIGINT,
    postponement   TEXT,                  -- asked for and not agreed to yet: ground, until when, reason
    objection      TEXT NOT NULL DEFAULT '',
    objected_at    BIGINT,
    answer_due     BIGINT,
    called_at      BIGINT,                -- your people were told that no answer was given in time
    answer         TEXT CHECK (answer IN ('upheld', 'overturned')),
    corrects       BIGINT,
    version        INTEGER NOT NULL DEFAULT 1,
    -- Nothing goes out that nobody else agreed to; a correction says nothing about anybody.
    CHECK (state NOT IN ('approved', 'handed_over') OR approver IS NOT NULL OR corrects IS NOT NULL),
    CHECK (state <> 'handed_over' OR (handed_over_by IS NOT NULL AND due_at IS NOT NULL))
);
CREATE INDEX referrals_case ON referrals (case_id);
CREATE INDEX referrals_user ON referrals (user_id);
CREATE INDEX referrals_due ON referrals (due_at) WHERE told_at IS NULL;
CREATE UNIQUE INDEX referrals_running ON referrals (case_id, recipient)
    WHERE state IN ('proposed', 'approved') AND corrects IS NULL;
CREATE UNIQUE INDEX referrals_corrected ON referrals (corrects) WHERE state = 'approved';

CREATE TABLE referral_links (             -- links to the document of a referral, for minutes
    token_hash  TEXT PRIMARY KEY,
    referral_id BIGINT NOT NULL,
    user_id     TEXT NOT NULL,
    until       BIGINT NOT NULL
);

CREATE TABLE holds (                      -- legal holds: nothing of theirs is erased or swept
    id         SERIAL_KEY,
    user_id    TEXT NOT NULL,
    person_id  TEXT REFERENCES persons (id),
    reason     TEXT NOT NULL CHECK (reason <> ''),
    placed_at  BIGINT NOT NULL,
    until      BIGINT NOT NULL,           -- each has an end
    ended_at   BIGINT,
    end_reason TEXT
);
CREATE INDEX holds_ending ON holds (until) WHERE ended_at IS NULL;

CREATE VIEW held_accounts AS
    SELECT user_id FROM holds WHERE ended_at IS NULL
    UNION
    SELECT l.user_id FROM links l JOIN holds h ON h.person_id = l.person_id WHERE h.ended_at IS NULL;

CREATE TABLE exports (                    -- one-time links to what is kept about somebody
    token_hash TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE TABLE erasures (                   -- persons who asked to be forgotten
    person_id    TEXT PRIMARY KEY REFERENCES persons (id),
    accounts     TEXT NOT NULL,           -- whom to tell; emptied when it is done
    requested_at BIGINT NOT NULL,
    asked        INTEGER NOT NULL DEFAULT 1, -- 0: nobody did; the person's time was over
    done_at      BIGINT
);
CREATE INDEX erasures_waiting ON erasures (requested_at) WHERE done_at IS NULL;

-- Filings ----------------------------------------------------------------------------------------

CREATE TABLE filings (
    id            BIGINT PRIMARY KEY,
    record_number TEXT UNIQUE,
    room_id       TEXT NOT NULL,          -- empty until the room is made
    control       TEXT NOT NULL DEFAULT 'shared' CHECK (control IN ('created', 'adopted', 'shared')),
    applicant     TEXT NOT NULL,
    purpose       TEXT NOT NULL,
    categories    TEXT NOT NULL,
    state         TEXT NOT NULL,
    submitted_at  BIGINT NOT NULL,
    reviewer      TEXT,
    reason        TEXT NOT NULL DEFAULT '',
    valid_until   BIGINT,
    reminded      INTEGER,                -- the last reminder: days before the end
    about         TEXT NOT NULL DEFAULT '{}', -- what its owner says of the room: JSON
    deputy        TEXT,                   -- who is asked to answer for the room if its owner no longer does
    look_at       BIGINT NOT NULL DEFAULT 0, -- when the room is compared with its filing the next time
    organisation_key TEXT NOT NULL DEFAULT '', -- in whose name the room is kept, as it is compared
    version       INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX filings_room ON filings (room_id)
    WHERE room_id <> '' AND state NOT IN ('draft', 'revoked', 'rejected', 'withdrawn');
CREATE INDEX filings_organisation ON filings (organisation_key) WHERE organisation_key <> '';
CREATE INDEX filings_state ON filings (state, submitted_at);
CREATE INDEX filings_applicant ON filings (applicant);
CREATE INDEX filings_ending ON filings (state, valid_until);
CREATE INDEX filings_room_ever ON filings (room_id);
CREATE INDEX filings_look ON filings (look_at)
    WHERE state IN ('approved', 'renewal_due', 'suspended', 'expired');

CREATE INDEX filings_deputy ON filings (deputy) WHERE deputy IS NOT NULL;

CREATE TABLE filing_drafts (              -- what was typed into a form and not handed in
    filing_id  BIGINT PRIMARY KEY REFERENCES filings (id),
    user_id    TEXT NOT NULL,
    typed      TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    earlier    BIGINT                     -- the ended filing that it follows
);
CREATE INDEX filing_drafts_user ON filing_drafts (user_id);
CREATE INDEX filing_drafts_changed ON filing_drafts (changed_at);

CREATE TABLE filing_links (               -- links to the forms of filings
    token_hash TEXT PRIMARY KEY,
    filing_id  BIGINT NOT NULL REFERENCES filings (id),
    user_id    TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX filing_links_filing ON filing_links (filing_id);
CREATE INDEX filing_links_user ON filing_links (user_id);


CREATE TABLE transfers (                  -- rooms that are handed over, until the other accepts
    filing_id BIGINT PRIMARY KEY REFERENCES filings (id),
    asker     TEXT NOT NULL,
    to_user   TEXT NOT NULL,
    asked_at  BIGINT NOT NULL
);

CREATE TABLE unfiled_rooms (              -- in the directory and not filed, or taken out of it for that
    room_id     TEXT PRIMARY KEY,
    name        TEXT NOT NULL,            -- as the room itself says it, cleaned
    creator     TEXT NOT NULL,            -- empty if the homeserver does not know
    members     BIGINT NOT NULL,
    first_seen  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    scan        BIGINT NOT NULL,          -- in which it was seen last
    applied     TEXT NOT NULL DEFAULT '', -- the number of its filing, until that is decided
    told_at     BIGINT,
    heard       INTEGER NOT NULL DEFAULT 0, -- whether its creator could be written to
    due_at      BIGINT,                   -- when it is taken out of the directory, as its creator knows
    reminded_at BIGINT,
    hidden_at   BIGINT                    -- when we took it out
);
CREATE INDEX unfiled_rooms_creator ON unfiled_rooms (creator, room_id);
CREATE INDEX unfiled_rooms_listed ON unfiled_rooms (first_seen, room_id);
CREATE INDEX unfiled_rooms_due ON unfiled_rooms (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE unfiled_scan (               -- how far the look at the directory has come
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    number      BIGINT NOT NULL,
    phase       TEXT NOT NULL CHECK (phase IN ('reading', 'telling', 'reminding', 'ending', 'done')),
    started_at  BIGINT NOT NULL,
    finished_at BIGINT,
    start       BIGINT NOT NULL,          -- the offset of the next page
    known       TEXT NOT NULL,            -- the last rooms that were read
    exempt      TEXT NOT NULL,            -- IDs of the operator's own rooms
    total       BIGINT NOT NULL,          -- rooms in the directory
    told        BIGINT NOT NULL,          -- people who were told or reminded in it
    hidden      BIGINT NOT NULL,
    waiting     BIGINT NOT NULL,          -- rooms that are due, and for a moderator
    problem     TEXT NOT NULL,            -- why the list cannot be read
    not_before  BIGINT,
    version     BIGINT NOT NULL
);

CREATE TABLE policy_lists (               -- lists of other communities that are watched
    name       TEXT PRIMARY KEY,
    room       TEXT NOT NULL,             -- as the operator wrote it
    room_id    TEXT,                      -- while the bot is in it
    asked_at   BIGINT,                    -- when it last tried to enter
    read_at    BIGINT,                    -- when its rules were last read as a whole
    look_at    BIGINT NOT NULL,           -- when they are read next
    away_since BIGINT,                    -- what is known is of then
    problem    TEXT NOT NULL,             -- why it cannot be read
    left_out   BIGINT NOT NULL,           -- rules beyond those that are kept
    day        BIGINT NOT NULL,           -- the last on which it opened cases
    opened     BIGINT NOT NULL,           -- how many on that day
    held_on    BIGINT NOT NULL,           -- the last day on which it named more than it may
    held_back  BIGINT NOT NULL            -- how many more
);

CREATE TABLE policy_list_rules (          -- their words, not ours
    list_name TEXT NOT NULL REFERENCES policy_lists (name),
    kind      TEXT NOT NULL CHECK (kind IN ('user', 'room', 'server')),
    state_key TEXT NOT NULL,
    entity    TEXT NOT NULL,              -- an ID, a glob, or sha256: and a hash
    wild      INTEGER NOT NULL,           -- it is a glob
    tail      TEXT NOT NULL,              -- the server that a glob says outright
    reason    TEXT NOT NULL,
    takedown  INTEGER NOT NULL,
    ignored   TEXT NOT NULL,              -- why we take no notice of it
    since     BIGINT NOT NULL,            -- when we first read it
    PRIMARY KEY (list_name, kind, state_key)
);
CREATE INDEX policy_list_rules_entity ON policy_list_rules (entity);
CREATE INDEX policy_list_rules_wild ON policy_list_rules (kind, tail) WHERE wild = 1;
CREATE INDEX policy_list_rules_since ON policy_list_rules (since);

CREATE TABLE policy_list_hits (           -- whom a list named in a governed room: once each
    list_name    TEXT NOT NULL,
    entity       TEXT NOT NULL,
    subject      TEXT NOT NULL,           -- an account, a room or a server
    case_id      BIGINT,                  -- NULL for a server
    at           BIGINT NOT NULL,
    withdrawn_at BIGINT,                  -- the list names it no more
    PRIMARY KEY (list_name, entity, subject)
);
CREATE INDEX policy_list_hits_subject ON policy_list_hits (subject);

CREATE TABLE policy_list_looks (          -- when governed rooms were last compared with the lists
    room_id TEXT PRIMARY KEY,
    at      BIGINT NOT NULL
);

CREATE TABLE deputies (                   -- who was asked last to be the deputy of a room
    filing_id BIGINT PRIMARY KEY REFERENCES filings (id),
    user_id   TEXT NOT NULL,              -- empty once that is over
    asked_at  BIGINT NOT NULL,
    agreed_at BIGINT
);

CREATE TABLE vacancies (                  -- rooms whose owner no longer answers for them
    filing_id BIGINT PRIMARY KEY REFERENCES filings (id),
    why       TEXT NOT NULL CHECK (why IN ('left', 'unlinked', 'unverified')),
    since     BIGINT NOT NULL,
    stage     TEXT NOT NULL CHECK (stage IN ('noted', 'asked', 'open')),
    away      INTEGER NOT NULL            -- the owner has left the room and is not back
);

CREATE TABLE reviews (                    -- how far the review of a filing has come
    filing_id   BIGINT PRIMARY KEY REFERENCES filings (id),
    lease_until BIGINT,                   -- until when it is its reviewer's
    asked_at    BIGINT,                   -- since when it waits for its applicant
    waited      BIGINT NOT NULL DEFAULT 0, -- milliseconds that it has waited for them before
    told        TEXT NOT NULL DEFAULT '[]', -- for which deadlines people were called
    told_at     BIGINT
);

CREATE TABLE review_words (               -- questions, and their answers
    id        SERIAL_KEY,
    filing_id BIGINT NOT NULL REFERENCES filings (id),
    kind      TEXT NOT NULL CHECK (kind IN ('question', 'answer')),
    author    TEXT NOT NULL,
    text      TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX review_words_filing ON review_words (filing_id, id);

CREATE TABLE review_ticks (               -- points of the checklist that somebody has checked
    filing_id BIGINT NOT NULL REFERENCES filings (id),
    point     TEXT NOT NULL,              -- in the operator's words
    by_user   TEXT NOT NULL,
    at        BIGINT NOT NULL,
    binding   TEXT NOT NULL,              -- the fingerprint of the application as it was then
    PRIMARY KEY (filing_id, point)
);

CREATE TABLE desks (                      -- one-time links of reviewers to the page of a filing
    token_hash TEXT PRIMARY KEY,
    filing_id  BIGINT NOT NULL REFERENCES filings (id),
    reviewer   TEXT NOT NULL,
    purpose    TEXT NOT NULL CHECK (purpose IN ('open', 'work')),
    expires_at BIGINT NOT NULL
);
CREATE INDEX desks_filing ON desks (filing_id, reviewer);

CREATE TABLE cards (                      -- messages that are edited as their subject changes
    room_id  TEXT NOT NULL,
    subject  TEXT NOT NULL,               -- `filing 3`
    event_id TEXT NOT NULL,
    shown    TEXT NOT NULL,               -- the fingerprint of what it says; empty if that is not known
    PRIMARY KEY (room_id, subject)
);

CREATE TABLE qualifications (             -- what a filed room may publish, by the operator's own list
    id          BIGINT PRIMARY KEY,
    filing_id   BIGINT NOT NULL REFERENCES filings (id),
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK
        (state IN ('claimed', 'granted', 'rejected', 'revoked', 'expired', 'renewed')),
    evidence    TEXT NOT NULL,
    claimant    TEXT NOT NULL,
    claimed_at  BIGINT NOT NULL,
    rights      TEXT NOT NULL DEFAULT '[]',
    reviewer    TEXT,
    reason      TEXT NOT NULL DEFAULT '',
    granted_at  BIGINT,
    valid_until BIGINT,
    reminded    INTEGER,                  -- the last reminder: days before the end
    ended_at    BIGINT,
    version     INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX qualifications_claimed ON qualifications (filing_id, kind) WHERE state = 'claimed';
CREATE UNIQUE INDEX qualifications_granted ON qualifications (filing_id, kind) WHERE state = 'granted';
CREATE INDEX qualifications_ending ON qualifications (valid_until) WHERE state = 'granted';
CREATE INDEX qualifications_claimant ON qualifications (claimant);

CREATE TABLE declarations (               -- of which subject its author says that a post is
    event_id  TEXT PRIMARY KEY,
    room_id   TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    kind      TEXT NOT NULL,
    qualified INTEGER NOT NULL,           -- whether the room was qualified for it then
    at        BIGINT NOT NULL
);
CREATE INDEX declarations_room ON declarations (room_id, at);
CREATE INDEX declarations_user ON declarations (user_id);

CREATE TABLE labels (                     -- what is known of the label of each filed room
    room_id  TEXT PRIMARY KEY,
    event_id TEXT NOT NULL DEFAULT '',
    wrong    INTEGER NOT NULL DEFAULT 0,  -- it is still to be set right
    healed   INTEGER NOT NULL DEFAULT 0,  -- how often it was, since `since`
    since    BIGINT,
    last     BIGINT
);
CREATE INDEX labels_wrong ON labels (room_id) WHERE wrong = 1;

CREATE TABLE drift (                      -- where a filed room differs from its filing and its measures
    room_id  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    words    TEXT NOT NULL,
    since    BIGINT NOT NULL,
    ended_at BIGINT,                      -- null while it differs
    mending  INTEGER NOT NULL,            -- it was to be set right
    count    INTEGER NOT NULL,            -- how often it was, or was told, since `counted_since`
    counted_since BIGINT,
    PRIMARY KEY (room_id, kind)
);
CREATE INDEX drift_since ON drift (since) WHERE ended_at IS NULL;
CREATE INDEX drift_ended ON drift (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE filing_states (              -- what became of a filing, and when
    id        SERIAL_KEY,
    filing_id BIGINT NOT NULL REFERENCES filings (id),
    state     TEXT NOT NULL,
    at        BIGINT NOT NULL,
    why       TEXT NOT NULL               -- as everybody may read it
);
CREATE INDEX filing_states_filing ON filing_states (filing_id, id);
CREATE INDEX filing_states_told ON filing_states (id)
    WHERE state IN ('approved', 'suspended', 'expired', 'revoked');

CREATE TABLE register (                   -- filings that were ever approved: everybody may look them up
    entry       BIGINT PRIMARY KEY,       -- counted up, so that pages go on where they ended
    filing_id   BIGINT NOT NULL UNIQUE REFERENCES filings (id),
    approved_at BIGINT NOT NULL,
    room_name   TEXT NOT NULL DEFAULT '', -- as the room itself says it, cleaned
    alias       TEXT NOT NULL DEFAULT '',
    shows       TEXT NOT NULL             -- the class of front names by which its words were chosen
);

CREATE TABLE filing_words (               -- by which an entry is found; nobody can type `state=…`
    word  TEXT NOT NULL,
    entry BIGINT NOT NULL REFERENCES register (entry),
    PRIMARY KEY (word, entry)
);
-- Compared byte by byte, so that words which begin alike stand together; SQLite does it by itself.
-- only: postgres
ALTER TABLE filing_words ALTER COLUMN word TYPE TEXT COLLATE "C";
CREATE INDEX filing_words_entry ON filing_words (entry, word);

-- Cases ------------------------------------------------------------------------------------------

CREATE TABLE cases (
    id          BIGINT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('event', 'room', 'user', 'server')),
    subject_key TEXT NOT NULL,
    room_id     TEXT,
    event_id    TEXT,
    user_id     TEXT,
    state       TEXT NOT NULL,
    opened_at   BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    assignee    TEXT,
    lease_until BIGINT,
    due_at      BIGINT NOT NULL,          -- when somebody should have looked at it
    rank        BIGINT NOT NULL,          -- that, less an hour for each point: the least is first
    rules       TEXT NOT NULL DEFAULT '', -- the numbers of those that are named
    called_at   BIGINT,                   -- when people were called because it is overdue
    merged_into BIGINT REFERENCES cases (id),
    version     INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX cases_closed ON cases (opened_at) WHERE state = 'closed';
CREATE INDEX cases_open ON cases (opened_at)
    WHERE state IN ('open', 'claimed', 'pending_approval');
CREATE INDEX cases_queue ON cases (rank, id, due_at)
    WHERE state IN ('open', 'claimed', 'pending_approval');
CREATE INDEX cases_queue_room ON cases (room_id, rank, id)
    WHERE state IN ('open', 'claimed', 'pending_approval');
CREATE INDEX cases_queue_mine ON cases (assignee, rank, id)
    WHERE state IN ('open', 'claimed', 'pending_approval');
CREATE INDEX cases_due ON cases (due_at)
    WHERE called_at IS NULL AND state IN ('open', 'claimed', 'pending_approval');
CREATE INDEX cases_merged ON cases (merged_into);

CREATE TABLE case_subjects (              -- what is decided together in a case
    case_id     BIGINT NOT NULL REFERENCES cases (id),
    subject_key TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('event', 'room', 'user', 'server')),
    room_id     TEXT,
    event_id    TEXT,
    user_id     TEXT,
    undecided   INTEGER NOT NULL,         -- whether its case is
    PRIMARY KEY (case_id, subject_key)
);
CREATE UNIQUE INDEX case_subjects_undecided ON case_subjects (subject_key) WHERE undecided = 1;
CREATE INDEX case_subjects_event ON case_subjects (event_id);
CREATE INDEX case_subjects_user ON case_subjects (user_id);
CREATE INDEX case_subjects_room ON case_subjects (room_id);

CREATE TABLE case_rules (                 -- which rules are named in an undecided case
    case_id BIGINT NOT NULL REFERENCES cases (id),
    rule_id TEXT NOT NULL,
    rank    BIGINT NOT NULL,              -- that of the case
    PRIMARY KEY (case_id, rule_id)
);
CREATE INDEX case_rules_queue ON case_rules (rule_id, rank, case_id);

CREATE TABLE case_notes (                 -- what the operator's people write to each other
    id      SERIAL_KEY,
    case_id BIGINT NOT NULL REFERENCES cases (id),
    author  TEXT NOT NULL,
    text    TEXT NOT NULL CHECK (text <> ''),
    at      BIGINT NOT NULL
);
CREATE INDEX case_notes_case ON case_notes (case_id, id);

CREATE TABLE case_watchers (              -- who has a case before them now
    case_id BIGINT NOT NULL REFERENCES cases (id),
    user_id TEXT NOT NULL,
    since   BIGINT NOT NULL,
    until   BIGINT NOT NULL,
    PRIMARY KEY (case_id, user_id)
);

CREATE TABLE consoles (                   -- links of moderators to their pages, and the pages in use
    token_hash TEXT PRIMARY KEY,
    moderator  TEXT NOT NULL,
    purpose    TEXT NOT NULL CHECK (purpose IN ('open', 'work')),
    case_id    BIGINT,                    -- at which case a link opens; NULL for the queue
    expires_at BIGINT NOT NULL,           -- unless it is used before
    ends_at    BIGINT NOT NULL            -- however much it is used
);
CREATE INDEX consoles_moderator ON consoles (moderator);

CREATE TABLE exposures (                  -- what moderators had to look at, for their own care
    moderator TEXT NOT NULL,
    day       BIGINT NOT NULL,            -- its first moment, in UTC
    case_id   BIGINT NOT NULL,
    looks     INTEGER NOT NULL DEFAULT 0, -- pictures that were looked at clearly
    PRIMARY KEY (moderator, day, case_id)
);
CREATE INDEX exposures_day ON exposures (day);

CREATE TABLE reports (
    id          BIGINT PRIMARY KEY,
    reporter    TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    category    TEXT NOT NULL,
    text        TEXT NOT NULL,
    case_id     BIGINT NOT NULL REFERENCES cases (id),
    state       TEXT NOT NULL CHECK (state IN ('attached', 'resolved')),
    outcome     TEXT CHECK (outcome IN ('actioned', 'no_breach', 'overturned')),
    received_at BIGINT NOT NULL,
    via         TEXT NOT NULL CHECK (via IN ('command', 'button', 'web', 'tool', 'list')),
    resolved_at BIGINT,
    resolved_by TEXT,                     -- who found no breach; stays while an objection reopens it
    flagger     TEXT                      -- the trusted flagger whose report it was; '' once forgotten
);
CREATE INDEX reports_case ON reports (case_id);
CREATE INDEX reports_by ON reports (reporter, case_id);
CREATE INDEX reports_received ON reports (received_at);

CREATE TABLE reporter_steps (             -- what people decided about reports without any ground
    id         BIGINT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('unfounded', 'caution', 'pause')),
    report_id  BIGINT NOT NULL REFERENCES reports (id),
    account    TEXT NOT NULL,
    person_id  TEXT,                      -- who answers for the report; NULL if nobody is known
    taken_by   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    at         BIGINT NOT NULL,
    until      BIGINT,
    told_at    BIGINT,
    ended_at   BIGINT,
    end_reason TEXT,
    UNIQUE (report_id, kind)
);
CREATE INDEX reporter_steps_account ON reporter_steps (account);
CREATE INDEX reporter_steps_person ON reporter_steps (person_id);
CREATE INDEX reporter_steps_due ON reporter_steps (until) WHERE ended_at IS NULL;

CREATE TABLE press_places (               -- how far the lists of reports by button are read
    kind     TEXT PRIMARY KEY CHECK (kind IN ('events', 'users')),
    start    BIGINT NOT NULL,             -- the offset of the next page
    mark     BIGINT,                      -- all that is older is taken; NULL until it was read once
    problem  TEXT NOT NULL,               -- why it cannot be read
    refusals INTEGER NOT NULL,
    version  BIGINT NOT NULL
);

CREATE TABLE presses_seen (               -- the newest of them that are taken; an ID can come again
    kind TEXT NOT NULL,
    id   BIGINT NOT NULL,
    at   BIGINT NOT NULL,
    PRIMARY KEY (kind, id, at)
);

CREATE TABLE report_links (               -- by which those without an account see their report
    token_hash TEXT PRIMARY KEY,
    report_id  BIGINT NOT NULL REFERENCES reports (id) ON DELETE CASCADE
);
CREATE INDEX report_links_report ON report_links (report_id);

CREATE TABLE report_references (          -- what tools call their reports, so that each counts once
    tool      TEXT NOT NULL,
    reference TEXT NOT NULL,              -- hashed, and so is what was sent under it
    body_hash TEXT NOT NULL,
    report_id BIGINT REFERENCES reports (id) ON DELETE CASCADE,
    PRIMARY KEY (tool, reference)
);
CREATE INDEX report_references_report ON report_references (report_id);

CREATE TABLE report_forms (               -- forms that were sent: each is good once
    nonce      TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE TABLE report_meters (              -- how many came within an hour, by the form or from a tool
    name   TEXT PRIMARY KEY,
    hour   BIGINT NOT NULL,
    number INTEGER NOT NULL
);

CREATE TABLE reports_relayed (            -- what came by the reverse proxy, and comes again by a list
    id          SERIAL_KEY,
    reporter    TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    at          BIGINT NOT NULL
);
CREATE INDEX reports_relayed_by ON reports_relayed (reporter, subject_key);

CREATE TABLE copies (                    -- of events, for the people who decide about them
    event_id    TEXT PRIMARY KEY,
    room_id     TEXT NOT NULL,
    sender      TEXT NOT NULL,
    sent_at     BIGINT NOT NULL,
    sha256      TEXT NOT NULL,            -- of what was said, which is in the vault
    captured_at BIGINT NOT NULL,
    redacted    INTEGER NOT NULL,         -- removed from its room before the copy was taken
    edit_id     TEXT,                     -- the newest edit of it at that time
    kind        TEXT NOT NULL,            -- a text, a picture, a film, in the law's words
    files       TEXT                      -- their kinds and sizes; NULL until somebody has looked
);
CREATE INDEX copies_edit ON copies (edit_id) WHERE edit_id IS NOT NULL;
CREATE INDEX copies_sender ON copies (sender);

CREATE TABLE context_lines (              -- what stood around reported events; the texts are in the vault
    copy_id  TEXT NOT NULL REFERENCES copies (event_id),
    place    INTEGER NOT NULL,            -- before (negative) or after the event
    event_id TEXT NOT NULL,
    sender   TEXT NOT NULL,
    sent_at  BIGINT NOT NULL,
    redacted INTEGER NOT NULL,
    PRIMARY KEY (copy_id, place)
);
CREATE INDEX context_lines_sender ON context_lines (sender);

CREATE TABLE quarantines (                -- files that nobody can fetch because of a case
    case_id BIGINT NOT NULL REFERENCES cases (id),
    uri     TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    reason  TEXT NOT NULL,
    since   BIGINT NOT NULL,
    PRIMARY KEY (case_id, uri)
);
CREATE INDEX quarantines_uri ON quarantines (uri);

CREATE TABLE findings (                   -- what a rule found by machine; no texts
    id       SERIAL_KEY,
    event_id TEXT NOT NULL,
    rule_id  TEXT NOT NULL,
    room_id  TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    rule_set TEXT NOT NULL,               -- the fingerprint of all rules at the time
    spans    TEXT NOT NULL,               -- where in the texts of the event
    outcome  TEXT NOT NULL CHECK (outcome IN ('counted', 'reported', 'acted', 'stopped')),
    case_id  BIGINT,
    at       BIGINT NOT NULL,
    UNIQUE (event_id, rule_id)
);
CREATE INDEX findings_rule ON findings (rule_id, at);
CREATE INDEX findings_user ON findings (user_id);
CREATE INDEX findings_case ON findings (case_id);

CREATE TABLE newcomers (                  -- who was seen to enter a governed room
    room_id    TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    entered_at BIGINT NOT NULL,
    posted     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, user_id)
);

-- The gate ---------------------------------------------------------------------------------------

CREATE TABLE refusals (                   -- how often what was refused to whom, by the hour; no content
    hour    BIGINT NOT NULL,              -- its beginning
    code    TEXT NOT NULL,
    rule_id TEXT NOT NULL,                -- empty where no rule is why
    room_id TEXT NOT NULL,                -- empty where it was about no room
    user_id TEXT NOT NULL,
    number  BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (hour, code, rule_id, room_id, user_id)
);
CREATE INDEX refusals_rule ON refusals (rule_id, last_at);
CREATE INDEX refusals_user ON refusals (user_id);

CREATE TABLE refusal_notices (            -- when somebody was last told by message why
    user_id TEXT NOT NULL,
    reason  TEXT NOT NULL,                -- the code, and the rule
    at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, reason)
);
CREATE INDEX refusal_notices_at ON refusal_notices (at);

CREATE TABLE refusal_stops (              -- rules that refuse nothing for a time
    rule_id TEXT PRIMARY KEY,
    until   BIGINT NOT NULL
);

CREATE TABLE gate_modules (               -- which processes of the homeserver ask for the view
    instance TEXT PRIMARY KEY,
    worker   TEXT NOT NULL,
    version  TEXT NOT NULL,
    protocol BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    batch    BIGINT NOT NULL DEFAULT 0    -- the last batch of refusals that was counted
);

-- Decisions, sanctions, appeals --------------------------------------------------------------------

CREATE TABLE policies (                   -- the versions of the ladder
    hash       TEXT PRIMARY KEY,
    id         TEXT NOT NULL,
    version    TEXT NOT NULL,
    data       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN
        ('draft', 'shadow', 'candidate', 'scheduled', 'live', 'retired', 'withdrawn')),
    brought_at BIGINT NOT NULL,
    said       INTEGER NOT NULL DEFAULT 0, -- the review room was told what to do next
    proposer   TEXT,
    approver   TEXT CHECK (approver <> proposer),
    second     TEXT CHECK (second <> proposer AND second <> approver),
    cooling    BIGINT,                    -- milliseconds that stood in the place of the second one
    test       BIGINT,                    -- the backtest on which it was proposed
    live_from  BIGINT,                    -- when it binds, or last began to
    announced  INTEGER NOT NULL DEFAULT 0, -- everybody who signed is told before it binds
    reason     TEXT NOT NULL DEFAULT '',  -- why it was withdrawn
    tester     TEXT,                      -- who asked for a backtest that is still to be made
    revision   INTEGER NOT NULL DEFAULT 1,
    UNIQUE (id, version)
);
CREATE UNIQUE INDEX policies_live ON policies (state) WHERE state = 'live';

CREATE TABLE policy_terms (               -- which version was in force from when on
    since BIGINT PRIMARY KEY,
    hash  TEXT NOT NULL REFERENCES policies (hash)
);

CREATE TABLE backtests (                  -- what was decided, proposed anew by a changed ladder
    id          BIGINT PRIMARY KEY,
    policy_hash TEXT NOT NULL REFERENCES policies (hash),
    base_hash   TEXT NOT NULL REFERENCES policies (hash), -- the version in force at that time
    since       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    asked_by    TEXT NOT NULL,
    result      TEXT NOT NULL
);
CREATE INDEX backtests_policy ON backtests (policy_hash, id);

CREATE TABLE decisions (
    id          BIGINT PRIMARY KEY,
    case_id     BIGINT NOT NULL REFERENCES cases (id),
    state       TEXT NOT NULL,
    policy_hash TEXT NOT NULL REFERENCES policies (hash),
    rule_id     TEXT NOT NULL,
    scope       TEXT NOT NULL,
    scope_key   TEXT NOT NULL,
    severity    TEXT NOT NULL,
    history     TEXT NOT NULL,
    measure     TEXT NOT NULL,
    remove      INTEGER NOT NULL,
    facts       TEXT NOT NULL CHECK (facts <> ''),
    explanation TEXT NOT NULL,
    statement   TEXT NOT NULL CHECK (statement <> ''),
    occurred_at BIGINT NOT NULL,
    decided_at  BIGINT NOT NULL,
    decider     TEXT NOT NULL,
    evidence    TEXT NOT NULL DEFAULT '', -- the fingerprints of the copies that it rests on
    user_id     TEXT,
    room_id     TEXT,
    approver    TEXT CHECK (approver <> decider),
    told_at     BIGINT,                   -- the homeserver took the notice
    read_at     BIGINT,                   -- the person is known to have seen it
    supersedes  BIGINT REFERENCES decisions (id),
    nature      TEXT NOT NULL DEFAULT 'decision'
        CHECK (nature IN ('decision', 'hold', 'replacement')),
    span        BIGINT,                   -- milliseconds before the act from which on all is removed
    factors     TEXT NOT NULL DEFAULT '[]',
    why         TEXT NOT NULL DEFAULT '',  -- why another measure than the proposed one, or why factors
    typed       TEXT NOT NULL DEFAULT '',  -- the facts as they were typed
    language    TEXT NOT NULL DEFAULT '',
    publish     INTEGER NOT NULL DEFAULT 0, -- told to other communities by our public list
    version     INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX decisions_case ON decisions (case_id);
CREATE INDEX decisions_user ON decisions (user_id);
CREATE INDEX decisions_ledger ON decisions (scope_key, scope);
CREATE INDEX decisions_decided ON decisions (decided_at);

CREATE TABLE shadow_proposals (           -- what versions on trial would have proposed; without effect
    decision_id BIGINT NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    policy_hash TEXT NOT NULL REFERENCES policies (hash),
    in_force    TEXT NOT NULL,            -- what was proposed by the version that counts
    measure     TEXT NOT NULL,            -- what this one would have proposed
    PRIMARY KEY (decision_id, policy_hash)
);
CREATE INDEX shadow_proposals_policy ON shadow_proposals (policy_hash);

CREATE TABLE statements (                 -- statements of reasons, as data and as they were sent
    decision_id BIGINT NOT NULL REFERENCES decisions (id),
    language    TEXT NOT NULL,
    data        TEXT NOT NULL CHECK (data <> ''),
    text        TEXT NOT NULL CHECK (text <> ''),
    sent_at     BIGINT,                   -- it was handed to the outbox
    deemed_at   BIGINT,                   -- its person is deemed to know it; arrived and read: decisions
    event_id    TEXT,                     -- the message, where it is one
    failure     TEXT,                     -- why it could not be delivered
    PRIMARY KEY (decision_id, language)
);

CREATE TABLE cures (                      -- what the owner of a room was asked to put right, until when
    case_id  BIGINT PRIMARY KEY REFERENCES cases (id),
    asked_by TEXT NOT NULL,
    text     TEXT NOT NULL CHECK (text <> ''),
    asked_at BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('running', 'said', 'over', 'stopped')),
    answer   TEXT NOT NULL DEFAULT '',
    reminded INTEGER NOT NULL DEFAULT 0,
    rules    TEXT NOT NULL,               -- which were named in the case
    version  INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX cures_running ON cures (until) WHERE state = 'running';

CREATE TABLE replacements (               -- who is to answer for a room in place of whom, until it is done
    decision_id BIGINT PRIMARY KEY REFERENCES decisions (id),
    filing_id   BIGINT NOT NULL REFERENCES filings (id),
    former      TEXT NOT NULL,
    successor   TEXT NOT NULL,
    level       BIGINT NOT NULL,          -- Matrix knows some of 53 bits
    asked_at    BIGINT                    -- when the successor was asked
);

CREATE TABLE deletions (                  -- of closed rooms; what was written there is kept
    decision_id BIGINT PRIMARY KEY REFERENCES decisions (id),
    room_id     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('proposed', 'ordered', 'done', 'unblocked')),
    at          BIGINT NOT NULL
);
CREATE INDEX deletions_room ON deletions (room_id);

CREATE TABLE approvals (
    code        TEXT PRIMARY KEY,
    subject     TEXT NOT NULL,
    binding     TEXT NOT NULL,
    proposer    TEXT NOT NULL,
    needs_other INTEGER NOT NULL,
    expires_at  BIGINT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'given', 'denied', 'expired')),
    approver    TEXT
);
CREATE INDEX approvals_waiting ON approvals (expires_at) WHERE state = 'waiting';
CREATE INDEX approvals_subject ON approvals (subject);

CREATE TABLE batches (                    -- cases that were decided at once
    id      BIGINT PRIMARY KEY,
    code    TEXT NOT NULL UNIQUE,
    decider TEXT NOT NULL,
    typed   TEXT NOT NULL CHECK (typed <> ''),
    state   TEXT NOT NULL CHECK (state IN ('proposed', 'done', 'undone', 'denied', 'expired')),
    at      BIGINT NOT NULL               -- when it was proposed, or done
);

CREATE TABLE batch_cases (
    batch_id    BIGINT NOT NULL REFERENCES batches (id),
    case_id     BIGINT NOT NULL REFERENCES cases (id),
    place       INTEGER NOT NULL,
    decision_id BIGINT REFERENCES decisions (id),
    PRIMARY KEY (batch_id, case_id)
);
CREATE INDEX batch_cases_case ON batch_cases (case_id);

CREATE TABLE sanctions (                  -- one for each decision that was carried out
    decision_id BIGINT PRIMARY KEY REFERENCES decisions (id),
    scope       TEXT NOT NULL,
    measure     TEXT NOT NULL,
    state       TEXT NOT NULL,
    user_id     TEXT,
    room_id     TEXT,
    starts_at   BIGINT,
    ends_at     BIGINT,
    served      BIGINT NOT NULL DEFAULT 0, -- milliseconds
    restraints  TEXT NOT NULL,
    lifted_by   TEXT,
    lift_reason TEXT,
    interim     INTEGER NOT NULL DEFAULT 0,
    dry         INTEGER NOT NULL DEFAULT 0, -- decided in a dry run, and never carried out
    person_id   TEXT,                     -- whose accounts it reaches; NULL for the one account alone
    version     INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX sanctions_ending ON sanctions (ends_at) WHERE state = 'active' OR interim = 1;
CREATE INDEX sanctions_planned ON sanctions (decision_id) WHERE state = 'planned';
CREATE INDEX sanctions_interim ON sanctions (room_id, ends_at) WHERE interim = 1;
CREATE INDEX sanctions_held ON sanctions (user_id, ends_at) WHERE interim = 1;
CREATE INDEX sanctions_user ON sanctions (user_id) WHERE state IN ('planned', 'active', 'stayed');
CREATE INDEX sanctions_room ON sanctions (room_id) WHERE state IN ('planned', 'active', 'stayed');

CREATE INDEX sanctions_person ON sanctions (person_id) WHERE state IN ('planned', 'active', 'stayed');

CREATE TABLE sanction_accounts (          -- further accounts of a person that a sanction reaches
    decision_id BIGINT NOT NULL REFERENCES sanctions (decision_id),
    user_id     TEXT NOT NULL,
    PRIMARY KEY (decision_id, user_id)
);
CREATE INDEX sanction_accounts_user ON sanction_accounts (user_id);

CREATE TABLE watches (                    -- suspended accounts that are looked at from time to time
    user_id       TEXT PRIMARY KEY,
    look_at       BIGINT NOT NULL,
    count         INTEGER NOT NULL DEFAULT 0, -- how often it was found free since
    counted_since BIGINT,
    free          INTEGER NOT NULL DEFAULT 0  -- whether it was the last time
);
CREATE INDEX watches_due ON watches (look_at);

CREATE TABLE removals (                   -- messages that were removed by a decision
    decision_id BIGINT NOT NULL REFERENCES decisions (id),
    event_id    TEXT NOT NULL,
    room_id     TEXT NOT NULL,
    sender      TEXT NOT NULL,
    PRIMARY KEY (decision_id, event_id)
);
CREATE INDEX removals_sender ON removals (sender);
CREATE INDEX removals_event ON removals (event_id);

CREATE TABLE rechecks (                   -- later decisions that counted one that is void
    decision_id BIGINT NOT NULL REFERENCES decisions (id),
    void_id     BIGINT NOT NULL REFERENCES decisions (id),
    history_was TEXT NOT NULL,
    history_now TEXT NOT NULL,            -- without the void one
    proposed    TEXT NOT NULL,            -- what the ladder proposes now
    lifted      INTEGER NOT NULL,         -- its measure was lifted for that
    found_at    BIGINT NOT NULL,
    closed_at   BIGINT,                   -- a person has looked at it
    closed_by   TEXT,
    reason      TEXT CHECK ((closed_at IS NULL) = (reason IS NULL)),
    PRIMARY KEY (decision_id, void_id)
);
CREATE INDEX rechecks_void ON rechecks (void_id);
CREATE INDEX rechecks_waiting ON rechecks (found_at) WHERE closed_at IS NULL;

CREATE TABLE appeals (                    -- against what was decided: each kind is about one matter
    id           BIGINT PRIMARY KEY,
    kind         TEXT NOT NULL CHECK (kind IN ('decision', 'filing', 'qualification', 'report')),
    about        TEXT NOT NULL CHECK (about IN
        ('decision', 'server', 'rejected', 'revoked', 'outcome', 'caution', 'pause')),
    number       TEXT NOT NULL,           -- what people call it
    case_id      BIGINT REFERENCES cases (id), -- of the decision
    decision_id  BIGINT REFERENCES decisions (id),
    filing_id    BIGINT REFERENCES filings (id), -- also that of the qualification
    qualification_id BIGINT REFERENCES qualifications (id),
    report_id    BIGINT REFERENCES reports (id),
    appellant    TEXT NOT NULL,           -- empty once it is forgotten who it was
    text         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN
        ('submitted', 'upheld', 'modified', 'overturned', 'withdrawn')),
    submitted_at BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,         -- when it should be answered; it calls people, no more
    urgent       TEXT CHECK (urgent IN ('account', 'room', 'ends', 'agreed')),
    pleads       INTEGER NOT NULL DEFAULT 0,
    outside      INTEGER NOT NULL DEFAULT 0,
    rests        INTEGER NOT NULL DEFAULT 0, -- whether the revocation rests meanwhile
    insisted     TEXT NOT NULL DEFAULT '', -- why nothing rests, by two people
    asked_at     BIGINT,                  -- since when it waits for whoever made it
    holder       TEXT,
    lease_until  BIGINT,
    called_at    BIGINT,                  -- when people were called because it is overdue
    reviewer     TEXT,
    reasons      TEXT NOT NULL DEFAULT '',
    decided_at   BIGINT,
    version      INTEGER NOT NULL DEFAULT 1,
    CHECK ((reviewer IS NOT NULL) =
        (state IN ('upheld', 'modified', 'overturned') AND appellant <> '')),
    CHECK ((decision_id IS NOT NULL) = (kind = 'decision') AND (case_id IS NULL) = (decision_id IS NULL)),
    CHECK ((filing_id IS NOT NULL) = (kind IN ('filing', 'qualification'))),
    CHECK ((qualification_id IS NOT NULL) = (kind = 'qualification')),
    CHECK ((report_id IS NOT NULL) = (kind = 'report'))
);
-- Whoever took one back can make it once more, and what was refused wrongly may be refused again by
-- others; else there is one for each.
CREATE UNIQUE INDEX appeals_decision ON appeals (decision_id)
    WHERE state <> 'withdrawn' AND kind = 'decision';
CREATE UNIQUE INDEX appeals_filing ON appeals (filing_id, about)
    WHERE state NOT IN ('withdrawn', 'overturned') AND kind = 'filing';
CREATE UNIQUE INDEX appeals_qualification ON appeals (qualification_id, about)
    WHERE state NOT IN ('withdrawn', 'overturned') AND kind = 'qualification';
CREATE UNIQUE INDEX appeals_report ON appeals (report_id, about)
    WHERE state <> 'withdrawn' AND kind = 'report';
CREATE INDEX appeals_waiting ON appeals (due_at) WHERE state = 'submitted';
CREATE INDEX appeals_case ON appeals (case_id);
CREATE INDEX appeals_against ON appeals (decision_id);
CREATE INDEX appeals_filed ON appeals (filing_id);
CREATE INDEX appeals_qualified ON appeals (qualification_id);
CREATE INDEX appeals_reported ON appeals (report_id);
CREATE INDEX appeals_appellant ON appeals (appellant);

CREATE TABLE appeal_parties (             -- who does not review an appeal: see the triggers at the end
    appeal_id BIGINT NOT NULL REFERENCES appeals (id) ON DELETE CASCADE,
    user_id      TEXT NOT NULL,
    why          TEXT NOT NULL CHECK (why IN
        ('subject', 'decider', 'approver', 'proposer', 'reporter', 'room', 'worker')),
    PRIMARY KEY (appeal_id, user_id, why)
);

CREATE TABLE appeal_words (               -- what was asked, answered and added after it came in
    id        SERIAL_KEY,
    appeal_id BIGINT NOT NULL REFERENCES appeals (id) ON DELETE CASCADE,
    kind      TEXT NOT NULL CHECK (kind IN ('question', 'answer', 'addition', 'joined')),
    author    TEXT NOT NULL,
    text      TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX appeal_words_appeal ON appeal_words (appeal_id);

CREATE TABLE appeal_admissions (          -- who may appeal after the time for it, and why
    kind        TEXT NOT NULL,
    about       TEXT NOT NULL,
    matter      BIGINT NOT NULL,          -- the ID of the decision, filing, qualification or report
    user_id     TEXT NOT NULL,            -- whom it lets in
    admitted_by TEXT NOT NULL,
    reason      TEXT NOT NULL,
    at          BIGINT NOT NULL,
    until       BIGINT NOT NULL,          -- then it goes
    PRIMARY KEY (kind, about, matter)
);

CREATE TABLE appeal_links (               -- by which people appeal who cannot write
    token_hash  TEXT PRIMARY KEY,
    decision_id BIGINT NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    user_id     TEXT NOT NULL,
    made_at     BIGINT NOT NULL
);
CREATE INDEX appeal_links_decision ON appeal_links (decision_id);
CREATE INDEX appeal_links_user ON appeal_links (user_id);

CREATE TABLE evidence_files (             -- shown with a filing or an appeal; what is in them is in the vault
    id        SERIAL_KEY,
    filing_id BIGINT REFERENCES filings (id),
    appeal_id BIGINT REFERENCES appeals (id),
    user_id   TEXT NOT NULL,
    vault_id  TEXT NOT NULL,
    pictures  INTEGER NOT NULL,
    size      BIGINT NOT NULL,
    added_at  BIGINT NOT NULL,
    CHECK ((filing_id IS NULL) <> (appeal_id IS NULL))
);
CREATE INDEX evidence_files_filing ON evidence_files (filing_id);
CREATE INDEX evidence_files_appeal ON evidence_files (appeal_id);
CREATE INDEX evidence_files_user ON evidence_files (user_id);

-- Figures for everybody ------------------------------------------------------------------------------

CREATE TABLE figures (                    -- what happened on a day; counts alone
    day        BIGINT NOT NULL,           -- its first moment, in UTC
    population TEXT NOT NULL,
    cell       TEXT NOT NULL,             -- `table:row`; empty for the whole population
    number     BIGINT NOT NULL,
    PRIMARY KEY (day, population, cell)
);

CREATE TABLE figures_read (               -- how far the audit log is counted
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL
);
INSERT INTO figures_read (one, seq) VALUES (1, 0);

CREATE TABLE publications (               -- the figures of a period as they were published; never changed
    start  BIGINT PRIMARY KEY,
    period TEXT NOT NULL UNIQUE,
    data   TEXT NOT NULL,
    hash   TEXT NOT NULL,                 -- which stands in the audit log, too
    at     BIGINT NOT NULL
);

-- only: sqlite
CREATE TRIGGER publications_no_change BEFORE UPDATE ON publications
    BEGIN SELECT RAISE(ABORT, 'published figures are never changed'); END;
-- only: sqlite
CREATE TRIGGER publications_no_delete BEFORE DELETE ON publications
    BEGIN SELECT RAISE(ABORT, 'published figures are never changed'); END;
-- only: postgres
CREATE FUNCTION publications_stay() RETURNS trigger LANGUAGE plpgsql AS
    $body$ BEGIN RAISE EXCEPTION 'published figures are never changed'; END $body$;
-- only: postgres
CREATE TRIGGER publications_no_change BEFORE UPDATE OR DELETE ON publications
    FOR EACH STATEMENT EXECUTE FUNCTION publications_stay();

CREATE TABLE statement_exports (          -- which statements of reasons were handed over, in which file
    decision_id BIGINT PRIMARY KEY REFERENCES decisions (id) ON DELETE CASCADE,
    file        TEXT NOT NULL,
    at          BIGINT NOT NULL
);

-- The operator -----------------------------------------------------------------------------------

CREATE TABLE licence_reminders (          -- which reminders of which licence were sent
    licence TEXT NOT NULL,
    days    INTEGER NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (licence, days)
);

-- Effects ----------------------------------------------------------------------------------------

CREATE TABLE outbox (
    id         SERIAL_KEY,
    shard      INTEGER NOT NULL,
    lane       TEXT NOT NULL,             -- effects of one lane are performed in order
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL,
    cause      TEXT NOT NULL,             -- what it belongs to: `sanction 3 enforce`, `filing 2`, …
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'dry', 'dead', 'dropped')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    not_before BIGINT NOT NULL,
    queued_at  BIGINT NOT NULL,
    done_at    BIGINT,
    error      TEXT
);
CREATE INDEX outbox_waiting ON outbox (id) WHERE state = 'waiting';
CREATE INDEX outbox_entering ON outbox (id) WHERE state = 'waiting' AND kind = 'JoinRoom';
CREATE INDEX outbox_cause ON outbox (cause);
CREATE INDEX outbox_dead ON outbox (lane) WHERE state = 'dead';
CREATE INDEX outbox_texts ON outbox (queued_at) WHERE state <> 'waiting' AND data <> '{}';

CREATE TABLE shards (
    shard INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    fence BIGINT NOT NULL,
    until BIGINT NOT NULL
);

CREATE TABLE observed (                   -- what was there before a standing effect
    target TEXT PRIMARY KEY,
    before TEXT NOT NULL,
    at     BIGINT NOT NULL
);

-- Audit: a chain that only grows -------------------------------------------------------------------

CREATE TABLE audit (
    seq        BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    veil       TEXT NOT NULL,             -- under which the actor's fingerprint is sealed
    tag        TEXT NOT NULL,
    object     TEXT NOT NULL,
    commitment TEXT NOT NULL,             -- HMAC-SHA256(salt, payload)
    hash       TEXT NOT NULL              -- of all this together with the hash of the entry before
);

CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_object ON audit (object);

CREATE TABLE audit_payloads (             -- may be shredded: the chain holds without it
    seq     BIGINT PRIMARY KEY REFERENCES audit (seq),
    salt    TEXT NOT NULL,
    payload TEXT NOT NULL
);

CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  BIGINT NOT NULL,
    hash TEXT NOT NULL,
    edge TEXT NOT NULL                    -- the hashes at the right edge of the tree, the greatest first
);
INSERT INTO audit_head (one, seq, hash, edge) VALUES (1, 0, '', '');

CREATE TABLE audit_nodes (                -- full subtrees of 2^level entries, counted from the left
    level INTEGER NOT NULL,
    place BIGINT NOT NULL,
    hash  TEXT NOT NULL,
    PRIMARY KEY (level, place)
);

CREATE TABLE checkpoints (                -- what was signed: the log was so long, under that root
    size BIGINT PRIMARY KEY,
    note TEXT NOT NULL
);

CREATE TABLE checkpointing (              -- one process signs at a time
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    shown   BIGINT NOT NULL,              -- the size of the last one that was posted
    trouble TEXT NOT NULL                 -- why none is signed; empty if all is well
);
INSERT INTO checkpointing (one, shown, trouble) VALUES (1, 0, '');

-- only: sqlite
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
-- only: sqlite
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
-- only: sqlite
CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
-- only: sqlite
CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
-- only: postgres
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $body$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $body$;
-- only: postgres
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
-- only: postgres
CREATE TRIGGER checkpoints_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();

-- Who had a part in a matter does not review it; nor does anybody before it is written down who had.
-- only: sqlite
CREATE TRIGGER appeals_apart_insert BEFORE INSERT ON appeals WHEN NEW.reviewer IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'the reviewer had a part in the matter') WHERE NOT EXISTS
    (SELECT 1 FROM appeal_parties p WHERE p.appeal_id = NEW.id) OR EXISTS
    (SELECT 1 FROM appeal_parties p WHERE p.appeal_id = NEW.id AND p.user_id = NEW.reviewer); END;
-- only: sqlite
CREATE TRIGGER appeals_apart_update BEFORE UPDATE ON appeals WHEN NEW.reviewer IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'the reviewer had a part in the matter') WHERE NOT EXISTS
    (SELECT 1 FROM appeal_parties p WHERE p.appeal_id = NEW.id) OR EXISTS
    (SELECT 1 FROM appeal_parties p WHERE p.appeal_id = NEW.id AND p.user_id = NEW.reviewer); END;
-- only: postgres
CREATE FUNCTION appeals_apart() RETURNS trigger LANGUAGE plpgsql AS
    $body$ BEGIN IF NEW.reviewer IS NOT NULL AND (NOT EXISTS
    (SELECT 1 FROM appeal_parties p WHERE p.appeal_id = NEW.id) OR EXISTS
    (SELECT 1 FROM appeal_parties p WHERE p.appeal_id = NEW.id AND p.user_id = NEW.reviewer))
    THEN RAISE EXCEPTION 'the reviewer had a part in the matter' USING ERRCODE = 'check_violation'; END IF;
    RETURN NEW; END $body$;
-- only: postgres
CREATE TRIGGER appeals_apart BEFORE INSERT OR UPDATE ON appeals
    FOR EACH ROW EXECUTE FUNCTION appeals_apart();
