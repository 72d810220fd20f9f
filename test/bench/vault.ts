import { enableJwt, enableKv, startVault, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";
import { createTokenIssuer, type TokenIssuer } from "../support/token-issuer.ts";

/** Size of one secret's value, in bytes. */
export const secretBytes = 1024;
const secretCount = 10;

/** A real Vault with JWT login for the issuer's tokens, and ten secrets at secret/data/bench/0 and on. */
export interface BenchVault {
	readonly address: string;
	readonly issuer: TokenIssuer;
	/** Further addresses that the provider may ask. */
	readonly neighbours?: readonly string[];
	stop(): Promise<void>;
}

export async function startBenchVault(): Promise<BenchVault> {
	const vault = await startVault(undefined);
	try {
		const issuer = await createTokenIssuer();
		await enableKv(vault, "secret", 2);
		await writePolicy(vault, "bench", { "secret/data/bench/*": ["read"] });
		await enableJwt(vault, issuer);
		await writeJwtRole(vault, { name: "bench", policies: ["bench"], fields: { token_ttl: "1h" } });
		for (let index = 0; index < secretCount; index += 1) {
			await vault.api("POST", `secret/data/bench/${index}`, { data: { value: `${index}`.padEnd(secretBytes, "x") } });
		}
		return { address: vault.address, issuer, stop: () => vault.stop() };
	} catch (error) {
		await vault.stop();
		throw error;
	}
}
