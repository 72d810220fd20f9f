import type { ExecutionContext } from "ava";
import { type Credential, startConfidant } from "../../servers/confidant/confidant.ts";
import type { StoreFixture } from "../store-test.ts";
import { addRole, entryAt, issuer } from "./harness.ts";

const service = "web";

/** Confidant for the shared store test. Bytes are kept in base64, because a pair holds a text. The stranger may not log in as the role. */
export async function openConfidantFixture(t: ExecutionContext<unknown>): Promise<StoreFixture> {
	const confidant = await startConfidant(t);
	const role = addRole(confidant, service);
	const credentials = new Map<string, Credential>();
	await confidant.putService(service, []);
	return {
		issuer,
		audience: "sts.amazonaws.com",
		policy: JSON.stringify({ stores: { main: entryAt(confidant, { role }) } }),
		reader: { namespace: "shop", serviceAccount: service },
		stranger: { namespace: "shop", serviceAccount: "stranger" },
		addresses: confidant.hosts,
		async put(name, value) {
			const pairs = { [keyOf(name)]: value.toString("base64") };
			const known = credentials.get(name);
			if (known !== undefined) {
				credentials.set(name, await confidant.changeCredential(known, { pairs }));
				return;
			}
			credentials.set(name, await confidant.createCredential(name, pairs));
			await confidant.putService(service, [...credentials.values()]);
		},
		async remove(name) {
			credentials.delete(name);
			await confidant.putService(service, [...credentials.values()]);
		},
		object: (name) => ({ credential: name, key: keyOf(name), decode: "base64" }),
		unicodeNames: ["größe", "秘密", "пароль", "with space", "a:b/c"],
		bigBytes: 64 * 1024,
		async breakDown() {
			confidant.front.misbehave({ kind: "status", status: 500, body: '{"error": "Decryption error."}' });
			return async () => confidant.front.misbehave(undefined);
		},
		async hang() {
			confidant.front.misbehave({ kind: "hang" });
			return { openRequests: () => confidant.front.openRequests(), release: async () => confidant.front.misbehave(undefined) };
		},
	};
}

/** A key of its own for each credential, as Confidant wants it of those of one service. */
function keyOf(name: string): string {
	return `key_${Buffer.from(name).toString("hex")}`;
}
