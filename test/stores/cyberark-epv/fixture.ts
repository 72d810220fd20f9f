import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { type Ccp, startCcp } from "../../servers/cyberark/ccp.ts";
import type { ClientCertificate } from "../../servers/cyberark/certificates.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import type { StoreFixture } from "../store-test.ts";

/** The administrator's files for a server: its authority and a client certificate. */
export interface Files {
	readonly caFile: string;
	readonly clientCertificateFile: string;
	readonly clientKeyFile: string;
}

/** Writes what a store of the policy file names. It can be written again. */
export function writeFiles(directory: string, ccp: Ccp, { certificate, key }: ClientCertificate): Files {
	mkdirSync(directory, { recursive: true });
	const file = (name: string) => join(directory, name);
	const files = { caFile: file("ca.pem"), clientCertificateFile: file("tls.crt"), clientKeyFile: file("tls.key") };
	writeFileSync(files.caFile, ccp.authority);
	writeFileSync(files.clientCertificateFile, certificate);
	writeFileSync(files.clientKeyFile, key);
	return files;
}

/** The Central Credential Provider for the shared store test, as the administrator's list has it. */
export async function openCyberArkFixture(t: ExecutionContext<unknown>): Promise<StoreFixture> {
	const [ccp, issuer] = await Promise.all([startCcp(t), createTokenIssuer()]);
	const shop = ccp.certificates.issue("shop");
	ccp.applications.add("reader", { serials: [shop.serial] });
	// An application of somebody else's certificate.
	ccp.applications.add("stranger", { serials: ["00"] });
	ccp.safes.add("DB", { members: ["reader"] });
	const applications = ["reader", "stranger"].map((name) => ({ appId: name, serviceAccounts: [`shop/${name}`] }));
	const main = { type: "cyberark-epv", address: ccp.address, applications, ...writeFiles(temporaryDirectory(t), ccp, shop) };
	return {
		issuer,
		audience: "nobody-asks-for-a-token",
		policy: JSON.stringify({ profile: "strict", stores: { main } }),
		reader: { namespace: "shop", serviceAccount: "reader" },
		stranger: { namespace: "shop", serviceAccount: "stranger" },
		addresses: [new URL(ccp.address).host],
		// The web service has texts only.
		put: async (name, value) => ccp.accounts.put({ safe: "DB", name, content: value.toString("base64") }),
		remove: async (name) => ccp.accounts.remove({ safe: "DB", name }),
		object: (name) => ({ safe: "DB", object: name, decode: "base64" }),
		unicodeNames: ["Überweisung", "数据库", "a b+c=d#e?f", "it's {odd}, ~really"],
		bigBytes: 256 * 1024,
		async breakDown() {
			ccp.vault.isDown = true;
			return async () => {
				ccp.vault.isDown = false;
			};
		},
		async hang() {
			const end = ccp.faults.add({ kind: "hang" });
			return { openRequests: () => ccp.openRequests(), release: async () => end() };
		},
	};
}
