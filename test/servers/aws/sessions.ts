import { randomBytes } from "node:crypto";

/** Keys that requests are signed with. */
export interface AwsCredentials {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	/** Absent of keys without an end. */
	readonly sessionToken?: string;
}

export interface AwsSession extends AwsCredentials {
	/** The ARN of the role, or of the user that owns keys without an end. */
	readonly role: string;
	readonly name: string;
	/** Milliseconds since 1970; absent of keys without an end. */
	readonly expiresAt?: number;
}

/** Who holds which keys. */
export class Sessions {
	readonly #byKey = new Map<string, AwsSession>();
	readonly #ended = new Set<string>();

	issue(role: string, name: string, seconds: number): AwsSession & { readonly sessionToken: string; readonly expiresAt: number } {
		const session = {
			...newKeys("ASIA"),
			sessionToken: randomBytes(240).toString("base64"),
			role,
			name,
			expiresAt: Date.now() + seconds * 1000,
		};
		this.#byKey.set(session.accessKeyId, session);
		return session;
	}

	/** Keys of a user, as people have on their workstations. */
	issueWithoutEnd(user: string): AwsSession {
		const session = { ...newKeys("AKIA"), role: user, name: "" };
		this.#byKey.set(session.accessKeyId, session);
		return session;
	}

	find(accessKeyId: string): AwsSession | undefined {
		return this.#byKey.get(accessKeyId);
	}

	hasEnded({ accessKeyId, expiresAt = Number.POSITIVE_INFINITY }: AwsSession): boolean {
		return this.#ended.has(accessKeyId) || expiresAt <= Date.now();
	}

	/** Ends the sessions of a role now, or all. Keys without an end stay. */
	end(role?: string): void {
		for (const session of this.#byKey.values()) {
			if (session.sessionToken !== undefined && (role ?? session.role) === session.role) this.#ended.add(session.accessKeyId);
		}
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function newKeys(prefix: "ASIA" | "AKIA"): Pick<AwsCredentials, "accessKeyId" | "secretAccessKey"> {
	const id = [...randomBytes(16)].map((byte) => alphabet[byte % alphabet.length]).join("");
	return { accessKeyId: `${prefix}${id}`, secretAccessKey: randomBytes(30).toString("base64") };
}
