/** The layout of the tables, kept in the database's `user_version`. */
export const schemaVersion = 1;

/**
 * | table | holds |
 * |---|---|
 * | `store` | one row: the store's id and the known answer that proves the unseal key; the seal over the bindings |
 * | `keks` | the key-encryption keys, sealed by the unseal key |
 * | `secrets` | each name's current version; stays after deletion, so that no version number is used twice |
 * | `versions` | the kept versions of each secret |
 * | `parts` | the sealed pieces of each version, each with its own sealed key |
 * | `bindings` | who may mount what |
 * | `audit` | every administrative act, hash-chained |
 *
 * `secrets` has its rowid and an index on purpose: a name that one of them lost to damage is still in the other.
 */
export const schema = `
CREATE TABLE store (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	store_id TEXT NOT NULL,
	known_answer BLOB NOT NULL,
	checksum BLOB NOT NULL,
	bindings_seal BLOB NOT NULL
) STRICT;
CREATE TABLE keks (
	generation INTEGER PRIMARY KEY,
	state TEXT NOT NULL,
	sealed BLOB NOT NULL,
	wraps INTEGER NOT NULL,
	created TEXT NOT NULL
) STRICT;
CREATE TABLE secrets (
	id INTEGER PRIMARY KEY,
	namespace TEXT NOT NULL,
	name TEXT NOT NULL,
	current INTEGER NOT NULL,
	state TEXT NOT NULL,
	seal BLOB NOT NULL,
	UNIQUE (namespace, name)
) STRICT;
CREATE TABLE versions (
	secret INTEGER NOT NULL REFERENCES secrets (id),
	version INTEGER NOT NULL,
	content TEXT NOT NULL,
	layout TEXT NOT NULL,
	state TEXT NOT NULL,
	created TEXT NOT NULL,
	actor TEXT NOT NULL,
	PRIMARY KEY (secret, version)
) STRICT;
CREATE TABLE parts (
	id INTEGER PRIMARY KEY,
	secret INTEGER NOT NULL,
	version INTEGER NOT NULL,
	ordinal INTEGER NOT NULL,
	member TEXT NOT NULL,
	origin INTEGER NOT NULL,
	kek INTEGER NOT NULL REFERENCES keks (generation),
	wrapped_key BLOB NOT NULL,
	sealed BLOB NOT NULL,
	UNIQUE (secret, version, ordinal),
	FOREIGN KEY (secret, version) REFERENCES versions (secret, version) ON DELETE CASCADE
) STRICT;
CREATE INDEX parts_by_kek ON parts (kek, id);
CREATE TABLE bindings (
	id INTEGER PRIMARY KEY,
	pod_namespace TEXT NOT NULL,
	service_account TEXT NOT NULL,
	namespace TEXT NOT NULL,
	pattern TEXT NOT NULL,
	expires TEXT,
	created TEXT NOT NULL,
	actor TEXT NOT NULL,
	seal BLOB NOT NULL,
	UNIQUE (pod_namespace, service_account, namespace, pattern)
) STRICT;
CREATE TABLE audit (
	sequence INTEGER PRIMARY KEY,
	time TEXT NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	object TEXT NOT NULL,
	version INTEGER,
	previous BLOB NOT NULL,
	hash BLOB NOT NULL
) STRICT;
PRAGMA user_version = ${schemaVersion};
`;
