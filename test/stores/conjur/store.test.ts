import type { ExecutionContext } from "ava";
import { audience, letIn, openSite } from "../../servers/conjur/site.ts";
import { type StoreFixture, testStore } from "../store-test.ts";
import { storeFields } from "./harness.ts";

const reader = { namespace: "shop", serviceAccount: "web" };
const stranger = { namespace: "shop", serviceAccount: "stranger" };

async function open(t: ExecutionContext<unknown>): Promise<StoreFixture> {
	const { conjur, issuer } = await openSite(t);
	const host = letIn(conjur, reader);
	letIn(conjur, stranger);
	return {
		issuer,
		audience,
		policy: JSON.stringify({ stores: { main: storeFields(conjur) } }),
		reader,
		stranger,
		addresses: [new URL(conjur.address).host],
		async put(name, value) {
			conjur.variables.set(`shop/${name}`, value);
			conjur.policy.permit(host, ["read", "execute"], `variable:shop/${name}`);
		},
		async remove(name) {
			conjur.variables.delete(`shop/${name}`);
		},
		object: (name) => ({ path: `shop/${name}` }),
		// All that a query and a path must encode; a comma cannot stand in a batch.
		unicodeNames: ["größe", "秘密", "with space", "a:b@c+d%2F?x=1&y#z", "one,two", "'quoted\"", "🔑"],
		bigBytes: 1024 * 1024,
		async breakDown() {
			const end = conjur.faults.add({ kind: "status", status: 503 });
			return async () => end();
		},
		async hang() {
			const end = conjur.faults.add({ kind: "hang" });
			return { openRequests: () => conjur.openRequests(), release: async () => end() };
		},
	};
}

testStore("conjur", open);
