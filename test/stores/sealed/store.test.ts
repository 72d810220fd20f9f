import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { maximumValueLength } from "../../../provider/cli/seal/plaintext.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { testStore } from "../store-test.ts";
import { Installation } from "./support.ts";

const web = { namespace: "shop", serviceAccount: "web" };

/** Each value has a key of its own here, so that taking the key away removes the one value. */
testStore("sealed", async (t) => {
	const installation = new Installation(t);
	const { directory } = installation;
	installation.addKey("usual");
	const sealed = new Map<string, string>();
	// The store is asked for names that nobody has put: a value whose key was taken away is there, and can be had by nobody.
	const lost = await installation.seal("lost", "lost", { ...web, kind: "serviceAccount", object: "" });
	installation.removeKey("lost");
	const keyOf = (name: string) => createHash("sha256").update(name).digest("hex");
	return {
		issuer: await createTokenIssuer(),
		audience: "claviger",
		policy: installation.policy(),
		reader: web,
		stranger: { ...web, serviceAccount: "stranger" },
		addresses: [],
		async put(name, value) {
			sealed.set(name, await installation.seal(keyOf(name), value, { ...web, kind: "serviceAccount", object: "" }));
		},
		remove: async (name) => installation.removeKey(keyOf(name)),
		object: (name) => ({ sealed: sealed.get(name) ?? lost }),
		unicodeNames: ["größe", "ключ"],
		bigBytes: maximumValueLength,
		async breakDown() {
			renameSync(directory, `${directory}.away`);
			return async () => renameSync(`${directory}.away`, directory);
		},
	};
});
