import { writeFileSync } from "node:fs";
import { makePod, mountAttributes } from "../support/pods.ts";
import type { TokenIssuer } from "../support/token-issuer.ts";

/** As many pods as a node may hold. */
export const podsOfNode = 110;

/** The attributes of one pod's Mount of the first `objects` secrets, in the vault dialect. */
export async function podAttributes(issuer: TokenIssuer, objects: number, serviceAccount = "web"): Promise<Record<string, string>> {
	const pod = makePod({ serviceAccount });
	const list = Array.from(
		{ length: objects },
		(_, index) => `- {objectName: "file-${index}", secretPath: "secret/data/bench/${index}", secretKey: value}`,
	);
	return mountAttributes(pod, { roleName: "bench", objects: list.join("\n") }, { vault: await issuer.token(pod, { audience: "vault" }) });
}

/** Writes the attributes of a node full of pods, each with its own token, all of one service account. */
export async function writeAttributes(file: string, issuer: TokenIssuer, objects: number): Promise<void> {
	const pods = await Promise.all(Array.from({ length: podsOfNode }, () => podAttributes(issuer, objects)));
	writeFileSync(file, JSON.stringify(pods));
}
