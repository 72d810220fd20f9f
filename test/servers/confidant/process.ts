import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AwsCredentials } from "../aws/sessions.ts";
import { type GuardedProcess, startGuarded } from "../guarded-process.ts";
import { pythonProgram } from "../python-program.ts";

export interface ConfidantSettings {
	/** Where KMS is. */
	readonly keyService: string;
	/** Where DynamoDB is. */
	readonly database: string;
	/** A table of its own, made when it is not there. */
	readonly table: string;
	readonly region: string;
	readonly credentials: AwsCredentials;
	/** Aliases of the keys. */
	readonly keys: Readonly<Record<"atRest" | "authentication" | "userAuthentication", string>>;
	/** Accounts by the aliases of the keys that their services authenticate with. */
	readonly scopedKeys: Readonly<Record<string, string>>;
	/** What it calls itself in the context of tokens. */
	readonly context: string;
	/** More of Confidant's own settings, such as `KMS_MINIMUM_TOKEN_VERSION`. */
	readonly environment: Readonly<Record<string, string>>;
}

export interface ConfidantProcess {
	readonly address: string;
	/** The end of its log. */
	log(): string;
	stop(): Promise<void>;
}

const startMilliseconds = 120_000;

/** Starts the server and waits until it answers. */
export async function startConfidantProcess(settings: ConfidantSettings): Promise<ConfidantProcess> {
	const program = await pythonProgram("confidant");
	const directory = mkdtempSync(join(tmpdir(), "clv-confidant-"));
	const logFile = join(directory, "log");
	// The tests' own clients keep connections for longer than gunicorn does by itself, and would meet one that it just closes.
	// Its own limit of 30 s for loading the application is near on a machine that is full of tests.
	const parameters = ["server:app", "--chdir", import.meta.dirname, "--worker-class", "gevent", "--keep-alive", "75", "--timeout", "120"];
	const server = startGuarded(program, [...parameters, "--bind", "127.0.0.1:0", "--no-control-socket"], {
		logFile,
		environment: environmentOf(settings),
	});
	const stop = async () => {
		await server.stop();
		rmSync(directory, { recursive: true, force: true });
	};
	try {
		const address = await answeringAddress(server, logFile);
		return { address, stop, log: () => server.log() };
	} catch (error) {
		await stop();
		throw error;
	}
}

async function answeringAddress(server: GuardedProcess, logFile: string): Promise<string> {
	const end = Date.now() + startMilliseconds;
	while (server.alive && Date.now() < end) {
		const address = /Listening at: (http:\/\/127\.0\.0\.1:\d+)/.exec(readFileSync(logFile, "utf8"))?.[1];
		// The address is open before the application is loaded, and answers when it is.
		if (address !== undefined) {
			const answer = await fetch(`${address}/healthcheck`, { signal: AbortSignal.timeout(startMilliseconds) }).catch(() => undefined);
			await answer?.bytes();
			if (answer?.status === 200) return address;
		}
		await delay(20);
	}
	throw new Error(`Confidant did not start: ${server.log()}`);
}

function environmentOf(settings: ConfidantSettings): Readonly<Record<string, string>> {
	const { credentials, keys, region, table } = settings;
	return {
		...pythonEnvironment(credentials, region),
		KMS_URL: settings.keyService,
		DYNAMODB_URL: settings.database,
		DYNAMODB_TABLE: table,
		DYNAMODB_TABLE_ARCHIVE: `${table}-archive`,
		DYNAMODB_CREATE_TABLE: "true",
		KMS_MASTER_KEY: keys.atRest,
		AUTH_KEY: keys.authentication,
		USER_AUTH_KEY: keys.userAuthentication,
		SCOPED_AUTH_KEYS: JSON.stringify(settings.scopedKeys),
		AUTH_CONTEXT: settings.context,
		KMS_AUTH_USER_TYPES: "user,service",
		KMS_AUTH_MANAGE_GRANTS: "false",
		BACKGROUND_CACHE_IAM_ROLES: "false",
		SSLIFY: "false",
		SESSION_SECRET: "of the test",
		STATSD_HOST: "127.0.0.1",
		...patience,
		...settings.environment,
	};
}

/** Its own limits are of one second, which a machine that is full of tests exceeds. */
const patience = {
	KMS_CONNECTION_TIMEOUT: "20",
	KMS_READ_TIMEOUT: "20",
	PYNAMO_CONNECT_TIMEOUT_SECONDS: "20",
	PYNAMO_READ_TIMEOUT_SECONDS: "20",
} as const;

/** What keeps Python and the AWS library off the account, network and folders of the person who runs the tests. */
function pythonEnvironment(credentials: AwsCredentials, region: string): Readonly<Record<string, string>> {
	return {
		AWS_ACCESS_KEY_ID: credentials.accessKeyId,
		AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
		AWS_DEFAULT_REGION: region,
		AWS_CONFIG_FILE: "/dev/null",
		AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
		AWS_EC2_METADATA_DISABLED: "true",
		NO_PROXY: "127.0.0.1",
		no_proxy: "127.0.0.1",
		// The checkout stays clean of what Python compiles of server.py.
		PYTHONDONTWRITEBYTECODE: "1",
	};
}
