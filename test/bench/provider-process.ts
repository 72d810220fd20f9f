import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { GuardedProcess } from "../servers/guarded-process.ts";
import type { BenchVault } from "./vault.ts";

const startLimit = 20_000;

/** The parameters with which `claviger serve` serves the vault dialect from this Vault, with its files in `directory`. */
export function serveParameters(directory: string, vault: BenchVault): readonly string[] {
	const policy = join(directory, "policy.yaml");
	const keys = join(directory, "token-keys.json");
	const dialects = `dialects: {vault: {address: "${vault.address}", authMount: jwt}}`;
	const endpoints = JSON.stringify([vault.address, ...(vault.neighbours ?? [])]);
	writeFileSync(policy, `profile: strict\nendpoints: ${endpoints}\n${dialects}\n`);
	writeFileSync(keys, JSON.stringify(vault.issuer.keys));
	const files = ["--socket-dir", directory, "--policy", policy, "--token-keys", keys];
	return ["serve", ...files, "--providers", "vault", "--http", "127.0.0.1:0", "--log-level", "warn"];
}

/** Waits until a server's socket is there, closely enough to time a start by it. */
export async function waitForSocket(socket: string, server: GuardedProcess): Promise<void> {
	const deadline = Date.now() + startLimit;
	while (!existsSync(socket)) {
		if (!server.alive || Date.now() > deadline) throw new Error(`the server did not start:\n${server.log()}`);
		await delay(1);
	}
}
